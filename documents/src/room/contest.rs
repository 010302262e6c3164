//! Content that came into the document at two instances under the same clocks of a Yjs client id: no two clients that mean
//! well do so, and it is the log's order that says which of the two everybody has.
//!
//! A room that took one of the two in before it knew what is before it in the log may hold the other story. Often it does
//! not: clients that move between instances bring the same content to both. So what the room holds is compared with what
//! the log says, and a room that differs ends: its clients come back to the document as everybody else has it.

use bytes::Bytes;
use schema::ids::{Epoch, Seq};
use schema::update::UpdateSummary;
use yrs::{ReadTxn, StateVector};

use super::message::Effect;
use super::{Room, Stored};
use crate::replica::{ApplyError, READER, Replica, comparable};

/// What is contested in this time is looked at together: to compare means to build the document several times.
const COMPARE_AFTER_MS: u64 = 2_000;

/// Whether the room has to be compared with the log.
#[derive(Debug, Default)]
pub(super) struct Contest {
    due_ms: Option<u64>,
    under_way: bool,
    /// How many updates had been held and were no more when something was contested that was held still.
    waits_since: Option<u64>,
}

impl Contest {
    pub(super) fn deadline(&self) -> Option<u64> {
        self.due_ms.filter(|_| !self.under_way)
    }

    fn note(&mut self, now: u64) {
        self.due_ms.get_or_insert(now + COMPARE_AFTER_MS);
    }
}

/// What a room holds, to be compared with its log.
#[derive(Debug)]
pub struct Comparison {
    epoch: Epoch,
    state: Bytes,
    /// What was not in the log when the room was asked.
    unsaved: Vec<Bytes>,
}

/// What a [`Comparison`] has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agreement {
    /// The room holds what the log says.
    Agrees,
    /// It holds something else.
    Differs,
    /// It could not be found out.
    Unknown,
}

impl Comparison {
    /// Compares with the log as it is now. Builds the document several times. An error says that the log makes
    /// no document.
    pub fn with(self, stored: &Stored) -> Result<Agreement, ApplyError> {
        if stored.epoch != self.epoch {
            // The room finds that out by itself.
            return Ok(Agreement::Unknown);
        }
        let logged = encode(Replica::from_log(stored.parts().chain(&self.unsaved), READER)?)?;
        // The log may have got more meanwhile. What it says otherwise does not fit into what the room has, or has no effect.
        let both = settled([&self.state, &logged]);
        let logged = settled([&logged])?;
        // Two stories may fit into no document together.
        Ok(if both.is_ok_and(|both| both == logged) { Agreement::Agrees } else { Agreement::Differs })
    }
}

/// What these states make together, for a comparison: the same whatever way the document took.
fn settled<const STATES: usize>(states: [&Bytes; STATES]) -> Result<Vec<u8>, ApplyError> {
    // What was built in many steps is not joined as in one.
    let once = encode(Replica::from_states(states.into_iter(), READER)?)?;
    comparable(&encode(Replica::from_states(std::iter::once(&once), READER)?)?)
}

fn encode(mut replica: Replica) -> Result<Bytes, ApplyError> {
    Ok(replica.read(|txn| Bytes::from(txn.encode_state_as_update_v1(&StateVector::default())))?)
}

impl Room {
    /// An update of the log that is about to be applied: notes whether it may say otherwise what the room took in before
    /// it, although the log has that later or not yet.
    pub(super) fn look_for_contest(&mut self, now: u64, seq: Seq, summary: &UpdateSummary) {
        let holds_back = self.replica.holds_back();
        let overlapping =
            summary.insertions().iter().filter(|range| holds_back || self.replica.beyond(range) != Some(**range));
        let mut clients = overlapping.map(|range| range.client);
        if clients.any(|client| self.saving.has_of(client) || self.position.has_later(client, seq)) {
            self.contest.note(now);
            if holds_back {
                self.contest.waits_since.get_or_insert(self.replica.taken_in_late());
            }
        }
    }

    /// When what was contested was held, it is decided when something that was held is taken in.
    pub(super) fn look_at_contested_that_waits(&mut self, now: u64) {
        let Some(since) = self.contest.waits_since else { return };
        let taken = self.replica.taken_in_late();
        if taken != since {
            self.contest.note(now);
            self.contest.waits_since = self.replica.holds_back().then_some(taken);
        }
    }

    /// Has the room compared with the log when that is due.
    pub(super) fn compare_if_due(&mut self, now: u64, out: &mut Vec<Effect>) {
        if self.contest.deadline().is_none_or(|due| now < due) {
            return;
        }
        self.contest.due_ms = None;
        // A broken replica is built anew from the log.
        if let Ok(state) = self.replica.state() {
            self.contest.under_way = true;
            let unsaved = self.saving.updates().cloned().collect();
            out.push(Effect::Compare(Comparison { epoch: self.epoch, state, unsaved }));
        }
    }

    /// Takes in what the comparison has shown.
    pub(super) fn take_agreement(&mut self, now: u64, agreement: Agreement, out: &mut Vec<Effect>) {
        self.contest.under_way = false;
        match agreement {
            Agreement::Agrees => {}
            Agreement::Differs => out.push(Effect::Contradicted),
            Agreement::Unknown => self.contest.note(now),
        }
    }
}
