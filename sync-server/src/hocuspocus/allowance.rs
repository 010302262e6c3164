//! How often a client may send messages of its application (H9).

/// Messages that may come at once.
const STATELESS_BURST: u64 = 100;
/// Messages per second, in the long run.
const STATELESS_PER_SECOND: u64 = 20;

/// What is left of a session's allowance.
#[derive(Debug)]
pub(super) struct Allowance {
    /// Thousandths of a message.
    left: u64,
    counted_ms: u64,
}

impl Allowance {
    /// A whole burst, at `now_ms` of a monotonic clock.
    pub(super) fn new(now_ms: u64) -> Self {
        Self { left: STATELESS_BURST * 1000, counted_ms: now_ms }
    }

    /// Uses up one message, if there is one left.
    pub(super) fn take(&mut self, now_ms: u64) -> bool {
        let earned = now_ms.saturating_sub(self.counted_ms).saturating_mul(STATELESS_PER_SECOND);
        self.counted_ms = now_ms;
        self.left = self.left.saturating_add(earned).min(STATELESS_BURST * 1000);
        let left = self.left.checked_sub(1000);
        self.left = left.unwrap_or(self.left);
        left.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h9_a_burst_then_so_many_per_second() {
        let mut allowance = Allowance::new(5_000);
        let mut taken = |now_ms| (0..1000).filter(|_| allowance.take(now_ms)).count() as u64;
        assert_eq!(taken(5_000), STATELESS_BURST);
        assert_eq!(taken(5_040), 0);
        assert_eq!(taken(6_000), STATELESS_PER_SECOND, "what came too soon did not use up the next");
        assert_eq!(taken(100_000), STATELESS_BURST, "silence saves up no more than a burst");
    }
}
