//! What the log holds, read from the database, and whether it holds what was confirmed.

use std::collections::BTreeMap;

use super::replica::{Content, Replica};
use super::writer::Receipt;
use crate::process::postgres::Postgres;
use anyhow::{Context as _, Result, ensure};

/// A document's log, read from its beginning.
#[derive(Debug)]
pub(super) struct Log {
    replica: Replica,
    /// How far the work of each Yjs client id reaches: place in the log and clock, both rising.
    reach: BTreeMap<u64, Vec<(u64, u32)>>,
    /// How many updates it has.
    pub(super) len: u64,
}

impl Log {
    /// Reads the log of a scratch document; its places must have no gap.
    pub(super) fn read(postgres: &Postgres, document: &str) -> Result<Self> {
        let name = document.strip_prefix("scratch:").context("only scratch documents are looked up")?;
        let rows = postgres.sql(
            "glassbox",
            &format!(
                "SELECT u.seq || ' ' || encode(u.update, 'hex') FROM document_updates u \
                 JOIN documents d ON d.id = u.document_id WHERE d.title = '{name}' ORDER BY u.seq"
            ),
        )?;
        let mut log = Self::new();
        for row in rows.lines() {
            let (seq, update) = row.split_once(' ').context("a row of the log without its update")?;
            log.add(&unhex(update)?)?;
            ensure!(seq.parse() == Ok(log.len), "the log of {document} has {seq} where {} was to come", log.len);
        }
        Ok(log)
    }

    fn new() -> Self {
        Self { replica: Replica::new(0), reach: BTreeMap::new(), len: 0 }
    }

    fn add(&mut self, update: &[u8]) -> Result<()> {
        self.len += 1;
        self.replica.apply(update)?;
        for (client, clock) in self.replica.clocks() {
            let reach = self.reach.entry(client).or_default();
            if reach.last().is_none_or(|(_, before)| *before < clock) {
                reach.push((self.len, clock));
            }
        }
        Ok(())
    }

    /// What all of it makes.
    pub(super) fn content(&self) -> Content {
        self.replica.content()
    }

    /// The first receipt that the log does not bear out: what it confirmed is not at or before its place.
    pub(super) fn broken_receipt<'a>(&self, client: u64, receipts: &'a [Receipt]) -> Option<&'a Receipt> {
        let reach = self.reach.get(&client).map(Vec::as_slice).unwrap_or_default();
        receipts.iter().find(|receipt| {
            let before = reach.partition_point(|(seq, _)| *seq <= receipt.seq);
            let clock = before.checked_sub(1).map_or(0, |last| reach[last].1);
            clock < receipt.clock || receipt.seq > self.len
        })
    }
}

fn unhex(digits: &str) -> Result<Vec<u8>> {
    let byte = |at: usize| u8::from_str_radix(digits.get(at..at + 2).unwrap_or_default(), 16);
    (0..digits.len()).step_by(2).map(|at| byte(at).context("an update that is not hexadecimal")).collect()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn a_receipt_holds_when_what_it_confirms_is_at_its_place() {
        let (replica, mut rng, mut log) = (Replica::new(7), StdRng::seed_from_u64(1), Log::new());
        let mut clocks = Vec::new();
        for _ in 0..20 {
            let update = replica.edit(&mut rng);
            clocks.push(replica.clock_of(7));
            log.add(&update).unwrap();
        }
        let receipt = |seq: u64, edits: usize| Receipt { seq, clock: clocks[edits - 1] };
        assert!(log.broken_receipt(7, &[receipt(3, 3), receipt(20, 20), receipt(20, 4)]).is_none());
        assert_eq!(log.broken_receipt(7, &[receipt(3, 3), receipt(9, 10)]).unwrap().seq, 9);
        assert!(log.broken_receipt(7, &[receipt(21, 20)]).is_some(), "a place that the log does not have");
        assert!(log.broken_receipt(8, &[receipt(20, 1)]).is_some(), "a client that the log does not know");
    }
}
