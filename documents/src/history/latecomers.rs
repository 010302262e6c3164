//! Nodes that came to a canvas after the version that it is made again. They go into the trash with all that is in them,
//! from where they can be taken, as if somebody had deleted them.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use schema::canvas::{self, CanvasPatch};
use schema::ids::NodeId;
use schema::update::ClientRange;
use yrs::{Map, Out, ReadTxn, TransactionMut};

use crate::replica::{Broken, Replica, inspect};

/// The part of a canvas that holds its nodes.
const NODES: &str = "nodes";

/// The nodes that go into the trash.
pub(super) struct Latecomers {
    nodes: Vec<NodeId>,
    at: DateTime<Utc>,
}

impl Latecomers {
    /// The nodes of a canvas, as far as they are in the part that is made what it was, but for those that it had `before`.
    pub(super) fn find<T: ReadTxn>(txn: &T, before: &BTreeSet<NodeId>, part: Option<&str>, at: DateTime<Utc>) -> Self {
        let is_in_part = |node: &NodeId| part.is_none_or(|part| part == NODES || part == format!("{NODES}/{node}"));
        let nodes = nodes(txn).difference(before).copied().filter(is_in_part).collect();
        Self { nodes, at }
    }

    /// What is in them.
    pub(super) fn content(&self, replica: &mut Replica) -> Result<Vec<ClientRange>, Broken> {
        /// The copy's edit is never seen.
        const NOBODY: u64 = 1;
        if self.nodes.is_empty() {
            return Ok(Vec::new());
        }
        // What would go if they were removed.
        let remove = |txn: &mut TransactionMut<'_>| {
            if let Some(map) = txn.get_map(NODES) {
                for node in &self.nodes {
                    map.remove(txn, &node.to_string());
                }
            }
        };
        let ((), update) = replica.edit_copy(NOBODY, remove)?;
        let removed = inspect(&update).map_err(|why| Broken(why.to_string()))?;
        Ok(removed.deletions().to_vec())
    }

    /// Marks them as deleted, unless they are already.
    pub(super) fn put_into_trash(&self, txn: &mut TransactionMut<'_>) {
        for id in &self.nodes {
            if canvas::read_node(txn, *id).is_some_and(|node| node.deleted_at.is_none()) {
                // Nothing else can be wrong with it.
                let _ = canvas::apply(&CanvasPatch::DeleteNode { id: *id }, txn, self.at);
            }
        }
    }
}

/// The nodes that a canvas has, in the trash or not.
pub(super) fn nodes<T: ReadTxn>(txn: &T) -> BTreeSet<NodeId> {
    let map = txn.get_map(NODES);
    let entries = map.iter().flat_map(|map| map.iter(txn));
    entries.filter(|(_, value)| matches!(value, Out::YMap(_))).filter_map(|(id, _)| id.parse().ok()).collect()
}
