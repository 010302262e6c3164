//! How much may come in how much time: the arithmetic of token buckets, on a monotonic clock.

use std::time::Duration;

/// So much in a period, and so much at once after a silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    amount: u64,
    period_ms: u64,
    burst: u64,
}

const SECOND_MS: u64 = 1000;
const MINUTE_MS: u64 = 60_000;

impl Rate {
    /// `amount` in a second, `burst` at once.
    #[must_use]
    pub const fn per_second(amount: u64, burst: u64) -> Self {
        Self { amount, period_ms: SECOND_MS, burst }
    }

    /// `amount` in a minute, `burst` at once.
    #[must_use]
    pub const fn per_minute(amount: u64, burst: u64) -> Self {
        Self { amount, period_ms: MINUTE_MS, burst }
    }

    /// What may come at once.
    #[must_use]
    pub const fn burst(&self) -> u64 {
        self.burst
    }

    /// What comes in one period.
    #[must_use]
    pub const fn amount(&self) -> u64 {
        self.amount
    }

    /// The period.
    #[must_use]
    pub const fn period(&self) -> Duration {
        Duration::from_millis(self.period_ms)
    }

    /// A whole bucket, in parts of a unit; `amount` parts are earned in a millisecond.
    fn capacity(&self) -> i64 {
        parts(self.burst, self.period_ms)
    }

    /// How long it takes to earn `parts`.
    fn time_for(&self, parts: i64) -> Duration {
        let parts = u64::try_from(parts).unwrap_or_default();
        Duration::from_millis(parts.div_ceil(self.amount.max(1)))
    }
}

fn parts(amount: u64, period_ms: u64) -> i64 {
    i64::try_from(amount.saturating_mul(period_ms)).unwrap_or(i64::MAX)
}

/// What is left of a [`Rate`] for somebody. Times are milliseconds of a monotonic clock.
#[derive(Debug, Clone)]
pub struct TokenBucket {
    /// In parts of a unit: as many as a period has milliseconds. Below zero it is a debt.
    left: i64,
    counted_ms: u64,
}

impl TokenBucket {
    /// A full one.
    #[must_use]
    pub fn full(rate: &Rate, now_ms: u64) -> Self {
        Self { left: rate.capacity(), counted_ms: now_ms }
    }

    /// Takes `amount` if that much is left.
    ///
    /// # Errors
    /// How long it takes until there is. Nothing was taken.
    pub fn take(&mut self, rate: &Rate, now_ms: u64, amount: u64) -> Result<(), Duration> {
        self.earn(rate, now_ms);
        let wanted = parts(amount, rate.period_ms);
        if self.left < wanted {
            return Err(rate.time_for(wanted.saturating_sub(self.left)));
        }
        self.left -= wanted;
        Ok(())
    }

    /// Takes `amount` in any case, and says how long to pause until nothing is owed.
    pub fn spend(&mut self, rate: &Rate, now_ms: u64, amount: u64) -> Duration {
        self.earn(rate, now_ms);
        self.left = self.left.saturating_sub(parts(amount, rate.period_ms));
        rate.time_for(self.left.saturating_neg())
    }

    /// Whole units that are left.
    #[must_use]
    pub fn remaining(&mut self, rate: &Rate, now_ms: u64) -> u64 {
        self.earn(rate, now_ms);
        u64::try_from(self.left).unwrap_or_default() / rate.period_ms
    }

    /// How long it takes until it is full again.
    #[must_use]
    pub fn time_to_full(&mut self, rate: &Rate, now_ms: u64) -> Duration {
        self.earn(rate, now_ms);
        rate.time_for(rate.capacity() - self.left)
    }

    fn earn(&mut self, rate: &Rate, now_ms: u64) {
        let elapsed_ms = now_ms.saturating_sub(self.counted_ms);
        self.counted_ms = self.counted_ms.max(now_ms);
        self.left = self.left.saturating_add(parts(elapsed_ms, rate.amount)).min(rate.capacity());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_so_many_per_second() {
        let rate = Rate::per_second(20, 100);
        let mut bucket = TokenBucket::full(&rate, 5_000);
        let mut taken = |now_ms| (0..1000).filter(|_| bucket.take(&rate, now_ms, 1).is_ok()).count();
        assert_eq!(taken(5_000), 100);
        assert_eq!(taken(5_040), 0);
        assert_eq!(taken(6_000), 20, "what came too soon did not use up the next");
        assert_eq!(taken(4_000), 0, "a clock that stands still or is read late earns nothing");
        assert_eq!(taken(100_000), 100, "silence saves up no more than a burst");
    }

    #[test]
    fn who_is_refused_is_told_when_to_come_back() {
        let rate = Rate::per_minute(100, 10);
        let mut bucket = TokenBucket::full(&rate, 0);
        assert_eq!((bucket.remaining(&rate, 0), bucket.time_to_full(&rate, 0)), (10, Duration::ZERO));
        assert_eq!(bucket.take(&rate, 0, 10), Ok(()));
        assert_eq!(bucket.take(&rate, 0, 1), Err(Duration::from_millis(600)));
        assert_eq!(bucket.take(&rate, 599, 1), Err(Duration::from_millis(1)));
        assert_eq!(bucket.take(&rate, 600, 1), Ok(()));
        assert_eq!(bucket.time_to_full(&rate, 600), Duration::from_secs(6));
    }

    #[test]
    fn what_is_spent_in_any_case_is_paid_for_by_a_pause() {
        let rate = Rate::per_second(1000, 100);
        let mut bucket = TokenBucket::full(&rate, 0);
        assert_eq!(bucket.spend(&rate, 0, 100), Duration::ZERO);
        assert_eq!(bucket.spend(&rate, 0, 50), Duration::from_millis(50));
        assert_eq!(bucket.spend(&rate, 25, 0), Duration::from_millis(25));
        assert_eq!(bucket.spend(&rate, 50, 0), Duration::ZERO);
        assert_eq!(bucket.spend(&rate, 50, u64::MAX), bucket.spend(&rate, 50, 0), "no overflow");
    }
}
