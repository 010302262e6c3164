//! The edit of one text: word by word, and within a changed word letter by letter.

use std::ops::Range;

use similar::DiffOp;
use yrs::types::{Attrs, Delta};
use yrs::{Any, In, Text, TransactionMut};

use super::align::operations;
use super::node::{Run, inserted};
use super::shape::{attribute, marks};
use crate::value::utf16_len;

/// Makes a text that reads `current` read `target`, and have its marks. Other formatting attributes stay.
pub(super) fn edit(text: &impl Text, txn: &mut TransactionMut<'_>, current: &[Run], target: &[Run]) {
    let delta = delta(current, target);
    if !delta.is_empty() {
        text.apply_delta(txn, delta);
    }
}

/// The words of a text, the spaces between them, and every other character by itself.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    #[derive(PartialEq)]
    enum Class {
        Word,
        Space,
        Other,
    }
    let class_of = |character: char| match character {
        _ if character.is_alphanumeric() => Class::Word,
        _ if character.is_whitespace() => Class::Space,
        _ => Class::Other,
    };
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let class = class_of(first);
        let end = match class {
            Class::Other => first.len_utf8(),
            _ => rest.find(|character| class_of(character) != class).unwrap_or(rest.len()),
        };
        let (word, after) = rest.split_at(end);
        rest = after;
        Some(word)
    })
}

fn delta(current: &[Run], target: &[Run]) -> Vec<Delta<In>> {
    let (current, target) = (Runs::new(current), Runs::new(target));
    let mut delta = Vec::new();
    for change in changes(&current.text, &target.text) {
        match change {
            Change::Keep { current: from, target: to } => retain(&current, from, &target, to, &mut delta),
            Change::Replace { current: from, target: to } => {
                let inherited = current.foreign_around(from.start);
                for (piece, run) in target.pieces(to) {
                    let mut attributes = inherited.clone();
                    attributes.extend(run.attributes.clone());
                    delta.push(inserted(&target.text[piece], attributes));
                }
                if !from.is_empty() {
                    delta.push(Delta::Deleted(utf16_len(&current.text[from])));
                }
            }
        }
    }
    while matches!(delta.last(), Some(Delta::Retain(_, None))) {
        delta.pop();
    }
    delta
}

/// Steps over words that stay, and changes their marks where they differ.
fn retain(current: &Runs<'_>, from: Range<usize>, target: &Runs<'_>, to: Range<usize>, delta: &mut Vec<Delta<In>>) {
    let mut at = from.start;
    for (piece, wanted) in target.pieces(to) {
        let end = at + piece.len();
        for (piece, run) in current.pieces(at..end) {
            delta.push(Delta::Retain(utf16_len(&current.text[piece]), remarked(run, wanted)));
        }
        at = end;
    }
}

/// The formatting attributes to change so that a run has the marks of another.
fn remarked(run: &Run, wanted: &Run) -> Option<Box<Attrs>> {
    let mut changes = Attrs::new();
    for (key, mark) in marks(run) {
        if !marks(wanted).any(|(_, other)| other == mark) {
            changes.insert(key.into(), Any::Null);
        }
    }
    for (_, mark) in marks(wanted) {
        if !marks(run).any(|(_, other)| other == mark) {
            let (key, value) = attribute(&mark);
            changes.insert(key.into(), value);
        }
    }
    (!changes.is_empty()).then(|| Box::new(changes))
}

/// Runs as one text.
struct Runs<'a> {
    text: String,
    runs: Vec<(Range<usize>, &'a Run)>,
}

impl<'a> Runs<'a> {
    fn new(runs: &'a [Run]) -> Self {
        let mut text = String::new();
        let mut placed = Vec::with_capacity(runs.len());
        for run in runs.iter().filter(|run| !run.text.is_empty()) {
            let start = text.len();
            text.push_str(&run.text);
            placed.push((start..text.len(), run));
        }
        Self { text, runs: placed }
    }

    /// The parts of a range, each with the run in which it lies.
    fn pieces(&self, range: Range<usize>) -> impl Iterator<Item = (Range<usize>, &'a Run)> + '_ {
        let first = self.runs.partition_point(|(place, _)| place.end <= range.start);
        let overlapping = self.runs[first..].iter().take_while(move |(place, _)| place.start < range.end);
        overlapping.map(move |(place, run)| (place.start.max(range.start)..place.end.min(range.end), *run))
    }

    /// The formatting attributes without a name here that lie on both sides of a place, such as a comment's.
    fn foreign_around(&self, at: usize) -> Attrs {
        let around = self.runs.iter().filter(|(place, _)| place.start <= at && at <= place.end);
        let mut around = around.map(|(_, run)| *run).collect::<Vec<_>>().into_iter();
        let (Some(before), true) = (around.next(), 0 < at && at < self.text.len()) else { return Attrs::new() };
        let after = around.next().unwrap_or(before);
        let is_foreign = |key: &str| marks(before).all(|(known, _)| known != key);
        let shared = before.attributes.iter().filter(|(key, value)| after.attributes.get(*key) == Some(value));
        shared.filter(|(key, _)| is_foreign(key)).map(|(key, value)| (key.clone(), value.clone())).collect()
    }
}

/// A part of a text that stays, or for which other words stand. The ranges count bytes.
#[derive(Debug, PartialEq)]
enum Change {
    Keep { current: Range<usize>, target: Range<usize> },
    Replace { current: Range<usize>, target: Range<usize> },
}

fn changes(current: &str, target: &str) -> Vec<Change> {
    let (current_words, target_words): (Vec<_>, Vec<_>) = (words(current).collect(), words(target).collect());
    let (mut at, mut to) = (0, 0);
    let mut changes = Vec::new();
    for op in operations(&current_words, &target_words) {
        let length = |words: &[&str]| words.iter().map(|word| word.len()).sum::<usize>();
        let from = at..at + length(&current_words[op.old_range()]);
        let into = to..to + length(&target_words[op.new_range()]);
        (at, to) = (from.end, into.end);
        match op {
            DiffOp::Equal { len: 0, .. } => {}
            DiffOp::Equal { .. } => changes.push(Change::Keep { current: from, target: into }),
            _ => replace_middle(current, from, target, into, &mut changes),
        }
    }
    changes
}

/// Replaces a part of a text by another, without what they begin and end with in common.
fn replace_middle(current: &str, from: Range<usize>, target: &str, to: Range<usize>, changes: &mut Vec<Change>) {
    let (old, new) = (&current[from.clone()], &target[to.clone()]);
    let same = |(a, b): &(char, char)| a == b;
    let length = |same: &mut dyn Iterator<Item = (char, char)>| same.map(|(a, _)| a.len_utf8()).sum::<usize>();
    let head = length(&mut old.chars().zip(new.chars()).take_while(same));
    let tail = length(&mut old[head..].chars().rev().zip(new[head..].chars().rev()).take_while(same));
    let (from_tail, to_tail) = (from.end - tail, to.end - tail);
    let keep =
        |current: Range<usize>, target: Range<usize>| (!current.is_empty()).then_some(Change::Keep { current, target });
    let before = keep(from.start..from.start + head, to.start..to.start + head);
    let middle = Change::Replace { current: from.start + head..from_tail, target: to.start + head..to_tail };
    let after = keep(from_tail..from.end, to_tail..to.end);
    changes.extend(before.into_iter().chain([middle]).chain(after));
}
