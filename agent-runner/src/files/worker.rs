//! The tasks that read files. Each takes one that is due, has its text read, and notes what came of it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use platform::blob::{BlobError, BlobKey, BlobStore};
use platform::db::files::{self, ATTEMPTS_MAX, FileText, LeasedFile};
use platform::db::{Db, DbError};
use platform::lifecycle::Lifecycle;
use platform::limits::Limits;
use platform::metrics::Metrics;
use platform::random::Random;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::extract::{ExtractLimits, Extracted, may_have_text};
use super::extractor::{Extractor, ExtractorError};
use super::metrics::{FileFailure, FileMetrics, FileOutcome};

/// Files that are read at the same time, by one instance.
const WORKERS: usize = 2;
/// How often what is due is looked for without a hint: what other instances commit, and what is to be tried again.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long a file may take in all: fetching it, reading it.
const TIME_MAX: Duration = Duration::from_mins(3);
/// How much longer its lease lasts: time to note what came of it.
const LEASE_RESERVE: Duration = Duration::from_mins(1);
/// How often it is counted how many wait.
const COUNT_EVERY: Duration = Duration::from_secs(30);
/// The pause before a file is tried again that could not be read now; four times as long for each more ...
const PAUSE_FIRST: Duration = Duration::from_secs(10);
/// ... up to this.
const PAUSE_MAX: Duration = Duration::from_mins(10);

/// Reads files that were uploaded. Cheap to clone.
#[derive(Clone)]
pub struct FileReader(Arc<Inner>);

struct Inner {
    db: Db,
    blobs: BlobStore,
    extractor: Extractor,
    random: Random,
    bytes_max: u64,
    metrics: FileMetrics,
    /// There may be something to do.
    noted: Notify,
}

/// Why a file has no result.
enum Unread {
    /// It never will.
    Never(FileFailure, String),
    /// Not now.
    NotNow(FileFailure, String),
}

impl Unread {
    const fn reason(&self) -> FileFailure {
        let (Self::Never(reason, _) | Self::NotNow(reason, _)) = self;
        *reason
    }
}

impl FileReader {
    /// Gets ready.
    #[must_use]
    pub fn new(
        db: &Db,
        blobs: &BlobStore,
        extractor: Extractor,
        random: &Random,
        limits: &Limits,
        metrics: &Metrics,
    ) -> Self {
        let most = u64::try_from(ExtractLimits::default().file_bytes).unwrap_or(u64::MAX);
        Self(Arc::new(Inner {
            db: db.clone(),
            blobs: blobs.clone(),
            extractor,
            random: random.clone(),
            bytes_max: limits.file_bytes.min(most),
            metrics: FileMetrics::register(metrics),
            noted: Notify::new(),
        }))
    }

    /// Reads until the process leaves.
    pub fn start(&self, lifecycle: &Lifecycle) {
        for _ in 0..WORKERS {
            let (inner, leaving) = (Arc::clone(&self.0), lifecycle.draining());
            lifecycle.spawn("file worker", async move { inner.work(leaving).await });
        }
        let (inner, leaving) = (Arc::clone(&self.0), lifecycle.draining());
        lifecycle.spawn("file hints", async move {
            tokio::select! {
                () = inner.pass_hints_on() => {}
                () = leaving.cancelled() => {}
            }
        });
        let (inner, leaving) = (Arc::clone(&self.0), lifecycle.draining());
        lifecycle.spawn("file backlog", async move {
            tokio::select! {
                () = inner.count_what_waits() => {}
                () = leaving.cancelled() => {}
            }
        });
    }
}

impl Inner {
    /// Has one worker look whenever something was committed, and from time to time.
    async fn pass_hints_on(&self) {
        let mut hints = self.db.hints(LOOK_EVERY);
        while hints.next().await {
            self.noted.notify_one();
        }
    }

