//! Group commit: the updates of all documents that arrive while one commit is under way go into the next.
//!
//! A document always uses the same lane, so that its updates are committed in the order in which it gave them.
//! A lane tries until it succeeds; what may wait meanwhile is bounded by the rooms ([`crate::room::UnsavedBudget`]).
//! After a commit a lane pauses unless much waits already: a lone edit is committed at once, a steady trickle shares
//! commits.
//!
//! An update that the database refuses, while it takes others, is told apart from them, and its room ends.

use std::collections::{HashMap, HashSet};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use platform::clock::Clock;
use platform::db::log::{self, AppendOutcome, AppendRefusal, BatchId, NewUpdate, Provenance, Relay, Writer};
use platform::db::{Db, DbError};
use platform::lifecycle::Lifecycle;
use platform::limits::Limits;
use platform::random::Random;
use schema::ids::Seq;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use uuid::Uuid;

use crate::metrics::DocumentMetrics;
use crate::owner::{Event, EventSender};
use crate::room::{Quarantined, SavingState};

/// The first pause after a failed commit.
const RETRY_MIN: Duration = Duration::from_millis(50);
/// A commit that takes longer counts as none for now: clients are told that saving is behind.
const SLOW: Duration = Duration::from_secs(4);
/// The longest pause between two tries.
const RETRY_MAX: Duration = Duration::from_secs(1);

/// The way into the log, for all documents of this instance.
#[derive(Clone)]
pub(crate) struct LogWriter {
    lanes: Arc<[Lane]>,
}

struct Lane {
    /// Unbounded, because the rooms bound what they give: by bytes, per document and in all.
    entries: mpsc::UnboundedSender<Waiting>,
    state: watch::Receiver<SavingState>,
}

/// An update and the room that waits for it.
pub(crate) struct Waiting {
    pub(crate) update: NewUpdate,
    /// Since when, in milliseconds of the monotonic clock.
    pub(crate) since_ms: u64,
    pub(crate) room: EventSender,
}

impl LogWriter {
    /// Starts the lanes.
    pub(crate) fn start(
        db: &Db,
        clock: &Arc<dyn Clock>,
        random: &Random,
        lifecycle: &Lifecycle,
        limits: &Limits,
        metrics: &Arc<DocumentMetrics>,
    ) -> Self {
        let lanes = (0..limits.log_lanes.max(1)).map(|_| {
            let (entries, inbox) = mpsc::unbounded_channel();
            let (announce, state) = watch::channel(SavingState::Current);
            let worker = LaneWorker {
                db: db.clone(),
                clock: Arc::clone(clock),
                lifecycle: lifecycle.clone(),
                metrics: Arc::clone(metrics),
                batch_updates: limits.log_batch_updates,
                batch_bytes: limits.log_batch_bytes,
                pause: Duration::from_millis(limits.log_pause_ms),
                hurry_updates: limits.log_hurry_updates,
                writer: Writer::new(random.uuid_v4()),
                ended: Vec::new(),
                announce,
            };
            lifecycle.spawn_vital("log lane", worker.run(inbox));
            Lane { entries, state }
        });
        Self { lanes: lanes.collect() }
    }

    fn lane(&self, document: Uuid) -> &Lane {
        let lanes = self.lanes.len() as u128;
        // The remainder is smaller than the number of lanes.
        &self.lanes[usize::try_from(document.as_u128() % lanes).unwrap_or_default()]
    }

    /// Hands over an update; the room hears of it through [`Event::Committed`].
    pub(crate) fn append(&self, waiting: Waiting) {
        // Fails only when the lane has ended, which it does after every room.
        let _ = self.lane(waiting.update.document).entries.send(waiting);
    }

    /// Whether a document's updates are getting durable.
    pub(crate) fn state(&self, document: Uuid) -> watch::Receiver<SavingState> {
        self.lane(document).state.clone()
    }
}

/// What became of an update.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Fate {
    /// The database has answered.
    Settled(AppendOutcome),
    /// The database refuses to keep it, for this reason.
    Unsavable(String),
    /// It is of a document with an update before it that is refused: it was not tried.
    Behind,
}

struct LaneWorker {
    db: Db,
    clock: Arc<dyn Clock>,
    lifecycle: Lifecycle,
    metrics: Arc<DocumentMetrics>,
    batch_updates: usize,
    batch_bytes: usize,
    pause: Duration,
    hurry_updates: usize,
    writer: Writer,
    /// Rooms with an update that is refused. What they still send would lack what is before it.
    ended: Vec<EventSender>,
    announce: watch::Sender<SavingState>,
}

