//! How far a room knows its document's log.

use std::collections::BTreeSet;

use schema::ids::Seq;

/// The places of the log that the room holds: all up to `head`, and single ones after it.
#[derive(Debug)]
pub(super) struct LogPosition {
    head: Seq,
    ahead: BTreeSet<Seq>,
    /// The log is known to reach this far.
    known: Seq,
    reading: bool,
}

impl LogPosition {
    pub(super) fn at(head: Seq) -> Self {
        Self { head, ahead: BTreeSet::new(), known: head, reading: false }
    }

    pub(super) fn head(&self) -> Seq {
        self.head
    }

    /// The last place that the log is known to have: whatever the room holds of the log is there or before.
    pub(super) fn known(&self) -> Seq {
        self.known
    }

    pub(super) fn has(&self, seq: Seq) -> bool {
        seq <= self.head || self.ahead.contains(&seq)
    }

    /// The room holds the update at this place.
    pub(super) fn reached(&mut self, seq: Seq) {
        self.known_to_reach(seq);
        if seq > self.head {
            self.ahead.insert(seq);
        }
        self.close_up();
    }

    /// The room holds everything up to this place.
    pub(super) fn advance_to(&mut self, head: Seq) {
        self.known_to_reach(head);
        self.head = self.head.max(head);
        self.close_up();
    }

    pub(super) fn known_to_reach(&mut self, seq: Seq) {
        self.known = self.known.max(seq);
    }

    /// The place after which the log must be read, when something is missing and no read is under way.
    pub(super) fn gap_to_read(&mut self) -> Option<Seq> {
        if self.reading || self.head == self.known {
            return None;
        }
        self.reading = true;
        Some(self.head)
    }

    /// The answer to a read is here (or the read failed).
    pub(super) fn read_arrived(&mut self) {
        self.reading = false;
    }

    fn close_up(&mut self) {
        while let Some(first) = self.ahead.first().copied() {
            if first > self.head.next() {
                return;
            }
            self.ahead.pop_first();
            self.head = self.head.max(first);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_read_once_and_closed() {
        let mut position = LogPosition::at(Seq::new(4));
        position.reached(Seq::new(6));
        assert!(position.has(Seq::new(6)) && !position.has(Seq::new(5)));
        assert_eq!((position.head(), position.known()), (Seq::new(4), Seq::new(6)));
        assert_eq!(position.gap_to_read(), Some(Seq::new(4)));
        assert_eq!(position.gap_to_read(), None, "one read at a time");
        position.read_arrived();
        position.reached(Seq::new(5));
        assert_eq!(position.head(), Seq::new(6));
        assert_eq!(position.gap_to_read(), None);
    }

    #[test]
    fn a_head_that_is_ahead_is_a_gap() {
        let mut position = LogPosition::at(Seq::new(1));
        position.known_to_reach(Seq::new(3));
        assert_eq!(position.gap_to_read(), Some(Seq::new(1)));
    }
}
