//! How much of an open block can be shown: what could still turn out to mean something else is held back.

use super::split::{self, Kind, is_certain, without_markers};

/// For how many bytes after it an unclosed delimiter holds back what follows.
const HELD_BYTES_MAX: usize = 200;

/// How many bytes of a unit's source can be shown while more may come.
///
/// What is shown is never taken back, but for delimiters: later text only adds elements behind those that it makes.
pub(super) fn visible(kind: Kind, source: &str) -> usize {
    let last_line = source.rfind('\n').map_or(0, |at| at + 1);
    match kind {
        Kind::Table => last_line,
        Kind::Fence(_) if last_line == 0 => 0,
        Kind::Fence(fence) if fence.may_be_closed_by(&source[last_line..]) => last_line,
        Kind::Fence(_) => source.len(),
        Kind::Rule => 0,
        Kind::Heading | Kind::Paragraph | Kind::List | Kind::Quote => {
            let cut =
                if last_line < source.len() && !is_certain(&source[last_line..]) { last_line } else { source.len() };
            let cut = without_table_head(source, cut);
            within_words(source, cut)
        }
    }
}

/// Up to before a line that may be the first one of a table, inside of the block or behind it.
fn without_table_head(source: &str, cut: usize) -> usize {
    let lines: Vec<&str> = source[..cut].split_inclusive('\n').rev().take(2).collect();
    let is_row = |line: &&str| without_markers(line).0.starts_with('|');
    match lines.as_slice() {
        [last, before] if is_row(last) && (split::begin(last) == split::Begin::Row || !is_row(before)) => {
            cut - last.len()
        }
        [last] if is_row(last) => cut - last.len(),
        _ => cut,
    }
}

/// Up to before the delimiters that are not closed.
fn within_words(source: &str, cut: usize) -> usize {
    let start = start_of_words(source, cut);
    let last_line = source[..cut].rfind('\n').map_or(0, |at| at + 1);
    let words = &source[start..cut];
    let mut shown = cut;
    for open in open_delimiters(words) {
        let at = start + open.at;
        if cut - at <= HELD_BYTES_MAX {
            shown = shown.min(at);
        }
        if open.what == What::Swallows {
            // Whether its end takes line breaks and images with it, only whole lines tell.
            shown = shown.min(at.max(last_line));
        }
    }
    loop {
        let held = without_uncertain_line(source, without_line_break(&source[..shown]));
        if held == shown {
            return shown;
        }
        shown = held;
    }
}

/// Up to before a line of which so little is left that it would begin something else.
fn without_uncertain_line(source: &str, shown: usize) -> usize {
    let line = source[..shown].rfind('\n').map_or(0, |at| at + 1);
    let is_part = line < shown && !source[shown..].starts_with('\n');
    if is_part && !is_certain(&source[line..shown]) { line } else { shown }
}

/// Up to before a backslash that is a line break once there are words behind it.
fn without_line_break(source: &str) -> usize {
    let words = source.trim_end_matches(['\n', '\r', ' ', '\t', '>']);
    let backslashes = words.len() - words.trim_end_matches('\\').len();
    if backslashes % 2 == 1 { words.len() - 1 } else { source.len() }
}

/// Where the words begin in which a place is: behind the last blank line, and the last marker.
fn start_of_words(source: &str, cut: usize) -> usize {
    let mut at = cut;
    for line in source[..cut].split_inclusive('\n').rev() {
        if split::is_blank(line) {
            return at;
        }
        at -= line.len();
        let text = line.trim_end_matches('\n');
        let (rest, width) = without_markers(text);
        let is_marked = width > text.len() - text.trim_start().len();
        if is_marked || !matches!(split::begin(rest), split::Begin::Text | split::Begin::Row) {
            return at + width;
        }
    }
    at
}

/// A delimiter whose end has not come.
#[derive(Debug, PartialEq, Eq)]
struct Open {
    at: usize,
    what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    /// Its end changes how what is between looks.
    Marks,
    /// What is between may lose its meaning by its end: line breaks and images.
    Swallows,
}

fn open_delimiters(words: &str) -> Vec<Open> {
    let bytes = words.as_bytes();
    let mut open: Vec<Open> = Vec::new();
    let mut emphasis: Vec<(u8, usize, usize)> = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &words[at..];
        at = match bytes[at] {
            b'\\' if rest.trim_end().len() > 1 => at + 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            b'\\' | b'!' if rest.trim_end().len() == 1 => {
                open.push(Open { at, what: What::Marks });
                at + 1
            }
            b'`' => {
                let length = run(rest);
                if let Some(end) = end_of_code(&rest[length..], length) {
                    at + length + end
                } else {
                    open.push(Open { at, what: What::Swallows });
                    break;
                }
            }
            b'<' => match end_of_tag(rest) {
                Ok(length) => at + length,
                Err(what) => {
                    open.push(Open { at, what });
                    at + 1
                }
            },
            b'!' if rest.starts_with("![") => {
                let Ok(length) = end_of_link(&rest[1..]) else {
                    open.push(Open { at, what: What::Swallows });
                    break;
                };
                at + 1 + length
            }
            b'[' => match end_of_link(rest) {
                Ok(_) => at + 1,
                Err(what) => {
                    open.push(Open { at, what });
                    at + 1
                }
            },
            b'&' if rest[1..].bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'#') => {
                open.push(Open { at, what: What::Marks });
                at + 1
            }
            character @ (b'*' | b'_' | b'~') => {
                let length = run(rest);
                note_emphasis(words, character, at, length, &mut emphasis);
                at + length
            }
            _ => at + rest.chars().next().map_or(1, char::len_utf8),
        };
    }
    open.extend(emphasis.into_iter().map(|(_, at, _)| Open { at, what: What::Marks }));
    open
}

