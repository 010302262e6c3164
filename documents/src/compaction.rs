//! Snapshots: a document's state, built from its log and never from memory, so that what a snapshot holds is exactly
//! what the log holds up to its seq.

use bytes::Bytes;
use platform::db::documents::DocumentRef;
use platform::db::log::{self, EventSourcingLevel, StoredDocument, Trimmed};
use platform::limits::Limits;
use schema::ids::Seq;

use crate::error::LoadError;
use crate::history::{HistoryError, index};
use crate::metrics::seconds_of;
use crate::replica::{ApplyError, READER, Replica};
use crate::services::Services;

/// The shortest time between two snapshots of a document.
const PAUSE_MS: u64 = 5_000;
/// After each failure the pause is twice as long, up to some ten minutes: a document of which something is held has no
/// snapshot, and every try reads all of its log.
const PAUSE_DOUBLINGS_MAX: u32 = 7;
/// Updates after the last snapshot that make one worthwhile when a document closes.
const AT_CLOSE_UPDATES: u64 = 64;

/// Decides when a document's log is worth a snapshot.
#[derive(Debug)]
pub(crate) struct Compaction {
    updates: u64,
    bytes: u64,
    /// What was logged when the running snapshot was begun.
    begun: Option<(u64, u64)>,
    not_before_ms: u64,
    /// Tries that failed, since the last that did not.
    failures: u32,
    updates_limit: u64,
    bytes_limit: u64,
    at_close_updates: u64,
}

impl Compaction {
    pub(crate) fn new(stored: &StoredDocument, limits: &Limits) -> Self {
        let snapshot_bytes = stored.snapshot.as_ref().map_or(0, |snapshot| snapshot.state.len() as u64);
        Self {
            updates: stored.tail.len() as u64,
            bytes: stored.tail.iter().map(|update| update.update.len() as u64).sum(),
            begun: None,
            not_before_ms: 0,
            failures: 0,
            updates_limit: limits.snapshot_every_updates,
            // A snapshot costs as much as the state is long: the log may grow in proportion.
            bytes_limit: limits.snapshot_every_bytes.max(snapshot_bytes / 2),
            // Where nothing old is kept, it goes when everybody has.
            at_close_updates: if stored.level == EventSourcingLevel::Audit { 1 } else { AT_CLOSE_UPDATES },
        }
    }

    /// An update was committed.
    pub(crate) fn logged(&mut self, bytes: usize) {
        self.updates += 1;
        self.bytes += bytes as u64;
    }

    fn is_worthwhile(&self) -> bool {
        self.updates >= self.updates_limit || self.bytes >= self.bytes_limit
    }

    pub(crate) fn is_worthwhile_at_close(&self) -> bool {
        self.begun.is_none() && self.updates >= self.at_close_updates
    }

    /// When a snapshot is due, if one is.
    pub(crate) fn due(&self) -> Option<u64> {
        (self.begun.is_none() && self.is_worthwhile()).then_some(self.not_before_ms)
    }

    /// Whether a snapshot is to be begun now.
    pub(crate) fn start_if_due(&mut self, now: u64) -> bool {
        let due = self.due().is_some_and(|at| at <= now);
        if due {
            self.begun = Some((self.updates, self.bytes));
        }
        due
    }

    /// The running snapshot is done, or has failed and is tried again later.
    pub(crate) fn finished(&mut self, now: u64, snapshot: Option<Seq>) {
        let begun = self.begun.take();
        self.failures = if snapshot.is_some() { 0 } else { self.failures.saturating_add(1) };
        self.not_before_ms = now + (PAUSE_MS << self.failures.min(PAUSE_DOUBLINGS_MAX));
        if let (Some((updates, bytes)), Some(_)) = (begun, snapshot) {
            self.updates -= updates;
            self.bytes -= bytes;
        }
    }
}

/// Snapshots that an instance writes at the same time. Documents that were opened together grow together, and would all
/// take the time of those who type at the same moment.
pub(crate) const AT_ONCE: usize = 2;

