use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map as JsonMap, Value};
use yrs::{Any, ArrayPrelim, Map, MapPrelim, MapRef, Out, ReadTxn, TransactionMut, WriteTxn};

use super::view::{AuthorType, CanvasNode, CanvasView, read};
use super::{
    COORDINATE_MAX, DEFAULT_WORKFLOW_STATES, EDGES_MAX, METADATA_BYTES_MAX, METADATA_DEPTH_MAX, NODES_MAX,
    PROJECT_DESCRIPTION_CHARS_MAX, PROJECT_NAME_CHARS_MAX, TAG_CHARS_MAX, TAGS_MAX, TITLE_CHARS_MAX,
    WORKFLOW_STATE_CHARS_MAX, WORKFLOW_STATES_MAX, keys,
};
use crate::ids::{EdgeId, InputId, NodeId, OutputId, UserId};
use crate::patch::{Patch, PatchError, PatchErrorCode};
use crate::value::{depth, from_json, from_number, from_time, set, set_or_remove};

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
    /// Puts a node into the trash. Its edges stay, and are no part of the graph while it is there.
    DeleteNode {
        /// Which.
        id: NodeId,
    },
    /// Takes a node out of the trash.
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

/// Checks a change against the canvas as it is and makes it; nothing is written when it is refused.
pub fn apply(patch: &CanvasPatch, txn: &mut TransactionMut, now: DateTime<Utc>) -> Result<(), PatchError> {
    let view = read(txn);
    match patch {
        CanvasPatch::InitProject(project) => init_project(txn, project),
        CanvasPatch::UpdateProject(changes) => update_project(txn, changes),
        CanvasPatch::CreateNode { id, node } => create_node(txn, &view, *id, node, now),
        CanvasPatch::UpdateNode { id, changes } => update_node(txn, &view, *id, changes),
        CanvasPatch::DeleteNode { id } => {
            live_node(&view, *id, "nodeId")?;
            set(&entry(txn, keys::NODES, &id.to_string(), "nodeId")?, txn, keys::DELETED_AT, from_time(now));
            Ok(())
        }
        CanvasPatch::RestoreNode { id } => {
            let map = entry(txn, keys::NODES, &id.to_string(), "nodeId")?;
            set_or_remove(&map, txn, keys::DELETED_AT, None);
            Ok(())
        }
        CanvasPatch::CreateEdge { id, edge } => create_edge(txn, &view, *id, edge),
        CanvasPatch::DeleteEdge { id } => {
            entry(txn, keys::EDGES, &id.to_string(), "edgeId")?;
            txn.get_or_insert_map(keys::EDGES).remove(txn, &id.to_string());
            Ok(())
        }
    }
}

fn init_project(txn: &mut TransactionMut, project: &NewProject) -> Result<(), PatchError> {
    check_chars("name", &project.name, 1, PROJECT_NAME_CHARS_MAX)?;
    check_chars("description", project.description.as_deref().unwrap_or_default(), 0, PROJECT_DESCRIPTION_CHARS_MAX)?;
    let states = default_if_empty(&project.workflow_states);
    check_states(&states)?;
    let map = txn.get_or_insert_map(keys::PROJECT);
    if map.contains_key(txn, keys::NAME) {
        return Err(PatchError::new(PatchErrorCode::AlreadyExists, "name", "the project is set up already"));
    }
    map.insert(txn, keys::NAME, project.name.as_str());
    set_or_remove(&map, txn, keys::DESCRIPTION, project.description.as_deref().map(Any::from));
    map.insert(txn, keys::WORKFLOW_STATES, ArrayPrelim::from(states));
    Ok(())
}

fn update_project(txn: &mut TransactionMut, changes: &ProjectChanges) -> Result<(), PatchError> {
    match &changes.name {
        Patch::Clear => return Err(PatchError::invalid("name", "a project has a name; leave it out to keep it")),
        Patch::Set(name) => check_chars("name", name, 1, PROJECT_NAME_CHARS_MAX)?,
        Patch::Absent => {}
    }
    if let Patch::Set(description) = &changes.description {
        check_chars("description", description, 0, PROJECT_DESCRIPTION_CHARS_MAX)?;
    }
    let states = changes.workflow_states.as_change().map(|states| default_if_empty(states.map_or(&[], Vec::as_slice)));
    states.as_deref().map_or(Ok(()), check_states)?;

    let current = read(txn).project;
    let map = txn.get_or_insert_map(keys::PROJECT);
    if let Patch::Set(name) = &changes.name {
        set(&map, txn, keys::NAME, Any::from(name.as_str()));
    }
    if let Some(description) = changes.description.as_change() {
        set_or_remove(&map, txn, keys::DESCRIPTION, description.map(|text| Any::from(text.as_str())));
    }
    if let Some(states) = states.filter(|states| *states != current.workflow_states) {
        map.insert(txn, keys::WORKFLOW_STATES, ArrayPrelim::from(states));
    }
    Ok(())
}

