//! The bus between processes, over Redis's publish and subscribe.
//!
//! Two tasks with a connection each: the publisher writes what waits, the listener keeps the subscriptions. Redis
//! keeps nothing of it. When it is gone, messages are dropped; both tasks try to come back, and then everybody who may
//! have missed something is told: by the listener in this process, and by the publisher in all others.

mod address;
mod backoff;
mod channels;
mod listener;
mod publisher;

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};

pub(crate) use self::backoff::Backoff;
use self::channels::Channels;
use super::metrics::{BusMetrics, Dropped};
use super::subscribers::{self, Subscribers};
use super::{BusEvent, BusMessage, BusState, InstanceId, Topic, envelope};
use crate::config::RedisConfig;
use crate::lifecycle::Lifecycle;
use crate::metrics::Metrics;
use crate::random::Random;

pub use address::{Address, AddressError};

/// How long Redis may take to answer before its connection counts as broken.
const REPLY_TIMEOUT: Duration = Duration::from_secs(5);
/// How often each connection is looked after.
const BEAT: Duration = Duration::from_secs(1);

/// This process's end of the bus. Cheap to clone.
#[derive(Debug, Clone)]
pub struct RedisBus(Arc<Shared>);

/// What the handle and the two tasks share.
#[derive(Debug)]
struct Shared {
    instance: InstanceId,
    channels: Channels,
    inline_update_bytes: usize,
    subscribers: Subscribers,
    changes: Changes,
    queue: mpsc::Sender<Queued>,
    /// Bytes that may still be queued.
    queue_bytes: AtomicUsize,
    is_publishing: AtomicBool,
    is_listening: AtomicBool,
    /// Something was dropped, and the others do not know yet.
    lost: AtomicBool,
    state: watch::Sender<BusState>,
    metrics: BusMetrics,
}

/// A message that waits to be sent.
#[derive(Debug)]
struct Queued {
    topic: Topic,
    message: BusMessage,
}

/// What a Redis bus needs of the world around it.
#[derive(Debug)]
pub struct World<'a> {
    /// Spreads reconnects.
    pub random: &'a Random,
    /// Runs the two tasks.
    pub lifecycle: &'a Lifecycle,
    /// Where the bus registers its metrics.
    pub metrics: &'a Metrics,
}

impl RedisBus {
    /// Starts the tasks, which connect by themselves: whether Redis is there does not matter here.
    ///
    /// # Errors
    /// When the address is none, or the authority's certificate cannot be read.
    pub fn start(config: &RedisConfig, instance: InstanceId, world: &World<'_>) -> Result<Self, AddressError> {
        let address = Address::read(config)?;
        let (queue, queued) = mpsc::channel(config.queue_messages);
        let shared = Arc::new(Shared {
            instance,
            channels: Channels::new(&config.prefix),
            inline_update_bytes: config.inline_update_bytes,
            subscribers: Subscribers::default(),
            changes: Changes::default(),
            queue,
            queue_bytes: AtomicUsize::new(config.queue_bytes),
            is_publishing: AtomicBool::new(false),
            is_listening: AtomicBool::new(false),
            lost: AtomicBool::new(false),
            state: watch::Sender::new(BusState::Down),
            metrics: BusMetrics::register(world.metrics),
        });
        let backoff = || Backoff::new(world.random.clone());
        let shutdown = || world.lifecycle.shutdown_token();
        let publisher = publisher::run(Arc::clone(&shared), address.clone(), queued, backoff(), shutdown());
        world.lifecycle.spawn_vital("bus publisher", publisher);
        let listener = listener::run(Arc::clone(&shared), address, backoff(), shutdown());
        world.lifecycle.spawn_vital("bus listener", listener);
        Ok(Self(shared))
    }

    pub(super) fn instance(&self) -> InstanceId {
        self.0.instance
    }

    pub(super) fn state(&self) -> watch::Receiver<BusState> {
        self.0.state.subscribe()
    }

