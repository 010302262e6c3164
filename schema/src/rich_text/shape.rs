//! Which element stands for which block: the vocabulary of Tiptap's `StarterKit`, tasks, tables and images.
//!
//! An editor deletes, for everybody, an element whose content its schema does not allow. So what is written here always
//! fits: an item begins with a paragraph, a quote and a cell are never empty, code holds nothing but text.

use std::collections::{BTreeSet, HashMap};

use yrs::Any;
use yrs::any::Number;
use yrs::types::Attrs;

use super::node::{Node, Run, Unknown, text_of};
use super::{Align, Block, CellKind, Image, Inline, Mark, NESTING_DEPTH_MAX, TableCell, TaskItem, TaskState};

/// What Tiptap's link says of every link unless it is told otherwise. A browser opens it elsewhere and tells nobody.
const LINK_TARGET: &str = "_blank";
const LINK_REL: &str = "noopener noreferrer nofollow";

/// The highest number of an ordered list's item that Markdown can say.
pub(super) const ORDERED_START_MAX: u32 = 999_999_999;

/// The blocks that nodes stand for.
pub(super) fn blocks(nodes: &[Node]) -> Vec<Block> {
    nodes.iter().map(block).collect()
}

fn block(node: &Node) -> Block {
    known_block(node).unwrap_or_else(|| Block::Unknown(Unknown(node.clone())))
}

fn known_block(node: &Node) -> Option<Block> {
    let children = node.children();
    Some(match node.name() {
        "paragraph" => Block::Paragraph(inlines(children)),
        "heading" => Block::Heading { level: level(node), content: inlines(children) },
        "bulletList" => Block::BulletList(parts(children, "listItem", |item| blocks(item.children()))?),
        "orderedList" => Block::OrderedList {
            start: number(node, "start").unwrap_or(1),
            items: parts(children, "listItem", |item| blocks(item.children()))?,
        },
        "taskList" => Block::TaskList(parts(children, "taskItem", task_item)?),
        "blockquote" => Block::Blockquote(blocks(children)),
        "codeBlock" => Block::CodeBlock { language: text(node, "language"), text: code(children)? },
        "horizontalRule" => Block::HorizontalRule,
        "image" => Block::Image(Image {
            src: text(node, "src").unwrap_or_default(),
            alt: text(node, "alt").unwrap_or_default(),
            title: text(node, "title").unwrap_or_default(),
        }),
        "table" => Block::Table(rows(children)?),
        _ => return None,
    })
}

/// The children as `read` sees them, if all of them are elements with this name.
fn parts<T>(children: &[Node], name: &str, read: impl Fn(&Node) -> T) -> Option<Vec<T>> {
    children.iter().map(|child| (is_element(child) && child.name() == name).then(|| read(child))).collect()
}

fn is_element(node: &Node) -> bool {
    matches!(node, Node::Element(_))
}

fn task_item(item: &Node) -> TaskItem {
    let is_done = matches!(item.attributes().get("checked"), Some(Any::Bool(true)));
    TaskItem { state: if is_done { TaskState::Done } else { TaskState::Open }, content: blocks(item.children()) }
}

fn rows(children: &[Node]) -> Option<Vec<Vec<TableCell>>> {
    parts(children, "tableRow", |row| row.children().iter().map(table_cell).collect())?.into_iter().collect()
}

fn table_cell(cell: &Node) -> Option<TableCell> {
    let kind = match cell.name() {
        "tableHeader" => CellKind::Header,
        "tableCell" => CellKind::Data,
        _ => return None,
    };
    let align = match text(cell, "align").as_deref() {
        Some("left") => Some(Align::Left),
        Some("center") => Some(Align::Center),
        Some("right") => Some(Align::Right),
        _ => None,
    };
    Some(TableCell { kind, align, content: blocks(cell.children()) })
}

fn code(children: &[Node]) -> Option<String> {
    let texts = children.iter().map(|child| match child {
        Node::Text(runs) => Some(runs.iter().map(|run| run.text.as_str()).collect::<String>()),
        _ => None,
    });
    texts.collect()
}

fn inlines(children: &[Node]) -> Vec<Inline> {
    let pieces = children.iter().flat_map(|child| match child {
        Node::Text(runs) => runs
            .iter()
            .map(|run| Inline::Text { text: run.text.clone(), marks: marks(run).map(|(_, mark)| mark).collect() })
            .collect(),
        Node::Element(element) if element.name == "hardBreak" => vec![Inline::HardBreak],
        other => vec![Inline::Unknown(Unknown(other.clone()))],
    });
    join_texts(pieces)
}

