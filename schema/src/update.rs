//! Looks through the bytes of a Yjs update (v1 encoding) before anything is decoded from them.
//!
//! [`inspect`] walks the bytes once, keeps nothing but the clock ranges, never panics and never allocates by a count
//! that the bytes merely claim. What it passes, `yrs` decodes and yjs 13 reads to the same structs: content that only
//! one of the two understands, or that they read differently, is refused (as is what neither would ever write).
//!
//! The format is that of yjs 13's `writeStructs` and `writeDeleteSet` over lib0's encoding.

mod content;
mod piece;
mod reader;
mod refusal;
pub mod skeleton;

use std::collections::BTreeSet;
use std::ops::Range;

use piece::{Id, Item, Parent, Piece, What};
use reader::Reader;
pub use refusal::{Misplaced, UnsupportedContent, UpdateRefused};

/// The flag of an item that has an origin.
const HAS_ORIGIN: u8 = 0x80;
/// The flag of an item that has a right origin.
const HAS_RIGHT_ORIGIN: u8 = 0x40;

/// The largest integer that JavaScript reads exactly, and so the largest client id: 2^53 − 1.
pub const CLIENT_ID_MAX: u64 = (1 << 53) - 1;

/// The largest clock. yrs subtracts clocks as 32 bit signed numbers.
pub const CLOCK_MAX: u64 = i32::MAX as u64;

/// Bounds on one update. A first synchronization is one update too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpdateLimits {
    /// The longest update, in bytes.
    pub bytes_max: usize,
    /// The most structs, delete ranges and JSON values together: what decoding allocates for.
    pub elements_max: usize,
    /// The most client ids with insertions, and the most with deletions. The work that yrs does grows with the square
    /// of those that wait for one another: twenty thousand take it a fifth of a second.
    pub clients_max: usize,
    /// The deepest nesting of JSON-like values.
    pub value_depth_max: usize,
    /// The most shared types that a shared type may be nested in. Looked at by [`skeleton::Skeleton`].
    pub nesting_max: usize,
    /// The steps that may be taken to find places for items, see [`skeleton::Skeleton::integrate`].
    pub steps: Steps,
}

/// Steps that an update may take to find places for its items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Steps {
    /// As many as earlier updates have saved up, and this one adds; at most so many can be saved up.
    Saved(usize),
    /// So many, and what its structs add, whatever was taken before: the same wherever it is taken in.
    Own(usize),
    /// As many as it takes: it was accepted as a whole before.
    Unlimited,
}

impl Default for UpdateLimits {
    fn default() -> Self {
        Self {
            bytes_max: 64 << 20,
            elements_max: 2_000_000,
            clients_max: 20_000,
            value_depth_max: 64,
            nesting_max: 256,
            steps: Steps::Saved(1_000_000),
        }
    }
}

/// Clocks that an update inserts under one client id: `start..end`, `end` excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientRange {
    /// The client id.
    pub client: u64,
    /// The first clock.
    pub start: u64,
    /// The clock after the last.
    pub end: u64,
}

/// What an update would do, as far as its bytes alone say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UpdateSummary {
    insertions: Vec<ClientRange>,
    deletions: Vec<ClientRange>,
    structs: usize,
    inserts_values: bool,
    sections: Vec<Section>,
}

/// Where the structs of one client id are in an update's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Section {
    client: u64,
    clock: u64,
    structs: u64,
    offset: usize,
}

impl UpdateSummary {
    /// The clocks that are inserted, in the update's order; neighbours are joined. Garbage-collected content counts,
    /// gaps (skips) do not.
    #[must_use]
    pub fn insertions(&self) -> &[ClientRange] {
        &self.insertions
    }

    /// The clocks that are deleted, by client id and clock; neighbours are joined.
    #[must_use]
    pub fn deletions(&self) -> &[ClientRange] {
        &self.deletions
    }

    /// How many structs there are, gaps included.
    #[must_use]
    pub const fn structs(&self) -> usize {
        self.structs
    }

