//! `/nodes` with its inputs and outputs, and `/projects/{projectId}/nodes`.

mod body;
mod create;
mod delete;
mod get;
mod item;
mod items;
mod list;
mod update;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Api;

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(list::handler, create::handler))
        .routes(routes!(get::handler, update::handler, delete::handler))
        .routes(routes!(items::add::input))
        .routes(routes!(items::add::output))
        .routes(routes!(items::update::input, items::remove::input))
        .routes(routes!(items::update::output, items::remove::output))
}
