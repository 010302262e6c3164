//! yjs's `Item.integrate`: where an item goes among those that its writer did not know of.

use std::collections::HashMap;

use super::Skeleton;
use super::place::Insertion;
use super::run::NONE;
use crate::update::{Misplaced, Steps, UpdateRefused};

/// The steps that each struct adds to those that may be taken. A step passes one item, which costs yrs and yjs some
/// 100 ns. Honest edits take less than one on the average.
const STEPS_PER_STRUCT: usize = 64;
/// The steps that an update may take even if none are left.
const STEPS_MIN: usize = 1_000;

impl Skeleton {
    /// Allows for the work of an update. Returns what is left when it is done, if that does not follow from its work.
    pub(super) fn allow_steps(&mut self, structs: usize, steps: Steps) -> Option<usize> {
        let (saved, added) = (self.steps_left, STEPS_PER_STRUCT * structs);
        let (allowed, left) = match steps {
            Steps::Saved(max) => (saved.min(max).max(STEPS_MIN) + added, None),
            Steps::Own(own) => (own + added, Some(saved.saturating_add(added))),
            Steps::Unlimited => (usize::MAX, None),
        };
        self.steps_left = allowed;
        left
    }

    fn take_steps(&mut self, steps: usize) -> Result<(), UpdateRefused> {
        let left = self.steps_left.checked_sub(steps);
        self.steps_left =
            left.ok_or(UpdateRefused::OverLimit { what: "items to sort in one place", limit: STEPS_MIN })?;
        Ok(())
    }

    /// Puts an item into its list, right of its origin.
    pub(super) fn insert(&mut self, new: Insertion) -> Result<(), UpdateRefused> {
        let left = new.origin.map_or(NONE, |origin| self.run_that_ends_with(origin));
        let right = new.right_origin.map_or(NONE, |right| self.run_that_starts_with(right));
        let list = &self.lists[new.list as usize];
        if list.has_key && left == NONE {
            // Both libraries look for the first value of a key by passing all of them.
            self.take_steps(list.runs as usize)?;
        }
        let beside = self.next_in(new.list, left) == right;
        let after = if beside { left } else { self.pass_others(&new, left, right)? };
        self.link(&new, left, after);
        Ok(())
    }

    /// Passes items between an item's neighbours that its writer did not know of, and returns the run to insert after.
    fn pass_others(&mut self, new: &Insertion, left: u32, right: u32) -> Result<u32, UpdateRefused> {
        let client = self.clients[new.span.client as usize].id;
        let origin = new.origin.map(|origin| origin.place);
        let right_origin = new.right_origin.map(|right| right.place);
        let mut after = left;
        // What was passed, and how often `after` had moved by then. What was passed before it moved conflicts no more.
        let (mut passed, mut moves) = (HashMap::new(), 0);
        let mut next = self.next_in(new.list, left);
        while next != NONE && next != right {
            self.take_steps(1)?;
            passed.insert(next, moves);
            let other = &self.runs[next as usize];
            let goes_after = if other.origin() == origin {
                let is_first = self.clients[other.client as usize].id < client;
                if !is_first && other.right_origin() == right_origin {
                    return Ok(after);
                }
                is_first
            } else {
                let Some(before) = other.origin().and_then(|origin| passed.get(&self.run_at(origin))) else {
                    return Ok(after);
                };
                *before < moves
            };
            let beyond = other.next;
            if goes_after {
                (after, moves) = (next, moves + 1);
            }
            next = beyond;
        }
        let inner = if right == NONE { None } else { self.runs[right as usize].origin() };
        if inner != origin && inner.is_some_and(|origin| passed.contains_key(&self.run_at(origin))) {
            return Err(Misplaced::RightWithinOther.into());
        }
        Ok(after)
    }
}
