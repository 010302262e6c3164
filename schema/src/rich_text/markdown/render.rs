//! Markdown from blocks.

use super::inline::{self, Place, longest_run};
use super::normal::normalized;
use super::{SAYS_NOTHING, escape};
use crate::rich_text::{Align, Block, Image, TableCell, TaskState};

/// Blocks as Markdown, without a final newline.
#[must_use]
pub fn render(blocks: &[Block]) -> String {
    render_blocks(&normalized(blocks), Parent::Page)
}

/// What blocks stand in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Parent {
    Page,
    Item,
}

/// The marker of a list. Of two lists of one sort that follow one another, the second takes the other marker.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Marker {
    First,
    Other,
}

fn render_blocks(blocks: &[Block], parent: Parent) -> String {
    let mut out = String::new();
    let mut marker = Marker::First;
    for (index, block) in blocks.iter().enumerate() {
        if let Some(before) = index.checked_sub(1).map(|before| &blocks[before]) {
            out.push_str(if parent == Parent::Item && is_tight(before, block) { "\n" } else { "\n\n" });
            let is_same_sort = list_sort(before).is_some() && list_sort(before) == list_sort(block);
            marker = if is_same_sort && marker == Marker::First { Marker::Other } else { Marker::First };
        }
        out.push_str(&render_block(block, parent, marker));
    }
    out
}

/// Whether a list can begin on the line after a paragraph, so that both are still read as what they are.
fn is_tight(before: &Block, block: &Block) -> bool {
    let first_item = match block {
        Block::BulletList(items) | Block::OrderedList { start: 1, items } => items.first(),
        Block::TaskList(_) => return matches!(before, Block::Paragraph(_)),
        _ => None,
    };
    let is_filled = first_item.is_some_and(|item| matches!(item.first(), Some(Block::Paragraph(_))));
    matches!(before, Block::Paragraph(_)) && is_filled
}

fn list_sort(block: &Block) -> Option<char> {
    match block {
        Block::BulletList(_) | Block::TaskList(_) => Some('-'),
        Block::OrderedList { .. } => Some('1'),
        _ => None,
    }
}

fn render_block(block: &Block, parent: Parent, marker: Marker) -> String {
    let bullet = if marker == Marker::First { "-" } else { "*" };
    match block {
        Block::Paragraph(content) => inline::render(content, Place::Paragraph),
        Block::Heading { level, content } => {
            let text = inline::render(content, Place::Heading);
            format!("{} {text}", "#".repeat((*level).into())).trim_end().to_owned()
        }
        Block::BulletList(items) => list(items.iter().map(|item| (bullet.to_owned(), None, item.as_slice()))),
        Block::TaskList(items) => {
            list(items.iter().map(|item| (bullet.to_owned(), Some(item.state), item.content.as_slice())))
        }
        Block::OrderedList { start, items } => {
            let delimiter = if marker == Marker::First { '.' } else { ')' };
            let numbers = (*start..).map(|number| number.min(crate::rich_text::shape::ORDERED_START_MAX));
            list(numbers.zip(items).map(|(number, item)| (format!("{number}{delimiter}"), None, item.as_slice())))
        }
        Block::Blockquote(content) => quote(content),
        Block::CodeBlock { language, text } => code(language.as_deref(), text),
        // In an item, `-` and `*` would be read together with the item's marker.
        Block::HorizontalRule if parent == Parent::Item => "___".to_owned(),
        Block::HorizontalRule => "---".to_owned(),
        Block::Image(image) => render_image(image),
        Block::Table(rows) => table(rows),
        Block::Unknown(_) => String::new(),
    }
}

fn list<'a>(items: impl Iterator<Item = (String, Option<TaskState>, &'a [Block])>) -> String {
    let items: Vec<String> = items.map(|(marker, state, content)| list_item(&marker, state, content)).collect();
    let is_loose = items.iter().any(|item| item.contains("\n\n"));
    items.join(if is_loose { "\n\n" } else { "\n" })
}

