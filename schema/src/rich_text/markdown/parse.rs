//! Blocks from Markdown.

use std::ops::Range;

use pulldown_cmark::{Alignment, CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::SAYS_NOTHING;
use super::normal::{trim_end, trim_start};
use crate::rich_text::shape::join_texts;
use crate::rich_text::{
    Align, Block, CellKind, Image, Inline, Mark, NESTING_DEPTH_MAX, TableCell, TaskItem, TaskState,
};

/// The blocks that Markdown says. Every text is Markdown: what has no meaning is words.
#[must_use]
pub fn parse(markdown: &str) -> Vec<Block> {
    let options = Options::ENABLE_TABLES | Options::ENABLE_TASKLISTS | Options::ENABLE_STRIKETHROUGH;
    // CommonMark, 2.3: insecure characters. And 2.1: a carriage return ends a line, too, in code as well.
    let markdown = &markdown.replace('\0', "\u{FFFD}").replace("\r\n", "\n").replace('\r', "\n");
    let mut builder = Builder { source: markdown, ..Builder::default() };
    for (event, range) in Parser::new_ext(markdown, options).into_offset_iter() {
        builder.add(event, range);
    }
    builder.finish()
}

/// A container that is open.
enum Open {
    Quote,
    List { start: Option<u64>, items: Vec<Item> },
    Item { state: Option<TaskState> },
    Table { aligns: Vec<Option<Align>>, rows: Vec<Vec<TableCell>> },
    Row { kind: CellKind, cells: Vec<TableCell> },
    Cell,
}

impl Open {
    /// How many levels of elements it and its parts are.
    fn levels(&self) -> usize {
        match self {
            Self::Table { .. } => 3,
            Self::List { .. } => 2,
            _ => 1,
        }
    }

    fn is_part(&self) -> bool {
        matches!(self, Self::Item { .. } | Self::Row { .. } | Self::Cell)
    }
}

struct Item {
    state: Option<TaskState>,
    content: Vec<Block>,
}

/// A piece of the words that are being read.
enum Piece {
    Inline(Inline),
    Image(Image),
}

/// What is being read, if it is not words.
enum Verbatim {
    Code { language: Option<String> },
    Html,
}

#[derive(Default)]
struct Builder<'a> {
    source: &'a str,
    finished: Vec<Block>,
    /// The open containers, each with the blocks that it holds so far.
    open: Vec<(Open, Vec<Block>)>,
    /// How many containers are open beyond those that there is room for.
    flattened: usize,
    heading: Option<u8>,
    words: Vec<Piece>,
    marks: Vec<Mark>,
    image: Option<Image>,
    verbatim: Option<(Verbatim, String)>,
    /// Where the words stand that may be a checkbox without a task.
    checkbox: Option<Range<usize>>,
}

