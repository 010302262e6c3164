//! Finds what stays, changes, goes and comes between an old and a new sequence.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::ops::Range;

use similar::{Algorithm, DiffOp, capture_diff_slices};

/// Beyond this many items to compare, only the common beginning and end are looked for.
const COMPARED_MAX: usize = 8_000;

/// The most pairs of changed blocks that are compared by their words.
const PAIRS_MAX: usize = 10_000;

/// What happens to an old child, or between two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// The old child stays as it is.
    Keep,
    /// The old child is to read as the new item of this index.
    Update(usize),
    /// The old child goes.
    Delete,
    /// The new item of this index comes.
    Insert(usize),
}

/// An old child: the items that it reads as, and whether it may be left alone or reused when they are none.
#[derive(Debug)]
pub(super) struct OldChild<T> {
    pub(super) items: Vec<T>,
    /// An empty paragraph, say: nothing is lost when it becomes another's place.
    pub(super) is_blank: bool,
}

/// How alike an old and a new item are: `None` if one cannot become the other, else 0 to 100.
pub(super) type Likeness<'a, T> = &'a dyn Fn(&T, &T) -> Option<u32>;

/// Steps in the order of the result. Every old child has one of `Keep`, `Update`, `Delete`; every new item that no
/// kept child reads as has one of `Update`, `Insert`.
pub(super) fn align<T: Hash + Eq>(old: &[OldChild<T>], new: &[T], blank: &T, likeness: Likeness<T>) -> Vec<Step> {
    let mut steps = Vec::new();
    let (mut old_done, mut new_done) = (0, 0);
    for anchor in anchors(old, new) {
        gap(old, old_done..anchor.old, new, new_done..anchor.new.start, blank, likeness, &mut steps);
        steps.push(Step::Keep);
        (old_done, new_done) = (anchor.old + 1, anchor.new.end);
    }
    gap(old, old_done..old.len(), new, new_done..new.len(), blank, likeness, &mut steps);
    steps
}

/// An old child that reads as a run of new items already.
struct Anchor {
    old: usize,
    new: Range<usize>,
}

fn anchors<T: Hash + Eq>(old: &[OldChild<T>], new: &[T]) -> Vec<Anchor> {
    let flat: Vec<&T> = old.iter().flat_map(|child| &child.items).collect();
    let matched = matches(&flat, &new.iter().collect::<Vec<_>>());
    let mut anchors = Vec::new();
    let mut place = 0;
    for (index, child) in old.iter().enumerate() {
        let end = place + child.items.len();
        if let Some(first) = matched[place..end].first().copied().flatten() {
            let is_run = (place..end).enumerate().all(|(offset, item)| matched[item] == Some(first + offset));
            if is_run {
                anchors.push(Anchor { old: index, new: first..first + child.items.len() });
            }
        }
        place = end;
    }
    anchors
}

/// For each old item the new one that it equals, in one order on both sides.
fn matches<T: Hash + Eq>(old: &[T], new: &[T]) -> Vec<Option<usize>> {
    let mut matched = vec![None; old.len()];
    for op in diff(old, new) {
        if let DiffOp::Equal { old_index, new_index, len } = op {
            for offset in 0..len {
                matched[old_index + offset] = Some(new_index + offset);
            }
        }
    }
    matched
}

/// The differences between two sequences, at bounded cost.
pub(super) fn diff<T: Hash + Eq>(old: &[T], new: &[T]) -> Vec<DiffOp> {
    let start = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    let rest = old.len().min(new.len()) - start;
    let end = old.iter().rev().zip(new.iter().rev()).take(rest).take_while(|(old, new)| old == new).count();
    let (old_middle, new_middle) = (&old[start..old.len() - end], &new[start..new.len() - end]);
    let mut ops = vec![DiffOp::Equal { old_index: 0, new_index: 0, len: start }];
    if old_middle.len() + new_middle.len() <= COMPARED_MAX {
        let (old_numbers, new_numbers) = numbered(old_middle, new_middle);
        let mut middle = capture_diff_slices(Algorithm::Patience, &old_numbers, &new_numbers);
        middle.iter_mut().for_each(|op| *op = shifted(op, start));
        ops.extend(middle);
    } else {
        let (old_len, new_len) = (old_middle.len(), new_middle.len());
        ops.push(DiffOp::Replace { old_index: start, old_len, new_index: start, new_len });
    }
    ops.push(DiffOp::Equal { old_index: old.len() - end, new_index: new.len() - end, len: end });
    ops
}

