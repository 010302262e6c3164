//! Shared types that hold others: what somebody made may hold by now what others have put into it, and then it stays when
//! it is taken back.

use yrs::types::xml::XmlOut;
use yrs::{Any, Array, BranchID, ID, IdSet, Map, Out, ReadTxn, TransactionMut, Xml, XmlElementRef, XmlFragment};

use super::parts::{branch_of, typed};

/// How deep shared types are looked for in one another; updates that nest deeper are refused.
const DEPTH_MAX: usize = 256;

/// A shared type, with the plain values that it has by itself.
pub(super) struct Container {
    id: ID,
    value: Out,
    fields: Vec<(String, Any)>,
}

/// The visible shared types that are among `insertions`, the outer before the inner.
pub(super) fn among<T: ReadTxn>(insertions: &IdSet, txn: &T) -> Vec<Container> {
    let mut found = Vec::new();
    for (_, root) in txn.root_refs() {
        let root = match root {
            Out::UndefinedRef(branch) => typed(txn, branch),
            root => root,
        };
        look(&root, insertions, txn, 0, &mut found);
    }
    found
}

/// What of `insertions` is not one of these.
pub(super) fn without(mut insertions: IdSet, containers: &[Container]) -> IdSet {
    insertions.diff_with(&ids(containers));
    insertions
}

/// Divides them into those that hold nothing any more but one another, and those that somebody else has put something into.
pub(super) fn divide<T: ReadTxn>(containers: Vec<Container>, txn: &T) -> (IdSet, Vec<Container>) {
    let (mut empty, mut kept) = (IdSet::new(), Vec::new());
    // The inner ones first.
    for container in containers.into_iter().rev() {
        if holds_nothing(&container.value, &empty, txn) {
            empty.insert(container.id, 1);
        } else {
            kept.push(container);
        }
    }
    (empty, kept)
}

/// Gives those that stay their plain values back: without them nobody could tell what they are.
pub(super) fn give_fields_back(kept: &[Container], txn: &mut TransactionMut<'_>) {
    for Container { value, fields, .. } in kept {
        for (name, field) in fields {
            match value {
                Out::YMap(map) if !map.contains_key(txn, name) => {
                    map.insert(txn, name.as_str(), field.clone());
                }
                Out::YXmlElement(element) if element.get_attribute(txn, name).is_none() => {
                    element.insert_attribute(txn, name.as_str(), field.clone());
                }
                _ => {}
            }
        }
    }
}

fn ids(containers: &[Container]) -> IdSet {
    let mut ids = IdSet::new();
    for container in containers {
        ids.insert(container.id, 1);
    }
    ids
}

fn look<T: ReadTxn>(value: &Out, insertions: &IdSet, txn: &T, depth: usize, found: &mut Vec<Container>) {
    if depth > DEPTH_MAX {
        return;
    }
    if let Some(id) = id_of(value).filter(|id| insertions.contains(id)) {
        found.push(Container { id, value: value.clone(), fields: fields_of(value, txn) });
    }
    for child in children_of(value, txn) {
        look(&child, insertions, txn, depth + 1, found);
    }
}

fn id_of(value: &Out) -> Option<ID> {
    match branch_of(value.clone())?.id() {
        BranchID::Nested(id) => Some(id),
        BranchID::Root(_) => None,
    }
}

fn fields_of<T: ReadTxn>(value: &Out, txn: &T) -> Vec<(String, Any)> {
    let plain = |(name, value): (&str, Out)| match value {
        Out::Any(any) => Some((name.to_owned(), any)),
        _ => None,
    };
    match value {
        Out::YMap(map) => map.iter(txn).filter_map(plain).collect(),
        Out::YXmlElement(element) => element.attributes(txn).filter_map(plain).collect(),
        _ => Vec::new(),
    }
}

/// Shared types directly in this one.
fn children_of<T: ReadTxn>(value: &Out, txn: &T) -> Vec<Out> {
    let is_shared = |value: &Out| !matches!(value, Out::Any(_));
    match value {
        Out::YMap(map) => map.iter(txn).map(|(_, value)| value).filter(is_shared).collect(),
        Out::YArray(array) => array.iter(txn).filter(is_shared).collect(),
        Out::YXmlElement(element) => xml_children(element, txn),
        Out::YXmlFragment(fragment) => fragment.children(txn).map(from_xml).collect(),
        _ => Vec::new(),
    }
}

fn xml_children<T: ReadTxn>(element: &XmlElementRef, txn: &T) -> Vec<Out> {
    element.children(txn).map(from_xml).collect()
}

pub(super) fn from_xml(node: XmlOut) -> Out {
    match node {
        XmlOut::Element(element) => Out::YXmlElement(element),
        XmlOut::Fragment(fragment) => Out::YXmlFragment(fragment),
        XmlOut::Text(text) => Out::YXmlText(text),
    }
}

fn holds_nothing<T: ReadTxn>(value: &Out, empty: &IdSet, txn: &T) -> bool {
    use yrs::Text;
    let goes = |value: &Out| id_of(value).is_some_and(|id| empty.contains(&id));
    match value {
        Out::YText(text) => text.len(txn) == 0,
        Out::YXmlText(text) => text.len(txn) == 0,
        Out::YMap(map) => map.iter(txn).all(|(_, value)| goes(&value)),
        Out::YArray(array) => array.iter(txn).all(|value| goes(&value)),
        Out::YXmlElement(element) => {
            element.attributes(txn).next().is_none() && xml_children(element, txn).iter().all(goes)
        }
        Out::YXmlFragment(fragment) => fragment.children(txn).map(from_xml).all(|value| goes(&value)),
        _ => true,
    }
}
