//! The limits of everything that a client can make grow. Their defaults are in `glassbox.default.toml`.

use crate::config::Config;

/// What a client, a document and an instance may use, at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a WebSocket frame from a client.
    pub frame_bytes: usize,
    /// Bytes of an update of a document.
    pub update_bytes: usize,
    /// Documents that are open on one socket.
    pub channels_per_socket: usize,
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
    /// Milliseconds for which changes of presence are collected.
    pub presence_tick_ms: u64,
    /// Seconds until a presence state that is not renewed is removed.
    pub presence_timeout_seconds: u64,
    /// A snapshot is written after this many updates.
    pub snapshot_every_updates: u64,
    /// A snapshot is written after this many bytes of updates.
    pub snapshot_every_bytes: u64,
    /// Days for which every single version of a document is kept.
    pub log_dense_days: u64,
    /// Seconds of silence before a client is pinged.
    pub heartbeat_seconds: u64,
    /// Seconds after which a socket's access to its documents is checked again.
    pub access_check_seconds: u64,
    /// Milliseconds after which open documents are compared with the log, without a Redis that works.
    pub head_check_ms: u64,
    /// Milliseconds after which open documents are compared with the log, with one.
    pub head_check_with_redis_ms: u64,
    /// Bytes of the body of a REST request.
    pub request_body_bytes: usize,
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
}

impl Default for Limits {
    fn default() -> Self {
        Config::default().limits
    }
}
