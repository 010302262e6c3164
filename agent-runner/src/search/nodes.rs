//! The entries of nodes.

use platform::db::DbError;
use platform::db::search;
use schema::ids::OrgId;

use super::{Inner, LOOK_EVERY};

/// Nodes that are indexed in one organization before it is another one's turn.
const NODES_IN_A_ROW: usize = 20;

impl Inner {
    /// Indexes nodes that have changed, as long as the process runs.
    pub(super) async fn index_nodes(&self) {
        // Most of what changes nodes is told as an event, too.
        let mut hints = self.db.hints(LOOK_EVERY);
        loop {
            while self.index_some().await > 0 {}
            if !hints.next().await {
                return;
            }
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
        for indexed in 0..NODES_IN_A_ROW {
            match self.index_next(org).await {
                Ok(0) => return indexed,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, %org, "a node could not be indexed");
                    self.metrics.indexing_failures.inc();
                    if error.is_refusal() {
                        self.set_back(org).await;
                    }
                    return indexed;
                }
            }
        }
        NODES_IN_A_ROW
    }

    /// Indexes the node that has waited longest. Each in a transaction of its own: until it ends, who changes that node waits.
    async fn index_next(&self, org: OrgId) -> Result<usize, DbError> {
        let mut tx = self.db.org(org).await?;
        let indexed = search::index_nodes(&mut tx, 1).await?;
        tx.commit().await?;
        Ok(indexed)
    }

    /// Has the node that has waited longest wait behind all others.
    async fn set_back(&self, org: OrgId) {
        if let Err(error) = search::set_back(&self.db, org).await {
            tracing::warn!(%error, %org, "nodes behind one that cannot be indexed wait");
        }
    }
}
