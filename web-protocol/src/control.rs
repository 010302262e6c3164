//! JSON control messages of the `/ws` dialect (SPEC G2): `{"type", "payload", "requestId"?}`.

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

/// Who someone is, as others see them (P1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// The principal's id.
    pub id: String,
    /// The display name.
    pub name: String,
    /// `human` or `agent`.
    pub kind: &'static str,
    /// `#rrggbb`.
    pub color: String,
}

/// One thing that was repaired (G25).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Repair {
    /// Where: keys and ids, joined by dots.
    pub path: String,
    /// A word of the table of D10.
    pub reason: &'static str,
}

/// What the server says.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", content = "payload", rename_all = "snake_case")]
pub enum Reply {
    /// The first message (G3).
    #[serde(rename_all = "camelCase")]
    Welcome {
        /// [`crate::PROTOCOL_VERSION`].
        protocol: u32,
        /// Name and version of the server.
        server: String,
        /// Who the token says the client is.
        principal: Identity,
        /// RFC 3339; when the socket's authority ends.
        authorized_until: String,
        /// Seconds of silence before a ping.
        heartbeat_seconds: u64,
        /// What the client must stay within.
        limits: WelcomeLimits,
    },
    /// A channel is open (G5).
    Subscribed {
        /// The document's name.
        channel: String,
        /// `write` or `read`.
        access: &'static str,
        /// Present when binary sync messages were asked for.
        #[serde(skip_serializing_if = "Option::is_none")]
        sync: Option<SyncReply>,
    },
    /// A channel is closed (G10).
    Unsubscribed {
        /// The document's name.
        channel: String,
        /// Why, when the server closed it by itself.
        #[serde(flatten)]
        cause: Option<Cause>,
    },
    /// Who is in a document (G22).
    #[serde(rename_all = "camelCase")]
    PresenceUpdate {
        /// The document's name.
        channel: String,
        /// The node's id, for a node's document.
        #[serde(skip_serializing_if = "Option::is_none")]
        node_id: Option<String>,
        /// One entry per user.
        users: Vec<PresentUser>,
    },
    /// The node's lock is the client's (G26).
    LockAcquired(HeldLock),
    /// The node's lock is not the client's any more (G27).
    #[serde(rename_all = "camelCase")]
    LockReleased {
        /// The node's id.
        node_id: String,
    },
    /// An update was refused (G15).
    Refused {
        /// The document's name.
        channel: String,
        /// Which frame (G13).
        update: u64,
        /// Why.
        #[serde(flatten)]
        cause: Cause,
    },
    /// Live updates are being withheld (G17).
    Lagging {
        /// The document's name.
        channel: String,
    },
    /// What was withheld has been sent (G17).
    CaughtUp {
        /// The document's name.
        channel: String,
    },
    /// Edits are not getting durable (G18).
    SavingBehind {
        /// The document's name.
        channel: String,
        /// How many updates wait.
        pending: u64,
    },
    /// Edits are getting durable again (G18).
    SavingResumed {
        /// The document's name.
        channel: String,
    },
    /// What the client wrote was not of the document's shape and has been repaired (G25).
    Repaired {
        /// The document's name.
        channel: String,
        /// What was repaired.
        repairs: Vec<Repair>,
        /// How much more was.
        more: usize,
    },
    /// Events of a channel were missed (G31).
    Resync {
        /// The channel.
        channel: String,
    },
    /// What the principal may do with the document is another than `subscribed` said (G32).
    AccessChanged {
        /// The document's name.
        channel: String,
        /// `write` or `read`.
        access: &'static str,
    },
    /// The socket's authority ends soon (G19).
    #[serde(rename_all = "camelCase")]
    TokenExpiring {
        /// RFC 3339.
        authorized_until: String,
    },
    /// The socket's authority was renewed (G19).
    #[serde(rename_all = "camelCase")]
    TokenAccepted {
        /// RFC 3339.
        authorized_until: String,
    },
    /// The server shuts down (G20).
    #[serde(rename_all = "camelCase")]
    Restarting {
        /// Milliseconds to wait before connecting again.
        reconnect_after_ms: u64,
    },
    /// A request failed (G23).
    Error {
        /// The document's name, when the error concerns one.
        #[serde(skip_serializing_if = "Option::is_none")]
        channel: Option<String>,
        /// The document's current epoch, with `EPOCH_MISMATCH`.
        #[serde(skip_serializing_if = "Option::is_none")]
        epoch: Option<u32>,
        /// The lock that is in the way, with `LOCK_HELD`.
        #[serde(skip_serializing_if = "Option::is_none")]
        lock: Option<Box<HeldLock>>,
        /// What went wrong.
        #[serde(flatten)]
        cause: Cause,
    },
}

