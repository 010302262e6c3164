//! The entries of nodes.

use std::time::Duration;

use platform::db::DbError;
use platform::db::search;
use schema::ids::OrgId;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::time::{sleep, timeout};

use super::{Inner, LOOK_EVERY};

/// Nodes that are indexed in one transaction.
const NODES_AT_ONCE: usize = 20;
/// What is committed within this time is one hint.
const HINT_PAUSE: Duration = Duration::from_millis(100);

impl Inner {
    /// Indexes nodes that have changed, as long as the process runs.
    pub(super) async fn index_nodes(&self) {
        let mut commits = self.db.listen_to_commits();
        loop {
            if self.index_some().await > 0 {
                continue;
            }
            // Most of what changes nodes is told as an event, too; the rest, and other instances' changes, are looked
            // for.
            if let Ok(Err(RecvError::Closed)) = timeout(LOOK_EVERY, commits.recv()).await {
                return;
            }
            sleep(HINT_PAUSE).await;
            while matches!(commits.try_recv(), Ok(_) | Err(TryRecvError::Lagged(_))) {}
        }
    }

    /// Indexes some nodes of each organization in which some wait. Returns how many.
    async fn index_some(&self) -> usize {
        let orgs = search::with_nodes_waiting(&self.db).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "nodes to be indexed cannot be looked up");
            Vec::new()
        });
        let mut indexed = 0;
        for org in orgs {
            indexed += self.index_in(org).await;
        }
        self.metrics.indexed(indexed);
        indexed
    }

    async fn index_in(&self, org: OrgId) -> usize {
        match self.index(org, NODES_AT_ONCE).await {
            Ok(count) => count,
            // One of them cannot be written; the others must not wait for it.
            Err(error) if error.is_refusal() => self.index_one(org).await,
            Err(error) => {
                tracing::warn!(%error, %org, "nodes could not be indexed");
                0
            }
        }
    }

    /// Indexes the node that has waited longest, or has it wait behind all others.
    async fn index_one(&self, org: OrgId) -> usize {
        match self.index(org, 1).await {
            Ok(count) => count,
            Err(error) => {
                tracing::error!(%error, %org, "a node cannot be indexed");
                if let Err(error) = search::set_back(&self.db, org).await {
                    tracing::warn!(%error, %org, "nodes behind one that cannot be indexed wait");
                }
                0
            }
        }
    }

    async fn index(&self, org: OrgId, max: usize) -> Result<usize, DbError> {
        let mut tx = self.db.org(org).await?;
        let indexed = search::index_nodes(&mut tx, max).await?;
        tx.commit().await?;
        Ok(indexed)
    }
}
