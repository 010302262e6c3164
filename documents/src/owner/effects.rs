//! What a room asks its owner to do.

use platform::bus::BusMessage;
use platform::db::log::NewUpdate;
use schema::ids::DocumentKind;

use super::Owner;
use super::heavy::{heavy, may_be_heavy};
use crate::delivery::{EndReason, Outgoing};
use crate::error::EditFailed;
use crate::log_writer::Waiting;
use crate::presence_codec;
use crate::room::{Append, Audience, Effect, Input, PresenceNews, SessionId};

impl Owner {
    pub(super) fn take(&mut self, input: Input) {
        // Not kept between inputs: most documents are idle most of the time.
        let mut effects = Vec::new();
        let now = self.now();
        if may_be_heavy(&input, &self.room) {
            heavy(&self.services, &mut self.room, |room| room.handle(now, input, &mut effects));
        } else {
            self.room.handle(now, input, &mut effects);
        }
        // Carrying out an effect may feed the room again, when a sink is full.
        let mut next = 0;
        while next < effects.len() {
            let effect = std::mem::replace(&mut effects[next], Effect::Nothing);
            next += 1;
            self.carry_out(effect, &mut effects);
        }
    }

    pub(super) fn carry_out(&mut self, effect: Effect, more: &mut Vec<Effect>) {
        match effect {
            Effect::Send(session, message) => self.send(session, message, more),
            Effect::Broadcast(audience, message) => self.broadcast(audience, message, more),
            Effect::Resume(session) => self.listeners.resume(session),
            Effect::Append(append) => self.append(append),
            Effect::ReadLog(after) => self.read_log(after),
            Effect::Publish(seq, update) => {
                self.compaction.logged(update.len());
                let epoch = self.room.epoch();
                self.services.bus.publish(self.document.id, &BusMessage::Committed { epoch, seq, update });
            }
            Effect::PublishPresence(news) => self.publish_presence(&news),
            Effect::PublishStateless(payload) => {
                self.services.bus.publish(self.document.id, &BusMessage::Stateless(payload));
            }
            Effect::Edited(ticket, result) => {
                if let Some(reply) = self.edits.remove(&ticket) {
                    let _ = reply.send(result.map_err(EditFailed::from));
                }
            }
            Effect::Quarantine(quarantined) => self.quarantine(quarantined),
            Effect::LimitReached(limit) => self.services.metrics.reached.count(limit),
            Effect::Repaired(shape, reasons) => self.report_repair(shape, &reasons),
            Effect::End(session) => self.listeners.remove(session),
            Effect::RenewLock(holder) => self.renew_lock(holder),
            Effect::AttendLock(holder) => self.attend_lock(holder),
            Effect::LeaveLock(holder) => self.leave_lock(holder),
            Effect::ReadLock => self.read_lock(),
            Effect::EpochChanged => self.end_all(EndReason::Unavailable),
            Effect::Reload => self.reload = true,
            Effect::Compare(comparison) => self.compare(comparison),
            Effect::Contradicted => {
                tracing::error!(document = %self.document.id, "the log says something else than this room; its clients come back");
                self.services.metrics.contradictions.inc();
                self.end_all(EndReason::Unavailable);
            }
            Effect::Nothing => {}
        }
    }

    fn send(&mut self, session: SessionId, message: Outgoing, more: &mut Vec<Effect>) {
        if let Outgoing::Refused { refusal, .. } = &message {
            self.services.metrics.refused(refusal);
        }
        if let Some(withheld) = self.listeners.send(session, message) {
            self.room.handle(self.services.clock.monotonic_ms(), Input::Withheld(session, withheld), more);
        }
    }

    fn broadcast(&mut self, audience: Audience, message: Outgoing, more: &mut Vec<Effect>) {
        if matches!(message, Outgoing::Awareness(_)) {
            self.services.metrics.presence_published.inc();
        }
        let (withheld, message) = self.listeners.broadcast(audience, message);
        for session in withheld {
            let message = message.clone();
            self.room.handle(self.services.clock.monotonic_ms(), Input::Withheld(session, message), more);
        }
    }

    fn append(&mut self, append: Append) {
        if self.document.kind == DocumentKind::Node {
            self.work.note(self.now(), append.principal);
        }
        let update = NewUpdate {
            document: self.document.id,
            org: self.document.org,
            epoch: self.room.epoch(),
            update: append.update,
            principal: append.principal,
            run: append.run,
            provenance: append.provenance,
            relay: append.relay,
            client_ids: append.clients,
            new_clients: append.new_clients,
            received_at: self.services.clock.now(),
        };
        let since_ms = self.services.clock.monotonic_ms();
        self.services.log.append(Waiting { update, since_ms, room: self.events.clone() });
    }

    /// Tells everybody that this room is over.
    pub(super) fn end_all(&mut self, reason: EndReason) {
        self.ended = true;
        self.listeners.end(reason);
        for (_, reply) in self.edits.drain() {
            let _ = reply.send(Err(EditFailed::Unavailable));
        }
    }

    pub(super) fn publish_presence(&self, news: &PresenceNews) {
        if !self.services.bus.may_be_heard(self.document.id) {
            return;
        }
        match presence_codec::encode(news) {
            Ok(news) => self.services.bus.publish(self.document.id, &BusMessage::Presence(news)),
            Err(error) => tracing::error!(document = %self.document.id, %error, "presence cannot be encoded"),
        }
    }
}
