//! A template of nodes that are there.

use std::collections::BTreeMap;

use super::{Template, TemplateDependency, TemplateItem, TemplateNode};
use crate::canvas::{CanvasNode, CanvasView};
use crate::ids::NodeId;
use crate::node::{Item, NodeView};

/// A node to make a template of.
#[derive(Debug, Clone, PartialEq)]
pub struct Captured {
    /// Its id.
    pub id: NodeId,
    /// What the canvas shows of it.
    pub on_canvas: CanvasNode,
    /// What is in it.
    pub content: NodeView,
}

/// The template that makes nodes like these: with their texts, items, places to each other and what of each other they
/// are inside and depend on. What leads out of the selection is left out, and so are states and people.
#[must_use]
pub fn capture(canvas: &CanvasView, nodes: Vec<Captured>) -> Template {
    let nodes = parents_first(nodes);
    let keys: BTreeMap<NodeId, String> =
        nodes.iter().zip(1..).map(|(node, at)| (node.id, format!("node{at}"))).collect();
    let least = |of: fn(&CanvasNode) -> f64| nodes.iter().map(|node| of(&node.on_canvas)).reduce(f64::min);
    let (left, top) = (least(|node| node.x).unwrap_or_default(), least(|node| node.y).unwrap_or_default());
    let dependencies = canvas.edges.values().filter_map(|edge| {
        let (source, target) = (keys.get(&edge.source_node_id)?.clone(), keys.get(&edge.target_node_id)?.clone());
        Some(TemplateDependency { source, target })
    });
    let mut dependencies: Vec<_> = dependencies.collect();
    dependencies.sort_by(|one, other| (&one.source, &one.target).cmp(&(&other.source, &other.target)));
    dependencies.dedup();
    let template_node = |Captured { id, on_canvas: node, content }: Captured| {
        let mut metadata = node.metadata;
        for of_people in ["assignees", "dueDate"] {
            metadata.remove(of_people);
        }
        let items = |items: Vec<Item>| items.into_iter().filter_map(|item| template_item(item, &keys)).collect();
        TemplateNode {
            key: keys[&id].clone(),
            title: node.title,
            body: content.body,
            parent: node.parent_id.and_then(|parent| keys.get(&parent).cloned()),
            author_type: node.author_type,
            x: node.x - left,
            y: node.y - top,
            width: node.width,
            height: node.height,
            metadata,
            inputs: items(content.inputs),
            outputs: items(content.outputs),
        }
    };
    Template { parameters: Vec::new(), nodes: nodes.into_iter().map(template_node).collect(), dependencies }
}

/// Those inside others after them; those that are inside each other, in a cycle, in any order and inside nothing.
fn parents_first(nodes: Vec<Captured>) -> Vec<Captured> {
    let mut waiting: BTreeMap<NodeId, Captured> = nodes.into_iter().map(|node| (node.id, node)).collect();
    let mut ordered = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let is_free = |node: &Captured| node.on_canvas.parent_id.is_none_or(|parent| !waiting.contains_key(&parent));
        let free: Vec<NodeId> = waiting.values().filter(|node| is_free(node)).map(|node| node.id).collect();
        if free.is_empty() {
            for node in waiting.values_mut() {
                node.on_canvas.parent_id = None;
            }
        }
        ordered.extend(free.iter().filter_map(|id| waiting.remove(id)));
    }
    ordered
}

fn template_item(item: Item, keys: &BTreeMap<NodeId, String>) -> Option<TemplateItem> {
    let source = item.source_node_id.and_then(|id| keys.get(&id).cloned());
    let template = TemplateItem {
        label: item.label,
        text: item.text,
        data: item.data,
        url: item.url,
        source,
        file_id: item.file_id,
        metadata: item.metadata,
    };
    let held = [
        template.text.is_some(),
        template.data.is_some(),
        template.url.is_some(),
        template.source.is_some(),
        template.file_id.is_some(),
    ];
    (held.into_iter().filter(|is_held| *is_held).count() == 1).then_some(template)
}
