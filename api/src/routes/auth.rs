//! `/auth`: tokens.

mod dev_token;
mod ws_token;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Api;

pub(crate) use dev_token::development_identity;

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(dev_token::handler)).routes(routes!(ws_token::handler))
}
