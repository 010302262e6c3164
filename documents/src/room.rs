//! A room: the logic of a document that is open, as a pure state machine.
//!
//! [`Room::handle`] takes one [`Input`] and appends [`Effect`]s; it does not wait, tell the time, draw random numbers
//! or touch the world. The owner task ([`crate::owner`]) drives one room in production, the simulation drives
//! thousands with seeds.

mod contest;
mod intake;
mod lock;
mod log_position;
mod message;
mod presence;
mod repair;
mod run;
mod saving;
mod session;
mod size;

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use platform::auth::PrincipalRef;
use platform::db::log::StoredDocument;
use platform::limits::Limits;
use platform::random::Random;
use schema::ids::{Epoch, Seq};
use schema::update::ClientRange;

pub use contest::{Agreement, Comparison};
pub(crate) use lock::attended_for;
pub use lock::{Enforcement, LockState};
pub use message::{
    Activity, Append, Attach, Audience, Claim, Edit, EditRefused, Edited, Effect, Extent, Input, Mode, PresenceNews,
    PresenceState, Quarantined, Receipts, SavingState, SessionId, Ticket, UpdateKind,
};
pub use saving::UnsavedBudget;

use crate::by_session::BySession;
use crate::delivery::{Content, Outgoing};
use crate::replica::{AnswerKind, ApplyError, Broken, Replica};
use contest::Contest;
use lock::HeldLock;
use log_position::LogPosition;
use presence::Presence;
use repair::{Author, Repairs};
use saving::Saving;
use session::{OwnAnswers, Session};

/// A document as the log has it: what a room is built from.
#[derive(Debug, Clone)]
pub struct Stored {
    /// The lineage.
    pub epoch: Epoch,
    /// The place of the last update.
    pub head: Seq,
    /// The state up to some place.
    pub snapshot: Option<Bytes>,
    /// The updates after it, in order.
    pub tail: Vec<Bytes>,
    /// Which principal each Yjs client id belongs to.
    pub owners: HashMap<u64, PrincipalRef>,
}

impl From<StoredDocument> for Stored {
    fn from(stored: StoredDocument) -> Self {
        Self {
            epoch: stored.epoch,
            head: stored.head,
            snapshot: stored.snapshot.map(|snapshot| snapshot.state),
            tail: stored.tail.into_iter().map(|update| update.update).collect(),
            owners: stored.client_owners.into_iter().collect(),
        }
    }
}

impl Stored {
    /// All that makes up the document, in order.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &Bytes> {
        self.snapshot.iter().chain(&self.tail)
    }
}

/// An open document.
pub struct Room {
    epoch: Epoch,
    replica: Replica,
    position: LogPosition,
    owners: HashMap<u64, PrincipalRef>,
    /// Ordered, so that a simulation with a seed always does the same.
    sessions: BySession<Session>,
    saving: Saving,
    presence: Presence,
    /// The Yjs client ids under which the server edits, one per principal.
    editors: HashMap<PrincipalRef, u64>,
    /// When the document's size was measured last, because it seemed to be too large.
    measured_at: Option<u64>,
    repairs: Repairs,
    contest: Contest,
    lock: Option<Box<HeldLock>>,
    /// Content that cannot be saved.
    barred: Vec<ClientRange>,
    own_answers: OwnAnswers,
    limits: Arc<Limits>,
    random: Random,
}

impl Room {
    /// Opens a room on what the log has.
    pub fn open(
        stored: Stored,
        limits: Arc<Limits>,
        budget: UnsavedBudget,
        random: Random,
    ) -> Result<Self, ApplyError> {
        let replica = Replica::from_log(stored.parts(), intake::new_client_id(&random))?;
        Ok(Self {
            epoch: stored.epoch,
            replica,
            position: LogPosition::at(stored.head),
            owners: stored.owners,
            sessions: BySession::default(),
            saving: Saving::new(budget, limits.unsaved_bytes_per_document),
            presence: Presence::new(Arc::clone(&limits)),
            editors: HashMap::new(),
            measured_at: None,
            repairs: Repairs::none(),
            contest: Contest::default(),
            lock: None,
            barred: Vec::new(),
            own_answers: OwnAnswers::default(),
            limits,
            random,
        })
    }

