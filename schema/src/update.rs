//! Looks through the bytes of a Yjs update (v1 encoding) before anything is decoded from them.
//!
//! [`inspect`] walks the bytes once, keeps nothing but the clock ranges, never panics and never allocates by a count
//! that the bytes merely claim. What it passes, `yrs` decodes and yjs 13 reads to the same structs: content that only
//! one of the two understands, or that they read differently, is refused (as is what neither would ever write).
//!
//! The format is that of yjs 13's `writeStructs` and `writeDeleteSet` over lib0's encoding.

mod content;
mod nesting;
mod reader;
mod refusal;

use std::collections::BTreeSet;

use nesting::{Base, Levels, Placed};
pub use nesting::{Nesting, check_nesting};
use reader::Reader;
pub use refusal::{UnsupportedContent, UpdateRefused};

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
    /// The most client ids with insertions, and the most with deletions.
    pub clients_max: usize,
    /// The deepest nesting of JSON-like values.
    pub value_depth_max: usize,
    /// The deepest nesting of shared types. See also [`check_nesting`].
    pub nesting_max: usize,
}

impl Default for UpdateLimits {
    fn default() -> Self {
        Self {
            bytes_max: 64 << 20,
            elements_max: 2_000_000,
            clients_max: 100_000,
            value_depth_max: 64,
            nesting_max: 256,
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
    structs: usize,
    deletes: bool,
    /// How deep the shared types in it nest.
    levels: Levels,
}

impl UpdateSummary {
    /// The clocks that are inserted, in the update's order; neighbours are joined. Garbage-collected content counts,
    /// gaps (skips) do not.
    #[must_use]
    pub fn insertions(&self) -> &[ClientRange] {
        &self.insertions
    }

    /// How many structs there are, gaps included.
    #[must_use]
    pub const fn structs(&self) -> usize {
        self.structs
    }

    /// Whether anything is deleted.
    #[must_use]
    pub const fn deletes(&self) -> bool {
        self.deletes
    }

    /// Whether the update neither inserts nor deletes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.insertions.is_empty() && !self.deletes
    }

    fn insert(&mut self, range: ClientRange) {
        match self.insertions.last_mut() {
            Some(last) if last.client == range.client && last.end == range.start => last.end = range.end,
            _ => self.insertions.push(range),
        }
    }
}

/// Checks an update's structure and tells what it would do.
pub fn inspect(bytes: &[u8], limits: &UpdateLimits) -> Result<UpdateSummary, UpdateRefused> {
    if bytes.len() > limits.bytes_max {
        return Err(UpdateRefused::OverLimit { what: "bytes", limit: limits.bytes_max });
    }
    let mut walk = Walk::new(bytes, limits);
    walk.structs()?;
    walk.delete_set()?;
    if !walk.reader.is_at_end() {
        return Err(walk.reader.malformed("bytes follow the update's end"));
    }
    walk.summary.levels = nested_levels(bytes, limits, walk.types)?;
    Ok(walk.summary)
}

/// Most updates bring no shared type; the others are walked once more, to see where their items are.
fn nested_levels(bytes: &[u8], limits: &UpdateLimits, types: usize) -> Result<Levels, UpdateRefused> {
    if types == 0 {
        return Ok(Levels::new());
    }
    let mut walk = Walk { items: Some(Vec::new()), ..Walk::new(bytes, limits) };
    walk.structs()?;
    let circle = walk.reader.malformed("items are placed in a circle");
    let levels = nesting::levels(walk.items.unwrap_or_default()).ok_or(circle)?;
    if levels.values().any(|levels| *levels > limits.nesting_max) {
        return Err(UpdateRefused::OverLimit { what: "levels of nested types", limit: limits.nesting_max });
    }
    Ok(levels)
}

struct Walk<'a> {
    reader: Reader<'a>,
    limits: &'a UpdateLimits,
    elements: usize,
    /// How many shared types were read.
    types: usize,
    /// Where the items are, if that is asked for.
    items: Option<Vec<Placed>>,
    summary: UpdateSummary,
}

impl<'a> Walk<'a> {
    fn new(bytes: &'a [u8], limits: &'a UpdateLimits) -> Self {
        let summary = UpdateSummary::default();
        Self { reader: Reader::new(bytes), limits, elements: 0, types: 0, items: None, summary }
    }
}

impl Walk<'_> {
    /// `writeClientsStructs`: per client id its structs, whose clocks follow on one another.
    fn structs(&mut self) -> Result<(), UpdateRefused> {
        let mut seen = BTreeSet::new();
        for _ in 0..self.reader.uint()? {
            let structs = self.reader.uint()?;
            let client = self.client()?;
            self.see(&mut seen, client)?;
            if structs == 0 {
                return Err(self.reader.malformed("a client has no structs"));
            }
            let mut clock = self.clock()?;
            for _ in 0..structs {
                clock = self.one_struct(client, clock)?;
            }
        }
        Ok(())
    }

    /// Reads one struct and returns the clock after it.
    fn one_struct(&mut self, client: u64, start: u64) -> Result<u64, UpdateRefused> {
        self.count_element()?;
        self.summary.structs += 1;
        let info = self.reader.byte()?;
        let types = self.types;
        let (length, base) = match info {
            content::GARBAGE | content::SKIP => (self.reader.uint()?, None),
            _ => self.item(info).map(|(length, base)| (length, Some(base)))?,
        };
        let end = start.saturating_add(length);
        if length == 0 || end > CLOCK_MAX {
            return Err(self.reader.malformed("a struct is empty or ends beyond the largest clock"));
        }
        if info != content::SKIP {
            self.summary.insert(ClientRange { client, start, end });
        }
        if let (Some(items), Some(base)) = (&mut self.items, base) {
            items.push(Placed { client, start, end, base, is_type: self.types > types });
        }
        Ok(end)
    }

    /// `Item.write`: origins, or else the parent; then the content. Returns the length in clocks, and where it is.
    fn item(&mut self, info: u8) -> Result<(u64, Base), UpdateRefused> {
        const HAS_ORIGIN: u8 = 0x80;
        const HAS_RIGHT_ORIGIN: u8 = 0x40;
        const HAS_PARENT_SUB: u8 = 0x20;
        const KIND: u8 = 0x1f;

        let origin = if info & HAS_ORIGIN != 0 { Some(self.id()?) } else { None };
        let right_origin = if info & HAS_RIGHT_ORIGIN != 0 { Some(self.id()?) } else { None };
        let base = match origin.or(right_origin) {
            Some((client, clock)) => Base::Beside(client, clock),
            None => self.parent()?,
        };
        if !matches!(base, Base::Beside(..)) && info & HAS_PARENT_SUB != 0 {
            self.reader.skip_text()?;
        }
        Ok((self.content(info & KIND)?, base))
    }

    fn parent(&mut self) -> Result<Base, UpdateRefused> {
        match self.reader.uint()? {
            0 => self.id().map(|(client, clock)| Base::Inside(client, clock)),
            1 => self.reader.skip_text().map(|()| Base::Root),
            _ => Err(self.reader.malformed("a parent is neither named nor an id")),
        }
    }

    /// `writeDeleteSet`: per client id sorted ranges that do not overlap.
    fn delete_set(&mut self) -> Result<(), UpdateRefused> {
        let mut seen = BTreeSet::new();
        for _ in 0..self.reader.uint()? {
            let client = self.client()?;
            self.see(&mut seen, client)?;
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
                self.summary.deletes = true;
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

    fn id(&mut self) -> Result<(u64, u64), UpdateRefused> {
        Ok((self.client()?, self.clock()?))
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