impl Builder<'_> {
    fn add(&mut self, event: Event<'_>, range: Range<usize>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => {
                self.checkbox.get_or_insert_with(|| range.clone()).end = range.end;
                self.text(&text);
            }
            Event::Code(text) => self.marked(&text, Some(Mark::Code)),
            Event::InlineHtml(tag) => self.html_tag(&tag),
            Event::SoftBreak => self.text(" "),
            Event::HardBreak => self.words.push(Piece::Inline(Inline::HardBreak)),
            Event::Rule => {
                self.end_words();
                self.block(Block::HorizontalRule);
            }
            Event::TaskListMarker(is_done) => self.task(if is_done { TaskState::Done } else { TaskState::Open }),
            // The last three are not enabled.
            Event::Html(text) | Event::InlineMath(text) | Event::DisplayMath(text) | Event::FootnoteReference(text) => {
                self.text(&text);
            }
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Emphasis => self.marks.push(Mark::Italic),
            Tag::Strong => self.marks.push(Mark::Bold),
            Tag::Strikethrough => self.marks.push(Mark::Strike),
            Tag::Link { dest_url, title, .. } => {
                self.marks.push(Mark::Link { href: dest_url.into_string(), title: title.into_string() });
            }
            Tag::Image { dest_url, title, .. } => {
                let image = Image { src: dest_url.into_string(), title: title.into_string(), alt: String::new() };
                self.image.get_or_insert(image);
            }
            Tag::Heading { level, .. } => {
                self.end_words();
                self.heading = Some(heading_level(level));
            }
            Tag::CodeBlock(kind) => {
                let language = match kind {
                    CodeBlockKind::Fenced(info) => Some(info.split_whitespace().collect::<Vec<_>>().join(" ")),
                    CodeBlockKind::Indented => None,
                };
                let language = language.filter(|language| !language.is_empty());
                self.end_words();
                self.verbatim = Some((Verbatim::Code { language }, String::new()));
            }
            Tag::HtmlBlock => {
                self.end_words();
                self.verbatim = Some((Verbatim::Html, String::new()));
            }
            Tag::BlockQuote(_) => self.open(Open::Quote),
            Tag::List(start) => self.open(Open::List { start, items: Vec::new() }),
            Tag::Item => self.open(Open::Item { state: None }),
            Tag::Table(aligns) => {
                self.open(Open::Table { aligns: aligns.into_iter().map(column_align).collect(), rows: Vec::new() });
            }
            Tag::TableHead => self.open(Open::Row { kind: CellKind::Header, cells: Vec::new() }),
            Tag::TableRow => self.open(Open::Row { kind: CellKind::Data, cells: Vec::new() }),
            Tag::TableCell => self.open(Open::Cell),
            _ => self.end_words(),
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Emphasis => self.unmark(|mark| *mark == Mark::Italic),
            TagEnd::Strong => self.unmark(|mark| *mark == Mark::Bold),
            TagEnd::Strikethrough => self.unmark(|mark| *mark == Mark::Strike),
            TagEnd::Link => self.unmark(|mark| matches!(mark, Mark::Link { .. })),
            TagEnd::Image => self.end_image(),
            TagEnd::CodeBlock | TagEnd::HtmlBlock => self.end_verbatim(),
            TagEnd::BlockQuote(_)
            | TagEnd::List(_)
            | TagEnd::Item
            | TagEnd::Table
            | TagEnd::TableHead
            | TagEnd::TableRow
            | TagEnd::TableCell => self.close(),
            _ => self.end_words(),
        }
    }

    fn open(&mut self, container: Open) {
        self.end_words();
        self.checkbox = None;
        let has_room = container.is_part() || self.open.len() + container.levels() + 1 < NESTING_DEPTH_MAX;
        if self.flattened > 0 || !has_room {
            self.flattened += 1;
        } else {
            self.open.push((container, Vec::new()));
        }
    }

    fn close(&mut self) {
        if self.flattened > 0 {
            self.end_words();
            self.flattened -= 1;
            return;
        }
        self.read_empty_task();
        let Some((container, content)) = self.open.pop() else { return };
        let parent = self.open.last_mut().map(|(parent, _)| parent);
        match (container, parent) {
            (Open::Item { state }, Some(Open::List { items, .. })) => items.push(Item { state, content }),
            (Open::Cell, Some(Open::Row { kind, cells })) => {
                cells.push(TableCell { kind: *kind, align: None, content });
            }
            (Open::Row { cells, .. }, Some(Open::Table { aligns, rows })) => {
                let cells = cells.into_iter().enumerate();
                let align = |column: usize| aligns.get(column).copied().flatten();
                rows.push(cells.map(|(column, cell)| TableCell { align: align(column), ..cell }).collect());
            }
            (Open::Quote, _) => self.block(Block::Blockquote(content)),
            (Open::Table { rows, .. }, _) => self.block(Block::Table(rows)),
            (Open::List { start, items }, _) => lists(start, items).into_iter().for_each(|list| self.block(list)),
            (Open::Item { .. } | Open::Cell | Open::Row { .. }, _) => {}
        }
    }

    fn block(&mut self, block: Block) {
        self.open.last_mut().map_or(&mut self.finished, |(_, content)| content).push(block);
    }

    fn text(&mut self, text: &str) {
        match &mut self.verbatim {
            Some((_, verbatim)) => verbatim.push_str(text),
            None => self.marked(text, None),
        }
    }

    fn marked(&mut self, text: &str, mark: Option<Mark>) {
        if let Some(image) = &mut self.image {
            image.alt.push_str(text);
        } else {
            let marks = self.marks.iter().cloned().chain(mark);
            self.words.push(Piece::Inline(Inline::marked(text, marks)));
        }
    }

    fn unmark(&mut self, is_it: impl Fn(&Mark) -> bool) {
        if let Some(at) = self.marks.iter().rposition(is_it) {
            self.marks.remove(at);
        }
    }

    /// Tags that stand for marks and line breaks are read as such, all others are words.
    fn html_tag(&mut self, tag: &str) {
        if tag == SAYS_NOTHING {
            return;
        }
        let name = tag.trim_start_matches(['<', '/']).trim_end_matches(['>', '/', ' ']).to_ascii_lowercase();
        let mark = match name.as_str() {
            "br" => return self.words.push(Piece::Inline(Inline::HardBreak)),
            "u" | "ins" => Mark::Underline,
            "b" | "strong" => Mark::Bold,
            "i" | "em" => Mark::Italic,
            "s" | "del" | "strike" => Mark::Strike,
            "code" => Mark::Code,
            _ => return self.marked(tag, None),
        };
        if tag.starts_with("</") {
            self.unmark(|open| *open == mark);
        } else {
            self.marks.push(mark);
        }
    }

    fn task(&mut self, state: TaskState) {
        if let (0, Some((Open::Item { state: open, .. }, _))) = (self.flattened, self.open.last_mut()) {
            *open = Some(state);
        }
    }

    /// Reads an item that is nothing but a checkbox, which GitHub takes for words.
    fn read_empty_task(&mut self) {
        self.end_words();
        let is_escaped = |words: &Range<usize>| self.source[..words.start].ends_with('\\');
        let words = self.checkbox.take().filter(|words| !is_escaped(words)).map(|words| &self.source[words]);
        let state = match words {
            Some("[ ]") => TaskState::Open,
            Some("[x]" | "[X]") => TaskState::Done,
            _ => return,
        };
        if let (Some((Open::Item { state: open @ None }, content)), Some(words)) = (self.open.last_mut(), words)
            && *content == [Block::Paragraph(vec![Inline::plain(words)])]
        {
            content.clear();
            *open = Some(state);
        }
    }

    fn end_image(&mut self) {
        let Some(image) = self.image.take() else { return };
        let link = self.marks.iter().find_map(|mark| match mark {
            Mark::Link { href, .. } => Some(href.clone()),
            _ => None,
        });
        // An image cannot be a link: what it says is, after it.
        let said = link.map(|href| if image.alt.is_empty() { href } else { image.alt.clone() });
        self.words.push(Piece::Image(image));
        if let Some(said) = said {
            self.marked(&said, None);
        }
    }

    fn end_verbatim(&mut self) {
        match self.verbatim.take() {
            Some((Verbatim::Code { language }, mut text)) => {
                if text.ends_with('\n') {
                    text.pop();
                }
                self.block(Block::CodeBlock { language, text });
            }
            Some((Verbatim::Html, text)) => {
                self.html(text.trim());
                self.end_words();
            }
            None => {}
        }
    }

    /// Reads HTML that is a block by itself.
    fn html(&mut self, html: &str) {
        let mut rest = html;
        while let Some(start) = rest.find('<') {
            self.marked(&rest[..start].replace('\n', " "), None);
            let end = rest[start..].find('>').map_or(rest.len(), |end| start + end + 1);
            self.html_tag(&rest[start..end].replace('\n', " "));
            rest = &rest[end..];
        }
        self.marked(&rest.replace('\n', " "), None);
    }

    /// Makes blocks of the words since the last: images stand between what is before and after them.
    fn end_words(&mut self) {
        self.marks.clear();
        let heading = self.heading.take();
        let words = std::mem::take(&mut self.words);
        let has_images = words.iter().any(|piece| matches!(piece, Piece::Image(_)));
        let mut line = Vec::new();
        let mut is_after_image = false;
        let end_line = |line: &mut Vec<Inline>, builder: &mut Self| {
            let content = join_texts(std::mem::take(line));
            match heading {
                Some(level) if !content.is_empty() || !has_images => builder.block(Block::Heading { level, content }),
                None if !content.is_empty() => builder.block(Block::Paragraph(content)),
                _ => {}
            }
        };
        for piece in words {
            match piece {
                Piece::Inline(inline) => line.push(inline),
                Piece::Image(image) => {
                    line = join_texts(line);
                    trim_end(&mut line);
                    if is_after_image {
                        trim_start(&mut line);
                    }
                    end_line(&mut line, self);
                    self.block(Block::Image(image));
                    is_after_image = true;
                }
            }
        }
        if is_after_image {
            line = join_texts(line);
            trim_start(&mut line);
        }
        if heading.is_some() && line.is_empty() && has_images {
            return;
        }
        end_line(&mut line, self);
    }

    fn finish(mut self) -> Vec<Block> {
        self.end_words();
        self.finished
    }
}