/// A text with nothing but its words and the marks that have a name here.
pub(super) fn known_text(text: &Node) -> Node {
    inline_nodes(&inlines(std::slice::from_ref(text))).pop().unwrap_or(Node::Text(Vec::new()))
}

/// Puts together neighbouring texts with the same marks, and leaves out those without words.
pub(super) fn join_texts(pieces: impl IntoIterator<Item = Inline>) -> Vec<Inline> {
    let mut joined: Vec<Inline> = Vec::new();
    for piece in pieces {
        match (joined.last_mut(), piece) {
            (_, Inline::Text { text, .. }) if text.is_empty() => {}
            (Some(Inline::Text { text: before, marks: same }), Inline::Text { text, marks }) if *same == marks => {
                before.push_str(&text);
            }
            (_, piece) => joined.push(piece),
        }
    }
    joined
}

/// The marks of a run that have a name here, each with the formatting attribute that stands for it.
pub(super) fn marks(run: &Run) -> impl Iterator<Item = (&str, Mark)> {
    run.attributes.iter().filter_map(|(key, value)| Some((&**key, mark(key, value)?)))
}

fn mark(key: &str, value: &Any) -> Option<Mark> {
    if matches!(value, Any::Null | Any::Undefined | Any::Bool(false)) {
        return None;
    }
    Some(match mark_name(key) {
        "bold" => Mark::Bold,
        "italic" => Mark::Italic,
        "strike" => Mark::Strike,
        "underline" => Mark::Underline,
        "code" => Mark::Code,
        "link" => {
            let Any::Map(attributes) = value else { return None };
            let text = |key: &str| attributes.get(key).and_then(text_of).unwrap_or_default().to_owned();
            Mark::Link { href: text("href"), title: text("title") }
        }
        _ => return None,
    })
}

/// A mark of which several may lie on the same words carries `--` and eight characters of a hash after its name.
fn mark_name(key: &str) -> &str {
    const HASH_LENGTH: usize = 8;
    let is_hash = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    match key.rsplit_once("--") {
        Some((name, hash)) if hash.len() == HASH_LENGTH && hash.bytes().all(is_hash) => name,
        _ => key,
    }
}

/// The formatting attribute that stands for a mark: its name and, as a map, what it says.
pub(super) fn attribute(mark: &Mark) -> (&'static str, Any) {
    let plain = || Any::from(HashMap::<String, Any>::new());
    match mark {
        Mark::Bold => ("bold", plain()),
        Mark::Italic => ("italic", plain()),
        Mark::Strike => ("strike", plain()),
        Mark::Underline => ("underline", plain()),
        Mark::Code => ("code", plain()),
        Mark::Link { href, title } => {
            let attributes = HashMap::from([
                ("href".to_owned(), Any::from(href.as_str())),
                ("target".to_owned(), Any::from(LINK_TARGET)),
                ("rel".to_owned(), Any::from(LINK_REL)),
                ("class".to_owned(), Any::Null),
                ("title".to_owned(), said(title).unwrap_or(Any::Null)),
            ]);
            ("link", Any::from(attributes))
        }
    }
}

fn text(node: &Node, key: &str) -> Option<String> {
    node.attributes().get(key).and_then(text_of).filter(|text| !text.is_empty()).map(ToOwned::to_owned)
}

fn number(node: &Node, key: &str) -> Option<u32> {
    let number = match node.attributes().get(key)? {
        Any::Number(Number::Int(number)) => *number,
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a float beyond the integers is cut to the nearest of them"
        )]
        Any::Number(Number::Float(number)) => *number as i64,
        Any::String(text) => text.parse().ok()?,
        _ => return None,
    };
    Some(u32::try_from(number.clamp(0, ORDERED_START_MAX.into())).unwrap_or(ORDERED_START_MAX))
}

fn level(node: &Node) -> u8 {
    heading_level(number(node, "level").unwrap_or(1))
}

fn heading_level(level: u32) -> u8 {
    u8::try_from(level.clamp(1, 6)).unwrap_or(1)
}

/// The nodes that stand for blocks.
pub(super) fn nodes(blocks: &[Block]) -> Vec<Node> {
    nodes_at(blocks, 1)
}

/// The nodes that stand for blocks at `depth`. What a container too deep holds stands in its place.
fn nodes_at(blocks: &[Block], depth: usize) -> Vec<Node> {
    let mut nodes = Vec::new();
    for block in blocks {
        match node(block, depth) {
            Some(node) => nodes.push(node),
            None => block.contents().for_each(|content| nodes.extend(nodes_at(content, depth))),
        }
    }
    nodes
}

