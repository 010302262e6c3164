//! What a server says, as a client hears it.

use serde_json::Value;

/// Something that was heard.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// Of an open document.
    Channel {
        /// Its number.
        number: u64,
        /// What was said.
        event: ChannelEvent,
    },
    /// An update of the client's was refused (SPEC G15).
    Refused {
        /// The document's name.
        channel: String,
        /// Which frame.
        update: u64,
        /// A code of SPEC G23.
        code: String,
        /// Why, in words.
        message: String,
        /// Whether the same may be sent again later.
        retry: bool,
    },
    /// The server has closed a document's channel (SPEC G10).
    Unsubscribed {
        /// The document's name.
        channel: String,
        /// Why: a code.
        code: String,
        /// Why, in words.
        message: String,
        /// Whether it may be opened again.
        retry: bool,
    },
    /// The socket's authority ends soon (SPEC G19).
    TokenExpiring,
    /// The server restarts (SPEC G20).
    Restarting {
        /// Milliseconds to wait before connecting again.
        reconnect_after_ms: u64,
    },
    /// Anything else: notices and events of the project, by their type.
    Other {
        /// The type.
        kind: String,
        /// The payload.
        payload: Value,
    },
    /// The connection is over. Nothing follows.
    Closed {
        /// The close code, if there was one.
        code: Option<u16>,
        /// Why.
        reason: String,
    },
}

/// Something that was said in a document's channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelEvent {
    /// The server's state vector, to be answered with step 2.
    Step1(Vec<u8>),
    /// What the client lacked.
    Step2(Vec<u8>),
    /// A live update.
    Update(Vec<u8>),
    /// Presence.
    Awareness(Vec<u8>),
    /// The client's frames up to `through` are durable (SPEC G13).
    Receipt {
        /// The number of the last frame that is covered.
        through: u64,
        /// The highest place in the log among them.
        seq: u64,
    },
}

impl Event {
    /// Reads a message of the server's that answers nothing.
    pub(super) fn read(kind: &str, payload: Value) -> Self {
        let text = |name: &str| payload.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let number = |name: &str| payload.get(name).and_then(Value::as_u64).unwrap_or_default();
        let retry = payload.get("retry").and_then(Value::as_bool).unwrap_or_default();
        match kind {
            "refused" => Self::Refused {
                channel: text("channel"),
                update: number("update"),
                code: text("code"),
                message: text("message"),
                retry,
            },
            "unsubscribed" if payload.get("code").is_some() => {
                Self::Unsubscribed { channel: text("channel"), code: text("code"), message: text("message"), retry }
            }
            "token_expiring" => Self::TokenExpiring,
            "restarting" => Self::Restarting { reconnect_after_ms: number("reconnectAfterMs") },
            _ => Self::Other { kind: kind.to_owned(), payload },
        }
    }
}
