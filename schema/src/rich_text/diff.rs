//! Makes a fragment read as a tree, by the smallest change that is found.

use yrs::{Any, ArrayRef, Out, TransactionMut, Xml, XmlElementRef, XmlFragment, XmlFragmentRef};

use super::alignment::{OldChild, Step, align, word_likeness};
use super::normalize::normalize;
use super::read::{self, Depth};
use super::tree::{Block, Inline};
use super::write::{self, CellKind, Unit, cell_blocks, complete};
use super::{inline_diff, names};

/// Changes a fragment so that [`super::from_xml`] reads `blocks` (in their normal form).
///
/// Blocks that read the same already are not touched. A block that changed is edited within: its text character by
/// character, its items and cells one by one. What cannot be edited into the other (a paragraph into a list) goes and
/// comes anew.
pub fn diff_apply(fragment: &XmlFragmentRef, txn: &mut TransactionMut, blocks: &[Block]) {
    let new: Vec<_> = normalize(blocks).into_iter().map(Unit::Block).collect();
    apply_children(fragment, Place::Blocks, Depth::default(), &new, txn);
}

/// What the children of an element are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Blocks,
    Items,
    TaskItems,
    Rows,
    Cells(CellKind),
}

fn read_child(child: &Out, place: Place, depth: Depth, txn: &TransactionMut) -> OldChild<Unit> {
    let items = match place {
        Place::Blocks => read::blocks(child, txn, depth).into_iter().map(Unit::Block).collect(),
        Place::Items => vec![Unit::Item(read::item_blocks(child, txn, depth))],
        Place::TaskItems => vec![Unit::TaskItem(read::task_item(child, txn, depth))],
        Place::Rows => vec![Unit::Row(read::row_cells(child, txn, depth))],
        Place::Cells(_) => vec![Unit::Cell(read::cell_content(child, txn, depth))],
    };
    let is_paragraph = |child: &XmlElementRef| child.tag().as_ref() == names::PARAGRAPH;
    let is_blank = place == Place::Blocks && matches!(child, Out::YXmlElement(child) if is_paragraph(child));
    OldChild { items, is_blank }
}

fn apply_children<P>(parent: &P, place: Place, depth: Depth, new: &[Unit], txn: &mut TransactionMut)
where
    P: XmlFragment + AsRef<ArrayRef>,
{
    let children = read::children(parent.as_ref(), txn);
    let old: Vec<_> = children.iter().map(|child| read_child(child, place, depth, txn)).collect();
    let steps = align(&old, new, &Unit::Block(Block::Paragraph(Vec::new())), &likeness);

    let (mut index, mut remaining) = (0, children.into_iter());
    for step in steps {
        match step {
            Step::Keep => {
                remaining.next();
                index += 1;
            }
            Step::Update(which) => {
                if let Some(Out::YXmlElement(element)) = remaining.next() {
                    update(&element, &new[which], place, depth, txn);
                    index += 1;
                } else {
                    // Text where an element should be.
                    parent.remove(txn, index);
                    write::insert(parent, index, &new[which], CellKind::Ordinary, txn);
                    index += 1;
                }
            }
            Step::Delete => {
                remaining.next();
                parent.remove(txn, index);
            }
            Step::Insert(which) => {
                let cells = match place {
                    Place::Rows if index == 0 => CellKind::Heading,
                    Place::Cells(kind) => kind,
                    _ => CellKind::Ordinary,
                };
                write::insert(parent, index, &new[which], cells, txn);
                index += 1;
            }
        }
    }
}

/// Whether an element that reads as one can be edited into the other, and how much they have in common.
fn likeness(old: &Unit, new: &Unit) -> Option<u32> {
    let is_possible = match (old, new) {
        (Unit::Block(old), Unit::Block(new)) => {
            std::mem::discriminant(old) == std::mem::discriminant(new)
                && !matches!(old, Block::HorizontalRule | Block::Image(_))
        }
        _ => std::mem::discriminant(old) == std::mem::discriminant(new),
    };
    is_possible.then(|| word_likeness(&unit_text(old), &unit_text(new)))
}

fn unit_text(unit: &Unit) -> String {
    let mut text = String::new();
    match unit {
        Unit::Block(block) => block_text(block, &mut text),
        Unit::Item(blocks) => blocks.iter().for_each(|block| block_text(block, &mut text)),
        Unit::TaskItem(item) => item.blocks.iter().for_each(|block| block_text(block, &mut text)),
        Unit::Row(cells) => cells.iter().for_each(|cell| line_text(cell, &mut text)),
        Unit::Cell(content) => line_text(content, &mut text),
    }
    text
}