/// Writes a snapshot of a document, and lets go of what the organization's level does not keep. The snapshot is
/// committed before anything is let go of. A failure is logged and changes nothing.
pub(crate) async fn compact(services: &Services, document: &DocumentRef) -> Option<Seq> {
    // The semaphore is never closed.
    let _turn = services.compactions.acquire().await.ok()?;
    let started_ms = services.clock.monotonic_ms();
    match try_compact(services, document).await {
        Ok(seq) => {
            services.metrics.compactions.inc();
            services.metrics.compaction_seconds.observe(seconds_of(services.clock.monotonic_ms() - started_ms));
            Some(seq)
        }
        Err(error) => {
            services.metrics.compaction_failures.inc();
            tracing::warn!(document = %document.id, %error, "no snapshot could be written; the log is kept whole");
            None
        }
    }
}

async fn try_compact(services: &Services, document: &DocumentRef) -> Result<Seq, LoadError> {
    let stored = log::load_even_deleted(&services.db, document.org, document.id).await?.ok_or(LoadError::Gone)?;
    let (epoch, head) = (stored.epoch, stored.head);
    if stored.tail.is_empty() {
        return Ok(head);
    }
    let state = tokio::task::spawn_blocking(move || state_of(&stored)).await.map_err(|_| LoadError::Aborted)??;
    log::save_snapshot(&services.db, document.org, document.id, epoch, head, state).await?;
    // The snapshot is there: what cannot be noted and let go of now is next time.
    if let Err(error) = note_and_trim(services, document).await {
        tracing::warn!(document = %document.id, %error, "the log could not be trimmed");
    }
    Ok(head)
}

/// Lets go of what is not kept, after what it did was noted.
pub(crate) async fn note_and_trim(services: &Services, document: &DocumentRef) -> Result<Trimmed, HistoryError> {
    index::extend(services, document).await?;
    let dense_days = services.limits.log_dense_days;
    Ok(log::trim(&services.db, document.org, document.id, dense_days, services.clock.now()).await?)
}

/// Makes sure that there is a snapshot at a place of the log or after it.
pub(crate) async fn snapshot_through(
    services: &Services,
    document: &DocumentRef,
    seq: Seq,
) -> Result<(), HistoryError> {
    let snapshot = log::snapshot_place(&services.db, document.org, document.id).await?;
    if snapshot.is_none_or(|at| at < seq) {
        compact(services, document).await.filter(|at| *at >= seq).ok_or(HistoryError::Aborted)?;
    }
    Ok(())
}

/// The state after the whole log. A log with updates that wait for missing content has none.
fn state_of(stored: &StoredDocument) -> Result<Bytes, LoadError> {
    let snapshot = stored.snapshot.iter().map(|snapshot| &snapshot.state);
    let tail = stored.tail.iter().map(|update| &update.update);
    let mut replica = Replica::from_log(snapshot.chain(tail), READER)?;
    if replica.holds_back() {
        return Err(LoadError::HoldsBack);
    }
    Ok(replica.state().map_err(ApplyError::from)?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn compaction() -> Compaction {
        let (updates_limit, bytes_limit) = (10, 1000);
        let (updates, bytes, begun, not_before_ms, failures) = (0, 0, None, 0, 0);
        let at_close_updates = AT_CLOSE_UPDATES;
        Compaction { updates, bytes, begun, not_before_ms, failures, updates_limit, bytes_limit, at_close_updates }
    }

    #[test]
    fn what_was_logged_meanwhile_counts_for_the_next_snapshot() {
        let mut compaction = compaction();
        (0..10).for_each(|_| compaction.logged(1));
        assert!(compaction.start_if_due(0) && !compaction.start_if_due(0));
        (0..9).for_each(|_| compaction.logged(1));
        compaction.finished(100, Some(Seq::new(10)));
        assert_eq!(compaction.due(), None);
        compaction.logged(1);
        assert_eq!(compaction.due(), Some(100 + PAUSE_MS));
    }

    #[test]
    fn failures_are_tried_again_ever_later_until_one_succeeds() {
        let mut compaction = compaction();
        (0..10).for_each(|_| compaction.logged(1));
        let mut now = 0;
        let mut pauses = Vec::new();
        for _ in 0..10 {
            assert!(compaction.start_if_due(now));
            compaction.finished(now, None);
            let due = compaction.due().unwrap();
            pauses.push((due - now) / PAUSE_MS);
            now = due;
        }
        assert_eq!(pauses, [2, 4, 8, 16, 32, 64, 128, 128, 128, 128]);
        assert!(compaction.start_if_due(now));
        compaction.finished(now, Some(Seq::new(10)));
        (0..10).for_each(|_| compaction.logged(1));
        assert_eq!(compaction.due(), Some(now + PAUSE_MS));
    }
}
