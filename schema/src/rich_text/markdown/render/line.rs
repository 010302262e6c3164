//! The text of a paragraph, a heading or a cell.

use super::super::html::tag_name;
use super::super::parse::parse_raw;
use super::escape;
use crate::rich_text::normalize::normalize;
use crate::rich_text::tree::{Block, Image, Inline, Mark, Marks};

/// Where a line stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Paragraph,
    Heading,
    Cell,
}

/// How marks are written. Delimiters read better, but cannot stand everywhere (`a**"b"**` is not bold); tags can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Delimiters,
    Tags,
}

/// Renders normalized pieces of a line. Whether delimiters do is found by reading them back.
pub(super) fn render(content: &[Inline], place: Place) -> String {
    let delimited = Line::new(content, Place::Paragraph, Style::Delimiters).render();
    let is_marked = content.iter().any(|inline| matches!(inline, Inline::Text { marks, .. } if !marks.is_empty()));
    let expected = normalize(&[Block::Paragraph(content.to_vec())]);
    if is_marked && normalize(&parse_raw(&delimited)) != expected {
        return Line::new(content, place, Style::Tags).render();
    }
    if place == Place::Paragraph { delimited } else { Line::new(content, place, Style::Delimiters).render() }
}

struct Line<'a> {
    content: &'a [Inline],
    place: Place,
    style: Style,
    markdown: String,
    /// The marks that are open, the outermost first.
    open: Vec<Mark>,
    at_line_start: bool,
    before: Option<char>,
}

impl<'a> Line<'a> {
    fn new(content: &'a [Inline], place: Place, style: Style) -> Self {
        let at_line_start = place == Place::Paragraph;
        Self { content, place, style, markdown: String::new(), open: Vec::new(), at_line_start, before: None }
    }

    fn render(mut self) -> String {
        for (number, inline) in self.content.iter().enumerate() {
            match inline {
                Inline::Text { text, marks } => {
                    self.turn_to(marks, number);
                    self.text(text, marks, self.content.get(number + 1));
                }
                Inline::HardBreak => self.hard_break(number),
                Inline::Image(image) => {
                    self.turn_to(&Marks::new(), number);
                    self.image(image);
                }
            }
        }
        self.turn_to(&Marks::new(), self.content.len());
        if self.place == Place::Heading {
            escape::heading_end(&mut self.markdown);
        }
        self.markdown
    }

    /// Closes and opens marks so that exactly these are open. Of those to open, the ones that last longest come first.
    fn turn_to(&mut self, marks: &Marks, number: usize) {
        let stay = self.open.iter().take_while(|mark| marks.contains(mark)).count();
        for mark in self.open.split_off(stay).into_iter().rev() {
            self.close(&mark);
        }
        let mut opening: Vec<_> = marks.iter().filter(|mark| !self.open.contains(mark)).cloned().collect();
        opening.sort_by_key(|mark| std::cmp::Reverse(self.lasts(mark, number)));
        for mark in opening {
            self.markdown.push_str(&self.delimiter(&mark, Side::Open));
            self.open.push(mark);
        }
    }

    fn close(&mut self, mark: &Mark) {
        let delimiter = self.delimiter(mark, Side::Close);
        self.markdown.push_str(&delimiter);
    }

    /// For how many pieces from here on a mark stays.
    fn lasts(&self, mark: &Mark, number: usize) -> usize {
        let has_mark = |inline: &&Inline| match inline {
            Inline::Text { marks, .. } => marks.contains(mark),
            Inline::HardBreak => true,
            Inline::Image(_) => false,
        };
        self.content[number..].iter().take_while(has_mark).count()
    }

    fn delimiter(&self, mark: &Mark, side: Side) -> String {
        let tag = || match (tag_name(mark), side) {
            (Some(name), Side::Open) => format!("<{name}>"),
            (Some(name), Side::Close) => format!("</{name}>"),
            (None, _) => String::new(),
        };
        match (mark, self.style) {
            (Mark::Link { .. }, _) if side == Side::Open => "[".to_owned(),
            (Mark::Link { href, title }, _) => format!("]({})", self.target(href, title.as_deref())),
            (Mark::Bold, Style::Delimiters) => "**".to_owned(),
            (Mark::Italic, Style::Delimiters) => "*".to_owned(),
            (Mark::Strike, Style::Delimiters) => "~~".to_owned(),
            _ => tag(),
        }
    }

    fn target(&self, address: &str, title: Option<&str>) -> String {
        let bars = self.has_bars();
        let address = escape::address(address, bars);
        match title {
            Some(title) => format!("{address} \"{}\"", escape::title(title, bars)),
            None => address,
        }
    }

    fn has_bars(&self) -> bool {
        self.place == Place::Cell || self.content.contains(&Inline::HardBreak)
    }

    fn text(&mut self, text: &str, marks: &Marks, next: Option<&Inline>) {
        if marks.contains(&Mark::Code) {
            let code = code_span(text);
            let code = if self.place == Place::Cell { code.replace('|', "\\|") } else { code };
            self.markdown.push_str(&code);
        } else {
            let context = escape::Context {
                at_line_start: self.at_line_start,
                in_link: self.open.iter().any(|mark| matches!(mark, Mark::Link { .. })),
                bars: self.has_bars(),
                before: self.before,
                link_follows: next.is_some_and(is_link),
            };
            self.markdown.push_str(&escape::text(text, context));
        }
        self.at_line_start = false;
        self.before = text.chars().last();
    }

    /// Marks that are on both sides of a break stay open over it.
    fn hard_break(&mut self, number: usize) {
        let neighbour = |inline: &Inline| match inline {
            Inline::Text { marks, .. } => Some(marks.clone()),
            Inline::HardBreak => None,
            Inline::Image(_) => Some(Marks::new()),
        };
        let before = self.content[..number].iter().rev().find_map(neighbour).unwrap_or_default();
        let after = self.content[number..].iter().find_map(neighbour).unwrap_or_default();
        self.turn_to(&before.intersection(&after).cloned().collect(), number);
        if self.place == Place::Paragraph {
            self.markdown.push_str("\\\n");
            self.at_line_start = true;
        } else {
            self.markdown.push_str("<br>");
        }
        self.before = None;
    }

    fn image(&mut self, image: &Image) {
        let alt = image.alt.as_deref().unwrap_or_default();
        let bars = self.has_bars();
        let context = escape::Context { at_line_start: false, in_link: true, bars, before: None, link_follows: false };
        let alt = escape::text(alt, context);
        self.markdown.push_str(&format!("![{alt}]({})", self.target(&image.src, image.title.as_deref())));
        self.at_line_start = false;
        self.before = Some(')');
    }
}

fn is_link(inline: &Inline) -> bool {
    match inline {
        Inline::Text { marks, .. } => marks.iter().any(|mark| matches!(mark, Mark::Link { .. })),
        Inline::HardBreak => false,
        Inline::Image(_) => true,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Open,
    Close,
}

/// Code between more backticks than are in it, and spaces where it would lose its own.
fn code_span(text: &str) -> String {
    let longest = text.split(|character| character != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let is_blank = text.chars().all(|character| character == ' ');
    let loses_spaces = text.starts_with(' ') && text.ends_with(' ') && !is_blank;
    let space = if loses_spaces || text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}
