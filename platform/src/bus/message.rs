//! What is said on the bus, and about what.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use schema::ids::{Epoch, OrgId, Seq, UserId};
use uuid::Uuid;

use crate::db::events::EventId;

/// One running server process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceId(Uuid);

impl InstanceId {
    /// Wraps a uuid, which is drawn anew at each start.
    #[must_use]
    pub const fn new(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// The uuid inside.
    #[must_use]
    pub const fn as_uuid(self) -> Uuid {
        self.0
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// What messages are about. An instance hears the topics that it subscribes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// One document, for the instances that have it open.
    Document(Uuid),
    /// Who may do what, for all instances.
    Access,
    /// What happens in an organization, for the instances on which somebody listens.
    Events(OrgId),
}

impl From<Uuid> for Topic {
    fn from(document: Uuid) -> Self {
        Self::Document(document)
    }
}

/// What one instance tells the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BusMessage {
    /// An update of the document is in the log.
    Committed {
        /// The document's lineage.
        epoch: Epoch,
        /// The update's place in the log.
        seq: Seq,
        /// The update's bytes, Yjs encoding v1.
        update: Bytes,
    },
    /// The document's log reaches this far; read there what is new. A bus says so instead of [`Self::Committed`] when
    /// the update is too large to be sent to everybody.
    Head {
        /// The document's lineage.
        epoch: Epoch,
        /// The place of the last update that the sender knows of.
        seq: Seq,
    },
    /// The presence of the sender's sessions in the document, in the encoding of those who use it.
    Presence(Bytes),
    /// The sender wants to know the presence of everybody's sessions in the document.
    PresenceQuery,
    /// A message of an application to everybody's sessions in the document.
    Stateless(Arc<str>),
    /// The lock of the node whose document it is has changed: look it up again.
    LockChanged,
    /// The document was deleted: nobody may have it open any more.
    Gone,
    /// What a person may do has changed somewhere: look it up again.
    AccessChanged(UserId),
    /// The organization's stream of events reaches this far: read there what is new.
    EventsThrough(EventId),
}

/// What a subscriber gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BusEvent {
    /// Another instance said something.
    Message {
        /// Who said it.
        from: InstanceId,
        /// What it said.
        message: BusMessage,
    },
    /// Messages may have been lost before this one: read the log and the stream of events, ask for
    /// presence anew, look up access again.
    Gap,
}
