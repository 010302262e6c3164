//! How far a room knows its document's log.

use std::collections::BTreeMap;
use std::ops::Bound;

use schema::ids::Seq;

/// The places of the log that the room holds: all up to `head`, and single ones after it.
#[derive(Debug)]
pub(super) struct LogPosition {
    head: Seq,
    /// Those after it, with the Yjs client ids under which each inserts.
    ahead: BTreeMap<Seq, Vec<u64>>,
    /// The log is known to reach this far.
    known: Seq,
    reading: bool,
}

impl LogPosition {
    pub(super) fn at(head: Seq) -> Self {
        Self { head, ahead: BTreeMap::new(), known: head, reading: false }
    }

    pub(super) fn head(&self) -> Seq {
        self.head
    }

    /// The last place that the log is known to have: whatever the room holds of the log is there or before.
    pub(super) fn known(&self) -> Seq {
        self.known
    }

    pub(super) fn has(&self, seq: Seq) -> bool {
        seq <= self.head || self.ahead.contains_key(&seq)
    }

    /// Whether something is held that comes after a place, with some of the log before it missing, and inserts under this
    /// Yjs client id.
    pub(super) fn has_later(&self, client: u64, seq: Seq) -> bool {
        let mut later = self.ahead.range((Bound::Excluded(seq), Bound::Unbounded));
        later.any(|(_, clients)| clients.contains(&client))
    }

    /// The room holds the update at this place, which inserts under these Yjs client ids.
    pub(super) fn reached(&mut self, seq: Seq, clients: Vec<u64>) {
        self.known_to_reach(seq);
        if seq > self.head {
            self.ahead.insert(seq, clients);
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
        while let Some(first) = self.ahead.first_entry() {
            if *first.key() > self.head.next() {
                return;
            }
            self.head = self.head.max(*first.key());
            first.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_read_once_and_closed() {
        let mut position = LogPosition::at(Seq::new(4));
        position.reached(Seq::new(6), vec![7]);
        assert!(position.has_later(7, Seq::new(5)) && !position.has_later(8, Seq::new(5)));
        assert!(!position.has_later(7, Seq::new(6)));
        assert!(position.has(Seq::new(6)) && !position.has(Seq::new(5)));
        assert_eq!((position.head(), position.known()), (Seq::new(4), Seq::new(6)));
        assert_eq!(position.gap_to_read(), Some(Seq::new(4)));
        assert_eq!(position.gap_to_read(), None, "one read at a time");
        position.read_arrived();
        position.reached(Seq::new(5), vec![8]);
        assert_eq!(position.head(), Seq::new(6));
        assert!(!position.has_later(7, Seq::new(5)), "nothing before it is missing any more");
        assert_eq!(position.gap_to_read(), None);
    }

    #[test]
    fn a_head_that_is_ahead_is_a_gap() {
        let mut position = LogPosition::at(Seq::new(1));
        position.known_to_reach(Seq::new(3));
        assert_eq!(position.gap_to_read(), Some(Seq::new(1)));
    }
}
