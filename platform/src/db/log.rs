//! The log: the append-only, per-document sequence of updates. The truth of what every document holds.
//!
//! - [`append`] writes a batch of updates of any number of documents in one transaction, [`probe`] tries whether it could;
//! - [`load`] reads what a room starts from, [`read_tail`] what another instance has appended since;
//! - [`save_snapshot`] and [`trim`] keep a log short;
//! - [`retention`] finds what is kept too long of documents in which nobody writes.

mod append;
mod compaction;
mod read;
pub mod retention;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use schema::ids::{Epoch, OrgId, ProjectId, RunId, Seq};
use uuid::Uuid;

use super::DbError;
use crate::auth::PrincipalRef;

pub use append::{BatchId, Writer, append, probe};
pub use compaction::{SnapshotOutcome, Trimmed, save_snapshot, trim};
pub use read::{Standing, behind_projection, head, load, load_even_deleted, read_tail, snapshot_place, standings};

/// What an organization keeps of its documents' history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventSourcingLevel {
    /// Every update, for ever.
    Full,
    /// Every update for some time, then versions.
    Snapshot,
    /// Who and when, no old content.
    Audit,
}

impl EventSourcingLevel {
    /// Its name in the table `organizations`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Snapshot => "snapshot",
            Self::Audit => "audit",
        }
    }

    pub(super) fn from_column(text: &str) -> Result<Self, DbError> {
        match text {
            "full" => Ok(Self::Full),
            "snapshot" => Ok(Self::Snapshot),
            "audit" => Ok(Self::Audit),
            other => Err(DbError::Invalid(format!("{other} is no event sourcing level"))),
        }
    }
}

/// Whose an update's content is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Provenance {
    /// The sender's own.
    Own,
    /// Brought back by the sender for somebody else, after a crash took it from the log.
    Carried,
}

impl Provenance {
    /// Its name in the table `document_updates`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Carried => "carried",
        }
    }

    pub(super) fn from_column(text: &str) -> Result<Self, DbError> {
        match text {
            "own" => Ok(Self::Own),
            "carried" => Ok(Self::Carried),
            other => Err(DbError::Invalid(format!("{other} is no provenance"))),
        }
    }
}

/// How an update of the log can be passed on to somebody who has all before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Relay {
    /// As it is stored.
    AsStored,
    /// By a replica: it waits for content that comes later in the log, or was put right before others were told of it.
    ByReplica,
}

/// What a room starts from: the newest snapshot and every update after it.
#[derive(Debug, Clone)]
pub struct StoredDocument {
    /// The document.
    pub id: Uuid,
    /// The organization it belongs to.
    pub org: OrgId,
    /// The project it belongs to; scratch documents have none.
    pub project: Option<ProjectId>,
    /// Its lineage.
    pub epoch: Epoch,
    /// The last update of the log; [`Seq::ZERO`] when it is empty.
    pub head: Seq,
    /// What the projections reflect.
    pub projected: Seq,
    /// What the organization keeps of the history.
    pub level: EventSourcingLevel,
    /// The newest snapshot.
    pub snapshot: Option<StoredSnapshot>,
    /// The updates after the snapshot, without gaps, up to `head`.
    pub tail: Vec<StoredUpdate>,
    /// The principals that the document's Yjs client ids belong to.
    pub client_owners: Vec<(u64, PrincipalRef)>,
}

/// A document's whole state at a place in its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSnapshot {
    /// The last update that the state includes.
    pub seq: Seq,
    /// The state, as one Yjs update (v1).
    pub state: Bytes,
}

/// An update and its place in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredUpdate {
    /// Its place.
    pub seq: Seq,
    /// The bytes, as they came in.
    pub update: Bytes,
    /// How it can be passed on.
    pub relay: Relay,
}

/// The updates of a log after a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tail {
    /// The lineage that they are of.
    pub epoch: Epoch,
    /// The updates, in order and without gaps, up to the log's head.
    pub updates: Vec<StoredUpdate>,
}

/// An update to append.
#[derive(Debug, Clone)]
pub struct NewUpdate {
    /// The document.
    pub document: Uuid,
    /// The organization that the document belongs to.
    pub org: OrgId,
    /// The lineage that the update was made for.
    pub epoch: Epoch,
    /// The bytes, as they came in.
    pub update: Bytes,
    /// Who sent it.
    pub principal: PrincipalRef,
    /// For agents: the run, and the trace event that the update came from.
    pub run: Option<(RunId, Option<Uuid>)>,
    /// Whose the content is.
    pub provenance: Provenance,
    /// The Yjs client ids under which it inserts.
    pub client_ids: Vec<u64>,
    /// Those of them that the room has not seen before. They belong to `principal` from here on.
    pub new_clients: Vec<u64>,
    /// When it came in.
    pub received_at: DateTime<Utc>,
    /// How it can be passed on.
    pub relay: Relay,
}

/// What became of an update in a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppendOutcome {
    /// It is durable.
    Committed {
        /// Its place in its document's log.
        seq: Seq,
    },
    /// It is not in the log and will not be.
    Refused(AppendRefusal),
}

/// Why an update was not appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppendRefusal {
    /// The document's history was replaced: the room holds content of another lineage.
    EpochChanged,
    /// The document was deleted, or never belonged to that organization.
    DocumentGone,
    /// One of `new_clients` belongs to another principal already.
    ClientTaken,
}

/// Reads a column that holds a place in a log.
pub(super) fn seq_from_column(seq: i64) -> Seq {
    Seq::new(u64::try_from(seq).expect("the tables hold no negative seq"))
}

/// Writes a place in a log.
pub(super) fn seq_to_column(seq: Seq) -> i64 {
    i64::try_from(seq.get()).expect("a log holds fewer than 2^63 updates")
}

/// Reads a column that holds an epoch.
pub(super) fn epoch_from_column(epoch: i32) -> Epoch {
    Epoch::new(u32::try_from(epoch).expect("the tables hold no negative epoch"))
}

/// Writes an epoch; one beyond the column's range equals none that is stored.
pub(super) fn epoch_to_column(epoch: Epoch) -> i32 {
    i32::try_from(epoch.get()).unwrap_or(i32::MAX)
}

/// Yjs client ids have 53 bits.
fn client_from_column(client: i64) -> u64 {
    client.cast_unsigned()
}

fn client_to_column(client: u64) -> i64 {
    client.cast_signed()
}
