//! Bytes that all sockets may hold together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What is left of them. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct ByteBudget(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    bytes: usize,
    left: AtomicUsize,
    /// What it is a part of.
    whole: Option<ByteBudget>,
}

impl ByteBudget {
    pub(crate) fn new(bytes: usize) -> Self {
        Self(Arc::new(Inner { bytes, left: AtomicUsize::new(bytes), whole: None }))
    }

    /// A budget for some of those who share this one. What is taken from it is taken from this one, too.
    pub(crate) fn part(&self, bytes: usize) -> Self {
        Self(Arc::new(Inner { bytes, left: AtomicUsize::new(bytes), whole: Some(self.clone()) }))
    }

    /// Whether less than half is left for everybody.
    pub(crate) fn is_short(&self) -> bool {
        match &self.0.whole {
            Some(whole) => whole.is_short(),
            None => self.0.left.load(Ordering::Acquire) < self.0.bytes / 2,
        }
    }

    /// Takes so many, if they are left.
    fn take(&self, bytes: usize) -> bool {
        let left = &self.0.left;
        if left.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(bytes)).is_err() {
            return false;
        }
        let fits = self.0.whole.as_ref().is_none_or(|whole| whole.take(bytes));
        if !fits {
            left.fetch_add(bytes, Ordering::AcqRel);
        }
        fits
    }

    fn give_back(&self, bytes: usize) {
        self.0.left.fetch_add(bytes, Ordering::AcqRel);
        if let Some(whole) = &self.0.whole {
            whole.give_back(bytes);
        }
    }
}

/// What one socket has of a budget.
#[derive(Debug)]
pub(crate) struct Share {
    budget: ByteBudget,
    bytes: usize,
}

impl Share {
    /// Nothing yet.
    pub(crate) fn of(budget: &ByteBudget) -> Self {
        Self { budget: budget.clone(), bytes: 0 }
    }

    /// How many bytes it is.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether less than half of the budget is left for everybody.
    pub(crate) fn is_short(&self) -> bool {
        self.budget.is_short()
    }

    /// Makes it so many bytes. False, and nothing is changed, when there are not enough left.
    pub(crate) fn resize(&mut self, bytes: usize) -> bool {
        // Most sockets hold nothing, time after time: that touches nothing that others use.
        if bytes == self.bytes {
            return true;
        }
        let fits = bytes < self.bytes || self.budget.take(bytes - self.bytes);
        if fits {
            if bytes < self.bytes {
                self.budget.give_back(self.bytes - bytes);
            }
            self.bytes = bytes;
        }
        fits
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        // Makes it nothing, which fits always.
        let _ = self.resize(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_together_no_more_than_there_is() {
        let budget = ByteBudget::new(10);
        let (mut one, mut other) = (Share::of(&budget), Share::of(&budget));
        assert!(one.resize(4) && one.resize(7) && !other.resize(4) && other.resize(3));
        assert!(one.resize(6) && other.resize(4));
        drop(one);
        assert!(other.resize(10) && !other.resize(11));
    }

    #[test]
    fn a_part_is_bounded_by_itself_and_by_the_whole() {
        let whole = ByteBudget::new(10);
        let part = whole.part(6);
        let (mut of_part, mut of_whole) = (Share::of(&part), Share::of(&whole));
        assert!(!of_part.resize(7) && of_part.resize(5) && !whole.is_short());
        assert!(!of_whole.resize(6) && of_whole.resize(5), "what the part has the others have not");
        assert!(whole.is_short() && part.is_short());
        assert!(!of_part.resize(6), "nothing is left of the whole");
        assert!(of_whole.resize(4) && of_part.resize(6), "and what was not taken was not lost");
        drop(of_part);
        assert!(of_whole.resize(10) && !Share::of(&part).resize(1));
    }
}
