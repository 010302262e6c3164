use proptest::prelude::*;

use super::*;
use crate::rich_text::normalize;
use crate::rich_text::tree::{Block, Image, Inline, Mark, Marks, TaskItem};

fn text(text: &str, marks: &[Mark]) -> Inline {
    Inline::Text { text: text.into(), marks: marks.iter().cloned().collect() }
}

fn paragraph(text: &str) -> Block {
    Block::Paragraph(vec![Inline::plain(text)])
}

fn link(href: &str) -> Mark {
    Mark::Link { href: href.into(), title: None }
}

#[test]
fn each_kind_of_block_has_its_usual_markdown() {
    let cases = [
        ("# Title", vec![Block::Heading { level: 1, content: vec![Inline::plain("Title")] }]),
        ("one\n\ntwo", vec![paragraph("one"), paragraph("two")]),
        ("- a\n- b", vec![Block::BulletList(vec![vec![paragraph("a")], vec![paragraph("b")]])]),
        (
            "- a\n  - b\n- c",
            vec![Block::BulletList(vec![
                vec![paragraph("a"), Block::BulletList(vec![vec![paragraph("b")]])],
                vec![paragraph("c")],
            ])],
        ),
        ("3. a\n4. b", vec![Block::OrderedList { start: 3, items: vec![vec![paragraph("a")], vec![paragraph("b")]] }]),
        (
            "- [x] done\n- [ ] open",
            vec![Block::TaskList(vec![
                TaskItem { checked: true, blocks: vec![paragraph("done")] },
                TaskItem { checked: false, blocks: vec![paragraph("open")] },
            ])],
        ),
        ("> quoted\n>\n> twice", vec![Block::Blockquote(vec![paragraph("quoted"), paragraph("twice")])]),
        ("```js\nlet x\n```", vec![Block::CodeBlock { language: Some("js".into()), text: "let x".into() }]),
        ("---", vec![Block::HorizontalRule]),
        (
            "![An image](a.png \"T\")",
            vec![Block::Image(Image { src: "a.png".into(), alt: Some("An image".into()), title: Some("T".into()) })],
        ),
        (
            "| a | b |\n| --- | --- |\n| 1 | 2 |",
            vec![Block::Table(vec![
                vec![vec![Inline::plain("a")], vec![Inline::plain("b")]],
                vec![vec![Inline::plain("1")], vec![Inline::plain("2")]],
            ])],
        ),
    ];
    for (markdown, blocks) in cases {
        assert_eq!(render(&blocks), markdown);
        assert_eq!(parse(markdown), blocks, "{markdown}");
    }
}

#[test]
fn each_mark_has_its_usual_markdown() {
    use Mark::{Bold, Code, Italic, Strike, Underline};
    let cases = [
        ("**bold**", vec![text("bold", &[Bold])]),
        ("*italic*", vec![text("italic", &[Italic])]),
        ("~~struck~~", vec![text("struck", &[Strike])]),
        ("<u>under</u>", vec![text("under", &[Underline])]),
        ("`code`", vec![text("code", &[Code])]),
        ("[text](https://example.org/)", vec![text("text", &[link("https://example.org/")])]),
        (
            "a **b *c* d** e",
            vec![
                text("a ", &[]),
                text("b ", &[Bold]),
                text("c", &[Bold, Italic]),
                text(" d", &[Bold]),
                text(" e", &[]),
            ],
        ),
        ("one\\\ntwo", vec![text("one", &[]), Inline::HardBreak, text("two", &[])]),
        ("**one\\\ntwo**", vec![text("one", &[Bold]), Inline::HardBreak, text("two", &[Bold])]),
    ];
    for (markdown, content) in cases {
        let blocks = [Block::Paragraph(content)];
        assert_eq!(render(&blocks), markdown);
        assert_eq!(parse(markdown), blocks, "{markdown}");
    }
}

