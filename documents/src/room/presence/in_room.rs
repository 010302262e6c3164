//! Presence as a part of its room: what sessions say of it, and whom the room tells.

use std::sync::Arc;

use platform::limits::Limit;

use crate::delivery::{AwarenessState, Outgoing};
use crate::room::intake::new_client_id;
use crate::room::message::{Activity, Audience, Effect, SessionId};
use crate::room::{Mode, Room};

impl Room {
    pub(in crate::room) fn take_awareness(
        &mut self,
        now: u64,
        session: SessionId,
        mut states: Vec<AwarenessState>,
        out: &mut Vec<Effect>,
    ) {
        let Some(attached) = self.sessions.get(session).filter(|attached| attached.syncs()) else { return };
        let principal = attached.principal.reference();
        // Who is away comes back under the client id of its content.
        states.retain(|state| self.owners.get(&state.client).is_none_or(|owner| *owner == principal));
        if !self.presence.take_in(now, session, &attached.principal, states) {
            out.push(Effect::LimitReached(Limit::PresenceRate));
        }
        self.note_activity(now, principal, out);
    }

    /// A session asks who is here.
    pub(in crate::room) fn tell_presence(&mut self, now: u64, session: SessionId, out: &mut Vec<Effect>) {
        if self.presence.may_ask(now, session) {
            self.send_presence(session, out);
        } else {
            out.push(Effect::LimitReached(Limit::PresenceRate));
        }
    }

    pub(in crate::room) fn take_activity(
        &mut self,
        now: u64,
        session: SessionId,
        activity: Activity,
        out: &mut Vec<Effect>,
    ) {
        let Some(attached) = self.sessions.get(session) else { return };
        let mine = self.presence.clients_of(session).next();
        let client = mine.unwrap_or_else(|| new_client_id(&self.random));
        // Stock clients do not take in a first state whose clock is 0.
        let clock = self.presence.local.get(&client).map_or(1, |state| state.clock + 1);
        let state = match activity {
            Activity::Viewing => Some(r#"{"action":"viewing"}"#.into()),
            Activity::Editing => Some(r#"{"action":"editing"}"#.into()),
            Activity::Idle => None,
        };
        let states = vec![AwarenessState { client, clock, state }];
        if !self.presence.take_in(now, session, &attached.principal, states) {
            out.push(Effect::LimitReached(Limit::PresenceRate));
        }
        if activity != Activity::Idle {
            let principal = attached.principal.reference();
            self.note_activity(now, principal, out);
        }
    }

    pub(in crate::room) fn send_presence(&mut self, session: SessionId, out: &mut Vec<Effect>) {
        let Some(attached) = self.sessions.get(session) else { return };
        match attached.mode {
            Mode::Sync { .. } => {
                let everybody = self.presence.everybody();
                if !everybody.is_empty() {
                    out.push(Effect::Send(session, Outgoing::Awareness(everybody)));
                }
            }
            Mode::Watch => {
                self.presence.told = None;
                out.push(Effect::Send(session, Outgoing::Present(self.presence.present())));
            }
        }
    }

    pub(in crate::room) fn tick(&mut self, now: u64, out: &mut Vec<Effect>) {
        let sessions = &self.sessions;
        self.presence.resume(now, |session| sessions.get(session).map(|session| Arc::clone(&session.principal)));
        self.presence.expire(now);
        let is_due = self.presence.tick_at_ms.is_some_and(|at| at <= now);
        if is_due {
            self.presence.tick_at_ms = None;
            let changes = self.presence.take_changes();
            if !changes.is_empty() {
                out.push(Effect::Broadcast(Audience::Syncing, Outgoing::Awareness(changes)));
                self.tell_who_is_here(out);
            }
        }
        if (is_due || self.presence.tell_all_at_ms.is_some_and(|at| at <= now))
            && let Some(news) = self.presence.news(now)
        {
            out.push(Effect::PublishPresence(news));
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
