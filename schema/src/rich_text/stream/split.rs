//! Where the blocks of a Markdown text begin and end, told from its lines, as early as it is certain.

use super::End;

/// From how many bytes or lines of Markdown on a block of lines goes on in another one: so what is parsed again and again
/// is bounded.
const UNIT_BYTES_MAX: usize = 32 * 1024;
const UNIT_LINES_MAX: usize = 1_000;

/// What is nothing but space in Markdown.
const SPACES: [char; 3] = [' ', '\t', '\r'];

/// A line without the spaces around it.
pub(super) fn trimmed(line: &str) -> &str {
    line.trim_matches(['\n', ' ', '\t', '\r'])
}

pub(super) fn is_blank(line: &str) -> bool {
    trimmed(line).is_empty()
}

/// What a line begins, at the edge of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begin {
    Blank,
    Heading,
    Rule,
    Fence(Fence),
    Item(Marker),
    Quote,
    /// A row of a table, if the line after it says so.
    Row,
    Text,
}

/// The fence of a block of code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fence {
    character: char,
    length: usize,
}

/// The marker of a list's item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Marker {
    /// Up to where the item's words begin, or its line ends.
    pub(super) width: usize,
    /// Whether a paragraph ends at such a line: it does not at `2.`, nor at a marker without words.
    interrupts: bool,
}

/// What the lines of a unit are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Paragraph,
    Heading,
    Rule,
    Fence(Fence),
    List,
    Quote,
    Table,
}

/// A stretch of Markdown that can be parsed by itself: mostly a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unit {
    pub(super) kind: Kind,
    /// How many bytes of the source it is so far.
    pub(super) len: usize,
    pub(super) state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// What comes next may belong to it.
    Open,
    /// Nothing that comes can.
    Closed,
}

/// A line, without what ends it.
#[derive(Debug, Clone, Copy)]
struct Line<'a> {
    text: &'a str,
    start: usize,
    end: usize,
    is_whole: bool,
}

fn lines(source: &str, end: End) -> impl Iterator<Item = Line<'_>> {
    let mut at = 0;
    source.split_inclusive('\n').map(move |line| {
        let start = at;
        at += line.len();
        let is_whole = line.ends_with('\n') || end == End::Reached;
        Line { text: line.trim_end_matches('\n'), start, end: at, is_whole }
    })
}

/// How many bytes of blank lines a text begins with.
pub(super) fn blank_lines(source: &str, end: End) -> usize {
    let blank = lines(source, end).take_while(|line| line.is_whole && is_blank(line.text));
    blank.last().map_or(0, |line| line.end)
}

/// The unit with which a text begins, once it is certain what it is.
pub(super) fn unit(source: &str, end: End) -> Option<Unit> {
    let mut lines = lines(source, end).peekable();
    let first = lines.next()?;
    if !first.is_whole && !is_certain(first.text) {
        return None;
    }
    let kind = match begin(first.text) {
        Begin::Blank | Begin::Text => Kind::Paragraph,
        Begin::Heading => Kind::Heading,
        Begin::Rule => Kind::Rule,
        Begin::Fence(fence) => Kind::Fence(fence),
        Begin::Item(_) => Kind::List,
        Begin::Quote => Kind::Quote,
        Begin::Row => match lines.peek() {
            Some(second) if !second.is_whole && !is_certain(second.text) => return None,
            Some(second) if second.is_whole && is_delimiter_row(second.text) => Kind::Table,
            None if end == End::NotYet => return None,
            _ => Kind::Paragraph,
        },
    };
    let closed = |len| Some(Unit { kind, len, state: State::Closed });
    let open = Some(Unit { kind, len: source.len(), state: State::Open });
    if matches!(kind, Kind::Heading | Kind::Rule) {
        return if first.is_whole { closed(first.end) } else { open };
    }
    let (mut before, mut count) = (first, 1);
    while let Some(line) = lines.next() {
        if !line.is_whole && (matches!(kind, Kind::Fence(_)) || !is_certain(line.text)) {
            return open;
        }
        if let Kind::Fence(fence) = kind {
            if fence.is_closed_by(line.text) {
                return closed(line.end);
            }
            continue;
        }
        count += 1;
        let is_long = line.start > UNIT_BYTES_MAX || count > UNIT_LINES_MAX;
        match ends_before(kind, before.text, line.text) {
            Ends::Yes => return closed(line.start),
            Ends::IfDelimited => match lines.peek() {
                Some(next) if next.is_whole && is_delimiter_row(next.text) => return closed(line.start),
                Some(next) if next.is_whole || is_certain(next.text) => {}
                None if end == End::Reached => {}
                _ => return open,
            },
            Ends::No if is_long && (kind != Kind::List || matches!(begin(line.text), Begin::Item(_))) => {
                return closed(line.start);
            }
            Ends::No => {}
        }
        before = line;
    }
    if end == End::Reached { closed(source.len()) } else { open }
}

