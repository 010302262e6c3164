//! Creating something once, however often the request is sent: the header `Idempotency-Key`.
//!
//! The id of what is created follows from the caller, the place and the key, so a repeated request finds what the first
//! one made, on any instance. That a key is taken for another request is noticed for some days
//! ([`platform::db::idempotency`]); it is one request's from when the id is asked for, whatever becomes of that.

use std::sync::{Arc, OnceLock};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use http::HeaderName;
use platform::db::idempotency::{self, Claim};
use schema::ids::UserId;
use serde_json::Value;
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
#[derive(Debug, Clone)]
pub struct IdempotencyKey(Option<Given>);

#[derive(Debug, Clone)]
struct Given {
    key: String,
    asked: Asked,
}

/// What a request with a key asks for, as soon as its body is read. An extension of such requests.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked(Arc<OnceLock<Vec<u8>>>);

impl Asked {
    /// Notes the body, which is JSON. In which order its members come makes no difference.
    pub(crate) fn note(&self, body: &[u8]) {
        let canonical = serde_json::from_slice(body).map(|mut value: Value| {
            value.sort_all_objects();
            value.to_string().into_bytes()
        });
        self.0.get_or_init(|| canonical.unwrap_or_else(|_| body.to_vec()));
    }

    fn bytes(&self) -> &[u8] {
        self.0.get().map_or(&[], Vec::as_slice)
    }
}

impl IdempotencyKey {
    /// An id for what `user` creates within `place` (such as `projects of <org>`): always the same one for the same key.
    /// To be asked for when nothing is wrong with the request itself.
    ///
    /// # Errors
    /// The key belongs to a request with another body, or the database is not there.
    pub async fn new_id(&self, api: &Api, user: UserId, place: &str) -> Result<Uuid, Problem> {
        let now = api.clock.now();
        let Some(Given { key, asked }) = &self.0 else { return Ok(api.random.uuid_v7(now)) };
        let id = derive(user, place, key);
        match idempotency::claim(&api.db, user, id, asked.bytes(), now).await? {
            Claim::This => Ok(id),
            Claim::Another => Err(Problem::new(Code::IdempotencyKeyReused)),
        }
    }

    /// Whether the caller may be repeating itself.
    #[must_use]
    pub const fn is_given(&self) -> bool {
        self.0.is_some()
    }
}

fn derive(user: UserId, place: &str, key: &str) -> Uuid {
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
        let asked = Asked::default();
        parts.extensions.insert(asked.clone());
        Ok(Self(Some(Given { key: key.to_owned(), asked })))
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

    #[test]
    fn bodies_ask_for_the_same_in_whatever_order_and_spacing_their_members_come() {
        let asked = |body: &str| {
            let asked = Asked::default();
            asked.note(body.as_bytes());
            asked.bytes().to_vec()
        };
        let one = asked(r#"{"a": {"b": 1, "c": [1, 2]}, "d": null}"#);
        assert_eq!(one, asked(r#"{"d":null,"a":{"c":[1,2],"b":1}}"#));
        for other in [r#"{"a": {"b": 1, "c": [2, 1]}, "d": null}"#, r#"{"a": {"b": 1, "c": [1, 2]}}"#, "{}"] {
            assert_ne!(one, asked(other), "{other}");
        }
    }
}
