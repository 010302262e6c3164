//! How often callers may do something, over all instances.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use http::header::RETRY_AFTER;
use http::{HeaderName, HeaderValue};
use platform::ingress::{Client, ClientAddress};
use platform::limits::Limit;
use platform::rate_limiter::{Quota, Verdict, Whom};

use crate::Api;
use crate::problem::{Code, Problem};

/// What is left (draft-ietf-httpapi-ratelimit-headers).
const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// What there is (the same).
const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Where a request comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct From(pub(crate) ClientAddress);

impl<S: Sync> FromRequestParts<S> for From {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.extensions.get::<Client>().map_or(ClientAddress::UNKNOWN, Client::address)))
    }
}

/// Counts that somebody does something.
///
/// # Errors
/// When they did it too often; the problem says when they may do it again.
pub(crate) async fn count(api: &Api, quota: &Quota, whom: Whom) -> Result<(), Problem> {
    let verdict = api.rate_limiter.take(quota, whom).await;
    let Some(wait) = verdict.retry_after else { return Ok(()) };
    api.metrics.limits().count(Limit::Requests);
    Err(too_many(quota, &verdict, wait))
}

fn too_many(quota: &Quota, verdict: &Verdict, wait: Duration) -> Problem {
    let Quota { name, rate } = quota;
    let policy = format!("\"{name}\";q={};w={}", rate.amount(), rate.period().as_secs());
    let left = format!("\"{name}\";r={};t={}", verdict.remaining, seconds(wait));
    let mut problem = Problem::new(Code::TooManyRequests).header(RETRY_AFTER, HeaderValue::from(seconds(wait)));
    for (header, value) in [(RATELIMIT_POLICY, policy), (RATELIMIT, left)] {
        // Both are made of plain characters.
        if let Ok(value) = HeaderValue::try_from(value) {
            problem = problem.header(header, value);
        }
    }
    problem
}

/// Whole seconds, rounded up.
fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}
