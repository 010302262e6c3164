//! How often callers may do something, over all instances.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderName, HeaderValue};
use platform::ingress::{Client, ClientAddress};
use platform::limits::Limit;
use platform::rate_limiter::{Quota, Verdict, Whom};

use crate::Api;
use crate::problem::{Code, Problem};

/// What is left, and when there is more (draft-ietf-httpapi-ratelimit-headers).
pub(crate) const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// What there is (the same).
pub(crate) const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Where a request comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct From(pub(crate) ClientAddress);

impl<S: Sync> FromRequestParts<S> for From {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.extensions.get::<Client>().map_or(ClientAddress::UNKNOWN, Client::address)))
    }
}

/// What the answer to a request is to say of how many more may follow, by each quota that it counts for. An extension of
/// requests, shared with the middleware around them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Standing(Arc<Mutex<Vec<(Quota, Verdict)>>>);

impl Standing {
    /// Notes what was found out.
    fn note(&self, quota: Quota, verdict: Verdict) {
        self.counted().push((quota, verdict));
    }

    /// Says it, unless something more special is said already.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        let counted = self.counted();
        if !counted.is_empty() && !headers.contains_key(RATELIMIT) {
            headers.extend(describe(&counted));
        }
    }

    fn counted(&self) -> MutexGuard<'_, Vec<(Quota, Verdict)>> {
        // Nothing that runs under the lock can leave the list half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Sync> FromRequestParts<S> for Standing {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}

/// Counts a request of somebody.
///
/// # Errors
/// When they sent too many; the problem says when they may send the next.
pub(crate) async fn count_request(api: &Api, parts: &Parts, whom: Whom) -> Result<(), Problem> {
    let standing = parts.extensions.get::<Standing>().cloned().unwrap_or_default();
    count(api, &standing, api.limits.requests(api.mode), whom).await
}

/// Counts that somebody does something.
///
/// # Errors
/// When they did it too often; the problem says when they may do it again.
pub(crate) async fn count(api: &Api, standing: &Standing, quota: Quota, whom: Whom) -> Result<(), Problem> {
    let verdict = api.rate_limiter.take(&quota, whom).await;
    standing.note(quota, verdict);
    let Some(wait) = verdict.retry_after else { return Ok(()) };
    api.metrics.limits().count(Limit::Requests);
    Err(too_many(quota, verdict, wait))
}

fn too_many(quota: Quota, verdict: Verdict, wait: Duration) -> Problem {
    let problem = Problem::new(Code::TooManyRequests).header(RETRY_AFTER, HeaderValue::from(seconds(wait)));
    describe(&[(quota, verdict)]).into_iter().fold(problem, |problem, (header, value)| problem.header(header, value))
}

/// The two headers: what there is, and what is left of it. `t` says when there is more: at once but for who has to wait.
fn describe(counted: &[(Quota, Verdict)]) -> Vec<(HeaderName, HeaderValue)> {
    let listed = |item: fn(&(Quota, Verdict)) -> String| counted.iter().map(item).collect::<Vec<_>>().join(", ");
    let policy =
        listed(|(Quota { name, rate }, _)| format!("\"{name}\";q={};w={}", rate.amount(), rate.period().as_secs()));
    let left = listed(|(Quota { name, .. }, verdict)| {
        let more_after = verdict.retry_after.unwrap_or(verdict.reset_after);
        format!("\"{name}\";r={};t={}", verdict.remaining, seconds(more_after))
    });
    // Both are made of plain characters.
    let headers = [(RATELIMIT_POLICY, policy), (RATELIMIT, left)];
    headers.into_iter().filter_map(|(header, value)| Some((header, HeaderValue::try_from(value).ok()?))).collect()
}

/// Whole seconds, rounded up.
fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}
