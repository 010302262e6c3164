//! Rich text between a Tiptap editor's Y.XmlFragment and Markdown.
//!
//! In the middle is a tree of [`Block`]s that holds what Markdown can say and nothing else, in a normal form
//! ([`normalize`]). [`from_xml`] reads a fragment into it, [`markdown::parse`] and [`markdown::render`] cross to text
//! and back without loss, and [`diff_apply`] makes a fragment read as a given tree by the smallest change it finds:
//! what reads the same already is not touched, even where it holds more than Markdown can say (unknown elements and
//! marks, sizes, colours), and a changed paragraph is edited inside its text, so that concurrent edits survive.
//!
//! The shape in the document is that of Tiptap's starter kit with images, tables and task lists, as its Yjs binding
//! (`@tiptap/y-tiptap`, from y-prosemirror) writes it: an element per node, its attributes of their own types and left
//! out when null; runs of text as Y.XmlText with a formatting attribute per mark.

mod alignment;
mod diff;
mod inline_diff;
pub mod markdown;
mod names;
mod normalize;
mod read;
mod tree;
mod write;

pub use diff::diff_apply;
pub use normalize::normalize;
pub use read::from_xml;
pub use tree::{Block, Image, Inline, Mark, Marks, TaskItem};

/// The deepest nesting of lists, quotes and the like. What is deeper is lifted up to this level, or in a document
/// read as a placeholder and left alone.
pub const NESTING_MAX: usize = 24;

#[cfg(test)]
mod fragment_tests;
