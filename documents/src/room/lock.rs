//! The lock of a node: whether the updates of others are refused, and whether its holder is still here, on this instance.
//!
//! Whose the lock is stands in the tables; the owner brings it here. A room without one spends a comparison on it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use platform::auth::PrincipalRef;
use platform::limits::Limits;
use schema::update::UpdateSummary;

use super::message::{Effect, SessionId, UpdateKind};
use super::{Room, Session};
use crate::delivery::Refusal;

/// While its holder is active, a lock is renewed this often.
const RENEW_EVERY_MS: u64 = 60_000;
/// A holder whose last session has gone may come back this long, as people do who load a page anew.
const COME_BACK_MS: u64 = 3_000;
/// The holder counts as here for so many times as long as presence is shown that nobody renews: who comes back through
/// another instance while they are still shown keeps the lock.
const ATTENDED_TIMEOUTS: u64 = 2;
/// How often a room says meanwhile that the holder is here. More than once, since that may fail.
const ATTENDED_TIMES: u64 = 3;

/// For how long a lock's holder counts as here after a room has said so.
pub(crate) fn attended_for(limits: &Limits) -> Duration {
    Duration::from_secs(ATTENDED_TIMEOUTS * limits.presence_timeout_seconds)
}

/// Who holds the node's lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockState {
    /// Who.
    pub holder: PrincipalRef,
    /// What to call them.
    pub name: Arc<str>,
    /// Which of the node's locks it is.
    pub fencing_token: i64,
    /// When it ends unless it is renewed, in milliseconds of the room's clock.
    pub until_ms: u64,
    /// Whether updates of others are refused.
    pub enforcement: Enforcement,
}

/// What a lock means to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enforcement {
    /// They are told.
    Advisory,
    /// Their updates are refused.
    Enforced,
}

/// A lock that somebody holds.
#[derive(Debug)]
pub(super) struct HeldLock {
    state: LockState,
    renewed_ms: Option<u64>,
    /// The holder's last session has gone then.
    left_ms: Option<u64>,
    /// When it is to be said that the holder is here, if they have a session here.
    attend_ms: Option<u64>,
    /// Sessions of others that were refused something: they are asked for it when the lock ends.
    refused: BTreeSet<SessionId>,
}

impl HeldLock {
    pub(super) fn fencing_token(&self) -> i64 {
        self.state.fencing_token
    }

    pub(super) fn deadline(&self) -> u64 {
        let gone_at = self.left_ms.map_or(u64::MAX, |left| left + COME_BACK_MS);
        self.state.until_ms.min(gone_at).min(self.attend_ms.unwrap_or(u64::MAX))
    }
}

impl Room {
    /// The lock is as the tables have it now.
    pub(super) fn take_lock(&mut self, state: Option<LockState>, out: &mut Vec<Effect>) {
        let before = self.lock.take();
        let which = |state: &LockState| (state.holder, state.fencing_token);
        let is_same = |held: &HeldLock| state.as_ref().is_some_and(|state| which(state) == which(&held.state));
        let (kept, over) = match before {
            Some(held) if is_same(&held) => (Some(held), None),
            other => (None, other),
        };
        let mut refused = over.map(|held| held.refused).unwrap_or_default();
        if let Some(state) = state {
            let mut held = match kept {
                Some(mut held) => {
                    held.state = state;
                    held
                }
                None => Box::new(self.newly_held(state)),
            };
            if held.state.enforcement == Enforcement::Advisory {
                refused.append(&mut held.refused);
            }
            self.lock = Some(held);
        }
        for session in refused {
            self.ask(session, out);
        }
    }

    fn newly_held(&self, state: LockState) -> HeldLock {
        let attend_ms = self.has_session(state.holder).then_some(0);
        HeldLock { state, renewed_ms: None, left_ms: None, attend_ms, refused: BTreeSet::new() }
    }

