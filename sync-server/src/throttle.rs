//! How fast a client may talk: what comes faster waits on the connection, and nothing of it is lost.

use std::time::Duration;

use platform::limits::Limits;
use platform::rate::{Rate, TokenBucket};
use tokio::time::Instant;

use crate::account::Account;

/// Shorter pauses are saved up: each costs a timer.
const SHORTEST_PAUSE: Duration = Duration::from_millis(20);

/// The allowance of one socket.
pub(crate) struct Throttle {
    messages: Allowance,
    bytes: Allowance,
    /// That of all sockets of its principal, once it is known.
    account: Option<Account>,
    opened: Instant,
    paused_until: Option<Instant>,
    /// Since when the client has come too fast without ever saving up half a burst.
    too_fast_since: Option<Instant>,
    patience: Duration,
}

#[derive(Debug)]
struct Allowance {
    rate: Rate,
    left: TokenBucket,
}

/// What becomes of the reading of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// It goes on.
    On,
    /// It pauses.
    Paused,
    /// It has paused again and again for too long.
    Flooded,
}

impl Allowance {
    fn new(rate: Rate) -> Self {
        Self { rate, left: TokenBucket::full(&rate, 0) }
    }

    fn is_half_full(&mut self, now_ms: u64) -> bool {
        self.left.remaining(&self.rate, now_ms) >= self.rate.burst() / 2
    }
}

impl Throttle {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            messages: Allowance::new(Rate::per_second(limits.messages_per_second, limits.messages_burst)),
            bytes: Allowance::new(Rate::per_second(limits.message_bytes_per_second, limits.message_bytes_burst)),
            account: None,
            opened: Instant::now(),
            paused_until: None,
            too_fast_since: None,
            patience: Duration::from_secs(limits.flood_seconds),
        }
    }

    /// What comes from now on counts for somebody, too.
    pub(crate) fn count_for(&mut self, account: Account) {
        self.account = Some(account);
    }

    /// A message of so many bytes has come.
    pub(crate) fn spend(&mut self, now: Instant, bytes: usize) -> Pace {
        let now_ms = self.milliseconds(now);
        if self.too_fast_since.is_some() && self.messages.is_half_full(now_ms) && self.bytes.is_half_full(now_ms) {
            self.too_fast_since = None;
        }
        let pause = self.messages.left.spend(&self.messages.rate, now_ms, 1);
        let pause = pause.max(self.bytes.left.spend(&self.bytes.rate, now_ms, bytes as u64));
        let pause = pause.max(self.account.as_ref().map_or(Duration::ZERO, |account| account.spend(now, bytes)));
        if pause < SHORTEST_PAUSE {
            return Pace::On;
        }
        let since = *self.too_fast_since.get_or_insert(now);
        if now.duration_since(since) >= self.patience {
            return Pace::Flooded;
        }
        self.paused_until = Some(now + pause);
        Pace::Paused
    }

    /// When reading goes on, if it is paused.
    pub(crate) fn paused_until(&self) -> Option<Instant> {
        self.paused_until
    }

    /// Ends a pause that is over. True when it has just ended.
    pub(crate) fn resume(&mut self, now: Instant) -> bool {
        let is_over = self.paused_until.is_some_and(|until| until <= now);
        if is_over {
            self.paused_until = None;
        }
        is_over
    }

    fn milliseconds(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.opened).as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn throttle() -> Throttle {
        Throttle::new(&Limits {
            messages_per_second: 100,
            messages_burst: 50,
            message_bytes_per_second: 10_000,
            message_bytes_burst: 20_000,
            flood_seconds: 10,
            ..Limits::default()
        })
    }

    #[test]
    fn a_burst_passes_and_then_reading_pauses_for_what_is_owed() {
        let mut throttle = throttle();
        let now = Instant::now();
        assert!((0..51).all(|_| throttle.spend(now, 10) == Pace::On));
        assert_eq!(throttle.spend(now, 10), Pace::Paused, "two are owed");
        let until = throttle.paused_until().unwrap();
        assert!(until > now && until <= now + Duration::from_millis(30));
        assert!(!throttle.resume(now) && throttle.resume(until) && !throttle.resume(until));
    }

    #[test]
    fn bytes_count_as_well_as_messages() {
        let mut throttle = throttle();
        let now = Instant::now();
        assert_eq!(throttle.spend(now, 20_000), Pace::On);
        assert_eq!(throttle.spend(now, 10_000), Pace::Paused);
        assert!(throttle.paused_until().unwrap() >= now + Duration::from_millis(990));
    }

    #[test]
    fn who_never_stops_is_given_up_and_who_pauses_is_forgiven() {
        let flood = |every_seconds: usize| {
            let (mut throttle, begin) = (throttle(), Instant::now());
            (0..60).step_by(every_seconds).find(|second| {
                let now = begin + Duration::from_secs(*second);
                (0..150).any(|_| throttle.spend(now, 1) == Pace::Flooded)
            })
        };
        assert_eq!(flood(1), Some(10));
        assert_eq!(flood(2), None);
    }
}
