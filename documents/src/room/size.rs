//! How large a document may become.
//!
//! What its size is said to be is never below what it is: when that seems to be too much, it is measured. What is
//! deleted takes up next to nothing, so deleting makes room.

use schema::update::UpdateSummary;

use super::Room;

/// A document that seems to be too large is measured so often that so many bytes of it are encoded in a millisecond,
/// which is a small share of what can be.
const MEASURED_BYTES_PER_MS: usize = 10_000;
/// An update that deletes more than it brings may exceed the limit by this share: what it says to delete may be gone.
const EXCESS_DIVISOR: usize = 8;

impl Room {
    /// Whether the document has room for an update of so many bytes.
    pub(super) fn has_room_for(&mut self, now: u64, bytes: usize, summary: &UpdateSummary) -> bool {
        let limit = self.limits.document_bytes;
        if self.replica.size() + bytes <= limit || self.brings_nothing(summary) {
            return true;
        }
        let pause_ms = (self.replica.size() / MEASURED_BYTES_PER_MS) as u64;
        if self.replica.is_size_estimated() && self.measured_at.is_none_or(|at| now >= at + pause_ms) {
            self.measured_at = Some(now);
            // A replica that broke over it is loaded anew.
            if self.replica.state().is_err() || self.replica.size() + bytes <= limit {
                return true;
            }
        }
        let deleted: u64 = summary.deletions().iter().map(|range| range.end - range.start).sum();
        deleted >= bytes as u64 && self.replica.size() + bytes <= limit + limit / EXCESS_DIVISOR
    }

    /// Whether all that an update inserts is there, so that it deletes at most.
    fn brings_nothing(&self, summary: &UpdateSummary) -> bool {
        summary.insertions().iter().all(|range| self.replica.has(range))
    }
}
