//! How much of its time a room spends on writing to its sessions.

use std::time::Duration;

use tokio::time::Instant;

/// The share of its time that a room writes, as a divisor.
const SHARE: u32 = 4;
/// What it may write beyond its share before it has to wait: an edit after a quiet moment is never kept waiting.
const BURST: Duration = Duration::from_millis(4);
/// The longest wait.
const WAIT_MAX: Duration = Duration::from_millis(50);

/// Each write to a session costs about as much for one frame as for many. A room with many sessions and many edits
/// would do nothing but write; made to wait a little, it writes what came together.
#[derive(Debug)]
pub(crate) struct Pace {
    debt: Duration,
    since: Instant,
}

impl Pace {
    pub(crate) fn new(now: Instant) -> Self {
        Self { debt: Duration::ZERO, since: now }
    }

    /// How long to wait before writing.
    pub(crate) fn wait(&mut self, now: Instant) -> Duration {
        let earned = now.saturating_duration_since(self.since) / SHARE;
        self.debt = self.debt.saturating_sub(earned);
        self.since = now;
        (self.debt.saturating_sub(BURST) * SHARE).min(WAIT_MAX)
    }

    /// So long was just written.
    pub(crate) fn spent(&mut self, time: Duration) {
        self.debt = (self.debt + time).min(BURST + WAIT_MAX / SHARE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quiet_room_writes_at_once_and_a_busy_one_its_share() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        assert_eq!(pace.wait(start), Duration::ZERO);
        pace.spent(Duration::from_millis(3));
        assert_eq!(pace.wait(start), Duration::ZERO);
        pace.spent(Duration::from_millis(3));
        assert_eq!(pace.wait(start), Duration::from_millis(8), "two too much are earned in eight");
        assert_eq!(pace.wait(start + Duration::from_millis(8)), Duration::ZERO);

        let (mut now, mut written) = (start, Duration::ZERO);
        let mut pace = Pace::new(start);
        while now < start + Duration::from_secs(1) {
            now += pace.wait(now) + Duration::from_millis(1);
            pace.spent(Duration::from_millis(1));
            written += Duration::from_millis(1);
        }
        assert!(written > Duration::from_millis(240) && written < Duration::from_millis(270), "{written:?}");
    }

    #[test]
    fn no_wait_is_longer_than_the_longest() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        pace.spent(Duration::from_secs(10));
        assert_eq!(pace.wait(start), WAIT_MAX);
        assert_eq!(pace.wait(start + WAIT_MAX), Duration::ZERO);
    }
}
