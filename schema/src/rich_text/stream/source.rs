//! The Markdown of a unit: what it says by itself, and how it goes on in another block.

use std::borrow::Cow;

use super::End;
use super::split::{Begin, Kind, begin, indent, is_blank, is_delimiter_row, marker, trimmed, without_markers};
use crate::rich_text::markdown;
use crate::rich_text::node::Node;
use crate::rich_text::shape;

/// A text in which a carriage return stands nowhere but before the end of a line, byte for byte at the same place. By itself
/// it would begin a line of which nobody here knows. At the end it is left out until it is known what follows.
pub(super) fn with_known_line_ends(text: &str, end: End) -> Cow<'_, str> {
    if !text.contains('\r') {
        return text.into();
    }
    let text = if end == End::NotYet { text.strip_suffix('\r').unwrap_or(text) } else { text };
    let mut known = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        known.push(if character == '\r' && characters.peek() != Some(&'\n') { ' ' } else { character });
    }
    known.into()
}

/// The nodes that a unit is.
pub(super) fn nodes(kind: Kind, source: &str) -> Vec<Node> {
    let source = if source.contains('\r') { source.replace('\r', "").into() } else { Cow::from(source) };
    let source = if kind == Kind::Paragraph { with_words_only(&source) } else { source };
    shape::nodes(&markdown::parse(&source))
}

/// A paragraph in which no line makes another block of the lines before it, which are written already.
fn with_words_only<'a>(source: &Cow<'a, str>) -> Cow<'a, str> {
    let changes_others = |line: &str| {
        let text = trimmed(line);
        let is_underline =
            !text.is_empty() && ["-", "="].iter().any(|drawn| text.trim_matches(|c| drawn.contains(c)).is_empty());
        indent(line) < 4 && (is_underline || is_delimiter_row(text))
    };
    if !source.lines().skip(1).any(changes_others) {
        return source.clone();
    }
    let mut words = String::with_capacity(source.len() + 1);
    for (index, line) in source.split_inclusive('\n').enumerate() {
        let text = line.trim_start();
        if index > 0 && changes_others(line) {
            words.push('\\');
            words.push_str(text);
        } else {
            words.push_str(line);
        }
    }
    words.into()
}

/// How the rest of a unit goes on in a block of its own.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Continuation {
    /// What the rest is to be read after.
    pub(super) prefix: String,
    /// Where in the unit's source the rest begins.
    pub(super) at: usize,
}

/// How a unit of which a part is written goes on behind.
pub(super) fn continuation(kind: Kind, source: &str, written: usize) -> Continuation {
    let rest = &source[written..];
    let line = rest.split_inclusive('\n').next().unwrap_or_default();
    // At the end of a line, the next one is what goes on.
    let ends_line = written == 0 || source[..written].ends_with('\n') || (line.ends_with('\n') && is_blank(line));
    let mut at = if source[..written].ends_with('\n') || !ends_line { written } else { written + line.len() };
    let next = source[at..].lines().next().unwrap_or_default();
    let prefix = match kind {
        Kind::Paragraph if ends_line => String::new(),
        Kind::Paragraph | Kind::Rule => return words(source, written),
        Kind::Heading => {
            let level = source.trim_start().bytes().take_while(|byte| *byte == b'#').count();
            format!("{} ", "#".repeat(level))
        }
        Kind::Fence(fence) => {
            if fence.is_closed_by(next) {
                return Continuation { prefix: String::new(), at: source.len() };
            }
            source.split_inclusive('\n').next().unwrap_or_default().to_owned()
        }
        Kind::List if ends_line && matches!(begin(next), Begin::Item(_)) && indent(next) < 2 => String::new(),
        Kind::List => item_around(&source[..written], ends_line),
        Kind::Quote if ends_line && matches!(begin(next), Begin::Quote) => String::new(),
        Kind::Quote => "> ".to_owned(),
        Kind::Table => source.split_inclusive('\n').take(2).collect(),
    };
    if !ends_line && !matches!(kind, Kind::Fence(_)) && !prefix.contains('\n') {
        at = source.len() - source[at..].trim_start_matches([' ', '\t']).len();
    }
    let prefix = if is_blank(&source[at..]) { String::new() } else { prefix };
    Continuation { prefix, at }
}

