//! Runs of agents: what they write belongs to a step of theirs, and only the worker that holds the newest lease of one
//! writes for it.

use std::cmp::Ordering;

use platform::auth::{Principal, PrincipalKind, PrincipalRef};
use schema::ids::RunId;
use uuid::Uuid;

use super::message::{Effect, SessionId};
use super::{Room, Session};

/// Whether a worker may act for its run, as far as is known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lease {
    /// Nobody with a greater lease of it is here.
    Held,
    /// Somebody is.
    Lost,
}

/// What is noted of an update of a run, with the event of its trace; `None` if it is of nobody's run.
pub(super) fn run_of(principal: PrincipalRef, trace_event: Option<Uuid>) -> Option<(RunId, Option<Uuid>)> {
    (principal.kind == PrincipalKind::Agent).then(|| (RunId::new(principal.id), trace_event))
}

impl Room {
    /// Which event of its run's trace a session works at from here on (SPEC G33).
    pub(super) fn begin_step(&mut self, session: SessionId, trace_event: Option<Uuid>) {
        if let Some(attached) = self.sessions.get_mut(session) {
            attached.trace_event = trace_event;
        }
    }

    /// Ends the sessions of workers that have lost the run for which the newcomer acts (SPEC G34).
    pub(super) fn fence(&mut self, now: u64, newcomer: &Principal, out: &mut Vec<Effect>) -> Lease {
        if newcomer.lease.is_none() {
            return Lease::Held;
        }
        let is_of_run = |session: &Session| session.principal.reference() == newcomer.reference();
        let of_run = self.sessions.iter().filter(|(_, session)| is_of_run(session));
        let (mut lost, mut held) = (Vec::new(), Lease::Held);
        for (id, session) in of_run {
            match session.principal.lease.cmp(&newcomer.lease) {
                Ordering::Less => lost.push(*id),
                Ordering::Equal => {}
                Ordering::Greater => held = Lease::Lost,
            }
        }
        for session in lost {
            self.change_access(now, session, None, out);
        }
        held
    }
}
