//! For machines that watch the server: is it alive, is it ready for requests, what does it measure.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use platform::bus::BusState;
use platform::metrics::METRICS_CONTENT_TYPE;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Api;

/// How long the database may take to answer before it counts as down.
const PING_TIMEOUT: Duration = Duration::from_secs(2);

/// Whether something works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Working {
    /// It does.
    Up,
    /// It does not.
    Down,
}

/// Whether requests can be served, and how well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// All is well.
    Up,
    /// They can, and something that speeds them up is gone.
    Degraded,
    /// They cannot.
    Down,
}

/// That the process runs.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// Always `up`.
    status: Working,
}

/// Whether requests can be served, and on what it depends.
#[derive(Debug, Serialize, ToSchema)]
pub struct Readiness {
    /// `up` when everything below is; `degraded` when only the bus is not.
    status: Status,
    /// What the server needs.
    dependencies: Dependencies,
}

/// What the server needs.
#[derive(Debug, Serialize, ToSchema)]
pub struct Dependencies {
    /// Answers queries.
    database: Working,
    /// Carries edits between instances. While it is down, they go through the database, and later.
    bus: Working,
    /// Takes new requests; not so once it is stopping.
    server: Working,
}

impl Working {
    const fn of(works: bool) -> Self {
        if works { Self::Up } else { Self::Down }
    }
}

/// Is the process alive?
///
/// Asks nothing but the process itself: restart it when there is no answer.
#[utoipa::path(get, path = "/health", tag = "operation", security(()),
    responses((status = OK, description = "It is.", body = Health)))]
async fn health() -> Json<Health> {
    Json(Health { status: Working::Up })
}

/// Can requests be served?
///
/// They can while the status is `degraded`. Send no requests here while the answer is 503.
#[utoipa::path(get, path = "/ready", tag = "operation", security(()),
    responses(
        (status = OK, description = "They can.", body = Readiness),
        (status = SERVICE_UNAVAILABLE, description = "Not now.", body = Readiness),
    ))]
async fn ready(State(api): State<Arc<Api>>) -> (StatusCode, Json<Readiness>) {
    let ping = tokio::time::timeout(PING_TIMEOUT, api.db.ping()).await;
    let database = Working::of(matches!(ping, Ok(Ok(()))));
    let bus = Working::of(*api.bus.state().borrow() == BusState::Up);
    let server = Working::of(!api.lifecycle.leaving().is_cancelled());
    let (code, status) = match (database, server, bus) {
        (Working::Up, Working::Up, Working::Up) => (StatusCode::OK, Status::Up),
        (Working::Up, Working::Up, Working::Down) => (StatusCode::OK, Status::Degraded),
        _ => (StatusCode::SERVICE_UNAVAILABLE, Status::Down),
    };
    (code, Json(Readiness { status, dependencies: Dependencies { database, bus, server } }))
}

/// What the server measures, in the OpenMetrics text format.
#[utoipa::path(get, path = "/metrics", tag = "operation", security(()),
    responses((status = OK, description = "All metrics.", body = String, content_type = "application/openmetrics-text")))]
async fn metrics(State(api): State<Arc<Api>>) -> Response {
    ([(CONTENT_TYPE, METRICS_CONTENT_TYPE)], api.metrics.encode()).into_response()
}

pub(crate) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(health)).routes(routes!(ready)).routes(routes!(metrics))
}
