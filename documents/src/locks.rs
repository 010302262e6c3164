//! Locks of nodes, for REST and sockets: what changes in the tables reaches the rooms of all instances.
//!
//! The tables are the truth. A room learns of its node's lock when it opens, when this instance changes it, and by a hint
//! from another one; at the latest when the heads of the logs are looked up (`head_watch.rs`).

use std::time::Duration;

use platform::auth::{Principal, PrincipalRef};
use platform::bus::BusMessage;
use platform::db::documents::DocumentRef;
use platform::db::locks::{self, Lock, ReleaseReason, Taking, Waiting};
use platform::db::{Db, DbError, OrgTx};
use tokio::time::Instant;

use crate::owner::Event;
use crate::registry::Documents;
use crate::room::attended_for;

/// How often it is looked for locks that are over.
const SWEEP_EVERY: Duration = Duration::from_secs(5);
/// Locks of a sort that one look ends, at most; more are ended at once after it.
const SWEEP_LOCKS: u32 = 200;

impl Documents {
    /// Takes a node's lock for a principal, or makes it last longer.
    pub async fn take_lock(
        &self,
        node: &DocumentRef,
        principal: &Principal,
        waiting: Waiting,
    ) -> Result<Taking, DbError> {
        let services = self.services();
        let taking = locks::take(&services.db, node, principal, services.limits.lock_seconds, waiting).await?;
        match &taking {
            Taking::Taken(lock) | Taking::Renewed(lock) => self.lock_is(node, Some(lock.clone())),
            // What was held until now may have just run out.
            Taking::Held(_) => {}
        }
        Ok(taking)
    }

    /// Gives back the lock that a principal holds. `None` when it holds none.
    pub async fn release_lock(&self, node: &DocumentRef, holder: PrincipalRef) -> Result<Option<Lock>, DbError> {
        let mut tx = self.services().db.org(node.org).await?;
        let released = locks::release(&mut tx, node, Some(holder), ReleaseReason::Released, holder).await?;
        self.commit_release(tx, node, released).await
    }

    /// Commits that a lock was released in this transaction, and tells everybody.
    pub async fn commit_release(
        &self,
        tx: OrgTx,
        node: &DocumentRef,
        released: Option<Lock>,
    ) -> Result<Option<Lock>, DbError> {
        tx.commit().await?;
        if released.is_some() {
            self.lock_is(node, None);
        }
        Ok(released)
    }

    /// Tells the rooms of a node what has become of its lock.
    fn lock_is(&self, node: &DocumentRef, lock: Option<Lock>) {
        self.tell(node.id, Event::Lock(lock));
        self.services().bus.publish(node.id, &BusMessage::LockChanged);
    }
}

/// Ends locks that are over, until the process ends.
pub(crate) async fn sweep(documents: Documents) {
    let shutdown = documents.services().lifecycle.shutdown_token();
    let mut sweep = Sweep::new(documents);
    loop {
        if sweep.look().await >= SWEEP_LOCKS as usize {
            continue;
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(SWEEP_EVERY) => {}
        }
    }
}

struct Sweep {
    documents: Documents,
    /// When it was last looked for locks that are over.
    looked_at: Instant,
    /// Since when the database has answered, and soon. While it does not, no room can say that a holder is here; before
    /// this process began, maybe none was there to say it. Holders get the time to be heard of again.
    answers_since_ms: u64,
}

impl Sweep {
    fn new(documents: Documents) -> Self {
        let now = documents.services().clock.monotonic_ms();
        Self { documents, looked_at: Instant::now(), answers_since_ms: now }
    }

    fn now(&self) -> u64 {
        self.documents.services().clock.monotonic_ms()
    }

    /// Ends what is over. How many locks, of the sort of which there were more.
    async fn look(&mut self) -> usize {
        self.end_locks().await.unwrap_or_else(|error| {
            tracing::warn!(%error, "locks that are over could not be ended");
            self.answers_since_ms = self.now();
            0
        })
    }

    /// Ends locks whose holders are gone, if the database has answered for long enough to know, and those that have run
    /// out.
    async fn end_locks(&mut self) -> Result<usize, DbError> {
        let looked_before = std::mem::replace(&mut self.looked_at, Instant::now());
        let db = &self.documents.services().db;
        let abandoned = locks::abandoned(db, SWEEP_LOCKS).await?;
        // An answer that was long in coming may be here before what the rooms wanted to say meanwhile.
        if looked_before.elapsed() > 2 * SWEEP_EVERY {
            self.answers_since_ms = self.now();
        }
        let mut ended = 0;
        let answers_for = Duration::from_millis(self.now().saturating_sub(self.answers_since_ms));
        if answers_for >= attended_for(&self.documents.services().limits) {
            ended = self.end_each(&abandoned, locks::end_abandoned).await?;
        }
        let expired = locks::expired(&self.documents.services().db, SWEEP_LOCKS).await?;
        Ok(self.end_each(&expired, locks::end_expired).await?.max(ended))
    }

    /// Ends locks, each by itself, and says how many. One that cannot be ended keeps no other from it.
    async fn end_each(
        &self,
        nodes: &[DocumentRef],
        end: impl AsyncFn(&Db, &DocumentRef) -> Result<bool, DbError>,
    ) -> Result<usize, DbError> {
        let mut ended = 0;
        for node in nodes {
            if self.looked_at.elapsed() > SWEEP_EVERY {
                break;
            }
            match end(&self.documents.services().db, node).await {
                Ok(true) => {
                    self.documents.lock_is(node, None);
                    ended += 1;
                }
                Ok(false) => {}
                Err(error) if error.is_temporary() => return Err(error),
                Err(error) => tracing::warn!(node = %node.id, %error, "a lock that is over could not be ended"),
            }
        }
        Ok(ended)
    }
}
