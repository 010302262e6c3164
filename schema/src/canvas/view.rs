use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use yrs::{Any, Map, Out, ReadTxn};

use super::graph::Graph;
use super::{DEFAULT_WORKFLOW_STATES, keys};
use crate::ids::{EdgeId, InputId, NodeId, OutputId, UserId};
use crate::value::{Fields, Problem, Problems, list_values};

/// All that a canvas holds. What is missing has its default; what is of a wrong type too, and is listed in `problems`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CanvasView {
    /// The project's own properties.
    pub project: ProjectView,
    /// All nodes, deleted ones included.
    pub nodes: BTreeMap<NodeId, CanvasNode>,
    /// The edges of which both ends are there and not in the trash; the others stay in the document, unseen.
    pub edges: BTreeMap<EdgeId, CanvasEdge>,
    /// What is wrong with the graph, as people who edited at the same time can leave it; sorted.
    pub conflicts: Vec<Conflict>,
    /// What is not of the type that it should be: of the project, of nodes, of edges, in the order of their keys.
    pub problems: Vec<Problem>,
}

/// The properties of a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProjectView {
    /// Its name; empty before the document is set up.
    pub name: String,
    /// What it is about.
    pub description: Option<String>,
    /// The states that a node can be in, the first being that of new nodes.
    pub workflow_states: Vec<String>,
}

/// Who made a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthorType {
    /// A person.
    #[default]
    Human,
    /// An agent, on behalf of a person.
    Agent,
}

impl AuthorType {
    /// The word in documents, in the database and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Agent => "agent",
        }
    }

    /// The reverse of [`Self::as_str`].
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Human, Self::Agent].into_iter().find(|author| author.as_str() == word)
    }
}

/// A node as the canvas shows it; its content is in its own document.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CanvasNode {
    /// Its title.
    pub title: String,
    /// One of the workflow's states, unless that was removed since.
    pub status: String,
    /// The node that this one is inside.
    pub parent_id: Option<NodeId>,
    /// Who made it.
    pub author_type: AuthorType,
    /// The person who made it, or for whom the agent did.
    pub author_user_id: Option<UserId>,
    /// Who answers for an agent's node.
    pub supervisor_user_id: Option<UserId>,
    /// The left edge, in canvas units.
    pub x: f64,
    /// The upper edge, in canvas units.
    pub y: f64,
    /// The width, if it was changed.
    pub width: Option<f64>,
    /// The height, if it was changed.
    pub height: Option<f64>,
    /// `priority`, `dueDate`, `tags`, `assignees` and whatever else was put there.
    pub metadata: serde_json::Map<String, serde_json::Value>,
    /// When it was made.
    pub created_at: Option<DateTime<Utc>>,
    /// Since when it is in the trash.
    pub deleted_at: Option<DateTime<Utc>>,
}

/// A dependency: what `source` yields, `target` takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CanvasEdge {
    /// The node that yields.
    pub source_node_id: NodeId,
    /// The node that takes.
    pub target_node_id: NodeId,
    /// Which of its outputs.
    pub source_output_id: Option<OutputId>,
    /// Which of its inputs.
    pub target_input_id: Option<InputId>,
}

/// What edits at the same time left behind in the graph.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Conflict {
    /// An edge on a cycle. All edges of the cycle are listed: any of them may be the one to remove.
    EdgeInCycle {
        /// The edge.
        edge_id: EdgeId,
    },
    /// An edge to or from a node that is not on the canvas, not even in the trash.
    EdgeEndMissing {
        /// The edge, which the view does not show.
        edge_id: EdgeId,
    },
    /// A node that is, over its parents, inside itself.
    ParentCycle {
        /// The node.
        node_id: NodeId,
    },
    /// A node whose parent is not on the canvas.
    ParentMissing {
        /// The node.
        node_id: NodeId,
    },
}

pub(super) type Edges = BTreeMap<EdgeId, CanvasEdge>;

impl CanvasEdge {
    /// Where it comes from, and where it leads.
    pub(super) const fn ends(&self) -> (NodeId, NodeId) {
        (self.source_node_id, self.target_node_id)
    }
}

impl CanvasView {
    /// The nodes that are not in the trash.
    pub fn live_nodes(&self) -> impl Iterator<Item = (NodeId, &CanvasNode)> {
        self.nodes.iter().filter(|(_, node)| node.deleted_at.is_none()).map(|(id, node)| (*id, node))
    }

