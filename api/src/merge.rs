//! Merging texts line by line, when somebody else wrote since a caller read what it now replaces.

use similar::{Algorithm, DiffOp, capture_diff_slices};

/// More changed lines are not compared one by one, since that could take long: they count as one change.
const COMPARED_LINES_MAX: usize = 2_000;

/// What `theirs` became, with what the caller changed from `base` to `ours`. Where both changed the same lines, the
/// caller's hold.
#[must_use]
pub fn merge_lines(base: &str, ours: &str, theirs: &str) -> String {
    if base == theirs {
        return ours.to_owned();
    }
    let [base, ours, theirs] = [base, ours, theirs].map(|text| text.split('\n').collect::<Vec<_>>());
    let our_changes = changes(&base, &ours);
    let their_changes = changes(&base, &theirs);
    let mut merged: Vec<&str> = Vec::new();
    let mut at = 0;
    for change in settle(&our_changes, &their_changes) {
        merged.extend(&base[at..change.start]);
        merged.extend(change.lines);
        at = change.end;
    }
    merged.extend(&base[at..]);
    merged.join("\n")
}

/// The lines `start..end` of the base became `lines`.
#[derive(Debug, Clone, Copy)]
struct Change<'a> {
    start: usize,
    end: usize,
    lines: &'a [&'a str],
}

impl Change<'_> {
    /// Whether both change the same lines. Two insertions at one place do not: both are kept.
    fn collides_with(&self, other: &Change<'_>) -> bool {
        self.start < other.end && other.start < self.end
    }
}

fn changes<'a>(base: &[&str], changed: &'a [&'a str]) -> Vec<Change<'a>> {
    let before = base.iter().zip(changed).take_while(|(old, new)| old == new).count();
    let rest = base[before..].iter().rev().zip(changed[before..].iter().rev());
    let after = rest.take_while(|(old, new)| old == new).count();
    let (old, new) = (&base[before..base.len() - after], &changed[before..changed.len() - after]);
    if old.is_empty() && new.is_empty() {
        return Vec::new();
    }
    if old.len().max(new.len()) > COMPARED_LINES_MAX {
        return vec![Change { start: before, end: before + old.len(), lines: new }];
    }
    let change = |op: DiffOp| {
        let range = op.old_range();
        Change { start: before + range.start, end: before + range.end, lines: &new[op.new_range()] }
    };
    let ops = capture_diff_slices(Algorithm::Myers, old, new);
    ops.into_iter().filter(|op| !matches!(op, DiffOp::Equal { .. })).map(change).collect()
}

/// Ours and what of theirs does not collide with ours, in the order of the base.
fn settle<'a>(ours: &[Change<'a>], theirs: &[Change<'a>]) -> Vec<Change<'a>> {
    let mut settled: Vec<Change<'a>> = Vec::with_capacity(ours.len() + theirs.len());
    let mut ours = ours.iter().copied().peekable();
    let mut last: Option<Change<'a>> = None;
    for theirs in theirs {
        while let Some(our) = ours.next_if(|our| our.start < theirs.start) {
            settled.push(our);
            last = Some(our);
        }
        let collides = last.is_some_and(|our| our.collides_with(theirs))
            || ours.peek().is_some_and(|our| our.collides_with(theirs));
        let is_same =
            ours.peek().is_some_and(|our| (our.start, our.end, our.lines) == (theirs.start, theirs.end, theirs.lines));
        if !collides && !is_same {
            settled.push(*theirs);
        }
    }
    settled.extend(ours);
    settled
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "one\n\ntwo\n\nthree";

    #[test]
    fn changes_of_different_lines_are_both_kept() {
        assert_eq!(merge_lines(BASE, "ONE\n\ntwo\n\nthree", "one\n\ntwo\n\nTHREE"), "ONE\n\ntwo\n\nTHREE");
        assert_eq!(merge_lines(BASE, "one\n\ntwo\n\nTHREE", "ONE\n\ntwo\n\nthree"), "ONE\n\ntwo\n\nTHREE");
        assert_eq!(merge_lines(BASE, "one\n\nthree", "one\n\ntwo\n\nthree\n\nfour"), "one\n\nthree\n\nfour");
    }

    #[test]
    fn insertions_at_the_same_place_are_both_kept_and_the_same_one_once() {
        let merged = merge_lines(BASE, "one\n\ntwo\n\nthree\n\nours", "one\n\ntwo\n\nthree\n\ntheirs");
        assert!(merged.contains("ours") && merged.contains("theirs"), "{merged}");
        assert_eq!(merge_lines("a", "a\nb", "a\nb"), "a\nb");
    }

    #[test]
    fn where_both_changed_a_line_the_callers_holds() {
        assert_eq!(merge_lines(BASE, "one\n\nours\n\nthree", "one\n\ntheirs\n\nTHREE"), "one\n\nours\n\nTHREE");
        assert_eq!(merge_lines(BASE, "", "one\n\ntheirs\n\nthree"), "");
    }

    #[test]
    fn without_changes_of_one_side_the_other_holds() {
        assert_eq!(merge_lines(BASE, "new", BASE), "new");
        assert_eq!(merge_lines(BASE, BASE, "new\n"), "new\n");
        assert_eq!(merge_lines("", "ours", "theirs").lines().count(), 1);
    }

    #[test]
    fn long_texts_are_merged_without_comparing_every_line() {
        let lines = |word: &str| (0..200_000).map(|number| format!("{word} {number}")).collect::<Vec<_>>().join("\n");
        let (base, ours) = (format!("top\n{}\nend", lines("old")), format!("top\n{}\nend", lines("new")));
        let theirs = base.replace("top", "TOP");
        assert_eq!(merge_lines(&base, &ours, &theirs), ours.replace("top", "TOP"));
    }
}
