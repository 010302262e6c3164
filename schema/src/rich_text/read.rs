//! Reads what is in a fragment, as normalized blocks. Elements that are not known read as their content.

use std::sync::Arc;

use yrs::types::Attrs;
use yrs::types::text::YChange;
use yrs::{Any, Array, ArrayRef, Out, ReadTxn, Text, Xml, XmlElementRef, XmlFragmentRef, XmlTextRef};

use super::normalize::{flatten_into_cell, normalize_at, normalize_cell};
use super::tree::{Block, Image, Inline, Mark, Marks, TaskItem};
use super::{NESTING_MAX, names};

/// The deepest nesting of elements that is read; lists take two levels each, tables three.
const ELEMENT_DEPTH_MAX: usize = 3 * NESTING_MAX;

/// Reads a fragment into a normalized tree.
pub fn from_xml<T: ReadTxn>(fragment: &XmlFragmentRef, txn: &T) -> Vec<Block> {
    children(fragment.as_ref(), txn).iter().flat_map(|child| blocks(child, txn, Depth::default())).collect()
}

/// How deep one is: in containers as Markdown nests them, and in elements.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Depth {
    pub(super) containers: usize,
    elements: usize,
}

impl Depth {
    pub(super) const fn in_element(self) -> Self {
        Self { elements: self.elements + 1, ..self }
    }

    pub(super) const fn in_container(self) -> Self {
        Self { elements: self.elements + 1, containers: self.containers + 1 }
    }
}

/// The children of an element or a fragment, one for each index.
pub(super) fn children<T: ReadTxn>(parent: &ArrayRef, txn: &T) -> Vec<Out> {
    parent.iter(txn).collect()
}

fn element_children<T: ReadTxn>(element: &XmlElementRef, txn: &T) -> Vec<Out> {
    children(element.as_ref(), txn)
}

/// What a child of a body, a quotation, an item or a cell reads as.
pub(super) fn blocks<T: ReadTxn>(child: &Out, txn: &T, depth: Depth) -> Vec<Block> {
    let raw = match child {
        Out::YXmlText(text) => vec![Block::Paragraph(text_pieces(text, txn))],
        Out::YXmlElement(element) => element_blocks(element, txn, depth),
        _ => vec![],
    };
    normalize_at(&raw, depth.containers)
}

fn nested<T: ReadTxn>(element: &XmlElementRef, txn: &T, depth: Depth) -> Vec<Block> {
    element_children(element, txn).iter().flat_map(|child| blocks(child, txn, depth)).collect()
}

fn element_blocks<T: ReadTxn>(element: &XmlElementRef, txn: &T, depth: Depth) -> Vec<Block> {
    if depth.elements >= ELEMENT_DEPTH_MAX {
        return vec![Block::Paragraph(vec![Inline::plain("[nested too deep to be shown]")])];
    }
    match element.tag().as_ref() {
        names::PARAGRAPH => vec![Block::Paragraph(line(element, txn))],
        names::HEADING => vec![Block::Heading { level: heading_level(element, txn), content: line(element, txn) }],
        names::BULLET_LIST => vec![Block::BulletList(items(element, txn, depth))],
        names::ORDERED_LIST => {
            let start = number(element, txn, names::START).map_or(1, to_u32);
            vec![Block::OrderedList { start, items: items(element, txn, depth) }]
        }
        names::TASK_LIST => vec![Block::TaskList(
            element_children(element, txn).iter().map(|child| task_item(child, txn, depth.in_container())).collect(),
        )],
        names::BLOCKQUOTE => vec![Block::Blockquote(nested(element, txn, depth.in_container()))],
        names::CODE_BLOCK => {
            let language = text_attribute(element, txn, names::LANGUAGE);
            vec![Block::CodeBlock { language, text: plain_text(element, txn) }]
        }
        names::HORIZONTAL_RULE => vec![Block::HorizontalRule],
        names::IMAGE => vec![Block::Image(image(element, txn))],
        names::TABLE => vec![Block::Table(rows(element, txn, depth.in_element()))],
        _ => unknown(element, txn, depth),
    }
}

/// An element that is not known reads as what is in it, or as its name.
fn unknown<T: ReadTxn>(element: &XmlElementRef, txn: &T, depth: Depth) -> Vec<Block> {
    let children = element_children(element, txn);
    let has_text = children.iter().any(|child| matches!(child, Out::YXmlText(_)));
    let content = if has_text {
        vec![Block::Paragraph(line(element, txn))]
    } else {
        children.iter().flat_map(|child| blocks(child, txn, depth.in_element())).collect()
    };
    let content = normalize_at(&content, depth.containers);
    if content.is_empty() { vec![Block::Paragraph(vec![Inline::plain(placeholder(element, txn))])] } else { content }
}

