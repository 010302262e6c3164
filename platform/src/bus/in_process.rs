//! The bus between instances that share a process.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc::{self, error::TrySendError};
use uuid::Uuid;

use super::{BUS_QUEUE_MESSAGES, BusEvent, BusMessage, InstanceId};

/// The meeting point of the instances of one process. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Hub(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    documents: Mutex<HashMap<Uuid, Vec<Subscriber>>>,
    last_subscriber: AtomicU64,
}

#[derive(Debug)]
struct Subscriber {
    id: u64,
    instance: InstanceId,
    queue: mpsc::Sender<BusEvent>,
    gap: Arc<AtomicBool>,
}

impl Shared {
    fn documents(&self) -> MutexGuard<'_, HashMap<Uuid, Vec<Subscriber>>> {
        self.documents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hub {
    pub(super) fn publish(&self, from: InstanceId, document: Uuid, message: &BusMessage) {
        let documents = self.0.documents();
        let Some(subscribers) = documents.get(&document) else { return };
        for subscriber in subscribers.iter().filter(|subscriber| subscriber.instance != from) {
            let event = BusEvent::Message { from, message: message.clone() };
            if let Err(TrySendError::Full(_)) = subscriber.queue.try_send(event) {
                subscriber.gap.store(true, Ordering::Release);
            }
        }
    }

    pub(super) fn subscribe(&self, instance: InstanceId, document: Uuid) -> Subscription {
        let (sender, queue) = mpsc::channel(BUS_QUEUE_MESSAGES);
        let gap = Arc::new(AtomicBool::new(false));
        let id = self.0.last_subscriber.fetch_add(1, Ordering::Relaxed);
        let subscriber = Subscriber { id, instance, queue: sender, gap: Arc::clone(&gap) };
        self.0.documents().entry(document).or_default().push(subscriber);
        Subscription { hub: self.clone(), document, id, queue, gap }
    }

    fn unsubscribe(&self, document: Uuid, id: u64) {
        if let Entry::Occupied(mut entry) = self.0.documents().entry(document) {
            entry.get_mut().retain(|subscriber| subscriber.id != id);
            if entry.get().is_empty() {
                entry.remove();
            }
        }
    }
}

/// A subscription to a document within the process.
#[derive(Debug)]
pub struct Subscription {
    hub: Hub,
    document: Uuid,
    id: u64,
    queue: mpsc::Receiver<BusEvent>,
    gap: Arc<AtomicBool>,
}

impl Subscription {
    pub(super) async fn recv(&mut self) -> BusEvent {
        if self.gap.swap(false, Ordering::AcqRel) {
            return BusEvent::Gap;
        }
        // The hub keeps the sender until this subscription is dropped.
        self.queue.recv().await.unwrap_or(BusEvent::Gap)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.hub.unsubscribe(self.document, self.id);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use schema::ids::{Epoch, Seq};

    use super::super::Bus;
    use super::*;

    const DOCUMENT: Uuid = Uuid::from_u128(1);

    fn two_instances() -> (Bus, Bus) {
        let hub = Hub::default();
        let bus = |number| Bus::InProcess { hub: hub.clone(), instance: InstanceId::new(Uuid::from_u128(number)) };
        (bus(1), bus(2))
    }

    fn committed(seq: u64) -> BusMessage {
        BusMessage::Committed { epoch: Epoch::FIRST, seq: Seq::new(seq), update: Bytes::from_static(b"update") }
    }

    #[tokio::test]
    async fn messages_reach_other_instances_in_order_and_never_the_sender() {
        let (one, two) = two_instances();
        let (mut at_one, mut at_two) = (one.subscribe(DOCUMENT), two.subscribe(DOCUMENT));
        one.publish(DOCUMENT, &committed(1));
        one.publish(Uuid::from_u128(9), &committed(7));
        one.publish(DOCUMENT, &committed(2));
        two.publish(DOCUMENT, &committed(3));
        let from = InstanceId::new(Uuid::from_u128(1));
        assert_eq!(at_two.recv().await, BusEvent::Message { from, message: committed(1) });
        assert_eq!(at_two.recv().await, BusEvent::Message { from, message: committed(2) });
        let BusEvent::Message { message, .. } = at_one.recv().await else { panic!("a gap where there was none") };
        assert_eq!(message, committed(3));
    }

    #[tokio::test]
    async fn a_receiver_that_fell_behind_is_told_once_that_messages_are_missing() {
        let (one, two) = two_instances();
        let mut receiver = two.subscribe(DOCUMENT);
        let overflow = BUS_QUEUE_MESSAGES as u64 + 10;
        for seq in 1..=overflow {
            one.publish(DOCUMENT, &committed(seq));
        }
        assert_eq!(receiver.recv().await, BusEvent::Gap);
        for seq in 1..=BUS_QUEUE_MESSAGES as u64 {
            let BusEvent::Message { message, .. } = receiver.recv().await else { panic!("a second gap") };
            assert_eq!(message, committed(seq));
        }
        one.publish(DOCUMENT, &committed(overflow + 1));
        assert!(matches!(receiver.recv().await, BusEvent::Message { .. }));
    }

    #[tokio::test]
    async fn a_dropped_receiver_leaves_nothing_behind() {
        let (one, two) = two_instances();
        drop(two.subscribe(DOCUMENT));
        one.publish(DOCUMENT, &committed(1));
        let Bus::InProcess { hub, .. } = one;
        assert!(hub.0.documents().is_empty());
    }
}
