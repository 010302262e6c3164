//! Taking back what was written: a stream was begun again, and says something else.

use yrs::{Assoc, IndexedSequence, Out, ReadTxn, Text, TransactionMut, XmlFragment, XmlFragmentRef, XmlTextRef};

use super::StreamWriter;

use crate::rich_text::block::{BlockId, index_behind};
use crate::rich_text::node;

/// What becomes empty when what was written in it goes, and is of no use then.
const PARTS: [&str; 5] = ["listItem", "taskItem", "tableRow", "hardBreak", "image"];

impl StreamWriter {
    /// Whether [`retract`](Self::retract) can take back all that is beyond `text[..keep]`.
    #[must_use]
    pub fn can_retract(&self, keep: usize) -> bool {
        keep >= self.since || keep >= self.position()
    }

    /// Takes back what this writer wrote beyond `text[..keep]`, and says up to where the text is written still: at most
    /// `keep`, from where a block begins. The text that is given to [`write`](Self::write) from now on begins with
    /// `text[..keep]`.
    ///
    /// What people wrote stays, with the block that it is in. Blocks before the last [`super::RETRACTABLE_BLOCKS_MAX`]
    /// stay, too: then more is kept than was asked for, and the answer is greater than `keep`.
    pub fn retract(&mut self, fragment: &XmlFragmentRef, txn: &mut TransactionMut<'_>, keep: usize) -> usize {
        if keep >= self.position() {
            return keep;
        }
        let current = self.prefix.is_empty().then_some(self.from);
        let begun = self.blocks.iter().filter(|block| !block.is_continued).map(|block| block.from).chain(current);
        let floor = begun.filter(|from| *from <= keep).max().unwrap_or(self.since).max(self.since);
        let kept = self.blocks.iter().position(|block| block.from >= floor).unwrap_or(self.blocks.len());
        for taken in self.blocks.drain(kept..).rev() {
            take_back(taken.id, fragment, txn, &self.clients);
        }
        self.open = None;
        let last = self.blocks.last().map_or(self.before, |block| Some(block.id));
        self.begin(floor, String::new(), None);
        self.behind = last;
        floor
    }
}

fn take_back(block: BlockId, fragment: &XmlFragmentRef, txn: &mut TransactionMut<'_>, clients: &[u64]) {
    let Some(element) = block.element(txn) else { return };
    let element = Out::YXmlElement(element);
    let is_all = clear(&element, txn, clients);
    if is_all && let Some(index) = index_behind(Some(block), txn).checked_sub(1) {
        fragment.remove(txn, index);
    }
}

/// Deletes what was written under the client ids in a node, and says whether nothing else is in it.
fn clear(node: &Out, txn: &mut TransactionMut<'_>, clients: &[u64]) -> bool {
    let is_own = BlockId::of(node).is_some_and(|block| clients.contains(&block.0));
    match node {
        Out::YXmlText(text) => {
            clear_text(text, txn, clients);
            is_own && text.len(txn) == 0
        }
        Out::YXmlElement(element) if is_own => {
            let inside: &XmlFragmentRef = element.as_ref();
            let children = node::children(inside, txn);
            let cleared: Vec<bool> = children.iter().map(|child| clear(child, txn, clients)).collect();
            let is_all = cleared.iter().all(|is_cleared| *is_cleared);
            if !is_all {
                let is_part = |child: &Out| match child {
                    Out::YXmlElement(child) => child.try_tag().is_some_and(|name| PARTS.contains(&&**name)),
                    _ => false,
                };
                for (index, (child, is_cleared)) in
                    (0..).zip(children.iter().zip(cleared)).collect::<Vec<_>>().into_iter().rev()
                {
                    if is_cleared && is_part(child) {
                        inside.remove(txn, index);
                    }
                }
            }
            is_all
        }
        _ => false,
    }
}

fn clear_text(text: &XmlTextRef, txn: &mut TransactionMut<'_>, clients: &[u64]) {
    let mut own: Vec<(u32, u32)> = Vec::new();
    for at in 0..text.len(txn) {
        let is_own = author(text, at, txn).is_some_and(|client| clients.contains(&client));
        match own.last_mut() {
            Some((from, length)) if is_own && *from + *length == at => *length += 1,
            _ if is_own => own.push((at, 1)),
            _ => {}
        }
    }
    for (from, length) in own.into_iter().rev() {
        text.remove_range(txn, from, length);
    }
}

/// The Yjs client id under which a character was written.
fn author(text: &XmlTextRef, at: u32, txn: &impl ReadTxn) -> Option<u64> {
    let place = text.sticky_index(txn, at, Assoc::After)?;
    Some(place.id()?.client.get())
}