    /// Refuses content that the database would not keep, as far as it is not in the log.
    pub fn bar(&mut self, content: impl IntoIterator<Item = ClientRange>) {
        self.barred = content.into_iter().filter_map(|range| self.replica.beyond(&range)).collect();
    }

    /// Builds the replica anew after a failure. What was not in the log yet is applied again; what the log has from
    /// other instances and was not here yet goes to every session.
    pub fn reload(&mut self, stored: Stored, out: &mut Vec<Effect>) -> Result<(), ApplyError> {
        if stored.epoch != self.epoch {
            out.push(Effect::EpochChanged);
            return Ok(());
        }
        let unsaved = self.saving.updates().cloned();
        let parts: Vec<Bytes> = stored.parts().cloned().chain(unsaved).collect();
        let client = intake::new_client_id(&self.random);
        let known = self.replica.known();
        self.replica = Replica::from_log(parts.iter(), client)?;
        self.owners.extend(stored.owners);
        self.watch();
        // What was being read is here, or was let go of.
        self.position.read_arrived();
        if stored.head > self.head() {
            self.position.advance_to(stored.head);
            let news = self.replica.answer(&known, AnswerKind::Own)?.parts;
            let sessions = self.sessions.iter().filter(|(_, session)| session.syncs());
            for (session, _) in sessions {
                out.extend(news.iter().cloned().map(|part| Effect::Send(*session, Outgoing::Part(part))));
            }
        }
        self.ask_for_gap(out);
        Ok(())
    }

    /// The document's lineage.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The last place in the log up to which the room holds everything.
    #[must_use]
    pub fn head(&self) -> Seq {
        self.position.head()
    }

    /// Whether everything the room holds is in the log.
    #[must_use]
    pub fn is_saved(&self) -> bool {
        self.saving.is_empty()
    }

    /// Whether the room may hold more than the log has up to [`Room::head`]: what is on its way there, or what came from
    /// another instance ahead of what is before it.
    #[must_use]
    pub(crate) fn is_ahead(&self) -> bool {
        !self.is_saved() || self.position.known() > self.head()
    }

