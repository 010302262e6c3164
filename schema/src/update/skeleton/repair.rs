//! Items whose right neighbour is left of them.
//!
//! yjs 13 writes such an item now and then, when it undoes the deletion of a text in a deleted parent that was brought
//! back: with one neighbour on both sides. Where it ends up depends on whether a replica happens to keep that neighbour
//! in one piece with the text around it. Without its right origin it is where its writer sees it, on every replica.

use std::ops::Range;

use super::Skeleton;
use crate::update::HAS_RIGHT_ORIGIN;

/// A right origin to be left out.
#[derive(Debug)]
pub(super) struct Repair {
    /// Where its struct begins.
    pub(super) at: usize,
    /// Where it is itself.
    pub(super) right_origin: Range<usize>,
}

impl Skeleton {
    /// The update that was taken in last, as every replica should take it in; `None` when that is how it is.
    pub fn repaired(&mut self, update: &[u8]) -> Option<Vec<u8>> {
        if self.repairs.is_empty() {
            return None;
        }
        self.repairs.sort_unstable_by_key(|repair| repair.at);
        let mut repaired = Vec::with_capacity(update.len());
        let mut done = 0;
        for Repair { at, right_origin } in &self.repairs {
            repaired.extend_from_slice(&update[done..*at]);
            repaired.push(update[*at] & !HAS_RIGHT_ORIGIN);
            repaired.extend_from_slice(&update[at + 1..right_origin.start]);
            done = right_origin.end;
        }
        repaired.extend_from_slice(&update[done..]);
        Some(repaired)
    }
}