#[test]
fn marks_where_delimiters_cannot_stand_become_tags() {
    let blocks = [Block::Paragraph(vec![text("a", &[]), text("\"b\"", &[Mark::Bold]), text("c", &[])])];
    assert_eq!(render(&blocks), "a<strong>\"b\"</strong>c");
    assert_eq!(parse("a<strong>\"b\"</strong>c"), blocks);
}

#[test]
fn text_that_looks_like_markup_stays_text() {
    let texts = [
        "# no heading",
        "- no list",
        "+ no list",
        "* no list",
        "1. no list",
        "1) no list",
        "> no quote",
        "---",
        "===",
        "```",
        "~~~",
        "`code`",
        "**bold**",
        "_it_",
        "snake_case_name",
        "[a](b)",
        "![a](b)",
        "<b>bold</b>",
        "<https://a.b>",
        "&amp;",
        "&#35;",
        "AT&T & co",
        "a | b",
        "\\",
        "\\*",
        "[ ] no task",
        "[x]",
        "<!-- no -->",
        "2 * 3 * 4",
        "~5",
        "Vec<T>",
        "a\\",
        "trailing #",
        "!",
        "1.5",
        "-5",
        "http://example.org/a_b_c",
        "::",
        "C#",
        "$x$",
        "a  b",
    ];
    for text in texts {
        let blocks = [paragraph(text), Block::BulletList(vec![vec![paragraph(text)]])];
        assert_eq!(parse(&render(&blocks)), blocks, "{}", render(&blocks));
        let heading = [Block::Heading { level: 2, content: vec![Inline::plain(text)] }];
        assert_eq!(parse(&render(&heading)), heading, "{}", render(&heading));
        let table = [Block::Table(vec![vec![vec![Inline::plain(text)]], vec![vec![self::text(text, &[Mark::Code])]]])];
        assert_eq!(parse(&render(&table)), table, "{}", render(&table));
    }
}

#[test]
fn usual_markdown_of_people_and_models_is_understood() {
    let cases = [
        ("hard\nwrapped", vec![paragraph("hard wrapped")]),
        ("[`f`](u)", vec![Block::Paragraph(vec![text("f", &[link("u")])])]),
        (
            "see ![i](a.png) here",
            vec![
                paragraph("see"),
                Block::Image(Image { src: "a.png".into(), alt: Some("i".into()), title: None }),
                paragraph("here"),
            ],
        ),
        (
            "- [x] a\n- b",
            vec![
                Block::TaskList(vec![TaskItem { checked: true, blocks: vec![paragraph("a")] }]),
                Block::BulletList(vec![vec![paragraph("b")]]),
            ],
        ),
        (
            "<div>\nhi\n</div>",
            vec![Block::Paragraph(vec![
                Inline::plain("<div>"),
                Inline::HardBreak,
                Inline::plain("hi"),
                Inline::HardBreak,
                Inline::plain("</div>"),
            ])],
        ),
        ("a <b>c", vec![paragraph("a <b>c")]),
        ("Title\n=====", vec![Block::Heading { level: 1, content: vec![Inline::plain("Title")] }]),
        ("    indented", vec![Block::CodeBlock { language: None, text: "indented".into() }]),
        ("", vec![]),
        ("\n\n", vec![]),
    ];
    for (markdown, blocks) in cases {
        assert_eq!(parse(markdown), blocks, "{markdown}");
    }
}

#[test]
fn deep_nesting_is_lifted_and_needs_no_deep_stack() {
    let markdown = format!("{} deep", ">".repeat(50_000));
    let mut blocks = parse(&markdown);
    let mut depth = 0;
    while let [Block::Blockquote(inner)] = blocks.as_slice() {
        blocks = inner.clone();
        depth += 1;
    }
    assert_eq!((depth, blocks), (crate::rich_text::NESTING_MAX, vec![paragraph("deep")]));
    let lists: String = (0..200).map(|level| format!("{}- a\n", "  ".repeat(level))).collect();
    assert_eq!(parse(&render(&parse(&lists))), parse(&lists));
}

