//! Sessions: who is attached, what they are owed, and receivers that read too slowly.

use std::sync::Arc;

use bytes::Bytes;
use platform::access::Access;
use platform::auth::Principal;
use uuid::Uuid;

use super::message::{Attach, Audience, Effect, Mode, Receipts, SessionId};
use super::run::Lease;
use super::{Room, SavingState};
use crate::delivery::{Content, EndReason, Outgoing};

/// One client's attachment.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) principal: Arc<Principal>,
    pub(super) access: Access,
    pub(super) mode: Mode,
    /// How many step 2 and update frames came (SPEC G13).
    pub(super) frames: u64,
    /// Whether it has answered the server's step 1.
    pub(super) answered: bool,
    /// Of an agent: the event of its run's trace that it works at.
    pub(super) trace_event: Option<Uuid>,
    lag: Option<Box<Lag>>,
    missed_presence: bool,
    /// Answers to its step 1, once one was large.
    answers: Option<Box<Answers>>,
}

/// Large answers that a session got lately, and one that it has to wait for: somebody who asks again and again and reads
/// nothing must not make the server hold the document again and again.
#[derive(Debug)]
struct Answers {
    /// Bytes, less what was forgiven since.
    debt: usize,
    since_ms: u64,
    /// The newest state vector that is not answered yet.
    owed: Option<Bytes>,
}

/// Smaller answers are not counted.
const ANSWER_COUNTED_BYTES: usize = 64 * 1024;
/// A session that got more than this lately waits for its next answer.
const ANSWER_DEBT_MAX: usize = 8 * 1024 * 1024;
/// Bytes of answers that are forgiven in a millisecond.
const ANSWER_BYTES_PER_MS: usize = 8 * 1024;

impl Answers {
    fn new(now: u64) -> Self {
        Self { debt: 0, since_ms: now, owed: None }
    }

    fn forgive(&mut self, now: u64) {
        let passed = usize::try_from(now.saturating_sub(self.since_ms)).unwrap_or(usize::MAX);
        self.debt = self.debt.saturating_sub(passed.saturating_mul(ANSWER_BYTES_PER_MS));
        self.since_ms = now;
    }

    /// When it may get another.
    fn due_ms(&self) -> u64 {
        let too_much = self.debt.saturating_sub(ANSWER_DEBT_MAX);
        self.since_ms + u64::try_from(too_much.div_ceil(ANSWER_BYTES_PER_MS)).unwrap_or(u64::MAX)
    }
}

/// What a session missed since its sink was full.
#[derive(Debug)]
struct Lag {
    /// The first update that was withheld.
    missed: Content,
    /// The state vector after it: all later content is beyond it.
    since: Bytes,
}

impl Session {
    pub(super) fn syncs(&self) -> bool {
        matches!(self.mode, Mode::Sync { .. })
    }

    pub(super) fn wants_receipts(&self) -> bool {
        matches!(self.mode, Mode::Sync { receipts: Receipts::Sent })
    }
}

/// Tells a session that it may do nothing here any more.
fn end(session: SessionId, out: &mut Vec<Effect>) {
    out.push(Effect::Send(session, Outgoing::Ended(EndReason::AccessEnded)));
    out.push(Effect::End(session));
}

impl Room {
    pub(super) fn attach(&mut self, now: u64, attach: Attach, out: &mut Vec<Effect>) {
        let Attach { session, principal, access, mode } = attach;
        if self.fence(now, &principal, out) == Lease::Lost {
            return end(session, out);
        }
        let new = Session {
            principal,
            access,
            mode,
            frames: 0,
            answered: false,
            trace_event: None,
            lag: None,
            missed_presence: false,
            answers: None,
        };
        self.holder_came(new.principal.reference());
        self.sessions.insert(session, new);
        self.ask(session, out);
        self.send_presence(session, out);
        if self.saving.is_announced() {
            let pending = self.saving.pending();
            out.push(Effect::Send(session, Outgoing::SavingBehind { pending }));
        }
    }

    pub(super) fn detach(&mut self, now: u64, session: SessionId) {
        if let Some(left) = self.sessions.remove(session) {
            self.presence.leave(now, session);
            self.holder_left(now, left.principal.reference());
        }
    }

    /// A session's principal may go by another name by now: what the session says from here on, it says under that.
    pub(super) fn rename(&mut self, session: SessionId, principal: &Principal) {
        if let Some(attached) = self.sessions.get_mut(session)
            && attached.principal.name != principal.name
        {
            let before = Principal::clone(&attached.principal);
            attached.principal = Arc::new(Principal { name: principal.name.clone(), ..before });
        }
    }

    pub(super) fn change_access(
        &mut self,
        now: u64,
        session: SessionId,
        access: Option<Access>,
        out: &mut Vec<Effect>,
    ) {
        match (self.sessions.get_mut(session), access) {
            (Some(attached), Some(access)) => {
                if attached.access != access {
                    attached.access = access;
                    out.push(Effect::Send(session, Outgoing::Access(access)));
                }
            }
            (Some(_), None) => {
                end(session, out);
                self.detach(now, session);
            }
            (None, _) => {}
        }
    }

