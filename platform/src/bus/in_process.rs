//! The bus between instances that share a process.

use std::sync::Arc;

use tokio::sync::watch;

use super::subscribers::{Subscribers, Subscription};
use super::{BusMessage, BusState, InstanceId, Topic};

/// The meeting point of the instances of one process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Hub {
    subscribers: Subscribers,
    state: Arc<watch::Sender<BusState>>,
}

impl Default for Hub {
    fn default() -> Self {
        Self { subscribers: Subscribers::default(), state: Arc::new(watch::Sender::new(BusState::Up)) }
    }
}

impl Hub {
    pub(super) fn publish(&self, from: InstanceId, topic: Topic, message: &BusMessage) {
        self.subscribers.deliver(from, topic, message);
    }

    pub(super) fn subscribe(&self, instance: InstanceId, topic: Topic) -> Subscription {
        self.subscribers.add(instance, topic)
    }

    pub(super) fn has_others(&self, instance: InstanceId, topic: Topic) -> bool {
        self.subscribers.has_others(instance, topic)
    }

    pub(super) fn state(&self) -> watch::Receiver<BusState> {
        self.state.subscribe()
    }
}
