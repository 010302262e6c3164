//! Which content was seen before.

use std::collections::{BTreeMap, HashMap};

use schema::update::ClientRange;

/// Clocks by client id.
#[derive(Debug, Default)]
pub(super) struct Covered {
    /// Per client id the starts of ranges that do not touch one another, and their ends.
    clients: HashMap<u64, BTreeMap<u64, u64>>,
}

impl Covered {
    /// Covers a range, and adds to `new` the parts of it that were not covered before.
    pub(super) fn add(&mut self, range: ClientRange, new: &mut Vec<ClientRange>) {
        let ClientRange { client, start, end } = range;
        let ranges = self.clients.entry(client).or_default();
        let (mut merged_start, mut at) = (start, start);
        if let Some((before, before_end)) = ranges.range(..=start).next_back()
            && *before_end >= start
        {
            (merged_start, at) = (*before, *before_end);
        }
        let mut merged_end = at.max(end);
        let mut swallowed = Vec::new();
        for (next, next_end) in ranges.range(start.saturating_add(1)..=end) {
            if at < *next {
                new.push(ClientRange { client, start: at, end: *next });
            }
            at = *next_end;
            merged_end = merged_end.max(*next_end);
            swallowed.push(*next);
        }
        if at < end {
            new.push(ClientRange { client, start: at, end });
        }
        for start in swallowed {
            ranges.remove(&start);
        }
        ranges.insert(merged_start, merged_end);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use platform::random::Random;

    use super::*;

    #[test]
    fn every_clock_is_new_once() {
        for seed in 0..300 {
            let random = Random::from_seed(seed);
            let (mut covered, mut model) = (Covered::default(), BTreeSet::new());
            for _ in 0..60 {
                let start = random.below(100);
                let range = ClientRange { client: random.below(2), start, end: start + 1 + random.below(20) };
                let mut new = Vec::new();
                covered.add(range, &mut new);
                let told: Vec<_> =
                    new.iter().flat_map(|it| (it.start..it.end).map(|clock| (it.client, clock))).collect();
                let clocks = (range.start..range.end).map(|clock| (range.client, clock));
                let expected: Vec<_> = clocks.filter(|clock| model.insert(*clock)).collect();
                assert_eq!(told, expected, "seed {seed}");
            }
        }
    }
}