impl LaneWorker {
    async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Waiting>) {
        let shutdown = self.lifecycle.shutdown_token();
        let mut waiting = Vec::new();
        let mut rested = Instant::now();
        loop {
            let collected = tokio::select! {
                collected = self.collect(&mut inbox, &mut waiting, rested) => collected,
                () = shutdown.cancelled() => return,
            };
            if collected == 0 {
                return;
            }
            for batch in batches(std::mem::take(&mut waiting), self.batch_bytes) {
                let batch = self.without_ended(batch);
                let since_ms: Vec<u64> = batch.iter().map(|it| it.since_ms).collect();
                let (updates, rooms): (Vec<_>, Vec<_>) = batch.into_iter().map(|it| (it.update, it.room)).unzip();
                let started_ms = self.clock.monotonic_ms();
                let fates = tokio::select! {
                    fates = self.append(&updates) => fates,
                    () = shutdown.cancelled() => return,
                };
                tell(&updates, &rooms, &fates);
                self.note_ended(&rooms, &fates);
                self.count(&updates, started_ms, &since_ms);
            }
            rested = Instant::now() + self.pause;
        }
    }

    fn count(&self, updates: &[NewUpdate], started_ms: u64, since_ms: &[u64]) {
        let now_ms = self.clock.monotonic_ms();
        let bytes = updates.iter().map(|update| update.update.len()).sum();
        let waited_ms = since_ms.iter().map(|since| now_ms.saturating_sub(*since));
        self.metrics.committed(bytes, now_ms.saturating_sub(started_ms), waited_ms);
    }

    /// Waits for updates, and for more of them until the lane has rested or enough have come. Returns how many there
    /// are; 0 when there will be no more.
    async fn collect(
        &self,
        inbox: &mut mpsc::UnboundedReceiver<Waiting>,
        waiting: &mut Vec<Waiting>,
        rested: Instant,
    ) -> usize {
        let draining = self.lifecycle.draining();
        let mut collected = inbox.recv_many(waiting, self.batch_updates).await;
        while collected > 0 && collected < self.hurry_updates {
            tokio::select! {
                more = inbox.recv_many(waiting, self.batch_updates) => {
                    if more == 0 {
                        break;
                    }
                    collected += more;
                }
                () = tokio::time::sleep_until(rested) => break,
                () = draining.cancelled() => break,
            }
        }
        collected
    }

    /// Appends a batch, and what was refused because another principal was faster to claim a Yjs client id once more,
    /// without the claim: it has been relayed, and the log says that its sender carried it.
    async fn append(&mut self, updates: &[NewUpdate]) -> Vec<Fate> {
        let mut fates = self.settle(updates).await;
        let taken = Fate::Settled(AppendOutcome::Refused(AppendRefusal::ClientTaken));
        let (taken, again): (Vec<usize>, Vec<NewUpdate>) = updates
            .iter()
            .enumerate()
            .filter(|(index, _)| fates.get(*index) == Some(&taken))
            .map(|(index, update)| {
                // What builds on it may have its place before it now.
                let relay = Relay::ByReplica;
                let carried =
                    NewUpdate { provenance: Provenance::Carried, new_clients: Vec::new(), relay, ..update.clone() };
                (index, carried)
            })
            .unzip();
        if !again.is_empty() {
            for (index, fate) in taken.into_iter().zip(self.settle(&again).await) {
                fates[index] = fate;
            }
        }
        fates
    }

    /// Appends a batch. When it is refused, it is divided until it is clear which updates are to blame.
    async fn settle(&mut self, updates: &[NewUpdate]) -> Vec<Fate> {
        let mut fates = vec![Fate::Behind; updates.len()];
        let mut refused = HashSet::new();
        // The next part is the last.
        let mut parts: Vec<Vec<usize>> = vec![(0..updates.len()).collect()];
        while let Some(mut part) = parts.pop() {
            part.retain(|&index| !refused.contains(&updates[index].document));
            let appended = match part[..] {
                [] => continue,
                _ if part.len() == updates.len() => self.append_until_committed(updates).await,
                _ => {
                    let batch: Vec<NewUpdate> = part.iter().map(|&index| updates[index].clone()).collect();
                    self.append_until_committed(&batch).await
                }
            };
            match (appended, &part[..]) {
                (Ok(outcomes), _) => {
                    for (index, outcome) in part.into_iter().zip(outcomes) {
                        fates[index] = Fate::Settled(outcome);
                    }
                }
                (Err(why), [index]) => {
                    refused.insert(updates[*index].document);
                    fates[*index] = Fate::Unsavable(why.to_string());
                }
                (Err(_), _) => parts.extend(divided(part, updates).into_iter().rev()),
            }
        }
        fates
    }

    /// Tries until the batch is committed. An error is a refusal of this batch by a database that takes others.
    async fn append_until_committed(&mut self, updates: &[NewUpdate]) -> Result<Vec<AppendOutcome>, DbError> {
        let mut pause = RETRY_MIN;
        let mut is_suspect = false;
        let mut id = self.writer.next_batch();
        loop {
            let error = match self.attempt(id, updates).await {
                Ok(outcomes) => {
                    if self.announce(SavingState::Current) {
                        tracing::info!("the log can be written again");
                    }
                    return Ok(outcomes);
                }
                Err(error) => error,
            };
            self.metrics.append_failures.inc();
            if error.is_refusal() {
                if is_suspect {
                    return Err(error);
                }
                // Nothing came of the batch, and its number is used up.
                is_suspect = self.can_append().await;
                id = self.writer.next_batch();
                if is_suspect {
                    // What ended between the two was the database's trouble: only a second refusal is the batch's.
                    continue;
                }
            }
            if self.announce(SavingState::Behind) {
                tracing::error!(%error, "the log cannot be written; edits are relayed and wait");
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(RETRY_MAX);
        }
    }

    /// Tells when the answer takes long.
    async fn attempt(&self, id: BatchId, updates: &[NewUpdate]) -> Result<Vec<AppendOutcome>, DbError> {
        let mut attempt = pin!(log::append(&self.db, id, updates));
        if let Ok(result) = tokio::time::timeout(SLOW, &mut attempt).await {
            return result;
        }
        if self.announce(SavingState::Behind) {
            tracing::error!("the log does not answer; edits are relayed and wait");
        }
        attempt.await
    }

    /// Whether the log takes anything at all: otherwise a refusal says nothing about what was refused.
    async fn can_append(&mut self) -> bool {
        log::probe(&self.db, self.writer.next_batch(), self.clock.now()).await.is_ok()
    }

    fn without_ended(&mut self, mut batch: Vec<Waiting>) -> Vec<Waiting> {
        if !self.ended.is_empty() {
            batch.retain(|waiting| !self.ended.iter().any(|ended| ended.is_same_queue(&waiting.room)));
            self.ended.retain(|room| !room.is_closed());
        }
        batch
    }

    fn note_ended(&mut self, rooms: &[EventSender], fates: &[Fate]) {
        for (room, fate) in rooms.iter().zip(fates) {
            if matches!(fate, Fate::Unsavable(_)) {
                self.metrics.unsavable.inc();
                self.ended.push(room.clone());
            }
        }
    }

    /// Tells the lane's rooms how saving stands. True when that is news.
    fn announce(&self, state: SavingState) -> bool {
        let is_news = self.announce.send_if_modified(|known| std::mem::replace(known, state) != state);
        match state {
            SavingState::Behind if is_news => drop(self.metrics.lanes_behind.inc()),
            SavingState::Current if is_news => drop(self.metrics.lanes_behind.dec()),
            _ => {}
        }
        is_news
    }
}