    /// The edges that lie on cycles.
    #[must_use]
    pub fn edges_in_cycles(&self) -> BTreeSet<EdgeId> {
        self.conflicts
            .iter()
            .filter_map(|conflict| match conflict {
                Conflict::EdgeInCycle { edge_id } => Some(*edge_id),
                _ => None,
            })
            .collect()
    }

    fn find_conflicts(&self, hidden: &Edges) -> Vec<Conflict> {
        let feeding: Graph = self.edges.values().map(CanvasEdge::ends).collect();
        let feeding = feeding.components();
        let inside: Graph = self.nodes.iter().filter_map(|(id, node)| Some((*id, node.parent_id?))).collect();
        let inside = inside.components();
        let mut conflicts = BTreeSet::new();
        for (edge_id, edge) in &self.edges {
            if feeding.get(&edge.source_node_id) == feeding.get(&edge.target_node_id) {
                conflicts.insert(Conflict::EdgeInCycle { edge_id: *edge_id });
            }
        }
        for (edge_id, edge) in hidden {
            if !self.nodes.contains_key(&edge.source_node_id) || !self.nodes.contains_key(&edge.target_node_id) {
                conflicts.insert(Conflict::EdgeEndMissing { edge_id: *edge_id });
            }
        }
        for (node_id, node) in &self.nodes {
            let Some(parent) = node.parent_id else { continue };
            if !self.nodes.contains_key(&parent) {
                conflicts.insert(Conflict::ParentMissing { node_id: *node_id });
            } else if inside.get(node_id) == inside.get(&parent) {
                conflicts.insert(Conflict::ParentCycle { node_id: *node_id });
            }
        }
        conflicts.into_iter().collect()
    }
}

/// Reads a canvas. Never fails: see [`CanvasView::problems`].
pub fn read<T: ReadTxn>(txn: &T) -> CanvasView {
    let mut problems = Problems::default();
    let project = read_project(txn, &mut problems);
    let first_state = project.workflow_states.first().cloned().unwrap_or_default();
    let nodes = read_entries(txn, keys::NODES, &mut problems, |mut fields| Some(node_of(&mut fields, &first_state)));
    let is_live = |id: &NodeId| nodes.get(id).is_some_and(|node: &CanvasNode| node.deleted_at.is_none());
    let (edges, hidden) = read_edges(txn, &mut problems)
        .into_iter()
        .partition(|(_, edge)| is_live(&edge.source_node_id) && is_live(&edge.target_node_id));
    let mut view = CanvasView { project, nodes, edges, conflicts: Vec::new(), problems: problems.into_inner() };
    view.conflicts = view.find_conflicts(&hidden);
    view
}

/// Reads one node, be it in the trash or not: what [`read`] has of it, at a cost that other nodes have no part in.
pub fn read_node<T: ReadTxn>(txn: &T, id: NodeId) -> Option<CanvasNode> {
    let Some(Out::YMap(entry)) = txn.get_map(keys::NODES)?.get(txn, &id.to_string()) else { return None };
    let mut unlisted = Problems::default();
    let first_state = read_project(txn, &mut unlisted).workflow_states.into_iter().next().unwrap_or_default();
    Some(node_of(&mut Fields::new(&entry, txn, keys::NODES, &mut unlisted), &first_state))
}

/// Reads one edge, whatever became of its ends.
pub fn read_edge<T: ReadTxn>(txn: &T, id: EdgeId) -> Option<CanvasEdge> {
    let Some(Out::YMap(entry)) = txn.get_map(keys::EDGES)?.get(txn, &id.to_string()) else { return None };
    edge_of(&mut Fields::new(&entry, txn, keys::EDGES, &mut Problems::default()))
}

/// Reads the edges of which both ends are there and not in the trash.
pub(super) fn read_live_edges<T: ReadTxn>(txn: &T) -> Edges {
    let mut unlisted = Problems::default();
    let is_deleted: BTreeMap<NodeId, bool> =
        read_entries(txn, keys::NODES, &mut unlisted, |mut fields| Some(fields.time(keys::DELETED_AT).is_some()));
    let is_live = |node: &NodeId| is_deleted.get(node) == Some(&false);
    let mut edges = read_edges(txn, &mut unlisted);
    edges.retain(|_, edge| is_live(&edge.source_node_id) && is_live(&edge.target_node_id));
    edges
}

/// Reads all edges, also those whose ends are deleted.
fn read_edges<T: ReadTxn>(txn: &T, problems: &mut Problems) -> Edges {
    read_entries(txn, keys::EDGES, problems, |mut fields| edge_of(&mut fields))
}

