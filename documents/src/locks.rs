//! Locks of nodes, for REST and sockets: what changes in the tables reaches the rooms of all instances.
//!
//! The tables are the truth. A room learns of its node's lock when it opens, when this instance changes it, and by a hint
//! from another one; at the latest when the heads of the logs are looked up (`head_watch.rs`).

use std::time::Duration;

use platform::auth::{Principal, PrincipalRef};
use platform::bus::BusMessage;
use platform::db::documents::DocumentRef;
use platform::db::locks::{self, Lock, ReleaseReason, Taking, Waiting};
use platform::db::{DbError, OrgTx};

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

    fn locks_ended(&self, nodes: &[DocumentRef]) {
        for node in nodes {
            self.lock_is(node, None);
        }
    }
}

/// Ends locks that are over, until the process ends.
pub(crate) async fn sweep(documents: Documents) {
    let services = documents.services();
    let shutdown = services.lifecycle.shutdown_token();
    // While the database does not answer, no room can say that a holder is here; before this process began, maybe none
    // was there to say it. Holders get the time to be heard of again.
    let mut answers_since_ms = services.clock.monotonic_ms();
    loop {
        let answers_for = Duration::from_millis(services.clock.monotonic_ms().saturating_sub(answers_since_ms));
        let is_full = match end_locks(&documents, answers_for).await {
            Ok(ended) => ended >= SWEEP_LOCKS as usize,
            Err(error) => {
                tracing::warn!(%error, "locks that are over could not be ended");
                answers_since_ms = services.clock.monotonic_ms();
                false
            }
        };
        if is_full {
            continue;
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(SWEEP_EVERY) => {}
        }
    }
}

/// Ends locks whose holders are gone, if the database has answered for long enough to know, and those that have run out.
/// How many, of the sort of which there were more.
async fn end_locks(documents: &Documents, answers_for: Duration) -> Result<usize, DbError> {
    let services = documents.services();
    let mut abandoned = Vec::new();
    if answers_for >= attended_for(&services.limits) {
        abandoned = locks::end_abandoned(&services.db, SWEEP_LOCKS).await?;
        documents.locks_ended(&abandoned);
    }
    let expired = locks::end_expired(&services.db, SWEEP_LOCKS).await?;
    documents.locks_ended(&expired);
    Ok(abandoned.len().max(expired.len()))
}