fn default_if_empty(states: &[String]) -> Vec<String> {
    if states.is_empty() { DEFAULT_WORKFLOW_STATES.map(str::to_owned).into() } else { states.to_vec() }
}

fn create_node(
    txn: &mut TransactionMut,
    view: &CanvasView,
    id: NodeId,
    node: &NewNode,
    now: DateTime<Utc>,
) -> Result<(), PatchError> {
    check_chars("title", &node.title, 1, TITLE_CHARS_MAX)?;
    let status = node.status.as_ref().or(view.project.workflow_states.first());
    let status = status.ok_or_else(|| PatchError::invalid("status", "the project has no states"))?;
    check_status(view, status)?;
    if let Some(parent) = node.parent_id {
        live_node(view, parent, "parentId")?;
    }
    for (field, number) in [("x", Some(node.x)), ("y", Some(node.y))] {
        check_number(field, number, -COORDINATE_MAX)?;
    }
    for (field, number) in [("width", node.width), ("height", node.height)] {
        check_number(field, number, 0.0)?;
    }
    check_metadata(&node.metadata)?;

    let nodes = txn.get_or_insert_map(keys::NODES);
    let key = id.to_string();
    if nodes.contains_key(txn, &key) {
        return Err(PatchError::new(PatchErrorCode::AlreadyExists, "nodeId", "there is a node of this id already"));
    }
    if nodes.len(txn) >= NODES_MAX {
        return Err(too_many("nodes", NODES_MAX));
    }
    let map = nodes.insert(txn, key, MapPrelim::default());
    let fields = [
        (keys::TITLE, Some(Any::from(node.title.as_str()))),
        (keys::STATUS, Some(Any::from(status.as_str()))),
        (keys::PARENT_ID, node.parent_id.map(|id| Any::from(id.to_string()))),
        (keys::AUTHOR_TYPE, Some(Any::from(node.author_type.as_str()))),
        (keys::AUTHOR_USER_ID, node.author_user_id.map(|id| Any::from(id.to_string()))),
        (keys::SUPERVISOR_USER_ID, node.supervisor_user_id.map(|id| Any::from(id.to_string()))),
        (keys::X, Some(from_number(node.x))),
        (keys::Y, Some(from_number(node.y))),
        (keys::WIDTH, node.width.map(from_number)),
        (keys::HEIGHT, node.height.map(from_number)),
        (keys::CREATED_AT, Some(from_time(now))),
    ];
    for (key, value) in fields {
        set_or_remove(&map, txn, key, value);
    }
    let metadata = map.insert(txn, keys::METADATA, MapPrelim::default());
    merge(&metadata, txn, &node.metadata);
    Ok(())
}

fn update_node(
    txn: &mut TransactionMut,
    view: &CanvasView,
    id: NodeId,
    changes: &NodeChanges,
) -> Result<(), PatchError> {
    check_node_changes(view, id, changes)?;
    let map = entry(txn, keys::NODES, &id.to_string(), "nodeId")?;
    if let Patch::Set(title) = &changes.title {
        set(&map, txn, keys::TITLE, Any::from(title.as_str()));
    }
    if let Some(status) = changes.status.as_change() {
        let first = view.project.workflow_states.first();
        set_or_remove(&map, txn, keys::STATUS, status.or(first).map(|status| Any::from(status.as_str())));
    }
    let ids = [
        (keys::PARENT_ID, changes.parent_id.map(|id| id.to_string())),
        (keys::SUPERVISOR_USER_ID, changes.supervisor_user_id.map(|id| id.to_string())),
    ];
    for (key, id) in ids {
        if let Some(id) = id.as_change() {
            set_or_remove(&map, txn, key, id.map(|id| Any::from(id.as_str())));
        }
    }
    for (key, coordinate) in [(keys::X, changes.x), (keys::Y, changes.y)] {
        if let Some(coordinate) = coordinate.as_change() {
            set(&map, txn, key, from_number(coordinate.copied().unwrap_or_default()));
        }
    }
    for (key, size) in [(keys::WIDTH, changes.width), (keys::HEIGHT, changes.height)] {
        if let Some(size) = size.as_change() {
            set_or_remove(&map, txn, key, size.copied().map(from_number));
        }
    }
    change_metadata(&map, txn, &changes.metadata);
    Ok(())
}

