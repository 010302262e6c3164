//! Rich text: what an `XmlFragment` holds in the shape that Tiptap's `StarterKit` (with tasks, tables and images)
//! and y-prosemirror bind, as a tree of blocks, and as Markdown.
//!
//! ```text
//! XmlFragment ──read──▶ Vec<Block> ──markdown::render──▶ Markdown
//!             ◀─apply── Vec<Block> ◀─markdown::parse───
//! ```
//!
//! Writing is always an edit: [`apply`] compares what stands in the document with what is wanted and changes only the
//! words, marks and blocks that differ, so that what others write at the same time survives. What the tree has no
//! word for (unknown elements and marks, a column's width) stays as it is wherever its block stays.

mod align;
mod apply;
mod block;
mod examine;
pub mod markdown;
mod mentions;
mod node;
mod shape;
pub mod stream;
mod text;

use std::collections::BTreeSet;
use std::ops::Range;

use similar::DiffOp;
use yrs::{ReadTxn, TextRef, TransactionMut, XmlFragmentRef};

pub use block::BlockId;
pub(crate) use block::{index_behind, named};
pub(crate) use examine::{Loose, Tree, Words, examine, examine_words, loose_words};
pub use mentions::mentions;
pub use node::Unknown;

/// How deep elements may be nested. What lies deeper is not read, and Markdown that nests deeper is flattened.
/// A list takes two levels for each of its own.
pub const NESTING_DEPTH_MAX: usize = 64;

/// A block of a text.
#[derive(Debug, Clone, PartialEq)]
pub enum Block {
    /// `paragraph`. One without content is a blank line.
    Paragraph(Vec<Inline>),
    /// `heading`, with a level from 1 to 6.
    Heading {
        /// From 1 (the highest) to 6.
        level: u8,
        /// The heading's words.
        content: Vec<Inline>,
    },
    /// `bulletList`: the blocks of each `listItem`.
    BulletList(Vec<Vec<Block>>),
    /// `orderedList`: numbered from `start`.
    OrderedList {
        /// The first item's number.
        start: u32,
        /// The blocks of each `listItem`.
        items: Vec<Vec<Block>>,
    },
    /// `taskList`.
    TaskList(Vec<TaskItem>),
    /// `blockquote`.
    Blockquote(Vec<Block>),
    /// `codeBlock`.
    CodeBlock {
        /// What the code is written in, if that is said.
        language: Option<String>,
        /// The code, without a final newline of its own.
        text: String,
    },
    /// `horizontalRule`.
    HorizontalRule,
    /// `image`, a block of its own.
    Image(Image),
    /// `table`: its rows.
    Table(Vec<Vec<TableCell>>),
    /// An element that is none of these, or stands where none can.
    Unknown(Unknown),
}

impl Block {
    /// The blocks of each of the block's parts: items, cells, or itself.
    pub(crate) fn contents(&self) -> Box<dyn Iterator<Item = &[Self]> + '_> {
        match self {
            Self::Blockquote(content) => Box::new(std::iter::once(content.as_slice())),
            Self::BulletList(items) | Self::OrderedList { items, .. } => Box::new(items.iter().map(Vec::as_slice)),
            Self::TaskList(items) => Box::new(items.iter().map(|item| item.content.as_slice())),
            Self::Table(rows) => Box::new(rows.iter().flatten().map(|cell| cell.content.as_slice())),
            _ => Box::new(std::iter::empty()),
        }
    }
}

/// A `taskItem`.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskItem {
    /// Whether it is done.
    pub state: TaskState,
    /// What is to be done; the first block is a paragraph.
    pub content: Vec<Block>,
}

/// Whether a task is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TaskState {
    /// Not yet.
    Open,
    /// It is.
    Done,
}

/// An image.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Image {
    /// Where it is: a URL.
    pub src: String,
    /// What stands for it where it cannot be seen; empty for nothing.
    pub alt: String,
    /// Its title; empty for none.
    pub title: String,
}

/// A `tableHeader` or `tableCell`.
#[derive(Debug, Clone, PartialEq)]
pub struct TableCell {
    /// Which of the two.
    pub kind: CellKind,
    /// How its text is aligned, if that is said.
    pub align: Option<Align>,
    /// Its blocks.
    pub content: Vec<Block>,
}

/// Whether a table's cell heads others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CellKind {
    /// `tableHeader`.
    Header,
    /// `tableCell`.
    Data,
}

