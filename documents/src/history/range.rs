//! Parts of texts.

use std::ops::Range;

use super::TextHistory;

impl TextHistory {
    /// What lies between two offsets: UTF-16 code units, counted through the spans of all blocks. A character that is half
    /// inside is inside.
    #[must_use]
    pub fn within(mut self, range: &Range<u64>) -> Self {
        let mut at = 0;
        self.blocks.retain_mut(|block| {
            let is_empty_inside = block.spans.is_empty() && range.contains(&at);
            block.spans.retain_mut(|span| {
                at = cut(&mut span.text, at, range);
                !span.text.is_empty()
            });
            is_empty_inside || !block.spans.is_empty()
        });
        self
    }
}

/// Leaves of a text that begins at an offset what lies inside, and returns where it ended.
fn cut(text: &mut String, start: u64, range: &Range<u64>) -> u64 {
    let mut at = start;
    text.retain(|character| {
        let begin = at;
        at += character.len_utf16() as u64;
        begin < range.end && at > range.start
    });
    at
}

#[cfg(test)]
mod tests {
    use super::super::{Block, Change, Span};
    use super::*;

    fn text(blocks: &[&[&str]]) -> TextHistory {
        let span =
            |text: &&str| Span { text: (*text).to_owned(), change: Change::Inserted, inserted: None, deleted: None };
        let block = |spans: &&[&str]| Block {
            path: Vec::new(),
            attributes: Vec::new(),
            change: Change::Inserted,
            spans: spans.iter().map(span).collect(),
        };
        TextHistory { part: "body".to_owned(), blocks: blocks.iter().map(block).collect() }
    }

    #[test]
    fn a_range_is_what_lies_between_two_offsets() {
        let whole: &[&[&str]] = &[&["ab", "c👋"], &[], &["d"], &["ef"]];
        let expect = |range: Range<u64>, expected: &[&[&str]]| {
            assert_eq!(text(whole).within(&range), text(expected), "{range:?}");
        };
        expect(0..8, whole);
        expect(1..3, &[&["b", "c"]]);
        expect(4..5, &[&["👋"]]);
        expect(2..6, &[&["c👋"], &[], &["d"]]);
        expect(6..7, &[&["e"]]);
        expect(8..20, &[]);
    }
}
