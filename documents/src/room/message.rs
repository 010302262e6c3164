//! What goes into a room and what comes out of it.

use std::sync::Arc;

use bytes::Bytes;
use platform::auth::{Principal, PrincipalRef};
use platform::bus::InstanceId;
use platform::db::log::{Provenance, Relay};
use platform::limits::Limit;
use schema::ids::{Epoch, RunId, Seq};
use schema::repair::{Reason, Shape};
use thiserror::Error;
use uuid::Uuid;

use super::contest::{Agreement, Comparison};
use super::lock::LockState;
use crate::delivery::{AwarenessState, Outgoing};
use crate::replica::{Broken, Change};
use platform::access::Access;

/// Names one attachment of a client to a document; never used twice in a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub u64);

/// Names an edit of the server's own while it waits for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ticket(pub u64);

/// What a session takes part in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Syncs the document.
    Sync {
        /// Whether receipts are sent.
        receipts: Receipts,
    },
    /// Is told who is here, and nothing else.
    Watch,
}

/// Whether a session's protocol knows receipts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receipts {
    /// It does.
    Sent,
    /// It does not.
    Unknown,
}

/// A client that attaches.
#[derive(Debug, Clone)]
pub struct Attach {
    /// Its new session.
    pub session: SessionId,
    /// Who it is.
    pub principal: Arc<Principal>,
    /// What it may do.
    pub access: Access,
    /// What it takes part in.
    pub mode: Mode,
}

/// What an update is in the sync protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpdateKind {
    /// The answer to the server's step 1.
    Step2,
    /// A live update.
    Live,
}

/// An edit of the server's own on behalf of a principal, such as a REST write.
pub struct Edit {
    /// Names it until it is done.
    pub ticket: Ticket,
    /// On whose behalf.
    pub principal: Arc<Principal>,
    /// When set, the edit is made only if the document is at this place.
    pub expected: Option<(Epoch, Seq)>,
    /// What it does.
    pub change: Change,
}

/// Something that happened to a document.
pub enum Input {
    /// A client attaches.
    Attach(Attach),
    /// A session is over.
    Detach(SessionId),
    /// What a session may do by now, `None` ends it, and its principal, which may go by another name.
    Access(SessionId, Arc<Principal>, Option<Access>),
    /// A session's state vector.
    Step1(SessionId, Bytes),
    /// A session is to be asked for what it has and the room has not.
    Ask(SessionId),
    /// An update of a session.
    Update(SessionId, UpdateKind, Bytes),
    /// Of a session of an agent: which event of its run's trace its updates belong to from here on.
    Step(SessionId, Option<Uuid>),
    /// Awareness states that a session publishes.
    Awareness(SessionId, Vec<AwarenessState>),
    /// A session asks for everybody's awareness.
    QueryAwareness(SessionId),
    /// A message of the application for the others in the document.
    Stateless(SessionId, Arc<str>),
    /// A session publishes presence without awareness.
    Presence(SessionId, Activity),
    /// The sink of a session withheld a message.
    Withheld(SessionId, Outgoing),
    /// The sink of a session that withheld messages is empty.
    Drained(SessionId),
    /// An edit of the server's own.
    Edit(Edit),
    /// The oldest updates that were given to the log are in it, at these places.
    Committed(Vec<Seq>),
    /// The log can be written, or cannot.
    Saving(SavingState),
    /// Another instance committed an update.
    FromBus {
        /// The document's epoch there.
        epoch: Epoch,
        /// The update's place.
        seq: Seq,
        /// The update.
        update: Bytes,
    },
    /// Updates read from the log, in order.
    FromLog(Vec<(Seq, Bytes)>),
    /// The log's head, as a periodic check found it.
    Head(Epoch, Seq),
    /// Another instance tells of the presence of its sessions.
    RemotePresence(InstanceId, PresenceNews),
    /// A message of the application, from a session of another instance.
    RemoteStateless(Arc<str>),
    /// Who holds the node's lock, as the tables have it now.
    Lock(Option<LockState>),
    /// Another instance wants to know the presence of this one's sessions.
    PresenceQueried,
    /// What the comparison of the room with its log has shown.
    Compared(Agreement),
    /// Time passed; see [`super::Room::deadline`].
    Tick,
}

/// What someone does in a document, for clients that keep no awareness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// Looks at it.
    Viewing,
    /// Edits it.
    Editing,
    /// Nothing; the state is removed.
    Idle,
}

/// What one instance tells the others of the presence of its sessions in a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresenceNews {
    /// What `states` leaves out.
    pub extent: Extent,
    /// States, each under its Yjs client id.
    pub states: Vec<PresenceState>,
}

/// What it means that a state is not in [`PresenceNews`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// The instance has no other.
    All,
    /// The others are as they were.
    Changes,
}

