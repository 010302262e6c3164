//! What is on its way to the log, and the receipts that wait for it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use schema::ids::Seq;

use super::message::{EditRefused, Edited, Effect, SavingState, SessionId, Ticket};
use super::{Append, Room};
use crate::delivery::Outgoing;

/// Bounds the bytes that wait for the log over all documents of a process.
#[derive(Debug, Clone)]
pub struct UnsavedBudget {
    left: Arc<AtomicUsize>,
}

impl UnsavedBudget {
    /// A budget of so many bytes.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        Self { left: Arc::new(AtomicUsize::new(bytes)) }
    }

    /// How many bytes may still be taken.
    pub(crate) fn left(&self) -> usize {
        self.left.load(Ordering::Acquire)
    }

    fn take(&self, bytes: usize) -> bool {
        self.left.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(bytes)).is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.left.fetch_add(bytes, Ordering::AcqRel);
    }
}

/// Who waits for an update to be durable.
#[derive(Debug, Clone, Copy)]
pub(super) enum Waiter {
    /// A session's frame, by its number.
    Frame(SessionId, u64),
    /// An edit of the server's own.
    Edit(Ticket),
    /// Nobody.
    Nobody,
}

/// What an entry without an update counts for, in bytes.
const NOTHING_BYTES: usize = size_of::<Entry>();

#[derive(Debug)]
enum Entry {
    /// An update that was given to the log, and the Yjs client ids under which it inserts.
    Update(Bytes, Vec<u64>, Waiter),
    /// Nothing to log, but what came before it has to be durable first. It counts for so many bytes.
    Nothing(Waiter, usize),
}

/// The queue of what is not durable yet, in the order in which it came.
#[derive(Debug)]
pub(super) struct Saving {
    queue: VecDeque<Entry>,
    pending: u64,
    bytes: usize,
    bytes_limit: usize,
    budget: UnsavedBudget,
    state: SavingState,
    announced: bool,
}

impl Saving {
    pub(super) fn new(budget: UnsavedBudget, bytes_limit: usize) -> Self {
        Self {
            queue: VecDeque::new(),
            pending: 0,
            bytes: 0,
            bytes_limit,
            budget,
            state: SavingState::Current,
            announced: false,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pending == 0
    }

    pub(super) fn pending(&self) -> u64 {
        self.pending
    }

    /// Whether sessions were told that saving is behind.
    pub(super) fn is_announced(&self) -> bool {
        self.announced
    }

    pub(super) fn updates(&self) -> impl Iterator<Item = &Bytes> {
        self.queue.iter().filter_map(|entry| match entry {
            Entry::Update(update, ..) => Some(update),
            Entry::Nothing(..) => None,
        })
    }

    /// Whether one of the updates inserts under a Yjs client id.
    pub(super) fn has_of(&self, client: u64) -> bool {
        self.queue.iter().any(|entry| matches!(entry, Entry::Update(_, clients, _) if clients.contains(&client)))
    }

    /// Whether there is room for so many bytes to wait for the log.
    pub(super) fn fits(&self, bytes: usize) -> bool {
        self.bytes + bytes <= self.bytes_limit && bytes <= self.budget.left()
    }

    /// Whether an update of so many bytes may wait for the log. What is reserved must be pushed, or released.
    pub(super) fn reserve(&mut self, bytes: usize) -> bool {
        let fits = self.bytes + bytes <= self.bytes_limit && self.budget.take(bytes);
        if fits {
            self.bytes += bytes;
        }
        fits
    }

    pub(super) fn release(&mut self, bytes: usize) {
        self.bytes -= bytes;
        self.budget.give_back(bytes);
    }

    /// Queues a reserved update. Says what sessions are to be told, if this is the first that has to wait.
    fn push(&mut self, update: Bytes, clients: Vec<u64>, waiter: Waiter) -> Option<Outgoing> {
        self.queue.push_back(Entry::Update(update, clients, waiter));
        self.pending += 1;
        self.announce()
    }

    /// Queues an answer that waits for nothing but what is before it. False when there is no room for it.
    ///
    /// A receipt is cumulative, so that a session needs one such entry behind an update, however many frames it sends;
    /// for that there is always room.
    fn push_nothing(&mut self, waiter: Waiter) -> bool {
        if let Waiter::Frame(session, number) = waiter
            && let Some(last) = self.last_frame_behind_updates(session)
        {
            *last = number;
            return true;
        }
        let reserved = if self.reserve(NOTHING_BYTES) { NOTHING_BYTES } else { 0 };
        let fits = reserved > 0 || matches!(waiter, Waiter::Frame(..));
        if fits {
            self.queue.push_back(Entry::Nothing(waiter, reserved));
        }
        fits
    }

    /// The number in the entry of a session that is behind all updates, if there is one.
    fn last_frame_behind_updates(&mut self, whose: SessionId) -> Option<&mut u64> {
        let behind_updates = self.queue.iter_mut().rev().map_while(|entry| match entry {
            Entry::Nothing(waiter, _) => Some(waiter),
            Entry::Update(..) => None,
        });
        behind_updates.into_iter().find_map(|waiter| match waiter {
            Waiter::Frame(session, number) if *session == whose => Some(number),
            _ => None,
        })
    }

    pub(super) fn change(&mut self, state: SavingState) -> Option<Outgoing> {
        self.state = state;
        match state {
            SavingState::Behind => self.announce(),
            SavingState::Current => self.recover(),
        }
    }

    fn announce(&mut self) -> Option<Outgoing> {
        let news = self.state == SavingState::Behind && !self.announced && self.pending > 0;
        self.announced |= news;
        news.then_some(Outgoing::SavingBehind { pending: self.pending })
    }

    fn recover(&mut self) -> Option<Outgoing> {
        std::mem::take(&mut self.announced).then_some(Outgoing::SavingResumed)
    }
}

impl Drop for Saving {
    fn drop(&mut self) {
        self.budget.give_back(self.bytes);
    }
}

impl Room {
    /// Gives an update that was applied, and its space reserved, to the log.
    pub(super) fn log(&mut self, append: Append, waiter: Waiter, out: &mut Vec<Effect>) {
        if let Some(notice) = self.saving.push(append.update.clone(), append.clients.clone(), waiter) {
            self.notify(&notice, out);
        }
        out.push(Effect::Append(append));
    }

