//! Templates: nodes, with what is in them and what depends on what, to be put onto any canvas.
//!
//! A template names its nodes by keys of its own. Texts may hold placeholders, `{{name}}`, for the parameters that whoever
//! applies it gives. [`Template::plan`] makes edits of it: all of the canvas at once, and one for each node's document.

mod capture;
mod check;
mod fill;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map as JsonMap, Value};
use uuid::Uuid;
use yrs::Transact;

use crate::canvas::{AuthorType, CanvasPatch, NewEdge, NewNode};
use crate::ids::{EdgeId, NodeId, UserId};
use crate::node::{ItemContent, NewItem, NodePatch, Side};
use crate::patch::PatchError;

pub use capture::{Captured, capture};
use fill::Values;

/// The most nodes of a template.
pub const TEMPLATE_NODES_MAX: usize = 200;
/// The most dependencies of a template.
pub const TEMPLATE_DEPENDENCIES_MAX: usize = 500;
/// The most parameters of a template.
pub const TEMPLATE_PARAMETERS_MAX: usize = 20;
/// The most inputs, and the most outputs, of a node of a template.
pub const TEMPLATE_ITEMS_MAX: usize = 50;
/// The largest template, in bytes of JSON.
pub const TEMPLATE_BYTES_MAX: usize = 512 * 1024;
/// The longest key or name of a parameter, in characters.
pub const TEMPLATE_WORD_CHARS_MAX: usize = 64;
/// The longest value of a parameter, in characters.
pub const TEMPLATE_VALUE_CHARS_MAX: usize = 2_000;

/// What a template makes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Template {
    /// What whoever applies it is asked for.
    #[serde(default)]
    pub parameters: Vec<TemplateParameter>,
    /// The nodes; those inside others come after them.
    pub nodes: Vec<TemplateNode>,
    /// What depends on what.
    #[serde(default)]
    pub dependencies: Vec<TemplateDependency>,
}

/// Something that whoever applies a template is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TemplateParameter {
    /// What placeholders call it: letters, digits and underscores.
    pub name: String,
    /// What to call it.
    #[serde(default)]
    pub label: Option<String>,
    /// What holds if nothing is given; without it, something must be given.
    #[serde(default)]
    pub default: Option<String>,
}

/// A node of a template.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TemplateNode {
    /// What the template calls it.
    pub key: String,
    /// Its title; may hold placeholders.
    pub title: String,
    /// Its text, as Markdown; may hold placeholders.
    #[serde(default)]
    pub body: String,
    /// The key of the node that it is inside.
    #[serde(default)]
    pub parent: Option<String>,
    /// Who is to make it.
    #[serde(default)]
    pub author_type: AuthorType,
    /// The left edge, in canvas units, from where the template is put.
    #[serde(default)]
    pub x: f64,
    /// The upper edge.
    #[serde(default)]
    pub y: f64,
    /// The width; the canvas's own if not given.
    #[serde(default)]
    pub width: Option<f64>,
    /// The height; the canvas's own if not given.
    #[serde(default)]
    pub height: Option<f64>,
    /// `priority`, `tags` and whatever else.
    #[serde(default)]
    pub metadata: JsonMap<String, Value>,
    /// What it works with.
    #[serde(default)]
    pub inputs: Vec<TemplateItem>,
    /// What is to come of it.
    #[serde(default)]
    pub outputs: Vec<TemplateItem>,
}

/// An input or output of a template's node.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TemplateItem {
    /// What to call it; may hold placeholders.
    #[serde(default)]
    pub label: Option<String>,
    /// Of a text: the text, as Markdown; may hold placeholders.
    #[serde(default)]
    pub text: Option<String>,
    /// Of structured data: the value.
    #[serde(default)]
    pub data: Option<Value>,
    /// Of a link: its address; may hold placeholders.
    #[serde(default)]
    pub url: Option<String>,
    /// Of a reference: the key of a node of the template.
    #[serde(default)]
    pub source: Option<String>,
    /// Of a file: which.
    #[serde(default)]
    pub file_id: Option<Uuid>,
    /// Whatever is to be noted of it.
    #[serde(default)]
    pub metadata: JsonMap<String, Value>,
}

/// What one node of a template yields, another takes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TemplateDependency {
    /// The key of the node that yields.
    pub source: String,
    /// The key of the node that takes.
    pub target: String,
}

/// How a template is to be applied.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Application {
    /// All ids follow from this one, so that the same application makes the same nodes.
    pub seed: Uuid,
    /// On whose behalf.
    pub author: Option<UserId>,
    /// The node that the template's outermost nodes are to be inside.
    pub parent: Option<NodeId>,
    /// Where the template's origin is to be on the canvas.
    pub origin: (f64, f64),
    /// Values of the parameters.
    pub parameters: BTreeMap<String, String>,
    /// Noted with each input and output.
    pub provenance: JsonMap<String, Value>,
}

