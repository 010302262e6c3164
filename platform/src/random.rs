//! Randomness, as a parameter: seeded by the operating system in the server, by a number in a test.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use rand::rngs::StdRng;
use rand::{Rng, RngCore, SeedableRng};
use uuid::Uuid;

/// A cryptographically strong generator. Cheap to clone; all clones draw from one sequence.
#[derive(Clone)]
pub struct Random(Arc<Mutex<StdRng>>);

impl Random {
    /// A generator that nobody can predict.
    #[must_use]
    pub fn from_os() -> Self {
        Self::new(StdRng::from_os_rng())
    }

    /// A generator that gives the same sequence for the same seed. For tests and simulations only.
    #[must_use]
    pub fn from_seed(seed: u64) -> Self {
        Self::new(StdRng::seed_from_u64(seed))
    }

    fn new(rng: StdRng) -> Self {
        Self(Arc::new(Mutex::new(rng)))
    }

    fn rng(&self) -> MutexGuard<'_, StdRng> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fills `bytes`.
    pub fn fill(&self, bytes: &mut [u8]) {
        self.rng().fill_bytes(bytes);
    }

    /// `LENGTH` random bytes.
    #[must_use]
    pub fn bytes<const LENGTH: usize>(&self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        self.fill(&mut bytes);
        bytes
    }

    /// A number from 0 to below `bound`; 0 when `bound` is 0.
    #[must_use]
    pub fn below(&self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.rng().random_range(0..bound) }
    }

    /// A uuid of random bits only (version 4).
    #[must_use]
    pub fn uuid_v4(&self) -> Uuid {
        uuid::Builder::from_random_bytes(self.bytes()).into_uuid()
    }

    /// A uuid that sorts by its time (version 7).
    #[must_use]
    pub fn uuid_v7(&self, now: DateTime<Utc>) -> Uuid {
        let unix_ms = u64::try_from(now.timestamp_millis()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(unix_ms, &self.bytes()).into_uuid()
    }
}

impl fmt::Debug for Random {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Random")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_sequence() {
        let (one, other) = (Random::from_seed(7), Random::from_seed(7));
        let first = one.uuid_v4();
        assert_eq!(first, other.uuid_v4());
        assert_ne!(first, one.uuid_v4());
        assert_ne!(Random::from_seed(8).uuid_v4(), first);
    }

    #[test]
    fn uuids_are_of_the_version_that_their_name_says() {
        let random = Random::from_seed(1);
        let early = random.uuid_v7(DateTime::from_timestamp_millis(1_000).unwrap());
        let late = random.uuid_v7(DateTime::from_timestamp_millis(2_000).unwrap());
        assert!(early < late);
        assert_eq!(early.get_version_num(), 7);
        assert_eq!(random.uuid_v4().get_version_num(), 4);
    }

    #[test]
    fn below_stays_below() {
        let random = Random::from_seed(1);
        assert!((0..100).all(|_| random.below(3) < 3));
        assert_eq!(random.below(0), 0);
    }
}
