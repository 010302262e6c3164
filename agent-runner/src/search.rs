//! Keeps what can be found up to date: the entries of nodes that have changed, and what passages mean.

mod embeddings;
mod metrics;
mod nodes;

use std::sync::Arc;
use std::time::Duration;

use platform::db::Db;
use platform::db::search;
use platform::embedding::Embedder;
use platform::lifecycle::Lifecycle;
use platform::metrics::Metrics;
use platform::random::Random;
use tokio::time::sleep;

use self::metrics::SearchMetrics;

/// How often it is looked for something to do without a hint.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often it is counted how much waits.
const COUNT_EVERY: Duration = Duration::from_secs(15);

/// Makes nodes be found by what they say, and passages by what they mean. Any number of instances may do so at the same
/// time. Cheap to clone.
#[derive(Clone)]
pub struct Indexer(Arc<Inner>);

struct Inner {
    db: Db,
    embedder: Embedder,
    random: Random,
    metrics: SearchMetrics,
}

impl Indexer {
    /// Gets ready.
    #[must_use]
    pub fn new(db: &Db, embedder: &Embedder, random: &Random, metrics: &Metrics) -> Self {
        Self(Arc::new(Inner {
            db: db.clone(),
            embedder: embedder.clone(),
            random: random.clone(),
            metrics: SearchMetrics::register(metrics),
        }))
    }

    /// Works until the process leaves. What is broken off is done by whoever comes next.
    pub fn start(&self, lifecycle: &Lifecycle) {
        let (inner, leaving) = (Arc::clone(&self.0), lifecycle.draining());
        lifecycle.spawn("search indexer", async move {
            tokio::select! {
                () = inner.index_nodes() => {}
                () = leaving.cancelled() => {}
            }
        });
        let (inner, leaving) = (Arc::clone(&self.0), lifecycle.draining());
        lifecycle.spawn("search embeddings", async move {
            tokio::select! {
                () = inner.embed_passages() => {}
                () = leaving.cancelled() => {}
            }
        });
        let (inner, leaving) = (Arc::clone(&self.0), lifecycle.draining());
        lifecycle.spawn("search backlog", async move {
            tokio::select! {
                () = inner.count_what_waits() => {}
                () = leaving.cancelled() => {}
            }
        });
    }
}

impl Inner {
    async fn count_what_waits(&self) {
        loop {
            match search::waiting(&self.db).await {
                Ok(backlog) => self.metrics.waits(backlog),
                Err(error) => tracing::debug!(%error, "what waits to be found could not be counted"),
            }
            sleep(COUNT_EVERY).await;
        }
    }
}
