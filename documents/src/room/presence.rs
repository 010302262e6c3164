//! Presence: who is here, as awareness states whose identity the server writes (SPEC P1–P5).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use platform::auth::{Principal, PrincipalKind, PrincipalRef};
use platform::limits::Limits;
use serde::Serialize;
use serde_json::value::RawValue;

use super::intake::new_client_id;
use super::message::{Activity, Audience, Effect, SessionId};
use super::{Mode, Room};
use crate::delivery::{AwarenessState, Outgoing, Present};

#[derive(Debug)]
struct State {
    clock: u64,
    json: Arc<str>,
    session: SessionId,
    principal: Arc<Principal>,
    editing: bool,
    renewed_ms: u64,
}

#[derive(Debug)]
struct Gone {
    /// The clock that says so.
    clock: u64,
    since_ms: u64,
}

/// The presence of a document.
#[derive(Debug)]
pub(super) struct Presence {
    states: BTreeMap<u64, State>,
    /// Clients that are gone. They are remembered for a while: stock clients send back what they hear, and an echo
    /// must not bring anybody back.
    gone: BTreeMap<u64, Gone>,
    /// The client id that each session published first, which is its own.
    own: BTreeMap<SessionId, u64>,
    /// Clients whose state changed since the last tick.
    changed: BTreeSet<u64>,
    /// What those who watch were told last, when all of them were told the same.
    told: Option<Arc<[Present]>>,
    tick_at_ms: Option<u64>,
    tick_ms: u64,
    timeout_ms: u64,
    state_bytes: usize,
    clients_per_session: usize,
}

impl Presence {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            states: BTreeMap::new(),
            gone: BTreeMap::new(),
            own: BTreeMap::new(),
            changed: BTreeSet::new(),
            told: None,
            tick_at_ms: None,
            tick_ms: limits.presence_tick_ms,
            timeout_ms: limits.presence_timeout_seconds * 1000,
            state_bytes: limits.presence_state_bytes,
            clients_per_session: limits.presence_clients_per_session,
        }
    }

    /// When a tick is due: soon after a change, and when the oldest state runs out.
    pub(super) fn deadline(&self) -> Option<u64> {
        let oldest = self.states.values().map(|state| state.renewed_ms + self.timeout_ms).min();
        [self.tick_at_ms, oldest].into_iter().flatten().min()
    }

    /// The session and principal that publish a state under this client id.
    pub(super) fn owner_of(&self, client: u64) -> Option<(SessionId, PrincipalRef)> {
        self.states.get(&client).map(|state| (state.session, state.principal.reference()))
    }

    /// Removes the states of a session.
    pub(super) fn leave(&mut self, now: u64, session: SessionId) {
        self.own.remove(&session);
        let left: Vec<u64> = self.clients_of(session).collect();
        for client in left {
            self.remove(now, client);
        }
    }

    fn clients_of(&self, session: SessionId) -> impl Iterator<Item = u64> {
        self.states.iter().filter(move |(_, state)| state.session == session).map(|(client, _)| *client)
    }

    fn remove(&mut self, now: u64, client: u64) {
        if let Some(state) = self.states.remove(&client) {
            self.gone.insert(client, Gone { clock: state.clock + 1, since_ms: now });
            self.mark(now, client);
        }
    }

    fn mark(&mut self, now: u64, client: u64) {
        self.changed.insert(client);
        self.tick_at_ms.get_or_insert(now + self.tick_ms);
    }

    fn publish(&mut self, now: u64, session: SessionId, principal: &Arc<Principal>, published: AwarenessState) {
        let AwarenessState { client, clock, state } = published;
        let held = self.states.get(&client);
        let mine = held.is_some_and(|state| state.session == session);
        let somebody_elses = held.is_some_and(|state| state.principal.reference() != principal.reference());
        let own = *self.own.entry(session).or_insert(client) == client;
        // The same clock from another session is an echo.
        let outdated = held.is_some_and(|state| clock < state.clock || (clock == state.clock && !mine));
        if somebody_elses || outdated {
            return;
        }
        let Some(json) = state else {
            if mine {
                self.remove(now, client);
            }
            return;
        };
        if held.is_some_and(|state| mine && clock == state.clock) {
            if let Some(state) = self.states.get_mut(&client) {
                state.renewed_ms = now;
            }
            return;
        }
        // One that comes back does so with the clock that it left with; everybody else has seen a later one.
        let clock = match self.gone.get(&client) {
            Some(gone) if clock <= gone.clock && !own => return,
            Some(gone) => clock.max(gone.clock + 1),
            None => clock,
        };
        let one_too_many = !mine && self.clients_of(session).count() >= self.clients_per_session;
        if one_too_many || json.len() > self.state_bytes {
            return;
        }
        let Some((json, editing)) = with_identity(&json, principal) else { return };
        let principal = Arc::clone(principal);
        self.gone.remove(&client);
        self.states.insert(client, State { clock, json, session, principal, editing, renewed_ms: now });
        self.mark(now, client);
    }

    /// All states.
    fn everybody(&self) -> Arc<[AwarenessState]> {
        self.states.keys().filter_map(|client| self.state_of(*client)).collect()
    }

    /// What changed since the last tick.
    fn take_changes(&mut self) -> Arc<[AwarenessState]> {
        let changed = std::mem::take(&mut self.changed);
        changed.iter().filter_map(|client| self.state_of(*client)).collect()
    }

    fn state_of(&self, client: u64) -> Option<AwarenessState> {
        if let Some(State { clock, json, .. }) = self.states.get(&client) {
            return Some(AwarenessState { client, clock: *clock, state: Some(Arc::clone(json)) });
        }
        self.gone.get(&client).map(|gone| AwarenessState { client, clock: gone.clock, state: None })
    }

    /// One entry per principal, in the order of their first state.
    fn present(&self) -> Arc<[Present]> {
        let mut present: Vec<Present> = Vec::new();
        for state in self.states.values() {
            let same = |someone: &&mut Present| someone.principal.reference() == state.principal.reference();
            match present.iter_mut().find(same) {
                Some(someone) => someone.editing |= state.editing,
                None => present.push(Present { principal: Arc::clone(&state.principal), editing: state.editing }),
            }
        }
        present.into()
    }
}

