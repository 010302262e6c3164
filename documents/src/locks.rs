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

/// How often it is looked for locks that have run out.
const SWEEP_EVERY: Duration = Duration::from_secs(5);
/// Locks that one look ends, at most; more are ended at once after it.
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

/// Ends locks that have run out, until the process ends.
pub(crate) async fn sweep(documents: Documents) {
    let services = documents.services();
    let shutdown = services.lifecycle.shutdown_token();
    loop {
        let is_full = match locks::end_expired(&services.db, SWEEP_LOCKS).await {
            Ok(ended) => {
                for node in &ended {
                    documents.lock_is(node, None);
                }
                ended.len() >= SWEEP_LOCKS as usize
            }
            Err(error) => {
                tracing::warn!(%error, "locks that have run out could not be ended");
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