/// The state of one Yjs client id, as the instance of its session has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresenceState {
    /// The client id.
    pub client: u64,
    /// Its awareness clock; without a claim, the latest clock that clients of the instance have seen.
    pub clock: u64,
    /// Nothing when no session of the instance has it (any more).
    pub claim: Option<Claim>,
    /// Whether its session has brought what it had.
    pub answered: bool,
}

/// A presence state and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The awareness state, as JSON, with the server's identity in it.
    pub json: Arc<str>,
    /// Whose it is.
    pub principal: Arc<Principal>,
    /// Whether it says that its client edits.
    pub editing: bool,
}

/// Whether updates are getting durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SavingState {
    /// They are.
    Current,
    /// The log cannot be written for now.
    Behind,
}

/// Who gets a broadcast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Every session that syncs.
    Syncing,
    /// Every session that syncs, but one.
    SyncingExcept(SessionId),
    /// Every session that watches.
    Watching,
}

/// Something to be done in the world, in the order given.
#[derive(Debug)]
pub enum Effect {
    /// Send to one session.
    Send(SessionId, Outgoing),
    /// Send to many. Sessions whose updates are withheld get no [`Outgoing::Update`].
    Broadcast(Audience, Outgoing),
    /// Deliver updates to this session again.
    Resume(SessionId),
    /// Append to the log.
    Append(Append),
    /// Read the log after this place.
    ReadLog(Seq),
    /// Tell other instances.
    Publish(Seq, Bytes),
    /// Tell other instances of the presence of this one's sessions.
    PublishPresence(PresenceNews),
    /// Tell other instances of a message of the application.
    PublishStateless(Arc<str>),
    /// An edit of the server's own is durable, or was not made.
    Edited(Ticket, Result<Edited, EditRefused>),
    /// Keep a harmful update for operators.
    Quarantine(Quarantined),
    /// Count that a client has reached a limit.
    LimitReached(Limit),
    /// This was wrong in the document and is repaired: tell operators.
    Repaired(Shape, Vec<Reason>),
    /// The holder of the node's lock is active: renew it.
    RenewLock(PrincipalRef),
    /// The holder of the node's lock is here: note it.
    AttendLock(PrincipalRef),
    /// The holder of the node's lock has left this instance: end it, unless they are here through another one.
    LeaveLock(PrincipalRef),
    /// The node's lock may have run out: read it from the tables.
    ReadLock,
    /// Forget a session.
    End(SessionId),
    /// The replica is broken: load the document and call [`super::Room::reload`].
    Reload,
    /// Compare the room with its log, and answer by [`Input::Compared`].
    Compare(Comparison),
    /// The room holds something else than the log says: end every session and load it anew.
    Contradicted,
    /// The document's history was replaced elsewhere: end every session and load it anew.
    EpochChanged,
    /// Nothing: this effect has been carried out.
    Nothing,
}

/// An update on its way to the log.
#[derive(Debug, Clone)]
pub struct Append {
    /// The bytes, as they came.
    pub update: Bytes,
    /// Who brings it.
    pub principal: PrincipalRef,
    /// The run that brings it, and the event of its trace that it belongs to, for agents.
    pub run: Option<(RunId, Option<Uuid>)>,
    /// Whether all of it is the sender's own.
    pub provenance: Provenance,
    /// The Yjs client ids under which it inserts.
    pub clients: Vec<u64>,
    /// Those of them that belong to the principal from now on.
    pub new_clients: Vec<u64>,
    /// How those who read the log can be told of it.
    pub relay: Relay,
}

/// A harmful update.
#[derive(Debug, Clone)]
pub struct Quarantined {
    /// The bytes.
    pub update: Bytes,
    /// Who sent it.
    pub principal: PrincipalRef,
    /// What it did.
    pub reason: String,
}

/// Where a durable edit is in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edited {
    /// The document's epoch.
    pub epoch: Epoch,
    /// The edit's place; the head if it changed nothing.
    pub seq: Seq,
}

/// Why an edit of the server's own was not made. The document is unchanged.
#[derive(Debug, Error)]
pub enum EditRefused {
    /// The document is not where the caller expected it.
    #[error("the document is at {epoch}-{seq}")]
    Moved {
        /// Its epoch.
        epoch: Epoch,
        /// Its head.
        seq: Seq,
    },
    /// The patch does not fit the document.
    #[error(transparent)]
    Patch(#[from] schema::PatchError),
    /// Somebody else holds the node's lock, and the project has others kept out.
    #[error("{holder} has locked this")]
    LockHeld {
        /// What to call them.
        holder: Arc<str>,
    },
    /// Too much waits for the log already.
    #[error("saving is behind; try again later")]
    SavingBehind,
    /// The document would become too large.
    #[error("a document may have at most {limit} bytes; delete something to make room")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// The document engine failed.
    #[error(transparent)]
    Broken(#[from] Broken),
}
