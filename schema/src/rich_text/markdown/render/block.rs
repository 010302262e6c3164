use super::line::{self, Place};
use crate::rich_text::tree::{Block, Inline};

/// Renders normalized blocks, with an empty line between them.
pub(super) fn render_blocks(blocks: &[Block]) -> String {
    join(blocks, |_, _| "\n\n")
}

/// Renders the blocks of a list's item; lists follow their paragraph without an empty line where they may.
fn render_item(blocks: &[Block]) -> String {
    join(blocks, |before, after| {
        let interrupts = match after {
            Block::BulletList(items) => items.first().is_some_and(|item| begins_with_text(item)),
            Block::OrderedList { start: 1, items } => items.first().is_some_and(|item| begins_with_text(item)),
            Block::TaskList(_) => true,
            _ => false,
        };
        if matches!(before, Block::Paragraph(_)) && interrupts { "\n" } else { "\n\n" }
    })
}

fn begins_with_text(item: &[Block]) -> bool {
    matches!(item.first(), Some(Block::Paragraph(_)))
}

fn ends_in_empty_item(blocks: &[Block]) -> bool {
    let ends = |item: Option<&Vec<Block>>| item.is_some_and(|item| item.is_empty() || ends_in_empty_item(item));
    match blocks.last() {
        Some(Block::BulletList(items) | Block::OrderedList { items, .. }) => ends(items.last()),
        Some(Block::TaskList(items)) => {
            items.last().is_some_and(|item| !item.blocks.is_empty() && ends_in_empty_item(&item.blocks))
        }
        _ => false,
    }
}

fn join(blocks: &[Block], separator: impl Fn(&Block, &Block) -> &'static str) -> String {
    let mut markdown = String::new();
    let mut markers = Markers::First;
    for (number, block) in blocks.iter().enumerate() {
        if number > 0 {
            let before = &blocks[number - 1];
            markers = if share_markers(before, block) { markers.other() } else { Markers::First };
            markdown.push_str(separator(before, block));
        }
        markdown.push_str(&render_block(block, markers));
    }
    markdown
}

/// The two sets of list markers. Lists that follow one another need different ones to stay apart.
#[derive(Clone, Copy)]
enum Markers {
    First,
    Second,
}

impl Markers {
    const fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }

    const fn bullet(self) -> char {
        match self {
            Self::First => '-',
            Self::Second => '*',
        }
    }

    const fn delimiter(self) -> char {
        match self {
            Self::First => '.',
            Self::Second => ')',
        }
    }
}

fn share_markers(before: &Block, after: &Block) -> bool {
    let has_bullets = |block| matches!(block, &Block::BulletList(_) | &Block::TaskList(_));
    let has_numbers = |block| matches!(block, &Block::OrderedList { .. });
    (has_bullets(before) && has_bullets(after)) || (has_numbers(before) && has_numbers(after))
}

fn render_block(block: &Block, markers: Markers) -> String {
    match block {
        Block::Paragraph(content) => line::render(content, Place::Paragraph),
        Block::Heading { level, content } => {
            format!("{} {}", "#".repeat(usize::from(*level)), line::render(content, Place::Heading))
        }
        Block::BulletList(items) => {
            let marker = format!("{} ", markers.bullet());
            render_items(items.iter().map(|item| list_item(&marker, item)))
        }
        Block::OrderedList { start, items } => render_items(items.iter().zip(*start..).map(|(item, number)| {
            // The numbers after the first do not count, and none may have more than nine digits.
            let number = number.min(999_999_999);
            list_item(&format!("{number}{} ", markers.delimiter()), item)
        })),
        Block::TaskList(items) => render_items(items.iter().map(|item| {
            let ticked = if item.checked { 'x' } else { ' ' };
            task_item(&format!("{} [{ticked}] ", markers.bullet()), &item.blocks)
        })),
        Block::Blockquote(blocks) => {
            // The parser lets an empty item at a quotation's end reach beyond it.
            let end = if ends_in_empty_item(blocks) { " <br>" } else { "" };
            prefix_lines(&format!("{}{end}", render_blocks(blocks)), "> ", ">")
        }
        Block::CodeBlock { language, text } => code_block(language.as_deref().unwrap_or_default(), text),
        Block::HorizontalRule => "---".to_owned(),
        Block::Image(image) => line::render(&[Inline::Image(image.clone())], Place::Paragraph),
        Block::Table(rows) => table(rows),
    }
}

/// Items stand close together unless there is an empty line in one of them.
fn render_items(items: impl Iterator<Item = String>) -> String {
    let items: Vec<_> = items.collect();
    let separator = if items.iter().any(|item| item.contains("\n\n")) { "\n\n" } else { "\n" };
    items.join(separator)
}

fn list_item(marker: &str, blocks: &[Block]) -> String {
    let indent = " ".repeat(marker.len());
    let content = indent_lines(&render_item(blocks), &indent);
    match blocks.first() {
        None => marker.trim_end().to_owned(),
        // On the marker's line, a rule would make one of the marker too, and an empty list would be another.
        Some(Block::BulletList(_) | Block::OrderedList { .. } | Block::TaskList(_) | Block::HorizontalRule) => {
            format!("{}\n{indent}{content}", marker.trim_end())
        }
        Some(_) => format!("{marker}{content}"),
    }
}

/// The box belongs to a paragraph; where the item begins with none, a break stands for it.
fn task_item(marker: &str, blocks: &[Block]) -> String {
    const INDENT: &str = "  ";
    let content = indent_lines(&render_item(blocks), INDENT);
    match blocks.first() {
        None => format!("{marker}<br>"),
        Some(Block::Paragraph(_) | Block::Image(_)) => format!("{marker}{content}"),
        Some(_) => format!("{marker}<br>\n\n{INDENT}{content}"),
    }
}

fn code_block(language: &str, text: &str) -> String {
    const FENCE_MIN: usize = 3;
    let longest = text.split(|character| character != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(FENCE_MIN.max(longest + 1));
    let language = super::escape::info_string(language);
    if text.is_empty() { format!("{fence}{language}\n{fence}") } else { format!("{fence}{language}\n{text}\n{fence}") }
}

fn table(rows: &[Vec<Vec<Inline>>]) -> String {
    let row = |cells: &Vec<Vec<Inline>>| {
        let cells: Vec<_> = cells.iter().map(|cell| line::render(cell, Place::Cell)).collect();
        format!("| {} |", cells.join(" | "))
    };
    let width = rows.first().map_or(0, Vec::len);
    let mut lines: Vec<_> = rows.iter().map(row).collect();
    lines.insert(lines.len().min(1), format!("|{}", " --- |".repeat(width)));
    lines.join("\n")
}

/// Indents all lines but the first; empty lines stay empty.
fn indent_lines(text: &str, indent: &str) -> String {
    let mut lines = text.split('\n');
    let mut indented = lines.next().unwrap_or_default().to_owned();
    for line in lines {
        indented.push('\n');
        if !line.is_empty() {
            indented.push_str(indent);
            indented.push_str(line);
        }
    }
    indented
}

fn prefix_lines(text: &str, prefix: &str, prefix_of_empty: &str) -> String {
    let prefixed: Vec<_> = text
        .split('\n')
        .map(|line| if line.is_empty() { prefix_of_empty.to_owned() } else { format!("{prefix}{line}") })
        .collect();
    prefixed.join("\n")
}
