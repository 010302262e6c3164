//! The normal form of a tree: what is left of it after it went through Markdown.

use super::NESTING_MAX;
use super::tree::{Block, Image, Inline, Mark, Marks, TaskItem};

/// The largest number that a list can start with in Markdown.
const LIST_START_MAX: u32 = 999_999_999;

/// Brings a tree into its normal form, in which a tree and what its Markdown parses to are equal.
///
/// Empty paragraphs, headings, lists and tables go; spaces at the ends of lines and newlines in text go or become one
/// space; pictures leave the text around them; rows of a table get one length; marks that Markdown cannot nest are
/// reduced; and what is nested deeper than [`NESTING_MAX`] is lifted up.
#[must_use]
pub fn normalize(blocks: &[Block]) -> Vec<Block> {
    normalize_at(blocks, 0)
}

pub(super) fn normalize_at(blocks: &[Block], depth: usize) -> Vec<Block> {
    blocks.iter().flat_map(|block| normalize_block(block, depth)).collect()
}

fn normalize_block(block: &Block, depth: usize) -> Vec<Block> {
    match block {
        Block::Paragraph(content) => split_images(content),
        Block::Heading { level, content } => heading(*level, content),
        Block::BulletList(items) => list(items, depth, Block::BulletList),
        Block::OrderedList { start, items } => {
            let start = (*start).min(LIST_START_MAX);
            list(items, depth, |items| Block::OrderedList { start, items })
        }
        Block::TaskList(items) if depth >= NESTING_MAX => {
            items.iter().flat_map(|item| normalize_at(&item.blocks, depth)).collect()
        }
        Block::TaskList(items) => {
            let item = |item: &TaskItem| TaskItem { blocks: normalize_at(&item.blocks, depth + 1), ..item.clone() };
            if items.is_empty() { vec![] } else { vec![Block::TaskList(items.iter().map(item).collect())] }
        }
        Block::Blockquote(blocks) if depth >= NESTING_MAX => normalize_at(blocks, depth),
        Block::Blockquote(blocks) => {
            let blocks = normalize_at(blocks, depth + 1);
            if blocks.is_empty() { vec![] } else { vec![Block::Blockquote(blocks)] }
        }
        Block::CodeBlock { language, text } => {
            let language = language.as_deref().and_then(normalize_language);
            vec![Block::CodeBlock { language, text: normalize_code(text) }]
        }
        Block::HorizontalRule => vec![Block::HorizontalRule],
        Block::Image(image) => normalize_image(image).map(Block::Image).into_iter().collect(),
        Block::Table(rows) => table(rows),
    }
}

fn list(items: &[Vec<Block>], depth: usize, make: impl FnOnce(Vec<Vec<Block>>) -> Block) -> Vec<Block> {
    if depth >= NESTING_MAX {
        return items.iter().flat_map(|item| normalize_at(item, depth)).collect();
    }
    let items: Vec<_> = items.iter().map(|item| normalize_at(item, depth + 1)).collect();
    if items.is_empty() { vec![] } else { vec![make(items)] }
}

/// A paragraph's text and pictures, each for itself. Pictures without an address are dropped.
fn split_images(content: &[Inline]) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut text = Vec::new();
    for inline in content {
        if let Inline::Image(image) = inline {
            if let Some(image) = normalize_image(image) {
                blocks.extend(paragraph(&text));
                blocks.push(Block::Image(image));
                text.clear();
            }
        } else {
            text.push(inline.clone());
        }
    }
    blocks.extend(paragraph(&text));
    blocks
}

fn paragraph(text: &[Inline]) -> Option<Block> {
    let text = normalize_text(text);
    (!text.is_empty()).then_some(Block::Paragraph(text))
}

fn heading(level: u8, content: &[Inline]) -> Vec<Block> {
    let (images, text): (Vec<_>, Vec<_>) =
        content.iter().cloned().partition(|inline| matches!(inline, Inline::Image(_)));
    let text = normalize_text(&text);
    let heading = Block::Heading { level: level.clamp(1, 6), content: text };
    let is_empty = matches!(&heading, Block::Heading { content, .. } if content.is_empty());
    (!is_empty).then_some(heading).into_iter().chain(split_images(&images)).collect()
}