    /// Whether it inserts something else than characters, or content that is gone: values, formats, shared types.
    #[must_use]
    pub const fn inserts_values(&self) -> bool {
        self.inserts_values
    }

    /// Whether anything is deleted.
    #[must_use]
    pub const fn deletes(&self) -> bool {
        !self.deletions.is_empty()
    }

    /// Whether the update neither inserts nor deletes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.insertions.is_empty() && self.deletions.is_empty()
    }

    /// Whether all of a range is deleted.
    fn deletes_all(&self, range: ClientRange) -> bool {
        let after = self.deletions.partition_point(|it| (it.client, it.start) <= (range.client, range.start));
        let before = after.checked_sub(1).map(|at| self.deletions[at]);
        before.is_some_and(|it| it.client == range.client && range.end <= it.end)
    }
}

/// Adds a range, or lengthens the last one by it.
fn join(ranges: &mut Vec<ClientRange>, range: ClientRange) {
    match ranges.last_mut() {
        Some(last) if last.client == range.client && last.end == range.start => last.end = range.end,
        _ => ranges.push(range),
    }
}

/// Checks an update's structure and tells what it would do.
pub fn inspect(bytes: &[u8], limits: &UpdateLimits) -> Result<UpdateSummary, UpdateRefused> {
    if bytes.len() > limits.bytes_max {
        return Err(UpdateRefused::OverLimit { what: "bytes", limit: limits.bytes_max });
    }
    let mut summary = UpdateSummary::default();
    let mut walk = Walk::new(bytes, limits);
    walk.structs(&mut summary)?;
    walk.delete_set(&mut summary)?;
    summary.deletions.sort_unstable();
    if walk.reader.is_at_end() { Ok(summary) } else { Err(walk.reader.malformed("bytes follow the update's end")) }
}

/// An update's bytes for a comparison: the same for two updates of the same structs and deletions in the same order,
/// even if their values name their keys in another one, as yrs writes them. They are no update.
pub fn comparable(bytes: &[u8], limits: &UpdateLimits) -> Result<Vec<u8>, UpdateRefused> {
    let mut walk = Walk::new(bytes, limits);
    walk.structs(&mut UpdateSummary::default())?;
    let mut comparable = bytes.to_vec();
    for keyed in walk.keyed {
        comparable[keyed].sort_unstable();
    }
    Ok(comparable)
}

struct Walk<'a> {
    reader: Reader<'a>,
    limits: &'a UpdateLimits,
    elements: usize,
    /// Where values are whose keys may come in any order.
    keyed: Vec<Range<usize>>,
}

impl<'a> Walk<'a> {
    const fn new(bytes: &'a [u8], limits: &'a UpdateLimits) -> Self {
        Self { reader: Reader::new(bytes), limits, elements: 0, keyed: Vec::new() }
    }

    /// `writeClientsStructs`: per client id its structs, whose clocks follow on one another.
    fn structs(&mut self, summary: &mut UpdateSummary) -> Result<(), UpdateRefused> {
        let mut seen = BTreeSet::new();
        let sections = self.reader.uint()?;
        for _ in 0..sections {
            let structs = self.reader.uint()?;
            let client = self.client()?;
            if sections > 1 {
                self.see(&mut seen, client)?;
            }
            if structs == 0 {
                return Err(self.reader.malformed("a client has no structs"));
            }
            let mut clock = self.clock()?;
            summary.sections.push(Section { client, clock, structs, offset: self.reader.position() });
            for _ in 0..structs {
                let Piece { end, what, .. } = self.piece(client, clock)?;
                summary.structs += 1;
                summary.inserts_values |= what.holds_values();
                if !matches!(what, What::Gap) {
                    join(&mut summary.insertions, ClientRange { client, start: clock, end });
                }
                clock = end;
            }
        }
        Ok(())
    }

