//! A document's Yjs state, with every call into yrs fenced.
//!
//! yrs may panic on input that it accepted before (see the traps in ARCHITECTURE.md). Whatever panics leaves the
//! replica *broken*: from then on it answers nothing, and its owner loads it anew from the log.

mod answers;
mod held;
pub(crate) mod state_vector;

use std::collections::{BTreeMap, BTreeSet};
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};

pub(crate) use answers::{Answer, AnswerKind};
use answers::{Answered, EncodedState, Size};
use bytes::Bytes;
use held::HeldUpdates;
use platform::db::log::Relay;
use schema::ids::{ClientID, RunId};
use schema::repair::{Shape, Spot, Spots};
use schema::update::skeleton::{Fit, Skeleton, Step};
use schema::update::{ClientRange, Steps, UpdateLimits, UpdateRefused, UpdateSummary};
use thiserror::Error;
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{Doc, StateVector, Transact, TransactionMut, Update};

/// The client id of replicas that never edit.
pub(crate) const READER: u64 = 1;

/// What an edit of the server's own does to the document.
pub enum Change {
    /// What a REST write does to it as it is now.
    Patch(Patch),
    /// What a run has proposed: whoever accepts it makes the edit, which is the run's as well.
    Proposal(RunId, Patch),
    /// An update that was made elsewhere, under a client id that nobody else uses.
    Update(Bytes),
}

/// What a REST write does to the document.
pub type Patch = Box<dyn FnOnce(&mut TransactionMut<'_>) -> Result<(), schema::PatchError> + Send>;

/// The panic of a call into yrs.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the document engine failed: {0}")]
pub struct Broken(pub String);

/// Why an update could not be applied. The replica is unchanged, unless it is broken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ApplyError {
    /// The bytes are no update, or yrs rejects it.
    #[error("{0}")]
    Malformed(String),
    /// It refers to what is missing, and too much waits for that already. It may fit later.
    #[error("too much waits for content that is missing")]
    Crowded,
    /// Applying it panicked.
    #[error(transparent)]
    Broken(#[from] Broken),
}

/// Why an edit of the server's own was not made.
#[derive(Debug, Error)]
pub enum EditError {
    /// The patch does not fit the document.
    #[error(transparent)]
    Patch(#[from] schema::PatchError),
    /// yrs panicked.
    #[error(transparent)]
    Broken(#[from] Broken),
}

/// What became of an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Applied {
    /// All of it was known already.
    Nothing,
    /// It is part of the document now.
    Whole,
    /// It refers to content that is missing here, and is held until that has come.
    Held,
    /// It is in the log and does not fit: whoever reads the log leaves it out.
    LeftOut,
}

/// What applying an update did.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) applied: Applied,
    /// The update as others are to be told of it.
    pub(crate) told: Bytes,
    /// Updates that were held for what it brought, likewise.
    pub(crate) released: Vec<Bytes>,
}

impl Outcome {
    /// How those who read the log can be told of the update that this is the outcome of.
    pub(crate) fn relay(&self, update: &Bytes) -> Relay {
        // What was not put right is told by the same bytes.
        let is_told_as_it_came = self.told.as_ptr() == update.as_ptr();
        if self.applied == Applied::Whole && is_told_as_it_came { Relay::AsStored } else { Relay::ByReplica }
    }
}

/// Whether an update has been accepted before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trust {
    /// It comes from a client.
    None,
    /// It comes from the log.
    Logged,
    /// It is a whole state, or what the log begins with.
    State,
}

/// Steps that an update of the log may take for its places: more than any was allowed where it was accepted first. One that
/// was held there takes them when what it needs has come; whoever reads the log then decides alike, and is done soon.
const LOGGED_STEPS: usize = 2_000_000;

/// The skeleton is built anew when it has grown by this many runs and doubled: it knows nothing of what is deleted.
const SKELETON_GROWTH_RUNS: usize = 1 << 16;

/// A document of more runs of items is large,
const LARGE_RUNS: usize = 10_000;
/// and so is one that was made of more bytes.
const LARGE_BYTES: usize = 1024 * 1024;

/// To take in more structs that were held may take long.
const LARGE_HELD_STRUCTS: usize = 1_000;

