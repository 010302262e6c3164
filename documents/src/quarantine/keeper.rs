//! Stores what rooms refuse as harmful, one after the other, and deletes what is old.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chrono::Days;
use platform::clock::Clock;
use platform::db::Db;
use platform::db::quarantine::{self, Keeping, NewEntry};
use platform::lifecycle::Lifecycle;
use platform::limits::Limits;
use platform::random::Random;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::metrics::{DocumentMetrics, QuarantineOutcome};

/// Updates that wait to be stored, at most. What comes on top is counted and not kept.
const QUEUE_ENTRIES: usize = 64;
/// Their bytes, at most; a single one may be larger.
const QUEUE_BYTES: usize = 32 << 20;
/// How often what is old is looked for.
const SWEEP_EVERY: Duration = Duration::from_hours(1);

/// The way into the quarantine, for all documents of this instance.
pub(crate) struct Keeper {
    queue: mpsc::Sender<NewEntry>,
    queued_bytes: Arc<AtomicUsize>,
    metrics: Arc<DocumentMetrics>,
}

impl Keeper {
    /// Starts the task.
    pub(crate) fn start(
        db: &Db,
        clock: &Arc<dyn Clock>,
        random: &Random,
        lifecycle: &Lifecycle,
        limits: &Limits,
        metrics: &Arc<DocumentMetrics>,
    ) -> Self {
        let (queue, inbox) = mpsc::channel(QUEUE_ENTRIES);
        let queued_bytes = Arc::new(AtomicUsize::new(0));
        let worker = Worker {
            db: db.clone(),
            clock: Arc::clone(clock),
            limits: limits.clone(),
            queued_bytes: Arc::clone(&queued_bytes),
            metrics: Arc::clone(metrics),
        };
        // Instances that start together do not sweep together.
        let first_sweep = Duration::from_secs(random.below(SWEEP_EVERY.as_secs()));
        let lifecycle_of_worker = lifecycle.clone();
        lifecycle.spawn("quarantine", async move {
            worker.run(inbox, first_sweep, &lifecycle_of_worker).await;
        });
        Self { queue, queued_bytes, metrics: Arc::clone(metrics) }
    }

    /// Hands an update over. Never waits.
    pub(crate) fn keep(&self, entry: NewEntry) {
        let bytes = entry.update.len();
        let before = self.queued_bytes.fetch_add(bytes, Ordering::AcqRel);
        let fits = before == 0 || before.saturating_add(bytes) <= QUEUE_BYTES;
        if !fits || self.queue.try_send(entry).is_err() {
            self.queued_bytes.fetch_sub(bytes, Ordering::AcqRel);
            self.metrics.quarantined(QuarantineOutcome::QueueFull);
        }
    }
}

struct Worker {
    db: Db,
    clock: Arc<dyn Clock>,
    limits: Limits,
    queued_bytes: Arc<AtomicUsize>,
    metrics: Arc<DocumentMetrics>,
}

impl Worker {
    async fn run(self, mut inbox: mpsc::Receiver<NewEntry>, first_sweep: Duration, lifecycle: &Lifecycle) {
        let shutdown = lifecycle.shutdown_token();
        let mut sweep_at = Instant::now() + first_sweep;
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                Some(entry) = inbox.recv() => self.keep(&entry).await,
                () = tokio::time::sleep_until(sweep_at) => {
                    self.sweep().await;
                    sweep_at = Instant::now() + SWEEP_EVERY;
                }
            }
        }
        inbox.close();
        while let Some(entry) = inbox.recv().await {
            self.keep(&entry).await;
        }
    }

    async fn keep(&self, entry: &NewEntry) {
        self.queued_bytes.fetch_sub(entry.update.len(), Ordering::AcqRel);
        let outcome = match quarantine::keep(&self.db, &self.limits, entry).await {
            Ok(Keeping::Kept) => QuarantineOutcome::Kept,
            Ok(Keeping::LeftOut) => QuarantineOutcome::LeftOut,
            Err(error) => {
                tracing::error!(document = %entry.document, %error, "a quarantined update could not be stored");
                QuarantineOutcome::Failed
            }
        };
        self.metrics.quarantined(outcome);
    }

    async fn sweep(&self) {
        let days = Days::new(self.limits.quarantine_days.into());
        let Some(before) = self.clock.now().checked_sub_days(days) else { return };
        match quarantine::expire(&self.db, before).await {
            Ok(expired) if expired.updates > 0 => {
                let (updates, unhandled) = (expired.updates, expired.unhandled);
                tracing::warn!(updates, unhandled, "updates were in quarantine for so long that they are deleted");
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "the quarantine could not be looked through for what is old"),
        }
    }
}
