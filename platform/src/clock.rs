//! Time, as a parameter: what needs to know it takes a [`Clock`], so that a test can move it.

use std::time::Instant;

use chrono::{DateTime, Utc};

/// A source of time.
pub trait Clock: Send + Sync {
    /// The time of day. It may jump when the machine's clock is set.
    fn now(&self) -> DateTime<Utc>;

    /// Milliseconds since some moment before this clock was made. It never goes back.
    fn monotonic_ms(&self) -> u64;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// A clock whose monotonic time starts now.
    #[must_use]
    pub fn new() -> Self {
        Self { started: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    fn monotonic_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(any(test, feature = "testing"))]
pub use manual::ManualClock;

#[cfg(any(test, feature = "testing"))]
mod manual {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use chrono::{DateTime, TimeDelta, Utc};

    use super::Clock;

    /// A clock that stands still until a test moves it.
    #[derive(Debug)]
    pub struct ManualClock {
        started: DateTime<Utc>,
        elapsed_ms: AtomicU64,
    }

    impl ManualClock {
        /// A clock that stands at `started`.
        #[must_use]
        pub fn new(started: DateTime<Utc>) -> Self {
            Self { started, elapsed_ms: AtomicU64::new(0) }
        }

        /// Moves the clock on, in whole milliseconds.
        ///
        /// # Panics
        /// When `by` is longer than 2^64 milliseconds.
        pub fn advance(&self, by: Duration) {
            let by_ms = u64::try_from(by.as_millis()).expect("a test stays within a few years");
            self.elapsed_ms.fetch_add(by_ms, Ordering::SeqCst);
        }
    }

    impl Default for ManualClock {
        /// Noon of an ordinary day.
        fn default() -> Self {
            const NOON_UNIX_SECONDS: i64 = 1_767_268_800;
            Self::new(DateTime::from_timestamp(NOON_UNIX_SECONDS, 0).expect("a date of this century"))
        }
    }

    impl Clock for ManualClock {
        fn now(&self) -> DateTime<Utc> {
            let elapsed_ms = i64::try_from(self.monotonic_ms()).expect("a test stays within a few years");
            self.started + TimeDelta::milliseconds(elapsed_ms)
        }

        fn monotonic_ms(&self) -> u64 {
            self.elapsed_ms.load(Ordering::SeqCst)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_manual_clock_moves_both_times_together_and_only_when_told() {
        let clock = ManualClock::default();
        let noon = clock.now();
        assert_eq!((clock.now(), clock.monotonic_ms()), (noon, 0));
        clock.advance(Duration::from_millis(1500));
        assert_eq!((clock.now() - noon).num_milliseconds(), 1500);
        assert_eq!(clock.monotonic_ms(), 1500);
    }

    #[test]
    fn the_system_clock_does_not_go_back() {
        let clock = SystemClock::new();
        let before = clock.monotonic_ms();
        assert!(clock.monotonic_ms() >= before);
    }
}
