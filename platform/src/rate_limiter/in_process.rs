//! Counting in memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Quota, Verdict, Whom};
use crate::clock::Clock;
use crate::rate::{Rate, TokenBucket};

/// Buckets that are kept before it is looked which are full again, and need not be.
const BUCKETS_BEFORE_SWEEP: usize = 1024;
/// Buckets that are kept at most. Who comes on top is not limited: everybody else would be, otherwise.
const BUCKETS_MAX: usize = 1 << 17;

/// Counts in memory. Cheap to clone.
#[derive(Clone)]
pub struct InProcessLimiter {
    clock: Arc<dyn Clock>,
    table: Arc<Mutex<Table>>,
}

#[derive(Default)]
struct Table {
    buckets: HashMap<(&'static str, Whom), (Rate, TokenBucket)>,
    sweep_at: usize,
}

impl InProcessLimiter {
    /// Nobody has done anything yet.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, table: Arc::default() }
    }

    pub(super) fn take(&self, quota: &Quota, whom: Whom) -> Verdict {
        let now = self.clock.monotonic_ms();
        let rate = quota.rate;
        let mut table = self.table();
        table.sweep(now);
        let key = (quota.name, whom);
        if table.buckets.len() >= BUCKETS_MAX && !table.buckets.contains_key(&key) {
            return Verdict { retry_after: None, remaining: 0, reset_after: rate.period() };
        }
        let (_, bucket) = table.buckets.entry(key).or_insert_with(|| (rate, TokenBucket::full(&rate, now)));
        let retry_after = bucket.take(&rate, now, 1).err();
        let (remaining, reset_after) = (bucket.remaining(&rate, now), bucket.time_to_full(&rate, now));
        Verdict { retry_after, remaining, reset_after }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Nothing that runs under the lock can leave the table half changed.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn sweep(&mut self, now_ms: u64) {
        if self.buckets.len() < self.sweep_at.max(BUCKETS_BEFORE_SWEEP) {
            return;
        }
        self.buckets.retain(|_, (rate, bucket)| !bucket.time_to_full(rate, now_ms).is_zero());
        // Twice what is left, so that it costs little each time.
        self.sweep_at = (2 * self.buckets.len()).min(BUCKETS_MAX);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use uuid::Uuid;

    use super::*;
    use crate::auth::{PrincipalKind, PrincipalRef};
    use crate::clock::ManualClock;

    #[test]
    fn who_has_done_nothing_for_long_is_forgotten() {
        let clock = Arc::new(ManualClock::default());
        let limiter = InProcessLimiter::new(Arc::clone(&clock) as Arc<dyn Clock>);
        let quota = Quota { name: "test", rate: Rate::per_second(1, 1) };
        for number in 0..10_000 {
            clock.advance(Duration::from_millis(10));
            let whom = Whom::Principal(PrincipalRef { kind: PrincipalKind::User, id: Uuid::from_u128(number) });
            assert!(limiter.take(&quota, whom).is_allowed());
        }
        assert!(limiter.table().buckets.len() <= BUCKETS_BEFORE_SWEEP);
    }
}
