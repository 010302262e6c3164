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
use crate::replica::{Answer, AnswerKind};

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
}

/// What a session missed since its sink was full.
#[derive(Debug)]
struct Lag {
    /// The first update that was withheld.
    missed: Content,
    /// The state vector after it: all later content is beyond it.
    since: Bytes,
}

/// Bytes of answers to single sessions. What waits to be written to somebody who reads nothing must not be the document
/// again and again: beyond this, sessions get the whole state, which all share.
#[derive(Debug, Default)]
pub(super) struct OwnAnswers {
    /// Less what was forgiven since.
    bytes: usize,
    since_ms: u64,
}

/// What may be given in answers to single sessions at once,
const OWN_ANSWERS_MAX: usize = 32 * 1024 * 1024;
/// and in a millisecond, in the long run.
const OWN_ANSWERS_PER_MS: usize = 8 * 1024;

impl OwnAnswers {
    fn kind(&mut self, now: u64) -> AnswerKind {
        let passed = usize::try_from(now.saturating_sub(self.since_ms)).unwrap_or(usize::MAX);
        self.bytes = self.bytes.saturating_sub(passed.saturating_mul(OWN_ANSWERS_PER_MS));
        self.since_ms = now;
        if self.bytes < OWN_ANSWERS_MAX { AnswerKind::Own } else { AnswerKind::Shared }
    }
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

    pub(super) fn answer_step_1(&mut self, now: u64, session: SessionId, state_vector: &[u8], out: &mut Vec<Effect>) {
        if !self.sessions.get(session).is_some_and(Session::syncs) {
            return;
        }
        let kind = self.own_answers.kind(now);
        // A state vector that cannot be decoded is answered like an empty one: the client then has everything.
        let answer = self.replica.answer(state_vector, kind).or_else(|_| self.replica.answer(&[0], kind));
        let Ok(Answer { parts, own_bytes }) = answer else { return };
        self.own_answers.bytes += own_bytes;
        let mut parts = parts.into_iter().peekable();
        while let Some(part) = parts.next() {
            // A client is synced with step 2, so that comes last.
            let is_last = parts.peek().is_none();
            let message = if is_last { Outgoing::Step2(part) } else { Outgoing::Part(part) };
            out.push(Effect::Send(session, message));
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
            let Ok(answer) = self.replica.answer(&lag.since, AnswerKind::Own) else {
                attached.lag = Some(lag);
                return;
            };
            out.push(Effect::Resume(session));
            let parts = std::iter::once(lag.missed).chain(answer.parts);
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
