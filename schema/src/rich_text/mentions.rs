//! Who is mentioned in a text.
//!
//! A mention is Tiptap's inline element `mention` with the person's id as its attribute `id`, or, where only Markdown can
//! be written, a link to `user:<id>`: `[@Ada](user:8a0d0d8e-4f7e-4a0e-8d0e-0d8e4f7e4a0e)`.

use std::collections::BTreeSet;

use super::node::{Node, Unknown, text_of};
use super::{Block, Inline, Mark};
use crate::ids::UserId;

/// The name of the element.
const ELEMENT: &str = "mention";
/// The attribute that holds the person's id.
const ID: &str = "id";
/// The attribute that holds what the person is called.
const LABEL: &str = "label";
/// What a link to a person begins with.
const LINK_PREFIX: &str = "user:";

/// The people who are mentioned in a text, each once. What names nobody by an id is no mention.
#[must_use]
pub fn mentions(blocks: &[Block]) -> BTreeSet<UserId> {
    let mut found = BTreeSet::new();
    collect(blocks, &mut found);
    found
}

/// What stands for an element within a line in Markdown: for a mention, a link to the person; for anything else its words.
pub(super) fn stand_in(unknown: &Unknown) -> Inline {
    let Unknown(node) = unknown;
    let attribute = |key: &str| node.attributes().get(key).and_then(text_of);
    let person = attribute(ID).filter(|_| node.name() == ELEMENT).and_then(|id| id.parse::<UserId>().ok());
    let Some(person) = person else { return Inline::plain(unknown.readable()) };
    let label = attribute(LABEL).map(|label| label.split_whitespace().collect::<Vec<_>>().join(" "));
    let label = label.filter(|label| !label.is_empty()).unwrap_or_else(|| ELEMENT.to_owned());
    let link = Mark::Link { href: format!("{LINK_PREFIX}{person}"), title: String::new() };
    Inline::marked(format!("@{}", label.trim_start_matches('@')), [link])
}

fn collect(blocks: &[Block], found: &mut BTreeSet<UserId>) {
    for block in blocks {
        match block {
            Block::Paragraph(content) | Block::Heading { content, .. } => {
                found.extend(content.iter().flat_map(in_inline));
            }
            Block::Unknown(Unknown(node)) => in_node(node, found),
            _ => block.contents().for_each(|content| collect(content, found)),
        }
    }
}

fn in_inline(inline: &Inline) -> BTreeSet<UserId> {
    let mut found = BTreeSet::new();
    match inline {
        Inline::Text { marks, .. } => found.extend(marks.iter().filter_map(|mark| match mark {
            Mark::Link { href, .. } => href.strip_prefix(LINK_PREFIX)?.parse::<UserId>().ok(),
            _ => None,
        })),
        Inline::Unknown(Unknown(node)) => in_node(node, &mut found),
        Inline::HardBreak => {}
    }
    found
}

/// The tree is as deep as what was read, which is bounded.
fn in_node(node: &Node, found: &mut BTreeSet<UserId>) {
    if node.name() == ELEMENT {
        found.extend(node.attributes().get(ID).and_then(text_of).and_then(|id| id.parse::<UserId>().ok()));
    }
    for child in node.children() {
        in_node(child, found);
    }
}

#[cfg(test)]
mod tests {
    use yrs::{Doc, GetString, ReadTxn, Transact, WriteTxn, Xml, XmlElementPrelim, XmlFragment, XmlTextPrelim};

    use super::*;
    use crate::rich_text::{apply, markdown, read};

    const ADA: &str = "8a0d0d8e-4f7e-4a0e-8d0e-0d8e4f7e4a0e";
    const BOB: &str = "0b8e3f5c-7a41-4c7e-9d57-3f1f5a0c2b11";

    fn ids(ids: &[&str]) -> BTreeSet<UserId> {
        ids.iter().map(|id| id.parse().unwrap()).collect()
    }

    #[test]
    fn a_link_to_a_person_is_a_mention_wherever_it_stands() {
        let text =
            format!("- a\n  - > **[@Ada](user:{ADA})** and [@Ada](user:{ADA})\n\n| x |\n|---|\n| [b](user:{BOB}) |\n");
        assert_eq!(mentions(&markdown::parse(&text)), ids(&[ADA, BOB]));
        for none in ["[a](user:me)", "[a](https://x.example/user:1)", "@Ada", "`user:x`"] {
            assert_eq!(mentions(&markdown::parse(none)), ids(&[]), "{none}");
        }
    }

    #[test]
    fn a_mention_is_a_link_in_markdown_and_stays_an_element_when_that_is_written_back() {
        let doc = Doc::new();
        let mut txn = doc.transact_mut();
        let fragment = txn.get_or_insert_xml_fragment("body");
        let paragraph = fragment.push_back(&mut txn, XmlElementPrelim::empty("paragraph"));
        paragraph.push_back(&mut txn, XmlTextPrelim::new("Not @Ada L but "));
        for (id, label) in [(ADA, Some("Ada L")), (BOB, None)] {
            let mention = paragraph.push_back(&mut txn, XmlElementPrelim::empty("mention"));
            mention.insert_attribute(&mut txn, "id", id);
            if let Some(label) = label {
                mention.insert_attribute(&mut txn, "label", label);
            }
        }
        let written = markdown::render(&read(&fragment, &txn));
        assert_eq!(written, format!("Not @Ada L but [@Ada L](user:{ADA})[@mention](user:{BOB})"));
        let before = (read(&fragment, &txn), txn.state_vector());
        apply(&fragment, &mut txn, &markdown::parse(&written));
        assert_eq!((read(&fragment, &txn), txn.state_vector()), before);
        apply(&fragment, &mut txn, &markdown::parse(&written.replace("Not", "Perhaps")));
        let xml = fragment.get_string(&txn);
        assert!(xml.starts_with("<paragraph>Perhaps @Ada L but <mention "), "{xml}");
        assert_eq!((mentions(&read(&fragment, &txn)), xml.matches("<mention").count()), (ids(&[ADA, BOB]), 2));
    }

    #[test]
    fn the_element_of_editors_is_a_mention() {
        let doc = Doc::new();
        let mut txn = doc.transact_mut();
        let fragment = txn.get_or_insert_xml_fragment("body");
        let paragraph = fragment.push_back(&mut txn, XmlElementPrelim::empty("paragraph"));
        for id in [ADA, "nobody"] {
            let mention = paragraph.push_back(&mut txn, XmlElementPrelim::empty("mention"));
            mention.insert_attribute(&mut txn, "id", id);
            mention.insert_attribute(&mut txn, "label", "Somebody");
        }
        assert_eq!(mentions(&read(&fragment, &txn)), ids(&[ADA]));
    }
}