fn words() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z]{1,5}( [a-z]{1,5}){0,2}",
        2 => r"[ a-z0-9*_`~\[\]()<>#!&|.+=:;'\\\-]{1,12}",
        1 => "[ é漢🙂\u{a0}a*_]{1,6}",
        1 => "(<br>|</u>|<b>|&lt;|--|\\\\)",
    ]
}

fn address() -> impl Strategy<Value = String> {
    prop_oneof!["https://[a-z]{1,6}\\.org/[a-z0-9?=&_()%#|]{0,8}", r"[ a-z<>()\\&|]{0,8}"]
}

fn marks() -> impl Strategy<Value = Marks> {
    let title = prop::option::of(words());
    let mark = prop_oneof![
        3 => Just(Mark::Bold),
        3 => Just(Mark::Italic),
        1 => Just(Mark::Strike),
        1 => Just(Mark::Underline),
        1 => Just(Mark::Code),
        1 => (address(), title).prop_map(|(href, title)| Mark::Link { href, title }),
    ];
    prop_oneof![2 => Just(Marks::new()), 1 => prop::collection::btree_set(mark, 0..3)]
}

fn image() -> impl Strategy<Value = Image> {
    (address(), prop::option::of(words()), prop::option::of(words())).prop_map(|(src, alt, title)| Image {
        src,
        alt,
        title,
    })
}

fn inlines() -> impl Strategy<Value = Vec<Inline>> {
    let inline = prop_oneof![
        8 => (words(), marks()).prop_map(|(text, marks)| Inline::Text { text, marks }),
        1 => Just(Inline::HardBreak),
        1 => image().prop_map(Inline::Image),
    ];
    prop::collection::vec(inline, 0..5)
}

pub(crate) fn any_block() -> impl Strategy<Value = Block> {
    let code = ("[a-z`]{0,4}", r"[ a-z`~>#\-\n]{0,20}")
        .prop_map(|(language, text)| Block::CodeBlock { language: Some(language), text });
    let table = prop::collection::vec(prop::collection::vec(inlines(), 0..3), 0..3).prop_map(Block::Table);
    let leaf = prop_oneof![
        8 => inlines().prop_map(Block::Paragraph),
        1 => (1..7u8, inlines()).prop_map(|(level, content)| Block::Heading { level, content }),
        1 => code,
        1 => Just(Block::HorizontalRule),
        1 => image().prop_map(Block::Image),
        1 => table,
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let blocks = || prop::collection::vec(inner.clone(), 0..3);
        let items = || prop::collection::vec(blocks(), 0..3);
        let task = (any::<bool>(), blocks()).prop_map(|(checked, blocks)| TaskItem { checked, blocks });
        prop_oneof![
            items().prop_map(Block::BulletList),
            (0..20u32, items()).prop_map(|(start, items)| Block::OrderedList { start, items }),
            prop::collection::vec(task, 0..3).prop_map(Block::TaskList),
            blocks().prop_map(Block::Blockquote),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn what_is_rendered_parses_to_the_same_tree(blocks in prop::collection::vec(any_block(), 0..4)) {
        let normal = normalize(&blocks);
        let markdown = render(&blocks);
        prop_assert_eq!(parse(&markdown), normal, "{}", markdown);
    }

    #[test]
    fn a_normal_tree_stays_as_it_is(blocks in prop::collection::vec(any_block(), 0..4)) {
        let normal = normalize(&blocks);
        prop_assert_eq!(normalize(&normal), normal);
    }

    #[test]
    fn any_text_parses_and_keeps_its_meaning_when_rendered(markdown in r"[ \na-c0-2*_`~\[\]()<>#!&|.+=:\\\-]{0,60}") {
        let tree = parse(&markdown);
        let rendered = render(&tree);
        prop_assert_eq!(parse(&rendered), tree, "{}", rendered);
    }
}