fn check_node_changes(view: &CanvasView, id: NodeId, changes: &NodeChanges) -> Result<(), PatchError> {
    let node = live_node(view, id, "nodeId")?;
    match &changes.title {
        Patch::Clear => return Err(PatchError::invalid("title", "a node has a title; leave it out to keep it")),
        Patch::Set(title) => check_chars("title", title, 1, TITLE_CHARS_MAX)?,
        Patch::Absent => {}
    }
    if let Patch::Set(status) = &changes.status {
        check_status(view, status)?;
    }
    if let Patch::Set(parent) = &changes.parent_id {
        live_node(view, *parent, "parentId")?;
        if view.parents().leads_to(*parent, id) {
            return Err(PatchError::new(PatchErrorCode::Cycle, "parentId", "a node cannot be inside itself"));
        }
    }
    for (field, coordinate) in [("x", &changes.x), ("y", &changes.y)] {
        check_number(field, coordinate.value().copied(), -COORDINATE_MAX)?;
    }
    for (field, size) in [("width", &changes.width), ("height", &changes.height)] {
        check_number(field, size.value().copied(), 0.0)?;
    }
    if let Patch::Set(metadata) = &changes.metadata {
        let mut merged = node.metadata.clone();
        merged.extend(metadata.clone());
        merged.retain(|_, value| !value.is_null());
        check_metadata(&merged)?;
    }
    Ok(())
}

/// Metadata that some client wrote as plain JSON becomes a Y.Map when it is changed here.
fn change_metadata(node: &MapRef, txn: &mut TransactionMut, change: &Patch<JsonMap<String, Value>>) {
    let Some(change) = change.as_change() else { return };
    let metadata = match (change, node.get(txn, keys::METADATA)) {
        (Some(_), Some(Out::YMap(metadata))) => metadata,
        (Some(_), Some(plain)) => {
            let plain = crate::value::to_json(&plain, txn);
            let metadata = node.insert(txn, keys::METADATA, MapPrelim::default());
            if let Some(Value::Object(plain)) = plain {
                merge(&metadata, txn, &plain);
            }
            metadata
        }
        (None, Some(Out::YMap(metadata))) => {
            metadata.clear(txn);
            metadata
        }
        (_, None) | (None, Some(_)) => node.insert(txn, keys::METADATA, MapPrelim::default()),
    };
    merge(&metadata, txn, change.unwrap_or(&JsonMap::new()));
}

fn merge(metadata: &MapRef, txn: &mut TransactionMut, entries: &JsonMap<String, Value>) {
    for (key, value) in entries {
        set_or_remove(metadata, txn, key, (!value.is_null()).then(|| from_json(value)));
    }
}

fn create_edge(txn: &mut TransactionMut, view: &CanvasView, id: EdgeId, edge: &NewEdge) -> Result<(), PatchError> {
    live_node(view, edge.source_node_id, "sourceNodeId")?;
    live_node(view, edge.target_node_id, "targetNodeId")?;
    if view.graph().leads_to(edge.target_node_id, edge.source_node_id) {
        let message = "the target leads to the source already, so that this edge would close a cycle";
        return Err(PatchError::new(PatchErrorCode::Cycle, "targetNodeId", message));
    }
    let ends = |source, target, output, input| (source, target, output, input);
    let new = ends(edge.source_node_id, edge.target_node_id, edge.source_output_id, edge.target_input_id);
    let is_same = |old: &super::CanvasEdge| {
        new == ends(old.source_node_id, old.target_node_id, old.source_output_id, old.target_input_id)
    };
    if view.edges.values().any(is_same) {
        return Err(PatchError::new(PatchErrorCode::AlreadyExists, "targetNodeId", "these are joined already"));
    }
    let edges = txn.get_or_insert_map(keys::EDGES);
    let key = id.to_string();
    if edges.contains_key(txn, &key) {
        return Err(PatchError::new(PatchErrorCode::AlreadyExists, "edgeId", "there is an edge of this id already"));
    }
    if edges.len(txn) >= EDGES_MAX {
        return Err(too_many("edges", EDGES_MAX));
    }
    let map = edges.insert(txn, key, MapPrelim::default());
    map.insert(txn, keys::SOURCE_NODE_ID, edge.source_node_id.to_string());
    map.insert(txn, keys::TARGET_NODE_ID, edge.target_node_id.to_string());
    set_or_remove(&map, txn, keys::SOURCE_OUTPUT_ID, edge.source_output_id.map(|id| Any::from(id.to_string())));
    set_or_remove(&map, txn, keys::TARGET_INPUT_ID, edge.target_input_id.map(|id| Any::from(id.to_string())));
    Ok(())
}

