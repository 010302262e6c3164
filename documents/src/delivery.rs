//! What a room says to its sessions, and how it is encoded once for all of them.

mod content;

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use platform::access::Access;
use schema::ids::{Epoch, Seq};
use schema::repair::Violation;

pub use content::{COMPRESSED_FROM_BYTES, Content, Deflated, PIECE_BYTES, Piece};

/// How many dialects there can be; each has a slot in a [`Delivery`] for its encoding.
pub const DIALECTS: usize = 4;

/// A message to a session, in no dialect yet.
#[derive(Debug, Clone, PartialEq)]
pub enum Outgoing {
    /// The first message of a session.
    Attached {
        /// What it may do.
        access: Access,
        /// The document's lineage.
        epoch: Epoch,
        /// The log's head.
        seq: Seq,
    },
    /// What the session may do has changed.
    Access(Access),
    /// The server's state vector: asks for what the client has beyond it.
    Step1(Bytes),
    /// The answer to a client's step 1.
    Step2(Content),
    /// A live update.
    Update(Content),
    /// A part of an answer or of what was withheld before: an update that is never withheld.
    Part(Content),
    /// Awareness states that are new to the session.
    Awareness(Arc<[AwarenessState]>),
    /// The session's frames up to `through` are durable (SPEC G13).
    Receipt {
        /// The number of the last frame that is covered.
        through: u64,
        /// The document's epoch.
        epoch: Epoch,
        /// The highest place in the log among the covered frames.
        seq: Seq,
    },
    /// A frame of the session was refused (SPEC G15).
    Refused {
        /// The frame's number.
        frame: u64,
        /// Why.
        refusal: Refusal,
    },
    /// A message of the application, from another session (SPEC H9).
    Stateless(Arc<str>),
    /// Who is here, for sessions that do not sync (SPEC G22).
    Present(Arc<[Present]>),
    /// Live updates are being withheld from this session (SPEC G17).
    Lagging,
    /// What was withheld has been sent.
    CaughtUp,
    /// Edits wait for the log (SPEC G18).
    SavingBehind {
        /// How many.
        pending: u64,
    },
    /// Edits are getting durable again.
    SavingResumed,
    /// What the session wrote was not of the document's shape, and has been repaired (SPEC D10).
    Repaired(Arc<RepairNotice>),
    /// The session is over; nothing follows.
    Ended(EndReason),
}

/// Violations that one notice lists.
const NOTICE_VIOLATIONS_MAX: usize = 20;

/// What was repaired of what a session wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepairNotice {
    /// The first of the violations.
    pub violations: Vec<Violation>,
    /// How many more there were.
    pub more: usize,
}

impl RepairNotice {
    pub(crate) fn of(mut violations: Vec<Violation>) -> Self {
        let more = violations.len().saturating_sub(NOTICE_VIOLATIONS_MAX);
        violations.truncate(NOTICE_VIOLATIONS_MAX);
        Self { violations, more }
    }
}

/// The awareness state of one Yjs client id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwarenessState {
    /// The client id.
    pub client: u64,
    /// Rises with every change; of two states the one with the higher clock holds.
    pub clock: u64,
    /// JSON, or nothing when the client is gone.
    pub state: Option<Arc<str>>,
}

/// Someone who is in a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Present {
    /// Who.
    pub principal: Arc<platform::auth::Principal>,
    /// Whether one of their states says that they edit.
    pub editing: bool,
}

/// Why an update was refused. Nothing was changed by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The session may only read.
    ReadOnly,
    /// The session's access has ended.
    AccessEnded,
    /// The bytes are no update, or applying it failed.
    Malformed(String),
    /// It is larger than the limit, in bytes.
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// The document would become larger than the limit, in bytes.
    DocumentTooLarge {
        /// The limit.
        limit: usize,
    },
    /// It holds content that Yjs 13 clients cannot read.
    UnsupportedContent(String),
    /// It inserts under a Yjs client id that belongs to somebody else.
    ClientIdTaken(u64),
    /// Somebody else holds the node's lock, and the project has others kept out.
    LockHeld {
        /// What to call them.
        holder: Arc<str>,
    },
    /// Too much waits for the log already.
    SavingBehind,
    /// What the principal wrote before is to be repaired first.
    TooManyRepairs,
    /// It holds content that the database refused to keep before.
    Unsavable,
}

impl Refusal {
    /// All codes.
    pub(crate) const CODES: [&str; 11] = [
        "READ_ONLY",
        "ACCESS_ENDED",
        "MALFORMED_UPDATE",
        "UPDATE_TOO_LARGE",
        "DOCUMENT_TOO_LARGE",
        "UNSUPPORTED_CONTENT",
        "CLIENT_ID_TAKEN",
        "SAVING_BEHIND",
        "UNSAVABLE",
        "LOCK_HELD",
        "TOO_MANY_REPAIRS",
    ];

