//! Presence: who is here, as awareness states whose identity the server writes (SPEC P1–P6).

mod identity;
mod in_room;
mod pace;
mod remote;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use platform::auth::{Principal, PrincipalRef};
use platform::bus::InstanceId;
use platform::limits::Limits;

use super::message::{Claim, Extent, PresenceNews, PresenceState, SessionId};
use crate::by_session::BySession;
use crate::delivery::{AwarenessState, Present};
use identity::with_identity;
use pace::Pace;
use remote::Remote;

/// How often other instances are told of all states while a state that is not renewed would still be shown. More than
/// once, since one may get lost.
const RENEWALS_PER_TIMEOUT: u64 = 3;
/// A later clock is nobody's: a state that is gone is told with the next one, and clients read no more than 53 bits.
const CLOCK_MAX: u64 = 1 << 52;
/// Nobody begins with a later one. A client takes up the clock that it sees of itself, and must be able to go on from there.
const NEW_CLOCK_MAX: u64 = 1 << 32;
/// Of more client ids it is not remembered any more which are gone.
const SHOWN_MAX: usize = 1 << 14;
/// Client ids that a session may bring until those who left are forgotten, for each that it may have at a time.
const CLIENTS_BROUGHT_PER_PLACE: usize = 16;

/// A state that a session of this instance publishes.
#[derive(Debug)]
struct State {
    clock: u64,
    claim: Claim,
    session: SessionId,
    renewed_ms: u64,
}

/// What clients are told of a Yjs client id, at the next tick at the latest. Its clock never goes back, whatever
/// instance or session the state comes from.
#[derive(Debug)]
struct Shown {
    clock: u64,
    /// Nothing when the client is gone. That is remembered for a while: stock clients send back what they hear, and an
    /// echo must not bring anybody back.
    claim: Option<Claim>,
    /// Whose it is, or was last.
    principal: PrincipalRef,
    since_ms: u64,
}

/// The presence of a document.
#[derive(Debug)]
pub(super) struct Presence {
    local: BTreeMap<u64, State>,
    remote: Remote,
    shown: BTreeMap<u64, Shown>,
    /// The client id that each session published first, which is its own.
    own: BySession<u64>,
    /// Sessions that have brought what they had.
    answered: BySession<()>,
    /// How fast each session talks.
    paces: BySession<Pace>,
    /// When something that was said too early may be taken.
    resume_at_ms: Option<u64>,
    /// Clients whose state changed since the last tick.
    changed: BTreeSet<u64>,
    /// Clients of whose local state other instances are not told yet.
    untold: BTreeSet<u64>,
    /// When other instances are told of all local states again.
    tell_all_at_ms: Option<u64>,
    /// What those who watch were told last, when all of them were told the same.
    told: Option<Arc<[Present]>>,
    tick_at_ms: Option<u64>,
    /// No local state runs out before.
    expiry_at_ms: Option<u64>,
    limits: Arc<Limits>,
}

impl Presence {
    pub(super) fn new(limits: Arc<Limits>) -> Self {
        Self {
            local: BTreeMap::new(),
            remote: Remote::default(),
            shown: BTreeMap::new(),
            own: BySession::default(),
            answered: BySession::default(),
            paces: BySession::default(),
            resume_at_ms: None,
            changed: BTreeSet::new(),
            untold: BTreeSet::new(),
            tell_all_at_ms: None,
            told: None,
            tick_at_ms: None,
            expiry_at_ms: None,
            limits,
        }
    }

    fn timeout_ms(&self) -> u64 {
        self.limits.presence_timeout_seconds * 1000
    }

    /// When a tick is due: soon after a change, when a state may run out, and to tell other instances again.
    pub(super) fn deadline(&self) -> Option<u64> {
        let silent = self.remote.longest_silent_since().map(|since| since + self.timeout_ms());
        [self.tick_at_ms, self.expiry_at_ms, self.tell_all_at_ms, self.resume_at_ms, silent].into_iter().flatten().min()
    }

    /// Who publishes a state under this client id, and by which session if that is one of this instance.
    pub(super) fn owner_of(&self, client: u64) -> Option<(Option<SessionId>, PrincipalRef)> {
        let owner = self.shown.get(&client)?.claim.as_ref()?.principal.reference();
        let local = self.local.get(&client).filter(|state| state.claim.principal.reference() == owner);
        Some((local.map(|state| state.session), owner))
    }