/// A node's lock that somebody holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HeldLock {
    /// The node's id.
    pub node_id: String,
    /// The id of the person who holds it, or for whom an agent or a program does.
    pub locked_by: String,
    /// The holder.
    pub holder: LockHolder,
    /// Greater than that of every earlier holder.
    pub fencing_token: i64,
    /// Whether others' edits are refused (G28).
    pub enforced: bool,
    /// RFC 3339; when it ends unless its holder is active.
    pub expires_at: String,
}

/// Who holds a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LockHolder {
    /// `user`, `agent` or `api_key`.
    pub kind: &'static str,
    /// The principal's id.
    pub id: String,
    /// The display name.
    pub name: String,
}

/// Something happened (G29). Its type is that of the event.
#[derive(Debug, Clone, PartialEq)]
pub struct EventMessage<'a> {
    /// What sort of thing: `node_updated`, ….
    pub kind: &'a str,
    /// The channel on which it is told.
    pub channel: &'a str,
    /// Its number in the organization.
    pub event_id: String,
    /// The organization.
    pub organization_id: String,
    /// The project, of what happens in one.
    pub project_id: Option<String>,
    /// The node, of what concerns one.
    pub node_id: Option<String>,
    /// Who did it: `[{"kind", "id"}]`.
    pub actors: &'a serde_json::Value,
    /// RFC 3339.
    pub at: String,
    /// What there is to say, by type: an object, whose members stand beside those above, and behind them.
    pub payload: &'a serde_json::Value,
}

impl EventMessage<'_> {
    /// Encodes the message as a text frame.
    #[must_use]
    pub fn encode(&self) -> String {
        #[derive(Serialize)]
        struct Envelope<'a> {
            r#type: &'a str,
            payload: serde_json::Map<String, serde_json::Value>,
        }
        let mut payload = self.payload.as_object().cloned().unwrap_or_default();
        let facts = [
            ("channel", Some(self.channel)),
            ("eventId", Some(self.event_id.as_str())),
            ("organizationId", Some(self.organization_id.as_str())),
            ("projectId", self.project_id.as_deref()),
            ("nodeId", self.node_id.as_deref()),
            ("at", Some(self.at.as_str())),
        ];
        let facts = facts.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?.into())));
        payload.extend(facts.chain([("actors".to_owned(), self.actors.clone())]));
        // Maps with text keys and plain members: serialization cannot fail.
        serde_json::to_string(&Envelope { r#type: self.kind, payload }).unwrap_or_default()
    }
}

/// The limits that `welcome` announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WelcomeLimits {
    /// Bytes of a frame.
    pub frame_bytes: usize,
    /// Bytes of an update.
    pub update_bytes: usize,
    /// Channels on a socket.
    pub channels: usize,
}

/// How a channel syncs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SyncReply {
    /// Names the channel in binary frames (G6).
    pub number: u64,
    /// The document's epoch.
    pub epoch: u32,
    /// The log's head.
    pub seq: u64,
    /// What will be used (G8).
    pub capabilities: Vec<&'static str>,
}

/// Why something was refused or ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// A stable code of the SPEC's tables.
    pub code: &'static str,
    /// What happened and what to do, for people.
    pub message: String,
    /// Whether the same may be tried again later.
    pub retry: bool,
}

/// Someone who is in a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PresentUser {
    /// The user's id.
    pub user_id: String,
    /// The display name.
    pub name: String,
    /// `#rrggbb`.
    pub color: String,
    /// `human` or `agent`.
    pub kind: String,
    /// What they do.
    pub action: Action,
}

impl Reply {
    /// Encodes the message as a text frame, with the id of the request that it answers.
    #[must_use]
    pub fn encode(&self, request_id: Option<&str>) -> String {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Reply<'a> {
            #[serde(flatten)]
            reply: &'a super::control::Reply,
            #[serde(skip_serializing_if = "Option::is_none")]
            request_id: Option<&'a str>,
        }
        // Maps with string keys and plain members: serialization cannot fail.
        serde_json::to_string(&Reply { reply: self, request_id }).unwrap_or_default()
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
    fn g15_replies_have_the_shape_of_the_spec() {
        let cause = Cause { code: "READ_ONLY", message: "you may only read".into(), retry: false };
        let reply = Reply::Refused { channel: "doc:x".into(), update: 3, cause };
        assert_eq!(
            reply.encode(None),
            r#"{"type":"refused","payload":{"channel":"doc:x","update":3,"code":"READ_ONLY","message":"you may only read","retry":false}}"#
        );
        let gone = Reply::Unsubscribed { channel: "doc:x".into(), cause: None };
        assert_eq!(gone.encode(Some("9")), r#"{"type":"unsubscribed","payload":{"channel":"doc:x"},"requestId":"9"}"#);
    }

    #[test]
    fn tokens_are_not_printed() {
        let envelope = Envelope::decode(r#"{"type":"token","payload":{"token":"secret"}}"#).unwrap();
        assert!(!format!("{envelope:?}").contains("secret"));
    }
}
