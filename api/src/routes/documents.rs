//! `/documents`, and `/projects/{projectId}/documents`.

mod body;
mod create;
mod delete;
mod get;
mod list;
mod restore;
mod snapshot;
mod update;

use std::sync::Arc;

use http::HeaderName;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Api;

/// The epoch of a snapshot.
pub const X_GLASSBOX_EPOCH: HeaderName = HeaderName::from_static("x-glassbox-epoch");
/// The place in the document's log that a snapshot was taken at.
pub const X_GLASSBOX_SEQ: HeaderName = HeaderName::from_static("x-glassbox-seq");

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(list::handler, create::handler))
        .routes(routes!(get::handler, update::handler, delete::handler))
        .routes(routes!(restore::handler))
        .routes(routes!(snapshot::handler))
}