    /// Whether nobody is attached and everything is in the log.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.sessions.is_empty() && self.is_saved()
    }

    /// How many sessions are attached.
    #[must_use]
    pub fn session_count(&self) -> usize {
        self.sessions.len()
    }

    /// Whether the document is so large that reading or encoding all of it takes milliseconds.
    #[must_use]
    pub(crate) fn is_large(&self) -> bool {
        self.replica.is_large()
    }

    /// Whether an update may bring much with it that was held.
    #[must_use]
    pub(crate) fn holds_much(&self) -> bool {
        self.replica.holds_much()
    }

    /// Whether the room is to be compared with its log.
    #[must_use]
    pub(crate) fn is_contested(&self) -> bool {
        self.contest.deadline().is_some()
    }

    /// Whether the document engine failed: the room must be loaded anew ([`Room::reload`]).
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.replica.is_broken()
    }

    /// The fencing token of the node's lock, while somebody holds it.
    #[must_use]
    pub(crate) fn lock_token(&self) -> Option<i64> {
        self.lock.as_ref().map(|lock| lock.fencing_token())
    }

    /// Whether other instances may have been told of sessions of this one.
    #[must_use]
    pub fn has_told_presence(&self) -> bool {
        self.presence.has_told()
    }

    /// When [`Input::Tick`] is wanted next, in milliseconds of the clock that `handle` is given.
    #[must_use]
    pub fn deadline(&self) -> Option<u64> {
        let lock = self.lock.as_ref().map(|lock| lock.deadline());
        let (repairs, contest) = (self.repairs.deadline(), self.contest.deadline());
        [self.presence.deadline(), repairs, contest, lock].into_iter().flatten().min()
    }

    /// Reads the document.
    pub fn read<T>(&mut self, read: impl FnOnce(&yrs::Transaction<'_>) -> T) -> Result<T, Broken> {
        self.replica.read(read)
    }

    /// What was made of the state for those who got it before the room was built serves those who come later, too.
    pub(crate) fn share_state(&mut self, state: Content) {
        self.replica.share_state(state);
    }

    /// The whole state as one Yjs update.
    pub fn state(&mut self) -> Result<Bytes, Broken> {
        self.replica.state()
    }

    /// Takes in what happened at `now` (milliseconds of a monotonic clock) and says what is to be done.
    pub fn handle(&mut self, now: u64, input: Input, out: &mut Vec<Effect>) {
        self.date_repairs(now);
        match input {
            Input::Attach(attach) => self.attach(now, attach, out),
            Input::Detach(session) => self.detach(now, session),
            Input::Lock(state) => self.take_lock(state, out),
            Input::Access(session, principal, access) => {
                self.rename(session, &principal);
                self.change_access(now, session, access, out);
            }
            Input::Step1(session, state_vector) => self.answer_step_1(now, session, &state_vector, out),
            Input::Ask(session) => self.ask(session, out),
            Input::Update(session, kind, update) => self.take_update(now, session, kind, update, out),
            Input::Step(session, trace_event) => self.begin_step(session, trace_event),
            Input::Awareness(session, states) => self.take_awareness(now, session, states, out),
            Input::QueryAwareness(session) => self.tell_presence(now, session, out),
            Input::Stateless(session, payload) => self.relay_stateless(session, payload, out),
            Input::Presence(session, activity) => self.take_activity(now, session, activity, out),
            Input::Withheld(session, message) => self.withhold(session, message, out),
            Input::Drained(session) => self.catch_up(session, out),
            Input::Edit(edit) => self.edit(now, edit, out),
            Input::Committed(seqs) => self.commit(&seqs, out),
            Input::Saving(state) => self.change_saving(state, out),
            Input::FromBus { epoch, seq, update } => self.take_from_bus(now, epoch, seq, update, out),
            Input::FromLog(updates) => self.take_from_log(now, updates, out),
            Input::Head(epoch, seq) => self.check_head(epoch, seq, out),
            Input::RemotePresence(from, news) => self.presence.take_news(now, from, news),
            Input::RemoteStateless(payload) => {
                out.push(Effect::Broadcast(Audience::Syncing, Outgoing::Stateless(payload)));
            }
            Input::PresenceQueried => self.presence.owe_all(now),
            Input::Tick => {
                self.tick(now, out);
                self.repair_due(now, out);
                self.lock_due(now, out);
                self.compare_if_due(now, out);
            }
            Input::Compared(agreement) => self.take_agreement(now, agreement, out),
        }
        self.look_at_contested_that_waits(now);
        // What nobody here has answered for.
        self.look(now, Author::Elsewhere);
        if self.replica.is_broken() {
            out.push(Effect::Reload);
        }
    }

    fn take_from_bus(&mut self, now: u64, epoch: Epoch, seq: Seq, update: Bytes, out: &mut Vec<Effect>) {
        if epoch != self.epoch {
            return out.push(Effect::EpochChanged);
        }
        self.take_logged(now, vec![(seq, update)], out);
    }

    fn take_from_log(&mut self, now: u64, updates: Vec<(Seq, Bytes)>, out: &mut Vec<Effect>) {
        self.position.read_arrived();
        self.take_logged(now, updates, out);
    }

    /// Applies updates that are in the log already, and passes on what was new.
    fn take_logged(&mut self, now: u64, updates: Vec<(Seq, Bytes)>, out: &mut Vec<Effect>) {
        let mut news = Vec::new();
        let known = if updates.len() > 1 { self.replica.known() } else { self.known_before() };
        for (seq, update) in updates {
            if self.position.has(seq) {
                continue;
            }
            let Ok((new, clients)) = self.apply_trusted(now, seq, &update) else {
                // It is read again, from the log.
                out.push(Effect::Reload);
                break;
            };
            news.extend(new);
            self.position.reached(seq, clients);
        }
        self.relay(news, &known, out);
        self.ask_for_gap(out);
    }

    fn check_head(&mut self, epoch: Epoch, seq: Seq, out: &mut Vec<Effect>) {
        if epoch != self.epoch {
            return out.push(Effect::EpochChanged);
        }
        self.position.known_to_reach(seq);
        self.ask_for_gap(out);
    }

    fn ask_for_gap(&mut self, out: &mut Vec<Effect>) {
        if let Some(after) = self.position.gap_to_read() {
            out.push(Effect::ReadLog(after));
        }
    }
}
