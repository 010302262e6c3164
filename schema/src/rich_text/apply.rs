//! The edit that makes a document say something else.

use std::collections::BTreeSet;

use yrs::{Out, Text, TransactionMut, Xml, XmlElementRef, XmlFragment, XmlFragmentRef};

use super::align::{Current, Step, align};
use super::node::{self, Node, Run, Unknown};
use super::{Block, markdown, mentions, shape, text};

/// The formatting attribute of links.
const LINK: &str = "link";

/// Makes a fragment say `blocks`.
pub(super) fn apply(fragment: &XmlFragmentRef, txn: &mut TransactionMut<'_>, blocks: &[Block]) {
    let sense = if markdown::normalized(blocks) == blocks { Sense::Markdown } else { Sense::Tree };
    let current = node::read_children(fragment, txn).into_iter().map(|child| described(child, sense)).collect();
    edit_children(fragment, txn, current, &shape::nodes(blocks), Level { sense, blank_lines: BlankLines::Stay });
}

/// What the wanted blocks can say: if they could come from Markdown, what Markdown cannot say is not meant to change.
#[derive(Clone, Copy)]
enum Sense {
    Tree,
    Markdown,
}

/// A child with the forms in which it may be wanted, as far as it tells by itself.
fn described(node: Node, sense: Sense) -> Current {
    let blocks = shape::blocks(std::slice::from_ref(&node));
    let only = |mut nodes: Vec<Node>| if nodes.len() == 1 { nodes.pop() } else { None };
    let plain = match &node {
        Node::Text(_) => shape::known_text(&node),
        _ => only(shape::nodes(&blocks)).unwrap_or_else(|| node.clone()),
    };
    let in_markdown = match sense {
        Sense::Tree => None,
        Sense::Markdown => only(shape::nodes(&markdown::normalized(&blocks))),
    };
    let in_markdown = in_markdown.unwrap_or_else(|| plain.clone());
    let forms = [plain, in_markdown];
    Current { node, forms }
}

/// The children of a child: their forms are the children of its forms, where these have as many.
fn described_children(current: Current, sense: Sense) -> Vec<Current> {
    let [plain, in_markdown] = current.forms;
    let Node::Element(element) = current.node else { return Vec::new() };
    let count = element.children.len();
    let children = element.children.into_iter().enumerate().map(|(index, child)| {
        let child_of = |form: &Node| (form.children().len() == count).then(|| form.children()[index].clone());
        match (child_of(&plain), child_of(&in_markdown)) {
            (None, None) => described(child, sense),
            (plain, in_markdown) => {
                let Current { node, forms: [own, own_in_markdown] } = described(child, sense);
                Current { node, forms: [plain.unwrap_or(own), in_markdown.unwrap_or(own_in_markdown)] }
            }
        }
    });
    children.collect()
}

/// What holds for the children of one element.
#[derive(Clone, Copy)]
struct Level {
    sense: Sense,
    blank_lines: BlankLines,
}

/// What becomes of a paragraph without words that is not wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum BlankLines {
    Stay,
    Go,
}

fn edit_children(
    fragment: &XmlFragmentRef,
    txn: &mut TransactionMut<'_>,
    current: Vec<Current>,
    target: &[Node],
    level: Level,
) {
    let children = node::children(fragment, txn);
    let steps = align(&current, target);
    let mut current: Vec<Option<Current>> = current.into_iter().map(Some).collect();
    let mut take = |index: usize| current[index].take().expect("each child is in one step");
    let mut is_text_wanted = target.iter().any(|node| matches!(node, Node::Text(_)));
    let mut index = 0;
    for run in steps.chunk_by(|step, next| matches!((step, next), (Step::Insert { .. }, Step::Insert { .. }))) {
        let first = index;
        // Insertions in a row backwards: yrs finds an index by walking to it.
        for step in run.iter().rev() {
            match *step {
                Step::Keep => index += 1,
                Step::Edit { current, target: wanted } => {
                    edit_child(&children[current], txn, take(current), &target[wanted], level.sense);
                    index += 1;
                }
                Step::Insert { target: wanted } => {
                    node::insert(fragment, txn, first, &target[wanted]);
                    index += 1;
                }
                Step::Delete { current } => match (&children[current], &take(current).node) {
                    (_, node) if level.blank_lines == BlankLines::Stay && is_blank_line(node) => index += 1,
                    // A paragraph keeps its text when it loses all its words: somebody may be writing there.
                    (Out::YXmlText(text), _) if !is_text_wanted => {
                        let length = text.len(txn);
                        text.remove_range(txn, 0, length);
                        is_text_wanted = true;
                        index += 1;
                    }
                    (child, _) if node::is_removable(child, txn) => fragment.remove(txn, index),
                    _ => index += 1,
                },
            }
        }
    }
}

