use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Parser, Tag, TagEnd};

use super::OPTIONS;
use super::inline::InlineBuilder;
use crate::rich_text::normalize::normalize;
use crate::rich_text::tree::{Block, Inline, Mark, TaskItem};
use crate::rich_text::{NESTING_MAX, markdown};

/// Reads Markdown into a normalized tree. Any text is Markdown; HTML other than the tags for marks and breaks is text.
#[must_use]
pub fn parse(markdown: &str) -> Vec<Block> {
    normalize(&parse_raw(markdown))
}

pub(super) fn parse_raw(markdown: &str) -> Vec<Block> {
    let mut builder = Builder { open: vec![Container::new(Kind::Root)], line: None };
    for event in Parser::new_ext(markdown, OPTIONS) {
        builder.event(event);
    }
    builder.end_line();
    builder.open.swap_remove(0).blocks
}

/// What blocks are being collected for.
enum Kind {
    Root,
    Quote,
    /// Nested too deep to be a container of its own: its blocks go to what is around it.
    Lifted,
    List {
        start: Option<u64>,
        items: Vec<(Option<bool>, Vec<Block>)>,
    },
    Item {
        checked: Option<bool>,
    },
    Code {
        language: Option<String>,
        text: String,
    },
    Html {
        lines: String,
    },
    Table {
        rows: Vec<Vec<Vec<Inline>>>,
    },
}

struct Container {
    kind: Kind,
    blocks: Vec<Block>,
}

impl Container {
    const fn new(kind: Kind) -> Self {
        Self { kind, blocks: Vec::new() }
    }
}

struct Builder {
    /// The containers that are open, the root first; never empty.
    open: Vec<Container>,
    /// The line that is being collected. Items of tight lists have text without a paragraph around it.
    line: Option<InlineBuilder>,
}