fn block_text(block: &Block, text: &mut String) {
    match block {
        Block::Paragraph(content) | Block::Heading { content, .. } => line_text(content, text),
        Block::BulletList(items) | Block::OrderedList { items, .. } => {
            items.iter().flatten().for_each(|block| block_text(block, text));
        }
        Block::TaskList(items) => items.iter().flat_map(|item| &item.blocks).for_each(|block| block_text(block, text)),
        Block::Blockquote(blocks) => blocks.iter().for_each(|block| block_text(block, text)),
        Block::CodeBlock { text: code, .. } => text.push_str(code),
        Block::HorizontalRule => {}
        Block::Image(image) => text.push_str(&image.src),
        Block::Table(rows) => rows.iter().flatten().for_each(|cell| line_text(cell, text)),
    }
    text.push('\n');
}

fn line_text(content: &[Inline], text: &mut String) {
    for inline in content {
        match inline {
            Inline::Text { text: piece, .. } => text.push_str(piece),
            Inline::HardBreak => text.push('\n'),
            Inline::Image(image) => text.push_str(&image.src),
        }
    }
    text.push('\n');
}

/// Edits an element that can become what is new.
fn update(element: &XmlElementRef, new: &Unit, place: Place, depth: Depth, txn: &mut TransactionMut) {
    match new {
        Unit::Block(block) => update_block(element, block, depth, txn),
        Unit::Item(blocks) => update_item(element, blocks, depth, txn),
        Unit::TaskItem(item) => {
            set_attribute(element, names::CHECKED, Any::Bool(item.checked), txn);
            update_item(element, &item.blocks, depth, txn);
        }
        Unit::Row(cells) => {
            let kind = if is_heading_row(element, txn) { CellKind::Heading } else { CellKind::Ordinary };
            let cells: Vec<_> = cells.iter().cloned().map(Unit::Cell).collect();
            apply_children(element, Place::Cells(kind), depth.in_element(), &cells, txn);
        }
        Unit::Cell(content) => {
            debug_assert!(matches!(place, Place::Cells(_)));
            apply_blocks(element, &cell_blocks(content), depth.in_element(), txn);
        }
    }
}

fn update_block(element: &XmlElementRef, block: &Block, depth: Depth, txn: &mut TransactionMut) {
    let units = |items: &[Vec<Block>]| items.iter().cloned().map(Unit::Item).collect::<Vec<_>>();
    match block {
        Block::Paragraph(content) => inline_diff::apply(element, content, txn),
        Block::Heading { level, content } => {
            set_attribute(element, names::LEVEL, write::number((*level).into()), txn);
            inline_diff::apply(element, content, txn);
        }
        Block::CodeBlock { language, text } => {
            match language {
                Some(language) => set_attribute(element, names::LANGUAGE, Any::from(language.as_str()), txn),
                None => remove_attribute(element, names::LANGUAGE, txn),
            }
            inline_diff::apply_code(element, text, txn);
        }
        Block::BulletList(items) => apply_children(element, Place::Items, depth.in_container(), &units(items), txn),
        Block::OrderedList { start, items } => {
            set_attribute(element, names::START, write::number(*start), txn);
            apply_children(element, Place::Items, depth.in_container(), &units(items), txn);
        }
        Block::TaskList(items) => {
            let items: Vec<_> = items.iter().cloned().map(Unit::TaskItem).collect();
            apply_children(element, Place::TaskItems, depth.in_container(), &items, txn);
        }
        Block::Blockquote(blocks) => apply_blocks(element, blocks, depth.in_container(), txn),
        Block::Table(rows) => {
            let rows: Vec<_> = rows.iter().cloned().map(Unit::Row).collect();
            apply_children(element, Place::Rows, depth.in_element().in_element(), &rows, txn);
        }
        // These have no inside; what differs is replaced.
        Block::HorizontalRule | Block::Image(_) => {}
    }
}

fn update_item(element: &XmlElementRef, blocks: &[Block], depth: Depth, txn: &mut TransactionMut) {
    apply_blocks(element, blocks, depth.in_element(), txn);
}

fn apply_blocks(element: &XmlElementRef, blocks: &[Block], depth: Depth, txn: &mut TransactionMut) {
    let units: Vec<_> = blocks.iter().cloned().map(Unit::Block).collect();
    apply_children(element, Place::Blocks, depth, &units, txn);
    complete(element, txn);
}

fn is_heading_row(row: &XmlElementRef, txn: &TransactionMut) -> bool {
    let first = row.get(txn, 0).and_then(yrs::XmlOut::into_xml_element);
    first.is_some_and(|cell| cell.tag().as_ref() == names::TABLE_HEADER)
}

/// Sets an attribute unless it has that value, whatever its spelling: a number may stand as text.
fn set_attribute(element: &XmlElementRef, key: &str, value: Any, txn: &mut TransactionMut) {
    let is_same = match element.get_attribute(txn, key) {
        Some(Out::Any(Any::String(text))) => *text == *value.to_string(),
        Some(Out::Any(current)) => current == value,
        _ => false,
    };
    if !is_same {
        element.insert_attribute(txn, key, value);
    }
}

fn remove_attribute(element: &XmlElementRef, key: &str, txn: &mut TransactionMut) {
    if element.get_attribute(txn, key).is_some() {
        element.remove_attribute(txn, &key);
    }
}