/// Replaces the member `user` of a state by the principal's identity. `None` when the state is no JSON object.
fn with_identity(state: &str, principal: &Principal) -> Option<(Arc<str>, bool)> {
    #[derive(Serialize)]
    struct User<'a> {
        id: String,
        name: &'a str,
        kind: &'a str,
        color: &'a str,
    }
    let mut members: BTreeMap<String, &RawValue> = serde_json::from_str(state).ok()?;
    let says = |member: &str, value: &str| members.get(member).is_some_and(|raw| raw.get() == value);
    let editing = says("action", "\"editing\"") || (members.contains_key("cursor") && !says("cursor", "null"));
    // Without a token there is no identity to protect, and a name of one's own choice is better than none.
    if principal.kind == PrincipalKind::Anonymous {
        return Some((state.into(), editing));
    }
    let color = principal.color();
    let kind = if principal.kind == PrincipalKind::Agent { "agent" } else { "human" };
    let user = User { id: principal.id.to_string(), name: &principal.name, kind, color };
    let user = serde_json::value::to_raw_value(&user).ok()?;
    members.insert("user".to_owned(), &user);
    Some((serde_json::to_string(&members).ok()?.into(), editing))
}

impl Room {
    pub(super) fn take_awareness(&mut self, now: u64, session: SessionId, states: Vec<AwarenessState>) {
        let Some(attached) = self.sessions.get(&session).filter(|attached| attached.syncs()) else { return };
        for state in states {
            self.presence.publish(now, session, &attached.principal, state);
        }
    }

    pub(super) fn take_activity(&mut self, now: u64, session: SessionId, activity: Activity) {
        let Some(attached) = self.sessions.get(&session) else { return };
        let mine = self.presence.clients_of(session).next();
        let client = mine.unwrap_or_else(|| new_client_id(&self.random));
        let clock = self.presence.states.get(&client).map_or(0, |state| state.clock + 1);
        let state = match activity {
            Activity::Viewing => Some(r#"{"action":"viewing"}"#.into()),
            Activity::Editing => Some(r#"{"action":"editing"}"#.into()),
            Activity::Idle => None,
        };
        self.presence.publish(now, session, &attached.principal, AwarenessState { client, clock, state });
    }

    pub(super) fn send_presence(&mut self, session: SessionId, out: &mut Vec<Effect>) {
        let Some(attached) = self.sessions.get(&session) else { return };
        match attached.mode {
            Mode::Sync { .. } if self.presence.states.is_empty() => {}
            Mode::Sync { .. } => out.push(Effect::Send(session, Outgoing::Awareness(self.presence.everybody()))),
            Mode::Watch => {
                self.presence.told = None;
                out.push(Effect::Send(session, Outgoing::Present(self.presence.present())));
            }
        }
    }

    pub(super) fn tick(&mut self, now: u64, out: &mut Vec<Effect>) {
        let timeout_ms = self.presence.timeout_ms;
        let states = self.presence.states.iter();
        let expired: Vec<u64> =
            states.filter(|(_, state)| state.renewed_ms + timeout_ms <= now).map(|(client, _)| *client).collect();
        for client in expired {
            self.presence.remove(now, client);
        }
        self.presence.gone.retain(|_, gone| now < gone.since_ms + timeout_ms);
        if self.presence.tick_at_ms.is_some_and(|at| at <= now) {
            self.presence.tick_at_ms = None;
            let changes = self.presence.take_changes();
            out.push(Effect::Broadcast(Audience::Syncing, Outgoing::Awareness(changes)));
            self.tell_who_is_here(out);
        }
    }

    /// Tells those who watch, if it is another than before: a moving cursor changes states, and not who is here.
    fn tell_who_is_here(&mut self, out: &mut Vec<Effect>) {
        if !self.sessions.values().any(|session| session.mode == Mode::Watch) {
            self.presence.told = None;
            return;
        }
        let present = self.presence.present();
        if self.presence.told.as_ref() != Some(&present) {
            self.presence.told = Some(Arc::clone(&present));
            out.push(Effect::Broadcast(Audience::Watching, Outgoing::Present(present)));
        }
    }
}
