//! Writes a Markdown text that is still growing into a document in which people are writing, too.
//!
//! The text is divided into blocks as it comes. The last one is *open*: it grows, by edits of words and by elements added
//! at its end. An element is never removed or replaced by another, so whatever somebody writes in it stays. What could
//! still turn out to mean something else (an unclosed `**`, a table without its second line) is held back.
//!
//! Where somebody has changed the open block, or removed it, it is left to them: what is not written yet goes on in a block
//! of its own behind it.

mod grow;
mod hold;
mod retract;
mod source;
mod split;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use yrs::{ReadTxn, StickyIndex, TransactionMut, XmlFragment, XmlFragmentRef};

use self::source::Continuation;
use self::split::{Kind, State, Unit};
use super::block::{self, BlockId};
use super::node::{self, Node};

/// How many of the last blocks can be retracted.
pub const RETRACTABLE_BLOCKS_MAX: usize = 64;

/// Whether a text will go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// More may come.
    NotYet,
    /// It is whole.
    Reached,
}

/// What came of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Written {
    /// How many bytes of the text are dealt with: written, or held by a block that is left to people. The rest is held back.
    pub bytes: usize,
    /// How many blocks were left to people who had changed or removed them.
    pub left_to_people: usize,
}

/// Writes a text that is still growing into a fragment.
///
/// It is small, and all that there is to know: restored at another replica that has the same updates, it goes on the same.
///
/// ```
/// use schema::rich_text::{stream::{End, StreamWriter}, to_markdown};
/// use yrs::Transact;
///
/// let doc = schema::new_doc(yrs::ClientID::new(1));
/// let body = doc.get_or_insert_xml_fragment("body");
/// let mut txn = doc.transact_mut();
/// let mut writer = StreamWriter::at_end(&body, &txn);
/// writer.write(&body, &mut txn, "# A title\n\nSome wo", End::NotYet);
/// assert_eq!(to_markdown(&body, &txn), "# A title\n\nSome wo");
/// writer.write(&body, &mut txn, "# A title\n\nSome words.", End::Reached);
/// assert_eq!(to_markdown(&body, &txn), "# A title\n\nSome words.");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamWriter {
    /// Where in the text the current unit begins.
    from: usize,
    /// What the unit is to be read after, when it goes on from another one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    prefix: String,
    /// How much of the unit, its prefix included, is written.
    shown: usize,
    /// The unit's last block, if it has one yet.
    open: Option<Open>,
    /// The block behind which to go on, when none is open.
    behind: Option<BlockId>,
    /// The last blocks that were written, in order.
    blocks: Vec<Block>,
    /// The block behind which the first of those was written.
    before: Option<BlockId>,
    /// From where in the text on they are.
    since: usize,
    /// The Yjs client ids under which this was written.
    clients: Vec<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Open {
    block: BlockId,
    /// How many blocks of the unit are before it.
    after: usize,
}

/// A block that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Block {
    #[serde(rename = "b")]
    id: BlockId,
    /// Where in the text its unit begins.
    #[serde(rename = "f")]
    from: usize,
    /// Whether the unit goes on from another.
    #[serde(rename = "c", default, skip_serializing_if = "std::ops::Not::not")]
    is_continued: bool,
}

/// What is next after a unit.
enum Next {
    More,
    Wait,
}

impl StreamWriter {
    /// Begins behind what there is, blank lines at the end aside.
    pub fn at_end(fragment: &XmlFragmentRef, txn: &impl ReadTxn) -> Self {
        let before = block::last_with_content(fragment, txn);
        Self {
            from: 0,
            prefix: String::new(),
            shown: 0,
            open: None,
            behind: before,
            blocks: Vec::new(),
            before,
            since: 0,
            clients: Vec::new(),
        }
    }

    /// Writes what of a text can be written. The text is all of it, from the beginning; what was given before is how it
    /// begins.
    pub fn write(&mut self, fragment: &XmlFragmentRef, txn: &mut TransactionMut<'_>, text: &str, end: End) -> Written {
        let client = txn.doc().client_id().get();
        if !self.clients.contains(&client) {
            self.clients.push(client);
        }
        let mut written = Written::default();
        let begin = self.from;
        let news = source::with_known_line_ends(text.get(begin..).unwrap_or_default(), end);
        while let Some(rest) = news.get(self.from - begin..) {
            if self.shown == 0 {
                let blank = split::blank_lines(rest, end);
                self.from += blank;
                if blank > 0 {
                    continue;
                }
            }
            let source: Cow<'_, str> =
                if self.prefix.is_empty() { rest.into() } else { format!("{}{rest}", self.prefix).into() };
            // A text that is shorter than what was written of it says nothing new.
            let Some(unit) = split::unit(&source, end).filter(|_| source.is_char_boundary(self.shown)) else { break };
            match self.write_unit(fragment, txn, &source[..unit.len], unit, &mut written) {
                Next::More => {}
                Next::Wait => break,
            }
        }
        written.bytes = self.position().min(text.len());
        written
    }

    /// Up to where in the text it is written.
    fn position(&self) -> usize {
        (self.from + self.shown).saturating_sub(if self.shown == 0 { 0 } else { self.prefix.len() })
    }

    /// Where it writes: for the caret that others see. `None` before it has written anything.
    pub fn caret(&self, txn: &impl ReadTxn) -> Option<StickyIndex> {
        self.place().and_then(|block| block.caret(txn))
    }

    fn place(&self) -> Option<BlockId> {
        self.open.map(|open| open.block).or(self.behind)
    }

