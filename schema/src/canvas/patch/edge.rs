//! Changes of edges.

use yrs::{Any, Map, MapPrelim, TransactionMut, WriteTxn};

use super::check::too_many;
use super::node::live_node;
use super::{NewEdge, entry};
use crate::canvas::graph::Graph;
use crate::canvas::view::{CanvasEdge, read_live_edges};
use crate::canvas::{EDGES_MAX, keys};
use crate::ids::{EdgeId, NodeId};
use crate::patch::{PatchError, PatchErrorCode};
use crate::value::set_or_remove;

const CLOSES_CYCLE: &str = "the target leads to the source already, so that this edge would close a cycle";

impl NewEdge {
    /// Whether it may be on a canvas at all, whatever else is there.
    ///
    /// # Errors
    /// It joins a node to itself.
    pub fn check(&self) -> Result<(), PatchError> {
        if self.source_node_id == self.target_node_id {
            return Err(PatchError::new(PatchErrorCode::Cycle, "targetNodeId", CLOSES_CYCLE));
        }
        Ok(())
    }
}

/// Adds an edge.
pub(super) fn create(txn: &mut TransactionMut, id: EdgeId, edge: &NewEdge) -> Result<(), PatchError> {
    live_node(txn, edge.source_node_id, "sourceNodeId")?;
    live_node(txn, edge.target_node_id, "targetNodeId")?;
    let present = read_live_edges(txn);
    let graph: Graph = present.values().map(CanvasEdge::ends).collect();
    if graph.reached_from(edge.target_node_id).contains(&edge.source_node_id) {
        return Err(PatchError::new(PatchErrorCode::Cycle, "targetNodeId", CLOSES_CYCLE));
    }
    let ends = |source, target, output, input| (source, target, output, input);
    let new = ends(edge.source_node_id, edge.target_node_id, edge.source_output_id, edge.target_input_id);
    let is_same = |old: &CanvasEdge| {
        new == ends(old.source_node_id, old.target_node_id, old.source_output_id, old.target_input_id)
    };
    if present.values().any(is_same) {
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

/// Removes an edge.
pub(super) fn delete(txn: &mut TransactionMut, id: EdgeId) -> Result<(), PatchError> {
    entry(txn, keys::EDGES, &id.to_string(), "edgeId")?;
    txn.get_or_insert_map(keys::EDGES).remove(txn, &id.to_string());
    Ok(())
}

/// Removes the edges out of a node that close a cycle: what they lead to leads back to it.
pub(super) fn delete_closing(txn: &mut TransactionMut, node: NodeId) {
    let present = read_live_edges(txn);
    let backwards: Graph = present.values().map(CanvasEdge::ends).map(|(source, target)| (target, source)).collect();
    let before = backwards.reached_from(node);
    let edges = txn.get_or_insert_map(keys::EDGES);
    for (id, edge) in present {
        if edge.source_node_id == node && before.contains(&edge.target_node_id) {
            edges.remove(txn, &id.to_string());
        }
    }
}
