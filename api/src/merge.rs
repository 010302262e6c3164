//! Merging texts, when somebody else wrote since a caller read what it now replaces: line by line, and word by word where
//! both changed the same lines.

use std::ops::Range;

use similar::{Algorithm, DiffOp, capture_diff_slices};

/// More changed lines or words are not compared one by one, since that could take long: they count as one change.
const COMPARED_MAX: usize = 2_000;

/// What `theirs` became, with what the caller changed from `base` to `ours`. Where both changed the same words, the
/// caller's hold.
#[must_use]
pub fn merge_texts(base: &str, ours: &str, theirs: &str) -> String {
    if base == theirs {
        return ours.to_owned();
    }
    let mut merged = String::new();
    let [base, ours, theirs] = [base, ours, theirs].map(|text| text.split_inclusive('\n').collect::<Vec<_>>());
    merge(&base, &ours, &theirs, &mut merged, &|base, ours, theirs, merged| {
        let [base, ours, theirs] = [base, ours, theirs].map(words);
        merge(&base, &ours, &theirs, merged, &|_, ours, _, merged| merged.extend(ours.iter().copied()));
    });
    merged
}

/// The words of lines, and what is between them, a character at a time.
fn words<'a>(lines: &[&'a str]) -> Vec<&'a str> {
    let mut words = Vec::new();
    for line in lines {
        let mut rest = *line;
        while let Some(first) = rest.chars().next() {
            let word = rest.find(|char: char| !char.is_alphanumeric()).unwrap_or(rest.len());
            let (head, tail) = rest.split_at(word.max(first.len_utf8()));
            words.push(head);
            rest = tail;
        }
    }
    words
}

/// What a part of the base, ours and theirs are to become, at the end of what is merged.
type Settle<'s> = &'s dyn Fn(&[&str], &[&str], &[&str], &mut String);

fn merge(base: &[&str], ours: &[&str], theirs: &[&str], merged: &mut String, settle: Settle<'_>) {
    let mut at = 0;
    for part in changed_parts(&changes(base, ours), &changes(base, theirs)) {
        merged.extend(base[at..part.range.start].iter().copied());
        at = part.range.end;
        let [ours, theirs] = [&part.ours, &part.theirs].map(|changes| applied(base, &part.range, changes));
        match (part.ours.is_empty(), part.theirs.is_empty()) {
            (false, false) if ours != theirs => settle(&base[part.range], &ours, &theirs, merged),
            (true, _) => merged.extend(theirs),
            _ => merged.extend(ours),
        }
    }
    merged.extend(base[at..].iter().copied());
}

/// The tokens `range` of the base became `tokens`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Change<'a> {
    range: Range<usize>,
    tokens: &'a [&'a str],
}

fn changes<'a>(base: &[&str], changed: &'a [&'a str]) -> Vec<Change<'a>> {
    let before = base.iter().zip(changed).take_while(|(old, new)| old == new).count();
    let rest = base[before..].iter().rev().zip(changed[before..].iter().rev());
    let after = rest.take_while(|(old, new)| old == new).count();
    let (old, new) = (&base[before..base.len() - after], &changed[before..changed.len() - after]);
    if old.is_empty() && new.is_empty() {
        return Vec::new();
    }
    if old.len().max(new.len()) > COMPARED_MAX {
        return vec![Change { range: before..before + old.len(), tokens: new }];
    }
    let change = |op: DiffOp| {
        let range = op.old_range();
        Change { range: before + range.start..before + range.end, tokens: &new[op.new_range()] }
    };
    let ops = capture_diff_slices(Algorithm::Myers, old, new);
    ops.into_iter().filter(|op| !matches!(op, DiffOp::Equal { .. })).map(change).collect()
}

/// A part of the base in which one side has changed something, or both the same tokens.
#[derive(Debug, Default)]
struct ChangedPart<'a> {
    range: Range<usize>,
    ours: Vec<Change<'a>>,
    theirs: Vec<Change<'a>>,
}