fn table(rows: &[Vec<Vec<Inline>>]) -> Vec<Block> {
    let width = rows.iter().map(Vec::len).max().unwrap_or(0);
    if width == 0 {
        return vec![];
    }
    let row = |row: &Vec<Vec<Inline>>| {
        let mut cells: Vec<_> = row.iter().map(|cell| normalize_cell(cell)).collect();
        cells.resize(width, Vec::new());
        cells
    };
    vec![Block::Table(rows.iter().map(row).collect())]
}

/// A cell holds text and pictures; around a picture there are no breaks.
pub(super) fn normalize_cell(content: &[Inline]) -> Vec<Inline> {
    split_images(content)
        .into_iter()
        .flat_map(|block| match block {
            Block::Paragraph(content) => content,
            Block::Image(image) => vec![Inline::Image(image)],
            _ => vec![],
        })
        .collect()
}

/// Joins blocks into what a cell can hold, a line for each paragraph.
pub(super) fn flatten_into_cell(blocks: &[Block], cell: &mut Vec<Inline>) {
    for block in blocks {
        if !cell.is_empty() {
            cell.push(Inline::HardBreak);
        }
        match block {
            Block::Paragraph(content) | Block::Heading { content, .. } => cell.extend(content.iter().cloned()),
            Block::BulletList(items) | Block::OrderedList { items, .. } => {
                items.iter().for_each(|item| flatten_into_cell(item, cell));
            }
            Block::TaskList(items) => items.iter().for_each(|item| flatten_into_cell(&item.blocks, cell)),
            Block::Blockquote(blocks) => flatten_into_cell(blocks, cell),
            Block::CodeBlock { text, .. } => {
                for line in text.lines() {
                    cell.push(Inline::Text { text: line.to_owned(), marks: [Mark::Code].into() });
                    cell.push(Inline::HardBreak);
                }
            }
            Block::HorizontalRule => {}
            Block::Image(image) => cell.push(Inline::Image(image.clone())),
            Block::Table(rows) => {
                for cells in rows {
                    cells.iter().for_each(|inner| {
                        cell.extend(inner.iter().cloned());
                        cell.push(Inline::HardBreak);
                    });
                }
            }
        }
    }
}

/// Text and breaks without pictures.
pub(super) fn normalize_text(content: &[Inline]) -> Vec<Inline> {
    let pieces = content.iter().filter_map(|inline| match inline {
        Inline::Text { text, marks } => Some(Inline::Text { text: clean_text(text), marks: normalize_marks(marks) }),
        Inline::HardBreak => Some(Inline::HardBreak),
        Inline::Image(_) => None,
    });
    let mut pieces = join(pieces);
    for mark in [Mark::Bold, Mark::Italic, Mark::Strike, Mark::Underline] {
        pieces = unmark_edges(pieces, &mark);
    }
    trim_lines(pieces)
}

/// Control characters that are white space become spaces, as line ends do in Markdown.
fn clean_text(text: &str) -> String {
    let clean = |character| match character {
        '\0' => '\u{fffd}',
        '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' => ' ',
        other => other,
    };
    text.replace("\r\n", " ").chars().map(clean).collect()
}

fn normalize_marks(marks: &Marks) -> Marks {
    let mut normal: Marks = marks
        .iter()
        .filter_map(|mark| match mark {
            Mark::Link { href, title } => {
                let href = clean_address(href);
                let title = title.as_deref().and_then(clean_label);
                (!href.is_empty()).then_some(Mark::Link { href, title })
            }
            other => Some(other.clone()),
        })
        .collect();
    let links = normal.iter().filter(|mark| matches!(mark, Mark::Link { .. })).count();
    if links > 0 {
        normal.remove(&Mark::Code);
    } else if normal.contains(&Mark::Code) {
        normal = [Mark::Code].into();
    }
    if links > 1 {
        let first = normal.first().cloned();
        normal.retain(|mark| !matches!(mark, Mark::Link { .. }) || Some(mark) == first.as_ref());
    }
    normal
}

/// Joins neighbours of the same marks and drops empty text.
fn join(pieces: impl IntoIterator<Item = Inline>) -> Vec<Inline> {
    let mut joined: Vec<Inline> = Vec::new();
    for piece in pieces {
        match (joined.last_mut(), piece) {
            (_, Inline::Text { text, .. }) if text.is_empty() => {}
            (Some(Inline::Text { text: last, marks: same }), Inline::Text { text, marks }) if *same == marks => {
                last.push_str(&text);
            }
            (_, piece) => joined.push(piece),
        }
    }
    joined
}

