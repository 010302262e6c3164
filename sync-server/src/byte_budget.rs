//! Bytes that all sockets may hold together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What is left of them. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct ByteBudget(Arc<AtomicUsize>);

impl ByteBudget {
    pub(crate) fn new(bytes: usize) -> Self {
        Self(Arc::new(AtomicUsize::new(bytes)))
    }

    /// Takes so many, if they are left.
    fn take(&self, bytes: usize) -> bool {
        self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(bytes)).is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.0.fetch_add(bytes, Ordering::AcqRel);
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

    /// Makes it so many bytes. False, and nothing is changed, when there are not enough left.
    pub(crate) fn resize(&mut self, bytes: usize) -> bool {
        let fits = bytes <= self.bytes || self.budget.take(bytes - self.bytes);
        if fits {
            self.budget.give_back(self.bytes.saturating_sub(bytes));
            self.bytes = bytes;
        }
        fits
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.give_back(self.bytes);
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
}
