//! What in a rich text no editor can hold (see [`crate::repair`]).
//!
//! A fragment holds elements, an element holds elements and texts, a text holds words. Which element may be in which is
//! the editors' own affair: what one does not know it shows as unknown, and others may know it.

use yrs::branch::{Branch, BranchID};
use yrs::types::text::YChange;
use yrs::{
    Any, ArrayRef, Assoc, GetString, Out, ReadTxn, StickyIndex, Text, TextRef, TransactionMut, Xml, XmlElementRef,
    XmlFragmentRef,
};

use super::node::{self, Node, Run};
use crate::repair::{Change, Copied, Fixes, Reason, as_text, shown_key, words_of};
use crate::value::utf16_len;

/// The element in which words stand that have none.
const PARAGRAPH: &str = "paragraph";

/// Words with their formats.
#[derive(Debug, Clone)]
pub(crate) struct Words(Vec<Run>);

impl Words {
    pub(crate) fn of(text: &TextRef, txn: &impl ReadTxn) -> Self {
        Self(node::read_text(text, txn))
    }

    fn plain(words: &str) -> Self {
        Self(vec![Run { text: words.to_owned(), ..Run::default() }])
    }

    /// Whether there are any.
    pub(crate) fn is_said(&self) -> bool {
        self.0.iter().any(|run| !run.text.is_empty())
    }

    pub(crate) fn write(self, text: &TextRef, txn: &mut TransactionMut<'_>) {
        let delta = self.0.into_iter().map(|run| node::inserted(&run.text, run.attributes));
        text.apply_delta(txn, delta.collect::<Vec<_>>());
    }
}

/// What a fragment holds, on its way to another.
#[derive(Debug, Clone)]
pub(crate) struct Tree(Vec<Node>);

impl Tree {
    pub(crate) fn of(fragment: &XmlFragmentRef, txn: &impl ReadTxn) -> Self {
        Self(node::read_children(fragment, txn))
    }

    pub(crate) fn text(words: Words) -> Self {
        Self(vec![Node::Text(words.0)])
    }

    pub(crate) fn element(name: &str, words: Words) -> Self {
        Self(vec![Node::element(name, vec![Node::Text(words.0)])])
    }

    /// A paragraph for each line.
    pub(crate) fn paragraphs(words: &str) -> Self {
        let lines = words.lines().map(|line| {
            let text = (!line.is_empty()).then(|| Node::Text(Words::plain(line).0));
            Node::element(PARAGRAPH, text.into_iter().collect())
        });
        Self(lines.collect())
    }

    pub(crate) fn write(self, fragment: &XmlFragmentRef, txn: &mut TransactionMut<'_>) {
        for child in self.0.iter().rev() {
            node::insert(fragment, txn, 0, child);
        }
    }
}

/// A piece of a text.
struct Piece {
    what: Out,
    /// Whether it is words; what is embedded may be a string, too.
    is_words: bool,
    /// How long it is.
    units: u32,
}

/// The pieces of a text, in order.
fn pieces(text: &TextRef, txn: &impl ReadTxn) -> Vec<Piece> {
    let all_words = text.get_string(txn);
    let mut words_left = all_words.as_str();
    let pieces = text.diff(txn, YChange::identity).into_iter().map(|piece| {
        if let Out::Any(Any::String(words)) = &piece.insert
            && let Some(rest) = words_left.strip_prefix(&**words)
        {
            words_left = rest;
            let units = utf16_len(words);
            return Piece { what: piece.insert, is_words: true, units };
        }
        Piece { what: piece.insert, is_words: false, units: 1 }
    });
    pieces.collect()
}

/// Words that stand in a list, where only a root can have them.
pub(crate) struct Loose {
    /// From where on they stand. Plain values may stand among them.
    pub(crate) index: u32,
    /// Their length.
    pub(crate) units: u32,
    /// The words, those of what is embedded in them included.
    pub(crate) words: Words,
}

