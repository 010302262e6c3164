//! Writes new elements and text.

use std::collections::HashMap;
use std::sync::Arc;

use yrs::types::Attrs;
use yrs::types::xml::{XmlDeltaPrelim, XmlIn};
use yrs::{Any, In, Number, TransactionMut, Xml, XmlElementPrelim, XmlElementRef, XmlFragment};

use super::names;
use super::normalize::normalize_cell;
use super::tree::{Block, Image, Inline, Mark, Marks};

/// What is a child somewhere: a block, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Unit {
    Block(Block),
    /// An item of a list without boxes.
    Item(Vec<Block>),
    /// An item of a list with boxes.
    TaskItem(super::tree::TaskItem),
    Row(Vec<Vec<Inline>>),
    Cell(Vec<Inline>),
}

/// Whether cells that are made are headings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CellKind {
    Heading,
    Ordinary,
}

/// Inserts what a unit reads as.
pub(super) fn insert(parent: &impl XmlFragment, index: u32, unit: &Unit, cells: CellKind, txn: &mut TransactionMut) {
    match unit {
        Unit::Block(block) => insert_block(parent, index, block, txn),
        Unit::Item(blocks) => {
            let item = element(parent, index, names::LIST_ITEM, &[], txn);
            fill_item(&item, blocks, txn);
        }
        Unit::TaskItem(task) => {
            let item = element(parent, index, names::TASK_ITEM, &[(names::CHECKED, Any::Bool(task.checked))], txn);
            fill_item(&item, &task.blocks, txn);
        }
        Unit::Row(row) => {
            let element = element(parent, index, names::TABLE_ROW, &[], txn);
            for (place, cell) in (0..).zip(row) {
                insert(&element, place, &Unit::Cell(cell.clone()), cells, txn);
            }
        }
        Unit::Cell(content) => {
            let name = if cells == CellKind::Heading { names::TABLE_HEADER } else { names::TABLE_CELL };
            let cell = element(parent, index, name, &[(names::COLSPAN, number(1)), (names::ROWSPAN, number(1))], txn);
            fill(&cell, &cell_blocks(content), txn);
        }
    }
}

fn insert_block(parent: &impl XmlFragment, index: u32, block: &Block, txn: &mut TransactionMut) {
    let units: (XmlElementRef, Vec<Unit>) = match block {
        Block::Paragraph(content) => {
            let paragraph = element(parent, index, names::PARAGRAPH, &[], txn);
            return fill_line(&paragraph, content, txn);
        }
        Block::Heading { level, content } => {
            let heading = element(parent, index, names::HEADING, &[(names::LEVEL, number((*level).into()))], txn);
            return fill_line(&heading, content, txn);
        }
        Block::CodeBlock { language, text } => {
            let language = language.as_deref().map(|language| (names::LANGUAGE, Any::from(language)));
            let code = element(parent, index, names::CODE_BLOCK, language.as_slice(), txn);
            return fill_line(&code, &[Inline::plain(text.as_str())], txn);
        }
        Block::HorizontalRule => {
            element(parent, index, names::HORIZONTAL_RULE, &[], txn);
            return;
        }
        Block::Image(image) => return insert_image(parent, index, image, txn),
        Block::Blockquote(blocks) => {
            let quote = element(parent, index, names::BLOCKQUOTE, &[], txn);
            return fill(&quote, blocks, txn);
        }
        Block::BulletList(items) => (element(parent, index, names::BULLET_LIST, &[], txn), item_units(items)),
        Block::OrderedList { start, items } => {
            let start = (names::START, number(*start));
            (element(parent, index, names::ORDERED_LIST, &[start], txn), item_units(items))
        }
        Block::TaskList(items) => {
            let units = items.iter().cloned().map(Unit::TaskItem).collect();
            (element(parent, index, names::TASK_LIST, &[], txn), units)
        }
        Block::Table(rows) => {
            (element(parent, index, names::TABLE, &[], txn), rows.iter().cloned().map(Unit::Row).collect())
        }
    };
    let (element, units) = units;
    for (place, unit) in (0..).zip(&units) {
        let cells = if place == 0 { CellKind::Heading } else { CellKind::Ordinary };
        insert(&element, place, unit, cells, txn);
    }
}

fn item_units(items: &[Vec<Block>]) -> Vec<Unit> {
    items.iter().cloned().map(Unit::Item).collect()
}

/// What a cell holds, as the blocks that are written into it.
pub(super) fn cell_blocks(content: &[Inline]) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for inline in normalize_cell(content) {
        match (inline, blocks.last_mut()) {
            (Inline::Image(image), _) => blocks.push(Block::Image(image)),
            (inline, Some(Block::Paragraph(content))) => content.push(inline),
            (inline, _) => blocks.push(Block::Paragraph(vec![inline])),
        }
    }
    blocks
}

