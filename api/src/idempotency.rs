//! Creating something once, however often the request is sent: the header `Idempotency-Key`.
//!
//! The id of what is created follows from the caller, the place and the key, so a repeated request finds what the first
//! one made, on any instance and without anything being remembered.

use std::fmt::Display;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use http::HeaderName;
use schema::ids::UserId;
use uuid::Uuid;

use crate::Api;
use crate::problem::{Code, Problem};

/// The header's name.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The longest key.
const KEY_LENGTH_MAX: usize = 255;
/// The namespace of derived ids. Never change it.
const NAMESPACE: Uuid = Uuid::from_u128(0x6f5d_31a7_24c6_5b0e_9b57_1c8f_6d83_a0e2);

/// The caller's key, if there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(Option<String>);

impl IdempotencyKey {
    /// An id for what `user` creates within `place` (such as `projects of <org>`): always the same one for the same key.
    #[must_use]
    pub fn new_id(&self, api: &Api, user: UserId, place: impl Display) -> Uuid {
        match &self.0 {
            Some(key) => derive(user, place, key),
            None => api.random.uuid_v7(api.clock.now()),
        }
    }

    /// Whether the caller may be repeating itself.
    #[must_use]
    pub const fn is_given(&self) -> bool {
        self.0.is_some()
    }
}

fn derive(user: UserId, place: impl Display, key: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, format!("{user}\n{place}\n{key}").as_bytes())
}

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get(IDEMPOTENCY_KEY) else {
            return Ok(Self(None));
        };
        let key = value.to_str().ok().filter(|key| (1..=KEY_LENGTH_MAX).contains(&key.len()));
        let key = key.ok_or_else(|| {
            Problem::new(Code::InvalidParameter)
                .detail(format!("The header {IDEMPOTENCY_KEY} is 1 to {KEY_LENGTH_MAX} visible ASCII characters."))
        })?;
        Ok(Self(Some(key.to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_follows_from_caller_place_and_key() {
        let [one, other] = [1, 2].map(|number| UserId::new(Uuid::from_u128(number)));
        assert_eq!(derive(one, "orgs", "k"), derive(one, "orgs", "k"));
        let ids =
            [derive(one, "orgs", "k"), derive(other, "orgs", "k"), derive(one, "x", "k"), derive(one, "orgs", "l")];
        assert!((1..ids.len()).all(|at| !ids[..at].contains(&ids[at])));
    }
}