fn node(block: &Block, depth: usize) -> Option<Node> {
    // Below a container are the levels of its parts, its blocks and their words.
    let has_room = |levels: usize| depth + levels < NESTING_DEPTH_MAX;
    Some(match block {
        Block::Paragraph(content) => Node::element("paragraph", inline_nodes(content)),
        Block::Heading { level, content } => Node::element("heading", inline_nodes(content))
            .with("level", Some(Any::from(u32::from(heading_level((*level).into()))))),
        Block::BulletList(items) if !items.is_empty() && has_room(2) => {
            Node::element("bulletList", items.iter().map(|item| list_item(item, depth)).collect())
        }
        Block::OrderedList { start, items } if !items.is_empty() && has_room(2) => {
            Node::element("orderedList", items.iter().map(|item| list_item(item, depth)).collect())
                .with("start", Some(Any::from(*start.min(&ORDERED_START_MAX))))
        }
        Block::TaskList(items) if !items.is_empty() && has_room(2) => {
            let items = items.iter().map(|item| {
                Node::element("taskItem", item_content(&item.content, depth))
                    .with("checked", Some(Any::Bool(item.state == TaskState::Done)))
            });
            Node::element("taskList", items.collect())
        }
        Block::Blockquote(content) if has_room(1) => Node::element("blockquote", filled(nodes_at(content, depth + 1))),
        Block::CodeBlock { language, text } => {
            let text = (!text.is_empty()).then(|| Node::Text(vec![Run { text: text.clone(), ..Run::default() }]));
            Node::element("codeBlock", text.into_iter().collect()).with("language", language.as_deref().and_then(said))
        }
        Block::HorizontalRule => Node::element("horizontalRule", vec![]),
        Block::Image(image) => Node::element("image", vec![])
            .with("src", said(&image.src))
            .with("alt", said(&image.alt))
            .with("title", said(&image.title)),
        Block::Table(rows) if has_room(3) => table(rows, depth)?,
        Block::Unknown(Unknown(Node::Element(element))) => Node::Element(element.clone()),
        _ => return None,
    })
}

fn said(text: &str) -> Option<Any> {
    (!text.is_empty()).then(|| Any::from(text))
}

fn list_item(content: &[Block], depth: usize) -> Node {
    Node::element("listItem", item_content(content, depth))
}

/// An item's blocks, of which the first is a paragraph.
fn item_content(content: &[Block], depth: usize) -> Vec<Node> {
    let mut nodes = nodes_at(content, depth + 2);
    if nodes.first().is_none_or(|first| first.name() != "paragraph") {
        nodes.insert(0, empty_paragraph());
    }
    nodes
}

fn filled(mut nodes: Vec<Node>) -> Vec<Node> {
    if nodes.is_empty() {
        nodes.push(empty_paragraph());
    }
    nodes
}

pub(super) fn empty_paragraph() -> Node {
    Node::element("paragraph", vec![])
}

fn table(rows: &[Vec<TableCell>], depth: usize) -> Option<Node> {
    let rows = rows.iter().filter(|row| !row.is_empty());
    let rows = rows.map(|row| Node::element("tableRow", row.iter().map(|cell| cell_node(cell, depth)).collect()));
    let rows: Vec<Node> = rows.collect();
    (!rows.is_empty()).then(|| Node::element("table", rows))
}

fn cell_node(cell: &TableCell, depth: usize) -> Node {
    let name = match cell.kind {
        CellKind::Header => "tableHeader",
        CellKind::Data => "tableCell",
    };
    let align = cell.align.map(|align| match align {
        Align::Left => "left",
        Align::Center => "center",
        Align::Right => "right",
    });
    Node::element(name, filled(nodes_at(&cell.content, depth + 3)))
        .with("colspan", Some(Any::from(1)))
        .with("rowspan", Some(Any::from(1)))
        .with("align", align.map(Any::from))
}

/// The children that stand for the pieces of a paragraph: neighbouring texts lie in one `XmlText`.
pub(super) fn inline_nodes(content: &[Inline]) -> Vec<Node> {
    let mut nodes: Vec<Node> = Vec::new();
    for piece in join_texts(content.iter().cloned()) {
        match piece {
            Inline::Text { text, marks } => {
                let run = Run { text, attributes: attributes(&marks) };
                match nodes.last_mut() {
                    Some(Node::Text(runs)) => runs.push(run),
                    _ => nodes.push(Node::Text(vec![run])),
                }
            }
            Inline::HardBreak => nodes.push(Node::element("hardBreak", vec![])),
            Inline::Unknown(Unknown(Node::Element(element))) => nodes.push(Node::Element(element)),
            Inline::Unknown(_) => {}
        }
    }
    nodes
}

/// The formatting attributes that stand for marks: of several links, the first.
fn attributes(marks: &BTreeSet<Mark>) -> Attrs {
    marks.iter().rev().map(attribute).map(|(key, value)| (key.into(), value)).collect()
}
