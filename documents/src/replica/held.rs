//! Updates that wait for content that is missing.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use schema::update::ClientRange;
use thiserror::Error;

/// Updates that are held at a time.
const HELD_UPDATES: usize = 4_096;
/// Their bytes.
const HELD_BYTES: usize = 32 << 20;
/// Client ids that all of them wait for.
const HELD_NEEDS: usize = 1 << 20;

/// There is no room for another update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("too much waits for content that is missing")]
pub(super) struct Full;

/// The updates that are held, and what each waits for.
#[derive(Debug, Default)]
pub(super) struct HeldUpdates {
    updates: HashMap<u64, Held>,
    /// By client id and the clock that must be reached: the updates that wait for it.
    by_need: BTreeMap<(u64, u64), Vec<u64>>,
    next: u64,
    bytes: usize,
    needs: usize,
}

#[derive(Debug)]
struct Held {
    update: Bytes,
    insertions: Vec<ClientRange>,
    /// How many client ids it still waits for.
    needs: usize,
}

impl HeldUpdates {
    pub(super) fn is_empty(&self) -> bool {
        self.updates.is_empty()
    }

    /// Whether an update that is held inserts all of a range.
    pub(super) fn brings(&self, range: &ClientRange) -> bool {
        let mut insertions = self.updates.values().flat_map(|held| &held.insertions);
        insertions.any(|held| held.client == range.client && held.start <= range.start && range.end <= held.end)
    }

    /// Holds an update until the clock of each client id is reached. Returns whether it is new.
    pub(super) fn add(
        &mut self,
        update: &Bytes,
        insertions: &[ClientRange],
        needs: Vec<(u64, u64)>,
    ) -> Result<bool, Full> {
        if self.updates.values().any(|held| held.update == update) {
            return Ok(false);
        }
        let bytes = self.bytes + update.len();
        if self.updates.len() >= HELD_UPDATES || bytes > HELD_BYTES || self.needs + needs.len() > HELD_NEEDS {
            return Err(Full);
        }
        (self.bytes, self.needs) = (bytes, self.needs + needs.len());
        let held = Held { update: update.clone(), insertions: insertions.to_vec(), needs: needs.len() };
        self.updates.insert(self.next, held);
        for need in needs {
            self.by_need.entry(need).or_default().push(self.next);
        }
        self.next += 1;
        Ok(true)
    }

    /// Takes what waits for nothing more, now that this clock of a client id is reached, in the order in which it came.
    pub(super) fn take_ready(&mut self, client: u64, clock: u64) -> Vec<Bytes> {
        let met: Vec<_> = self.by_need.range((client, 0)..=(client, clock)).map(|(need, _)| *need).collect();
        let met = met.iter().filter_map(|need| self.by_need.remove(need)).flatten();
        let mut ready = Vec::new();
        for number in met.collect::<Vec<_>>() {
            self.needs -= 1;
            if let Some(held) = self.updates.get_mut(&number) {
                held.needs -= 1;
                if held.needs == 0 {
                    ready.push(number);
                }
            }
        }
        ready.sort_unstable();
        let ready = ready.iter().filter_map(|number| self.updates.remove(number)).map(|held| held.update);
        ready.inspect(|update| self.bytes -= update.len()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_is_ready_when_all_that_it_needs_is_here() {
        let mut held = HeldUpdates::default();
        let [first, second] = [Bytes::from_static(b"first"), Bytes::from_static(b"second")];
        assert_eq!(held.add(&first, &[], vec![(1, 5), (2, 3)]), Ok(true));
        assert_eq!(held.add(&second, &[], vec![(1, 4)]), Ok(true));
        assert_eq!(held.add(&first, &[], vec![(1, 5)]), Ok(false), "it is held already");
        assert_eq!(held.take_ready(1, 3), Vec::<Bytes>::new());
        assert_eq!(held.take_ready(1, 9), [second]);
        assert_eq!(held.take_ready(2, 3), [first]);
        assert!(held.is_empty() && held.by_need.is_empty() && held.bytes == 0 && held.needs == 0);
    }

    #[test]
    fn what_is_held_is_bounded() {
        let mut held = HeldUpdates::default();
        let large = Bytes::from(vec![0; HELD_BYTES]);
        assert_eq!(held.add(&large, &[], vec![(1, 1)]), Ok(true));
        assert_eq!(held.add(&Bytes::from_static(b"x"), &[], vec![(1, 1)]), Err(Full));
        let mut held = HeldUpdates::default();
        for number in 0..HELD_UPDATES {
            assert_eq!(held.add(&number.to_string().into(), &[], vec![(1, 1)]), Ok(true));
        }
        assert_eq!(held.add(&Bytes::from_static(b"x"), &[], vec![(1, 1)]), Err(Full));
    }
}
