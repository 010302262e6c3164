//! `/documents`, and `/projects/{projectId}/documents`.

mod create;
mod snapshot;

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
    OpenApiRouter::new().routes(routes!(create::handler)).routes(routes!(snapshot::handler))
}
