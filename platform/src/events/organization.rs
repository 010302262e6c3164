//! One organization's listeners, and the task that reads for them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use schema::ids::OrgId;
use tokio::sync::{Notify, watch};

use super::metrics::EventMetrics;
use super::{EventFeed, EventSink, Interest};
use crate::bus::{BusEvent, BusMessage, BusReceiver};
use crate::db::DbError;
use crate::db::events::{self, Event, EventId, Scope};

/// Events that are read in one go.
const EVENTS_AT_ONCE: u32 = 500;
/// The pause after a failure.
const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// An organization to whose events somebody listens.
pub(super) struct Organization {
    pub(super) id: OrgId,
    sinks: Mutex<HashMap<Interest, Vec<Listening>>>,
    last_id: AtomicU64,
    /// How far the reader has come.
    position: AtomicU64,
    started: watch::Sender<bool>,
    noted: Notify,
    metrics: Arc<EventMetrics>,
}

struct Listening {
    id: u64,
    sink: Arc<dyn EventSink>,
}

impl Organization {
    pub(super) fn new(id: OrgId, metrics: Arc<EventMetrics>) -> Self {
        metrics.organizations.inc();
        Self {
            id,
            sinks: Mutex::default(),
            last_id: AtomicU64::new(0),
            position: AtomicU64::new(0),
            started: watch::Sender::new(false),
            noted: Notify::new(),
            metrics,
        }
    }

    pub(super) fn add(&self, interest: Interest, sink: Arc<dyn EventSink>) -> u64 {
        let id = self.last_id.fetch_add(1, Ordering::Relaxed);
        self.sinks().entry(interest).or_default().push(Listening { id, sink });
        self.metrics.listeners.inc();
        id
    }

    pub(super) fn remove(&self, interest: Interest, id: u64) {
        self.metrics.listeners.dec();
        let mut sinks = self.sinks();
        if let Some(listening) = sinks.get_mut(&interest) {
            listening.retain(|one| one.id != id);
            if listening.is_empty() {
                sinks.remove(&interest);
            }
        }
        if sinks.is_empty() {
            self.noted.notify_one();
        }
    }

    pub(super) fn is_unheard(&self) -> bool {
        self.sinks().is_empty()
    }

    /// Waits until the reader knows where the stream ends.
    pub(super) async fn started(&self) {
        // The sender is kept here.
        let _ = self.started.subscribe().wait_for(|started| *started).await;
    }

    pub(super) fn position(&self) -> EventId {
        EventId::new(self.position.load(Ordering::Acquire))
    }

    /// The stream reaches this far.
    pub(super) fn hint(&self, through: EventId) {
        if through > self.position() {
            self.noted.notify_one();
        }
    }

    fn sinks(&self) -> MutexGuard<'_, HashMap<Interest, Vec<Listening>>> {
        // Nothing that runs under the lock can leave the map half changed.
        self.sinks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn deliver(&self, events: &[Arc<Event>]) {
        let sinks = self.sinks();
        let mut touched: HashMap<u64, &Arc<dyn EventSink>> = HashMap::new();
        let mut delivered = 0;
        for event in events {
            let interests = match event.user {
                Some(user) => [Some(Interest::User(user)), Some(Interest::Organization(user))],
                None => [event.project.map(Interest::Project), event.node.map(Interest::Node)],
            };
            let of_all = sinks.iter().filter_map(|(interest, listening)| {
                (event.user.is_none() && matches!(interest, Interest::Organization(_))).then_some(listening)
            });
            let of_some = interests.iter().flatten().filter_map(|interest| sinks.get(interest));
            for listening in of_all.chain(of_some).flatten() {
                listening.sink.deliver(event);
                delivered += 1;
                touched.insert(listening.id, &listening.sink);
            }
        }
        for sink in touched.into_values() {
            sink.flush();
        }
        self.metrics.read.inc_by(events.len() as u64);
        self.metrics.delivered.inc_by(delivered);
    }

    fn report_missed(&self) {
        for listening in self.sinks().values().flatten() {
            listening.sink.missed();
            listening.sink.flush();
        }
    }
}

impl Drop for Organization {
    fn drop(&mut self) {
        self.metrics.organizations.dec();
    }
}

/// Reads what is new, as long as somebody listens.
pub(super) async fn read(feed: EventFeed, organization: Arc<Organization>, mut bus: BusReceiver) {
    let shutdown = feed.0.lifecycle.shutdown_token();
    let mut reader = Reader { feed, organization, position: None };
    loop {
        let looked = tokio::select! {
            looked = reader.look() => looked,
            () = shutdown.cancelled() => return,
        };
        if let Err(error) = looked {
            reader.organization.metrics.failures.inc();
            tracing::warn!(org = %reader.organization.id, %error, "events could not be read");
            tokio::select! {
                () = tokio::time::sleep(RETRY_PAUSE) => continue,
                () = shutdown.cancelled() => return,
            }
        }
        if reader.feed.end_if_unheard(&reader.organization) {
            return;
        }
        tokio::select! {
            () = reader.organization.noted.notified() => {}
            () = heard_of_more(&mut bus, &reader.organization) => {}
            () = shutdown.cancelled() => return,
        }
    }
}

/// Waits until another instance has committed something that was not read yet, or may have.
async fn heard_of_more(bus: &mut BusReceiver, organization: &Organization) {
    loop {
        match bus.recv().await {
            BusEvent::Message { message: BusMessage::EventsThrough(through), .. } => {
                if through > organization.position() {
                    return;
                }
            }
            BusEvent::Message { .. } => {}
            BusEvent::Gap => return,
        }
    }
}

struct Reader {
    feed: EventFeed,
    organization: Arc<Organization>,
    /// What comes after this is new; not known yet at the start.
    position: Option<EventId>,
}

impl Reader {
    async fn look(&mut self) -> Result<(), DbError> {
        let (db, org) = (&self.feed.0.db.clone(), self.organization.id);
        let Some(mut position) = self.position else {
            self.advance(events::kept(db, org).await?.last);
            self.organization.started.send_replace(true);
            return Ok(());
        };
        loop {
            let found = events::after(db, org, Scope::Everything, &[], position, EVENTS_AT_ONCE).await?;
            // Numbers have no gaps: what is missing was let go of before it was read.
            let is_gap = found.items.first().is_some_and(|first| first.id.get() > position.get() + 1);
            if is_gap && events::kept(db, org).await?.trimmed > position {
                self.organization.report_missed();
            }
            let (through, has_more) = (found.through, found.has_more);
            self.organization.deliver(&found.items.into_iter().map(Arc::new).collect::<Vec<_>>());
            self.advance(through);
            position = through;
            if !has_more {
                return Ok(());
            }
        }
    }

    fn advance(&mut self, position: EventId) {
        self.position = Some(position);
        self.organization.position.store(position.get(), Ordering::Release);
    }
}
