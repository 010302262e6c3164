//! Texts as models write them, and as nobody does.

use proptest::collection::vec;
use proptest::prelude::*;

/// Paragraphs, headings, lists, code, quotes, tables and rules.
pub(super) fn ordinary_markdown() -> impl Strategy<Value = String> {
    vec(block(), 0..6).prop_map(|blocks| separated(blocks).join("\n\n"))
}

/// Two lists that follow one another would be one.
fn separated(blocks: Vec<(bool, String)>) -> Vec<String> {
    let mut separated: Vec<String> = Vec::new();
    let mut is_after_list = false;
    for (is_list, block) in blocks {
        if is_list && is_after_list {
            separated.push("between".to_owned());
        }
        is_after_list = is_list;
        separated.push(block);
    }
    separated
}

fn block() -> impl Strategy<Value = (bool, String)> {
    let other = |block: String| (false, block);
    prop_oneof![
        4 => vec(sentence(), 1..4).prop_map(|lines| lines.join("\n")).prop_map(other),
        2 => (1..5_usize, sentence()).prop_map(|(level, words)| format!("{} {}", "#".repeat(level), words.replace("\\\n", " "))).prop_map(other),
        3 => list().prop_map(|list| (true, list)),
        2 => code().prop_map(other),
        1 => vec(sentence(), 1..3).prop_map(|lines| format!("> {}", lines.join("\n> "))).prop_map(other),
        1 => table().prop_map(other),
        1 => Just((false, "---".to_owned())),
    ]
}

fn sentence() -> impl Strategy<Value = String> {
    vec(piece(), 1..7).prop_map(|pieces| pieces.join(" "))
}

fn piece() -> impl Strategy<Value = String> {
    let words = || "[a-z]{1,6}( [a-z]{1,6}){0,2}";
    prop_oneof![
        8 => words().prop_map(|words| words),
        1 => words().prop_map(|words| format!("**{words}**")),
        1 => words().prop_map(|words| format!("*{words}*")),
        1 => words().prop_map(|words| format!("~~{words}~~")),
        1 => words().prop_map(|words| format!("`{words}`")),
        1 => words().prop_map(|words| format!("[{words}](https://a.example/{})", words.len())),
        1 => words().prop_map(|words| format!("**{words} `x` and** y")),
        1 => Just("snake_case, 3 * 4 < 5 & 6; é 😀!".to_owned()),
        1 => Just("first\\\nsecond".to_owned()),
    ]
}

fn list() -> impl Strategy<Value = String> {
    let marker = prop_oneof![Just("- "), Just("* "), Just("1. "), Just("- [ ] ")];
    let nested = prop::option::of(vec("[a-z]{1,5}( [a-z]{1,5}){0,2}", 1..3));
    (marker, vec((sentence(), nested, prop::option::weighted(0.1, code())), 1..5), any::<bool>()).prop_map(
        |(marker, items, is_loose)| {
            let width = if marker.starts_with('1') { 3 } else { 2 };
            let indent = " ".repeat(width);
            let items = items.into_iter().enumerate().map(|(index, (words, nested, code))| {
                let marker = if width == 3 { format!("{}. ", index + 1) } else { marker.to_owned() };
                let words = words.replace('\n', &format!("\n{indent}"));
                let nested = nested.into_iter().flatten().map(|words| format!("\n{indent}- {words}"));
                let nested = nested.collect::<String>();
                let code = code.map(|code| format!("\n\n{indent}{}", code.replace('\n', &format!("\n{indent}"))));
                format!("{marker}{words}{nested}{}", code.unwrap_or_default())
            });
            items.collect::<Vec<_>>().join(if is_loose { "\n\n" } else { "\n" })
        },
    )
}

fn code() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        4 => "[a-z]{1,8} = [a-z]{1,8};",
        1 => Just("# a comment".to_owned()),
        1 => Just("- [x] **no** list".to_owned()),
        1 => Just("let s = \"`\";".to_owned()),
    ];
    (prop_oneof![Just(""), Just("rust"), Just("python")], vec(line, 1..4))
        .prop_map(|(language, lines)| format!("```{language}\n{}\n```", lines.join("\n")))
}

fn table() -> impl Strategy<Value = String> {
    (1..4_usize).prop_flat_map(|width| vec(vec("[a-z]{1,6}", width), 1..4)).prop_map(|rows| {
        let line = |cells: &Vec<String>| format!("| {} |", cells.join(" | "));
        let delimiters = format!("|{}", " --- |".repeat(rows[0].len()));
        let lines = rows.iter().map(line).enumerate();
        let lines =
            lines.flat_map(|(index, line)| if index == 0 { vec![line, delimiters.clone()] } else { vec![line] });
        lines.collect::<Vec<_>>().join("\n")
    })
}

/// What is most likely to be taken for something else.
pub(super) fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[-+*_~`#>=|:.!<&;\\[\\]()\\\\ \na1]{0,60}",
        vec(
            prop::sample::select(vec![
                "a",
                "b c",
                " ",
                "\n",
                "\n\n",
                "\n  ",
                "    ",
                "- ",
                "* ",
                "1. ",
                "2) ",
                "> ",
                "# ",
                "## ",
                "```",
                "~~~\n",
                "`",
                "**",
                "*",
                "_",
                "~~",
                "[",
                "](",
                ")",
                "![",
                "|",
                "| a |\n|---|\n",
                "---",
                "===",
                "-",
                "=",
                "[ ] ",
                "[x] ",
                "\\",
                "\\\n",
                "  \n",
                "<br>",
                "<",
                ">",
                "<b>",
                "</b>",
                "<!-- ",
                "-->",
                "<div>",
                "&amp;",
                "&",
                "😀",
                "é",
                "\r\n",
                "\r",
                "\t",
                "\0",
            ]),
            0..40,
        )
        .prop_map(|pieces| pieces.concat()),
    ]
}
