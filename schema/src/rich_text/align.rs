//! Which children stay, which become which, and which come and go.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::ops::Range;

use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::node::Node;
use super::text::words;

/// How many words or children are compared with one another, besides those with which both sides begin and end. Beyond,
/// what is between is taken as replaced.
const COMPARED_MAX: usize = 50_000;

/// Between two children that stay, the best pairs are looked for among so many combinations; beyond, in order.
const COMBINATIONS_MAX: usize = 4096;

/// How much of a child is looked at to tell how similar it is to another.
const COMPARED_WORDS_MAX: usize = 512;

/// A child as it is, with the forms in which it is what is wanted.
pub(super) struct Current {
    pub(super) node: Node,
    /// The same without what the tree of blocks cannot say, then without what Markdown cannot say.
    pub(super) forms: [Node; 2],
}

/// What happens to a child, in the order of the result. The numbers are indices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Keep,
    Edit { current: usize, target: usize },
    Insert { target: usize },
    Delete { current: usize },
}

/// The steps from the current children to the wanted ones.
pub(super) fn align(current: &[Current], target: &[Node]) -> Vec<Step> {
    let (current_ids, target_ids) = identities(current, target);
    let mut steps = Vec::new();
    let mut gap = (0..0, 0..0);
    for op in operations(&current_ids, &target_ids) {
        if let DiffOp::Equal { len, .. } = op {
            pair(current, target, &gap, &mut steps);
            steps.extend(std::iter::repeat_n(Step::Keep, len));
            gap = (op.old_range().end..op.old_range().end, op.new_range().end..op.new_range().end);
        } else {
            gap = (gap.0.start..op.old_range().end, gap.1.start..op.new_range().end);
        }
    }
    pair(current, target, &gap, &mut steps);
    steps
}

/// What stays, comes and goes from one sequence to another.
pub(super) fn operations<T: Eq + Hash>(current: &[T], target: &[T]) -> Vec<DiffOp> {
    let same = |(a, b): &(&T, &T)| a == b;
    let head = current.iter().zip(target).take_while(same).count();
    let tail = current[head..].iter().rev().zip(target[head..].iter().rev()).take_while(same).count();
    let (old_len, new_len) = (current.len() - head - tail, target.len() - head - tail);
    if old_len + new_len <= COMPARED_MAX {
        return capture_diff_slices(Algorithm::Myers, current, target);
    }
    let (old_index, new_index) = (head, head);
    vec![
        DiffOp::Equal { old_index: 0, new_index: 0, len: head },
        DiffOp::Replace { old_index, old_len, new_index, new_len },
        DiffOp::Equal { old_index: old_index + old_len, new_index: new_index + new_len, len: tail },
    ]
}

/// A number for each child: the same where the current child is what is wanted.
fn identities(current: &[Current], target: &[Node]) -> (Vec<usize>, Vec<usize>) {
    let mut known: HashMap<u64, Vec<usize>> = HashMap::new();
    let mut target_ids = Vec::with_capacity(target.len());
    for (index, node) in target.iter().enumerate() {
        let same_hash = known.entry(fingerprint(node)).or_default();
        let first = same_hash.iter().copied().find(|first| target[*first] == *node);
        target_ids.push(first.unwrap_or(index));
        if first.is_none() {
            same_hash.push(index);
        }
    }
    let find = |form: &Node| known.get(&fingerprint(form))?.iter().copied().find(|first| target[*first] == *form);
    let current_ids = current.iter().enumerate();
    let current_ids =
        current_ids.map(|(index, child)| child.forms.iter().find_map(find).unwrap_or(target.len() + index));
    (current_ids.collect(), target_ids)
}

/// Equal nodes have the same; attributes are left out, for they have no order.
fn fingerprint(node: &Node) -> u64 {
    fn add(node: &Node, hasher: &mut DefaultHasher) {
        node.name().hash(hasher);
        if let Node::Text(runs) = node {
            for run in runs {
                run.text.hash(hasher);
            }
        }
        node.children().len().hash(hasher);
        for child in node.children() {
            add(child, hasher);
        }
    }
    let mut hasher = DefaultHasher::new();
    add(node, &mut hasher);
    hasher.finish()
}

type Gap = (Range<usize>, Range<usize>);

