//! How an update gets into the document: checked, attributed, applied, passed on.

use std::sync::Arc;

use bytes::Bytes;
use platform::access::Access;
use platform::auth::PrincipalRef;
use platform::db::log::Provenance;
use platform::limits::Limit;
use platform::random::Random;
use schema::ids::Seq;
use schema::update::{ClientRange, UpdateRefused, UpdateSummary};

use super::message::{Append, Audience, Edit, EditRefused, Effect, Quarantined, SessionId, UpdateKind};
use super::repair::Author;
use super::run::run_of;
use super::saving::Waiter;
use super::{Room, Session};
use crate::delivery::{Outgoing, Refusal};
use crate::replica::{Applied, ApplyError, Broken, Change, EditError, Outcome, Trust, inspect, inspect_logged};

/// Yjs client ids are integers that JavaScript reads exactly; Yjs itself draws 32 bits.
const CLIENT_ID_BITS: u32 = 32;

pub(super) fn new_client_id(random: &Random) -> u64 {
    1 + random.below((1 << CLIENT_ID_BITS) - 1)
}

/// Whose content an update holds.
struct Attribution {
    provenance: Provenance,
    clients: Vec<u64>,
    new_clients: Vec<u64>,
}

impl Room {
    pub(super) fn take_update(
        &mut self,
        now: u64,
        session: SessionId,
        kind: UpdateKind,
        update: Bytes,
        out: &mut Vec<Effect>,
    ) {
        let Some(attached) = self.sessions.get_mut(session).filter(|attached| attached.syncs()) else { return };
        attached.frames += 1;
        let frame = Waiter::Frame(session, attached.frames);
        let number = attached.frames;
        // What comes before the step 2 is a part of the answer that ends with it (SPEC G12).
        let part_of = if attached.answered { kind } else { UpdateKind::Step2 };
        let known = self.known_before();
        let accepted = self.accept(now, session, part_of, &update);
        let is_answer = kind == UpdateKind::Step2 && !accepted.as_ref().is_err_and(Refusal::retry);
        match accepted {
            Ok(Some((append, Outcome { applied: Applied::Nothing, .. }))) => {
                self.saving.release(append.update.len());
                self.settle_in_turn(frame, out);
            }
            Ok(Some((append, Outcome { applied, told, released }))) => {
                self.own(&append);
                self.note_activity(now, append.principal, out);
                self.look(now, Author::Session(session));
                match applied {
                    Applied::Held => {}
                    _ if released.is_empty() => {
                        let others = Audience::SyncingExcept(session);
                        out.push(Effect::Broadcast(others, Outgoing::Update(told.into())));
                    }
                    _ => self.relay(std::iter::once(told).chain(released).collect(), &known, out),
                }
                self.log(append, frame, out);
                if applied == Applied::Held
                    && let Ok(state_vector) = self.replica.state_vector()
                {
                    out.push(Effect::Send(session, Outgoing::Step1(state_vector)));
                }
            }
            Ok(None) => self.settle_in_turn(frame, out),
            Err(refusal) => {
                out.extend(self.limit_of(&refusal, update.len()).map(Effect::LimitReached));
                self.quarantine(session, update, &refusal, out);
                out.push(Effect::Send(session, Outgoing::Refused { frame: number, refusal }));
                self.settle_in_turn(frame, out);
            }
        }
        if is_answer && let Some(attached) = self.sessions.get_mut(session) {
            attached.answered = true;
            self.presence.answered(now, session);
        }
    }

    /// Applies an update of a session, with its space in the queue to the log reserved. `None` when there is nothing
    /// in it that would need a look.
    fn accept(
        &mut self,
        now: u64,
        session: SessionId,
        kind: UpdateKind,
        update: &Bytes,
    ) -> Result<Option<(Append, Outcome)>, Refusal> {
        if update.len() > self.limits.update_bytes {
            return Err(Refusal::TooLarge { limit: self.limits.update_bytes });
        }
        let summary = inspect(update).map_err(refuse)?;
        let Some(attached) = self.sessions.get(session) else { return Err(Refusal::AccessEnded) };
        let principal = attached.principal.reference();
        let run = run_of(principal, attached.trace_event);
        if attached.access == Access::Read {
            return self.look_at_readers_update(kind, &summary).map(|()| None);
        }
        if self.has_to_wait_for_repair(now, principal) {
            return Err(Refusal::TooManyRepairs);
        }
        if self.is_barred(&summary) {
            return Err(Refusal::Unsavable);
        }
        if self.lock.is_some() {
            self.look_at_lock(session, principal, kind, &summary)?;
        }
        let attribution = self.attribute(now, session, principal, kind, &summary)?;
        if !self.has_room_for(now, update.len(), &summary) {
            return Err(Refusal::DocumentTooLarge { limit: self.limits.document_bytes });
        }
        if !self.saving.reserve(update.len()) {
            return Err(Refusal::SavingBehind);
        }
        match self.replica.apply(update, &summary, Trust::None) {
            Ok(outcome) => {
                let Attribution { provenance, clients, new_clients } = attribution;
                let (update, relay) = (update.clone(), outcome.relay(update));
                Ok(Some((Append { update, principal, run, provenance, clients, new_clients, relay }, outcome)))
            }
            Err(error) => {
                self.saving.release(update.len());
                Err(match error {
                    ApplyError::Crowded => Refusal::SavingBehind,
                    _ => Refusal::Malformed(error.to_string()),
                })
            }
        }
    }