#[derive(PartialEq)]
enum Ends {
    Yes,
    No,
    /// If the line after it makes a table of it.
    IfDelimited,
}

/// Whether a unit ends before a line. Where it could go on, only parsing tells whether it does.
fn ends_before(kind: Kind, before: &str, line: &str) -> Ends {
    let begin = begin(line);
    let is_after_blank = is_blank(before);
    let ends = match (kind, begin) {
        (Kind::List, Begin::Item(_) | Begin::Blank) | (Kind::Quote, Begin::Quote) | (Kind::Table, Begin::Row) => false,
        (Kind::List, Begin::Text) => is_after_blank && indent(line) < 2,
        // What is indented may be in the item.
        (Kind::List, Begin::Heading | Begin::Fence(_) | Begin::Quote | Begin::Rule) => indent(line) < 2,
        (Kind::List, Begin::Row) if indent(line) >= 2 => false,
        (Kind::List, Begin::Row) if is_after_blank => true,
        (Kind::Paragraph, Begin::Item(marker)) => marker.interrupts,
        (_, Begin::Row) => return Ends::IfDelimited,
        (_, Begin::Text) => false,
        _ => true,
    };
    if ends { Ends::Yes } else { Ends::No }
}

/// What a line begins.
pub(super) fn begin(line: &str) -> Begin {
    let text = trimmed(line);
    if text.is_empty() {
        return Begin::Blank;
    }
    if indent(line) >= 4 {
        return Begin::Text;
    }
    let first = text.chars().next().unwrap_or_default();
    match first {
        '#' if is_heading(text) => Begin::Heading,
        '`' | '~' => Fence::opened_by(text).map_or(Begin::Text, Begin::Fence),
        '-' | '*' | '_' if is_rule(text) => Begin::Rule,
        '>' => Begin::Quote,
        '|' => Begin::Row,
        _ => marker(line.trim_start_matches(SPACES)).map_or(Begin::Text, Begin::Item),
    }
}

fn is_heading(text: &str) -> bool {
    let after = text.trim_start_matches('#');
    text.len() - after.len() <= 6 && (after.is_empty() || after.starts_with([' ', '\t']))
}

fn is_rule(text: &str) -> bool {
    let first = text.chars().next().unwrap_or_default();
    let is_drawn = |character: char| character == first || character == ' ' || character == '\t';
    text.chars().all(is_drawn) && text.chars().filter(|character| *character == first).count() >= 3
}

/// How far a line is indented, in columns.
pub(super) fn indent(line: &str) -> usize {
    let mut columns = 0;
    for character in line.chars() {
        match character {
            ' ' | '\r' => columns += 1,
            '\t' => columns += 4 - columns % 4,
            _ => break,
        }
    }
    columns
}

impl Fence {
    fn opened_by(text: &str) -> Option<Self> {
        let character = text.chars().next()?;
        let info = text.trim_start_matches(character);
        let length = text.len() - info.len();
        let is_fence = length >= 3 && !(character == '`' && info.contains('`'));
        is_fence.then_some(Self { character, length })
    }

    pub(super) fn is_closed_by(self, line: &str) -> bool {
        let text = trimmed(line);
        indent(line) < 4 && text.len() >= self.length && text.chars().all(|character| character == self.character)
    }

    /// Whether a line that is not whole may become one that closes it.
    pub(super) fn may_be_closed_by(self, line: &str) -> bool {
        indent(line) < 4 && trimmed(line).chars().all(|character| character == self.character)
    }
}

/// The marker with which a text begins.
pub(super) fn marker(text: &str) -> Option<Marker> {
    let digits = text.len() - text.trim_start_matches(|character: char| character.is_ascii_digit()).len();
    let length = match (digits, text[digits..].chars().next()?) {
        (0, '-' | '*' | '+') => 1,
        (1..=9, '.' | ')') => digits + 1,
        _ => return None,
    };
    let after = &text[length..];
    let words = after.trim_start_matches(SPACES);
    if words.len() == after.len() && !is_blank(after) {
        return None;
    }
    let is_empty = is_blank(words);
    let is_first = digits == 0 || text[..digits].trim_start_matches('0') == "1";
    Some(Marker { width: text.len() - words.len(), interrupts: !is_empty && is_first })
}

