//! What the demo tells: how a small team brings a product to the market.

mod items;

use chrono::{DateTime, TimeDelta, Utc};
use schema::canvas::{CanvasPatch, NewEdge, NewNode};
use schema::ids::{EdgeId, UserId};
use schema::node::NodePatch;
use serde_json::json;

use super::{demo_id, node_id};

/// The project's name.
pub(super) const NAME: &str = "Launch plan";
/// What the project is about.
pub(super) const DESCRIPTION: &str = "From the first interviews to the week after the launch of Fieldnote.";

/// The distance between two columns and two rows of the canvas, in canvas units.
const COLUMN: f64 = 320.0;
const ROW: f64 = 180.0;

/// A node of the demo.
pub(super) struct Chapter {
    /// Tells it from the others, for ever: its id follows from it.
    pub(super) key: &'static str,
    title: &'static str,
    body: &'static str,
    status: &'static str,
    priority: &'static str,
    tags: &'static [&'static str],
    /// Days from the start of the demo.
    due_in_days: i64,
    column: f64,
    row: f64,
}

/// What feeds what.
const EDGES: [(&str, &str); 8] = [
    ("research", "interviews"),
    ("interviews", "pricing"),
    ("interviews", "landing-page"),
    ("pricing", "landing-page"),
    ("interviews", "beta"),
    ("landing-page", "launch-checklist"),
    ("beta", "launch-checklist"),
    ("launch-checklist", "retrospective"),
];

/// All nodes, in the order in which the work is done.
pub(super) fn chapters() -> [Chapter; 7] {
    [
        Chapter {
            key: "research",
            title: "Market research",
            body: include_str!("research.md"),
            status: "complete",
            priority: "medium",
            tags: &["research"],
            due_in_days: -40,
            column: 0.0,
            row: 1.0,
        },
        Chapter {
            key: "interviews",
            title: "Twelve interviews",
            body: include_str!("interviews.md"),
            status: "complete",
            priority: "high",
            tags: &["research", "users"],
            due_in_days: -26,
            column: 1.0,
            row: 1.0,
        },
        Chapter {
            key: "pricing",
            title: "Pricing",
            body: include_str!("pricing.md"),
            status: "complete",
            priority: "high",
            tags: &["business"],
            due_in_days: -12,
            column: 2.0,
            row: 0.0,
        },
        Chapter {
            key: "landing-page",
            title: "Landing page",
            body: include_str!("landing-page.md"),
            status: "in_progress",
            priority: "medium",
            tags: &["website", "copy"],
            due_in_days: 6,
            column: 3.0,
            row: 0.0,
        },
        Chapter {
            key: "beta",
            title: "Closed beta",
            body: include_str!("beta.md"),
            status: "in_progress",
            priority: "high",
            tags: &["users", "product"],
            due_in_days: 13,
            column: 2.5,
            row: 2.0,
        },
        Chapter {
            key: "launch-checklist",
            title: "Launch checklist",
            body: include_str!("launch-checklist.md"),
            status: "draft",
            priority: "high",
            tags: &["launch"],
            due_in_days: 20,
            column: 4.0,
            row: 1.0,
        },
        Chapter {
            key: "retrospective",
            title: "Retrospective",
            body: include_str!("retrospective.md"),
            status: "draft",
            priority: "low",
            tags: &["launch", "team"],
            due_in_days: 28,
            column: 5.0,
            row: 1.0,
        },
    ]
}

impl Chapter {
    /// Adds the node to the canvas.
    pub(super) fn on_canvas(&self, author: UserId, now: DateTime<Utc>) -> CanvasPatch {
        let due = (now + TimeDelta::days(self.due_in_days)).date_naive();
        let metadata = json!({"priority": self.priority, "tags": self.tags, "dueDate": due.to_string()});
        let node = NewNode {
            title: self.title.to_owned(),
            status: Some(self.status.to_owned()),
            author_user_id: Some(author),
            x: self.column * COLUMN,
            y: self.row * ROW,
            metadata: metadata.as_object().cloned().unwrap_or_default(),
            ..NewNode::default()
        };
        CanvasPatch::CreateNode { id: node_id(self.key), node: Box::new(node) }
    }

    /// Writes what is in the node.
    pub(super) fn content(&self) -> Vec<NodePatch> {
        let mut patches = vec![NodePatch::SetBody { markdown: self.body.to_owned() }];
        patches.extend(items::of(self.key));
        patches
    }
}

/// Links the nodes.
pub(super) fn edges() -> impl Iterator<Item = CanvasPatch> {
    EDGES.into_iter().map(|(source, target)| {
        let edge = NewEdge {
            source_node_id: node_id(source),
            target_node_id: node_id(target),
            source_output_id: None,
            target_input_id: None,
        };
        CanvasPatch::CreateEdge { id: EdgeId::new(demo_id(&format!("{source} to {target}"))), edge }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_edge_joins_two_chapters() {
        let keys = chapters().map(|chapter| chapter.key);
        for (source, target) in EDGES {
            assert!(keys.contains(&source) && keys.contains(&target), "{source} to {target}");
        }
    }
}