/// The Y.Map of a node or an edge.
fn entry(txn: &TransactionMut, root: &str, key: &str, field: &'static str) -> Result<MapRef, PatchError> {
    match txn.get_map(root).and_then(|map| map.get(txn, key)) {
        Some(Out::YMap(entry)) => Ok(entry),
        _ => Err(PatchError::not_found(field, "there is none of this id on the canvas")),
    }
}

fn live_node<'a>(view: &'a CanvasView, id: NodeId, field: &'static str) -> Result<&'a CanvasNode, PatchError> {
    let node = view.nodes.get(&id).filter(|node| node.deleted_at.is_none());
    node.ok_or_else(|| PatchError::not_found(field, "there is no such node on the canvas"))
}

fn check_chars(field: &'static str, text: &str, min: usize, max: usize) -> Result<(), PatchError> {
    if (min..=max).contains(&text.chars().count()) && (min == 0 || !text.trim().is_empty()) {
        Ok(())
    } else {
        Err(PatchError::invalid(field, format!("needs {min} to {max} characters")))
    }
}

fn check_states(states: &[String]) -> Result<(), PatchError> {
    let distinct: std::collections::BTreeSet<_> = states.iter().collect();
    if states.len() > WORKFLOW_STATES_MAX || distinct.len() < states.len() {
        return Err(PatchError::invalid(
            "workflowStates",
            format!("needs up to {WORKFLOW_STATES_MAX} different states"),
        ));
    }
    states.iter().try_for_each(|state| check_chars("workflowStates", state, 1, WORKFLOW_STATE_CHARS_MAX))
}

fn check_status(view: &CanvasView, status: &str) -> Result<(), PatchError> {
    let allowed = &view.project.workflow_states;
    if allowed.iter().any(|state| state == status) {
        Ok(())
    } else {
        Err(PatchError::invalid("status", format!("needs one of the project's states: {}", allowed.join(", "))))
    }
}

fn check_number(field: &'static str, number: Option<f64>, min: f64) -> Result<(), PatchError> {
    if number.is_none_or(|number| (min..=COORDINATE_MAX).contains(&number)) {
        Ok(())
    } else {
        Err(PatchError::invalid(field, format!("needs a number between {min} and {COORDINATE_MAX}")))
    }
}

fn check_metadata(metadata: &JsonMap<String, Value>) -> Result<(), PatchError> {
    let invalid = |message: String| Err(PatchError::invalid("metadata", message));
    let value = Value::Object(metadata.clone());
    if depth(&value) > METADATA_DEPTH_MAX {
        return invalid(format!("nests deeper than {METADATA_DEPTH_MAX} levels"));
    }
    if value.to_string().len() > METADATA_BYTES_MAX {
        return invalid(format!("is larger than {METADATA_BYTES_MAX} bytes of JSON"));
    }
    let is_tag = |tag: &Value| tag.as_str().is_some_and(|tag| (1..=TAG_CHARS_MAX).contains(&tag.chars().count()));
    match metadata.get("tags") {
        None | Some(Value::Null) => Ok(()),
        Some(Value::Array(tags)) if tags.len() <= TAGS_MAX && tags.iter().all(is_tag) => Ok(()),
        Some(_) => invalid(format!("needs tags of 1 to {TAG_CHARS_MAX} characters, at most {TAGS_MAX} of them")),
    }
}

fn too_many(what: &'static str, limit: u32) -> PatchError {
    PatchError::new(PatchErrorCode::TooMany, what, format!("a canvas holds at most {limit} {what}"))
}
