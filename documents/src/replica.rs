//! A document's Yjs state, with every call into yrs fenced.
//!
//! yrs may panic on input that it accepted before (see the traps in ARCHITECTURE.md). Whatever panics leaves the
//! replica *broken*: from then on it answers nothing, and its owner loads it anew from the log.

use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use schema::ids::ClientID;
use schema::update::{ClientRange, UpdateRefused, UpdateSummary};
use thiserror::Error;
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{Doc, IdSet, ReadTxn, StateVector, Transact, TransactionMut, Update};

/// An edit of the server's own: what a REST write does to the document.
pub type Patch = Box<dyn FnOnce(&mut TransactionMut<'_>) -> Result<(), schema::PatchError> + Send>;

/// Updates kept beside the encoded state before it is encoded anew.
const CACHED_UPDATES: usize = 256;
/// Their bytes, likewise.
const CACHED_UPDATE_BYTES: usize = 64 * 1024;

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

/// What applying an update did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Applied {
    /// All of it was known already.
    Nothing,
    /// It is part of the document now.
    Whole,
    /// Some of it waits for predecessors that are missing.
    Incomplete,
}

/// The answer to a step 1, in parts that are all sent as step 2: unlike live updates, an answer is never withheld.
pub(crate) type Answer = std::vec::IntoIter<Bytes>;

/// The whole state, encoded once for all who open the document, and what was applied since.
#[derive(Default)]
struct EncodedState {
    state: Bytes,
    since: Vec<Bytes>,
    since_bytes: usize,
}

/// A Yjs document and what the server must know of it without asking yrs.
pub(crate) struct Replica {
    doc: Doc,
    /// What is integrated. With predecessors missing, a client's content can have gaps, of which a state vector knows
    /// nothing; and yrs would copy the clocks of all clients to tell the clock of one.
    integrated: IdSet,
    encoded: Option<EncodedState>,
    /// Hashes of updates that wait for predecessors, so that a repetition is recognised.
    waiting: Vec<u64>,
    broken: bool,
}