    /// Answers a frame or an edit that has nothing to log, once all before it is durable.
    pub(super) fn settle_in_turn(&mut self, waiter: Waiter, out: &mut Vec<Effect>) {
        if self.saving.is_empty() {
            let mut receipts = BTreeMap::new();
            self.settle(waiter, self.place_of_nothing(waiter), &mut receipts, out);
            self.send_receipts(receipts, out);
        } else if !self.saving.push_nothing(waiter)
            && let Waiter::Edit(ticket) = waiter
        {
            out.push(Effect::Edited(ticket, Err(EditRefused::SavingBehind)));
        }
    }

    /// The place of what added nothing. What a client brought may have come from another instance ahead of what is before
    /// it in the log; a caller goes on from what the room has read without a gap.
    fn place_of_nothing(&self, waiter: Waiter) -> Seq {
        match waiter {
            Waiter::Frame(..) => self.position.known(),
            Waiter::Edit(_) | Waiter::Nobody => self.position.head(),
        }
    }

    /// The oldest updates of the queue are durable, at these places.
    pub(super) fn commit(&mut self, seqs: &[Seq], out: &mut Vec<Effect>) {
        let mut receipts = BTreeMap::new();
        let mut seqs = seqs.iter();
        while let Some(entry) = self.saving.queue.front_mut() {
            let (seq, waiter) = match entry {
                Entry::Nothing(waiter, reserved) => {
                    let (waiter, reserved) = (*waiter, *reserved);
                    self.saving.release(reserved);
                    (self.place_of_nothing(waiter), waiter)
                }
                Entry::Update(update, clients, waiter) => {
                    let Some(seq) = seqs.next() else { break };
                    let (update, clients, waiter) = (update.clone(), std::mem::take(clients), *waiter);
                    self.saving.release(update.len());
                    self.saving.pending -= 1;
                    self.position.reached(*seq, clients);
                    out.push(Effect::Publish(*seq, update));
                    (*seq, waiter)
                }
            };
            self.saving.queue.pop_front();
            self.settle(waiter, seq, &mut receipts, out);
        }
        self.send_receipts(receipts, out);
        self.ask_for_gap(out);
    }

    fn settle(
        &mut self,
        waiter: Waiter,
        seq: Seq,
        receipts: &mut BTreeMap<SessionId, (u64, Seq)>,
        out: &mut Vec<Effect>,
    ) {
        match waiter {
            Waiter::Frame(session, number) => {
                receipts.insert(session, (number, seq));
            }
            Waiter::Edit(ticket) => out.push(Effect::Edited(ticket, Ok(Edited { epoch: self.epoch, seq }))),
            Waiter::Nobody => {}
        }
    }

    /// Receipts are cumulative: one for each session says it all.
    fn send_receipts(&self, receipts: BTreeMap<SessionId, (u64, Seq)>, out: &mut Vec<Effect>) {
        for (session, (through, seq)) in receipts {
            if self.sessions.get(session).is_some_and(super::Session::wants_receipts) {
                out.push(Effect::Send(session, Outgoing::Receipt { through, epoch: self.epoch, seq }));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 10_000;

    fn behind() -> Saving {
        let mut saving = Saving::new(UnsavedBudget::new(LIMIT), LIMIT);
        assert!(saving.reserve(3));
        saving.push(Bytes::from_static(b"one"), vec![7], Waiter::Frame(SessionId(0), 1));
        assert!(saving.has_of(7) && !saving.has_of(8));
        saving
    }

    #[test]
    fn a_session_that_adds_nothing_waits_with_its_last_frame_only() {
        let mut saving = behind();
        for frame in 0..100_000 {
            assert!(saving.push_nothing(Waiter::Frame(SessionId(frame % 10), frame)));
        }
        assert_eq!(saving.queue.len(), 1 + 10);
        let last = |entry: &Entry| matches!(entry, Entry::Nothing(Waiter::Frame(SessionId(9), 99_999), _));
        assert!(saving.queue.iter().any(last));
        assert!(saving.reserve(3));
        saving.push(Bytes::from_static(b"two"), vec![8], Waiter::Frame(SessionId(0), 100_000));
        assert!(saving.push_nothing(Waiter::Frame(SessionId(1), 100_001)));
        assert_eq!(saving.queue.len(), 1 + 10 + 2, "behind another update it waits for that one");
    }

    #[test]
    fn what_waits_without_an_update_is_bounded_too() {
        let mut saving = behind();
        let queued = (0..100_000).filter(|ticket| saving.push_nothing(Waiter::Edit(Ticket(*ticket)))).count();
        assert!(queued > 10 && queued * NOTHING_BYTES <= LIMIT, "{queued}");
        assert!((0..1000).all(|frame| saving.push_nothing(Waiter::Frame(SessionId(7), frame))));
        assert_eq!(saving.queue.len(), 1 + queued + 1, "for a session's last frame there is always room");
    }
}