/// Whether a line is the second one of a table, and nothing else.
pub(super) fn is_delimiter_row(line: &str) -> bool {
    let text = trimmed(line);
    text.contains('-') && text.contains(['|', ':']) && text.chars().all(|character| "|:- \t".contains(character))
}

/// A line without the markers of the quotes and items in which it stands, and their width.
pub(super) fn without_markers(line: &str) -> (&str, usize) {
    let mut rest = line;
    loop {
        let text = rest.trim_start_matches(SPACES);
        if let Some(quoted) = text.strip_prefix('>') {
            rest = quoted;
        } else if let Some(marker) = marker(text).filter(|_| !is_rule(trimmed(text))) {
            rest = &text[marker.width..];
        } else {
            return (text, line.len() - text.len());
        }
    }
}

/// Whether what a line begins is certain before its end is known.
pub(super) fn is_certain(line: &str) -> bool {
    let (text, _) = without_markers(line);
    let Some(first) = text.chars().next() else { return false };
    let only = |allowed: &str| text.chars().all(|character| allowed.contains(character));
    match first {
        '#' => !only("#") && !only("# \t"),
        '`' | '~' => {
            let length = text.chars().take_while(|character| *character == first).count();
            length < 3 && length < text.len()
        }
        '-' | ':' => !only("-|: \t"),
        '*' => !only("* \t"),
        '_' => !only("_ \t"),
        '=' => !only("= \t"),
        '+' => !only("+ \t"),
        '0'..='9' => {
            let after = text.trim_start_matches(|character: char| character.is_ascii_digit());
            after.strip_prefix(['.', ')']).map_or(!after.is_empty(), |words| !is_blank(words))
        }
        '[' => !is_part_of_checkbox(text),
        '|' | '<' => false,
        _ => true,
    }
}

fn is_part_of_checkbox(text: &str) -> bool {
    let text = text.trim_end();
    ["[ ]", "[x]", "[X]"].iter().any(|checkbox| checkbox.trim_end().starts_with(text)) || text == "["
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(source: &str) -> Vec<(Kind, &str)> {
        let (mut rest, mut found) = (source, Vec::new());
        loop {
            rest = &rest[blank_lines(rest, End::Reached)..];
            let Some(unit) = unit(rest, End::Reached) else { return found };
            found.push((unit.kind, rest[..unit.len].trim_end()));
            rest = &rest[unit.len..];
        }
    }

    #[test]
    fn a_text_is_divided_where_its_blocks_end() {
        let source = "# Title\ntext\nmore\n- a\n\n  more of a\n- b\n\ntext\n> quote\nlazy\n\n***\n```rust\n- x\n\n```\n\
                      text:\n| a | b |\n|---|---|\n| 1 | 2 |\nand\n\n1. one\n2. two\n";
        let fence = Fence { character: '`', length: 3 };
        let expected = [
            (Kind::Heading, "# Title"),
            (Kind::Paragraph, "text\nmore"),
            (Kind::List, "- a\n\n  more of a\n- b"),
            (Kind::Paragraph, "text"),
            (Kind::Quote, "> quote\nlazy"),
            (Kind::Rule, "***"),
            (Kind::Fence(fence), "```rust\n- x\n\n```"),
            (Kind::Paragraph, "text:"),
            (Kind::Table, "| a | b |\n|---|---|\n| 1 | 2 |\nand"),
            (Kind::List, "1. one\n2. two"),
        ];
        assert_eq!(units(source), expected);
    }

    #[test]
    fn what_a_line_begins_is_told_once_it_is_certain() {
        for uncertain in [
            "", " ", "#", "##", "# ", "-", "- ", "--", "**", "* ", "1", "12.", "1. ", "``", "```ru", ">", "> ", "- [",
            "- [x", "- [ ]", "- [ ] ", "| a", "=", "> - ", "<di", "--|",
        ] {
            assert!(!is_certain(uncertain), "{uncertain:?}");
        }
        for certain in [
            "a", "#a", "# a", "- a", "-a", "**b", "*i", "1.5", "12 ", "1. a", "`a", "> a", "- [ ] a", "- [a", "=a",
            "--a", "\\",
        ] {
            assert!(is_certain(certain), "{certain:?}");
        }
    }

    #[test]
    fn a_long_list_goes_on_in_another_one() {
        let source = "- item of a list\n".repeat(3_000);
        let units = units(&source);
        assert!(units.len() > 1 && units.iter().all(|(kind, _)| *kind == Kind::List));
        assert_eq!(units.iter().map(|(_, unit)| unit.len() + 1).sum::<usize>(), source.len());
    }
}
