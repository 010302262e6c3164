//! The words of a paragraph, heading or cell, with their marks.

use std::collections::BTreeSet;

use super::SAYS_NOTHING;
use super::escape::{self, Edges};
use crate::rich_text::{Inline, Mark};

/// What a line of words stands in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Paragraph,
    /// Where a new line would end it.
    Heading,
    /// Where `|` would end it besides.
    Cell,
}

/// The words in Markdown. They are [`normalized`](super::normalized).
pub(super) fn render(content: &[Inline], place: Place) -> String {
    let lines: Vec<&[Inline]> = content.split(|piece| matches!(piece, Inline::HardBreak)).collect();
    let mut out = String::new();
    for (index, line) in lines.iter().enumerate() {
        if index > 0 {
            let is_within = !line.is_empty() && !lines[index - 1].is_empty();
            out.push_str(if is_within && place == Place::Paragraph { "\\\n" } else { "<br>" });
        }
        out.push_str(&render_line(line, place));
    }
    if out == "<br>" {
        // Alone on its line, it would begin a block of HTML.
        out.push_str(SAYS_NOTHING);
    }
    out
}

/// Words whose marks are still to be written.
struct Span<'a> {
    text: &'a str,
    marks: BTreeSet<&'a Mark>,
    edges: Edges,
}

fn render_line(line: &[Inline], place: Place) -> String {
    let texts = line.iter().filter_map(|piece| match piece {
        Inline::Text { text, marks } => Some((text, marks)),
        Inline::HardBreak | Inline::Unknown(_) => None,
    });
    let mut spans: Vec<Span<'_>> =
        texts.map(|(text, marks)| Span { text, marks: marks.iter().collect(), edges: Edges::default() }).collect();
    if let Some(first) = spans.first_mut() {
        first.edges.starts_line = true;
    }
    if let Some(last) = spans.last_mut() {
        last.edges.ends_line = true;
        last.edges.ends_heading = place == Place::Heading;
    }
    render_spans(spans, None, None, place)
}

/// Renders words that stand between two characters, which decide whether a delimiter would be read as one.
fn render_spans(mut spans: Vec<Span<'_>>, before: Option<char>, after: Option<char>, place: Place) -> String {
    let mut out = String::new();
    while !spans.is_empty() {
        let Some((mark, length)) = outermost(&spans) else {
            leaf(&spans.remove(0), place, &mut out);
            continue;
        };
        let mut inner: Vec<Span<'_>> = spans.drain(..length).collect();
        for span in &mut inner {
            span.marks.remove(mark);
        }
        let inner = render_spans(inner, Some('*'), Some('*'), place);
        let next = spans.first().map_or(after, first_character);
        let (open, close) = delimiters(mark, &inner, out.chars().last().or(before), next);
        out.push_str(&open);
        out.push_str(&inner);
        out.push_str(&close);
    }
    out
}

/// The mark of the first words that reaches farthest, and over how many spans. Code is a leaf's own business.
fn outermost<'a>(spans: &[Span<'a>]) -> Option<(&'a Mark, usize)> {
    let reach = |mark: &Mark| spans.iter().take_while(|span| span.marks.contains(mark)).count();
    let marks = spans[0].marks.iter().filter(|mark| !matches!(mark, Mark::Code));
    marks.map(|mark| (*mark, reach(mark))).rev().max_by_key(|(_, reach)| *reach)
}

/// The character with which words begin once they are rendered, or one that is as strict a neighbour.
fn first_character(span: &Span<'_>) -> Option<char> {
    if !span.marks.is_empty() {
        return Some('*');
    }
    span.text.chars().next().map(|first| if first == ' ' || first.is_ascii_punctuation() { first } else { 'a' })
}

fn delimiters(mark: &Mark, inner: &str, before: Option<char>, after: Option<char>) -> (String, String) {
    let is_boundary = |neighbour: Option<char>| {
        neighbour.is_none_or(|character| character == ' ' || character.is_ascii_punctuation())
    };
    let flanks = |edge: Option<char>, neighbour: Option<char>| {
        edge.is_some_and(|edge| !edge.is_whitespace() && (edge.is_alphanumeric() || is_boundary(neighbour)))
    };
    let is_flanking = flanks(inner.chars().next(), before) && flanks(inner.chars().last(), after);
    let (delimiter, tag) = match mark {
        Mark::Link { href, title } => return link(href, title),
        Mark::Bold if is_flanking => ("**", ""),
        Mark::Italic if is_flanking && is_boundary(before) && is_boundary(after) => ("_", ""),
        Mark::Strike if is_flanking => ("~~", ""),
        Mark::Bold => ("", "strong"),
        Mark::Italic => ("", "em"),
        Mark::Strike => ("", "s"),
        Mark::Underline => ("", "u"),
        Mark::Code => ("", "code"),
    };
    match tag {
        "" => (delimiter.to_owned(), delimiter.to_owned()),
        tag => (format!("<{tag}>"), format!("</{tag}>")),
    }
}

fn link(href: &str, title: &str) -> (String, String) {
    let mut close = "](".to_owned();
    escape::destination(href, &mut close);
    if !title.is_empty() {
        close.push(' ');
        escape::title(title, &mut close);
    }
    close.push(')');
    ("[".to_owned(), close)
}

fn leaf(span: &Span<'_>, place: Place, out: &mut String) {
    if !span.marks.contains(&Mark::Code) {
        return escape::text(span.text, span.edges, out);
    }
    let cannot_be_code = |character: char| character.is_control() || (character == '|' && place == Place::Cell);
    // At the beginning of a link's words, `]:` would make the link a definition.
    if span.text.contains(cannot_be_code) || span.text.contains("]:") {
        out.push_str("<code>");
        escape::text(span.text, Edges::default(), out);
        out.push_str("</code>");
    } else {
        code(span.text, out);
    }
}

fn code(text: &str, out: &mut String) {
    let fence = "`".repeat(longest_run(text, '`') + 1);
    let is_padded = text.starts_with(' ') && text.ends_with(' ') && !text.trim_matches(' ').is_empty();
    let pad = if is_padded || text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    for part in [&fence, pad, text, pad, &fence] {
        out.push_str(part);
    }
}

/// How many of a character follow one another at most.
pub(super) fn longest_run(text: &str, character: char) -> usize {
    text.split(|other| other != character).map(|run| run.chars().count()).max().unwrap_or(0)
}
