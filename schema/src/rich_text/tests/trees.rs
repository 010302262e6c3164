//! Trees of blocks, with the words that Markdown is most likely to misread.

use std::collections::BTreeSet;

use proptest::collection::{btree_set, vec};
use proptest::option;
use proptest::prelude::*;

use super::super::*;

pub(super) fn any_blocks() -> impl Strategy<Value = Vec<Block>> {
    let leaf = prop_oneof![
        6 => any_inlines().prop_map(Block::Paragraph),
        2 => (0..8u8, any_inlines()).prop_map(|(level, content)| Block::Heading { level, content }),
        1 => (option::of(any_words()), vec(any_words(), 0..4)).prop_map(|(language, lines)| Block::CodeBlock {
            language,
            text: lines.join("\n"),
        }),
        1 => Just(Block::HorizontalRule),
        1 => any_image().prop_map(Block::Image),
    ];
    let block = leaf.prop_recursive(3, 24, 4, |block| {
        let content = || vec(block.clone(), 0..4);
        prop_oneof![
            vec(content(), 0..4).prop_map(Block::BulletList),
            (0..20_u32, vec(content(), 0..4)).prop_map(|(start, items)| Block::OrderedList { start, items }),
            vec((any_state(), content()).prop_map(|(state, content)| TaskItem { state, content }), 0..4)
                .prop_map(Block::TaskList),
            content().prop_map(Block::Blockquote),
            vec(vec(any_cell(content()), 0..3), 0..3).prop_map(Block::Table),
        ]
    });
    vec(block, 0..5)
}

fn any_state() -> impl Strategy<Value = TaskState> {
    prop_oneof![Just(TaskState::Open), Just(TaskState::Done)]
}

fn any_cell(content: impl Strategy<Value = Vec<Block>>) -> impl Strategy<Value = TableCell> {
    let kind = prop_oneof![Just(CellKind::Header), Just(CellKind::Data)];
    let align = option::of(prop_oneof![Just(Align::Left), Just(Align::Center), Just(Align::Right)]);
    (kind, align, content).prop_map(|(kind, align, content)| TableCell { kind, align, content })
}

fn any_image() -> impl Strategy<Value = Image> {
    (any_words(), any_words(), any_words()).prop_map(|(src, alt, title)| Image { src, alt, title })
}

pub(super) fn any_inlines() -> impl Strategy<Value = Vec<Inline>> {
    let piece = prop_oneof![
        8 => (any_words(), any_marks()).prop_map(|(text, marks)| Inline::Text { text, marks }),
        1 => Just(Inline::HardBreak),
    ];
    vec(piece, 0..6)
}

fn any_marks() -> impl Strategy<Value = BTreeSet<Mark>> {
    let mark = prop_oneof![
        2 => Just(Mark::Bold),
        2 => Just(Mark::Italic),
        1 => Just(Mark::Strike),
        1 => Just(Mark::Underline),
        1 => Just(Mark::Code),
        1 => prop_oneof![Just("u".to_owned()), any_words()].prop_map(|href| Mark::Link { href, title: String::new() }),
        1 => any_words().prop_map(|title| Mark::Link { href: "https://a.example/?a=1&copy;".to_owned(), title }),
    ];
    btree_set(mark, 0..4)
}

fn any_words() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        8 => "[a-c]{1,3}",
        3 => Just(" ".to_owned()),
        3 => "[-+*_~`#>=|:.!<&;\\[\\]()\\\\{}\"'^$/@0-9]{1,3}",
        1 => prop::sample::select(vec![
            "  ", "\n", "\t", "\r", "\u{0}", "\u{a0}", "😀", "é", "“", "1.", "- ", "# ", "> ", "[ ] ", "[x]", "&amp;",
            "<br>", "<u>", "</u>", "<!-- -->", "***", "---", "```", "~~~", "![", "](", "[a]: b", "https://a.b", "\u{2028}",
            "\u{b}", "\u{fffc}", "\u{301}", "<div>", "| --- |", "www.a.b",
        ])
        .prop_map(ToOwned::to_owned),
    ];
    vec(word, 0..5).prop_map(|words| words.concat())
}