fn run(text: &str) -> usize {
    let first = text.as_bytes()[0];
    text.bytes().take_while(|byte| *byte == first).count()
}

/// Up to where code reaches that begins after so many backticks.
fn end_of_code(text: &str, length: usize) -> Option<usize> {
    let mut at = 0;
    while let Some(found) = text[at..].find('`') {
        at += found;
        let found = run(&text[at..]);
        at += found;
        // More backticks may come.
        if found == length && at < text.len() {
            return Some(at);
        }
    }
    None
}

fn end_of_tag(text: &str) -> Result<usize, What> {
    let next = text[1..].chars().next();
    match (next, text.find('>')) {
        (Some('!' | '?'), None) => Err(What::Swallows),
        (Some('!'), Some(_)) if text.starts_with("<!--") => text.find("-->").map(|at| at + 3).ok_or(What::Swallows),
        (Some(next), Some(end)) if next.is_ascii_alphabetic() || "/!?".contains(next) => Ok(end + 1),
        (Some(next), None) if next.is_ascii_alphabetic() || next == '/' => Err(What::Marks),
        (None, _) => Err(What::Marks),
        _ => Ok(1),
    }
}

/// Up to where a link reaches, or what may be none: its words in brackets, and where it leads in parentheses.
fn end_of_link(text: &str) -> Result<usize, What> {
    let Some(words) = closing(text, '[', ']') else { return Err(What::Marks) };
    match text[words..].chars().next() {
        None => Err(What::Marks),
        Some('(') => closing(&text[words..], '(', ')').map(|end| words + end).ok_or(What::Swallows),
        Some(_) => Ok(words),
    }
}

/// The place after the character that closes the one with which a text begins.
fn closing(text: &str, open: char, close: char) -> Option<usize> {
    let (mut depth, mut is_escaped) = (0_usize, false);
    for (at, character) in text.char_indices() {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            _ if character == open => depth += 1,
            _ if character == close => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + close.len_utf8());
                }
            }
            _ => {}
        }
    }
    None
}

fn note_emphasis(words: &str, character: u8, at: usize, length: usize, open: &mut Vec<(u8, usize, usize)>) {
    let before = words[..at].chars().next_back();
    let after = words[at + length..].chars().next();
    let is_space = |neighbour: Option<char>| neighbour.is_none_or(char::is_whitespace);
    let is_word = |neighbour: Option<char>| neighbour.is_some_and(char::is_alphanumeric);
    let is_last = after.is_none();
    let closes = !is_space(before) && !is_last && (character != b'_' || !is_word(after));
    let opens = is_last || (!is_space(after) && (character != b'_' || !is_word(before)));
    let mut left = length;
    if closes {
        while let Some((_, _, of)) = open.last_mut().filter(|(of, ..)| *of == character && left > 0) {
            let paired = left.min(*of);
            left -= paired;
            *of -= paired;
            if *of == 0 {
                open.pop();
            }
        }
    }
    if opens && left > 0 {
        open.push((character, at, left));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(kind: Kind, source: &str) -> &str {
        &source[..visible(kind, source)]
    }

    #[test]
    fn words_are_shown_up_to_what_is_not_closed() {
        for (source, expected) in [
            ("some words", "some words"),
            ("some **bo", "some "),
            ("some **bold** wo", "some **bold** wo"),
            ("some **bold*", "some "),
            ("a `co", "a "),
            ("a `code` b", "a `code` b"),
            ("a [li", "a "),
            ("a [link]", "a "),
            ("a [link](htt", "a "),
            ("a [link](u) b", "a [link](u) b"),
            ("a !", "a "),
            ("a\\\n", "a"),
            ("a ![i](u", "a "),
            ("a < b", "a < b"),
            ("a <b", "a "),
            ("a &am", "a "),
            ("a * b", "a * b"),
            ("snake_case_x", "snake_case_x"),
            ("text\n", "text\n"),
            ("text\n-", "text\n"),
            ("text\n--- `", "text\n"),
            ("text\n| a |\n", "text\n"),
            ("text\n| a |\n|--", "text\n"),
        ] {
            assert_eq!(shown(Kind::Paragraph, source), expected, "{source:?}");
        }
    }

    #[test]
    fn an_item_is_shown_once_it_has_words() {
        for (source, expected) in [
            ("- a\n  - ", "- a\n"),
            ("- a\n  - **b", "- a\n"),
            ("- a\n  - b", "- a\n  - b"),
            ("- a\n- [ ] ", "- a\n"),
            ("- a\n- [ ] b", "- a\n- [ ] b"),
        ] {
            assert_eq!(shown(Kind::List, source), expected, "{source:?}");
        }
    }

    #[test]
    fn a_delimiter_does_not_hold_back_more_than_a_little() {
        let long = format!("a *b {}", "words ".repeat(60));
        assert_eq!(shown(Kind::Paragraph, &long), long);
    }
}