    /// Whether somebody is here through another instance and has brought there what they had. An instance that has missed
    /// a renewal is taken to be gone, sooner than what it told is forgotten: it will bring nothing more, and others must
    /// not wait for it.
    pub(super) fn is_answered_for_elsewhere(&self, now: u64, principal: PrincipalRef) -> bool {
        self.remote.has_answered(principal, now.checked_sub(self.timeout_ms() / 2))
    }

    /// A session has brought what it had.
    pub(super) fn answered(&mut self, now: u64, session: SessionId) {
        if self.answered.insert(session, ()).is_none() {
            let clients: Vec<u64> = self.clients_of(session).collect();
            self.untold.extend(clients);
            self.tick_at_ms.get_or_insert(now + self.limits.presence_tick_ms);
        }
    }

    /// Removes the states of a session.
    pub(super) fn leave(&mut self, now: u64, session: SessionId) {
        self.own.remove(session);
        self.paces.remove(session);
        self.answered.remove(session);
        let left: Vec<u64> = self.clients_of(session).collect();
        for client in left {
            self.remove(now, client);
        }
    }

    fn clients_of(&self, session: SessionId) -> impl Iterator<Item = u64> {
        self.local.iter().filter(move |(_, state)| state.session == session).map(|(client, _)| *client)
    }

    fn remove(&mut self, now: u64, client: u64) {
        if self.local.remove(&client).is_some() {
            self.changed_here(now, client);
        }
    }

    /// The local state of a client is another, or gone.
    fn changed_here(&mut self, now: u64, client: u64) {
        self.untold.insert(client);
        self.tick_at_ms.get_or_insert(now + self.limits.presence_tick_ms);
        self.refresh(now, client);
    }

    /// The state of a client that holds of those that sessions and instances have: usually there is one. Of the same
    /// principal the later one holds. Of two principals that took the same client id at the same time, everybody
    /// decides for the same.
    fn holder(&self, client: u64) -> Option<(u64, &Claim)> {
        let local = self.local.get(&client).map(|state| (None, state.clock, &state.claim));
        let remote = self.remote.states_of(client).map(|(from, state)| (Some(from), state.clock, &state.claim));
        let claims = local.into_iter().chain(remote);
        let held = claims.min_by_key(|(from, clock, claim)| (claim.principal.reference(), Reverse(*clock), *from));
        held.map(|(_, clock, claim)| (clock, claim))
    }

    /// Brings what is shown of a client up to date.
    fn refresh(&mut self, now: u64, client: u64) {
        let shown = self.shown.get(&client);
        let held = self.holder(client);
        let clock = match (shown, held) {
            (None, None) => return,
            (None, Some((clock, _))) => clock,
            (Some(shown), None) if shown.claim.is_none() => return,
            (Some(shown), None) => shown.clock + 1,
            (Some(shown), Some((clock, claim))) if shown.claim.as_ref() == Some(claim) => {
                if clock <= shown.clock {
                    return;
                }
                clock
            }
            (Some(shown), Some((clock, _))) => clock.max(shown.clock + 1),
        };
        let claim = held.map(|(_, claim)| claim.clone());
        let holder = claim.as_ref().map(|claim| claim.principal.reference());
        let Some(principal) = holder.or(shown.map(|shown| shown.principal)) else { return };
        if let Some(state) = self.local.get_mut(&client)
            && Some(&state.claim) == claim.as_ref()
        {
            // What its client says next must count as later than what everybody has seen.
            state.clock = clock;
        }
        let shown = Shown { clock, claim, principal, since_ms: now };
        if self.is_ahead(client, &shown) {
            self.untold.insert(client);
        }
        if self.shown.len() >= SHOWN_MAX {
            self.shown.retain(|_, shown| shown.claim.is_some());
        }
        self.shown.insert(client, shown);
        self.changed.insert(client);
        self.tick_at_ms.get_or_insert(now + self.limits.presence_tick_ms);
    }

    /// Takes in states of a session, or lets them wait when it talks too fast. Whether they were taken in.
    fn take_in(
        &mut self,
        now: u64,
        session: SessionId,
        principal: &Arc<Principal>,
        states: Vec<AwarenessState>,
    ) -> bool {
        let rate = self.limits.presence_of_session();
        let pace = self.paces.get_or_insert_with(session, || Pace::new(&rate, now));
        if pace.allows(&rate, now) {
            for state in states {
                self.publish(now, session, principal, state);
            }
            return true;
        }
        let own = self.own.get(session).copied();
        for state in states {
            let holder = self.shown.get(&state.client).filter(|shown| shown.claim.is_some());
            let is_foreign = holder.is_some_and(|holder| holder.principal != principal.reference());
            let is_too_large = state.state.as_ref().is_some_and(|json| json.len() > self.limits.presence_state_bytes);
            let has_room =
                own == Some(state.client) || pace.has_room_for(state.client, self.limits.presence_clients_per_session);
            if !is_foreign && !is_too_large && has_room {
                pace.put_off(state);
            }
        }
        if pace.is_waiting() {
            // When exactly, a tick finds out.
            self.resume_at_ms.get_or_insert(now + self.limits.presence_tick_ms);
        }
        false
    }

