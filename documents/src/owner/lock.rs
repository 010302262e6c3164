//! What an owner has done about the lock of its node.

use std::sync::Arc;
use std::time::Duration;

use platform::auth::PrincipalRef;
use platform::bus::BusMessage;
use platform::db::locks::{self, Lock, ReleaseReason};
use platform::db::{DbError, documents::DocumentRef};

use super::{Event, EventSender, Owner};
use crate::room::{Enforcement, Input, LockState};
use crate::services::Services;

/// How often the tables are asked in vain before the room is left with what it knows.
const READS: usize = 5;
/// The pause after a failed read.
const READ_PAUSE: Duration = Duration::from_millis(500);

/// What a job needs of its owner.
struct Job {
    services: Arc<Services>,
    document: DocumentRef,
    events: EventSender,
}

impl Owner {
    /// The node's lock, as the tables have it.
    pub(super) fn take_lock(&mut self, lock: Option<Lock>) {
        let now = self.now();
        let state = lock.map(|lock| LockState {
            holder: lock.holder,
            name: lock.name.into(),
            until_ms: now.saturating_add(u64::try_from(lock.remaining_ms).unwrap_or_default()),
            enforcement: if lock.is_enforced { Enforcement::Enforced } else { Enforcement::Advisory },
        });
        self.take(Input::Lock(state));
    }

    /// Asks the tables who holds the lock.
    pub(super) fn read_lock(&self) {
        let job = self.job();
        self.services.lifecycle.spawn("lock read", async move { job.read().await });
    }

    pub(super) fn renew_lock(&self, holder: PrincipalRef) {
        let job = self.job();
        self.services.lifecycle.spawn("lock renewal", async move {
            let seconds = job.services.limits.lock_seconds;
            match locks::renew(&job.services.db, &job.document, holder, seconds).await {
                Ok(Some(lock)) => job.tell(Some(lock)),
                Ok(None) => job.read().await,
                Err(error) => tracing::warn!(document = %job.document.id, %error, "a lock could not be renewed"),
            }
        });
    }

    /// The holder has left.
    pub(super) fn end_lock(&self, holder: PrincipalRef) {
        let job = self.job();
        self.services.lifecycle.spawn("lock release", async move {
            match job.release(holder).await {
                Ok(true) => job.tell(None),
                Ok(false) => job.read().await,
                // It runs out by itself.
                Err(error) => tracing::warn!(document = %job.document.id, %error, "a lock could not be released"),
            }
        });
    }

    fn job(&self) -> Job {
        Job { services: Arc::clone(&self.services), document: self.document, events: self.events.clone() }
    }
}

impl Job {
    async fn read(&self) {
        for _ in 0..READS {
            match locks::find(&self.services.db, &self.document).await {
                Ok(lock) => return drop(self.events.try_send(Event::Lock(lock))),
                Err(error) => {
                    tracing::warn!(document = %self.document.id, %error, "a lock could not be read");
                    tokio::time::sleep(READ_PAUSE).await;
                }
            }
        }
    }

    async fn release(&self, holder: PrincipalRef) -> Result<bool, DbError> {
        let mut tx = self.services.db.org(self.document.org).await?;
        let released = locks::release(&mut tx, &self.document, Some(holder), ReleaseReason::Left, holder).await?;
        tx.commit().await?;
        Ok(released.is_some())
    }

    /// Tells the room, and those of other instances.
    fn tell(&self, lock: Option<Lock>) {
        let _ = self.events.try_send(Event::Lock(lock));
        self.services.bus.publish(self.document.id, &BusMessage::LockChanged);
    }
}