    fn write_unit(
        &mut self,
        fragment: &XmlFragmentRef,
        txn: &mut TransactionMut<'_>,
        source: &str,
        unit: Unit,
        written: &mut Written,
    ) -> Next {
        let shown = self.shown.min(source.len());
        let before = self.open.map(|_| source::nodes(unit.kind, &source[..shown]));
        let before = before.unwrap_or_default();
        let growth = self.growth(source, unit, &before);
        if growth.nodes != before {
            if let Some(open) = self.open {
                let is_left = before.get(open.after).is_none_or(|expected| !open.block.holds(expected, txn));
                if is_left {
                    written.left_to_people += 1;
                    let behind = open.block.end_of_split(fragment, before.get(open.after), txn);
                    self.go_on(unit.kind, source, shown, Some(behind));
                    return Next::More;
                }
            }
            self.edit(fragment, txn, &before, &growth.nodes);
        }
        self.shown = shown.max(growth.shown);
        match (growth.stopped, unit.state) {
            (true, _) => self.go_on(unit.kind, source, self.shown, None),
            (false, State::Closed) => self.begin(self.from + source.len() - self.prefix.len(), String::new(), None),
            (false, State::Open) => return Next::Wait,
        }
        Next::More
    }

    /// How far a unit grows from what is written, line by line: where a line makes something else of what is before it,
    /// it goes on in another unit, however much of the text came at once.
    fn growth(&self, source: &str, unit: Unit, before: &[Node]) -> Growth {
        let mut growth = Growth {
            nodes: before.to_vec(),
            shown: self.shown.min(source.len()).max(self.prefix.len()),
            stopped: false,
        };
        for cut in cuts(unit, source, growth.shown) {
            if cut <= growth.shown {
                continue;
            }
            let nodes = source::nodes(unit.kind, &source[..cut]);
            let says_more = growth.nodes.is_empty() && !self.prefix.is_empty() && block::is_empty(&nodes);
            if !says_more && nodes != growth.nodes {
                let last = growth.nodes.len().saturating_sub(1);
                let grows = growth.nodes.len() <= nodes.len()
                    && growth.nodes.get(last).is_none_or(|open| grow::can_grow(open, &nodes[last]));
                if !grows {
                    growth.stopped = true;
                    return growth;
                }
                growth.nodes = nodes;
            }
            growth.shown = cut;
        }
        growth
    }

    fn edit(&mut self, fragment: &XmlFragmentRef, txn: &mut TransactionMut<'_>, before: &[Node], after: &[Node]) {
        let first_new = match self.open {
            None => 0,
            Some(open) => {
                if let (Some(element), Some(from), Some(into)) =
                    (open.block.element(txn), before.get(open.after), after.get(open.after))
                {
                    grow::grow(&element, txn, from, into);
                }
                open.after + 1
            }
        };
        let place = self.place();
        for (index, node) in (block::index_behind(place, txn)..).zip(after.iter().skip(first_new)) {
            node::insert(fragment, txn, index, node);
            let Some(block) = fragment.get(txn, index).and_then(|inserted| BlockId::of(&inserted.into())) else {
                continue;
            };
            self.blocks.push(Block { id: block, from: self.from, is_continued: !self.prefix.is_empty() });
            self.open = Some(Open { block, after: 0 });
        }
        if let Some(open) = &mut self.open {
            open.after = after.len() - 1;
        }
        self.forget();
    }

    /// Forgets the oldest blocks, with all of their unit.
    fn forget(&mut self) {
        while self.blocks.len() > RETRACTABLE_BLOCKS_MAX && self.blocks[0].from < self.from {
            let oldest = self.blocks[0].from;
            let is_kept = |block: &&Block| block.from > oldest && !block.is_continued;
            self.since = self.blocks.iter().find(is_kept).map_or(self.from, |block| block.from);
            let kept = self.blocks.iter().position(|block| block.from >= self.since).unwrap_or(self.blocks.len());
            self.before = self.blocks.drain(..kept).next_back().map(|block| block.id);
        }
    }

    /// Lets the rest of a unit go on in another one.
    fn go_on(&mut self, kind: Kind, source: &str, written: usize, behind: Option<BlockId>) {
        let Continuation { prefix, at } = source::continuation(kind, source, written);
        self.begin((self.from + at).saturating_sub(self.prefix.len()), prefix, behind);
    }

    /// Begins another unit.
    fn begin(&mut self, from: usize, prefix: String, behind: Option<BlockId>) {
        self.behind = behind.or(self.place());
        self.open = None;
        self.from = from;
        self.shown = 0;
        self.prefix = prefix;
    }
}

struct Growth {
    nodes: Vec<Node>,
    shown: usize,
    /// Whether what comes cannot be in the same block.
    stopped: bool,
}

/// How much of a unit is to be shown, step by step.
fn cuts(unit: Unit, source: &str, shown: usize) -> Vec<usize> {
    let visible = |end: usize| hold::visible(unit.kind, &source[..end]);
    let ends_of_lines = source.match_indices('\n').map(|(at, _)| at + 1).filter(|end| *end > shown);
    let mut cuts: Vec<usize> = match unit.kind {
        Kind::Paragraph | Kind::List | Kind::Quote => {
            ends_of_lines.filter(|end| *end < source.len()).map(visible).collect()
        }
        // Nothing in a line changes what is before it.
        _ => Vec::new(),
    };
    cuts.push(if unit.state == State::Closed { source.len() } else { visible(source.len()) });
    cuts
}

#[cfg(test)]
mod tests;
