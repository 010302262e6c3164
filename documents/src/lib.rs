//! The living documents: what is open on this instance, how it is kept, and how it gets into the log.
//!
//! | module | subject |
//! |---|---|
//! | [`registry`] | which documents are open; the way in for sockets and REST |
//! | [`owner`](crate) | the task that owns an open document and carries out what its room decides |
//! | [`room`] | the logic of an open document, as a pure state machine |
//! | [`replica`] | the Yjs state behind a fence |
//! | [`delivery`] | what is said to sessions, encoded once for all |
//! | [`session`] | a client's side of its attachment |
//! | [`history`] | what documents were, who made them so, and how to bring it back |
//! | [`quarantine`] | what was refused as harmful, and how an operator brings it back |
//!
//! Inside: locks of nodes (`locks`), from a log to a room (`opening`), group commit (`log_writer`), snapshots (`compaction`), whether a room holds what its log says (`comparison`), the relational rows derived from documents
//! (`projection`, `left_behind`), what is kept too long (`retention`), how far logs reach (`head_watch`).

mod barred;
mod by_session;
mod compaction;
mod comparison;
pub mod delivery;
pub mod error;
mod head_watch;
pub mod history;
mod left_behind;
mod listeners;
mod locks;
mod log_writer;
mod metrics;
mod opening;
mod owner;
mod pace;
mod presence_codec;
mod projection;
pub mod quarantine;
pub mod registry;
pub mod replica;
mod retention;
pub mod room;
mod services;
pub mod session;

pub use error::{AttachError, EditFailed, ReadError};
pub use registry::{Closed, Documents, Newcomer, State};
pub use session::Session;