    async fn work(&self, leaving: CancellationToken) {
        while !leaving.is_cancelled() {
            match self.work_once(&leaving).await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(%error, "files that are to be read could not be looked up");
                    sleep(LOOK_EVERY).await;
                }
            }
            tokio::select! {
                () = leaving.cancelled() => return,
                () = self.noted.notified() => {}
            }
        }
    }

    /// Reads one file that is due. Returns whether there was one.
    async fn work_once(&self, leaving: &CancellationToken) -> Result<bool, DbError> {
        let lease = self.random.uuid_v4();
        let Some(file) = files::lease(&self.db, lease, TIME_MAX + LEASE_RESERVE).await? else { return Ok(false) };
        // There may be another one.
        self.noted.notify_one();
        let since = Instant::now();
        let read = tokio::select! {
            read = timeout(TIME_MAX, self.read(&file)) => {
                read.unwrap_or_else(|_| Err(Unread::NotNow(FileFailure::TookTooLong, "it took too long".to_owned())))
            }
            // Another instance begins with it anew.
            () = leaving.cancelled() => return files::give_back(&self.db, &file).await,
        };
        if let Err(unread) = &read {
            self.metrics.failed(unread.reason());
        }
        let outcome = self.note(&file, read).await?;
        self.metrics.processed(outcome, since.elapsed());
        Ok(true)
    }

    async fn read(&self, file: &LeasedFile) -> Result<Option<Extracted>, Unread> {
        if file.attempts > ATTEMPTS_MAX {
            // Whoever read it before was not heard of again, each time.
            let problem = "its readers have ended while they read it".to_owned();
            return Err(Unread::Never(FileFailure::ReadersEnded, problem));
        }
        // A film need not be fetched to know that it has no text.
        if !may_have_text(&file.content_type, &file.filename) {
            return Ok(None);
        }
        let bytes = self.fetch(file).await?;
        let extracted = self.extractor.extract(&file.content_type, &file.filename, bytes).await;
        extracted.map_err(|error| match error {
            ExtractorError::Unreadable(problem) => Unread::Never(FileFailure::Unreadable, problem),
            error @ ExtractorError::Unavailable(_) => Unread::NotNow(FileFailure::NoReader, error.to_string()),
        })
    }

    async fn fetch(&self, file: &LeasedFile) -> Result<Bytes, Unread> {
        let key = BlobKey::stored(file.storage_key.clone());
        let key = key.map_err(|error| Unread::Never(FileFailure::Missing, error.to_string()))?;
        self.blobs.read(&key, self.bytes_max).await.map_err(|error| not_fetched(&error))
    }

    /// Notes what came of a file.
    async fn note(&self, file: &LeasedFile, read: Result<Option<Extracted>, Unread>) -> Result<FileOutcome, DbError> {
        let (result, outcome) = match read {
            Ok(Some(Extracted { text, truncated })) => {
                (FileText::Read { text: Some(text), truncated }, FileOutcome::Complete)
            }
            Ok(None) => (FileText::Read { text: None, truncated: false }, FileOutcome::Complete),
            Err(Unread::NotNow(_, why)) if file.attempts < ATTEMPTS_MAX => {
                tracing::warn!(file = %file.id, org = %file.org, why, "a file could not be read; it will be tried again");
                let wait = self.pause(file.attempts);
                let is_ours = files::try_again(&self.db, file, wait).await?;
                return Ok(if is_ours { FileOutcome::Postponed } else { FileOutcome::Lost });
            }
            Err(Unread::NotNow(_, why)) => {
                tracing::warn!(file = %file.id, org = %file.org, why, "a file is given up");
                (FileText::Failed { problem: "the file could not be fetched or read".to_owned() }, FileOutcome::Failed)
            }
            Err(Unread::Never(_, problem)) => {
                tracing::info!(file = %file.id, org = %file.org, problem, "a file cannot be read");
                (FileText::Failed { problem }, FileOutcome::Failed)
            }
        };
        let is_noted = files::finish(&self.db, file, &result).await?;
        Ok(if is_noted { outcome } else { FileOutcome::Lost })
    }

    /// How long a file waits that was tried so often: longer each time, and never quite the same.
    fn pause(&self, attempts: i32) -> Duration {
        let longest = backoff(attempts);
        let quarter = u64::try_from(longest.as_millis() / 4).unwrap_or(u64::MAX);
        longest.saturating_sub(Duration::from_millis(self.random.below(quarter.max(1))))
    }

    async fn count_what_waits(&self) {
        loop {
            match files::waiting(&self.db).await {
                Ok(backlog) => self.metrics.waits(backlog),
                Err(error) => tracing::debug!(%error, "the files that wait could not be counted"),
            }
            sleep(COUNT_EVERY).await;
        }
    }
}

fn not_fetched(error: &BlobError) -> Unread {
    let reason = match error {
        BlobError::TooLarge { max_bytes } => {
            let problem = format!("the file has more than {max_bytes} bytes, which is too much to be read");
            return Unread::Never(FileFailure::TooLarge, problem);
        }
        BlobError::NotFound | BlobError::BadKey => FileFailure::Missing,
        BlobError::Refused(_) => FileFailure::StoreRefuses,
        BlobError::Unavailable(_) => FileFailure::StoreUnavailable,
    };
    // Perhaps it is there later: what an operator has broken, an operator mends.
    Unread::NotNow(reason, error.to_string())
}

fn backoff(attempts: i32) -> Duration {
    let more = attempts.saturating_sub(1).clamp(0, 15).unsigned_abs();
    PAUSE_FIRST.saturating_mul(4_u32.pow(more)).min(PAUSE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tries again after 10 s, 40 s, 3 min and 10 min: an outage of some minutes fails no file.
    #[test]
    fn pauses_grow_up_to_the_longest() {
        let pauses: Vec<u64> = (1..=7).map(|attempts| backoff(attempts).as_secs()).collect();
        assert_eq!(pauses, [10, 40, 160, 600, 600, 600, 600]);
        assert_eq!((backoff(0), backoff(i32::MAX)), (PAUSE_FIRST, PAUSE_MAX));
    }
}
