//! The few HTML tags that stand for marks and breaks. All other HTML is text.

use crate::rich_text::tree::Mark;

/// What a tag means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Tag {
    /// A mark begins.
    Open(Mark),
    /// A mark ends.
    Close(Mark),
    /// A new line.
    Break,
}

/// The tags of a mark; the first is the one that is written.
const TAGS: [(Mark, &[&str]); 4] = [
    (Mark::Bold, &["strong", "b"]),
    (Mark::Italic, &["em", "i"]),
    (Mark::Strike, &["del", "s", "strike"]),
    (Mark::Underline, &["u", "ins"]),
];

/// The tag's name to write for a mark that has one.
pub(super) fn tag_name(mark: &Mark) -> Option<&'static str> {
    TAGS.iter().find(|(known, _)| known == mark).and_then(|(_, names)| names.first().copied())
}

/// Reads a tag without attributes.
pub(super) fn read_tag(html: &str) -> Option<Tag> {
    let inside = html.strip_prefix('<')?.strip_suffix('>')?;
    let inside = inside.trim_end().to_ascii_lowercase();
    if matches!(inside.as_str(), "br" | "br/" | "br /") {
        return Some(Tag::Break);
    }
    let (name, make): (_, fn(Mark) -> Tag) = match inside.strip_prefix('/') {
        Some(name) => (name, Tag::Close),
        None => (inside.as_str(), Tag::Open),
    };
    TAGS.iter().find(|(_, names)| names.contains(&name)).map(|(mark, _)| make(mark.clone()))
}
