//! That somebody's access has changed, for whoever granted something on the strength of it, on all instances.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use schema::ids::UserId;
use tokio::sync::Notify;

use crate::bus::{Bus, BusEvent, BusMessage, BusReceiver, Topic};
use crate::lifecycle::Lifecycle;

/// Changes that wait for one listener, at most. One that is further behind is told of them all in one.
const CHANGES_WAITING: usize = 16;

/// Whose access is to be looked up again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessChange {
    /// A person's, and that of whoever acts for them.
    Of(UserId),
    /// Anybody's: news may have been missed. There is no hurry.
    Unknown,
}

/// Where changes of access are announced and heard of. Cheap to clone.
#[derive(Debug, Clone)]
pub struct AccessNews {
    bus: Bus,
    here: Arc<Listeners>,
}

/// Everybody who listens on this instance. Each has a queue of its own, so that a look at it costs nobody else.
#[derive(Debug, Default)]
struct Listeners {
    queues: Mutex<HashMap<u64, Arc<Queue>>>,
    last_id: AtomicU64,
}

#[derive(Debug, Default)]
struct Queue {
    changes: Mutex<VecDeque<AccessChange>>,
    noted: Notify,
}

impl AccessNews {
    /// Starts to listen to the other instances.
    #[must_use]
    pub fn start(bus: Bus, lifecycle: &Lifecycle) -> Self {
        let here = Arc::<Listeners>::default();
        let (others, shutdown) = (bus.subscribe(Topic::Access), lifecycle.shutdown_token());
        let passing_on = pass_on(others, Arc::clone(&here));
        lifecycle.spawn("access news", async move {
            tokio::select! {
                () = passing_on => {}
                () = shutdown.cancelled() => {}
            }
        });
        Self { bus, here }
    }

    /// Tells everybody that what a person may do has changed. To be called after the change was committed.
    pub fn announce(&self, user: UserId) {
        self.here.tell(AccessChange::Of(user));
        self.bus.publish(Topic::Access, &BusMessage::AccessChanged(user));
    }

    /// Listens from now on. To be called before access is looked up, so that no change falls between the two.
    #[must_use]
    pub fn listen(&self) -> AccessListener {
        let (id, queue) = (self.here.last_id.fetch_add(1, Ordering::Relaxed), Arc::<Queue>::default());
        self.here.queues().insert(id, Arc::clone(&queue));
        AccessListener { id, queue, listeners: Arc::clone(&self.here) }
    }
}

async fn pass_on(mut others: BusReceiver, here: Arc<Listeners>) {
    loop {
        match others.recv().await {
            BusEvent::Message { message: BusMessage::AccessChanged(user), .. } => here.tell(AccessChange::Of(user)),
            BusEvent::Message { .. } => {}
            BusEvent::Gap => here.tell(AccessChange::Unknown),
        }
    }
}

impl Listeners {
    fn queues(&self) -> MutexGuard<'_, HashMap<u64, Arc<Queue>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, change: AccessChange) {
        for queue in self.queues().values() {
            queue.push(change);
        }
    }
}

impl Queue {
    fn changes(&self) -> MutexGuard<'_, VecDeque<AccessChange>> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, change: AccessChange) {
        let mut changes = self.changes();
        if changes.contains(&change) {
            return;
        }
        if changes.len() < CHANGES_WAITING {
            changes.push_back(change);
        } else {
            *changes = VecDeque::from([AccessChange::Unknown]);
        }
        self.noted.notify_one();
    }
}

/// Hears of changes of access.
#[derive(Debug)]
pub struct AccessListener {
    id: u64,
    queue: Arc<Queue>,
    listeners: Arc<Listeners>,
}

impl AccessListener {
    /// The next change. Losing the future loses none.
    pub async fn changed(&self) -> AccessChange {
        loop {
            if let Some(change) = self.queue.changes().pop_front() {
                return change;
            }
            self.queue.noted.notified().await;
        }
    }
}

impl Drop for AccessListener {
    fn drop(&mut self) {
        self.listeners.queues().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::bus::{BUS_QUEUE_MESSAGES, Hub, InstanceId};

    fn person(number: u128) -> UserId {
        UserId::new(Uuid::from_u128(number))
    }

    fn instance(hub: &Hub, number: u128) -> (AccessNews, Bus) {
        let bus = Bus::InProcess { hub: hub.clone(), instance: InstanceId::new(Uuid::from_u128(number)) };
        (AccessNews::start(bus.clone(), &Lifecycle::new()), bus)
    }

    #[tokio::test]
    async fn a_change_is_heard_of_here_and_on_other_instances_once() {
        let hub = Hub::default();
        let ((here, _), (there, _)) = (instance(&hub, 1), instance(&hub, 2));
        let (local, elsewhere) = (here.listen(), there.listen());
        here.announce(person(7));
        there.announce(person(8));
        assert_eq!(local.changed().await, AccessChange::Of(person(7)));
        assert_eq!(local.changed().await, AccessChange::Of(person(8)));
        let mut heard = [elsewhere.changed().await, elsewhere.changed().await];
        heard.sort_by_key(|change| format!("{change:?}"));
        assert_eq!(heard, [AccessChange::Of(person(7)), AccessChange::Of(person(8))]);
    }

    #[tokio::test]
    async fn who_is_behind_is_told_that_news_were_missed_and_hears_the_next() {
        let (news, _) = instance(&Hub::default(), 1);
        let listener = news.listen();
        for number in 0..=CHANGES_WAITING as u128 {
            news.announce(person(number));
        }
        news.announce(person(1));
        assert_eq!(listener.changed().await, AccessChange::Unknown);
        assert_eq!(listener.changed().await, AccessChange::Of(person(1)));
        drop(listener);
        assert!(news.here.queues().is_empty(), "who listens no more leaves nothing behind");
    }

    #[tokio::test]
    async fn a_gap_on_the_bus_may_concern_anybody() {
        let hub = Hub::default();
        let ((news, _), (_, other)) = (instance(&hub, 1), instance(&hub, 2));
        let listener = news.listen();
        for _ in 0..=BUS_QUEUE_MESSAGES {
            other.publish(Topic::Access, &BusMessage::AccessChanged(person(1)));
        }
        assert_eq!(listener.changed().await, AccessChange::Unknown);
    }
}