pub(super) fn read_project<T: ReadTxn>(txn: &T, problems: &mut Problems) -> ProjectView {
    let Some(map) = txn.get_map(keys::PROJECT) else {
        return ProjectView { name: String::new(), description: None, workflow_states: default_states() };
    };
    let mut fields = Fields::new(&map, txn, keys::PROJECT, problems);
    ProjectView {
        name: fields.text(keys::NAME).unwrap_or_default(),
        description: fields.text(keys::DESCRIPTION),
        workflow_states: read_states(&mut fields, txn).unwrap_or_else(default_states),
    }
}

fn default_states() -> Vec<String> {
    DEFAULT_WORKFLOW_STATES.map(str::to_owned).into()
}

fn read_states<T: ReadTxn>(fields: &mut Fields<T>, txn: &T) -> Option<Vec<String>> {
    let values: Vec<Any> = match fields.raw(keys::WORKFLOW_STATES)? {
        Out::YArray(array) => {
            let values = list_values(&array, txn).into_iter();
            values.map(|value| if let Out::Any(any) = value { any } else { Any::Undefined }).collect()
        }
        Out::Any(Any::Array(values)) => values.to_vec(),
        _ => return fields.wrong(keys::WORKFLOW_STATES, "an array of texts"),
    };
    let states: Vec<_> = values.iter().filter_map(|value| Some(String::from(as_text(value)?))).collect();
    if states.len() < values.len() {
        fields.wrong::<()>(keys::WORKFLOW_STATES, "only texts");
    }
    (!states.is_empty()).then_some(states)
}

fn as_text(value: &Any) -> Option<&str> {
    if let Any::String(text) = value { Some(text) } else { None }
}

/// Reads a root map of maps, of which the keys are ids.
fn read_entries<T: ReadTxn, K: std::str::FromStr + Ord, V>(
    txn: &T,
    root: &str,
    problems: &mut Problems,
    read: impl Fn(Fields<T>) -> Option<V>,
) -> BTreeMap<K, V> {
    let Some(map) = txn.get_map(root) else { return BTreeMap::new() };
    let mut entries = BTreeMap::new();
    // In order: everybody who reads the same lists the same problems first.
    let mut members: Vec<_> = map.iter(txn).collect();
    members.sort_unstable_by_key(|(key, _)| *key);
    for (key, value) in members {
        let path = format!("{root}.{key}");
        match (key.parse(), value) {
            (Ok(id), Out::YMap(entry)) => {
                if let Some(value) = read(Fields::new(&entry, txn, &path, problems)) {
                    entries.insert(id, value);
                }
            }
            (Ok(_), _) => problems.add(&path, "expected a Y.Map"),
            (Err(_), _) => problems.add(&path, "expected a lower-case uuid as the key"),
        }
    }
    entries
}

fn node_of<T: ReadTxn>(fields: &mut Fields<T>, first_state: &str) -> CanvasNode {
    CanvasNode {
        title: fields.text(keys::TITLE).unwrap_or_default(),
        status: fields.text(keys::STATUS).unwrap_or_else(|| first_state.to_owned()),
        parent_id: fields.id(keys::PARENT_ID),
        author_type: fields
            .parsed(keys::AUTHOR_TYPE, "\"human\" or \"agent\"", AuthorType::from_word)
            .unwrap_or_default(),
        author_user_id: fields.id(keys::AUTHOR_USER_ID),
        supervisor_user_id: fields.id(keys::SUPERVISOR_USER_ID),
        x: fields.number(keys::X).unwrap_or_default(),
        y: fields.number(keys::Y).unwrap_or_default(),
        width: fields.number(keys::WIDTH),
        height: fields.number(keys::HEIGHT),
        metadata: fields.object(keys::METADATA),
        created_at: fields.time(keys::CREATED_AT),
        deleted_at: fields.time(keys::DELETED_AT),
    }
}

fn edge_of<T: ReadTxn>(fields: &mut Fields<T>) -> Option<CanvasEdge> {
    let ends = (fields.id(keys::SOURCE_NODE_ID), fields.id(keys::TARGET_NODE_ID));
    let (Some(source_node_id), Some(target_node_id)) = ends else {
        return fields.wrong(keys::SOURCE_NODE_ID, "an edge to name both of its nodes");
    };
    Some(CanvasEdge {
        source_node_id,
        target_node_id,
        source_output_id: fields.id(keys::SOURCE_OUTPUT_ID),
        target_input_id: fields.id(keys::TARGET_INPUT_ID),
    })
}