    /// Asks a session that syncs for what it has and the room has not.
    pub(super) fn ask(&mut self, session: SessionId, out: &mut Vec<Effect>) {
        if self.sessions.get(session).is_some_and(Session::syncs)
            && let Ok(state_vector) = self.replica.state_vector()
        {
            out.push(Effect::Send(session, Outgoing::Step1(state_vector)));
        }
    }

    /// Passes on a message of the application; who may not write may not send one, either.
    pub(super) fn relay_stateless(&self, session: SessionId, payload: Arc<str>, out: &mut Vec<Effect>) {
        if self.sessions.get(session).is_some_and(|sender| sender.access == Access::Write) {
            out.push(Effect::Broadcast(Audience::SyncingExcept(session), Outgoing::Stateless(Arc::clone(&payload))));
            out.push(Effect::PublishStateless(payload));
        }
    }

    /// A session asks for what it lacks. It waits for the answer if it got much lately.
    pub(super) fn take_step_1(&mut self, now: u64, session: SessionId, state_vector: Bytes, out: &mut Vec<Effect>) {
        let Some(attached) = self.sessions.get_mut(session).filter(|attached| attached.syncs()) else { return };
        if let Some(answers) = &mut attached.answers {
            answers.forgive(now);
            if answers.due_ms() > now {
                answers.owed = Some(state_vector);
                self.answers_due_ms.get_or_insert(answers.due_ms());
                return;
            }
        }
        self.answer_step_1(now, session, &state_vector, out);
    }

    /// Gives the answers that had to wait.
    pub(super) fn give_owed_answers(&mut self, now: u64, out: &mut Vec<Effect>) {
        if self.answers_due_ms.is_none_or(|at| now < at) {
            return;
        }
        let (mut due, mut next) = (Vec::new(), None::<u64>);
        for (session, attached) in self.sessions.iter_mut() {
            let Some(answers) = attached.answers.as_mut().filter(|answers| answers.owed.is_some()) else { continue };
            answers.forgive(now);
            if answers.due_ms() > now {
                next = Some(next.map_or(answers.due_ms(), |at| at.min(answers.due_ms())));
            } else if let Some(state_vector) = answers.owed.take() {
                due.push((session, state_vector));
            }
        }
        self.answers_due_ms = next;
        for (session, state_vector) in due {
            self.answer_step_1(now, session, &state_vector, out);
        }
    }

    fn answer_step_1(&mut self, now: u64, session: SessionId, state_vector: &[u8], out: &mut Vec<Effect>) {
        // A state vector that cannot be decoded is answered like an empty one: the client then has everything.
        let answer = self.replica.answer(state_vector).or_else(|_| self.replica.answer(&[0]));
        let Ok(answer) = answer else { return };
        let mut bytes = 0;
        let mut parts = answer.peekable();
        while let Some(part) = parts.next() {
            bytes += part.len();
            // A client is synced with step 2, so that comes last.
            let is_last = parts.peek().is_none();
            let message = if is_last { Outgoing::Step2(part) } else { Outgoing::Part(part) };
            out.push(Effect::Send(session, message));
        }
        if bytes > ANSWER_COUNTED_BYTES
            && let Some(attached) = self.sessions.get_mut(session)
        {
            attached.answers.get_or_insert_with(|| Box::new(Answers::new(now))).debt += bytes;
        }
    }

    /// The session's sink did not take a message.
    pub(super) fn withhold(&mut self, session: SessionId, message: Outgoing, out: &mut Vec<Effect>) {
        let Some(attached) = self.sessions.get_mut(session) else { return };
        let missed = match message {
            Outgoing::Update(update) if attached.lag.is_none() => update,
            Outgoing::Awareness(_) | Outgoing::Present(_) => {
                attached.missed_presence = true;
                return;
            }
            _ => return,
        };
        // A replica that has just failed knows it, too: whoever is withheld from is owed the rest.
        let since = self.replica.state_vector().unwrap_or_else(|_| self.replica.known().into());
        attached.lag = Some(Box::new(Lag { missed, since }));
        out.push(Effect::Send(session, Outgoing::Lagging));
    }

    /// The session's sink is empty again: one merged update brings what was withheld.
    pub(super) fn catch_up(&mut self, session: SessionId, out: &mut Vec<Effect>) {
        let Some(attached) = self.sessions.get_mut(session) else { return };
        let missed_presence = std::mem::take(&mut attached.missed_presence);
        if let Some(lag) = attached.lag.take() {
            let Ok(answer) = self.replica.answer(&lag.since) else {
                attached.lag = Some(lag);
                return;
            };
            out.push(Effect::Resume(session));
            let parts = std::iter::once(lag.missed).chain(answer);
            out.extend(parts.map(|part| Effect::Send(session, Outgoing::Part(part))));
            out.push(Effect::Send(session, Outgoing::CaughtUp));
        }
        if missed_presence {
            self.send_presence(session, out);
        }
    }

    pub(super) fn change_saving(&mut self, state: SavingState, out: &mut Vec<Effect>) {
        if let Some(notice) = self.saving.change(state) {
            self.notify(&notice, out);
        }
    }

    pub(super) fn notify(&self, notice: &Outgoing, out: &mut Vec<Effect>) {
        out.extend(self.sessions.keys().map(|session| Effect::Send(*session, notice.clone())));
    }
}
