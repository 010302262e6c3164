//! Hearing of events while they happen.
//!
//! The stream is a table (`db::events`); here is who on this instance listens to which part of it. One reader for each
//! organization with listeners reads what is new, once for all of them. What makes it look is a hint: that this process
//! has committed something, that another instance says so on the bus, or, from time to time, a look at how far the
//! streams reach, which is one query for all of them. So events arrive without any bus, too, only later.

mod keeper;
mod metrics;
mod organization;
mod watch;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use schema::ids::{NodeId, OrgId, ProjectId, UserId};
use tokio::time::timeout;

use crate::bus::{Bus, Topic};
use crate::db::Db;
use crate::db::events::{Event, EventId};
use crate::lifecycle::Lifecycle;
use crate::limits::Limits;
use crate::metrics::Metrics;
use metrics::EventMetrics;
use organization::Organization;

pub use keeper::Keeper;

/// How long a listener waits for the database to say how far the stream reaches.
const START_TIMEOUT: Duration = Duration::from_secs(10);

/// Where events go that somebody listens to. Both are called from the reader's task, and must not wait.
pub trait EventSink: Send + Sync {
    /// Something happened. What does not fit is dropped; the sink remembers that.
    fn deliver(&self, event: &Arc<Event>);
    /// Events were missed, which are no longer kept.
    fn missed(&self);
    /// Nothing more for now.
    fn flush(&self) {}
}

/// Which events somebody listens to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Interest {
    /// All of an organization that are for everybody or for this person.
    Organization(UserId),
    /// Those of a project.
    Project(ProjectId),
    /// Those of a node.
    Node(NodeId),
    /// Those that are for this person alone.
    User(UserId),
}

/// The events of all organizations, for those who listen on this instance. Cheap to clone.
#[derive(Clone)]
pub struct EventFeed(Arc<Feed>);

struct Feed {
    db: Db,
    bus: Bus,
    lifecycle: Lifecycle,
    metrics: Arc<EventMetrics>,
    organizations: Mutex<HashMap<OrgId, Arc<Organization>>>,
}

/// The database did not say in time how far the stream reaches. It may be tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("events cannot be read now; try again later")]
pub struct Unreadable;

/// While this lives, its sink gets what it listens to.
pub struct EventListener {
    id: u64,
    interest: Interest,
    organization: Arc<Organization>,
}

impl EventFeed {
    /// Begins to look for what is new.
    #[must_use]
    pub fn start(db: &Db, bus: &Bus, lifecycle: &Lifecycle, limits: &Limits, metrics: &Metrics) -> Self {
        let feed = Self(Arc::new(Feed {
            db: db.clone(),
            bus: bus.clone(),
            lifecycle: lifecycle.clone(),
            metrics: Arc::new(EventMetrics::register(metrics)),
            organizations: Mutex::default(),
        }));
        let (commits, pauses) = (db.listen_to_commits(), watch::Pauses::of(limits));
        lifecycle.spawn("event watch", watch::run(feed.clone(), commits, pauses));
        feed
    }

    /// Listens from now on: what is committed after this answers is delivered, in its order.
    pub async fn listen(
        &self,
        org: OrgId,
        interest: Interest,
        sink: Arc<dyn EventSink>,
    ) -> Result<EventListener, Unreadable> {
        let listener = self.add(org, interest, sink);
        match timeout(START_TIMEOUT, listener.organization.started()).await {
            Ok(()) => Ok(listener),
            Err(_) => Err(Unreadable),
        }
    }

    fn add(&self, org: OrgId, interest: Interest, sink: Arc<dyn EventSink>) -> EventListener {
        let mut organizations = self.organizations();
        let organization = organizations.entry(org).or_insert_with(|| {
            let organization = Arc::new(Organization::new(org, Arc::clone(&self.0.metrics)));
            // Subscribed before the stream's end is looked up, so that nothing falls between the two.
            let bus = self.0.bus.subscribe(Topic::Events(org));
            let reading = organization::read(self.clone(), Arc::clone(&organization), bus);
            self.0.lifecycle.spawn("event reader", reading);
            organization
        });
        // Under the lock: a reader that finds nobody ends under it.
        let id = organization.add(interest, sink);
        EventListener { id, interest, organization: Arc::clone(organization) }
    }

    /// Ends the reader of an organization to which nobody listens. Returns whether it did.
    fn end_if_unheard(&self, organization: &Organization) -> bool {
        let mut organizations = self.organizations();
        let is_unheard = organization.is_unheard();
        if is_unheard {
            organizations.remove(&organization.id);
        }
        is_unheard
    }

    /// Has the reader of an organization look for what is new, if there is one and it has not read so far.
    fn hint(&self, org: OrgId, through: EventId) {
        if let Some(organization) = self.organizations().get(&org) {
            organization.hint(through);
        }
    }

    fn hint_all(&self) {
        for organization in self.organizations().values() {
            organization.hint(EventId::new(u64::MAX));
        }
    }

    /// The organizations to whose events somebody listens.
    fn listened_to(&self) -> Vec<OrgId> {
        self.organizations().keys().copied().collect()
    }

    fn organizations(&self) -> MutexGuard<'_, HashMap<OrgId, Arc<Organization>>> {
        // Nothing that runs under the lock can leave the map half changed.
        self.0.organizations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EventListener {
    /// How far the organization's stream has been read: what comes before was delivered.
    #[must_use]
    pub fn position(&self) -> EventId {
        self.organization.position()
    }
}

impl std::fmt::Debug for EventFeed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("EventFeed").finish_non_exhaustive()
    }
}

impl Drop for EventListener {
    fn drop(&mut self) {
        self.organization.remove(self.interest, self.id);
    }
}
