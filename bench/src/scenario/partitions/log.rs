//! What the log holds, read from the database, and whether it holds what was confirmed.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::ops::Range;

use schema::update::{UpdateLimits, inspect};

use super::writer::Receipt;
use crate::process::postgres::Postgres;
use anyhow::{Context as _, Result, ensure};

/// How far the work of each Yjs client id reaches in a document's log.
#[derive(Debug, Default)]
pub(super) struct Log {
    clients: BTreeMap<u64, Reach>,
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
        let mut log = Self::default();
        for row in rows.lines() {
            let (seq, update) = row.split_once(' ').context("a row of the log without its update")?;
            log.add(&unhex(update)?)?;
            ensure!(seq.parse() == Ok(log.len), "the log of {document} has {seq} where {} was to come", log.len);
        }
        Ok(log)
    }

    fn add(&mut self, update: &[u8]) -> Result<()> {
        self.len += 1;
        for range in inspect(update, &UpdateLimits::default())?.insertions() {
            self.clients.entry(range.client).or_default().add(self.len, range.start..range.end);
        }
        Ok(())
    }

    /// The first receipt that the log does not bear out: what it confirmed is not at or before its place.
    pub(super) fn broken_receipt<'a>(&self, client: u64, receipts: &'a [Receipt]) -> Option<BrokenReceipt<'a>> {
        let reach = self.clients.get(&client);
        receipts.iter().find_map(|receipt| {
            let clock = reach.map_or(0, |reach| reach.at(receipt.seq));
            let is_borne_out = clock >= receipt.clock.into() && receipt.seq <= self.len;
            let place = reach.and_then(|reach| reach.place_of(receipt.clock.into()));
            (!is_borne_out).then_some(BrokenReceipt { receipt, place, len: self.len })
        })
    }
}

/// A receipt that the log does not bear out.
#[derive(Debug)]
pub(super) struct BrokenReceipt<'a> {
    pub(super) receipt: &'a Receipt,
    /// Where the log has what it confirmed.
    place: Option<u64>,
    /// How many updates the log has.
    len: u64,
}

impl Display for BrokenReceipt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Receipt { seq, clock } = self.receipt;
        write!(f, "a receipt for place {seq} confirmed work up to clock {clock}, which the log of {} has ", self.len)?;
        match self.place {
            Some(place) => write!(f, "at {place}"),
            None => write!(f, "nowhere"),
        }
    }
}

/// What a log has of one client.
#[derive(Debug, Default)]
struct Reach {
    /// Place in the log and the clock up to which all was there from then on, both rising.
    whole: Vec<(u64, u64)>,
    /// What came before what comes before it: start and end.
    beyond: BTreeMap<u64, u64>,
}

impl Reach {
    fn add(&mut self, seq: u64, clocks: Range<u64>) {
        let before = self.whole.last().map_or(0, |(_, clock)| *clock);
        let end = self.beyond.entry(clocks.start).or_default();
        *end = clocks.end.max(*end);
        let mut clock = before;
        while let Some(next) = self.beyond.first_entry().filter(|next| *next.key() <= clock) {
            clock = clock.max(next.remove());
        }
        if clock > before {
            self.whole.push((seq, clock));
        }
    }

    /// From which place on all is there up to this clock.
    fn place_of(&self, clock: u64) -> Option<u64> {
        self.whole.iter().find(|(_, reached)| *reached >= clock).map(|(place, _)| *place)
    }

    /// Up to which clock all is there up to this place.
    fn at(&self, seq: u64) -> u64 {
        let before = self.whole.partition_point(|(place, _)| *place <= seq);
        before.checked_sub(1).map_or(0, |last| self.whole[last].1)
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
    use crate::scenario::partitions::replica::Replica;

    #[test]
    fn a_receipt_holds_when_what_it_confirms_is_at_its_place() {
        let (replica, mut rng, mut log) = (Replica::new(7), StdRng::seed_from_u64(1), Log::default());
        let mut clocks = Vec::new();
        for _ in 0..20 {
            let update = replica.edit(&mut rng);
            clocks.push(replica.clock_of(7));
            log.add(&update).unwrap();
        }
        let receipt = |seq: u64, edits: usize| Receipt { seq, clock: clocks[edits - 1] };
        assert!(log.broken_receipt(7, &[receipt(3, 3), receipt(20, 20), receipt(20, 4)]).is_none());
        assert_eq!(log.broken_receipt(7, &[receipt(3, 3), receipt(9, 10)]).unwrap().place, Some(10));
        assert!(log.broken_receipt(7, &[receipt(21, 20)]).is_some(), "a place that the log does not have");
        assert!(log.broken_receipt(8, &[receipt(20, 1)]).is_some(), "a client that the log does not know");
    }

    #[test]
    fn what_is_beyond_a_gap_counts_once_the_gap_is_closed() {
        let mut reach = Reach::default();
        reach.add(1, 0..4);
        reach.add(2, 9..12);
        assert_eq!(reach.at(2), 4);
        reach.add(3, 3..9);
        assert_eq!((reach.at(2), reach.at(3)), (4, 12));
    }
}
