mod check;
mod edge;
mod node;
mod project;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map as JsonMap, Value};
use yrs::{Map, MapRef, Out, ReadTxn, TransactionMut};

use super::view::AuthorType;
use crate::ids::{EdgeId, InputId, NodeId, OutputId, UserId};
use crate::patch::{Patch, PatchError};

pub use check::check_states;

/// One change of a canvas.
#[derive(Debug, Clone, PartialEq)]
pub enum CanvasPatch {
    /// Sets up a new project's document. Refused when that was done before.
    InitProject(NewProject),
    /// Changes the project's properties.
    UpdateProject(ProjectChanges),
    /// Adds a node.
    CreateNode {
        /// Its id, which its own document has too.
        id: NodeId,
        /// What it holds.
        node: Box<NewNode>,
    },
    /// Changes a node that is not in the trash.
    UpdateNode {
        /// Which.
        id: NodeId,
        /// What changes.
        changes: Box<NodeChanges>,
    },
    /// Puts a node into the trash. Its edges stay in the document, to come back with it; while it is in the trash no
    /// view shows them and no check counts them.
    DeleteNode {
        /// Which.
        id: NodeId,
    },
    /// Takes a node out of the trash. Its edges come back, but for those that would close a cycle with what was drawn
    /// meanwhile: these go.
    RestoreNode {
        /// Which.
        id: NodeId,
    },
    /// Adds an edge between two nodes that are not in the trash, unless it closes a cycle.
    CreateEdge {
        /// Its id.
        id: EdgeId,
        /// What it joins.
        edge: NewEdge,
    },
    /// Removes an edge.
    DeleteEdge {
        /// Which.
        id: EdgeId,
    },
}

/// A new project.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewProject {
    /// 1 to 255 characters.
    pub name: String,
    /// What it is about.
    #[serde(default)]
    pub description: Option<String>,
    /// Its states; [`DEFAULT_WORKFLOW_STATES`] when empty.
    #[serde(default)]
    pub workflow_states: Vec<String>,
}

/// Changes of a project.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProjectChanges {
    /// Cannot be cleared.
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub name: Patch<String>,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub description: Patch<String>,
    /// Cleared, they become [`DEFAULT_WORKFLOW_STATES`]. Nodes keep a state that is removed here.
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub workflow_states: Patch<Vec<String>>,
}

/// A new node.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewNode {
    /// 1 to 500 characters.
    pub title: String,
    /// One of the workflow's states; the first if not given.
    #[serde(default)]
    pub status: Option<String>,
    /// The node that this one is inside.
    #[serde(default)]
    pub parent_id: Option<NodeId>,
    /// Who makes it.
    #[serde(default)]
    pub author_type: AuthorType,
    /// The person who makes it, or for whom the agent does.
    #[serde(default)]
    pub author_user_id: Option<UserId>,
    /// Who answers for an agent's node.
    #[serde(default)]
    pub supervisor_user_id: Option<UserId>,
    /// The left edge, in canvas units.
    #[serde(default)]
    pub x: f64,
    /// The upper edge, in canvas units.
    #[serde(default)]
    pub y: f64,
    /// The width; the canvas's own if not given.
    #[serde(default)]
    pub width: Option<f64>,
    /// The height; the canvas's own if not given.
    #[serde(default)]
    pub height: Option<f64>,
    /// `priority`, `dueDate`, `tags`, `assignees` and whatever else.
    #[serde(default)]
    pub metadata: JsonMap<String, Value>,
}

/// Changes of a node.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NodeChanges {
    /// Cannot be cleared.
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub title: Patch<String>,
    /// Cleared, it becomes the first of the workflow's states.
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub status: Patch<String>,
    /// Cleared, the node is inside no other.
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub parent_id: Patch<NodeId>,
    /// Who answers for an agent's node.
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub supervisor_user_id: Patch<UserId>,
    /// Cleared, it is 0.
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub x: Patch<f64>,
    /// Cleared, it is 0.
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub y: Patch<f64>,
    /// Cleared, it is the canvas's own.
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub width: Patch<f64>,
    /// Cleared, it is the canvas's own.
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub height: Patch<f64>,
    /// Merged, key by key: `null` removes a key, and keys that are not named stay. Cleared, all are removed.
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub metadata: Patch<JsonMap<String, Value>>,
}

/// A new edge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewEdge {
    /// The node that yields.
    pub source_node_id: NodeId,
    /// The node that takes.
    pub target_node_id: NodeId,
    /// Which of its outputs.
    #[serde(default)]
    pub source_output_id: Option<OutputId>,
    /// Which of its inputs.
    #[serde(default)]
    pub target_input_id: Option<InputId>,
}

impl From<NewEdge> for super::CanvasEdge {
    fn from(edge: NewEdge) -> Self {
        let NewEdge { source_node_id, target_node_id, source_output_id, target_input_id } = edge;
        Self { source_node_id, target_node_id, source_output_id, target_input_id }
    }
}

/// Checks a change against the canvas as it is and makes it; nothing is written when it is refused. A change of a node
/// costs the same on a canvas of any size.
pub fn apply(patch: &CanvasPatch, txn: &mut TransactionMut, now: DateTime<Utc>) -> Result<(), PatchError> {
    match patch {
        CanvasPatch::InitProject(project) => project::init(txn, project),
        CanvasPatch::UpdateProject(changes) => project::update(txn, changes),
        CanvasPatch::CreateNode { id, node } => node::create(txn, *id, node, now),
        CanvasPatch::UpdateNode { id, changes } => node::update(txn, *id, changes),
        CanvasPatch::DeleteNode { id } => node::delete(txn, *id, now),
        CanvasPatch::RestoreNode { id } => node::restore(txn, *id),
        CanvasPatch::CreateEdge { id, edge } => edge::create(txn, *id, edge),
        CanvasPatch::DeleteEdge { id } => edge::delete(txn, *id),
    }
}

/// The Y.Map of a node or an edge.
fn entry(txn: &TransactionMut, root: &str, key: &str, field: &'static str) -> Result<MapRef, PatchError> {
    match txn.get_map(root).and_then(|map| map.get(txn, key)) {
        Some(Out::YMap(entry)) => Ok(entry),
        _ => Err(PatchError::not_found(field, "there is none of this id on the canvas")),
    }
}