    /// The limit for which an update of so many bytes was refused, if it was for one.
    fn limit_of(&self, refusal: &Refusal, bytes: usize) -> Option<Limit> {
        match refusal {
            Refusal::TooLarge { .. } => Some(Limit::UpdateBytes),
            Refusal::DocumentTooLarge { .. } => Some(Limit::DocumentBytes),
            // It may also wait for what is on its way here from another instance.
            Refusal::SavingBehind if !self.saving.fits(bytes) => Some(Limit::UnsavedBytes),
            _ => None,
        }
    }

    /// Whether there is something in an update that cannot be saved.
    fn is_barred(&self, summary: &UpdateSummary) -> bool {
        let overlap = |one: &ClientRange, other: &ClientRange| {
            one.client == other.client && one.start < other.end && other.start < one.end
        };
        self.barred.iter().any(|barred| summary.insertions().iter().any(|range| overlap(barred, range)))
    }

    /// A reader's replica answers the server's step 1 too; that is refused only when there is something new in it.
    fn look_at_readers_update(&self, kind: UpdateKind, summary: &UpdateSummary) -> Result<(), Refusal> {
        let new = !summary.insertions().iter().all(|range| self.replica.has(range));
        let deletes = summary.deletes() && kind == UpdateKind::Live;
        if new || deletes { Err(Refusal::ReadOnly) } else { Ok(()) }
    }

    /// Finds out whose content is new in an update (SPEC D6).
    fn attribute(
        &self,
        now: u64,
        session: SessionId,
        principal: PrincipalRef,
        kind: UpdateKind,
        summary: &UpdateSummary,
    ) -> Result<Attribution, Refusal> {
        let mut attribution = Attribution { provenance: Provenance::Own, clients: Vec::new(), new_clients: Vec::new() };
        for range in summary.insertions() {
            let client = range.client;
            // All of a client is in one section of an update.
            if self.replica.has(range) || attribution.clients.last() == Some(&client) {
                continue;
            }
            attribution.clients.push(client);
            let owner = self.owners.get(&client).copied();
            let published_by = self.presence.owner_of(client);
            match (owner.or(published_by.map(|(_, publisher)| publisher)), kind) {
                // Another may bring along what waits here for what they alone have.
                (Some(other), UpdateKind::Step2) if other != principal && self.replica.holds(range) => {
                    attribution.provenance = Provenance::Carried;
                }
                (Some(other), UpdateKind::Step2) if other != principal && !self.is_answered_for(other) => {
                    // Its owner has brought it to another instance, where it is on its way into the log. Once it has
                    // come from there, there is nothing new in it.
                    if self.presence.is_answered_for_elsewhere(now, other) {
                        return Err(Refusal::SavingBehind);
                    }
                    attribution.provenance = Provenance::Carried;
                }
                (Some(other), _) if other != principal => return Err(Refusal::ClientIdTaken(client)),
                _ if owner.is_some() => {}
                (_, UpdateKind::Step2) if published_by.is_none_or(|(publisher, _)| publisher != Some(session)) => {
                    attribution.provenance = Provenance::Carried;
                }
                _ => attribution.new_clients.push(client),
            }
        }
        Ok(attribution)
    }

    /// Whether the principal is attached and has brought all that it has.
    fn is_answered_for(&self, principal: PrincipalRef) -> bool {
        self.sessions.values().any(|session: &Session| session.answered && session.principal.reference() == principal)
    }

    pub(super) fn own(&mut self, append: &Append) {
        self.owners.extend(append.new_clients.iter().map(|client| (*client, append.principal)));
    }

    fn quarantine(&self, session: SessionId, update: Bytes, refusal: &Refusal, out: &mut Vec<Effect>) {
        let reason = match refusal {
            Refusal::UnsupportedContent(reason) => reason.clone(),
            Refusal::Malformed(reason) if self.replica.is_broken() => reason.clone(),
            _ => return,
        };
        if let Some(attached) = self.sessions.get(session) {
            let principal = attached.principal.reference();
            out.push(Effect::Quarantine(Quarantined { update, principal, reason }));
        }
    }

    /// Applies an update that another instance checked and logged. Returns what is to be passed on, and the Yjs client ids
    /// under which it inserts.
    pub(super) fn apply_trusted(
        &mut self,
        now: u64,
        seq: Seq,
        update: &Bytes,
    ) -> Result<(Vec<Bytes>, Vec<u64>), ApplyError> {
        let summary = inspect_logged(update)?;
        self.look_for_contest(now, seq, &summary);
        let Outcome { applied, told, mut released } = self.replica.apply(update, &summary, Trust::Logged)?;
        if applied == Applied::Whole {
            released.insert(0, told);
        }
        Ok((released, summary.insertions().iter().map(|range| range.client).collect()))
    }

