//! What the nodes of the demo work with, and what came of them.

use schema::node::{ItemContent, NewItem, NodePatch, Side};
use serde_json::{Map, json};

use super::super::{demo_id, node_id};

/// Adds the inputs and outputs of a node.
pub(super) fn of(key: &str) -> Vec<NodePatch> {
    let items = match key {
        "research" => vec![
            input("Noise on building sites", link("https://en.wikipedia.org/wiki/Occupational_noise")),
            output("Three risks, in one sentence each", text(RISKS)),
        ],
        "interviews" => vec![
            input("What we know", node("research")),
            output("What people said, counted", ItemContent::Data { data: statements() }),
            output("The sentence that became our test case", text(TEST_CASE)),
        ],
        "pricing" => vec![
            input("What people would pay", node("interviews")),
            output("The three plans", ItemContent::Data { data: plans() }),
        ],
        "landing-page" => vec![
            input("Who it is for", node("interviews")),
            input("The three plans", node("pricing")),
            input("Accessibility, at a glance", link("https://www.w3.org/WAI/WCAG22/quickref/")),
        ],
        "beta" => {
            vec![input("Whom to ask first", node("interviews")), output("The first three weeks", text(BETA_REPORT))]
        }
        "launch-checklist" => {
            vec![input("Is the page ready?", node("landing-page")), input("Is the product ready?", node("beta"))]
        }
        _ => vec![input("How the launch went", node("launch-checklist"))],
    };
    items
        .into_iter()
        .map(|(side, label, content)| {
            let id = demo_id(&format!("{key}: {label}"));
            NodePatch::AddItem {
                side,
                item: NewItem { id, label: Some(label.to_owned()), metadata: Map::new(), provenance: None, content },
            }
        })
        .collect()
}

type Labelled = (Side, &'static str, ItemContent);

const fn input(label: &'static str, content: ItemContent) -> Labelled {
    (Side::Inputs, label, content)
}

const fn output(label: &'static str, content: ItemContent) -> Labelled {
    (Side::Outputs, label, content)
}

fn link(url: &str) -> ItemContent {
    ItemContent::Link { url: url.to_owned() }
}

fn text(markdown: &str) -> ItemContent {
    ItemContent::Text { text: markdown.to_owned() }
}

fn node(key: &str) -> ItemContent {
    ItemContent::NodeReference { source_node_id: node_id(key), source_version: None }
}

fn statements() -> serde_json::Value {
    json!([
        {"statement": "I write my notes at home", "people": 11},
        {"statement": "I send a note only when I have read it", "people": 9},
        {"statement": "I wear gloves most of the day", "people": 8},
        {"statement": "Somebody retypes my notes", "people": 7},
    ])
}

fn plans() -> serde_json::Value {
    json!({
        "currency": "EUR",
        "plans": [
            {"name": "Solo", "perPersonAndMonth": 9, "people": {"most": 1}},
            {"name": "Crew", "perPersonAndMonth": 19, "people": {"least": 3, "most": 25}},
            {"name": "Firm", "perPersonAndMonth": null, "people": {"least": 26}},
        ],
    })
}

const RISKS: &str = "\
1. **Noise** drowns the voice above 90 dB.
2. **No reception** on a third of all sites.
3. **Works councils** ask where recordings go.";

const TEST_CASE: &str = "\
> Axis C4, crack in the parapet, about forty centimetres, photo follows. Check again after the frost.

A place, a finding, a measure, a follow-up: all four have to arrive.";

const BETA_REPORT: &str = "\
**71 %** of the engineers still write notes in week three. The way from the site to the sent note takes *22 minutes*;
most of that is spent on correcting place names.";

#[cfg(test)]
mod tests {
    use super::super::chapters;
    use super::*;

    #[test]
    fn every_chapter_works_with_something_and_refers_to_chapters_only() {
        let nodes = chapters().map(|chapter| node_id(chapter.key));
        for chapter in chapters() {
            let items = of(chapter.key);
            assert!(!items.is_empty(), "{}", chapter.key);
            for patch in items {
                let NodePatch::AddItem { item, .. } = patch else { panic!("{patch:?}") };
                if let ItemContent::NodeReference { source_node_id, .. } = item.content {
                    assert!(nodes.contains(&source_node_id), "{}", chapter.key);
                }
            }
        }
    }
}