/// The parts that were changed, in order, none of which overlaps another. Of two insertions at one place, theirs is first.
fn changed_parts<'a>(ours: &[Change<'a>], theirs: &[Change<'a>]) -> Vec<ChangedPart<'a>> {
    let mut parts: Vec<ChangedPart<'a>> = Vec::new();
    let (mut ours, mut theirs) = (ours.iter().peekable(), theirs.iter().peekable());
    let place = |change: &&Change<'a>| (change.range.start, change.range.end);
    loop {
        let our_turn = match (ours.peek().map(place), theirs.peek().map(place)) {
            (None, None) => return parts,
            (Some(our), Some(their)) => our < their,
            (our, _) => our.is_some(),
        };
        let Some(change) = (if our_turn { ours.next() } else { theirs.next() }) else { return parts };
        let joins = parts.last().is_some_and(|part| {
            let overlaps = change.range.start < part.range.end && part.range.start < change.range.end;
            overlaps || (our_turn && part.theirs == [change.clone()])
        });
        if !joins {
            parts.push(ChangedPart { range: change.range.clone(), ..ChangedPart::default() });
        }
        if let Some(part) = parts.last_mut() {
            part.range.end = part.range.end.max(change.range.end);
            if our_turn { &mut part.ours } else { &mut part.theirs }.push(change.clone());
        }
    }
}

/// What a part of the base is with changes of it.
fn applied<'a>(base: &[&'a str], part: &Range<usize>, changes: &[Change<'a>]) -> Vec<&'a str> {
    let (mut tokens, mut at) = (Vec::new(), part.start);
    for Change { range, tokens: new } in changes {
        tokens.extend(&base[at..range.start]);
        tokens.extend(*new);
        at = range.end;
    }
    tokens.extend(&base[at..part.end]);
    tokens
}

#[cfg(test)]
mod tests {
    use platform::random::Random;

    use super::*;

    const BASE: &str = "one\n\ntwo\n\nthree";

    #[test]
    fn changes_of_different_lines_are_both_kept() {
        assert_eq!(merge_texts(BASE, "ONE\n\ntwo\n\nthree", "one\n\ntwo\n\nTHREE"), "ONE\n\ntwo\n\nTHREE");
        assert_eq!(merge_texts(BASE, "one\n\ntwo\n\nTHREE", "ONE\n\ntwo\n\nthree"), "ONE\n\ntwo\n\nTHREE");
        assert_eq!(merge_texts(BASE, "one\n\nthree", "one\n\ntwo\n\nthree\n\nfour"), "one\n\nthree\n\nfour");
    }

    #[test]
    fn insertions_at_the_same_place_are_both_kept_and_the_same_one_once() {
        let merged = merge_texts(BASE, "one\n\ntwo\n\nthree\n\nours", "one\n\ntwo\n\nthree\n\ntheirs");
        assert!(merged.contains("ours") && merged.contains("theirs"), "{merged}");
        assert_eq!(merge_texts("a", "a\nb", "a\nb"), "a\nb");
    }

    #[test]
    fn changes_of_different_words_of_a_line_are_both_kept() {
        assert_eq!(merge_texts("Buy milk.", "Buy milk. And eggs.", "Please buy milk."), "Please buy milk. And eggs.");
        assert_eq!(merge_texts("Buy milk.", "Buy 2 l milk.", "XYBuy milk!"), "XYBuy 2 l milk!");
        assert_eq!(merge_texts("a b c\nd", "a c\nd", "a b c!\nD"), "a c!\nD");
        assert_eq!(merge_texts("für dich", "für euch", "nur für dich"), "nur für euch");
    }

    #[test]
    fn an_insertion_before_something_that_is_changed_is_kept() {
        assert_eq!(merge_texts("a\nb", "x\na\nb", "A\nb"), "x\nA\nb");
        assert_eq!(merge_texts("a\nb", "A\nb", "x\na\nb"), "x\nA\nb");
    }

    #[test]
    fn any_texts_can_be_merged() {
        let random = Random::from_seed(3);
        for _ in 0..20_000 {
            let text = || {
                let letter = |_| ['a', 'b', ' ', '\n', 'é'][usize::try_from(random.below(5)).unwrap()];
                (0..random.below(9)).map(letter).collect::<String>()
            };
            let (base, ours, theirs) = (text(), text(), text());
            assert_eq!(merge_texts(&base, &ours, &base), ours);
            assert_eq!(merge_texts(&base, &base, &theirs), theirs);
            assert_eq!(merge_texts(&base, &ours, &ours), ours);
            let merged = merge_texts(&base, &ours, &theirs);
            assert!(merged.len() <= base.len() + ours.len() + theirs.len());
        }
    }

    #[test]
    fn where_both_changed_a_word_the_callers_holds() {
        assert_eq!(merge_texts(BASE, "one\n\nours\n\nthree", "one\n\ntheirs\n\nTHREE"), "one\n\nours\n\nTHREE");
        assert_eq!(merge_texts(BASE, "", "one\n\ntheirs\n\nthree"), "");
    }

    #[test]
    fn without_changes_of_one_side_the_other_holds() {
        assert_eq!(merge_texts(BASE, "new", BASE), "new");
        assert_eq!(merge_texts(BASE, BASE, "new\n"), "new\n");
    }

    #[test]
    fn long_texts_are_merged_without_comparing_every_line() {
        let lines = |word: &str| (0..200_000).map(|number| format!("{word} {number}")).collect::<Vec<_>>().join("\n");
        let (base, ours) = (format!("top\n{}\nend", lines("old")), format!("top\n{}\nend", lines("new")));
        let theirs = base.replace("top", "TOP");
        assert_eq!(merge_texts(&base, &ours, &theirs), ours.replace("top", "TOP"));
    }
}
