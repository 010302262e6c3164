//! Who in this process listens to which topic.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{BUS_QUEUE_MESSAGES, BusEvent, BusMessage, InstanceId, Topic};
use crate::queue::{Receiver, Refused, Sender, queue};

/// All subscriptions of this process. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Subscribers(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    topics: Mutex<HashMap<Topic, Vec<Subscriber>>>,
    last_id: AtomicU64,
}

#[derive(Debug)]
struct Subscriber {
    id: u64,
    instance: InstanceId,
    queue: Sender<BusEvent>,
    /// Something did not fit into the queue.
    overflown: Arc<AtomicBool>,
    /// Was told that messages may have been missing until then.
    is_told: bool,
}

impl Subscriber {
    fn offer(&self, event: BusEvent) {
        if let Err(Refused::Full(_)) = self.queue.try_send(event) {
            self.overflown.store(true, Ordering::Release);
        }
    }
}

impl Subscribers {
    fn topics(&self) -> MutexGuard<'_, HashMap<Topic, Vec<Subscriber>>> {
        // Nothing that runs under the lock can leave the map half changed.
        self.0.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, instance: InstanceId, topic: Topic) -> Subscription {
        let (sender, queue) = queue(BUS_QUEUE_MESSAGES);
        let overflown = Arc::new(AtomicBool::new(false));
        let id = self.0.last_id.fetch_add(1, Ordering::Relaxed);
        let subscriber = Subscriber { id, instance, queue: sender, overflown: Arc::clone(&overflown), is_told: false };
        // Mostly it is one.
        self.topics().entry(topic).or_insert_with(|| Vec::with_capacity(1)).push(subscriber);
        Subscription { subscribers: self.clone(), topic, id, queue, overflown }
    }

    fn remove(&self, topic: Topic, id: u64) {
        if let Entry::Occupied(mut entry) = self.topics().entry(topic) {
            entry.get_mut().retain(|subscriber| subscriber.id != id);
            if entry.get().is_empty() {
                entry.remove();
            }
        }
    }

    /// Gives a message to everybody but its sender.
    pub(super) fn deliver(&self, from: InstanceId, topic: Topic, message: &BusMessage) {
        let topics = self.topics();
        let Some(subscribers) = topics.get(&topic) else { return };
        for subscriber in subscribers.iter().filter(|subscriber| subscriber.instance != from) {
            subscriber.offer(BusEvent::Message { from, message: message.clone() });
        }
    }

    /// Tells everybody who listens to a topic that messages may be missing. Returns how many were told.
    pub(super) fn report_gap(&self, topic: Topic) -> u64 {
        self.report_gap_where(topic, |_| true)
    }

    /// Tells those who came since the last report on this topic. Returns how many were told.
    pub(super) fn report_gap_to_newcomers(&self, topic: Topic) -> u64 {
        self.report_gap_where(topic, |subscriber| !subscriber.is_told)
    }

    fn report_gap_where(&self, topic: Topic, is_meant: impl Fn(&Subscriber) -> bool) -> u64 {
        let mut topics = self.topics();
        let mut told = 0;
        for subscriber in topics.get_mut(&topic).into_iter().flatten().filter(|subscriber| is_meant(subscriber)) {
            subscriber.offer(BusEvent::Gap);
            subscriber.is_told = true;
            told += 1;
        }
        told
    }

    /// Tells everybody that messages may be missing. Returns how many were told.
    pub(super) fn report_gap_everywhere(&self) -> u64 {
        let topics = self.topics();
        let mut told = 0;
        for subscriber in topics.values().flatten() {
            subscriber.offer(BusEvent::Gap);
            told += 1;
        }
        told
    }

    /// Whether somebody other than `instance` listens.
    pub(super) fn has_others(&self, instance: InstanceId, topic: Topic) -> bool {
        let topics = self.topics();
        topics.get(&topic).is_some_and(|subscribers| subscribers.iter().any(|one| one.instance != instance))
    }

    pub(super) fn contains(&self, topic: Topic) -> bool {
        self.topics().contains_key(&topic)
    }

    /// Every topic that somebody listens to.
    pub(super) fn all(&self) -> Vec<Topic> {
        self.topics().keys().copied().collect()
    }
}

/// A subscription within the process.
#[derive(Debug)]
pub struct Subscription {
    subscribers: Subscribers,
    topic: Topic,
    id: u64,
    queue: Receiver<BusEvent>,
    overflown: Arc<AtomicBool>,
}

impl Subscription {
    pub(super) async fn recv(&mut self) -> BusEvent {
        if self.overflown.swap(false, Ordering::AcqRel) {
            return BusEvent::Gap;
        }
        // The sender is kept until this subscription is dropped.
        self.queue.recv().await.unwrap_or(BusEvent::Gap)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.subscribers.remove(self.topic, self.id);
    }
}