fn heading_level(level: HeadingLevel) -> u8 {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        HeadingLevel::H3 => 3,
        HeadingLevel::H4 => 4,
        HeadingLevel::H5 => 5,
        HeadingLevel::H6 => 6,
    }
}

fn column_align(alignment: Alignment) -> Option<Align> {
    match alignment {
        Alignment::None => None,
        Alignment::Left => Some(Align::Left),
        Alignment::Center => Some(Align::Center),
        Alignment::Right => Some(Align::Right),
    }
}

/// The lists that a list is: an editor's list is either of tasks or not.
fn lists(start: Option<u64>, items: Vec<Item>) -> Vec<Block> {
    let mut lists: Vec<Block> = Vec::new();
    for (number, Item { state, content }) in (start.unwrap_or(1)..).zip(items) {
        match (lists.last_mut(), state, start) {
            (Some(Block::TaskList(items)), Some(state), _) => items.push(TaskItem { state, content }),
            (Some(Block::BulletList(items)), None, None) | (Some(Block::OrderedList { items, .. }), None, Some(_)) => {
                items.push(content);
            }
            (_, Some(state), _) => lists.push(Block::TaskList(vec![TaskItem { state, content }])),
            (_, None, None) => lists.push(Block::BulletList(vec![content])),
            (_, None, Some(_)) => {
                let start = u32::try_from(number).unwrap_or(u32::MAX);
                lists.push(Block::OrderedList { start, items: vec![content] });
            }
        }
    }
    lists
}
