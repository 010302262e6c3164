//! `/nodes` with its inputs and outputs, and `/projects/{projectId}/nodes`.

pub(in crate::routes) mod body;
mod children;
mod context;
mod create;
mod delete;
mod dependencies;
mod get;
mod item;
mod items;
mod list;
mod proposals;
mod restore;
mod update;
mod versions;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Api;

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(list::handler, create::handler))
        .routes(routes!(get::handler, update::handler, delete::handler))
        .routes(routes!(restore::handler))
        .routes(routes!(children::handler))
        .routes(routes!(dependencies::handler))
        .routes(routes!(context::handler))
        .routes(routes!(items::list::inputs, items::add::input))
        .routes(routes!(items::list::outputs, items::add::output))
        .routes(routes!(items::order::inputs))
        .routes(routes!(items::order::outputs))
        .routes(routes!(items::get::input, items::update::input, items::remove::input))
        .routes(routes!(items::get::output, items::update::output, items::remove::output))
        .routes(routes!(proposals::list))
        .routes(routes!(proposals::accept))
        .routes(routes!(proposals::reject))
        .routes(routes!(versions::list))
        .routes(routes!(versions::get))
        .routes(routes!(versions::roll_back))
}
