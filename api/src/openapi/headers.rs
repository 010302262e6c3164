//! The headers that answers have in common, described once.

use http::StatusCode;
use serde_json::json;
use utoipa::openapi::{Header, HeaderBuilder, Ref, RefOr, Response};

use crate::problem::PROBLEM_CONTENT_TYPE;

const REQUEST_ID: &str = "X-Request-Id";
const RATELIMIT: &str = "RateLimit";
const RATELIMIT_POLICY: &str = "RateLimit-Policy";
const RETRY_AFTER: &str = "Retry-After";

/// All of them, by name.
pub(super) fn all() -> [(&'static str, Header); 4] {
    let header = |description: &str, example: &str| {
        HeaderBuilder::new().description(Some(description)).example(Some(json!(example))).build()
    };
    [
        (
            REQUEST_ID,
            header(
                "What the server's log calls the request: the caller's own `X-Request-Id`, if it sent one.",
                "0192d3e05b7a7c3e8f003f2a9f1c4d5e",
            ),
        ),
        (
            RATELIMIT,
            header(
                "What is left, by each quota that the request counts for (`r`), and seconds until there is more (`t`): draft-ietf-httpapi-ratelimit-headers.",
                "\"requests\";r=97;t=2",
            ),
        ),
        (
            RATELIMIT_POLICY,
            header("What there is, by each quota: so many (`q`) in so many seconds (`w`).", "\"requests\";q=100;w=60"),
        ),
        (RETRY_AFTER, header("Seconds until it makes sense to try again.", "2")),
    ]
}

/// Says which of them an answer of this status has. `is_counted`: of an operation that counts for a quota.
pub(super) fn complete(response: &mut Response, status: &str, is_counted: bool) {
    let mut names = vec![REQUEST_ID];
    // Who is not known is not counted.
    if is_counted && status != StatusCode::UNAUTHORIZED.as_str() {
        names.extend([RATELIMIT, RATELIMIT_POLICY]);
    }
    let is_temporary =
        [StatusCode::TOO_MANY_REQUESTS.as_str(), StatusCode::SERVICE_UNAVAILABLE.as_str()].contains(&status);
    if is_temporary && response.content.contains_key(PROBLEM_CONTENT_TYPE) {
        names.push(RETRY_AFTER);
    }
    for name in names {
        let described = RefOr::Ref(Ref::new(format!("#/components/headers/{name}")));
        response.headers.entry(name.to_owned()).or_insert(described);
    }
}