/// What stands for an element that has no text: its name, and what it leads to.
pub(super) fn placeholder<T: ReadTxn>(element: &XmlElementRef, txn: &T) -> String {
    let about = [names::SRC, names::HREF, "label", "id"];
    match about.iter().find_map(|key| text_attribute(element, txn, key)) {
        Some(about) => format!("[{}: {about}]", element.tag()),
        None => format!("[{}]", element.tag()),
    }
}

fn items<T: ReadTxn>(list: &XmlElementRef, txn: &T, depth: Depth) -> Vec<Vec<Block>> {
    element_children(list, txn).iter().map(|child| item_blocks(child, txn, depth.in_container())).collect()
}

/// What is in an item; a child of a list that is no item reads as one that holds it.
pub(super) fn item_blocks<T: ReadTxn>(child: &Out, txn: &T, depth: Depth) -> Vec<Block> {
    match child {
        Out::YXmlElement(item) if matches!(item.tag().as_ref(), names::LIST_ITEM | names::TASK_ITEM) => {
            nested(item, txn, depth.in_element())
        }
        other => blocks(other, txn, depth),
    }
}

pub(super) fn task_item<T: ReadTxn>(child: &Out, txn: &T, depth: Depth) -> TaskItem {
    TaskItem { checked: is_checked(child, txn), blocks: item_blocks(child, txn, depth) }
}

fn is_checked<T: ReadTxn>(item: &Out, txn: &T) -> bool {
    let Out::YXmlElement(item) = item else { return false };
    match item.get_attribute(txn, names::CHECKED) {
        Some(Out::Any(Any::Bool(checked))) => checked,
        Some(Out::Any(Any::String(text))) => text.as_ref() == "true",
        _ => false,
    }
}

fn rows<T: ReadTxn>(table: &XmlElementRef, txn: &T, depth: Depth) -> Vec<Vec<Vec<Inline>>> {
    element_children(table, txn).iter().map(|row| row_cells(row, txn, depth.in_element())).collect()
}

/// The cells of a row; what is no row has none.
pub(super) fn row_cells<T: ReadTxn>(row: &Out, txn: &T, depth: Depth) -> Vec<Vec<Inline>> {
    match row {
        Out::YXmlElement(row) if row.tag().as_ref() == names::TABLE_ROW => {
            element_children(row, txn).iter().map(|cell| cell_content(cell, txn, depth.in_element())).collect()
        }
        _ => vec![],
    }
}

pub(super) fn cell_content<T: ReadTxn>(cell: &Out, txn: &T, depth: Depth) -> Vec<Inline> {
    let blocks = match cell {
        Out::YXmlElement(cell) if matches!(cell.tag().as_ref(), names::TABLE_CELL | names::TABLE_HEADER) => {
            nested(cell, txn, depth.in_element())
        }
        other => blocks(other, txn, depth),
    };
    let mut content = Vec::new();
    flatten_into_cell(&blocks, &mut content);
    normalize_cell(&content)
}

/// The pieces of a paragraph, a heading or the like.
fn line<T: ReadTxn>(element: &XmlElementRef, txn: &T) -> Vec<Inline> {
    let mut pieces = Vec::new();
    for child in element_children(element, txn) {
        match child {
            Out::YXmlText(text) => pieces.extend(text_pieces(&text, txn)),
            Out::YXmlElement(element) => pieces.push(inline_element(&element, txn)),
            _ => {}
        }
    }
    pieces
}

pub(super) fn inline_element<T: ReadTxn>(element: &XmlElementRef, txn: &T) -> Inline {
    match element.tag().as_ref() {
        names::HARD_BREAK => Inline::HardBreak,
        names::IMAGE => Inline::Image(image(element, txn)),
        _ => Inline::plain(inline_placeholder(element, txn)),
    }
}

/// What an element within a line that is not known reads as: the text right in it, or its name.
pub(super) fn inline_placeholder<T: ReadTxn>(element: &XmlElementRef, txn: &T) -> String {
    let text = plain_text(element, txn);
    if text.trim().is_empty() { placeholder(element, txn) } else { text }
}

