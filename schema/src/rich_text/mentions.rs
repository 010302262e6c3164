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
/// What a link to a person begins with.
const LINK_PREFIX: &str = "user:";

/// The people who are mentioned in a text, each once. What names nobody by an id is no mention.
#[must_use]
pub fn mentions(blocks: &[Block]) -> BTreeSet<UserId> {
    let mut found = BTreeSet::new();
    collect(blocks, &mut found);
    found
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
    use yrs::{Doc, Transact, WriteTxn, Xml, XmlElementPrelim, XmlFragment};

    use super::*;
    use crate::rich_text::{markdown, read};

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