    /// Whether somebody else's lock is in the way of a principal; if so, what to call them.
    pub(super) fn locked_for(&self, principal: PrincipalRef) -> Option<&Arc<str>> {
        let state = &self.lock.as_ref()?.state;
        let is_refused = state.enforcement == Enforcement::Enforced && state.holder != principal;
        is_refused.then_some(&state.name)
    }

    /// Refuses an update that brings something new while somebody else's lock keeps its sender out. Answers to step 1 that
    /// bring nothing are none.
    pub(super) fn look_at_lock(
        &mut self,
        session: SessionId,
        principal: PrincipalRef,
        kind: UpdateKind,
        summary: &UpdateSummary,
    ) -> Result<(), Refusal> {
        let Some(name) = self.locked_for(principal).cloned() else { return Ok(()) };
        let inserts = !summary.insertions().iter().all(|range| self.replica.has(range));
        let deletes = summary.deletes() && (kind == UpdateKind::Live || self.replica.would_delete(summary.deletions()));
        if !inserts && !deletes {
            return Ok(());
        }
        if let Some(lock) = &mut self.lock {
            lock.refused.insert(session);
        }
        Err(Refusal::LockHeld { holder: name })
    }

    /// Somebody does something in the document: if it is the lock's holder, the lock is renewed now and then.
    pub(super) fn note_activity(&mut self, now: u64, principal: PrincipalRef, out: &mut Vec<Effect>) {
        let Some(lock) = self.lock.as_mut().filter(|lock| lock.state.holder == principal) else { return };
        if lock.renewed_ms.is_none_or(|at| now >= at + RENEW_EVERY_MS) {
            lock.renewed_ms = Some(now);
            out.push(Effect::RenewLock(principal));
        }
    }

    /// Somebody has a session more.
    pub(super) fn holder_came(&mut self, principal: PrincipalRef) {
        if let Some(lock) = self.lock.as_mut().filter(|lock| lock.state.holder == principal) {
            lock.left_ms = None;
            lock.attend_ms = Some(0);
        }
    }

    /// Somebody has a session less. A holder that never had one, as a program that uses REST, does not leave.
    pub(super) fn holder_left(&mut self, now: u64, principal: PrincipalRef) {
        if self.lock.as_ref().is_some_and(|lock| lock.state.holder == principal)
            && !self.has_session(principal)
            && let Some(lock) = &mut self.lock
        {
            lock.left_ms = Some(now);
        }
    }

    /// Says from time to time that the holder is here.
    fn attend_lock(&mut self, now: u64, out: &mut Vec<Effect>) {
        let due = self.lock.as_ref().filter(|lock| lock.attend_ms.is_some_and(|at| at <= now));
        let Some(holder) = due.map(|lock| lock.state.holder) else { return };
        let is_here = self.has_session(holder);
        if is_here {
            out.push(Effect::AttendLock(holder));
        }
        let every_ms = ATTENDED_TIMEOUTS * self.limits.presence_timeout_seconds * 1000 / ATTENDED_TIMES;
        if let Some(lock) = &mut self.lock {
            lock.attend_ms = is_here.then_some(now + every_ms);
        }
    }

    /// The holder is still here, which is to be said. Or they left and have not come back: that is to be said, and the lock
    /// is to end unless they are here through another instance. Or it has run out, as far as is known here.
    pub(super) fn lock_due(&mut self, now: u64, out: &mut Vec<Effect>) {
        self.attend_lock(now, out);
        let Some(lock) = &mut self.lock else { return };
        let holder = lock.state.holder;
        if lock.left_ms.is_some_and(|left| now >= left + COME_BACK_MS) {
            lock.left_ms = None;
            if !self.has_session(holder) {
                out.push(Effect::LeaveLock(holder));
            }
        }
        if self.lock.as_ref().is_some_and(|lock| now >= lock.state.until_ms) {
            self.take_lock(None, out);
            out.push(Effect::ReadLock);
        }
    }

    fn has_session(&self, principal: PrincipalRef) -> bool {
        self.sessions.values().any(|session: &Session| session.principal.reference() == principal)
    }
}
