//! What an update waits for.

use std::collections::BTreeMap;

use super::Skeleton;
use crate::update::piece::{Id, Pieces};
use crate::update::{ClientRange, UpdateLimits, UpdateRefused, UpdateSummary};

impl Skeleton {
    /// For each client id, the clock that must be reached before the update can be taken in.
    pub(super) fn needs(
        &self,
        update: &[u8],
        summary: &UpdateSummary,
        limits: &UpdateLimits,
    ) -> Result<Vec<(u64, u64)>, UpdateRefused> {
        let mut needs = Needs { skeleton: self, brought: summary.insertions().to_vec(), clocks: BTreeMap::new() };
        needs.brought.sort_unstable();
        for range in summary.insertions().iter().filter(|range| range.start > 0) {
            needs.add(Id { client: range.client, clock: range.start - 1 });
        }
        for range in summary.deletions() {
            needs.add(Id { client: range.client, clock: range.end - 1 });
        }
        for section in &summary.sections {
            let mut pieces = Pieces::new(update, section, limits);
            while let Some(piece) = pieces.next()? {
                piece.what.needs().for_each(|id| needs.add(id));
            }
        }
        Ok(needs.clocks.into_iter().collect())
    }
}

struct Needs<'a> {
    skeleton: &'a Skeleton,
    brought: Vec<ClientRange>,
    clocks: BTreeMap<u64, u64>,
}

impl Needs<'_> {
    fn add(&mut self, id: Id) {
        if id.clock >= self.skeleton.clock(id.client) && !self.brings(id) {
            let clock = self.clocks.entry(id.client).or_default();
            *clock = (id.clock + 1).max(*clock);
        }
    }

    fn brings(&self, id: Id) -> bool {
        let after = self.brought.partition_point(|range| (range.client, range.start) <= (id.client, id.clock));
        after.checked_sub(1).is_some_and(|at| {
            let range = &self.brought[at];
            range.client == id.client && id.clock < range.end
        })
    }
}
