//! Updates that wait for content that is missing.

use std::collections::{BTreeMap, HashMap, HashSet};

use bytes::Bytes;
use schema::update::{ClientRange, UpdateSummary};

/// Updates that are held at a time.
const HELD_UPDATES: usize = 4_096;
/// Their bytes.
const HELD_BYTES: usize = 32 << 20;
/// Their structs. Each may take its steps when it is taken in (`schema::update::skeleton`).
const HELD_STRUCTS: usize = 1 << 19;
/// Client ids that all of them wait for.
const HELD_NEEDS: usize = 1 << 20;

/// The updates that are held, and what each waits for.
#[derive(Debug, Default)]
pub(super) struct HeldUpdates {
    updates: HashMap<u64, Held>,
    /// The same, to find out whether an update is held already.
    known: HashSet<Bytes>,
    /// What they insert, by client id, update and clock.
    insertions: BTreeMap<(u64, u64, u64), ClientRange>,
    /// By client id and the clock that must be reached: the updates that wait for it.
    by_need: BTreeMap<(u64, u64), Vec<u64>>,
    next: u64,
    /// How many were taken out.
    taken: u64,
    bytes: usize,
    structs: usize,
    needs: usize,
}

#[derive(Debug)]
struct Held {
    update: Bytes,
    insertions: Vec<ClientRange>,
    structs: usize,
    /// How many client ids it still waits for.
    needs: usize,
}

impl HeldUpdates {
    pub(super) fn is_empty(&self) -> bool {
        self.updates.is_empty()
    }

    /// Whether an update that is held inserts all of a range.
    pub(super) fn brings(&self, range: &ClientRange) -> bool {
        let mut insertions = self.insertions.range((range.client, 0, 0)..=(range.client, u64::MAX, u64::MAX));
        insertions.any(|(_, held)| held.start <= range.start && range.end <= held.end)
    }

    /// How many updates were held once and are no more.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    /// Of all updates that are held.
    pub(super) fn structs(&self) -> usize {
        self.structs
    }

    /// Whether one more may be held that comes from a client. What is in the log is held whatever there is: it was within
    /// the bounds where it was taken, and instances must not differ.
    pub(super) fn has_room_for(&self, update: &Bytes, structs: usize, needs: usize) -> bool {
        self.updates.len() < HELD_UPDATES
            && self.bytes + update.len() <= HELD_BYTES
            && self.structs + structs <= HELD_STRUCTS
            && self.needs + needs <= HELD_NEEDS
    }

    /// Holds an update until the clock of each client id is reached. Returns whether it is new.
    pub(super) fn add(&mut self, update: &Bytes, summary: &UpdateSummary, needs: Vec<(u64, u64)>) -> bool {
        if !self.known.insert(update.clone()) {
            return false;
        }
        let (insertions, structs) = (summary.insertions().to_vec(), summary.structs());
        self.bytes += update.len();
        self.structs += structs;
        self.needs += needs.len();
        self.insertions.extend(insertions.iter().map(|range| ((range.client, self.next, range.start), *range)));
        let held = Held { update: update.clone(), insertions, structs, needs: needs.len() };
        self.updates.insert(self.next, held);
        for need in needs {
            self.by_need.entry(need).or_default().push(self.next);
        }
        self.next += 1;
        true
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
        ready.into_iter().filter_map(|number| self.take(number)).collect()
    }

    fn take(&mut self, number: u64) -> Option<Bytes> {
        let held = self.updates.remove(&number)?;
        self.known.remove(&held.update);
        for range in &held.insertions {
            self.insertions.remove(&(range.client, number, range.start));
        }
        self.taken += 1;
        self.bytes -= held.update.len();
        self.structs -= held.structs;
        Some(held.update)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing() -> UpdateSummary {
        schema::update::inspect(&[0, 0], &schema::update::UpdateLimits::default()).unwrap()
    }

    #[test]
    fn an_update_is_ready_when_all_that_it_needs_is_here() {
        let mut held = HeldUpdates::default();
        let [first, second] = [Bytes::from_static(b"first"), Bytes::from_static(b"second")];
        assert!(held.add(&first, &nothing(), vec![(1, 5), (2, 3)]));
        assert!(held.add(&second, &nothing(), vec![(1, 4)]));
        assert!(!held.add(&first, &nothing(), vec![(1, 5)]), "it is held already");
        assert_eq!(held.take_ready(1, 3), Vec::<Bytes>::new());
        assert_eq!(held.take_ready(1, 9), [second]);
        assert_eq!(held.take_ready(2, 3), [first]);
        assert!(held.is_empty() && held.by_need.is_empty() && held.known.is_empty() && held.insertions.is_empty());
        assert_eq!(held.taken(), 2);
        assert_eq!((held.bytes, held.structs, held.needs), (0, 0, 0));
    }

    #[test]
    fn it_is_known_what_those_who_wait_bring() {
        // One letter of client 8, at clock 3, into the list `r`.
        let letter = Bytes::from_static(&[1, 1, 8, 3, 4, 1, 1, b'r', 1, b'x', 0]);
        let summary = schema::update::inspect(&letter, &schema::update::UpdateLimits::default()).unwrap();
        let brought = |client, start, end| ClientRange { client, start, end };
        let mut held = HeldUpdates::default();
        assert!(held.add(&letter, &summary, vec![(8, 3)]) && !held.add(&letter, &summary, vec![(8, 3)]));
        assert!(held.brings(&brought(8, 3, 4)));
        assert!(!held.brings(&brought(8, 2, 4)) && !held.brings(&brought(8, 3, 5)) && !held.brings(&brought(7, 3, 4)));
        assert_eq!(held.take_ready(8, 3), std::slice::from_ref(&letter));
        assert!(!held.brings(&brought(8, 3, 4)));
        assert!(held.add(&letter, &summary, vec![(8, 3)]), "it may wait again");
    }

    #[test]
    fn what_is_held_is_bounded() {
        let one_more = Bytes::from_static(b"x");
        let mut held = HeldUpdates::default();
        assert!(held.add(&Bytes::from(vec![0; HELD_BYTES]), &nothing(), vec![(1, 1)]));
        assert!(!held.has_room_for(&one_more, 0, 1));
        let mut held = HeldUpdates::default();
        assert!(!held.has_room_for(&one_more, HELD_STRUCTS + 1, 1));
        for number in 0..HELD_UPDATES {
            assert!(held.has_room_for(&one_more, 1, 1));
            assert!(held.add(&number.to_string().into(), &nothing(), vec![(1, 1)]));
        }
        assert!(!held.has_room_for(&one_more, 1, 1));
    }
}
