//! What documents were, who made them so, and how to bring it back.

mod attributions;
pub(super) mod authors;
mod blame;
mod diff;
mod edit;
mod place;
mod prune;
mod restore;
mod sessions;
mod state;
mod summary;
mod texts;
mod undo;
mod versions;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Api;

pub(crate) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(summary::handler))
        .routes(routes!(sessions::handler))
        .routes(routes!(state::handler))
        .routes(routes!(attributions::handler))
        .routes(routes!(diff::handler))
        .routes(routes!(blame::handler))
        .routes(routes!(restore::handler))
        .routes(routes!(undo::handler))
        .routes(routes!(prune::handler))
        .routes(routes!(versions::list, versions::create))
        .routes(routes!(versions::rename, versions::delete))
}
