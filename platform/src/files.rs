//! Lets go of what is left over of files: those whose bytes never came, and blobs whose file is gone.

mod metrics;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::timeout;

use crate::blob::{BlobError, BlobKey, BlobStore};
use crate::clock::Clock;
use crate::config::FilesConfig;
use crate::db::files::{abandoned, forget_unconfirmed, next_abandoned};
use crate::db::{Db, DbError};
use crate::lifecycle::Lifecycle;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::random::Random;

use self::metrics::{Step, SweepMetrics};

/// How often what is left over is looked for.
const SWEEP_EVERY: Duration = Duration::from_mins(10);
/// Files that are forgotten in one transaction.
const FORGOTTEN_AT_ONCE: i64 = 500;
/// After so many blobs that could not be deleted, the others wait for the next time.
const FAILURES_MAX: u32 = 10;
/// How long the store may take to delete a blob: its row is locked meanwhile.
const DELETE_TIMEOUT: Duration = Duration::from_secs(5);

/// Deletes what is left over of files. Several instances may each have one.
#[derive(Clone)]
pub struct FileKeeper {
    db: Db,
    blobs: BlobStore,
    clock: Arc<dyn Clock>,
    /// After this time a file is forgotten that nobody confirmed.
    unconfirmed: TimeDelta,
    /// For so long something may still be uploaded to where a file was.
    uploads: TimeDelta,
    metrics: SweepMetrics,
}

#[derive(Debug, thiserror::Error)]
enum SweepError {
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(transparent)]
    Blob(#[from] BlobError),
}

impl FileKeeper {
    /// A keeper of these limits.
    #[must_use]
    pub fn new(
        db: &Db,
        blobs: &BlobStore,
        clock: &Arc<dyn Clock>,
        config: &FilesConfig,
        limits: &Limits,
        metrics: &Metrics,
    ) -> Self {
        Self {
            db: db.clone(),
            blobs: blobs.clone(),
            clock: Arc::clone(clock),
            unconfirmed: TimeDelta::hours(limits.files_unconfirmed_hours.into()),
            uploads: TimeDelta::seconds(config.upload_url_seconds.cast_signed()),
            metrics: SweepMetrics::register(metrics),
        }
    }

    /// Deletes what is left over every ten minutes, until the process ends. Instances that start together do not sweep
    /// together.
    pub fn start(self, random: &Random, lifecycle: &Lifecycle) {
        let first = Duration::from_secs(random.below(SWEEP_EVERY.as_secs()));
        let shutdown = lifecycle.shutdown_token();
        lifecycle.spawn("file keeper", async move {
            let sweeping = async {
                let mut pause = first;
                loop {
                    tokio::time::sleep(pause).await;
                    self.sweep().await;
                    pause = SWEEP_EVERY;
                }
            };
            tokio::select! {
                () = sweeping => {}
                () = shutdown.cancelled() => {}
            }
        });
    }

    /// Deletes what is left over now.
    pub async fn sweep(&self) {
        let now = self.clock.now();
        if let Err(error) = self.forget_unconfirmed(now - self.unconfirmed).await {
            tracing::warn!(%error, "files that nobody confirmed are not forgotten yet");
            self.metrics.failed(Step::Forgetting);
        }
        if let Err(error) = self.delete_abandoned(now - self.uploads).await {
            tracing::warn!(%error, "blobs of deleted files are not deleted yet");
            self.metrics.failed(Step::Deleting);
        }
        if let Err(error) = self.blobs.clear(now - self.unconfirmed).await {
            tracing::warn!(%error, "what came only in part is not deleted yet");
            self.metrics.failed(Step::Clearing);
        }
        self.count_what_waits(now - self.uploads).await;
    }

    /// Counts the abandoned blobs, of which those from before `before` should be gone.
    async fn count_what_waits(&self, before: DateTime<Utc>) {
        match abandoned(&self.db).await {
            Ok(blobs) => {
                let overdue = blobs.since.map(|since| before - since);
                self.metrics.waits(blobs.count, overdue.unwrap_or_default());
            }
            Err(error) => tracing::debug!(%error, "the blobs of deleted files could not be counted"),
        }
    }

    async fn forget_unconfirmed(&self, before: DateTime<Utc>) -> Result<(), DbError> {
        let mut files = 0;
        loop {
            let forgotten = forget_unconfirmed(&self.db, before, FORGOTTEN_AT_ONCE).await?;
            files += forgotten;
            self.metrics.forgot(forgotten);
            if forgotten < FORGOTTEN_AT_ONCE.cast_unsigned() {
                break;
            }
        }
        if files > 0 {
            tracing::info!(files, "files that nobody confirmed were forgotten");
        }
        Ok(())
    }

    /// Deletes each abandoned blob at once, and once more after nobody can upload it any more: those abandoned before
    /// `before` are gone for good then.
    async fn delete_abandoned(&self, before: DateTime<Utc>) -> Result<(), SweepError> {
        let (mut last, mut failures) = (String::new(), 0);
        while let Some(abandoned) = next_abandoned(&self.db, &last).await? {
            last.clone_from(&abandoned.key);
            match self.delete(&abandoned.key).await {
                Ok(()) if abandoned.since < before => {
                    abandoned.forget().await?;
                    self.metrics.deleted();
                }
                Ok(()) => {}
                // One that cannot be deleted must not keep the others; a store that is away is not asked for each.
                Err(error) => {
                    failures += 1;
                    if failures >= FAILURES_MAX {
                        return Err(error.into());
                    }
                    tracing::warn!(%error, key = %last, "the blob of a deleted file is not deleted yet");
                    self.metrics.failed(Step::Deleting);
                }
            }
        }
        Ok(())
    }

    async fn delete(&self, key: &str) -> Result<(), BlobError> {
        let key = BlobKey::stored(key.to_owned())?;
        let deleted = timeout(DELETE_TIMEOUT, self.blobs.delete(&key)).await;
        deleted.map_err(|_| BlobError::Unavailable("it takes too long to delete a blob".to_owned()))?
    }
}