/// Editors want an item to begin with a paragraph.
fn fill_item(item: &XmlElementRef, blocks: &[Block], txn: &mut TransactionMut) {
    if !matches!(blocks.first(), Some(Block::Paragraph(_))) {
        element(item, 0, names::PARAGRAPH, &[], txn);
    }
    append(item, blocks, txn);
}

/// Editors want a container to hold a paragraph at least.
fn fill(container: &XmlElementRef, blocks: &[Block], txn: &mut TransactionMut) {
    if blocks.is_empty() {
        element(container, 0, names::PARAGRAPH, &[], txn);
    }
    append(container, blocks, txn);
}

fn append(container: &XmlElementRef, blocks: &[Block], txn: &mut TransactionMut) {
    for block in blocks {
        let end = container.len(txn);
        insert_block(container, end, block, txn);
    }
}

/// Adds what an editor's schema asks for in a container: a paragraph first in an item, a block at least elsewhere.
pub(super) fn complete(container: &XmlElementRef, txn: &mut TransactionMut) {
    let is_item = matches!(container.tag().as_ref(), names::LIST_ITEM | names::TASK_ITEM);
    let first = container.get(txn, 0).and_then(yrs::XmlOut::into_xml_element);
    let begins_with_paragraph = first.is_some_and(|first| first.tag().as_ref() == names::PARAGRAPH);
    if container.len(txn) == 0 || (is_item && !begins_with_paragraph) {
        element(container, 0, names::PARAGRAPH, &[], txn);
    }
}

fn fill_line(element: &XmlElementRef, content: &[Inline], txn: &mut TransactionMut) {
    for run in content.chunk_by(|a, b| matches!((a, b), (Inline::Text { .. }, Inline::Text { .. }))) {
        let end = element.len(txn);
        match run {
            [Inline::HardBreak] => insert_break(element, end, txn),
            [Inline::Image(image)] => insert_image(element, end, image, txn),
            texts => insert_text(element, end, texts, txn),
        }
    }
}

/// Inserts a run of text as one Y.XmlText.
pub(super) fn insert_text(parent: &XmlElementRef, index: u32, texts: &[Inline], txn: &mut TransactionMut) {
    let delta = texts.iter().filter_map(|inline| match inline {
        Inline::Text { text, marks } if !text.is_empty() => Some(inserted(text, marks_to_attributes(marks))),
        _ => None,
    });
    let text = XmlDeltaPrelim { delta: delta.collect(), ..XmlDeltaPrelim::default() };
    if !text.delta.is_empty() {
        parent.insert(txn, index, XmlIn::Text(text));
    }
}

pub(super) fn inserted(text: &str, attributes: Attrs) -> yrs::types::Delta<In> {
    let attributes = (!attributes.is_empty()).then(|| Box::new(attributes));
    yrs::types::Delta::Inserted(In::Any(Any::from(text)), attributes)
}

pub(super) fn insert_break(parent: &XmlElementRef, index: u32, txn: &mut TransactionMut) {
    element(parent, index, names::HARD_BREAK, &[], txn);
}

fn insert_image(parent: &impl XmlFragment, index: u32, image: &Image, txn: &mut TransactionMut) {
    let attribute = |key, value: &Option<String>| value.as_deref().map(|value| (key, Any::from(value)));
    let attributes: Vec<_> = [(names::SRC, Any::from(image.src.as_str()))]
        .into_iter()
        .chain(attribute(names::ALT, &image.alt))
        .chain(attribute(names::TITLE, &image.title))
        .collect();
    element(parent, index, names::IMAGE, &attributes, txn);
}

fn element(
    parent: &impl XmlFragment,
    index: u32,
    name: &str,
    attributes: &[(&str, Any)],
    txn: &mut TransactionMut,
) -> XmlElementRef {
    let element = parent.insert(txn, index, XmlElementPrelim::empty(name));
    for (key, value) in attributes {
        element.insert_attribute(txn, *key, value.clone());
    }
    element
}

pub(super) fn number(number: u32) -> Any {
    Any::Number(Number::Int(number.into()))
}

/// The attribute of a text that a mark is. Marks without attributes are empty objects.
pub(super) fn mark_to_attribute(mark: &Mark) -> (Arc<str>, Any) {
    let name = match mark {
        Mark::Link { .. } => names::LINK,
        Mark::Bold => names::BOLD,
        Mark::Italic => names::ITALIC,
        Mark::Strike => names::STRIKE,
        Mark::Underline => names::UNDERLINE,
        Mark::Code => names::CODE,
    };
    let mut fields = HashMap::new();
    if let Mark::Link { href, title } = mark {
        fields.insert(names::HREF.to_owned(), Any::from(href.as_str()));
        fields.extend(title.as_deref().map(|title| (names::TITLE.to_owned(), Any::from(title))));
    }
    (name.into(), Any::Map(Arc::new(fields)))
}

pub(super) fn marks_to_attributes(marks: &Marks) -> Attrs {
    marks.iter().map(mark_to_attribute).collect()
}
