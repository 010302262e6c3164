//! Nodes that people have put onto a canvas, or changed there, of which no version tells yet.

use std::collections::HashMap;

use platform::auth::PrincipalRef;
use platform::db::nodes::{Touch, Touched};
use platform::db::versions::NodeChange;
use schema::ids::{NodeId, Seq};

use super::work::{PAUSE_MS, PAUSE_OF_NOBODY_MS};

/// So long after it appeared, a node is taken to be made: whoever makes one may do it in several edits, and REST, which
/// keeps a version by itself, has done so.
const PAUSE_OF_NEW_MS: u64 = 10_000;
/// What is known at a time. Of more, what was done is in the version that something else makes.
const PENDING_MAX: usize = 500;

/// The nodes of a canvas of which no version tells yet: those that were made there, and those that were changed. All other
/// documents have none.
#[derive(Debug, Default)]
pub(super) struct TouchedNodes(HashMap<(NodeId, NodeChange), Pending>);

/// A node of which a version is to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Noted {
    pub(super) node: NodeId,
    pub(super) change: NodeChange,
    /// What was done is in the canvas's log up to this place.
    pub(super) through: Seq,
    pub(super) by: PrincipalRef,
}

#[derive(Debug)]
struct Pending {
    /// When it appeared, or changed last.
    at_ms: u64,
    through: Seq,
    by: PrincipalRef,
}

impl Pending {
    fn ends_at(&self, change: NodeChange, is_left: bool) -> u64 {
        self.at_ms
            + match change {
                NodeChange::Created => PAUSE_OF_NEW_MS,
                _ if is_left => PAUSE_OF_NOBODY_MS,
                _ => PAUSE_MS,
            }
    }
}

impl TouchedNodes {
    /// Somebody has put these onto the canvas, or changed them there.
    pub(super) fn note(&mut self, now: u64, touched: Vec<Touched>) {
        for Touched { node, touch, by, through } in touched {
            let change = if touch == Touch::Appeared { NodeChange::Created } else { NodeChange::Session };
            let key = (node, change);
            if self.0.len() < PENDING_MAX || self.0.contains_key(&key) {
                self.0.insert(key, Pending { at_ms: now, through, by });
            }
        }
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// When the work on one of them has come to an end, unless somebody goes on with it. `is_left`: nobody is here.
    pub(super) fn next_end(&self, is_left: bool) -> Option<u64> {
        self.0.iter().map(|((_, change), pending)| pending.ends_at(*change, is_left)).min()
    }

    /// Those of which the work has come to an end by now, the new ones first.
    pub(super) fn take_over(&mut self, now: u64, is_left: bool) -> Vec<Noted> {
        let over = self.0.extract_if(|(_, change), pending| pending.ends_at(*change, is_left) <= now);
        let over = over.map(|((node, change), Pending { through, by, .. })| Noted { node, change, through, by });
        let mut over: Vec<Noted> = over.collect();
        over.sort_by_key(|noted| noted.change != NodeChange::Created);
        over
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn touched(node: u128, touch: Touch, through: u64) -> Vec<Touched> {
        let by = PrincipalRef::SYSTEM;
        vec![Touched { node: NodeId::new(Uuid::from_u128(node)), touch, by, through: Seq::new(through) }]
    }

    fn noted(node: u128, change: NodeChange, through: u64) -> Vec<Noted> {
        let node = NodeId::new(Uuid::from_u128(node));
        vec![Noted { node, change, through: Seq::new(through), by: PrincipalRef::SYSTEM }]
    }

    #[test]
    fn a_new_node_is_made_after_a_pause_and_what_was_done_to_it_meanwhile_comes_after_that() {
        let mut nodes = TouchedNodes::default();
        assert_eq!((nodes.next_end(true), nodes.is_empty()), (None, true));
        nodes.note(1_000, touched(1, Touch::Appeared, 1));
        nodes.note(9_000, touched(1, Touch::Changed, 2));
        let end = 1_000 + PAUSE_OF_NEW_MS;
        assert_eq!((nodes.next_end(false), nodes.next_end(true)), (Some(end), Some(end)));
        assert_eq!(nodes.take_over(end - 1, true), []);
        assert_eq!(nodes.take_over(end, false), noted(1, NodeChange::Created, 1));
        assert_eq!(nodes.next_end(false), Some(9_000 + PAUSE_MS));
        nodes.note(9_000, touched(2, Touch::Appeared, 3));
        let both = [noted(2, NodeChange::Created, 3), noted(1, NodeChange::Session, 2)].concat();
        assert_eq!(nodes.take_over(9_000 + PAUSE_MS, false), both);
        assert!(nodes.is_empty());
    }

    #[test]
    fn a_change_is_over_when_nobody_went_on_with_it_and_sooner_when_everybody_has_left() {
        let mut nodes = TouchedNodes::default();
        nodes.note(1_000, touched(1, Touch::Changed, 1));
        nodes.note(2_000, touched(1, Touch::Changed, 2));
        assert_eq!(nodes.take_over(1_000 + PAUSE_MS, false), [], "somebody went on");
        assert_eq!(nodes.take_over(2_000 + PAUSE_OF_NOBODY_MS, true), noted(1, NodeChange::Session, 2));
        nodes.note(1_000, touched(2, Touch::Changed, 3));
        assert_eq!(nodes.take_over(1_000 + PAUSE_MS, false), noted(2, NodeChange::Session, 3));
    }

    #[test]
    fn no_more_is_known_than_there_is_room_for() {
        let mut nodes = TouchedNodes::default();
        for node in 0..=PENDING_MAX as u128 {
            nodes.note(0, touched(node, Touch::Appeared, 1));
        }
        assert_eq!(nodes.take_over(u64::MAX, true).len(), PENDING_MAX);
    }
}
