//! How often a session may say something about itself (SPEC P6).

use std::collections::BTreeMap;
use std::time::Duration;

use platform::rate::{Rate, TokenBucket};

use crate::delivery::AwarenessState;

/// What a session may still say, and what it has said too early.
#[derive(Debug)]
pub(super) struct Pace {
    left: TokenBucket,
    /// The newest state of each client id.
    waiting: BTreeMap<u64, AwarenessState>,
    /// When the first of the client ids came that it has brought lately, and how many did.
    brought_since: u64,
    brought: usize,
}

impl Pace {
    pub(super) fn new(rate: &Rate, now: u64) -> Self {
        Self { left: TokenBucket::full(rate, now), waiting: BTreeMap::new(), brought_since: now, brought: 0 }
    }

    /// Whether a message may be taken now. If not, its states are to wait.
    pub(super) fn allows(&mut self, rate: &Rate, now: u64) -> bool {
        self.waiting.is_empty() && self.left.take(rate, now, 1).is_ok()
    }

    /// Lets a state wait in the place of older ones of the same client id.
    pub(super) fn put_off(&mut self, state: AwarenessState) {
        let older = self.waiting.get(&state.client).is_none_or(|waiting| waiting.clock <= state.clock);
        if older {
            self.waiting.insert(state.client, state);
        }
    }

    /// Whether a state of this client id waits already, or there is room for one more of `max`.
    pub(super) fn has_room_for(&self, client: u64, max: usize) -> bool {
        self.waiting.len() < max || self.waiting.contains_key(&client)
    }

    /// Whether the session may bring another client id: `max` at most within a period, since of those that are gone
    /// everybody remembers for as long that they are.
    pub(super) fn may_bring(&mut self, now: u64, period_ms: u64, max: usize) -> bool {
        if now >= self.brought_since + period_ms {
            (self.brought_since, self.brought) = (now, 0);
        }
        self.brought += 1;
        self.brought <= max
    }

    /// Whether something waits.
    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// What waits, once it may be taken; until then, how long that takes.
    pub(super) fn take_waiting(&mut self, rate: &Rate, now: u64) -> Result<Vec<AwarenessState>, Duration> {
        self.left.take(rate, now, 1)?;
        Ok(std::mem::take(&mut self.waiting).into_values().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate::per_second(10, 2);

    fn state(client: u64, clock: u64, json: Option<&str>) -> AwarenessState {
        AwarenessState { client, clock, state: json.map(Into::into) }
    }

    #[test]
    fn p6_of_what_comes_too_fast_the_newest_is_taken_later() {
        let mut pace = Pace::new(&RATE, 0);
        assert!(pace.allows(&RATE, 0) && pace.allows(&RATE, 0) && !pace.allows(&RATE, 0));
        for clock in [3, 5, 4] {
            pace.put_off(state(1, clock, Some("{}")));
        }
        pace.put_off(state(2, 1, Some("{}")));
        pace.put_off(state(1, 5, None));
        assert!(!pace.allows(&RATE, 1000), "nothing overtakes what waits");
        let mut pace_later = Pace { waiting: pace.waiting.clone(), ..Pace::new(&RATE, 0) };
        assert!(pace_later.left.take(&RATE, 0, 2).is_ok());
        assert_eq!(pace_later.take_waiting(&RATE, 50), Err(Duration::from_millis(50)));
        assert_eq!(pace_later.take_waiting(&RATE, 100), Ok(vec![state(1, 5, None), state(2, 1, Some("{}"))]));
        assert!(!pace_later.is_waiting() && pace_later.allows(&RATE, 200));
    }

    #[test]
    fn client_ids_are_brought_few_at_a_time() {
        let mut pace = Pace::new(&RATE, 0);
        assert!(pace.may_bring(0, 1000, 2) && pace.may_bring(999, 1000, 2) && !pace.may_bring(999, 1000, 2));
        assert!(pace.may_bring(1000, 1000, 2));
    }
}
