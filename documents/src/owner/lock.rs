//! What an owner has done about the lock of its node.

use std::sync::Arc;
use std::time::Duration;

use platform::auth::PrincipalRef;
use platform::bus::BusMessage;
use platform::db::locks::{self, Lock};
use platform::db::{DbError, documents::DocumentRef};

use super::{Event, EventSender, Owner};
use crate::room::{Enforcement, Input, LockState, attended_for};
use crate::services::Services;

/// The pause after a failed read.
const READ_PAUSE: Duration = Duration::from_millis(500);

/// Whether the tables are being asked who holds the lock.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum LockRead {
    #[default]
    Idle,
    UnderWay,
    /// They are, and something has happened since, so that the answer may be older than that.
    Outdated,
}

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
            fencing_token: lock.fencing_token,
            until_ms: now.saturating_add(u64::try_from(lock.remaining_ms).unwrap_or_default()),
            enforcement: if lock.is_enforced { Enforcement::Enforced } else { Enforcement::Advisory },
        });
        self.take(Input::Lock(state));
    }

    /// The lock, as this instance has just changed it. Of several changes, the news may come in another order: the tables
    /// have the last word.
    pub(super) fn lock_changed(&mut self, lock: Option<Lock>) {
        self.take_lock(lock);
        self.read_lock();
    }

    /// Which lock the tables were seen to have.
    pub(super) fn compare_lock(&mut self, fencing_token: Option<i64>) {
        if self.room.lock_token() != fencing_token {
            self.read_lock();
        }
    }

    /// Asks the tables who holds the lock, once at a time.
    pub(super) fn read_lock(&mut self) {
        if self.lock_read != LockRead::Idle {
            self.lock_read = LockRead::Outdated;
            return;
        }
        self.lock_read = LockRead::UnderWay;
        let job = self.job();
        self.services.lifecycle.spawn("lock read", async move {
            let read = locks::find(&job.services.db, &job.document).await;
            if read.is_err() {
                tokio::time::sleep(READ_PAUSE).await;
            }
            drop(job.events.try_send(Event::LockRead(read)));
        });
    }

    /// The tables' answer. If there is none, it is compared again once they answer.
    pub(super) fn lock_was_read(&mut self, read: Result<Option<Lock>, DbError>) {
        if std::mem::take(&mut self.lock_read) == LockRead::Outdated {
            return self.read_lock();
        }
        match read {
            Ok(lock) => self.take_lock(lock),
            Err(error) => {
                tracing::warn!(document = %self.document.id, %error, "a lock could not be read");
                self.services.heads.ask(self.document.id);
            }
        }
    }

    pub(super) fn renew_lock(&self, holder: PrincipalRef) {
        let job = self.job();
        self.services.lifecycle.spawn("lock renewal", async move {
            let seconds = job.services.limits.lock_seconds;
            match locks::renew(&job.services.db, &job.document, holder, seconds).await {
                Ok(lock) => job.tell(lock),
                Err(error) => tracing::warn!(document = %job.document.id, %error, "a lock could not be renewed"),
            }
        });
    }

    /// The holder is here.
    pub(super) fn attend_lock(&self, holder: PrincipalRef) {
        let job = self.job();
        self.services.lifecycle.spawn("lock attendance", async move {
            let (instance, lasts) = (job.services.bus.instance(), attended_for(&job.services.limits));
            if let Err(error) = locks::attend(&job.services.db, &job.document, holder, instance, lasts).await {
                tracing::warn!(document = %job.document.id, %error, "a lock's holder could not be noted as here");
            }
        });
    }

    /// The holder has left this instance.
    pub(super) fn leave_lock(&self, holder: PrincipalRef) {
        let job = self.job();
        self.services.lifecycle.spawn("lock release", async move {
            match job.leave(holder).await {
                Ok(lock) => job.tell(lock),
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
    /// Ends the holder's lock unless they are here through another instance. Somebody else may have it by then.
    async fn leave(&self, holder: PrincipalRef) -> Result<Option<Lock>, DbError> {
        let db = &self.services.db;
        locks::leave(db, &self.document, holder, self.services.bus.instance()).await?;
        locks::find(db, &self.document).await
    }

    /// Tells the room, and those of other instances.
    fn tell(&self, lock: Option<Lock>) {
        let _ = self.events.try_send(Event::Lock(lock));
        self.services.bus.publish(self.document.id, &BusMessage::LockChanged);
    }
}