    /// The stable code of SPEC G23.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::ReadOnly => "READ_ONLY",
            Self::AccessEnded => "ACCESS_ENDED",
            Self::Malformed(_) => "MALFORMED_UPDATE",
            Self::TooLarge { .. } => "UPDATE_TOO_LARGE",
            Self::DocumentTooLarge { .. } => "DOCUMENT_TOO_LARGE",
            Self::UnsupportedContent(_) => "UNSUPPORTED_CONTENT",
            Self::ClientIdTaken(_) => "CLIENT_ID_TAKEN",
            Self::LockHeld { .. } => "LOCK_HELD",
            Self::SavingBehind => "SAVING_BEHIND",
            Self::TooManyRepairs => "TOO_MANY_REPAIRS",
            Self::Unsavable => "UNSAVABLE",
        }
    }

    /// Whether the same content may be sent again later.
    #[must_use]
    pub fn retry(&self) -> bool {
        matches!(self, Self::SavingBehind | Self::TooManyRepairs | Self::LockHeld { .. })
    }

    /// What happened and what to do, for people.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::ReadOnly => "you may read this document, not change it".to_owned(),
            Self::AccessEnded => "your access to this document has ended".to_owned(),
            Self::LockHeld { holder } => format!("{holder} has locked this; your edits will be taken once it is free"),
            Self::Malformed(what) => format!("this is not a valid update: {what}"),
            Self::TooLarge { limit } => format!("an update may have at most {limit} bytes; send it in parts"),
            Self::DocumentTooLarge { limit } => {
                format!("the document has the {limit} bytes that it may have; delete something to make room")
            }
            Self::UnsupportedContent(what) => format!("other clients cannot read this content: {what}"),
            Self::ClientIdTaken(client) => {
                format!("the Yjs client id {client} belongs to somebody else; make a new Y.Doc and edit there")
            }
            Self::SavingBehind => "saving is behind and no more can be taken; send this again later".to_owned(),
            Self::TooManyRepairs => {
                "too much of what you wrote here had to be repaired; send this again later".to_owned()
            }
            Self::Unsavable => "the database refuses to keep some of this; copy what you need of it, \
                                and open the document with an empty replica"
                .to_owned(),
        }
    }
}

/// Why a session is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// The principal may no longer read the document.
    AccessEnded,
    /// The document could not be loaded again after a failure, or its history was replaced.
    Unavailable,
    /// The database refuses to keep something that was in the document.
    Unsavable,
    /// Saving is behind, and the session's protocol has no words for a refusal that is worth a retry.
    Behind,
    /// The server shuts down, and all that was sent is durable.
    Shutdown,
}

/// A message as it goes over the wire: `head`, then `body`. Apart, so that a large body is shared and never copied.
#[derive(Debug, Clone, Default)]
pub struct Wire {
    /// What the dialect puts in front, or all of it.
    pub head: Bytes,
    /// Bytes of the message itself.
    pub body: Bytes,
}

impl Wire {
    /// Its bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.head.len() + self.body.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A message on its way to any number of sessions, encoded at most once per dialect.
#[derive(Debug)]
pub struct Delivery {
    /// Names the document in frames (SPEC G6); the same for all its sessions, so that a frame can be shared.
    pub number: u64,
    /// The message.
    pub message: Outgoing,
    encoded: [OnceLock<Wire>; DIALECTS],
}

impl Delivery {
    /// Wraps a message for delivery.
    #[must_use]
    pub fn new(number: u64, message: Outgoing) -> Self {
        Self { number, message, encoded: Default::default() }
    }

    /// The message in one dialect; `encode` runs for the first session of that dialect only.
    pub fn encoded(&self, dialect: usize, encode: impl FnOnce(u64, &Outgoing) -> Wire) -> &Wire {
        self.encoded[dialect].get_or_init(|| encode(self.number, &self.message))
    }
}

/// Whether a sink took a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It will be written.
    Yes,
    /// The receiver reads too slowly; the message is dropped and the sink will report when it has drained.
    Withheld,
}

/// Where a session's messages go. Called from the room's task, so it must neither block nor wait.
///
/// [`Outgoing::Update`], [`Outgoing::Awareness`], [`Outgoing::Present`] and [`Outgoing::Stateless`] may be withheld,
/// nothing else.
pub trait Sink: Send + Sync {
    /// Takes a message.
    fn deliver(&self, delivery: &Delivery) -> Taken;

    /// The room has nothing more to say for now: what was taken may be written.
    fn flush(&self) {}
}