    /// Takes in what was said too early, as far as it may be by now.
    fn resume(&mut self, now: u64, principal_of: impl Fn(SessionId) -> Option<Arc<Principal>>) {
        if self.resume_at_ms.is_none_or(|at| now < at) {
            return;
        }
        let rate = self.limits.presence_of_session();
        let (mut due, mut next) = (Vec::new(), None);
        for (session, pace) in self.paces.iter_mut().filter(|(_, pace)| pace.is_waiting()) {
            match pace.take_waiting(&rate, now) {
                Ok(states) => due.push((session, states)),
                Err(wait) => {
                    let at = now + u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
                    next = Some(next.map_or(at, |next: u64| next.min(at)));
                }
            }
        }
        self.resume_at_ms = next;
        for (session, states) in due {
            let Some(principal) = principal_of(session) else { continue };
            for state in states {
                self.publish(now, session, &principal, state);
            }
        }
    }

    fn publish(&mut self, now: u64, session: SessionId, principal: &Arc<Principal>, published: AwarenessState) {
        let AwarenessState { client, clock, state } = published;
        let is_new = !self.shown.contains_key(&client);
        if clock > if is_new { NEW_CLOCK_MAX } else { CLOCK_MAX } || (is_new && !self.may_bring(now, session)) {
            return;
        }
        let shown = self.shown.get(&client);
        let held = shown.filter(|shown| shown.claim.is_some());
        if held.is_some_and(|held| held.principal != principal.reference()) {
            return;
        }
        let own = *self.own.get_or_insert_with(session, || client) == client;
        let mine = self.local.get(&client).filter(|state| state.session == session).map(|state| state.clock);
        // A client that comes from another instance, which has not noticed yet, brings the clock that it had there.
        let moved_here = own && !self.local.contains_key(&client);
        let outdated = match (mine, held) {
            (Some(mine), _) => clock < mine,
            (None, Some(held)) if moved_here => clock < held.clock,
            // The same clock from another session is an echo.
            (None, Some(held)) => clock <= held.clock,
            (None, None) => false,
        };
        // Everybody has seen a later clock of who is gone; only one that comes back does so with the one it left with.
        let comes_back = |gone: &Shown| own && gone.principal == principal.reference();
        let left_before = held.is_none() && shown.is_some_and(|gone| clock <= gone.clock && !comes_back(gone));
        if outdated || left_before {
            return;
        }
        let Some(json) = state else {
            if mine.is_some() {
                self.remove(now, client);
            }
            return;
        };
        if let Some(state) = self.local.get_mut(&client).filter(|_| mine == Some(clock)) {
            state.renewed_ms = now;
            return;
        }
        let one_too_many =
            mine.is_none() && self.clients_of(session).count() >= self.limits.presence_clients_per_session;
        if one_too_many || json.len() > self.limits.presence_state_bytes {
            return;
        }
        let Some((json, editing)) = with_identity(&json, principal) else { return };
        let claim = Claim { json, principal: Arc::clone(principal), editing };
        self.local.insert(client, State { clock, claim, session, renewed_ms: now });
        self.expiry_at_ms.get_or_insert(now + self.timeout_ms());
        self.changed_here(now, client);
    }

    /// Whether a session may bring another client id: few at a time.
    fn may_bring(&mut self, now: u64, session: SessionId) -> bool {
        let max = CLIENTS_BROUGHT_PER_PLACE * self.limits.presence_clients_per_session;
        let period_ms = self.timeout_ms();
        self.paces.get_mut(session).is_none_or(|pace| pace.may_bring(now, period_ms, max))
    }

    /// Whether a session may ask who is here: that costs as much as to say something.
    fn may_ask(&mut self, now: u64, session: SessionId) -> bool {
        let rate = self.limits.presence_of_session();
        self.paces.get_or_insert_with(session, || Pace::new(&rate, now)).allows(&rate, now)
    }

