//! The limits of everything that a client can make grow. Their defaults are in `glassbox.default.toml`.

mod reached;

pub use reached::{Limit, LimitCounters};

use crate::config::{Config, Mode};
use crate::rate::Rate;
use crate::rate_limiter::Quota;

/// So much more may be asked in development mode, where tests, demos and benchmarks share a person.
pub const DEVELOPMENT_REQUESTS_FACTOR: u64 = 100;

/// What a client, a document and an instance may use, at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a WebSocket frame from a client.
    pub frame_bytes: usize,
    /// Bytes of messages of which not all has come, on all sockets. Those that are small count for nothing.
    pub unfinished_bytes: usize,
    /// Bytes of an update of a document.
    pub update_bytes: usize,
    /// Bytes of a document's encoded state.
    pub document_bytes: usize,
    /// Documents that are open on one socket.
    pub channels_per_socket: usize,
    /// Sockets of one principal on this instance.
    pub sockets_per_principal: usize,
    /// Documents that one principal has open on this instance, on all sockets.
    pub documents_per_principal: usize,
    /// Sockets without a token from one address, on this instance.
    pub anonymous_sockets_per_address: usize,
    /// Documents that are open without a token from one address, on this instance.
    pub anonymous_documents_per_address: usize,
    /// Messages on a socket in a second, in the long run.
    pub messages_per_second: u64,
    /// Messages on a socket at once.
    pub messages_burst: u64,
    /// Bytes of messages on a socket in a second, in the long run.
    pub message_bytes_per_second: u64,
    /// Bytes of messages on a socket at once.
    pub message_bytes_burst: u64,
    /// All sockets of a principal may send together what so many may.
    pub busy_sockets_per_principal: usize,
    /// Seconds after which a socket on which more comes all the time is closed.
    pub flood_seconds: u64,
    /// Sockets that are opened from one address in a minute, on all instances.
    pub upgrades_per_minute_per_address: u64,
    /// Sockets that one principal opens in a minute, on all instances.
    pub upgrades_per_minute_per_principal: u64,
    /// Development tokens that are made for one address in a minute, on all instances.
    pub dev_tokens_per_minute_per_address: u64,
    /// Tokens for sockets that are made for one principal in a minute, on all instances.
    pub ws_tokens_per_minute_per_principal: u64,
    /// Runs of agents that one person begins in a minute, on all instances.
    pub executions_per_minute_per_person: u64,
    /// Searches of one person in a minute, on all instances; in development mode [`DEVELOPMENT_REQUESTS_FACTOR`] times as
    /// many.
    pub searches_per_minute_per_person: u64,
    /// REST requests of one person in a minute, their API keys' too, on all instances; in development mode
    /// [`DEVELOPMENT_REQUESTS_FACTOR`] times as many.
    pub requests_per_minute_per_person: u64,
    /// Bytes that wait for one socket before its reader counts as lagging.
    pub outbox_bytes: usize,
    /// Bytes of one document that wait for the log before further edits are refused.
    pub unsaved_bytes_per_document: usize,
    /// Bytes of all documents of this instance that wait for the log.
    pub unsaved_bytes: usize,
    /// Seconds that a document stays in memory after the last client left.
    pub idle_room_seconds: u64,
    /// Bytes of one presence state, as JSON.
    pub presence_state_bytes: usize,
    /// Yjs client ids for which one session may publish presence.
    pub presence_clients_per_session: usize,
    /// Messages of presence that a session may send in a second, in the long run.
    pub presence_messages_per_second: u64,
    /// Messages of presence that a session may send at once.
    pub presence_messages_burst: u64,
    /// Milliseconds for which changes of presence are collected.
    pub presence_tick_ms: u64,
    /// Seconds until a presence state that is not renewed is removed.
    pub presence_timeout_seconds: u64,
    /// Seconds after which a node's lock ends, unless its holder is active.
    pub lock_seconds: u32,
    /// A snapshot is written after this many updates.
    pub snapshot_every_updates: u64,
    /// A snapshot is written after this many bytes of updates.
    pub snapshot_every_bytes: u64,
    /// Days for which every single version of a document is kept.
    pub log_dense_days: u64,
    /// Seconds after which it is looked for what is kept too long of documents in which nobody writes any more.
    pub retention_check_seconds: u64,
    /// Seconds of silence before a client is pinged.
    pub heartbeat_seconds: u64,
    /// Seconds after which a socket's access to its documents is checked again.
    pub access_check_seconds: u64,
    /// Milliseconds after which open documents are compared with the log, without a Redis that works.
    pub head_check_ms: u64,
    /// Milliseconds after which open documents are compared with the log, with one.
    pub head_check_with_redis_ms: u64,
    /// Milliseconds after which documents are looked for whose rows were left behind.
    pub projection_check_ms: u64,
    /// Bytes of the head of an HTTP request.
    pub request_head_bytes: usize,
    /// Seconds that the head of an HTTP request may take.
    pub request_head_seconds: u64,
    /// Bytes of the body of a REST request.
    pub request_body_bytes: usize,
    /// Seconds that the body of a REST request may take.
    pub request_body_seconds: u64,
    /// Connections that are opened from one address in a second, in the long run.
    pub connections_per_address_per_second: u64,
    /// Connections that are opened from one address at once.
    pub connections_per_address_burst: u64,
    /// Connections of one address on which nobody has proven yet who they are.
    pub unauthenticated_connections_per_address: usize,
    /// Connections on which nobody has proven yet who they are, of all addresses.
    pub unauthenticated_connections: usize,
    /// Seconds until a document must be open on a socket that says who it is by a message.
    pub authentication_seconds: u64,
    /// Bytes of a frame of such a socket until then.
    pub unauthenticated_frame_bytes: usize,
    /// Frames of such a socket until then.
    pub unauthenticated_frames: usize,
    /// Bytes of such frames that wait, on all sockets.
    pub unauthenticated_bytes: usize,
    /// Updates that are committed in one transaction.
    pub log_batch_updates: usize,
    /// Bytes that are committed in one transaction.
    pub log_batch_bytes: usize,
    /// Transactions that are written to the log at the same time.
    pub log_lanes: usize,
    /// Milliseconds after a commit for which a lane collects updates, so that they share the next.
    pub log_pause_ms: u64,
    /// Updates that are not kept waiting for the end of the pause.
    pub log_hurry_updates: usize,
    /// Harmful updates of one sender that are kept per day.
    pub quarantine_updates_per_sender: u32,
    /// Bytes of harmful updates of one organization that are kept per day.
    pub quarantine_bytes: u64,
    /// Days for which harmful updates are kept.
    pub quarantine_days: u32,
    /// Days for which events are kept.
    pub event_days: u32,
    /// Streams of events that one principal has open on this instance.
    pub event_streams_per_principal: usize,
    /// Streams of events on this instance.
    pub event_streams: usize,
    /// Seconds after which a stream on which nothing happens gives a sign of life.
    pub event_heartbeat_seconds: u64,
    /// Webhooks of one organization.
    pub webhooks_per_organization: usize,
    /// Seconds that a webhook may take to answer.
    pub webhook_timeout_seconds: u64,
    /// Seconds after which a message that did not get through is tried again for the first time.
    pub webhook_retry_first_seconds: u64,
    /// Seconds between two tries of a message, at most.
    pub webhook_retry_longest_seconds: u64,
    /// Hours after which a message that did not get through is given up.
    pub webhook_give_up_hours: u32,
    /// Days after which a webhook to which nothing gets through is made inactive.
    pub webhook_failing_days: u32,
    /// Days for which it is kept what webhooks were told.
    pub webhook_log_days: u32,
    /// Bytes of an uploaded file.
    pub file_bytes: u64,
    /// Hours after which a file whose bytes were not confirmed is forgotten.
    pub files_unconfirmed_hours: u32,
}