/// Cuts what waits into batches of about `bytes`, in order.
fn batches(waiting: Vec<Waiting>, bytes: usize) -> Vec<Vec<Waiting>> {
    let mut batches: Vec<Vec<Waiting>> = Vec::new();
    let mut used = 0;
    for next in waiting {
        let size = next.update.update.len();
        match batches.last_mut() {
            Some(batch) if used + size <= bytes => {
                used += size;
                batch.push(next);
            }
            _ => {
                used = size;
                batches.push(vec![next]);
            }
        }
    }
    batches
}

/// Divides a part of a batch by documents, or, when it is of a single one, into its updates, in order.
fn divided(part: Vec<usize>, updates: &[NewUpdate]) -> Vec<Vec<usize>> {
    let mut documents: Vec<Uuid> = part.iter().map(|&index| updates[index].document).collect();
    documents.sort_unstable();
    documents.dedup();
    if let [_] = documents[..] {
        return part.into_iter().map(|index| vec![index]).collect();
    }
    let first_half = &documents[..documents.len() / 2];
    let is_of_first = |index: &usize| first_half.binary_search(&updates[*index].document).is_ok();
    let (first, second) = part.into_iter().partition(is_of_first);
    vec![first, second]
}

/// Tells each room what became of its updates, in one event where it can.
fn tell(updates: &[NewUpdate], rooms: &[EventSender], fates: &[Fate]) {
    let mut committed: HashMap<Uuid, (&EventSender, Vec<Seq>)> = HashMap::new();
    let mut bad_news = Vec::new();
    for ((update, room), fate) in updates.iter().zip(rooms).zip(fates) {
        match fate {
            Fate::Settled(AppendOutcome::Committed { seq }) => {
                committed.entry(update.document).or_insert_with(|| (room, Vec::new())).1.push(*seq);
            }
            Fate::Settled(AppendOutcome::Refused(why)) => bad_news.push((room, Event::LogRefused(*why))),
            Fate::Unsavable(reason) => {
                let (update, principal, reason) = (update.update.clone(), update.principal, reason.clone());
                bad_news.push((room, Event::Unsavable(Quarantined { update, principal, reason })));
            }
            Fate::Behind => {}
        }
    }
    for (room, seqs) in committed.into_values() {
        // A room that is gone was told to close, and its clients to come back.
        let _ = room.try_send(Event::Committed(seqs));
    }
    // Last, because it ends the room.
    for (room, event) in bad_news {
        let _ = room.try_send(event);
    }
}