/// Takes a mark from the white space at both ends of each stretch of it.
fn unmark_edges(pieces: Vec<Inline>, mark: &Mark) -> Vec<Inline> {
    let mut pieces = unmark_starts(pieces, mark);
    pieces.reverse();
    let mut pieces = unmark_ends(pieces, mark);
    pieces.reverse();
    join(pieces)
}

fn unmark_starts(pieces: Vec<Inline>, mark: &Mark) -> Vec<Inline> {
    unmark(pieces, mark, |text| {
        let rest = text.trim_start().len();
        let (space, rest) = text.split_at(text.len() - rest);
        (space.to_owned(), rest.to_owned())
    })
}

/// As [`unmark_starts`], of pieces in reverse order.
fn unmark_ends(pieces: Vec<Inline>, mark: &Mark) -> Vec<Inline> {
    unmark(pieces, mark, |text| {
        let (rest, space) = text.split_at(text.trim_end().len());
        (space.to_owned(), rest.to_owned())
    })
}

/// `split` parts the white space at the side that comes first from the rest.
fn unmark(pieces: Vec<Inline>, mark: &Mark, split: impl Fn(&str) -> (String, String)) -> Vec<Inline> {
    let mut result = Vec::with_capacity(pieces.len());
    let mut inside = false;
    for piece in pieces {
        match piece {
            Inline::Text { text, marks } if marks.contains(mark) && !inside => {
                let (space, rest) = split(&text);
                let mut unmarked = marks.clone();
                unmarked.remove(mark);
                inside = !rest.is_empty();
                result.push(Inline::Text { text: space, marks: unmarked });
                result.push(Inline::Text { text: rest, marks });
            }
            Inline::Text { text, marks } => {
                inside = marks.contains(mark);
                result.push(Inline::Text { text, marks });
            }
            other => result.push(other),
        }
    }
    result
}

/// Drops spaces next to breaks and at both ends, and breaks at both ends.
fn trim_lines(pieces: Vec<Inline>) -> Vec<Inline> {
    let mut lines: Vec<Vec<Inline>> =
        pieces.split(|piece| *piece == Inline::HardBreak).map(|line| trim_line(line.to_vec())).collect();
    while lines.last().is_some_and(Vec::is_empty) {
        lines.pop();
    }
    let leading = lines.iter().take_while(|line| line.is_empty()).count();
    let mut result = Vec::new();
    for (number, line) in lines.into_iter().skip(leading).enumerate() {
        if number > 0 {
            result.push(Inline::HardBreak);
        }
        result.extend(line);
    }
    result
}

fn trim_line(mut line: Vec<Inline>) -> Vec<Inline> {
    while let Some(Inline::Text { text, .. }) = line.first_mut() {
        *text = text.trim_start_matches(' ').to_owned();
        if !text.is_empty() {
            break;
        }
        line.remove(0);
    }
    while let Some(Inline::Text { text, .. }) = line.last_mut() {
        text.truncate(text.trim_end_matches(' ').len());
        if !text.is_empty() {
            break;
        }
        line.pop();
    }
    line
}

fn normalize_image(image: &Image) -> Option<Image> {
    let src = clean_address(&image.src);
    let label = |text: &Option<String>| text.as_deref().and_then(clean_label);
    (!src.is_empty()).then(|| Image { src, alt: label(&image.alt), title: label(&image.title) })
}

/// An address has no white space at its ends and no control characters.
fn clean_address(address: &str) -> String {
    let visible: String = address.chars().filter(|character| !character.is_control()).collect();
    visible.trim().to_owned()
}

/// A label is one line that is not empty.
fn clean_label(label: &str) -> Option<String> {
    let line = clean_text(label).split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    (!line.is_empty()).then_some(line)
}

/// A language is one word without backticks.
fn normalize_language(language: &str) -> Option<String> {
    let word = language.split_whitespace().next()?;
    let word: String = word.chars().filter(|character| *character != '`' && !character.is_control()).collect();
    (!word.is_empty()).then_some(word)
}

fn normalize_code(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n").replace('\0', "\u{fffd}")
}
