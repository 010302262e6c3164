//! Sends a message for every run that has something to do and of which the queue was not told yet.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use tokio::time::{sleep, timeout};

use super::{AgentQueue, AgentQueueError, BATCH_MESSAGES_MAX};
use crate::db::runs::{self, Wakes};
use crate::db::{Db, DbError};
use crate::lifecycle::Lifecycle;
use crate::metrics::Metrics;

/// How often runs are looked for without a hint: some become due by themselves.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Tells the queue. Every instance may; the rows say which of them told it.
#[derive(Debug)]
pub struct Announcer {
    db: Db,
    queue: AgentQueue,
    per_org: i64,
    metrics: AnnouncerMetrics,
}

/// What is counted.
#[derive(Debug, Default)]
struct AnnouncerMetrics {
    sent: Counter,
    failed: Counter,
}

/// Why it could not be told.
#[derive(Debug, thiserror::Error)]
enum AnnounceError {
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(transparent)]
    Queue(#[from] AgentQueueError),
}

impl Announcer {
    /// Gets ready. Of one organization, `per_org` runs are driven at the same time.
    #[must_use]
    pub fn new(db: &Db, queue: &AgentQueue, per_org: u32, metrics: &Metrics) -> Self {
        let counters = AnnouncerMetrics::default();
        let mut registry = metrics.registry();
        let registry = registry.sub_registry_with_prefix("agent_queue");
        registry.register("sent", "Messages sent about runs that have something to do", counters.sent.clone());
        registry.register(
            "failed",
            "Messages that the queue did not take; the runs are found later",
            counters.failed.clone(),
        );
        Self { db: db.clone(), queue: queue.clone(), per_org: per_org.into(), metrics: counters }
    }

    /// Announces until the process leaves.
    pub fn start(self, lifecycle: &Lifecycle) {
        let leaving = lifecycle.draining();
        lifecycle.spawn("agent announcer", async move {
            tokio::select! {
                () = self.run() => {}
                () = leaving.cancelled() => {}
            }
        });
    }

    async fn run(&self) {
        let mut failing = false;
        loop {
            match self.listen_and_announce(&mut failing).await {
                Ok(never) => match never {},
                // The cause once, and not again each second.
                Err(error) if !failing => {
                    tracing::warn!(%error, "workers are not woken through the queue; they find runs by themselves, later");
                    failing = true;
                }
                Err(error) => tracing::debug!(%error, "the queue is still not told of runs"),
            }
            sleep(LOOK_EVERY).await;
        }
    }

    async fn listen_and_announce(&self, failing: &mut bool) -> Result<std::convert::Infallible, AnnounceError> {
        let mut wakes = Wakes::listen(&self.db).await?;
        loop {
            while self.announce_some(failing).await? == BATCH_MESSAGES_MAX {}
            // Whatever woke it: all that is due is looked for.
            if let Ok(heard) = timeout(LOOK_EVERY, wakes.next()).await {
                heard?;
            }
        }
    }

    async fn announce_some(&self, failing: &mut bool) -> Result<usize, AnnounceError> {
        let jobs = runs::announce(&self.db, self.per_org, BATCH_MESSAGES_MAX).await?;
        if jobs.is_empty() {
            return Ok(0);
        }
        let sent = self.queue.send(&jobs).await;
        let count = *sent.as_ref().unwrap_or(&0);
        self.metrics.sent.inc_by(count as u64);
        self.metrics.failed.inc_by((jobs.len() - count) as u64);
        sent?;
        if std::mem::take(failing) {
            tracing::info!("the queue is told of runs again");
        }
        Ok(jobs.len())
    }
}