    /// Reads one struct, which begins at the clock `start`.
    fn piece(&mut self, client: u64, start: u64) -> Result<Piece<'a>, UpdateRefused> {
        self.count_element()?;
        let at = self.reader.position();
        let (length, what) = match self.reader.byte()? {
            content::GARBAGE => (self.reader.uint()?, What::Garbage),
            content::SKIP => (self.reader.uint()?, What::Gap),
            info => self.item(info).map(|(length, item)| (length, What::Item(item)))?,
        };
        let end = start.saturating_add(length);
        if length == 0 || end > CLOCK_MAX {
            return Err(self.reader.malformed("a struct is empty or ends beyond the largest clock"));
        }
        Ok(Piece { client, start, end, at, what })
    }

    /// `Item.write`: origins, or else the parent; then the content. Returns the length in clocks with it.
    fn item(&mut self, info: u8) -> Result<(u64, Item<'a>), UpdateRefused> {
        const HAS_PARENT_SUB: u8 = 0x20;
        const KIND: u8 = 0x1f;

        let origin = if info & HAS_ORIGIN != 0 { Some(self.id()?) } else { None };
        let before = self.reader.position();
        let right_origin = if info & HAS_RIGHT_ORIGIN != 0 { Some(self.id()?) } else { None };
        let right_origin_at = before..self.reader.position();
        let (mut parent, mut key) = (None, None);
        if origin.is_none() && right_origin.is_none() {
            parent = Some(self.parent()?);
            key = if info & HAS_PARENT_SUB != 0 { Some(self.reader.text()?) } else { None };
        }
        let (length, content) = self.content(info & KIND)?;
        Ok((length, Item { origin, right_origin, right_origin_at, parent, key, content }))
    }

    fn parent(&mut self) -> Result<Parent<'a>, UpdateRefused> {
        match self.reader.uint()? {
            0 => self.id().map(Parent::Type),
            1 => self.reader.text().map(Parent::Root),
            _ => Err(self.reader.malformed("a parent is neither named nor an id")),
        }
    }

    /// `writeDeleteSet`: per client id sorted ranges that do not overlap.
    fn delete_set(&mut self, summary: &mut UpdateSummary) -> Result<(), UpdateRefused> {
        let mut seen = BTreeSet::new();
        let sections = self.reader.uint()?;
        for _ in 0..sections {
            let client = self.client()?;
            if sections > 1 {
                self.see(&mut seen, client)?;
            }
            let mut previous_end = 0;
            for _ in 0..self.reader.uint()? {
                self.count_element()?;
                let start = self.clock()?;
                let length = self.reader.uint()?;
                let end = start.saturating_add(length);
                if length == 0 || end > CLOCK_MAX {
                    return Err(self.reader.malformed("a delete range is empty or ends beyond the largest clock"));
                }
                if start < previous_end {
                    return Err(self.reader.malformed("delete ranges overlap or are out of order"));
                }
                previous_end = end;
                join(&mut summary.deletions, ClientRange { client, start, end });
            }
        }
        Ok(())
    }

    /// Notes a client id. Twice the same is refused: yjs would drop the first, yrs would join both.
    fn see(&self, seen: &mut BTreeSet<u64>, client: u64) -> Result<(), UpdateRefused> {
        if !seen.insert(client) {
            return Err(self.reader.malformed("a client id occurs twice"));
        }
        if seen.len() > self.limits.clients_max {
            return Err(UpdateRefused::OverLimit { what: "client ids", limit: self.limits.clients_max });
        }
        Ok(())
    }

    fn client(&mut self) -> Result<u64, UpdateRefused> {
        self.reader.uint()
    }

    fn clock(&mut self) -> Result<u64, UpdateRefused> {
        let clock = self.reader.uint()?;
        if clock > CLOCK_MAX { Err(self.reader.malformed("a clock is too large")) } else { Ok(clock) }
    }

    fn id(&mut self) -> Result<Id, UpdateRefused> {
        Ok(Id { client: self.client()?, clock: self.clock()? })
    }

    fn count_element(&mut self) -> Result<(), UpdateRefused> {
        self.count_elements(1)
    }

    fn count_elements(&mut self, count: usize) -> Result<(), UpdateRefused> {
        self.elements = self.elements.saturating_add(count);
        if self.elements > self.limits.elements_max {
            return Err(UpdateRefused::OverLimit { what: "structs and values", limit: self.limits.elements_max });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
