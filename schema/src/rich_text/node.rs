//! The bare tree of a rich text, as it lies in the document: elements, and texts with formatting attributes.

use std::collections::BTreeMap;

use yrs::types::text::YChange;
use yrs::types::{Attrs, Delta};
use yrs::{
    Any, ArrayRef, In, Out, ReadTxn, Text, TransactionMut, Xml, XmlElementPrelim, XmlElementRef, XmlFragment,
    XmlFragmentRef, XmlTextPrelim,
};

use super::NESTING_DEPTH_MAX;
use crate::value::list_values;

/// Stands in a [`Run`] for something embedded in a text, which also counts as one UTF-16 unit.
const EMBEDDED: &str = "\u{FFFC}";

/// How deep what is removed may be nested.
const REMOVABLE_DEPTH_MAX: usize = 256;

/// How much of an unknown element's attributes is shown, in characters.
const UNKNOWN_ATTRIBUTE_CHARS_MAX: usize = 200;

/// A child of an element or fragment.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    /// An `XmlText`.
    Text(Vec<Run>),
    /// An `XmlElement`.
    Element(Element),
    /// Something that no editor puts there.
    Foreign,
}

/// An `XmlElement`.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) attributes: BTreeMap<String, Any>,
    pub(super) children: Vec<Node>,
}

/// A stretch of an `XmlText` with the same formatting attributes.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Run {
    pub(super) text: String,
    pub(super) attributes: Attrs,
}

/// An element for which the tree of blocks has no word. It can be kept and moved, and is shown as its words.
#[derive(Debug, Clone, PartialEq)]
pub struct Unknown(pub(super) Node);

