//! How long things take: a histogram of durations, and when each edit was sent.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

/// The longest duration that is told apart, in microseconds.
const MAX_MICROS: u64 = 120_000_000;

/// Durations from 1 µs to two minutes, within 1 %.
#[derive(Debug, Clone)]
pub(crate) struct Latency(Histogram<u64>);

impl Latency {
    /// Nothing recorded.
    pub(crate) fn new() -> Self {
        Self(Histogram::new_with_bounds(1, MAX_MICROS, 2).expect("the bounds are valid"))
    }

    /// Records one duration; longer than the longest counts as that.
    pub(crate) fn record(&mut self, duration: Duration) {
        self.0.saturating_record(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX).max(1));
    }

    /// Adds what another recorded.
    pub(crate) fn add(&mut self, other: &Self) {
        self.0.add(&other.0).expect("the bounds are the same");
    }

    /// How many were recorded.
    pub(crate) fn count(&self) -> u64 {
        self.0.len()
    }

    /// The duration that `share` (0 to 1) of all did not exceed, in milliseconds.
    pub(crate) fn quantile_ms(&self, share: f64) -> f64 {
        self.0.value_at_quantile(share) as f64 / 1000.0
    }

    /// The longest, in milliseconds.
    pub(crate) fn max_ms(&self) -> f64 {
        self.0.max() as f64 / 1000.0
    }
}

/// When something that happens at a steady rate is due.
///
/// What is sent later than the timer can be late counts from when it was due: a generator that is held up by a slow
/// server must not hide how slow it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    start: Instant,
    period: Duration,
}

impl Pace {
    /// How late tokio's timer may be without anybody's fault.
    const TIMER_ACCURACY: Duration = Duration::from_millis(2);

    /// Something for every `period`, first at `start`.
    pub(crate) fn new(start: Instant, period: Duration) -> Self {
        Self { start, period }
    }

    /// When number `index`, from 0, is due.
    pub(crate) fn due(&self, index: usize) -> Instant {
        self.start + self.period * u32::try_from(index).unwrap_or(u32::MAX)
    }

    /// From when the latency of number `index` counts, when it is sent `now`.
    pub(crate) fn sent_at(&self, index: usize, now: Instant) -> Instant {
        let due = self.due(index);
        if now.saturating_duration_since(due) > Self::TIMER_ACCURACY { due } else { now }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_in_milliseconds() {
        let mut latency = Latency::new();
        for ms in 1..=100 {
            latency.record(Duration::from_millis(ms));
        }
        assert!((latency.quantile_ms(0.5) - 50.0).abs() < 1.0);
        assert!((latency.quantile_ms(0.99) - 99.0).abs() < 1.5);
        assert_eq!(latency.count(), 100);
    }

    #[test]
    fn what_was_held_up_counts_from_when_it_was_due() {
        let start = Instant::now();
        let pace = Pace::new(start, Duration::from_millis(10));
        assert_eq!(pace.due(3), start + Duration::from_millis(30));
        let a_little_late = start + Duration::from_millis(31);
        assert_eq!(pace.sent_at(3, a_little_late), a_little_late);
        assert_eq!(pace.sent_at(3, start + Duration::from_millis(90)), start + Duration::from_millis(30));
    }
}
