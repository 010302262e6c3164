//! What clients ask.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use thiserror::Error;

/// The longest JSON message that is read, in bytes.
pub const MAX_TEXT_BYTES: usize = 64 * 1024;

/// What a client asks.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// Opens a channel (G5).
    Subscribe(Subscribe),
    /// Closes a channel (G10).
    Unsubscribe(Channel),
    /// Publishes presence without Yjs awareness (G21).
    Presence(Presence),
    /// Takes a node's lock (G26).
    LockAcquire(LockAcquire),
    /// Gives a node's lock back (G27).
    LockRelease(LockRelease),
    /// Says which event of a run's trace the updates that follow belong to (G33).
    Step(Step),
    /// Renews the socket's authority (G19).
    Token(Token),
}

/// A request with the id that its reply repeats.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope {
    /// What is asked.
    pub request: Request,
    /// Chosen by the client.
    pub request_id: Option<String>,
}

/// Why a text frame is not a request.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RequestError {
    /// Longer than [`MAX_TEXT_BYTES`], not JSON, or of another shape.
    #[error("{message}")]
    Invalid {
        /// What is wrong, in words.
        message: String,
        /// The request's id, when it could be read.
        request_id: Option<String>,
    },
    /// A `type` that is not known.
    #[error("there is no message type \"{name}\"")]
    UnknownType {
        /// The type.
        name: String,
        /// The request's id, if it had one.
        request_id: Option<String>,
    },
}

/// Payload of `subscribe`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subscribe {
    /// The document's name.
    pub channel: String,
    /// Present when binary sync messages are wanted.
    pub sync: Option<SyncRequest>,
    /// Whether events are wanted on a channel without `sync` (G29). They are, if nothing is said.
    pub events: Option<bool>,
}

/// What a syncing client brings.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SyncRequest {
    /// The epoch of its replica, if it has one (G7).
    pub epoch: Option<u32>,
    /// What it understands (G8).
    #[serde(default)]
    pub capabilities: Vec<String>,
}

/// Payload of `unsubscribe`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Channel {
    /// The document's name.
    pub channel: String,
}

/// Payload of `presence`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Presence {
    /// The node's id.
    pub node_id: String,
    /// What is being done there.
    pub action: Action,
}

/// Payload of `lock_acquire`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LockAcquire {
    /// The node's id.
    pub node_id: String,
    /// Whether to be told when the lock is free, if somebody else holds it.
    #[serde(default)]
    pub notify: bool,
}

/// Payload of `lock_release`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LockRelease {
    /// The node's id.
    pub node_id: String,
}

/// Payload of `step`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// The document's name.
    pub channel: String,
    /// The event's id; none, if what follows belongs to no event in particular.
    pub trace_event: Option<String>,
}

/// What someone does in a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Looks at it.
    Viewing,
    /// Edits it.
    Editing,
    /// Left, or does nothing.
    Idle,
}

/// Payload of `token`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Token {
    /// A socket token or an access token.
    pub token: String,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawEnvelope<'a> {
    r#type: String,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
    request_id: Option<String>,
}

impl Envelope {
    /// Decodes a text frame.
    pub fn decode(text: &str) -> Result<Self, RequestError> {
        if text.len() > MAX_TEXT_BYTES {
            let message = format!("a message may have {MAX_TEXT_BYTES} bytes, this one has {}", text.len());
            return Err(RequestError::Invalid { message, request_id: None });
        }
        let raw: RawEnvelope<'_> = serde_json::from_str(text)
            .map_err(|error| RequestError::Invalid { message: error.to_string(), request_id: None })?;
        let payload = raw.payload.map_or("null", RawValue::get);
        let request = match raw.r#type.as_str() {
            "subscribe" => serde_json::from_str(payload).map(Request::Subscribe),
            "unsubscribe" => serde_json::from_str(payload).map(Request::Unsubscribe),
            "presence" => serde_json::from_str(payload).map(Request::Presence),
            "lock_acquire" => serde_json::from_str(payload).map(Request::LockAcquire),
            "lock_release" => serde_json::from_str(payload).map(Request::LockRelease),
            "step" => serde_json::from_str(payload).map(Request::Step),
            "token" => serde_json::from_str(payload).map(Request::Token),
            _ => return Err(RequestError::UnknownType { name: raw.r#type, request_id: raw.request_id }),
        };
        match request {
            Ok(request) => Ok(Self { request, request_id: raw.request_id }),
            Err(error) => {
                Err(RequestError::Invalid { message: format!("payload: {error}"), request_id: raw.request_id })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g5_subscribe_is_read_with_and_without_sync() {
        let plain = Envelope::decode(r#"{"type":"subscribe","payload":{"channel":"node:x"}}"#).unwrap();
        assert_eq!(plain.request, Request::Subscribe(Subscribe { channel: "node:x".into(), sync: None, events: None }));
        let sync = Envelope::decode(
            r#"{"type":"subscribe","requestId":"7","payload":{"channel":"node:x","sync":{"epoch":null,"capabilities":["receipts"]},"more":1}}"#,
        )
        .unwrap();
        assert_eq!(sync.request_id.as_deref(), Some("7"));
        let Request::Subscribe(subscribe) = sync.request else { panic!("not a subscribe") };
        assert_eq!(subscribe.sync, Some(SyncRequest { epoch: None, capabilities: vec!["receipts".into()] }));
    }

    #[test]
    fn g2_what_is_wrong_is_told_with_the_request_id() {
        let unknown = Envelope::decode(r#"{"type":"dance","requestId":"1"}"#).unwrap_err();
        assert_eq!(unknown, RequestError::UnknownType { name: "dance".into(), request_id: Some("1".into()) });
        let shape = Envelope::decode(r#"{"type":"subscribe","requestId":"2","payload":{}}"#).unwrap_err();
        assert!(matches!(shape, RequestError::Invalid { request_id: Some(id), .. } if id == "2"));
        assert!(Envelope::decode("[").is_err());
        assert!(Envelope::decode(&" ".repeat(MAX_TEXT_BYTES + 1)).is_err());
    }

    #[test]
    fn tokens_are_not_printed() {
        let envelope = Envelope::decode(r#"{"type":"token","payload":{"token":"secret"}}"#).unwrap();
        assert!(!format!("{envelope:?}").contains("secret"));
    }
}