fn is_blank_line(node: &Node) -> bool {
    let is_wordless = |child: &Node| matches!(child, Node::Text(runs) if runs.is_empty());
    node.name() == "paragraph" && node.children().iter().all(is_wordless)
}

fn edit_child(child: &Out, txn: &mut TransactionMut<'_>, current: Current, target: &Node, sense: Sense) {
    match (child, target) {
        (Out::YXmlText(written), Node::Text(wanted)) => {
            if let Node::Text(runs) = &current.node {
                text::edit(written, txn, runs, wanted);
            }
        }
        (Out::YXmlElement(element), Node::Element(wanted)) => {
            edit_attributes(element, txn, &current.forms, target);
            let children = described_children(current, sense);
            let wanted = with_unknown_restored(&wanted.children, &children);
            edit_children(element.as_ref(), txn, children, &wanted, Level { sense, blank_lines: BlankLines::Go });
        }
        _ => {}
    }
}

/// Writes the attributes that differ from the wanted ones in both forms of the element. Those without a name stay.
fn edit_attributes(element: &XmlElementRef, txn: &mut TransactionMut<'_>, forms: &[Node; 2], target: &Node) {
    let wanted = target.attributes();
    let known: BTreeSet<&String> = forms[0].attributes().keys().chain(wanted.keys()).collect();
    for key in known {
        if forms.iter().any(|form| form.attributes().get(key) == wanted.get(key)) {
            continue;
        }
        match wanted.get(key) {
            Some(value) => {
                element.insert_attribute(txn, key.as_str(), value.clone());
            }
            None => element.remove_attribute(txn, key),
        }
    }
}

/// The wanted children of a paragraph with its unknown elements in place of the words that stand for them in Markdown.
fn with_unknown_restored(wanted: &[Node], current: &[Current]) -> Vec<Node> {
    let mut restored = wanted.to_vec();
    let mut from = 0;
    for child in current {
        if !matches!(&child.node, Node::Element(element) if element.name != "hardBreak") {
            continue;
        }
        let stand_in = shape::inline_nodes(&[mentions::stand_in(&Unknown(child.node.clone()))]);
        let Some(Node::Text(stand_in)) = stand_in.into_iter().next() else { continue };
        let found = (from..restored.len()).find_map(|index| Some((index, split_at(&restored[index], &stand_in)?)));
        if let Some((index, (before, after))) = found {
            let parts = [before, Some(child.node.clone()), after];
            let parts: Vec<Node> = parts.into_iter().flatten().collect();
            from = index + parts.iter().position(|part| *part == child.node).map_or(0, |at| at + 1);
            restored.splice(index..=index, parts);
        }
    }
    restored
}

/// The texts before and after words in a text, if it has them. If the words are a link, only where they are that link.
fn split_at(text: &Node, stand_in: &[Run]) -> Option<(Option<Node>, Option<Node>)> {
    let (Node::Text(runs), [words]) = (text, stand_in) else { return None };
    let link = |run: &Run| run.attributes.get(LINK).cloned();
    let is_same_link = |run: &Run| link(words).is_none() || link(words) == link(run);
    let find = |run: &Run| if is_same_link(run) { run.text.find(&words.text) } else { None };
    let (index, at) = runs.iter().enumerate().find_map(|(index, run)| Some((index, find(run)?)))?;
    let (before, after) = (&runs[index].text[..at], &runs[index].text[at + words.text.len()..]);
    let part = |words: &str| Run { text: words.to_owned(), attributes: runs[index].attributes.clone() };
    let before = runs[..index].iter().cloned().chain([part(before)]);
    let after = [part(after)].into_iter().chain(runs[index + 1..].iter().cloned());
    let text = |runs: Vec<Run>| (!runs.is_empty()).then_some(Node::Text(runs));
    let filled = |run: &Run| !run.text.is_empty();
    Some((text(before.filter(filled).collect()), text(after.filter(filled).collect())))
}