    /// Removes what was not renewed in time, and forgets who is gone for long.
    fn expire(&mut self, now: u64) {
        let timeout_ms = self.timeout_ms();
        if self.expiry_at_ms.is_some_and(|at| at <= now) {
            let states = self.local.iter().filter(|(_, state)| state.renewed_ms + timeout_ms <= now);
            let expired: Vec<u64> = states.map(|(client, _)| *client).collect();
            for client in expired {
                self.remove(now, client);
            }
            self.expiry_at_ms = self.local.values().map(|state| state.renewed_ms + timeout_ms).min();
        }
        if let Some(before) = now.checked_sub(timeout_ms) {
            for client in self.remote.forget_silent(before) {
                self.refresh(now, client);
            }
        }
        self.shown.retain(|_, shown| shown.claim.is_some() || now < shown.since_ms + timeout_ms);
    }

    /// Whether clients of this instance have seen a later clock than the state of another instance that is shown has.
    /// That instance must hear of it: whoever moves there would not take in its state.
    fn is_ahead(&self, client: u64, shown: &Shown) -> bool {
        let is_local = self.local.contains_key(&client);
        !is_local && self.holder(client).is_some_and(|(clock, _)| clock < shown.clock)
    }

    /// All states.
    fn everybody(&self) -> Arc<[AwarenessState]> {
        let live = self.shown.iter().filter(|(_, shown)| shown.claim.is_some());
        live.map(|(client, shown)| awareness(*client, shown)).collect()
    }

    /// What changed since the last tick.
    fn take_changes(&mut self) -> Arc<[AwarenessState]> {
        let changed = std::mem::take(&mut self.changed);
        changed.iter().filter_map(|client| Some(awareness(*client, self.shown.get(client)?))).collect()
    }

    /// One entry per principal, in the order of their first state.
    fn present(&self) -> Arc<[Present]> {
        let mut present: Vec<Present> = Vec::new();
        for Claim { principal, editing, .. } in self.shown.values().filter_map(|shown| shown.claim.as_ref()) {
            let same = |someone: &&mut Present| someone.principal.reference() == principal.reference();
            match present.iter_mut().find(same) {
                Some(someone) => someone.editing |= editing,
                None => present.push(Present { principal: Arc::clone(principal), editing: *editing }),
            }
        }
        present.into()
    }

    /// Takes in what another instance tells of its sessions, and of what its clients have seen.
    pub(super) fn take_news(&mut self, now: u64, from: InstanceId, news: PresenceNews) {
        for PresenceState { client, clock, .. } in news.states.iter().filter(|state| state.claim.is_none()) {
            if let Some(state) = self.local.get_mut(client).filter(|state| state.clock < *clock) {
                state.clock = *clock;
                self.changed_here(now, *client);
            }
        }
        for client in self.remote.take(now, from, news) {
            self.refresh(now, client);
        }
    }

    /// Another instance wants to know of all local states.
    pub(super) fn owe_all(&mut self, now: u64) {
        let soon = now + self.limits.presence_tick_ms;
        self.tell_all_at_ms = Some(self.tell_all_at_ms.map_or(soon, |at| at.min(soon)));
    }

    /// Whether other instances may have been told of local states.
    pub(super) fn has_told(&self) -> bool {
        !self.local.is_empty() || !self.untold.is_empty()
    }

    /// What other instances are to be told now: of everything when that is due, else of what is new.
    fn news(&mut self, now: u64) -> Option<PresenceNews> {
        let untold = std::mem::take(&mut self.untold);
        let renewal = (!self.local.is_empty()).then_some(now + self.timeout_ms() / RENEWALS_PER_TIMEOUT);
        let (extent, states) = if self.tell_all_at_ms.is_some_and(|at| at <= now) {
            self.tell_all_at_ms = renewal;
            let ahead =
                self.shown.iter().filter(|(client, shown)| self.is_ahead(**client, shown)).map(|(client, _)| client);
            (Extent::All, self.local.keys().chain(ahead).map(|client| self.state_of(*client)).collect())
        } else {
            self.tell_all_at_ms = self.tell_all_at_ms.or(renewal);
            (Extent::Changes, untold.iter().map(|client| self.state_of(*client)).collect::<Vec<_>>())
        };
        (extent == Extent::All || !states.is_empty()).then_some(PresenceNews { extent, states })
    }

    fn state_of(&self, client: u64) -> PresenceState {
        let state = self.local.get(&client);
        let seen = self.shown.get(&client).map_or(0, |shown| shown.clock);
        PresenceState {
            client,
            clock: state.map_or(seen, |state| state.clock),
            claim: state.map(|state| state.claim.clone()),
            answered: state.is_some_and(|state| self.answered.contains(state.session)),
        }
    }
}

fn awareness(client: u64, shown: &Shown) -> AwarenessState {
    AwarenessState { client, clock: shown.clock, state: shown.claim.as_ref().map(|claim| Arc::clone(&claim.json)) }
}
