//! How long to wait before the next try to connect.

use std::time::Duration;

use crate::random::Random;

const SHORTEST_MS: u64 = 100;
const LONGEST_MS: u64 = 5_000;

/// Waits that double with every failure in a row, each shortened at random, so that instances do not come back all at
/// once.
#[derive(Debug)]
pub(crate) struct Backoff {
    random: Random,
    failures: u32,
}

impl Backoff {
    pub(crate) fn new(random: Random) -> Self {
        Self { random, failures: 0 }
    }

    /// The wait after one more failure.
    pub(crate) fn next(&mut self) -> Duration {
        let doubled = SHORTEST_MS.checked_shl(self.failures).unwrap_or(LONGEST_MS);
        let longest = doubled.min(LONGEST_MS);
        self.failures = (self.failures + 1).min(u64::BITS - SHORTEST_MS.ilog2() - 1);
        Duration::from_millis(longest / 2 + self.random.below(longest / 2 + 1))
    }

    /// A try succeeded.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_limit_and_start_over_after_a_success() {
        let mut backoff = Backoff::new(Random::from_seed(1));
        for longest in [100, 200, 400, 800, 1600, 3200, 5000, 5000] {
            let wait = backoff.next();
            assert!(
                (Duration::from_millis(longest / 2)..=Duration::from_millis(longest)).contains(&wait),
                "{wait:?} of {longest} ms"
            );
        }
        assert!((0..200).all(|_| backoff.next() >= Duration::from_millis(LONGEST_MS / 2)));
        backoff.reset();
        assert!(backoff.next() <= Duration::from_millis(SHORTEST_MS));
    }

    #[test]
    fn instances_wait_differently() {
        let first = |seed| {
            let mut backoff = Backoff::new(Random::from_seed(seed));
            (0..5).map(|_| backoff.next()).collect::<Vec<_>>()
        };
        assert_ne!(first(1), first(2));
    }
}
