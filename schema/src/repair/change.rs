//! The smallest edits of which a repair consists.

use std::sync::Arc;

use yrs::{Any, Array, ArrayRef, Map, MapRef, Text, TextRef, TransactionMut, Xml, XmlElementRef};

use super::{Copied, Reason, Spot, Violation, as_text};
use crate::canvas::Root;

/// What one look at a spot finds at most.
const FIXES_MAX: usize = 5_000;

/// What is to be changed at a spot, in the order in which it was found.
#[derive(Default)]
pub(crate) struct Fixes(Vec<(Violation, Change)>);

impl Fixes {
    pub(crate) fn add(&mut self, path: String, reason: Reason, change: Change) {
        if !self.is_full() {
            self.0.push((Violation { path, reason }, change));
        }
    }

    /// Whether the rest has to wait for the next look.
    pub(crate) fn is_full(&self) -> bool {
        self.0.len() >= FIXES_MAX
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl IntoIterator for Fixes {
    type Item = (Violation, Change);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// One edit.
pub(crate) enum Change {
    /// Sets a member, or removes it.
    Member { of: MapRef, key: Arc<str>, value: Option<Copied> },
    /// Puts an entry of a canvas under the id that it should have.
    Rename { root: Root, map: MapRef, from: Arc<str>, to: Arc<str> },
    /// Replaces a child, or removes it. The children of XML are an array, too.
    Child { of: ArrayRef, index: u32, value: Option<Copied> },
    /// Puts words in place of something embedded in a text.
    Embedded { of: TextRef, index: u32, words: String },
    /// Sets an attribute of an element, or removes it.
    Attribute { of: XmlElementRef, key: Arc<str>, words: Option<String> },
    /// Puts a child in place of words that stand in a list.
    Loose { of: ArrayRef, index: u32, units: u32, value: Option<Copied> },
}

impl Change {
    /// Makes the edit. Returns what is to be looked at then.
    pub(super) fn make(self, txn: &mut TransactionMut<'_>) -> Option<Spot> {
        match self {
            Self::Member { of, key, value: Some(value) } => value.set(&of, &key, txn),
            Self::Member { of, key, value: None } => drop(of.remove(txn, &key)),
            Self::Rename { root, map, from, to } => {
                rename(&map, &from, &to, txn);
                return Some(Spot::Entry(root, to));
            }
            Self::Child { of, index, value } => {
                of.remove(txn, index);
                insert(value, &of, index, txn);
            }
            Self::Embedded { of, index, words } => {
                of.remove_range(txn, index, 1);
                if !words.is_empty() {
                    of.insert(txn, index, &words);
                }
            }
            Self::Attribute { of, key, words: Some(words) } => {
                of.insert_attribute(txn, key, Any::from(words));
            }
            Self::Attribute { of, key, words: None } => of.remove_attribute(txn, &key),
            Self::Loose { of, index, units, value } => {
                as_text(of.as_ref()).remove_range(txn, index, units);
                insert(value, &of, index, txn);
            }
        }
        None
    }
}

fn insert(value: Option<Copied>, list: &ArrayRef, index: u32, txn: &mut TransactionMut<'_>) {
    if let Some(value) = value {
        value.insert(list, index, txn);
    }
}

/// What was written under a wrong id is written under the right one. Somebody who writes under the wrong id again means
/// the same entry: then the members that they wrote replace those that are there.
fn rename(map: &MapRef, from: &str, to: &str, txn: &mut TransactionMut<'_>) {
    let Some(value) = map.get(txn, from) else { return };
    let entry = Copied::of(&value, txn);
    let existing = map.get(txn, to).and_then(|value| value.cast::<MapRef>().ok());
    match (entry, existing) {
        (Copied::Map(members), Some(existing)) => {
            for (key, value) in members {
                value.set(&existing, &key, txn);
            }
        }
        (entry, _) => entry.set(map, to, txn),
    }
    map.remove(txn, from);
}
