//! The edit that lets a block grow: words are edited, elements are added, and none is removed or replaced.

use yrs::{Out, TransactionMut, Xml, XmlElementRef, XmlFragmentRef};

use crate::rich_text::node::{self, Node};
use crate::rich_text::text;

/// Whether a node can grow into another.
pub(super) fn can_grow(from: &Node, into: &Node) -> bool {
    match (from, into) {
        (Node::Text(_), Node::Text(_)) => true,
        (Node::Element(from), Node::Element(into)) => {
            from.name == into.name
                && from.children.len() <= into.children.len()
                && from.children.iter().zip(&into.children).all(|(from, into)| can_grow(from, into))
        }
        _ => false,
    }
}

/// Lets an element that is `from` grow into what it can grow into.
pub(super) fn grow(element: &XmlElementRef, txn: &mut TransactionMut<'_>, from: &Node, into: &Node) {
    for (key, value) in into.attributes() {
        if from.attributes().get(key) != Some(value) {
            element.insert_attribute(txn, key.as_str(), value.clone());
        }
    }
    for key in from.attributes().keys().filter(|key| !into.attributes().contains_key(*key)) {
        element.remove_attribute(txn, key);
    }
    let inside: &XmlFragmentRef = element.as_ref();
    let pairs = from.children().iter().zip(into.children());
    if pairs.clone().any(|(from, into)| from != into) {
        let children = node::children(inside, txn);
        for ((from, into), child) in pairs.zip(children) {
            match (from, into, child) {
                (from, into, _) if from == into => {}
                (Node::Text(from), Node::Text(into), Out::YXmlText(written)) => text::edit(&written, txn, from, into),
                (_, _, Out::YXmlElement(child)) => grow(&child, txn, from, into),
                _ => {}
            }
        }
    }
    for (index, added) in (0..).zip(into.children()).skip(from.children().len()) {
        node::insert(inside, txn, index, added);
    }
}