impl Unknown {
    /// The element's name, such as `mention`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// What stands for it where only words can: its own, or else its name and attributes in brackets.
    #[must_use]
    pub fn readable(&self) -> String {
        let words = plain_text(std::slice::from_ref(&self.0));
        let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
        if !words.is_empty() {
            return words;
        }
        let values: Vec<&str> = self.0.attributes().values().filter_map(text_of).collect();
        let separator = if values.is_empty() { "" } else { ": " };
        let mut shown = format!("{}{separator}{}", self.name(), values.join(", "));
        if let Some((end, _)) = shown.char_indices().nth(UNKNOWN_ATTRIBUTE_CHARS_MAX) {
            shown.truncate(end);
            shown.push('…');
        }
        format!("[{}]", shown.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

impl Node {
    pub(super) fn element(name: &str, children: Vec<Self>) -> Self {
        Self::Element(Element { name: name.to_owned(), attributes: BTreeMap::new(), children })
    }

    pub(super) fn with(mut self, key: &str, value: Option<Any>) -> Self {
        if let (Self::Element(element), Some(value)) = (&mut self, value) {
            element.attributes.insert(key.to_owned(), value);
        }
        self
    }

    pub(super) fn name(&self) -> &str {
        match self {
            Self::Element(element) => &element.name,
            Self::Text(_) => "text",
            Self::Foreign => "embedded",
        }
    }

    pub(super) fn attributes(&self) -> &BTreeMap<String, Any> {
        static NONE: BTreeMap<String, Any> = BTreeMap::new();
        match self {
            Self::Element(element) => &element.attributes,
            Self::Text(_) | Self::Foreign => &NONE,
        }
    }

    pub(super) fn children(&self) -> &[Self] {
        match self {
            Self::Element(element) => &element.children,
            Self::Text(_) | Self::Foreign => &[],
        }
    }
}

/// The text that an attribute holds.
pub(super) fn text_of(value: &Any) -> Option<&str> {
    match value {
        Any::String(text) => Some(text),
        _ => None,
    }
}

/// Reads the children of a fragment, as deep as [`NESTING_DEPTH_MAX`].
pub(super) fn read_children(fragment: &XmlFragmentRef, txn: &impl ReadTxn) -> Vec<Node> {
    read_below(fragment, txn, 1)
}

/// Reads the children of an element that stands at `depth`.
pub(super) fn read_below(fragment: &XmlFragmentRef, txn: &impl ReadTxn, depth: usize) -> Vec<Node> {
    if depth > NESTING_DEPTH_MAX {
        return Vec::new();
    }
    children(fragment, txn)
        .into_iter()
        .map(|child| match child {
            Out::YXmlText(text) => Node::Text(read_text(&text, txn)),
            Out::YXmlElement(element) => read_element(&element, txn, depth),
            _ => Node::Foreign,
        })
        .collect()
}

/// Reads an element that stands at `depth`, from 1.
pub(super) fn read_element(element: &XmlElementRef, txn: &impl ReadTxn, depth: usize) -> Node {
    Node::Element(Element {
        name: element.try_tag().map(ToString::to_string).unwrap_or_default(),
        attributes: read_attributes(element, txn),
        children: read_below(element.as_ref(), txn, depth + 1),
    })
}

/// What a fragment holds, each at its index, whatever it is.
pub(super) fn children(fragment: &XmlFragmentRef, txn: &impl ReadTxn) -> Vec<Out> {
    let array: &ArrayRef = fragment.as_ref();
    list_values(array, txn)
}

fn read_attributes(element: &XmlElementRef, txn: &impl ReadTxn) -> BTreeMap<String, Any> {
    let values = element.attributes(txn).filter_map(|(key, value)| match value {
        Out::Any(Any::Null | Any::Undefined) => None,
        Out::Any(value) => Some((key.to_owned(), value)),
        _ => None,
    });
    values.collect()
}

/// Reads a text as the runs of which it consists. Neighbours differ in their attributes.
pub(super) fn read_text(text: &impl Text, txn: &impl ReadTxn) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for piece in text.diff(txn, YChange::identity) {
        let attributes = piece.attributes.map(|attributes| *attributes).unwrap_or_default();
        let words = match &piece.insert {
            Out::Any(Any::String(words)) => words,
            _ => EMBEDDED,
        };
        match runs.last_mut() {
            Some(before) if before.attributes == attributes => before.text.push_str(words),
            _ => runs.push(Run { text: words.to_owned(), attributes }),
        }
    }
    runs
}

/// Writes a node, with all that is in it, at an index of a fragment.
pub(super) fn insert(fragment: &XmlFragmentRef, txn: &mut TransactionMut<'_>, index: u32, node: &Node) {
    match node {
        Node::Foreign => {}
        Node::Text(runs) => {
            let text = fragment.insert(txn, index, XmlTextPrelim::default());
            let delta = runs.iter().map(|run| inserted(&run.text, run.attributes.clone()));
            text.apply_delta(txn, delta.collect::<Vec<_>>());
        }
        Node::Element(element) => {
            let written = fragment.insert(txn, index, XmlElementPrelim::empty(element.name.as_str()));
            for (key, value) in &element.attributes {
                written.insert_attribute(txn, key.as_str(), value.clone());
            }
            // Backwards: yrs finds an index by walking to it. Nobody else can be writing here yet.
            for child in element.children.iter().rev().filter(|child| **child != Node::Foreign) {
                insert(written.as_ref(), txn, 0, child);
            }
        }
    }
}

/// Whether a child can be removed: yrs takes a level of the stack for each level of nesting, and has no bound of its own.
pub(super) fn is_removable(child: &Out, txn: &impl ReadTxn) -> bool {
    let mut open = vec![(child.clone(), 0)];
    while let Some((node, depth)) = open.pop() {
        let fragment: &XmlFragmentRef = match &node {
            Out::YXmlElement(element) => element.as_ref(),
            Out::YXmlFragment(fragment) => fragment,
            Out::YXmlText(_) | Out::Any(_) => continue,
            // Whatever may lie in it.
            _ => return false,
        };
        if depth == REMOVABLE_DEPTH_MAX {
            return false;
        }
        open.extend(children(fragment, txn).into_iter().map(|child| (child, depth + 1)));
    }
    true
}

/// Words to put into a text, with exactly these formatting attributes.
pub(super) fn inserted(text: &str, attributes: Attrs) -> Delta<In> {
    Delta::Inserted(In::Any(Any::from(text)), Some(Box::new(attributes)))
}

/// The words of nodes, a line for each text block and hard break.
pub(super) fn plain_text(nodes: &[Node]) -> String {
    let mut lines = Lines::default();
    for node in nodes {
        lines.add(node);
    }
    lines.finished.extend((!lines.open.is_empty()).then_some(lines.open));
    lines.finished.join("\n")
}

#[derive(Default)]
struct Lines {
    finished: Vec<String>,
    open: String,
}

impl Lines {
    fn add(&mut self, node: &Node) {
        match node {
            Node::Text(runs) => runs.iter().for_each(|run| self.open.push_str(&run.text)),
            // An element within a line, such as a mention, says nothing.
            Node::Element(element) if element.children.is_empty() && element.name != "hardBreak" => {}
            Node::Element(element) => {
                self.end_line();
                element.children.iter().for_each(|child| self.add(child));
                self.end_line();
            }
            Node::Foreign => {}
        }
    }

    fn end_line(&mut self) {
        if !self.open.is_empty() {
            self.finished.push(std::mem::take(&mut self.open));
        }
    }
}
