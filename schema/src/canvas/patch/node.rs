//! Changes of nodes.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use yrs::{Any, Map, MapPrelim, ReadTxn, TransactionMut, WriteTxn};

use super::check::{check_chars, check_metadata, check_number, check_status, too_many};
use super::{NewNode, NodeChanges, edge, entry};
use crate::canvas::view::{CanvasNode, read_node, read_project};
use crate::canvas::{COORDINATE_MAX, NODES_MAX, TITLE_CHARS_MAX, keys};
use crate::ids::NodeId;
use crate::patch::{Patch, PatchError, PatchErrorCode, metadata};
use crate::value::{Problems, from_number, from_time, set, set_or_remove};

impl NewNode {
    /// Whether it may be on a canvas at all, whatever else is there.
    ///
    /// # Errors
    /// Names the field, and says what it needs.
    pub fn check(&self) -> Result<(), PatchError> {
        check_chars("title", &self.title, 1, TITLE_CHARS_MAX)?;
        for (field, number) in [("x", Some(self.x)), ("y", Some(self.y))] {
            check_number(field, number, -COORDINATE_MAX)?;
        }
        for (field, number) in [("width", self.width), ("height", self.height)] {
            check_number(field, number, 0.0)?;
        }
        check_metadata(&self.metadata)
    }
}

/// Adds a node.
pub(super) fn create(
    txn: &mut TransactionMut,
    id: NodeId,
    node: &NewNode,
    now: DateTime<Utc>,
) -> Result<(), PatchError> {
    node.check()?;
    let workflow = workflow_states(txn);
    let status = node.status.as_ref().or(workflow.first());
    let status = status.ok_or_else(|| PatchError::invalid("status", "the project has no states"))?;
    check_status(&workflow, status)?;
    if let Some(parent) = node.parent_id {
        live_node(txn, parent, "parentId")?;
    }
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
    metadata::write(&map, txn, keys::METADATA, &node.metadata);
    Ok(())
}

/// Changes a node that is not in the trash.
pub(super) fn update(txn: &mut TransactionMut, id: NodeId, changes: &NodeChanges) -> Result<(), PatchError> {
    let states = workflow_states(txn);
    check_changes(txn, &states, id, changes)?;
    let map = entry(txn, keys::NODES, &id.to_string(), "nodeId")?;
    if let Patch::Set(title) = &changes.title {
        set(&map, txn, keys::TITLE, Any::from(title.as_str()));
    }
    if let Some(status) = changes.status.as_change() {
        set_or_remove(&map, txn, keys::STATUS, status.or(states.first()).map(|status| Any::from(status.as_str())));
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
    metadata::change(&map, txn, keys::METADATA, &changes.metadata);
    Ok(())
}

fn check_changes(txn: &TransactionMut, states: &[String], id: NodeId, changes: &NodeChanges) -> Result<(), PatchError> {
    let node = live_node(txn, id, "nodeId")?;
    match &changes.title {
        Patch::Clear => return Err(PatchError::invalid("title", "a node has a title; leave it out to keep it")),
        Patch::Set(title) => check_chars("title", title, 1, TITLE_CHARS_MAX)?,
        Patch::Absent => {}
    }
    if let Patch::Set(status) = &changes.status {
        check_status(states, status)?;
    }
    if let Patch::Set(parent) = &changes.parent_id {
        live_node(txn, *parent, "parentId")?;
        if is_inside(txn, *parent, id) {
            return Err(PatchError::new(PatchErrorCode::Cycle, "parentId", "a node cannot be inside itself"));
        }
    }
    for (field, coordinate) in [("x", &changes.x), ("y", &changes.y)] {
        check_number(field, coordinate.value().copied(), -COORDINATE_MAX)?;
    }
    for (field, size) in [("width", &changes.width), ("height", &changes.height)] {
        check_number(field, size.value().copied(), 0.0)?;
    }
    if let Patch::Set(change) = &changes.metadata {
        check_metadata(&metadata::merged(&node.metadata, change))?;
    }
    Ok(())
}

/// Puts a node into the trash.
pub(super) fn delete(txn: &mut TransactionMut, id: NodeId, now: DateTime<Utc>) -> Result<(), PatchError> {
    live_node(txn, id, "nodeId")?;
    set(&entry(txn, keys::NODES, &id.to_string(), "nodeId")?, txn, keys::DELETED_AT, from_time(now));
    Ok(())
}

/// Takes a node out of the trash.
pub(super) fn restore(txn: &mut TransactionMut, id: NodeId) -> Result<(), PatchError> {
    let map = entry(txn, keys::NODES, &id.to_string(), "nodeId")?;
    if map.remove(txn, keys::DELETED_AT).is_some() {
        edge::delete_closing(txn, id);
    }
    Ok(())
}

/// A node that is not in the trash.
pub(super) fn live_node<T: ReadTxn>(txn: &T, id: NodeId, field: &'static str) -> Result<CanvasNode, PatchError> {
    let node = read_node(txn, id).filter(|node| node.deleted_at.is_none());
    node.ok_or_else(|| PatchError::not_found(field, "there is no such node on the canvas"))
}

/// Whether a node is another one, or inside it over any number of parents. Parents in the trash count, so that
/// restoring one puts no node inside itself.
fn is_inside<T: ReadTxn>(txn: &T, node: NodeId, outer: NodeId) -> bool {
    let mut seen = BTreeSet::new();
    let mut next = Some(node);
    while let Some(node) = next.filter(|node| seen.insert(*node)) {
        if node == outer {
            return true;
        }
        next = read_node(txn, node).and_then(|node| node.parent_id);
    }
    false
}

fn workflow_states<T: ReadTxn>(txn: &T) -> Vec<String> {
    read_project(txn, &mut Problems::default()).workflow_states
}