/// What stands for an object that is embedded in text.
pub(super) const EMBED_PLACEHOLDER: &str = "[embedded object]";

fn text_pieces<T: ReadTxn>(text: &XmlTextRef, txn: &T) -> Vec<Inline> {
    chunks(text, txn)
        .into_iter()
        .map(|chunk| Inline::Text {
            text: chunk.text.unwrap_or_else(|| EMBED_PLACEHOLDER.to_owned()),
            marks: read_marks(&chunk.attributes),
        })
        .collect()
}

/// A stretch of a text in which all has the same attributes; an embedded object has no text.
pub(super) struct Chunk {
    pub(super) text: Option<String>,
    pub(super) attributes: Attrs,
}

pub(super) fn chunks<T: ReadTxn>(text: &XmlTextRef, txn: &T) -> Vec<Chunk> {
    text.diff(txn, YChange::identity)
        .into_iter()
        .map(|chunk| {
            let text = match chunk.insert {
                Out::Any(Any::String(text)) => Some(text.as_ref().to_owned()),
                _ => None,
            };
            let mut attributes = chunk.attributes.map(|attributes| *attributes).unwrap_or_default();
            attributes.retain(|_, value| !matches!(value, Any::Null));
            Chunk { text, attributes }
        })
        .collect()
}

/// The text right in an element, without marks.
fn plain_text<T: ReadTxn>(element: &XmlElementRef, txn: &T) -> String {
    let mut plain = String::new();
    for child in element_children(element, txn) {
        match child {
            Out::YXmlText(text) => plain.extend(chunks(&text, txn).into_iter().filter_map(|chunk| chunk.text)),
            Out::YXmlElement(element) if element.tag().as_ref() == names::HARD_BREAK => plain.push('\n'),
            _ => {}
        }
    }
    plain
}

/// The marks that are known among the attributes of a text.
pub(super) fn read_marks(attributes: &Attrs) -> Marks {
    attributes.iter().filter_map(|(name, value)| read_mark(name, value)).collect()
}

pub(super) fn read_mark(name: &Arc<str>, value: &Any) -> Option<Mark> {
    Some(match mark_name(name) {
        names::BOLD => Mark::Bold,
        names::ITALIC => Mark::Italic,
        names::STRIKE => Mark::Strike,
        names::UNDERLINE => Mark::Underline,
        names::CODE => Mark::Code,
        names::LINK => {
            let Any::Map(link) = value else { return None };
            let text = |key| match link.get(key) {
                Some(Any::String(text)) => Some(text.as_ref().to_owned()),
                _ => None,
            };
            Mark::Link { href: text(names::HREF)?, title: text(names::TITLE) }
        }
        _ => return None,
    })
}

/// Marks that may overlap with themselves carry a hash of eight characters behind two hyphens.
fn mark_name(attribute: &str) -> &str {
    const HASH_LENGTH: usize = 8;
    let is_hash = |hash: &str| {
        hash.len() == HASH_LENGTH
            && hash.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='))
    };
    match attribute.rsplit_once("--") {
        Some((name, hash)) if is_hash(hash) => name,
        _ => attribute,
    }
}

fn image<T: ReadTxn>(element: &XmlElementRef, txn: &T) -> Image {
    Image {
        src: text_attribute(element, txn, names::SRC).unwrap_or_default(),
        alt: text_attribute(element, txn, names::ALT),
        title: text_attribute(element, txn, names::TITLE),
    }
}

fn heading_level<T: ReadTxn>(element: &XmlElementRef, txn: &T) -> u8 {
    number(element, txn, names::LEVEL).map_or(1, |level| u8::try_from(to_u32(level)).unwrap_or(u8::MAX).clamp(1, 6))
}

pub(super) fn text_attribute<T: ReadTxn>(element: &XmlElementRef, txn: &T, key: &str) -> Option<String> {
    match element.get_attribute(txn, key) {
        Some(Out::Any(Any::String(text))) => Some(text.as_ref().to_owned()),
        _ => None,
    }
}

fn number<T: ReadTxn>(element: &XmlElementRef, txn: &T, key: &str) -> Option<f64> {
    match element.get_attribute(txn, key)? {
        Out::Any(Any::Number(number)) => number.as_f64(),
        Out::Any(Any::String(text)) => text.parse().ok(),
        _ => None,
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to what fits before")]
fn to_u32(number: f64) -> u32 {
    number.clamp(0.0, f64::from(u32::MAX)) as u32
}