/// How the text of a table's cell is aligned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Align {
    /// To the left.
    Left,
    /// In the middle.
    Center,
    /// To the right.
    Right,
}

/// A piece of a paragraph or heading.
#[derive(Debug, Clone, PartialEq)]
pub enum Inline {
    /// Words with the same marks.
    Text {
        /// The words.
        text: String,
        /// Their marks.
        marks: BTreeSet<Mark>,
    },
    /// `hardBreak`: a new line in the same paragraph.
    HardBreak,
    /// An element that is none of these.
    Unknown(Unknown),
}

impl Inline {
    /// Words without marks.
    pub fn plain(text: impl Into<String>) -> Self {
        Self::Text { text: text.into(), marks: BTreeSet::new() }
    }

    /// Words with marks.
    pub fn marked(text: impl Into<String>, marks: impl IntoIterator<Item = Mark>) -> Self {
        Self::Text { text: text.into(), marks: marks.into_iter().collect() }
    }
}

/// What words can be besides themselves.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mark {
    /// `link`.
    Link {
        /// Where it leads: a URL.
        href: String,
        /// Its title; empty for none.
        title: String,
    },
    /// `bold`.
    Bold,
    /// `italic`.
    Italic,
    /// `strike`.
    Strike,
    /// `underline`.
    Underline,
    /// `code`.
    Code,
}

/// What stands in the document.
#[must_use]
pub fn read(fragment: &XmlFragmentRef, txn: &impl ReadTxn) -> Vec<Block> {
    shape::blocks(&node::read_children(fragment, txn))
}

/// Makes the document say `blocks`, by the smallest edit that this finds.
///
/// What is the same stays untouched, a changed paragraph is edited word by word, and a blank line between
/// blocks that `blocks` does not mention stays: Markdown has no word for it, and somebody may be about to write there. So does, whole, what nests
/// too deep to be removed without harm. Where a block differs from the wanted one only in what Markdown cannot say, it
/// stays as it is.
pub fn apply(fragment: &XmlFragmentRef, txn: &mut TransactionMut<'_>, blocks: &[Block]) {
    apply::apply(fragment, txn, blocks);
}

/// What stands in the document, as Markdown.
#[must_use]
pub fn to_markdown(fragment: &XmlFragmentRef, txn: &impl ReadTxn) -> String {
    markdown::render(&read(fragment, txn))
}

/// Makes the document say what `markdown` says. See [`apply`].
pub fn set_markdown(fragment: &XmlFragmentRef, txn: &mut TransactionMut<'_>, markdown: &str) {
    apply(fragment, txn, &markdown::parse(markdown));
}

/// Makes a text without blocks read as `words`, by an edit word by word. Its formatting stays.
pub(crate) fn set_words(text: &TextRef, txn: &mut TransactionMut<'_>, words: &str) {
    let without_attributes = |run: node::Run| node::Run { text: run.text, ..node::Run::default() };
    let current: Vec<_> = node::read_text(text, txn).into_iter().map(without_attributes).collect();
    text::edit(text, txn, &current, &[node::Run { text: words.to_owned(), ..node::Run::default() }]);
}

/// What stays, comes and goes from some blocks to others, as ranges of both that differ.
pub(crate) fn differences(current: &[Block], target: &[Block]) -> Vec<(Range<usize>, Range<usize>)> {
    let text = |block: &Block| markdown::render(std::slice::from_ref(block));
    let (current, target): (Vec<_>, Vec<_>) = (current.iter().map(text).collect(), target.iter().map(text).collect());
    let mut gaps: Vec<(Range<usize>, Range<usize>)> = vec![(0..0, 0..0)];
    for op in align::operations(&current, &target) {
        match (op, gaps.last_mut()) {
            (DiffOp::Equal { len: 1.., .. }, _) => {
                let (from, to) = (op.old_range().end, op.new_range().end);
                gaps.push((from..from, to..to));
            }
            (_, Some((from, to))) => (from.end, to.end) = (op.old_range().end, op.new_range().end),
            (_, None) => {}
        }
    }
    gaps.retain(|(from, to)| !from.is_empty() || !to.is_empty());
    gaps
}

/// The words that stand in the document, a block a line: what a search looks in.
#[must_use]
pub fn plain_text(fragment: &XmlFragmentRef, txn: &impl ReadTxn) -> String {
    node::plain_text(&node::read_children(fragment, txn))
}

#[cfg(test)]
mod tests;
