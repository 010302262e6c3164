//! Blocks of a document, known by their Yjs ids.

use serde::{Deserialize, Serialize};
use yrs::block::ID;
use yrs::branch::BranchID;
use yrs::{Assoc, ClientID, Out, ReadTxn, StickyIndex, XmlElementRef, XmlFragment, XmlFragmentRef};

use super::Block;
use super::node::{self, Node};
use super::shape;

/// An element at the top of a text, by the client id and clock under which it was inserted. It stays the same wherever others
/// come and go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockId(pub(super) u64, pub(super) u32);

impl BlockId {
    pub(super) fn of(node: &Out) -> Option<Self> {
        match node.try_branch()?.id() {
            BranchID::Nested(ID { client, clock }) => Some(Self(client.get(), clock)),
            BranchID::Root(_) => None,
        }
    }

    /// The client id and clock.
    pub(crate) const fn parts(self) -> (u64, u32) {
        (self.0, self.1)
    }

    pub(crate) const fn from_parts(client: u64, clock: u32) -> Self {
        Self(client, clock)
    }

    /// Whether it is there still.
    pub(crate) fn is_there(self, txn: &impl ReadTxn) -> bool {
        self.element(txn).is_some()
    }

    fn id(self) -> ID {
        ID::new(ClientID::new(self.0), self.1)
    }

    /// The element, unless it was removed.
    pub(super) fn element(self, txn: &impl ReadTxn) -> Option<XmlElementRef> {
        let branch = BranchID::Nested(self.id()).get_branch(txn)?;
        (!branch.is_deleted()).then(|| XmlElementRef::from(branch))
    }

    /// Whether it is there and is just what is expected.
    pub(super) fn holds(self, expected: &Node, txn: &impl ReadTxn) -> bool {
        self.element(txn).is_some_and(|element| node::read_element(&element, txn, 1) == *expected)
    }

    /// The end of its last words.
    pub(super) fn caret(self, txn: &impl ReadTxn) -> Option<StickyIndex> {
        let mut element = self.element(txn)?;
        loop {
            let inside: &XmlFragmentRef = element.as_ref();
            match node::children(inside, txn).pop() {
                Some(Out::YXmlText(text)) => return Some(StickyIndex::from_type(txn, &text, Assoc::After)),
                Some(Out::YXmlElement(last)) => element = last,
                _ => return Some(StickyIndex::from_type(txn, &element, Assoc::After)),
            }
        }
    }

    /// The block that holds its end, if somebody divided it in two; otherwise itself.
    pub(super) fn end_of_split(self, fragment: &XmlFragmentRef, expected: Option<&Node>, txn: &impl ReadTxn) -> Self {
        let next = || {
            let (element, expected) = (self.element(txn)?, expected?);
            let words = |node: &Node| node::plain_text(std::slice::from_ref(node));
            let (written, left) = (words(expected), words(&node::read_element(&element, txn, 1)));
            let cut = written.strip_prefix(left.trim_end()).map(str::trim).filter(|cut| !cut.is_empty())?;
            let next = fragment.get(txn, index_behind(Some(self), txn)).map(yrs::XmlOut::into_xml_element)??;
            let is_end = words(&node::read_element(&next, txn, 1)).trim_start().starts_with(cut);
            is_end.then(|| Self::of(&Out::YXmlElement(next))).flatten()
        };
        next().unwrap_or(self)
    }
}

/// The index at which to insert behind a block, or where it was; without one, at the beginning.
pub(crate) fn index_behind(block: Option<BlockId>, txn: &impl ReadTxn) -> u32 {
    let offset = block.and_then(|block| StickyIndex::from_id(block.id(), Assoc::Before).get_offset(txn));
    offset.map_or(0, |offset| offset.index)
}

/// The blocks of a text, each with what names it, if anything does.
pub(crate) fn named(fragment: &XmlFragmentRef, txn: &impl ReadTxn) -> Vec<(Option<BlockId>, Block)> {
    let ids = node::children(fragment, txn).into_iter().map(|child| BlockId::of(&child));
    ids.zip(shape::blocks(&node::read_children(fragment, txn))).collect()
}

/// The last block that is no blank line.
pub(super) fn last_with_content(fragment: &XmlFragmentRef, txn: &impl ReadTxn) -> Option<BlockId> {
    let mut index = fragment.len(txn);
    while index > 0 {
        index -= 1;
        let child = Out::from(fragment.get(txn, index)?);
        let is_blank = match &child {
            Out::YXmlElement(element) => {
                element.try_tag().is_some_and(|name| &**name == "paragraph") && {
                    let inside: &XmlFragmentRef = element.as_ref();
                    is_empty(&node::read_children(inside, txn))
                }
            }
            _ => false,
        };
        if !is_blank {
            return BlockId::of(&child);
        }
    }
    None
}

/// Whether nodes hold no words and nothing else to see.
pub(super) fn is_empty(nodes: &[Node]) -> bool {
    nodes.iter().all(|node| match node {
        Node::Text(runs) => runs.iter().all(|run| run.text.is_empty()),
        Node::Element(element) => !matches!(&*element.name, "image" | "horizontalRule") && is_empty(&element.children),
        Node::Foreign => true,
    })
}