    /// What the document has before an input that may bring several updates to be passed on.
    pub(super) fn known_before(&self) -> Vec<u8> {
        if self.replica.holds_back() { self.replica.known() } else { Vec::new() }
    }

    /// Passes updates on to every session, as a single one: a receiver that has to be withheld from misses one message
    /// per input, and no more ([`super::session`]). `known` is what the document had before them.
    pub(super) fn relay(&mut self, updates: Vec<Bytes>, known: &[u8], out: &mut Vec<Effect>) {
        if let Some(update) = self.replica.merge(updates, known) {
            out.push(Effect::Broadcast(Audience::Syncing, Outgoing::Update(update.into())));
        }
    }

    /// Makes an edit of the server's own, as an update that takes the way of all others.
    pub(super) fn edit(&mut self, now: u64, edit: Edit, out: &mut Vec<Effect>) {
        let ticket = edit.ticket;
        match self.make_edit(now, edit) {
            Ok(Some(append)) => {
                self.note_activity(now, append.principal, out);
                self.pass_on_own(append, Waiter::Edit(ticket), out);
                self.look(now, Author::Server);
            }
            Ok(None) => self.settle_in_turn(Waiter::Edit(ticket), out),
            Err(refused) => {
                let limit = match refused {
                    EditRefused::TooLarge { .. } => Some(Limit::DocumentBytes),
                    EditRefused::SavingBehind => Some(Limit::UnsavedBytes),
                    _ => None,
                };
                out.extend(limit.map(Effect::LimitReached));
                out.push(Effect::Edited(ticket, Err(refused)));
            }
        }
    }

    fn make_edit(&mut self, now: u64, edit: Edit) -> Result<Option<Append>, EditRefused> {
        let here = (self.epoch, self.head());
        if edit.expected.is_some_and(|expected| expected != here || !self.saving.is_empty()) {
            return Err(EditRefused::Moved { epoch: here.0, seq: here.1 });
        }
        let principal = edit.principal.reference();
        if let Some(holder) = self.locked_for(principal) {
            return Err(EditRefused::LockHeld { holder: Arc::clone(holder) });
        }
        let (patch, proposed_by) = match edit.change {
            Change::Patch(patch) => (patch, None),
            Change::Proposal(run, patch) => (patch, Some((run, None))),
            Change::Update(update) => return self.take_own(now, update, principal),
        };
        let random = &self.random;
        let client = *self.editors.entry(principal).or_insert_with(|| new_client_id(random));
        let update = self.replica.edit(client, patch).map_err(|error| match error {
            EditError::Patch(error) => EditRefused::Patch(error),
            EditError::Broken(broken) => EditRefused::Broken(broken),
        })?;
        let append = self.take_own(now, update, principal)?;
        Ok(append.map(|append| Append { run: proposed_by.or(append.run), ..append }))
    }

    /// Takes in an edit that was made here, with its space in the queue to the log reserved. `None` when it changes
    /// nothing.
    pub(super) fn take_own(
        &mut self,
        now: u64,
        update: Bytes,
        principal: PrincipalRef,
    ) -> Result<Option<Append>, EditRefused> {
        let summary = inspect(&update).map_err(|why| Broken(why.to_string()))?;
        if !self.has_room_for(now, update.len(), &summary) {
            return Err(EditRefused::TooLarge { limit: self.limits.document_bytes });
        }
        if !self.saving.reserve(update.len()) {
            return Err(EditRefused::SavingBehind);
        }
        match self.replica.apply(&update, &summary, Trust::None) {
            Ok(outcome) if matches!(outcome.applied, Applied::Whole | Applied::Held) => {
                let relay = outcome.relay(&update);
                // One edit is made under one client id.
                let clients: Vec<u64> = summary.insertions().first().map(|range| range.client).into_iter().collect();
                let new_clients = clients.iter().copied().filter(|client| !self.owners.contains_key(client)).collect();
                let (run, provenance) = (run_of(principal, None), Provenance::Own);
                Ok(Some(Append { update, principal, run, provenance, clients, new_clients, relay }))
            }
            Ok(_) => {
                self.saving.release(update.len());
                Ok(None)
            }
            Err(error) => {
                self.saving.release(update.len());
                Err(Broken(error.to_string()).into())
            }
        }
    }

    /// Brings an edit that was made here to everybody, and into the log.
    pub(super) fn pass_on_own(&mut self, append: Append, waiter: Waiter, out: &mut Vec<Effect>) {
        self.own(&append);
        self.relay(vec![append.update.clone()], &[], out);
        self.log(append, waiter, out);
    }
}

fn refuse(refused: UpdateRefused) -> Refusal {
    match refused {
        UpdateRefused::Unsupported(what) => Refusal::UnsupportedContent(what.to_string()),
        other => Refusal::Malformed(other.to_string()),
    }
}