    pub(super) fn publish(&self, topic: Topic, message: &BusMessage) {
        let message = match message {
            BusMessage::Committed { epoch, seq, update } if update.len() > self.0.inline_update_bytes => {
                BusMessage::Head { epoch: *epoch, seq: *seq }
            }
            message => message.clone(),
        };
        if !self.0.is_publishing.load(Ordering::Acquire) {
            return self.0.drop_messages(Dropped::Disconnected, 1);
        }
        let queued = Queued { topic, message };
        let bytes = queued.bytes();
        let fits = |left: usize| left.checked_sub(bytes);
        if self.0.queue_bytes.fetch_update(Ordering::AcqRel, Ordering::Acquire, fits).is_err() {
            return self.0.drop_messages(Dropped::QueueFull, 1);
        }
        if self.0.queue.try_send(queued).is_err() {
            self.0.queue_bytes.fetch_add(bytes, Ordering::AcqRel);
            self.0.drop_messages(Dropped::QueueFull, 1);
        }
    }

    pub(super) fn subscribe(&self, topic: Topic) -> Subscription {
        let inner = self.0.subscribers.add(self.0.instance, topic);
        self.0.changes.note(topic);
        Subscription { inner, _leaving: Leaving { topic, shared: Arc::clone(&self.0) } }
    }
}

impl Queued {
    /// What it takes up while it waits.
    fn bytes(&self) -> usize {
        let content = match &self.message {
            BusMessage::Committed { update, .. } => update.len(),
            BusMessage::Presence(presence) => presence.len(),
            BusMessage::Stateless(payload) => payload.len(),
            BusMessage::Head { .. }
            | BusMessage::PresenceQuery
            | BusMessage::LockChanged
            | BusMessage::Gone
            | BusMessage::AccessChanged(_)
            | BusMessage::EventsThrough(_) => 0,
        };
        content + envelope::OVERHEAD_BYTES
    }
}

impl Shared {
    fn drop_messages(&self, reason: Dropped, messages: usize) {
        self.metrics.dropped(reason, messages);
        self.lost.store(true, Ordering::Release);
    }

    fn set_publishing(&self, publishing: bool) {
        self.is_publishing.store(publishing, Ordering::Release);
        self.update_state();
    }

    fn set_listening(&self, listening: bool) {
        self.is_listening.store(listening, Ordering::Release);
        self.update_state();
    }

    fn update_state(&self) {
        self.state.send_if_modified(|state| {
            // Read under the lock of the channel: of two tasks that report at once, the later sees both.
            let is_up = self.is_publishing.load(Ordering::Acquire) && self.is_listening.load(Ordering::Acquire);
            let now = if is_up { BusState::Up } else { BusState::Down };
            self.metrics.connected.set(i64::from(is_up));
            std::mem::replace(state, now) != now
        });
    }
}

/// Topics whose subscribers came or went since the listener last looked. Nothing is noted while it is not connected:
/// once it is, it looks at all topics.
#[derive(Debug, Default)]
struct Changes {
    topics: Mutex<Option<HashSet<Topic>>>,
    noted: Notify,
}

impl Changes {
    fn topics(&self) -> MutexGuard<'_, Option<HashSet<Topic>>> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, topic: Topic) {
        if let Some(topics) = self.topics().as_mut() {
            topics.insert(topic);
            self.noted.notify_one();
        }
    }

    fn start(&self) {
        *self.topics() = Some(HashSet::new());
    }

    fn stop(&self) {
        *self.topics() = None;
    }

    /// Waits for changes and takes them. Losing the future loses none.
    async fn next(&self) -> HashSet<Topic> {
        loop {
            let taken = self.topics().as_mut().map(std::mem::take).unwrap_or_default();
            if !taken.is_empty() {
                return taken;
            }
            self.noted.notified().await;
        }
    }
}

/// A subscription to what other processes say.
#[derive(Debug)]
pub struct Subscription {
    // Dropped first, so that the listener finds the topic without it.
    inner: subscribers::Subscription,
    _leaving: Leaving,
}

impl Subscription {
    pub(super) async fn recv(&mut self) -> BusEvent {
        self.inner.recv().await
    }
}

/// Tells the listener at its end that a subscriber is gone.
#[derive(Debug)]
struct Leaving {
    topic: Topic,
    shared: Arc<Shared>,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.shared.changes.note(self.topic);
    }
}