impl Builder {
    fn event(&mut self, event: Event) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => match &mut self.top().kind {
                Kind::Code { text: code, .. } => code.push_str(&text),
                _ => self.line().text(&text),
            },
            Event::Code(text) => self.line().code(&text),
            Event::Html(html) => match &mut self.top().kind {
                Kind::Html { lines } => lines.push_str(&html),
                _ => self.line().text(&html),
            },
            Event::InlineHtml(html) => self.line().html(&html),
            Event::SoftBreak => self.line().text(" "),
            Event::HardBreak => self.line().hard_break(),
            Event::Rule => self.push(Block::HorizontalRule),
            Event::TaskListMarker(ticked) => {
                if let Some(Kind::Item { checked }) = self
                    .open
                    .iter_mut()
                    .rev()
                    .map(|container| &mut container.kind)
                    .find(|kind| matches!(kind, Kind::Item { .. }))
                {
                    *checked = Some(ticked);
                }
            }
            Event::InlineMath(text) | Event::DisplayMath(text) | Event::FootnoteReference(text) => {
                self.line().text(&text);
            }
        }
    }

    fn start(&mut self, tag: Tag) {
        match tag {
            Tag::Emphasis => self.line().open(Mark::Italic),
            Tag::Strong => self.line().open(Mark::Bold),
            Tag::Strikethrough => self.line().open(Mark::Strike),
            Tag::Link { dest_url, title, .. } => {
                let title = (!title.is_empty()).then(|| title.to_string());
                self.line().open(Mark::Link { href: dest_url.to_string(), title });
            }
            Tag::Image { dest_url, title, .. } => self.line().open_image(&dest_url, &title),
            Tag::BlockQuote(_) => self.open_nested(Kind::Quote),
            Tag::List(start) => self.open_nested(Kind::List { start, items: Vec::new() }),
            Tag::Item => {
                let lifted = matches!(self.top().kind, Kind::Lifted);
                self.open_container(if lifted { Kind::Lifted } else { Kind::Item { checked: None } });
            }
            Tag::CodeBlock(kind) => {
                let language = match kind {
                    CodeBlockKind::Fenced(info) => Some(info.to_string()),
                    CodeBlockKind::Indented => None,
                };
                self.open_container(Kind::Code { language, text: String::new() });
            }
            Tag::HtmlBlock => self.open_container(Kind::Html { lines: String::new() }),
            Tag::Table(_) => self.open_container(Kind::Table { rows: Vec::new() }),
            Tag::TableHead | Tag::TableRow => {
                if let Kind::Table { rows } = &mut self.top().kind {
                    rows.push(Vec::new());
                }
            }
            _ => self.end_line(),
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough | TagEnd::Link => self.line().close(),
            TagEnd::Image => self.line().close_image(),
            TagEnd::Heading(level) => {
                let content = self.take_line();
                self.push(Block::Heading { level: level_number(level), content });
            }
            TagEnd::TableCell => {
                let cell = self.take_line();
                if let Kind::Table { rows } = &mut self.top().kind
                    && let Some(row) = rows.last_mut()
                {
                    row.push(cell);
                }
            }
            TagEnd::BlockQuote(_)
            | TagEnd::List(_)
            | TagEnd::Item
            | TagEnd::CodeBlock
            | TagEnd::HtmlBlock
            | TagEnd::Table => self.close_container(),
            _ => self.end_line(),
        }
    }

    fn top(&mut self) -> &mut Container {
        self.open.last_mut().expect("the root stays open")
    }

    fn line(&mut self) -> &mut InlineBuilder {
        self.line.get_or_insert_default()
    }

    fn take_line(&mut self) -> Vec<Inline> {
        self.line.take().map(InlineBuilder::finish).unwrap_or_default()
    }

    fn end_line(&mut self) {
        if let Some(line) = self.line.take() {
            self.top().blocks.push(Block::Paragraph(line.finish()));
        }
    }

    fn push(&mut self, block: Block) {
        self.end_line();
        self.top().blocks.push(block);
    }

    fn open_nested(&mut self, kind: Kind) {
        let nested = |container: &&Container| matches!(container.kind, Kind::Quote | Kind::Item { .. });
        let depth = self.open.iter().filter(nested).count();
        self.open_container(if depth < NESTING_MAX { kind } else { Kind::Lifted });
    }

    fn open_container(&mut self, kind: Kind) {
        self.end_line();
        self.open.push(Container::new(kind));
    }

    fn close_container(&mut self) {
        self.end_line();
        if self.open.len() < 2 {
            return;
        }
        let Some(Container { kind, blocks }) = self.open.pop() else { return };
        let parent = self.top();
        match kind {
            Kind::Root => {}
            Kind::Quote => parent.blocks.push(Block::Blockquote(blocks)),
            Kind::Lifted => parent.blocks.extend(blocks),
            Kind::Item { checked } => {
                if let Kind::List { items, .. } = &mut parent.kind {
                    items.push((checked, blocks));
                }
            }
            Kind::List { start, items } => parent.blocks.extend(lists(start, items)),
            Kind::Code { language, text } => {
                let text = text.strip_suffix('\n').unwrap_or(&text).to_owned();
                parent.blocks.push(Block::CodeBlock { language, text });
            }
            Kind::Html { lines } => parent.blocks.push(html_block(&lines)),
            Kind::Table { rows } => parent.blocks.push(Block::Table(rows)),
        }
    }
}

/// A list whose items have boxes only in part becomes several.
fn lists(start: Option<u64>, items: Vec<(Option<bool>, Vec<Block>)>) -> Vec<Block> {
    let mut number = start.map(|start| u32::try_from(start).unwrap_or(u32::MAX));
    let mut lists: Vec<Block> = Vec::new();
    for (checked, blocks) in items {
        match (checked, lists.last_mut()) {
            (Some(checked), Some(Block::TaskList(items))) => items.push(TaskItem { checked, blocks }),
            (Some(checked), _) => lists.push(Block::TaskList(vec![TaskItem { checked, blocks }])),
            (None, Some(Block::BulletList(items) | Block::OrderedList { items, .. })) => items.push(blocks),
            (None, _) => lists.push(match number {
                Some(start) => Block::OrderedList { start, items: vec![blocks] },
                None => Block::BulletList(vec![blocks]),
            }),
        }
        number = number.map(|number| number.saturating_add(1));
    }
    lists
}

/// A block of HTML is text, line by line; tags for breaks and marks keep their meaning.
fn html_block(html: &str) -> Block {
    let mut line = InlineBuilder::default();
    for (number, text) in html.trim_end().lines().enumerate() {
        if number > 0 {
            line.hard_break();
        }
        match markdown::html::read_tag(text.trim()) {
            Some(markdown::html::Tag::Break) => line.hard_break(),
            _ => line.text(text),
        }
    }
    Block::Paragraph(line.finish())
}

const fn level_number(level: HeadingLevel) -> u8 {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        HeadingLevel::H3 => 3,
        HeadingLevel::H4 => 4,
        HeadingLevel::H5 => 5,
        HeadingLevel::H6 => 6,
    }
}