/// The edits that put a template onto a canvas.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Of the canvas: to be made together.
    pub canvas: Vec<CanvasPatch>,
    /// The nodes, in the template's order.
    pub nodes: Vec<PlannedNode>,
    /// The dependencies, in the template's order.
    pub dependencies: Vec<EdgeId>,
}

/// A node that a template makes.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedNode {
    /// What the template calls it.
    pub key: String,
    /// Its id.
    pub id: NodeId,
    /// Its title.
    pub title: String,
    /// Of its own document.
    pub content: Vec<NodePatch>,
}

impl Template {
    /// The edits that apply it. Refused when a parameter is missing, unknown or too long, and when a title or something
    /// else does not fit once its placeholders are filled.
    pub fn plan(&self, application: &Application) -> Result<Plan, PatchError> {
        let values = Values::of(&self.parameters, &application.parameters)?;
        let id = |kind: &str, name: &str| Uuid::new_v5(&application.seed, format!("{kind} {name}").as_bytes());
        let node_id = |key: &str| NodeId::new(id("node", key));
        let mut plan = Plan { canvas: Vec::new(), nodes: Vec::new(), dependencies: Vec::new() };
        for node in &self.nodes {
            let title = values.fill(&node.title);
            let new = NewNode {
                title: title.clone(),
                status: None,
                parent_id: node.parent.as_deref().map(node_id).or(application.parent),
                author_type: node.author_type,
                author_user_id: application.author,
                supervisor_user_id: application.author.filter(|_| node.author_type == AuthorType::Agent),
                x: application.origin.0 + node.x,
                y: application.origin.1 + node.y,
                width: node.width,
                height: node.height,
                metadata: node.metadata.clone(),
            };
            let node_of_id = node_id(&node.key);
            plan.canvas.push(CanvasPatch::CreateNode { id: node_of_id, node: Box::new(new) });
            let mut content = Vec::new();
            if !node.body.is_empty() {
                content.push(NodePatch::SetBody { markdown: values.fill(&node.body) });
            }
            for (side, items) in [(Side::Inputs, &node.inputs), (Side::Outputs, &node.outputs)] {
                for (at, item) in items.iter().enumerate() {
                    let id = id("item", &format!("{} {side:?} {at}", node.key));
                    let provenance = Some(application.provenance.clone());
                    let content_of = item.content(&values, node_id)?;
                    let label = item.label.as_deref().map(|label| values.fill(label));
                    let metadata = item.metadata.clone();
                    let item = NewItem { id, label, metadata, provenance, content: content_of };
                    content.push(NodePatch::AddItem { side, item });
                }
            }
            plan.nodes.push(PlannedNode { key: node.key.clone(), id: node_of_id, title, content });
        }
        for (at, TemplateDependency { source, target }) in self.dependencies.iter().enumerate() {
            let edge = NewEdge {
                source_node_id: node_id(source),
                target_node_id: node_id(target),
                source_output_id: None,
                target_input_id: None,
            };
            let id = EdgeId::new(id("edge", &at.to_string()));
            plan.canvas.push(CanvasPatch::CreateEdge { id, edge });
            plan.dependencies.push(id);
        }
        Ok(plan)
    }
}

impl Plan {
    /// Whether the nodes may be on a canvas, and their own documents take what they are to hold: before anything comes onto
    /// the canvas.
    pub fn check_contents(&self) -> Result<(), PatchError> {
        for patch in &self.canvas {
            if let CanvasPatch::CreateNode { node, .. } = patch {
                node.check()?;
            }
        }
        self.nodes.iter().try_for_each(|planned| {
            let document = crate::new_doc(yrs::ClientID::new(1));
            let mut txn = document.transact_mut();
            planned.content.iter().try_for_each(|patch| crate::node::apply(patch, &mut txn))
        })
    }
}

impl TemplateItem {
    /// What it holds, as the one field says that has a value.
    fn content(&self, values: &Values<'_>, node_id: impl Fn(&str) -> NodeId) -> Result<ItemContent, PatchError> {
        match (&self.text, &self.data, &self.url, &self.source, self.file_id) {
            (Some(text), None, None, None, None) => Ok(ItemContent::Text { text: values.fill(text) }),
            (None, Some(data), None, None, None) => Ok(ItemContent::Data { data: data.clone() }),
            (None, None, Some(url), None, None) => Ok(ItemContent::Link { url: values.fill(url) }),
            (None, None, None, Some(source), None) => {
                Ok(ItemContent::NodeReference { source_node_id: node_id(source), source_version: None })
            }
            (None, None, None, None, Some(file_id)) => Ok(ItemContent::File { file_id }),
            _ => Err(PatchError::invalid(
                "structure",
                "an input or output has one of text, data, url, source and fileId",
            )),
        }
    }
}

#[cfg(test)]
mod tests;
