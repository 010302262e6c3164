//! What replicas of others lack, and how large the document is: the state is encoded once for all who ask.

use bytes::Bytes;
use yrs::updates::encoder::Encode;
use yrs::{ReadTxn, StateVector};

use super::{ApplyError, Broken, Replica, state_vector};
use crate::delivery::Content;

/// Updates kept beside the encoded state before it is encoded anew.
const CACHED_UPDATES: usize = 256;
/// Their bytes, likewise.
const CACHED_UPDATE_BYTES: usize = 64 * 1024;

/// The answer to a step 1.
pub(crate) struct Answer {
    /// To be applied in order; there is always one.
    pub(crate) parts: Vec<Content>,
    /// Bytes that were encoded for this answer, and that no other has.
    pub(crate) own_bytes: usize,
}

/// What somebody who has a part of the document is to get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AnswerKind {
    /// What they lack.
    Own,
    /// Everything, as newcomers do, if what they lack would have to be encoded.
    Shared,
}

/// The whole state, encoded once for all who open the document, and what was applied since.
pub(super) struct EncodedState {
    pub(super) state: Content,
    pub(super) since: Vec<Bytes>,
    pub(super) since_bytes: usize,
}

impl EncodedState {
    pub(super) fn new(state: Bytes) -> Self {
        Self { state: state.into(), since: Vec::new(), since_bytes: 0 }
    }
}

/// What a replica lacked that had something.
pub(super) struct Answered {
    pub(super) theirs: StateVector,
    pub(super) missing: Content,
}

/// How large the encoded state is.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Size {
    /// When it was encoded last.
    pub(super) measured: usize,
    /// Bytes of what was applied since. In the state they take up less, or nothing, or make it smaller.
    pub(super) added: usize,
}

fn no_state_vector() -> ApplyError {
    ApplyError::Malformed("this is not a state vector".to_owned())
}

impl Replica {
    pub(super) fn remember(&mut self, update: &Bytes) {
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

    /// What a replica with the given state vector lacks. For one that has nothing of this document the state is encoded
    /// once and shared.
    pub(crate) fn answer(&mut self, state_vector: &[u8], kind: AnswerKind) -> Result<Answer, ApplyError> {
        let theirs = self.known_of(&state_vector::decode(state_vector).ok_or_else(no_state_vector)?);
        if theirs.is_empty() {
            return Ok(self.whole()?);
        }
        if let Some(answered) = self.answered.as_ref().filter(|answered| answered.theirs == theirs) {
            return Ok(Answer { parts: vec![answered.missing.clone()], own_bytes: 0 });
        }
        if kind == AnswerKind::Shared {
            return Ok(self.whole()?);
        }
        let missing = Content::from(self.read(|txn| Bytes::from(txn.encode_state_as_update_v1(&theirs)))?);
        let own_bytes = missing.len();
        self.answered = Some(Answered { theirs, missing: missing.clone() });
        Ok(Answer { parts: vec![missing], own_bytes })
    }

    /// The whole state, as newcomers get it.
    fn whole(&mut self) -> Result<Answer, Broken> {
        let encoded = match self.encoded.take() {
            Some(encoded) => encoded,
            None => EncodedState::new(self.state()?),
        };
        let mut parts = Vec::with_capacity(1 + encoded.since.len());
        parts.push(encoded.state.clone());
        parts.extend(encoded.since.iter().cloned().map(Content::from));
        self.encoded = Some(encoded);
        Ok(Answer { parts, own_bytes: 0 })
    }

    /// What a replica with this state vector lacks, as one update.
    pub(crate) fn missing(&mut self, state_vector: &[u8]) -> Result<Bytes, ApplyError> {
        let theirs = state_vector::decode(state_vector).ok_or_else(no_state_vector)?;
        Ok(self.read(|txn| Bytes::from(txn.encode_state_as_update_v1(&theirs)))?)
    }

    /// What there is of a state vector in this document: what makes no difference must not cost an answer of its own.
    fn known_of(&self, theirs: &StateVector) -> StateVector {
        let known = theirs.iter().filter_map(|(client, clock)| {
            let here = u32::try_from(self.skeleton.clock(client.get())).unwrap_or(u32::MAX);
            (here > 0 && *clock > 0).then_some((*client, here.min(*clock)))
        });
        StateVector::new(known.collect())
    }

    /// Goes on sharing a content that is what newcomers get first.
    pub(crate) fn share_state(&mut self, state: Content) {
        if let Some(encoded) = &mut self.encoded
            && encoded.state.as_ptr() == state.as_ptr()
        {
            encoded.state = state;
        }
    }

    /// Several updates that have been applied, as one: what the document has now beyond what was [known](Self::known)
    /// before. Updates that claim the same clocks for different content could win in another order if they were merged.
    pub(crate) fn merge(&mut self, mut updates: Vec<Bytes>, known: &[u8]) -> Option<Bytes> {
        if updates.len() < 2 {
            return updates.pop();
        }
        let known = state_vector::decode(known)?;
        self.read(|txn| Bytes::from(txn.encode_state_as_update_v1(&known))).ok()
    }

    /// The whole state as one update, including what waits for predecessors.
    pub(crate) fn state(&mut self) -> Result<Bytes, Broken> {
        if let Some(encoded) = &self.encoded
            && encoded.since.is_empty()
        {
            return Ok(encoded.state.bytes().clone());
        }
        let state = self.read(|txn| {
            let mut state = txn.encode_state_as_update_v1(&StateVector::default());
            // Kept for long, while the encoder left room to grow.
            state.shrink_to_fit();
            Bytes::from(state)
        })?;
        self.size = Size { measured: state.len(), added: 0 };
        Ok(state)
    }

    /// Bytes of the encoded state, at most.
    pub(crate) fn size(&self) -> usize {
        self.size.measured + self.size.added
    }

    /// Whether encoding the state would tell its size more exactly.
    pub(crate) fn is_size_estimated(&self) -> bool {
        self.size.added > 0
    }
}
