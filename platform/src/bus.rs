//! What instances tell each other about a document: updates that were committed, and presence.
//!
//! The bus is a hint; the log is the truth. A message may get lost, and a receiver that fell behind is told of the gap,
//! so that it can read the log instead. An instance never hears its own messages.

mod in_process;

use std::fmt;

use bytes::Bytes;
use schema::ids::{Epoch, Seq};
use uuid::Uuid;

pub use in_process::Hub;

/// Messages of one document that wait for one receiver, at most. What comes on top is dropped and reported as a gap.
pub const BUS_QUEUE_MESSAGES: usize = 256;

/// One running server process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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

/// What one instance tells the others about a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BusMessage {
    /// An update is in the log.
    Committed {
        /// The document's lineage.
        epoch: Epoch,
        /// The update's place in the log.
        seq: Seq,
        /// The update's bytes, Yjs encoding v1.
        update: Bytes,
    },
    /// The presence of the sender's sessions changed: an awareness update of y-protocols.
    Presence(Bytes),
}

/// What a subscriber of a document gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BusEvent {
    /// Another instance said something.
    Message {
        /// Who said it.
        from: InstanceId,
        /// What it said.
        message: BusMessage,
    },
    /// Messages were lost: read the log, and ask for presence anew.
    Gap,
}

/// This instance's end of the bus. Cheap to clone.
#[derive(Debug, Clone)]
pub enum Bus {
    /// All instances are in this process: the embedded default, and tests.
    InProcess {
        /// What the instances of the process share.
        hub: Hub,
        /// Who publishes here.
        instance: InstanceId,
    },
}

impl Bus {
    /// The bus of a process that serves alone.
    #[must_use]
    pub fn in_process(instance: InstanceId) -> Self {
        Self::InProcess { hub: Hub::default(), instance }
    }

    /// Tells the other instances. Never waits: a receiver whose queue is full gets a [`BusEvent::Gap`] instead.
    pub fn publish(&self, document: Uuid, message: &BusMessage) {
        match self {
            Self::InProcess { hub, instance } => hub.publish(*instance, document, message),
        }
    }

    /// Listens to what other instances say about `document`, until the receiver is dropped.
    #[must_use]
    pub fn subscribe(&self, document: Uuid) -> BusReceiver {
        match self {
            Self::InProcess { hub, instance } => BusReceiver::InProcess(hub.subscribe(*instance, document)),
        }
    }
}

/// One subscription to a document.
#[derive(Debug)]
pub enum BusReceiver {
    /// To other instances of this process.
    InProcess(in_process::Subscription),
}

impl BusReceiver {
    /// The next event, in the order of publication per sender. Losing the future loses no event.
    pub async fn recv(&mut self) -> BusEvent {
        match self {
            Self::InProcess(subscription) => subscription.recv().await,
        }
    }
}
