//! The REST interface, under `/api/v1`: what people and programs do that is no live editing.
//!
//! | module | subject |
//! |---|---|
//! | [`routes`] | the endpoints, a file each, with their requests, answers and errors |
//! | [`problem`] | errors, as RFC 9457 problems with stable codes |
//! | [`observe`](crate) | what happens around every request: id, log line, panics |
//! | [`authenticate`], [`access`] | who calls, and what they may do |
//! | [`content`] | reading and editing living documents |
//! | [`extract`], [`fields`], [`pagination`], [`etag`], [`idempotency`] | reading requests |
//! | `document_form` | the forms in which documents are read |
//! | [`openapi`] | the description of all of it, `OpenAPI` 3.1 |
//! | `reference` | the same, as a page to read |
//! | `rate_limit` | how often callers may do something |
//! | [`health`] | for machines that watch: live, ready, metrics |
//! | [`demo`] | a project to look at |
//!
//! What concerns a document's content goes through [`Documents`], like a keystroke.

pub mod access;
pub mod authenticate;
pub mod content;
mod cors;
pub mod demo;
mod document_form;
pub mod etag;
pub mod extract;
pub mod fields;
pub mod health;
pub mod idempotency;
pub mod merge;
mod metrics;
mod observe;
pub mod openapi;
pub mod pagination;
pub mod problem;
mod rate_limit;
mod reference;
mod request_id;
pub mod routes;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::{Extension, Router};
use documents::Documents;
use platform::access::AccessNews;
use platform::auth::Authenticator;
use platform::blob::BlobStore;
use platform::bus::Bus;
use platform::clock::Clock;
use platform::config::{AgentsConfig, FilesConfig, Mode, Role, Roles};
use platform::db::Db;
use platform::embedding::Embedder;
use platform::erasure::Erasure;
use platform::events::EventFeed;
use platform::lifecycle::Lifecycle;
use platform::limits::Limits;
use platform::metrics::{Metrics, Reading};
use platform::random::Random;
use platform::rate_limiter::RateLimiter;
use platform::webhooks::Networks;

use crate::extract::BodyDeadline;
use crate::metrics::RequestMetrics;
use crate::observe::Observer;

pub use crate::routes::events::EventStreams;

/// Where the interface is.
pub const BASE_PATH: &str = "/api/v1";

/// The world around the REST interface.
#[derive(Clone)]
pub struct Api {
    /// The living documents.
    pub documents: Documents,
    /// Organizations, people, projections.
    pub db: Db,
    /// What is said to other instances.
    pub bus: Bus,
    /// Who must hear that somebody's access has changed.
    pub access_news: AccessNews,
    /// What happens.
    pub events: EventFeed,
    /// Who listens to it.
    pub event_streams: EventStreams,
    /// Where webhooks may be.
    pub webhook_networks: Networks,
    /// What agents may use.
    pub agents: AgentsConfig,
    /// Where the bytes of files are.
    pub blobs: BlobStore,
    /// For how long addresses of files hold.
    pub files: FilesConfig,
    /// Tells how near texts are to each other.
    pub embedder: Embedder,
    /// Who erases what deleted organizations held.
    pub erasure: Erasure,
    /// Checks tokens.
    pub authenticator: Authenticator,
    /// Counts how often callers do something.
    pub rate_limiter: RateLimiter,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Random,
    /// How much a request may hold.
    pub limits: Limits,
    /// Whether development tokens and scratch documents are offered.
    pub mode: Mode,
    /// Where metrics are registered, and read from.
    pub metrics: Metrics,
    /// Whether the server is stopping.
    pub lifecycle: Lifecycle,
    /// Other origins whose pages may call.
    pub cors_origins: Vec<String>,
}

/// All routes of the interface, ready to serve. Once per process, since it registers metrics.
pub fn router(api: Api) -> Router {
    router_of(api, Roles::ALL)
}

/// The routes of an instance with these roles: what watches over it always, the interface with the role `api`. What
/// another role serves is answered with a problem that names it; without the role `api`, that is every other path.
pub fn router_of(api: Api, roles: Roles) -> Router {
    let observer = Observer {
        clock: Arc::clone(&api.clock),
        random: api.random.clone(),
        metrics: RequestMetrics::register(&api.metrics),
    };
    let body_limit = DefaultBodyLimit::max(api.limits.request_body_bytes);
    let body_deadline = Extension(BodyDeadline {
        time: Duration::from_secs(api.limits.request_body_seconds),
        reached: api.metrics.limits(),
    });
    let streams = api.event_streams.clone();
    let read = move || Reading::count(streams.count());
    api.metrics.on_read("events_streams_open", "Streams of server-sent events that are open", read);
    let cors = cors::layer(&api.cors_origins);
    let mut routes = if roles.has(Role::Api) { routes::all() } else { routes::operation() };
    if !roles.has(Role::Sync) {
        routes = routes.merge(routes::sockets_elsewhere());
    }
    let (routes, _) = routes.split_for_parts();
    routes
        .method_not_allowed_fallback(routes::method_not_allowed)
        .layer(body_limit)
        .layer(body_deadline)
        .layer(from_fn_with_state(observer, observe::observe))
        .layer(cors)
        .with_state(Arc::new(api))
}