/// The rest of a line as a paragraph, whatever it begins with.
fn words(source: &str, written: usize) -> Continuation {
    let rest = &source[written..];
    let text = rest.trim_start_matches([' ', '\t']);
    let at = source.len() - text.len();
    let first = text.chars().next().filter(|_| begin(text.lines().next().unwrap_or_default()) != Begin::Text);
    match first {
        Some(first) if first != '\n' => {
            Continuation { prefix: format!("&#{};", u32::from(first)), at: at + first.len_utf8() }
        }
        _ => Continuation { prefix: String::new(), at },
    }
}

/// What stands before the rest of an item: its marker, and the fence if it is in the middle of code.
fn item_around(written: &str, ends_line: bool) -> String {
    let is_item = |line: &&str| indent(line) < 2 && matches!(begin(line), Begin::Item(_));
    let mut lines = written.lines().rev();
    let mut after: Vec<&str> = Vec::new();
    let item = lines.find(|line| {
        after.push(line);
        is_item(line)
    });
    let Some(item) = item else { return "- ".to_owned() };
    let text = item.trim_start();
    let Some(found) = marker(text) else { return "- ".to_owned() };
    let marked = &text[..found.width];
    let has_checkbox = ["[ ]", "[x]", "[X]"].iter().any(|checkbox| text[found.width..].starts_with(checkbox));
    let mut open_fence = None;
    for line in after.into_iter().rev().filter(|line| indent(line) >= 2) {
        match (open_fence, begin(without_markers(line).0)) {
            (None, Begin::Fence(fence)) => open_fence = Some((fence, line)),
            (Some((fence, _)), _) if fence.is_closed_by(line.trim_start()) => open_fence = None,
            _ => {}
        }
    }
    match open_fence {
        Some((_, line)) if ends_line => format!("{}\n{line}\n", marked.trim_end()),
        Some((_, line)) => format!("{}\n{line}\n{}", marked.trim_end(), " ".repeat(indent(line))),
        None if has_checkbox => format!("{marked}[ ] "),
        None if ends_line => format!("{}\n", marked.trim_end()),
        None => marked.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::split;
    use super::*;

    fn goes_on(source: &str, written: &str) -> String {
        let kind = split::unit(source, End::Reached).unwrap().kind;
        let Continuation { prefix, at } = continuation(kind, source, written.len());
        format!("{prefix}{}", &source[at..])
    }

    #[test]
    fn a_block_goes_on_as_what_it_was() {
        for (source, written, expected) in [
            ("some words", "some", "words"),
            ("a - b", "a", "&#45; b"),
            ("a\n- b", "a", "- b"),
            ("## A title", "## A", "## title"),
            ("```rust\na\nb\n```", "```rust\na\n", "```rust\nb\n```"),
            ("```rust\na\n```", "```rust\na\n", ""),
            ("- a\n- b", "- a", "- b"),
            ("- a b\n- c", "- a", "- b\n- c"),
            ("1. a\n2. b c\n3. d", "1. a\n2. b", "2. c\n3. d"),
            ("- [x] a b", "- [x] a", "- [ ] b"),
            ("- a\n  - b", "- a\n", "-\n  - b"),
            ("- a\n  ```x\n  b\n  c\n  ```", "- a\n  ```x\n  b\n", "-\n  ```x\n  c\n  ```"),
            ("> a b\n> c", "> a", "> b\n> c"),
            ("> a\n> c", "> a\n", "> c"),
            ("| a |\n|---|\n| 1 |\n| 2 |", "| a |\n|---|\n| 1 |\n", "| a |\n|---|\n| 2 |"),
        ] {
            assert_eq!(goes_on(source, written), expected, "{source:?} after {written:?}");
        }
    }

    #[test]
    fn no_line_of_a_paragraph_makes_another_block_of_it() {
        for source in ["a\n===", "a\n-", "a | b\n--- | ---", "a\n:--|"] {
            let nodes = nodes(Kind::Paragraph, source);
            assert!(nodes.len() == 1 && nodes[0].name() == "paragraph", "{nodes:?}");
        }
    }
}
