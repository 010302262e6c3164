//! Content on its way to another place: shared types cannot be moved, so they are written anew.

use std::collections::BTreeMap;
use std::sync::Arc;

use yrs::{Any, Array, ArrayPrelim, ArrayRef, Map, MapPrelim, MapRef, Out, ReadTxn, TextPrelim, TransactionMut};
use yrs::{XmlElementPrelim, XmlFragmentPrelim, XmlFragmentRef, XmlTextPrelim};

use super::convert::{as_text, members_of};
use crate::rich_text::{Tree, Words};
use crate::value::list_values;

/// A value with all that is in it. Members are in order, so that everybody writes the same.
#[derive(Debug, Clone)]
pub(crate) enum Copied {
    Plain(Any),
    Map(BTreeMap<Arc<str>, Self>),
    Array(Vec<Self>),
    /// A Y.Text.
    Text(Words),
    /// An XML text, where rich text holds one.
    XmlText(Words),
    /// An XML element with a text in it.
    Element(&'static str, Words),
    /// An XML fragment.
    Fragment(Tree),
}

impl Copied {
    /// A copy of a value. Depth is bounded by what an update may nest.
    pub(crate) fn of<T: ReadTxn>(value: &Out, txn: &T) -> Self {
        match value {
            Out::Any(any) => Self::Plain(any.clone()),
            Out::YMap(map) => {
                Self::Map(map.iter(txn).map(|(key, value)| (key.into(), Self::of(&value, txn))).collect())
            }
            Out::YArray(list) => Self::Array(list_values(list, txn).iter().map(|value| Self::of(value, txn)).collect()),
            Out::YText(text) => Self::Text(Words::of(text, txn)),
            Out::YXmlText(text) => Self::Text(Words::of(&as_text(text.as_ref()), txn)),
            Out::YXmlFragment(fragment) => Self::Fragment(Tree::of(fragment, txn)),
            Out::YXmlElement(element) => Self::Fragment(Tree::of(element.as_ref(), txn)),
            Out::UndefinedRef(_) | Out::YDoc(_) => Self::Plain(Any::Null),
        }
    }

    pub(crate) fn text(text: impl Into<Arc<str>>) -> Self {
        Self::Plain(Any::String(text.into()))
    }

    /// A map of what an object holds.
    pub(crate) fn map_of(object: &Any) -> Option<Self> {
        members_of(object).map(|members| Self::Map(members.map(|(key, value)| (key, Self::Plain(value))).collect()))
    }

    /// Writes it as a member.
    pub(super) fn set(self, map: &MapRef, key: &str, txn: &mut TransactionMut<'_>) {
        match self {
            Self::Plain(any) => drop(map.insert(txn, key, any)),
            Self::Map(members) => write_members(&map.insert(txn, key, MapPrelim::default()), members, txn),
            Self::Array(values) => write_values(&map.insert(txn, key, ArrayPrelim::default()), values, txn),
            Self::Text(words) | Self::XmlText(words) => {
                words.write(&map.insert(txn, key, TextPrelim::default()), txn);
            }
            Self::Element(name, words) => {
                let fragment = map.insert(txn, key, XmlFragmentPrelim::default());
                Tree::element(name, words).write(&fragment, txn);
            }
            Self::Fragment(tree) => tree.write(&map.insert(txn, key, XmlFragmentPrelim::default()), txn),
        }
    }

    /// Writes it into a list.
    pub(super) fn insert(self, list: &ArrayRef, index: u32, txn: &mut TransactionMut<'_>) {
        match self {
            Self::Plain(any) => drop(list.insert(txn, index, any)),
            Self::Map(members) => write_members(&list.insert(txn, index, MapPrelim::default()), members, txn),
            Self::Array(values) => write_values(&list.insert(txn, index, ArrayPrelim::default()), values, txn),
            Self::Text(words) => words.write(&list.insert(txn, index, TextPrelim::default()), txn),
            Self::XmlText(words) => {
                let text = list.insert(txn, index, XmlTextPrelim::default());
                words.write(&as_text(text.as_ref()), txn);
            }
            Self::Element(name, words) => {
                let element = list.insert(txn, index, XmlElementPrelim::empty(name));
                let inside: &XmlFragmentRef = element.as_ref();
                Tree::text(words).write(inside, txn);
            }
            Self::Fragment(tree) => tree.write(&list.insert(txn, index, XmlFragmentPrelim::default()), txn),
        }
    }
}

fn write_members(map: &MapRef, members: BTreeMap<Arc<str>, Copied>, txn: &mut TransactionMut<'_>) {
    for (key, value) in members {
        value.set(map, &key, txn);
    }
}

fn write_values(list: &ArrayRef, values: Vec<Copied>, txn: &mut TransactionMut<'_>) {
    // Backwards: yrs finds an index by walking to it.
    for value in values.into_iter().rev() {
        value.insert(list, 0, txn);
    }
}
