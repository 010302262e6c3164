//! What instances tell each other: updates that were committed, presence, changes of access.
//!
//! The bus is a hint; the log is the truth. A message may get lost, and a receiver that may have missed something is
//! told of the gap, so that it can look elsewhere. An instance never hears its own messages.
//!
//! | variant | what carries the messages |
//! |---|---|
//! | [`Bus::InProcess`] | memory: all instances are in this process |
//! | [`Bus::Redis`] | Redis's publish and subscribe, a channel per topic |

mod envelope;
mod in_process;
mod message;
mod metrics;
mod redis;
mod subscribers;

use tokio::sync::watch;

pub use in_process::Hub;
pub use message::{BusEvent, BusMessage, InstanceId, Topic};
pub(crate) use redis::Backoff;
pub use redis::{Address, AddressError, RedisBus, World};
pub use subscribers::Subscription;

/// Messages of one topic that wait for one receiver, at most. What comes on top is dropped and reported as a gap.
pub const BUS_QUEUE_MESSAGES: usize = 256;

/// Whether messages get through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BusState {
    /// They do, as far as this instance can tell.
    Up,
    /// They do not: what others committed is only in the log.
    Down,
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
    /// The instances are processes of their own, on any machines.
    Redis(RedisBus),
}

impl Bus {
    /// The bus of a process that serves alone.
    #[must_use]
    pub fn in_process(instance: InstanceId) -> Self {
        Self::InProcess { hub: Hub::default(), instance }
    }

    /// Who publishes here.
    #[must_use]
    pub fn instance(&self) -> InstanceId {
        match self {
            Self::InProcess { instance, .. } => *instance,
            Self::Redis(redis) => redis.instance(),
        }
    }

    /// Tells the other instances. Never waits, and may lose the message; receivers that know of a loss get a
    /// [`BusEvent::Gap`].
    pub fn publish(&self, topic: impl Into<Topic>, message: &BusMessage) {
        match self {
            Self::InProcess { hub, instance } => hub.publish(*instance, topic.into(), message),
            Self::Redis(redis) => redis.publish(topic.into(), message),
        }
    }

    /// Listens to what other instances say on a topic, until the receiver is dropped.
    ///
    /// What is said from now on is heard, or followed by a [`BusEvent::Gap`]: a subscription that takes time to come
    /// about reports one when it has.
    #[must_use]
    pub fn subscribe(&self, topic: impl Into<Topic>) -> BusReceiver {
        match self {
            Self::InProcess { hub, instance } => BusReceiver::InProcess(hub.subscribe(*instance, topic.into())),
            Self::Redis(redis) => BusReceiver::Redis(redis.subscribe(topic.into())),
        }
    }

    /// Whether a message on this topic could matter to anybody. Who is told no need not make one.
    #[must_use]
    pub fn may_be_heard(&self, topic: impl Into<Topic>) -> bool {
        match self {
            Self::InProcess { hub, instance } => hub.has_others(*instance, topic.into()),
            // Whoever listens there: even a message that is lost is reported to them.
            Self::Redis(_) => true,
        }
    }

    /// Whether other processes are on this bus.
    #[must_use]
    pub const fn is_between_processes(&self) -> bool {
        match self {
            Self::InProcess { .. } => false,
            Self::Redis(_) => true,
        }
    }

    /// Whether messages get through, now and whenever that changes.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<BusState> {
        match self {
            Self::InProcess { hub, .. } => hub.state(),
            Self::Redis(redis) => redis.state(),
        }
    }
}

/// One subscription to a topic.
#[derive(Debug)]
pub enum BusReceiver {
    /// To other instances of this process.
    InProcess(Subscription),
    /// To other processes.
    Redis(redis::Subscription),
}

impl BusReceiver {
    /// The next event, in the order of publication per sender. Losing the future loses no event.
    pub async fn recv(&mut self) -> BusEvent {
        match self {
            Self::InProcess(subscription) => subscription.recv().await,
            Self::Redis(subscription) => subscription.recv().await,
        }
    }
}
