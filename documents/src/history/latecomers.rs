//! Nodes that came to a canvas with what is taken back. They go into the trash with all that is in them, from where they
//! can be taken, as if somebody had deleted them: what others wrote in their documents would be out of reach without them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use schema::canvas::{self, CanvasPatch};
use schema::ids::NodeId;
use schema::update::ClientRange;
use yrs::branch::Branch;
use yrs::{BranchID, IdSet, Map, MapRef, Out, ReadTxn, TransactionMut};

use super::undo::id_set;
use crate::replica::{Broken, Replica, inspect};

/// The part of a canvas that holds its nodes.
const NODES: &str = "nodes";

/// The nodes that go into the trash.
pub(super) struct Latecomers {
    nodes: Vec<NodeId>,
    at: DateTime<Utc>,
}

impl Latecomers {
    /// These nodes of a canvas, as far as they are in the part in which something is taken back.
    pub(super) fn among(nodes: impl IntoIterator<Item = NodeId>, part: Option<&str>, at: DateTime<Utc>) -> Self {
        let is_in_part = |node: &NodeId| part.is_none_or(|part| part == NODES || part == format!("{NODES}/{node}"));
        Self { nodes: nodes.into_iter().filter(is_in_part).collect(), at }
    }

    /// These, when nothing that is in them is among `insertions` any more: all of it stays.
    pub(super) fn left_out_of(self, insertions: &mut IdSet, replica: &mut Replica) -> Result<Self, Broken> {
        insertions.diff_with(&id_set(self.content(replica)?.iter()));
        Ok(self)
    }

    /// What is in them.
    fn content(&self, replica: &mut Replica) -> Result<Vec<ClientRange>, Broken> {
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
    entries(txn).into_keys().collect()
}

/// Those of which the entry is among `insertions`.
pub(super) fn made<T: ReadTxn>(txn: &T, insertions: &IdSet) -> BTreeSet<NodeId> {
    let is_made = |map: &MapRef| match AsRef::<Branch>::as_ref(map).id() {
        BranchID::Nested(id) => insertions.contains(&id),
        BranchID::Root(_) => false,
    };
    entries(txn).into_iter().filter(|(_, map)| is_made(map)).map(|(id, _)| id).collect()
}

fn entries<T: ReadTxn>(txn: &T) -> BTreeMap<NodeId, MapRef> {
    let map = txn.get_map(NODES);
    let entries = map.iter().flat_map(|map| map.iter(txn));
    let entry = |(id, value): (&str, Out)| match value {
        Out::YMap(map) => Some((id.parse().ok()?, map)),
        _ => None,
    };
    entries.filter_map(entry).collect()
}
