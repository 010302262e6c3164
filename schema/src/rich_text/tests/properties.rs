//! What holds for all trees and texts.

use proptest::prelude::*;

use super::trees::{any_blocks, any_inlines};
use super::*;
use crate::rich_text::markdown::{normalized, parse, render};

/// Without the blank lines, which an edit leaves where they are.
fn without_blank_lines(blocks: &[Block]) -> Vec<Block> {
    normalized(blocks)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_rendered_parses_to_the_same(blocks in any_blocks()) {
        let markdown = render(&blocks);
        prop_assert_eq!(parse(&markdown), normalized(&blocks), "{}", markdown);
    }

    #[test]
    fn what_is_rendered_parses_to_the_same_words(content in any_inlines()) {
        let blocks = [Block::Paragraph(content)];
        let markdown = render(&blocks);
        prop_assert_eq!(parse(&markdown), normalized(&blocks), "{}", markdown);
    }

    #[test]
    fn normalizing_twice_is_normalizing_once(blocks in any_blocks()) {
        let once = normalized(&blocks);
        prop_assert_eq!(normalized(&once), once);
    }

    #[test]
    fn any_text_is_markdown(markdown in "[-+*_~`#>=|:.!<&;\\[\\]()\\\\ \na1]{0,60}") {
        let blocks = parse(&markdown);
        prop_assert_eq!(&normalized(&blocks), &blocks);
        let again = render(&blocks);
        prop_assert_eq!(parse(&again), blocks, "{}", again);
    }

    #[test]
    fn what_is_applied_is_read(before in any_blocks(), after in any_blocks()) {
        let doc = new_doc(ClientID::new(1));
        write_blocks(&doc, &before);
        write_blocks(&doc, &after);
        let written = state(&doc);
        prop_assert_eq!(without_blank_lines(&blocks(&doc)), without_blank_lines(&after));
        write_blocks(&doc, &after);
        write_blocks(&doc, &blocks(&doc));
        write(&doc, &super::written(&doc));
        prop_assert_eq!(state(&doc), written, "an edit to what is there already is none");
    }
}