impl Limits {
    /// Messages of presence of one session.
    #[must_use]
    pub const fn presence_of_session(&self) -> Rate {
        Rate::per_second(self.presence_messages_per_second, self.presence_messages_burst)
    }

    /// Sockets that are opened from one address.
    #[must_use]
    pub const fn upgrades_of_address(&self) -> Quota {
        per_minute("upgrades-of-address", self.upgrades_per_minute_per_address)
    }

    /// Sockets that one principal opens.
    #[must_use]
    pub const fn upgrades_of_principal(&self) -> Quota {
        per_minute("upgrades-of-principal", self.upgrades_per_minute_per_principal)
    }

    /// Development tokens that are made for one address.
    #[must_use]
    pub const fn dev_tokens(&self) -> Quota {
        per_minute("dev-tokens", self.dev_tokens_per_minute_per_address)
    }

    /// REST requests of one person.
    #[must_use]
    pub const fn requests(&self, mode: Mode) -> Quota {
        per_minute("requests", self.requests_per_minute_per_person.saturating_mul(factor(mode)))
    }

    /// Searches of one person.
    #[must_use]
    pub const fn searches(&self, mode: Mode) -> Quota {
        per_minute("searches", self.searches_per_minute_per_person.saturating_mul(factor(mode)))
    }

    /// Tokens for sockets that are made for one principal.
    #[must_use]
    pub const fn ws_tokens(&self) -> Quota {
        per_minute("ws-tokens", self.ws_tokens_per_minute_per_principal)
    }

    /// Runs of agents that one person begins.
    #[must_use]
    pub const fn executions(&self) -> Quota {
        per_minute("executions", self.executions_per_minute_per_person)
    }
}

/// How much more than in production may be asked.
const fn factor(mode: Mode) -> u64 {
    match mode {
        Mode::Development => DEVELOPMENT_REQUESTS_FACTOR,
        Mode::Production => 1,
    }
}

/// A minute's share may come at once.
const fn per_minute(name: &'static str, amount: u64) -> Quota {
    Quota { name, rate: Rate::per_minute(amount, amount) }
}

impl Default for Limits {
    fn default() -> Self {
        Config::default().limits
    }
}
