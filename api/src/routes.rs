//! The endpoints.

pub mod api_keys;
pub mod auth;
pub mod documents;
mod edges;
pub mod events;
mod executions;
mod files;
pub mod history;
pub mod invitations;
pub(crate) mod locks;
pub(crate) mod models;
pub mod nodes;
pub mod notifications;
pub mod organizations;
pub mod projects;
mod search;
mod templates;
pub mod users;
pub mod webhooks;

use std::sync::Arc;

use axum::routing::any;
use utoipa_axum::router::OpenApiRouter;

use crate::problem::{Code, Problem};
use crate::{Api, BASE_PATH, health, openapi, reference};

/// All routes, with their descriptions.
pub(crate) fn all() -> OpenApiRouter<Arc<Api>> {
    let v1 = OpenApiRouter::new()
        .merge(auth::routes())
        .merge(users::routes())
        .merge(organizations::routes())
        .merge(invitations::routes())
        .merge(api_keys::routes())
        .merge(projects::routes())
        .merge(nodes::routes())
        .merge(edges::routes())
        .merge(locks::routes())
        .merge(templates::routes())
        .merge(documents::routes())
        .merge(history::routes())
        .merge(events::routes())
        .merge(notifications::routes())
        .merge(webhooks::routes())
        .merge(executions::routes())
        .merge(models::routes())
        .merge(files::routes())
        .merge(search::routes())
        .merge(openapi::routes())
        .merge(reference::routes())
        .fallback(not_found);
    OpenApiRouter::with_openapi(openapi::preamble())
        .merge(health::routes())
        .nest(BASE_PATH, v1)
        // The one address below it that nesting leaves out.
        .route(&format!("{BASE_PATH}/"), any(not_found))
}

/// The routes of an instance that does not serve the interface.
pub(crate) fn operation() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().merge(health::routes()).fallback(async || Problem::new(Code::ServedByApi))
}

/// The addresses of sockets on an instance that serves none.
pub(crate) fn sockets_elsewhere() -> OpenApiRouter<Arc<Api>> {
    let elsewhere = || any(async || Problem::new(Code::ServedBySync));
    OpenApiRouter::new()
        .route("/ws", elsewhere())
        .route("/yjs/{document}", elsewhere())
        .route("/hocuspocus", elsewhere())
}

async fn not_found() -> Problem {
    Problem::new(Code::NotFound)
        .detail("There is no such endpoint. The endpoints are described at /api/v1/openapi.json.")
}

pub(crate) async fn method_not_allowed() -> Problem {
    Problem::new(Code::MethodNotAllowed)
}
