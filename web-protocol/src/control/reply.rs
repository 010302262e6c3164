//! What the server says.

use serde::Serialize;

use super::Action;

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
            reply: &'a super::Reply,
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
}