/// Adds the steps for children of which none is what is wanted: the most similar are edited into one another.
fn pair(current: &[Current], target: &[Node], gap: &Gap, steps: &mut Vec<Step>) {
    let pairs = match gap.0.len() * gap.1.len() {
        0 => Vec::new(),
        combinations if combinations <= COMBINATIONS_MAX => best_pairs(current, target, gap),
        _ => pairs_in_order(current, target, gap),
    };
    let (mut next_current, mut next_target) = (gap.0.start, gap.1.start);
    for (at, wanted) in pairs.into_iter().chain([(gap.0.end, gap.1.end)]) {
        steps.extend((next_target..wanted).map(|target| Step::Insert { target }));
        steps.extend((next_current..at).map(|current| Step::Delete { current }));
        if at < gap.0.end {
            steps.push(Step::Edit { current: at, target: wanted });
        }
        (next_current, next_target) = (at + 1, wanted + 1);
    }
}

fn pairs_in_order(current: &[Current], target: &[Node], gap: &Gap) -> Vec<(usize, usize)> {
    let pairs = gap.0.clone().zip(gap.1.clone());
    pairs.filter(|(at, wanted)| can_become(&current[*at], &target[*wanted])).collect()
}

/// The pairs, in both orders ascending, that are together the most similar.
fn best_pairs(current: &[Current], target: &[Node], gap: &Gap) -> Vec<(usize, usize)> {
    let current_bags: Vec<_> = current[gap.0.clone()].iter().map(|child| Bag::of(&child.forms[0])).collect();
    let target_bags: Vec<_> = target[gap.1.clone()].iter().map(Bag::of).collect();
    let similarity = |at: usize, wanted: usize| {
        can_become(&current[gap.0.start + at], &target[gap.1.start + wanted])
            .then(|| current_bags[at].similarity(&target_bags[wanted]))
    };
    let (rows, columns) = (current_bags.len(), target_bags.len());
    // best[at][wanted] is what can be had from the children from `at` and from `wanted` on.
    let mut best = vec![vec![0; columns + 1]; rows + 1];
    let mut taken = vec![vec![None; columns]; rows];
    for at in (0..rows).rev() {
        for wanted in (0..columns).rev() {
            taken[at][wanted] = similarity(at, wanted);
            let with = taken[at][wanted].map_or(0, |similarity| similarity + best[at + 1][wanted + 1]);
            best[at][wanted] = with.max(best[at + 1][wanted]).max(best[at][wanted + 1]);
        }
    }
    let mut pairs = Vec::new();
    let (mut at, mut wanted) = (0, 0);
    while at < rows && wanted < columns {
        let with = taken[at][wanted].map_or(0, |similarity| similarity + best[at + 1][wanted + 1]);
        if with > 0 && with == best[at][wanted] {
            pairs.push((gap.0.start + at, gap.1.start + wanted));
            (at, wanted) = (at + 1, wanted + 1);
        } else if best[at + 1][wanted] == best[at][wanted] {
            at += 1;
        } else {
            wanted += 1;
        }
    }
    pairs
}

/// Whether a child can be edited into another: an element's name is for ever.
fn can_become(current: &Current, target: &Node) -> bool {
    let is_cell = |node: &Node| matches!(node.name(), "tableCell" | "tableHeader");
    let is_same_cell = || is_cell(&current.node) && current.forms.iter().any(|form| form.name() == target.name());
    match (&current.node, target) {
        (Node::Text(_), Node::Text(_)) => true,
        (Node::Element(_), Node::Element(_)) => current.node.name() == target.name() || is_same_cell(),
        _ => false,
    }
}

/// How often each word stands in a node.
struct Bag {
    counts: HashMap<u64, usize>,
    total: usize,
}

impl Bag {
    fn of(node: &Node) -> Self {
        let mut bag = Self { counts: HashMap::new(), total: 0 };
        bag.add(node);
        bag
    }

    fn add(&mut self, node: &Node) {
        if let Node::Text(runs) = node {
            for word in runs.iter().flat_map(|run| words(&run.text)).filter(|word| !word.trim().is_empty()) {
                if self.total == COMPARED_WORDS_MAX {
                    return;
                }
                let mut hasher = DefaultHasher::new();
                word.hash(&mut hasher);
                *self.counts.entry(hasher.finish()).or_default() += 1;
                self.total += 1;
            }
        }
        for child in node.children() {
            self.add(child);
        }
    }

    /// From 1 for nothing in common to 1001 for the same words.
    fn similarity(&self, other: &Self) -> usize {
        let common =
            self.counts.iter().map(|(word, count)| other.counts.get(word).map_or(0, |in_other| *in_other.min(count)));
        let total = (self.total + other.total).max(1);
        1 + 2000 * common.sum::<usize>() / total
    }
}