fn list_item(marker: &str, state: Option<TaskState>, content: &[Block]) -> String {
    let checkbox = match state {
        None => "",
        Some(TaskState::Open) => "[ ] ",
        Some(TaskState::Done) => "[x] ",
    };
    // A checkbox wants words beside it: where there are none, something that says nothing.
    let lacks_words = state.is_some() && content.first().is_some_and(|first| !matches!(first, Block::Paragraph(_)));
    let filler = if lacks_words { format!("{SAYS_NOTHING}\n\n") } else { String::new() };
    let mut body = format!("{checkbox}{filler}{}", render_blocks(content, Parent::Item));
    let first_line = body.lines().next().unwrap_or_default();
    if !first_line.is_empty() && first_line.chars().all(|character| matches!(character, '-' | '*' | ' ')) {
        // Nothing but the markers of lists in lists would be a rule.
        body.insert_str(first_line.len(), &format!(" {SAYS_NOTHING}"));
    }
    prefixed(body.trim_end_matches(' '), &format!("{marker} "), &" ".repeat(marker.len() + 1))
}

/// Lines with something before each, and nothing after an empty one.
fn prefixed(text: &str, first: &str, others: &str) -> String {
    let lines = text.split('\n').enumerate().map(|(index, line)| {
        let prefix = if index == 0 { first } else { others };
        if line.is_empty() { prefix.trim_end().to_owned() } else { format!("{prefix}{line}") }
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn quote(content: &[Block]) -> String {
    let mut body = render_blocks(content, Parent::Page);
    if ends_with_empty_item(content) && !body.ends_with(SAYS_NOTHING) {
        // Without it, what follows in an item around the quote would be read as outside of that item.
        body.push(' ');
        body.push_str(SAYS_NOTHING);
    }
    prefixed(&body, "> ", "> ")
}

fn ends_with_empty_item(blocks: &[Block]) -> bool {
    let last = blocks.last().filter(|last| list_sort(last).is_some());
    let item = last.and_then(|list| list.contents().last());
    item.is_some_and(|item| item.is_empty() || ends_with_empty_item(item))
}

fn code(language: Option<&str>, text: &str) -> String {
    const FENCE_LENGTH_MIN: usize = 3;
    let fence = "`".repeat(FENCE_LENGTH_MIN.max(longest_run(text, '`') + 1));
    let mut out = fence.clone();
    escape::info(language.unwrap_or_default(), &mut out);
    out.push('\n');
    if !text.is_empty() {
        out.push_str(text);
        out.push('\n');
    }
    out + &fence
}

fn render_image(image: &Image) -> String {
    let mut out = "![".to_owned();
    escape::text(&image.alt, escape::Edges { starts_line: true, ends_line: true, ends_heading: false }, &mut out);
    out.push_str("](");
    escape::destination(&image.src, &mut out);
    if !image.title.is_empty() {
        out.push(' ');
        escape::title(&image.title, &mut out);
    }
    out.push(')');
    out
}

fn table(rows: &[Vec<TableCell>]) -> String {
    let line = |cells: &mut dyn Iterator<Item = String>| {
        let cells: Vec<_> =
            cells.map(|cell| if cell.is_empty() { " ".to_owned() } else { format!(" {cell} ") }).collect();
        format!("|{}|", cells.join("|"))
    };
    let mut lines: Vec<_> = rows.iter().map(|row| line(&mut row.iter().map(cell))).collect();
    let columns = rows.first().into_iter().flatten().map(|cell| match cell.align {
        None => "---",
        Some(Align::Left) => ":--",
        Some(Align::Center) => ":-:",
        Some(Align::Right) => "--:",
    });
    lines.insert(1, line(&mut columns.map(ToOwned::to_owned)));
    lines.join("\n")
}

fn cell(cell: &TableCell) -> String {
    let parts = cell.content.iter().map(|block| match block {
        Block::Paragraph(content) => inline::render(content, Place::Cell),
        other => render_block(other, Parent::Page, Marker::First),
    });
    parts.collect::<Vec<_>>().join(" ")
}
