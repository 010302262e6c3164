//! Pages of other origins: those that the configuration names may call, and read the headers that matter.

use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH, RETRY_AFTER};
use http::{HeaderValue, Method};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::idempotency::IDEMPOTENCY_KEY;
use crate::rate_limit::{RATELIMIT, RATELIMIT_POLICY};
use crate::request_id::X_REQUEST_ID;
use crate::routes::documents::{X_GLASSBOX_EPOCH, X_GLASSBOX_SEQ};
use crate::routes::events::LAST_EVENT_ID;

/// How long a browser may remember the answer to a preflight.
const PREFLIGHT_MAX_AGE: Duration = Duration::from_hours(1);

pub(crate) fn layer(origins: &[String]) -> CorsLayer {
    // The configuration has checked them; what cannot be a header cannot be an origin either.
    let origins = origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([
            ACCEPT,
            AUTHORIZATION,
            CONTENT_TYPE,
            IF_MATCH,
            IF_NONE_MATCH,
            IDEMPOTENCY_KEY,
            LAST_EVENT_ID,
            X_REQUEST_ID,
        ])
        .expose_headers([
            ETAG,
            RETRY_AFTER,
            RATELIMIT,
            RATELIMIT_POLICY,
            X_REQUEST_ID,
            X_GLASSBOX_EPOCH,
            X_GLASSBOX_SEQ,
        ])
        .max_age(PREFLIGHT_MAX_AGE)
}
