//! What of a tree Markdown can say.

use std::collections::BTreeSet;

use crate::rich_text::mentions;
use crate::rich_text::shape::{ORDERED_START_MAX, join_texts};
use crate::rich_text::{Align, Block, CellKind, Image, Inline, Mark, TableCell, TaskItem};

/// The blocks as they are once they were Markdown: without blank lines and empty lists, with one link on a word,
/// with unknown elements as their words, and with tables of which the first row is the header, its alignment is the
/// columns', and a cell is a paragraph (or several with images between them).
#[must_use]
pub fn normalized(blocks: &[Block]) -> Vec<Block> {
    blocks.iter().filter_map(normalized_block).collect()
}

fn normalized_block(block: &Block) -> Option<Block> {
    let items = |items: &[Vec<Block>]| items.iter().map(|item| normalized(item)).collect();
    Some(match block {
        Block::Paragraph(content) => return paragraph(normalized_inlines(content)),
        Block::Unknown(unknown) => return paragraph(normalized_inlines(&[Inline::plain(unknown.readable())])),
        Block::Heading { level, content } => {
            Block::Heading { level: (*level).clamp(1, 6), content: normalized_inlines(content) }
        }
        Block::BulletList(of) if !of.is_empty() => Block::BulletList(items(of)),
        Block::OrderedList { start, items: of } if !of.is_empty() => {
            Block::OrderedList { start: (*start).min(ORDERED_START_MAX), items: items(of) }
        }
        Block::TaskList(of) if !of.is_empty() => {
            let items = of.iter().map(|item| TaskItem { state: item.state, content: normalized(&item.content) });
            Block::TaskList(items.collect())
        }
        Block::BulletList(_) | Block::OrderedList { .. } | Block::TaskList(_) => return None,
        Block::Blockquote(content) => Block::Blockquote(normalized(content)),
        Block::CodeBlock { language, text } => Block::CodeBlock {
            language: language.as_deref().and_then(normalized_language),
            text: visible(&text.replace("\r\n", "\n").replace('\r', "\n")),
        },
        Block::HorizontalRule => Block::HorizontalRule,
        Block::Image(image) => Block::Image(normalized_image(image)),
        Block::Table(rows) => return normalized_table(rows),
    })
}

fn paragraph(content: Vec<Inline>) -> Option<Block> {
    (!content.is_empty()).then_some(Block::Paragraph(content))
}

fn normalized_language(language: &str) -> Option<String> {
    let words: Vec<_> = language.split_whitespace().collect();
    (!words.is_empty()).then(|| visible(&words.join(" ")))
}

fn normalized_image(image: &Image) -> Image {
    Image { src: visible(&image.src), alt: visible(&image.alt), title: visible(&image.title) }
}

/// Without the one character that is not allowed in Markdown.
fn visible(text: &str) -> String {
    text.replace('\0', "\u{FFFD}")
}

/// The pieces of a paragraph as they are once they were Markdown.
pub(super) fn normalized_inlines(content: &[Inline]) -> Vec<Inline> {
    join_texts(content.iter().map(|piece| match piece {
        Inline::Text { text, marks } => Inline::Text { text: visible(text), marks: normalized_marks(marks) },
        Inline::HardBreak => Inline::HardBreak,
        Inline::Unknown(unknown) => match mentions::stand_in(unknown) {
            Inline::Text { text, marks } => Inline::Text { text: visible(&text), marks },
            other => other,
        },
    }))
}

fn normalized_marks(marks: &BTreeSet<Mark>) -> BTreeSet<Mark> {
    let is_link = |mark: &&Mark| matches!(mark, Mark::Link { .. });
    let link = marks.iter().find(is_link).map(|mark| match mark {
        Mark::Link { href, title } => Mark::Link { href: visible(href), title: visible(title) },
        other => other.clone(),
    });
    marks.iter().filter(|mark| !is_link(mark)).cloned().chain(link).collect()
}

fn normalized_table(rows: &[Vec<TableCell>]) -> Option<Block> {
    let width = rows.iter().map(Vec::len).max().filter(|width| *width > 0)?;
    let rows: Vec<_> = rows.iter().filter(|row| !row.is_empty()).collect();
    let align = |column: usize| -> Option<Align> { rows[0].get(column)?.align };
    let rows = rows.iter().enumerate().map(|(index, row)| {
        let kind = if index == 0 { CellKind::Header } else { CellKind::Data };
        let cells = (0..width).map(|column| TableCell {
            kind,
            align: align(column),
            content: row.get(column).map(|cell| flat(&cell.content)).unwrap_or_default(),
        });
        cells.collect()
    });
    Some(Block::Table(rows.collect()))
}

/// Blocks as paragraphs and images alone, with a line break between what were two blocks.
fn flat(blocks: &[Block]) -> Vec<Block> {
    let mut flattened = Vec::new();
    let mut line: Vec<Inline> = Vec::new();
    flatten(&normalized(blocks), &mut line, &mut flattened);
    flattened.extend(paragraph(trimmed(line, Trim::Start, flattened.len())));
    flattened
}

#[derive(Clone, Copy)]
enum Trim {
    Start,
    Both,
}

fn flatten(blocks: &[Block], line: &mut Vec<Inline>, flattened: &mut Vec<Block>) {
    for block in blocks {
        let content = match block {
            Block::Paragraph(content) | Block::Heading { content, .. } => content.clone(),
            Block::CodeBlock { text, .. } => {
                let lines = text.lines().map(|line| Inline::marked(line, [Mark::Code]));
                lines.flat_map(|line| [Inline::HardBreak, line]).skip(1).collect()
            }
            Block::Image(image) => {
                let before = trimmed(std::mem::take(line), Trim::Both, flattened.len());
                flattened.extend(paragraph(before));
                flattened.push(Block::Image(image.clone()));
                continue;
            }
            _ => {
                block.contents().for_each(|content| flatten(content, line, flattened));
                continue;
            }
        };
        if !line.is_empty() {
            line.push(Inline::HardBreak);
        }
        line.extend(content);
    }
    *line = join_texts(std::mem::take(line));
}

/// A cell's paragraph, without the space between it and the images around it.
fn trimmed(content: Vec<Inline>, trim: Trim, blocks_before: usize) -> Vec<Inline> {
    let mut content = join_texts(content);
    if blocks_before > 0 {
        trim_start(&mut content);
    }
    if matches!(trim, Trim::Both) {
        trim_end(&mut content);
    }
    content
}

/// Takes the spaces and line breaks from the beginning.
pub(super) fn trim_start(content: &mut Vec<Inline>) {
    while let Some(first) = content.first_mut() {
        match first {
            Inline::Text { text, .. } if !text.trim_start().is_empty() => {
                *text = text.trim_start().to_owned();
                return;
            }
            Inline::Unknown(_) => return,
            Inline::Text { .. } | Inline::HardBreak => drop(content.remove(0)),
        }
    }
}

/// Takes the spaces and line breaks from the end.
pub(super) fn trim_end(content: &mut Vec<Inline>) {
    while let Some(last) = content.last_mut() {
        match last {
            Inline::Text { text, .. } if !text.trim_end().is_empty() => {
                text.truncate(text.trim_end().len());
                return;
            }
            Inline::Unknown(_) => return,
            Inline::Text { .. } | Inline::HardBreak => drop(content.pop()),
        }
    }
}