/// The words that stand in a list. To read its values could take without end as long as there are any.
pub(crate) fn loose_words(list: &Branch, txn: &impl ReadTxn) -> Vec<Loose> {
    let text = as_text(list);
    let mut found = Vec::new();
    if text.get_string(txn).is_empty() {
        return found;
    }
    // Where plain values stand, a text does not tell. It tells where shared types do.
    let (mut index, mut units, mut words, mut is_said) = (0, 0, String::new(), false);
    for piece in pieces(&text, txn) {
        if let Some(after) = index_after(&piece.what, txn) {
            if std::mem::take(&mut is_said) {
                found.push(Loose { index, units, words: Words::plain(&words) });
            }
            (index, units, words) = (after, 0, String::new());
            continue;
        }
        is_said |= piece.is_words;
        units += piece.units;
        words.push_str(&words_of(&piece.what, txn).unwrap_or_default());
    }
    if is_said {
        found.push(Loose { index, units, words: Words::plain(&words) });
    }
    found
}

/// The index after a shared type in the list that it is in.
fn index_after(shared: &Out, txn: &impl ReadTxn) -> Option<u32> {
    let BranchID::Nested(id) = shared.try_branch()?.id() else { return None };
    StickyIndex::from_id(id, Assoc::Before).get_offset(txn).map(|offset| offset.index)
}

/// Looks at a fragment and all that is in it.
pub(crate) fn examine(fragment: &XmlFragmentRef, path: &str, txn: &impl ReadTxn, fixes: &mut Fixes) {
    let list: &ArrayRef = fragment.as_ref();
    let loose = loose_words(list.as_ref(), txn);
    if !loose.is_empty() {
        for Loose { index, units, words } in loose {
            let value = Some(Copied::Element(PARAGRAPH, words));
            let change = Change::Loose { of: list.clone(), index, units, value };
            fixes.add(format!("{path}.{index}"), Reason::NotRichText, change);
        }
        return;
    }
    let mut open = vec![(fragment.clone(), Level::Fragment)];
    while let Some((fragment, level)) = open.pop() {
        let list: &ArrayRef = fragment.as_ref();
        for (child, index) in node::children(&fragment, txn).into_iter().zip(0..) {
            if fixes.is_full() {
                return;
            }
            match (child, level) {
                (Out::YXmlElement(element), _) => {
                    examine_attributes(&element, path, txn, fixes);
                    let inside: &XmlFragmentRef = element.as_ref();
                    open.push((inside.clone(), Level::Element));
                }
                (Out::YXmlText(text), Level::Element) => examine_words(&as_text(text.as_ref()), path, txn, fixes),
                (foreign, _) => {
                    let value = words_in(&foreign, txn).map(|words| match level {
                        Level::Fragment => Copied::Element(PARAGRAPH, words),
                        Level::Element => Copied::XmlText(words),
                    });
                    let change = Change::Child { of: list.clone(), index, value };
                    fixes.add(path.to_owned(), Reason::NotRichText, change);
                }
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Level {
    Fragment,
    Element,
}

fn words_in(foreign: &Out, txn: &impl ReadTxn) -> Option<Words> {
    let words = match foreign {
        Out::YText(text) => Words::of(text, txn),
        Out::YXmlText(text) => Words::of(&as_text(text.as_ref()), txn),
        other => Words::plain(&words_of(other, txn)?),
    };
    words.is_said().then_some(words)
}

fn examine_attributes(element: &XmlElementRef, path: &str, txn: &impl ReadTxn, fixes: &mut Fixes) {
    let mut shared: Vec<_> = element.attributes(txn).filter(|(_, value)| !matches!(value, Out::Any(_))).collect();
    shared.sort_by_key(|(key, _)| *key);
    for (key, value) in shared {
        let change = Change::Attribute { of: element.clone(), key: key.into(), words: words_of(&value, txn) };
        fixes.add(format!("{path}.{}", shown_key(key)), Reason::NotRichText, change);
    }
}

/// Looks for what is embedded in a text.
pub(crate) fn examine_words(text: &TextRef, path: &str, txn: &impl ReadTxn, fixes: &mut Fixes) {
    // What is embedded counts for one unit, and is no word.
    if text.len(txn) == utf16_len(&text.get_string(txn)) {
        return;
    }
    let mut index = 0;
    for piece in pieces(text, txn) {
        if !piece.is_words {
            let words = words_of(&piece.what, txn).unwrap_or_default();
            fixes.add(path.to_owned(), Reason::NotRichText, Change::Embedded { of: text.clone(), index, words });
        }
        index += piece.units;
    }
}
