//! The Yjs updates of one client who edits one text by itself.
//!
//! `yrs` finds a position by walking the text, which for a quarter of a million edits of a long text takes minutes.
//! With one author no walk is needed: the place of every visible character and its id in a plain vector, and what
//! follows each piece that was inserted, are enough to say what each edit inserts between which neighbours, and what it
//! deletes.

use std::collections::HashMap;

use anyhow::{Result, ensure};
use web_protocol::lib0::{write_varstring, write_varuint};

/// A visible character and the clock of its first UTF-16 unit.
#[derive(Debug, Clone, Copy)]
struct Visible {
    character: char,
    clock: u64,
}

impl Visible {
    fn units(self) -> u64 {
        self.character.len_utf16() as u64
    }

    /// The clock of its last UTF-16 unit.
    fn last_clock(self) -> u64 {
        self.clock + self.units() - 1
    }
}

/// A piece of text that was inserted at one place.
#[derive(Debug)]
struct Item {
    /// The last unit before it, when there was any.
    left: Option<u64>,
    /// The first unit behind it, deleted or not, when there was any.
    right: Option<u64>,
    text: String,
}

/// Encodes edits of one text in Yjs's update format, version 1.
#[derive(Debug)]
pub(crate) struct Encoder {
    client: u64,
    root: &'static str,
    visible: Vec<Visible>,
    /// The first unit of the text, deleted or not.
    first: Option<u64>,
    /// What follows a unit, deleted or not, when that is not the unit of the next clock.
    followers: HashMap<u64, Option<u64>>,
    next_clock: u64,
    /// What the present update inserts, from this clock on.
    first_clock: u64,
    items: Vec<Item>,
    /// What it deletes: clock and length.
    deleted: Vec<(u64, u64)>,
}

impl Encoder {
    /// An empty text under this root name.
    pub(crate) fn new(client: u64, root: &'static str) -> Self {
        let (visible, items, deleted) = (Vec::new(), Vec::new(), Vec::new());
        let followers = HashMap::new();
        Self { client, root, visible, first: None, followers, next_clock: 0, first_clock: 0, items, deleted }
    }

    /// Links the units from `start` to `last` in behind `left`. Returns what followed there.
    fn link(&mut self, left: Option<u64>, start: u64, last: u64) -> Option<u64> {
        let right = match left {
            None => self.first.replace(start),
            Some(left) => self.followers.insert(left, Some(start)).unwrap_or(Some(left + 1)),
        };
        self.followers.insert(last, right);
        right
    }

    /// Deletes and inserts at a position. Position and length are in Unicode code points.
    pub(crate) fn replace(&mut self, position: usize, deleted: usize, inserted: &str) -> Result<()> {
        let end = position + deleted;
        ensure!(end <= self.visible.len(), "an edit at {position}..{end} of {} characters", self.visible.len());
        // Seen from the left neighbour, what is deleted comes first: the insertion goes before it.
        let left = position.checked_sub(1).map(|index| self.visible[index].last_clock());
        let clock = self.next_clock;
        let characters = inserted.chars().scan(clock, |next, character| {
            let visible = Visible { character, clock: *next };
            *next += visible.units();
            Some(visible)
        });
        self.deleted.extend(self.visible.splice(position..end, characters).map(|gone| (gone.clock, gone.units())));
        if !inserted.is_empty() {
            self.next_clock += inserted.encode_utf16().count() as u64;
            let right = self.link(left, clock, self.next_clock - 1);
            self.items.push(Item { left, right, text: inserted.to_owned() });
        }
        Ok(())
    }

    /// The update of all that was done since the last one.
    pub(crate) fn finish_update(&mut self) -> Vec<u8> {
        let mut out = Vec::with_capacity(48);
        self.write_items(&mut out);
        self.write_deleted(&mut out);
        self.first_clock = self.next_clock;
        self.items.clear();
        self.deleted.clear();
        out
    }

    /// The whole text.
    pub(crate) fn text(&self) -> String {
        self.visible.iter().map(|visible| visible.character).collect()
    }

    fn write_items(&self, out: &mut Vec<u8>) {
        const CONTENT_STRING: u64 = 4;
        const HAS_LEFT: u64 = 0x80;
        const HAS_RIGHT: u64 = 0x40;
        const PARENT_IS_ROOT: u64 = 1;
        if self.items.is_empty() {
            return write_varuint(out, 0);
        }
        for value in [1, self.items.len() as u64, self.client, self.first_clock] {
            write_varuint(out, value);
        }
        for Item { left, right, text } in &self.items {
            let flags = left.map_or(0, |_| HAS_LEFT) | right.map_or(0, |_| HAS_RIGHT);
            let [info, ..] = (CONTENT_STRING | flags).to_le_bytes();
            out.push(info);
            for neighbour in left.iter().chain(right) {
                write_varuint(out, self.client);
                write_varuint(out, *neighbour);
            }
            if flags == 0 {
                write_varuint(out, PARENT_IS_ROOT);
                write_varstring(out, self.root);
            }
            write_varstring(out, text);
        }
    }

    fn write_deleted(&mut self, out: &mut Vec<u8>) {
        if self.deleted.is_empty() {
            return write_varuint(out, 0);
        }
        self.deleted.sort_unstable();
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        for (clock, len) in self.deleted.iter().copied() {
            match ranges.last_mut() {
                Some((start, before)) if *start + *before == clock => *before += len,
                _ => ranges.push((clock, len)),
            }
        }
        for value in [1, self.client, ranges.len() as u64] {
            write_varuint(out, value);
        }
        for (clock, len) in ranges {
            write_varuint(out, clock);
            write_varuint(out, len);
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    use super::*;
    use crate::typing::{ROOT, Replica};

    #[test]
    fn a_replica_that_applies_the_updates_has_the_text() {
        let mut rng = StdRng::seed_from_u64(5);
        let mut encoder = Encoder::new(1 << 40, ROOT);
        let replica = Replica::new(2);
        let mut model: Vec<char> = Vec::new();
        for _ in 0..3000 {
            for _ in 0..rng.random_range(1..3) {
                let position = rng.random_range(0..=model.len());
                let deleted = rng.random_range(0..=(model.len() - position).min(3));
                let inserted = ["", "a", "né", "😀", "𝄞b"][rng.random_range(0..5)];
                encoder.replace(position, deleted, inserted).unwrap();
                model.splice(position..position + deleted, inserted.chars());
            }
            replica.apply(&encoder.finish_update()).unwrap();
        }
        let expected: String = model.into_iter().collect();
        assert_eq!(encoder.text(), expected);
        assert_eq!(replica.text(), expected);
    }

    #[test]
    fn an_edit_beyond_the_end_is_an_error() {
        assert!(Encoder::new(1, ROOT).replace(1, 0, "a").is_err());
    }
}