impl Replica {
    /// Builds the document from a snapshot and the updates after it, in the log's order.
    pub(crate) fn from_log<'a>(parts: impl Iterator<Item = &'a [u8]>, client: u64) -> Result<Self, ApplyError> {
        let doc = schema::new_doc(ClientID::new(client));
        let integrated = fenced(&doc, |txn| {
            for part in parts {
                let update = Update::decode_v1(part).map_err(|error| ApplyError::Malformed(error.to_string()))?;
                txn.apply_update(update).map_err(|error| ApplyError::Malformed(error.to_string()))?;
            }
            Ok::<IdSet, ApplyError>(txn.insert_set().clone())
        })??;
        Ok(Self { doc, integrated, encoded: None, waiting: Vec::new(), broken: false })
    }

    /// Whether everything in this range is integrated.
    pub(crate) fn has(&self, range: &ClientRange) -> bool {
        self.integrated.get(&ClientID::new(range.client)).is_some_and(|integrated| {
            let mut ranges = integrated.ranges();
            ranges.any(|known| u64::from(known.start) <= range.start && range.end <= u64::from(known.end))
        })
    }

    /// A state vector of what is integrated, encoded. Needs nothing of yrs, so that a broken replica knows it too.
    pub(crate) fn known(&self) -> Vec<u8> {
        let from_zero = self.integrated.iter().filter_map(|(client, ranges)| {
            let first = ranges.iter().next().filter(|first| first.start == 0)?;
            Some((*client, first.end))
        });
        StateVector::new(from_zero.collect()).encode_v1()
    }

    /// Whether a call into yrs panicked.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Applies an update whose structure `summary` has proven sound.
    pub(crate) fn apply(&mut self, update: &Bytes, summary: &UpdateSummary) -> Result<Applied, ApplyError> {
        let decoded = catch_unwind(|| Update::decode_v1(update))
            .map_err(|panic| ApplyError::Malformed(panic_text(&*panic)))?
            .map_err(|error| ApplyError::Malformed(error.to_string()))?;
        let outcome = fenced(&self.doc, |txn| {
            // An error may come when half of the update is integrated.
            txn.apply_update(decoded).map_err(|error| Broken(error.to_string()))?;
            // Some content panics only when it is encoded. Better now than in front of every reader.
            drop(txn.encode_update_v1());
            Ok((txn.insert_set().clone(), !txn.delete_set().is_empty(), txn.has_missing_updates()))
        });
        let (inserted, deleted, missing) = outcome.and_then(|applied| applied).inspect_err(|_| self.broken = true)?;
        let changed = deleted || !inserted.is_empty();
        self.integrated.merge_with(inserted);
        let applied = self.judge(update, summary, changed, missing);
        if applied != Applied::Nothing {
            self.remember(update);
        }
        Ok(applied)
    }

    fn judge(&mut self, update: &Bytes, summary: &UpdateSummary, changed: bool, missing: bool) -> Applied {
        if !missing {
            self.waiting.clear();
            return if changed { Applied::Whole } else { Applied::Nothing };
        }
        let beyond = !summary.insertions().iter().all(|range| self.has(range));
        if changed && !beyond {
            return Applied::Whole;
        }
        if !beyond && !summary.deletes() {
            return Applied::Nothing;
        }
        let hash = fingerprint(update);
        if self.waiting.contains(&hash) {
            return if changed { Applied::Whole } else { Applied::Nothing };
        }
        self.waiting.push(hash);
        Applied::Incomplete
    }

    fn remember(&mut self, update: &Bytes) {
        let Some(encoded) = &mut self.encoded else { return };
        encoded.since.push(update.clone());
        encoded.since_bytes += update.len();
        if encoded.since.len() > CACHED_UPDATES || encoded.since_bytes > CACHED_UPDATE_BYTES {
            self.encoded = None;
        }
    }

    /// The state vector, encoded.
    pub(crate) fn state_vector(&mut self) -> Result<Bytes, Broken> {
        self.read(|txn| Bytes::from(txn.state_vector().encode_v1()))
    }

    /// What a replica with the given state vector lacks. For an empty one the state is encoded once and shared.
    pub(crate) fn answer(&mut self, state_vector: &[u8]) -> Result<Answer, ApplyError> {
        let theirs = StateVector::decode_v1(state_vector).map_err(|error| ApplyError::Malformed(error.to_string()))?;
        if !theirs.is_empty() {
            let missing = self.read(|txn| Bytes::from(txn.encode_state_as_update_v1(&theirs)))?;
            return Ok(vec![missing].into_iter());
        }
        let encoded = match self.encoded.take() {
            Some(encoded) => encoded,
            None => EncodedState { state: self.state()?, ..EncodedState::default() },
        };
        let mut parts = Vec::with_capacity(1 + encoded.since.len());
        parts.push(encoded.state.clone());
        parts.extend(encoded.since.iter().cloned());
        self.encoded = Some(encoded);
        Ok(parts.into_iter())
    }

    /// Several updates as one.
    pub(crate) fn merge(&mut self, mut updates: Vec<Bytes>) -> Option<Bytes> {
        if updates.len() < 2 {
            return updates.pop();
        }
        match catch_unwind(|| yrs::merge_updates_v1(updates.iter().map(|update| &update[..]))) {
            Ok(Ok(merged)) => Some(merged.into()),
            Ok(Err(_)) | Err(_) => {
                self.broken = true;
                None
            }
        }
    }

    /// The whole state as one update, including what waits for predecessors.
    pub(crate) fn state(&mut self) -> Result<Bytes, Broken> {
        if let Some(encoded) = &self.encoded
            && encoded.since.is_empty()
        {
            return Ok(encoded.state.clone());
        }
        self.read(|txn| Bytes::from(txn.encode_state_as_update_v1(&StateVector::default())))
    }

    /// Makes an edit as `client` on a copy of the document, and returns it as an update that is not applied yet.
    pub(crate) fn edit(&mut self, client: u64, patch: Patch) -> Result<Bytes, EditError> {
        let state = self.state()?;
        let copy = schema::new_doc(ClientID::new(client));
        let edited = fenced(&copy, |txn| {
            let state = Update::decode_v1(&state).map_err(|error| Broken(error.to_string()))?;
            txn.apply_update(state).map_err(|error| Broken(error.to_string()))
        });
        edited??;
        let update = fenced(&copy, |txn| patch(txn).map(|()| Bytes::from(txn.encode_update_v1())))?;
        Ok(update?)
    }

    /// Reads the document.
    pub(crate) fn read<T>(&mut self, read: impl FnOnce(&yrs::Transaction<'_>) -> T) -> Result<T, Broken> {
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

fn fingerprint(update: &[u8]) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    update.hash(&mut hasher);
    hasher.finish()
}

/// Checks an update's structure before anything is decoded.
pub(crate) fn inspect(update: &[u8], limits: &schema::update::UpdateLimits) -> Result<UpdateSummary, UpdateRefused> {
    schema::update::inspect(update, limits)
}