/// Equal items become equal numbers, so that comparing them is cheap.
fn numbered<'a, T: Hash + Eq>(old: &'a [T], new: &'a [T]) -> (Vec<usize>, Vec<usize>) {
    let mut numbers: HashMap<&'a T, usize> = HashMap::new();
    let mut number = |item: &'a T| {
        let next = numbers.len();
        *numbers.entry(item).or_insert(next)
    };
    (old.iter().map(&mut number).collect(), new.iter().map(&mut number).collect())
}

fn shifted(op: &DiffOp, by: usize) -> DiffOp {
    match *op {
        DiffOp::Equal { old_index, new_index, len } => {
            DiffOp::Equal { old_index: old_index + by, new_index: new_index + by, len }
        }
        DiffOp::Delete { old_index, old_len, new_index } => {
            DiffOp::Delete { old_index: old_index + by, old_len, new_index: new_index + by }
        }
        DiffOp::Insert { old_index, new_index, new_len } => {
            DiffOp::Insert { old_index: old_index + by, new_index: new_index + by, new_len }
        }
        DiffOp::Replace { old_index, old_len, new_index, new_len } => {
            DiffOp::Replace { old_index: old_index + by, old_len, new_index: new_index + by, new_len }
        }
    }
}

/// Between two kept children: pairs what is alike, in order; the rest goes and comes.
fn gap<T>(
    old: &[OldChild<T>],
    old_range: Range<usize>,
    new: &[T],
    new_range: Range<usize>,
    blank: &T,
    likeness: Likeness<T>,
    steps: &mut Vec<Step>,
) {
    let score = |old_index: usize, new_index: usize| match &old[old_index] {
        OldChild { items, is_blank: true } if items.is_empty() => likeness(blank, &new[new_index]).map(|_| 0),
        OldChild { items, .. } => match items.as_slice() {
            [item] => likeness(item, &new[new_index]),
            _ => None,
        },
    };
    let mut next_new = new_range.start;
    let pairs = pair(old_range.clone(), new_range.clone(), &score);
    for index in old_range {
        match pairs.get(&index) {
            Some(&partner) => {
                steps.extend((next_new..partner).map(Step::Insert));
                steps.push(Step::Update(partner));
                next_new = partner + 1;
            }
            // What reads as nothing is not in the way.
            None if old[index].items.is_empty() => steps.push(Step::Keep),
            None => steps.push(Step::Delete),
        }
    }
    steps.extend((next_new..new_range.end).map(Step::Insert));
}

/// The pairing in order that is worth most: one point for a pair, more for its likeness.
fn pair(old: Range<usize>, new: Range<usize>, score: &dyn Fn(usize, usize) -> Option<u32>) -> HashMap<usize, usize> {
    if old.len() * new.len() > PAIRS_MAX {
        return old.zip(new).filter(|(old, new)| score(*old, *new).is_some()).collect();
    }
    let width = new.len() + 1;
    let worth = |old: usize, new: usize| score(old, new).map(|likeness| likeness + 1);
    let worths: Vec<Option<u32>> =
        old.clone().flat_map(|old| new.clone().map(move |new| (old, new))).map(|(old, new)| worth(old, new)).collect();
    let worth = |row: usize, column: usize| worths[row * new.len() + column];
    let mut best = vec![0_u32; (old.len() + 1) * width];
    for row in (0..old.len()).rev() {
        for column in (0..new.len()).rev() {
            let skip = best[(row + 1) * width + column].max(best[row * width + column + 1]);
            let take = worth(row, column).map_or(0, |worth| worth + best[(row + 1) * width + column + 1]);
            best[row * width + column] = skip.max(take);
        }
    }
    let mut pairs = HashMap::new();
    let (mut row, mut column) = (0, 0);
    while row < old.len() && column < new.len() {
        let here = best[row * width + column];
        let take = worth(row, column).map(|worth| worth + best[(row + 1) * width + column + 1]);
        if take == Some(here) {
            pairs.insert(old.start + row, new.start + column);
            (row, column) = (row + 1, column + 1);
        } else if here == best[(row + 1) * width + column] {
            row += 1;
        } else {
            column += 1;
        }
    }
    pairs
}

/// How many of the words of two texts are common, 0 to 100.
pub(super) fn word_likeness(old: &str, new: &str) -> u32 {
    let words = |text| -> BTreeSet<String> { str::split_whitespace(text).map(str::to_owned).collect() };
    let (old, new) = (words(old), words(new));
    let most = old.len().max(new.len()).max(1);
    let common = old.intersection(&new).count();
    u32::try_from(common * 100 / most).unwrap_or(100)
}