/// A Yjs document and what the server must know of it without asking yrs.
pub(crate) struct Replica {
    doc: Doc,
    /// Where everything stands that is integrated, and what says whether an update fits.
    skeleton: Skeleton,
    /// How large the skeleton was when it was built.
    skeleton_runs: usize,
    /// Updates that refer to what is missing. yrs would integrate what it can of them and encode gaps wrongly ever
    /// after, and other replicas would take them up at another moment, so they stay out of it.
    held: HeldUpdates,
    encoded: Option<EncodedState>,
    /// The last answer to somebody who had something: clients that come back together lack the same.
    answered: Option<Answered>,
    /// Of all updates that were applied.
    bytes: usize,
    size: Size,
    /// What updates touched, in a document that has a shape.
    touched: Option<Spots>,
    broken: bool,
}

impl Replica {
    /// Builds the document from a snapshot and the updates after it, in the log's order.
    pub(crate) fn from_log<'a>(parts: impl Iterator<Item = &'a Bytes>, client: u64) -> Result<Self, ApplyError> {
        Self::build(schema::new_doc(ClientID::new(client)), trusted_as_log(parts))
    }

    /// Builds the document that several whole states make together.
    pub(crate) fn from_states<'a>(states: impl Iterator<Item = &'a Bytes>, client: u64) -> Result<Self, ApplyError> {
        let states = states.map(|state| (state, Trust::State));
        Self::build(schema::new_doc(ClientID::new(client)), states)
    }

    /// Builds the document like [`Self::from_log`], and keeps what is deleted from then on.
    pub(crate) fn keeping_deleted<'a>(parts: impl Iterator<Item = &'a Bytes>, client: u64) -> Result<Self, ApplyError> {
        Self::build(schema::new_doc_keeping_deleted(ClientID::new(client)), trusted_as_log(parts))
    }

    fn build<'a>(doc: Doc, parts: impl Iterator<Item = (&'a Bytes, Trust)>) -> Result<Self, ApplyError> {
        let mut replica = Self {
            doc,
            skeleton: Skeleton::default(),
            skeleton_runs: 0,
            held: HeldUpdates::default(),
            encoded: None,
            answered: None,
            bytes: 0,
            size: Size::default(),
            touched: None,
            broken: false,
        };
        for (number, (part, trust)) in parts.enumerate() {
            let outcome = replica.apply(part, &inspect_trusted(part, trust)?, trust)?;
            if number == 0 && outcome.applied == Applied::LeftOut {
                // Never open an empty document in place of a snapshot.
                return Err(ApplyError::Malformed("the log begins with what fits into no document".to_owned()));
            }
            if number == 0 && outcome.applied == Applied::Whole {
                // Who opens the document gets what was read.
                replica.encoded = Some(EncodedState::new(outcome.told));
            }
        }
        Ok(replica)
    }

    /// Applies an update of the log.
    pub(crate) fn apply_logged(&mut self, update: &Bytes) -> Result<Outcome, ApplyError> {
        self.apply(update, &inspect_logged(update)?, Trust::Logged)
    }

    /// Notes from now on what updates touch in a document of this shape.
    pub(crate) fn watch(&mut self, shape: Shape) {
        self.touched = Some(Spots::new(shape));
    }

    /// What updates touched since this was asked last.
    pub(crate) fn take_touched(&mut self) -> BTreeSet<Spot> {
        self.touched.as_mut().map(Spots::take).unwrap_or_default()
    }

    /// Whether there is content under a client id.
    pub(crate) fn knows_client(&self, client: u64) -> bool {
        self.skeleton.clock(client) > 0
    }

    /// Whether something is held that the state does not show.
    pub(crate) fn holds_back(&self) -> bool {
        !self.held.is_empty()
    }

    /// How many updates were held once and are no more.
    pub(crate) fn taken_in_late(&self) -> u64 {
        self.held.taken()
    }

    /// Whether so much is held that taking it in may take milliseconds.
    pub(crate) fn holds_much(&self) -> bool {
        self.held.structs() > LARGE_HELD_STRUCTS
    }

    /// All content that is integrated.
    pub(crate) fn content(&self) -> impl Iterator<Item = ClientRange> {
        let range = |client| ClientRange { client, start: 0, end: self.skeleton.clock(client) };
        self.skeleton.clients().map(range)
    }

    /// Tells where content stands, see [`Skeleton::ways`].
    pub(crate) fn ways(&self, range: &ClientRange, tell: impl FnMut(ClientRange, &str, &[Step<'_>])) {
        self.skeleton.ways(range, tell);
    }

    /// Whether everything in this range is integrated.
    pub(crate) fn has(&self, range: &ClientRange) -> bool {
        range.end <= self.skeleton.clock(range.client)
    }

    /// The part of a range that is not integrated.
    pub(crate) fn beyond(&self, range: &ClientRange) -> Option<ClientRange> {
        let start = range.start.max(self.skeleton.clock(range.client));
        (start < range.end).then_some(ClientRange { start, ..*range })
    }

    /// Whether the part of the range that is not integrated is in an update that is held.
    pub(crate) fn holds(&self, range: &ClientRange) -> bool {
        let start = range.start.max(self.skeleton.clock(range.client));
        self.held.brings(&ClientRange { start, ..*range })
    }

    /// Whether any of these ranges is not deleted yet. Costs as much as encoding the document.
    pub(crate) fn would_delete(&mut self, ranges: &[ClientRange]) -> bool {
        let summary = self.state().ok().and_then(|state| schema::update::inspect(&state, &limits(Trust::Logged)).ok());
        let Some(summary) = summary else { return true };
        let deleted: BTreeMap<(u64, u64), u64> =
            summary.deletions().iter().map(|range| ((range.client, range.start), range.end)).collect();
        let is_deleted = |range: &ClientRange| {
            let before = deleted.range(..=(range.client, range.start)).next_back();
            before.is_some_and(|((client, _), end)| *client == range.client && range.end <= *end)
        };
        !ranges.iter().all(is_deleted)
    }

    /// A state vector of what is integrated, encoded. Needs nothing of yrs, so that a broken replica knows it too.
    pub(crate) fn known(&self) -> Vec<u8> {
        let clock = |client| u32::try_from(self.skeleton.clock(client)).unwrap_or(u32::MAX);
        let clocks = self.skeleton.clients().map(|client| (ClientID::new(client), clock(client)));
        StateVector::new(clocks.collect()).encode_v1()
    }

    /// Whether to read or to encode all of it takes milliseconds.
    pub(crate) fn is_large(&self) -> bool {
        self.skeleton.runs() > LARGE_RUNS || self.bytes > LARGE_BYTES
    }

    /// Whether a call into yrs panicked.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Applies an update whose structure `summary` has proven sound, and what was held for it.
    pub(crate) fn apply(
        &mut self,
        update: &Bytes,
        summary: &UpdateSummary,
        trust: Trust,
    ) -> Result<Outcome, ApplyError> {
        let mut outcome = Outcome { applied: Applied::Nothing, told: update.clone(), released: Vec::new() };
        match self.skeleton.integrate(update, summary, &limits(trust)) {
            Ok(Fit::Whole) => (outcome.applied, outcome.told) = self.integrate(update, summary, trust)?,
            Ok(Fit::Waits(needs)) => outcome.applied = self.hold(update, summary, needs, trust)?,
            Err(why) if trust == Trust::None => return Err(ApplyError::Malformed(why.to_string())),
            Err(why) => {
                tracing::warn!(%why, "an update in the log is left out");
                outcome.applied = Applied::LeftOut;
            }
        }
        if outcome.applied == Applied::Whole {
            self.release(summary, trust, &mut outcome.released)?;
            self.trim_skeleton();
        }
        Ok(outcome)
    }

    /// Keeps an update until what it needs is here.
    fn hold(
        &mut self,
        update: &Bytes,
        summary: &UpdateSummary,
        needs: Vec<(u64, u64)>,
        trust: Trust,
    ) -> Result<Applied, ApplyError> {
        if trust == Trust::None && !self.held.has_room_for(update, summary.structs(), needs.len()) {
            return Err(ApplyError::Crowded);
        }
        let is_new = self.held.add(update, summary, needs);
        Ok(if is_new { Applied::Held } else { Applied::Nothing })
    }

    /// Applies what was held for the content that an update brought. What turns out not to fit now is left out.
    fn release(&mut self, summary: &UpdateSummary, trust: Trust, released: &mut Vec<Bytes>) -> Result<(), ApplyError> {
        if self.held.is_empty() {
            return Ok(());
        }
        let mut arrived = summary.insertions().to_vec();
        while let Some(range) = arrived.pop() {
            for update in self.held.take_ready(range.client, self.skeleton.clock(range.client)) {
                let summary = inspect_logged(&update)?;
                match self.skeleton.integrate(&update, &summary, &limits(Trust::Logged)) {
                    Ok(Fit::Whole) => {
                        let (applied, told) = self.integrate(&update, &summary, trust)?;
                        if applied == Applied::Whole {
                            released.push(told);
                        }
                        arrived.extend_from_slice(summary.insertions());
                    }
                    Ok(Fit::Waits(needs)) => drop(self.hold(&update, &summary, needs, Trust::Logged)?),
                    Err(why) => tracing::warn!(%why, "an update that was held is left out"),
                }
            }
        }
        Ok(())
    }

    /// Applies an update that the skeleton has taken in. Returns it as others are to be told of it, too.
    fn integrate(
        &mut self,
        update: &Bytes,
        summary: &UpdateSummary,
        trust: Trust,
    ) -> Result<(Applied, Bytes), ApplyError> {
        let told = self.skeleton.repaired(update).map_or_else(|| update.clone(), Bytes::from);
        let applied = self.integrate_in_yrs(&told, summary, trust).inspect_err(|_| self.skeleton.undo())?;
        if applied == Applied::Whole {
            self.bytes += told.len();
            self.answered = None;
            if let Some(touched) = &mut self.touched {
                touched.note(&self.skeleton, update, summary, &limits(trust));
            }
            self.size.added += told.len();
            self.remember(&told);
        }
        Ok((applied, told))
    }

    fn integrate_in_yrs(
        &mut self,
        update: &Bytes,
        summary: &UpdateSummary,
        trust: Trust,
    ) -> Result<Applied, ApplyError> {
        let decoded = catch_unwind(|| Update::decode_v1(update))
            .map_err(|panic| ApplyError::Malformed(panic_text(&*panic)))?
            .map_err(|error| ApplyError::Malformed(error.to_string()))?;
        let outcome = fenced(&self.doc, |txn| {
            // An error may come when half of the update is integrated.
            txn.apply_update(decoded).map_err(|error| Broken(error.to_string()))?;
            if trust == Trust::None && summary.inserts_values() {
                // Some of them panic only when they are encoded. Better now than in front of every reader.
                drop(txn.encode_update_v1());
            }
            Ok(!txn.insert_set().is_empty() || !txn.delete_set().is_empty())
        });
        let changed = outcome.and_then(|applied| applied).inspect_err(|_| self.broken = true)?;
        Ok(if changed { Applied::Whole } else { Applied::Nothing })
    }

    /// Builds the skeleton anew from the state when it may hold much that is deleted.
    fn trim_skeleton(&mut self) {
        if self.skeleton.runs() < 2 * self.skeleton_runs + SKELETON_GROWTH_RUNS {
            return;
        }
        let mut skeleton = Skeleton::default();
        let Ok(state) = self.state() else { return };
        let limits = limits(Trust::State);
        let summary = schema::update::inspect(&state, &limits);
        if summary.is_ok_and(|summary| skeleton.integrate(&state, &summary, &limits) == Ok(Fit::Whole)) {
            self.skeleton = skeleton;
        }
        self.skeleton_runs = self.skeleton.runs();
    }

    /// Makes an edit as `client` on a copy of the document, and returns it as an update that is not applied yet.
    pub(crate) fn edit(&mut self, client: u64, patch: Patch) -> Result<Bytes, EditError> {
        let (patched, update) = self.edit_copy(client, patch)?;
        patched?;
        Ok(update)
    }

    /// Makes an edit as `client` on a copy of the document, and returns it as an update that is not applied yet.
    pub(crate) fn edit_copy<T>(
        &mut self,
        client: u64,
        edit: impl FnOnce(&mut TransactionMut<'_>) -> T,
    ) -> Result<(T, Bytes), Broken> {
        let state = self.state()?;
        let copy = schema::new_doc(ClientID::new(client));
        let edited = fenced(&copy, |txn| {
            let state = Update::decode_v1(&state).map_err(|error| Broken(error.to_string()))?;
            txn.apply_update(state).map_err(|error| Broken(error.to_string()))
        });
        edited??;
        fenced(&copy, |txn| {
            let done = edit(txn);
            (done, Bytes::from(txn.encode_update_v1()))
        })
    }

    /// Works with the document itself, outside of any transaction.
    pub(crate) fn work<T>(&mut self, work: impl FnOnce(&Doc) -> T) -> Result<T, Broken> {
        if self.broken {
            return Err(Broken("the document is to be loaded anew".to_owned()));
        }
        catch_unwind(AssertUnwindSafe(|| work(&self.doc))).map_err(|panic| {
            self.broken = true;
            Broken(panic_text(&*panic))
        })
    }

    /// Reads the document.
    pub(crate) fn read<T>(&mut self, read: impl FnOnce(&yrs::Transaction<'_>) -> T) -> Result<T, Broken> {
        if self.broken {
            // The transaction that failed is still open: another would wait for it for ever.
            return Err(Broken("the document is to be loaded anew".to_owned()));
        }
        let read = catch_unwind(AssertUnwindSafe(|| read(&self.doc.transact())));
        read.map_err(|panic| {
            self.broken = true;
            Broken(panic_text(&*panic))
        })
    }
}

/// Runs `work` in a transaction. When it panics, the transaction is leaked: dropping it would commit what is half
/// done, and a second panic while unwinding ends the process.
fn fenced<T>(doc: &Doc, work: impl FnOnce(&mut TransactionMut<'_>) -> T) -> Result<T, Broken> {
    let mut txn = ManuallyDrop::new(doc.transact_mut());
    let done = catch_unwind(AssertUnwindSafe(|| {
        let result = work(&mut txn);
        txn.commit();
        result
    }));
    match done {
        Ok(result) => {
            drop(ManuallyDrop::into_inner(txn));
            Ok(result)
        }
        Err(panic) => Err(Broken(panic_text(&*panic))),
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without a message".to_owned())
}

/// What is taken from whom.
fn limits(trust: Trust) -> UpdateLimits {
    match trust {
        Trust::None => UpdateLimits::default(),
        // A snapshot may be longer than any update.
        Trust::Logged => UpdateLimits {
            bytes_max: usize::MAX,
            elements_max: usize::MAX,
            clients_max: usize::MAX,
            steps: Steps::Own(LOGGED_STEPS),
            ..UpdateLimits::default()
        },
        Trust::State => UpdateLimits { steps: Steps::Unlimited, ..limits(Trust::Logged) },
    }
}

/// Checks an update's structure before anything is decoded.
pub(crate) fn inspect(update: &[u8]) -> Result<UpdateSummary, UpdateRefused> {
    schema::update::inspect(update, &UpdateLimits::default())
}

/// Reads the structure of an update that is in the log.
pub(crate) fn inspect_logged(update: &[u8]) -> Result<UpdateSummary, ApplyError> {
    inspect_trusted(update, Trust::Logged)
}

fn inspect_trusted(update: &[u8], trust: Trust) -> Result<UpdateSummary, ApplyError> {
    schema::update::inspect(update, &limits(trust)).map_err(|why| ApplyError::Malformed(why.to_string()))
}

/// The log of a document begins with a state.
fn trusted_as_log<'a>(parts: impl Iterator<Item = &'a Bytes>) -> impl Iterator<Item = (&'a Bytes, Trust)> {
    let trust = std::iter::once(Trust::State).chain(std::iter::repeat(Trust::Logged));
    parts.zip(trust)
}

/// A state's bytes for a comparison with another.
pub(crate) fn comparable(state: &[u8]) -> Result<Vec<u8>, ApplyError> {
    schema::update::comparable(state, &limits(Trust::Logged)).map_err(|why| ApplyError::Malformed(why.to_string()))
}

#[cfg(test)]
mod tests;
