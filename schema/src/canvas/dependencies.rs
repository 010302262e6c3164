//! What a node depends on, and what depends on it.

use std::collections::{BTreeMap, BTreeSet};

use yrs::ReadTxn;

use super::view::{CanvasEdge, Edges, read_live_edges, read_node};
use crate::ids::{EdgeId, NodeId};

/// Which way to go from a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// To what it takes from, and what that takes from, and so on.
    Upstream,
    /// To what takes from it, and what takes from that, and so on.
    Downstream,
    /// Both, each by itself.
    Both,
}

/// The part of a canvas's graph around a node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Neighbourhood {
    /// The nodes, and how many edges they are away; the node itself is 0 away.
    pub nodes: BTreeMap<NodeId, Distance>,
    /// The edges between them that were gone along.
    pub edges: BTreeMap<EdgeId, CanvasEdge>,
    /// Whether there was more than was asked for.
    pub is_cut: bool,
}

/// How many edges a node is away. On a cycle, which people who edited at the same time may have closed, both are said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Distance {
    /// Going upstream.
    pub upstream: Option<u32>,
    /// Going downstream.
    pub downstream: Option<u32>,
}

/// Reads the graph around a node, at most so many edges away and so many nodes. `None` when it is not on the canvas or
/// in the trash. No path is gone twice, so cycles are no harm.
pub fn read_neighbourhood<T: ReadTxn>(
    txn: &T,
    node: NodeId,
    reach: Reach,
    depth: u32,
    nodes_max: usize,
) -> Option<Neighbourhood> {
    read_node(txn, node).filter(|node| node.deleted_at.is_none())?;
    let edges = read_live_edges(txn);
    let mut found = Neighbourhood::default();
    found.nodes.insert(node, Distance { upstream: Some(0), downstream: Some(0) });
    let goes = |way: Reach| reach == way || reach == Reach::Both;
    if goes(Reach::Upstream) {
        found.walk(&edges, node, depth, nodes_max, CanvasEdge::reversed, |distance| &mut distance.upstream);
    }
    if goes(Reach::Downstream) {
        found.walk(&edges, node, depth, nodes_max, CanvasEdge::ends, |distance| &mut distance.downstream);
    }
    Some(found)
}

impl CanvasEdge {
    const fn reversed(&self) -> (NodeId, NodeId) {
        (self.target_node_id, self.source_node_id)
    }
}

impl Neighbourhood {
    /// Goes along edges, those that are nearest first.
    fn walk(
        &mut self,
        edges: &Edges,
        start: NodeId,
        depth: u32,
        nodes_max: usize,
        ends: impl Fn(&CanvasEdge) -> (NodeId, NodeId),
        distance: impl Fn(&mut Distance) -> &mut Option<u32>,
    ) {
        let mut leaving: BTreeMap<NodeId, Vec<(EdgeId, &CanvasEdge, NodeId)>> = BTreeMap::new();
        for (id, edge) in edges {
            let (from, to) = ends(edge);
            leaving.entry(from).or_default().push((*id, edge, to));
        }
        let mut reached = BTreeSet::from([start]);
        let mut at = vec![start];
        for away in 1..=depth.saturating_add(1) {
            let mut next = Vec::new();
            for (id, edge, to) in at.iter().filter_map(|node| leaving.get(node)).flatten() {
                let is_known = self.nodes.contains_key(to);
                if away > depth || (!is_known && self.nodes.len() >= nodes_max) {
                    self.is_cut |= !reached.contains(to);
                    continue;
                }
                self.edges.insert(*id, (*edge).clone());
                if reached.insert(*to) {
                    *distance(self.nodes.entry(*to).or_default()) = Some(away);
                    next.push(*to);
                }
            }
            at = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use uuid::Uuid;
    use yrs::{Doc, Transact};

    use super::*;
    use crate::canvas::{CanvasPatch, NewEdge, NewNode, apply};

    fn node(number: u128) -> NodeId {
        NodeId::new(Uuid::from_u128(number))
    }

    fn canvas(edges: &[(u128, u128)]) -> Doc {
        let doc = Doc::new();
        let mut txn = doc.transact_mut();
        let now = DateTime::UNIX_EPOCH;
        for number in 1..=6 {
            let new = NewNode { title: number.to_string(), ..NewNode::default() };
            apply(&CanvasPatch::CreateNode { id: node(number), node: Box::new(new) }, &mut txn, now).unwrap();
        }
        for (at, (source, target)) in edges.iter().enumerate() {
            let edge = NewEdge {
                source_node_id: node(*source),
                target_node_id: node(*target),
                source_output_id: None,
                target_input_id: None,
            };
            let id = EdgeId::new(Uuid::from_u128(100 + at as u128));
            apply(&CanvasPatch::CreateEdge { id, edge }, &mut txn, now).unwrap();
        }
        drop(txn);
        doc
    }

    fn read(doc: &Doc, of: u128, reach: Reach, depth: u32) -> Neighbourhood {
        read_neighbourhood(&doc.transact(), node(of), reach, depth, 100).unwrap()
    }

    fn numbers(found: &Neighbourhood) -> Vec<u128> {
        found.nodes.keys().map(|id| id.as_uuid().as_u128()).collect()
    }

    #[test]
    fn both_ways_are_gone_as_far_as_asked() {
        let doc = canvas(&[(1, 2), (2, 3), (3, 4), (2, 5), (6, 3)]);
        let all = read(&doc, 3, Reach::Both, 9);
        assert_eq!((numbers(&all), all.edges.len(), all.is_cut), (vec![1, 2, 3, 4, 6], 4, false));
        assert_eq!(all.nodes[&node(1)], Distance { upstream: Some(2), downstream: None });
        assert_eq!(all.nodes[&node(4)], Distance { upstream: None, downstream: Some(1) });
        let near = read(&doc, 3, Reach::Upstream, 1);
        assert_eq!((numbers(&near), near.edges.len(), near.is_cut), (vec![2, 3, 6], 2, true));
        assert_eq!(numbers(&read(&doc, 2, Reach::Downstream, 1)), [2, 3, 5]);
        assert_eq!(numbers(&read(&doc, 5, Reach::Downstream, 1)), [5]);
        let few = read_neighbourhood(&doc.transact(), node(3), Reach::Both, 9, 3).unwrap();
        assert_eq!((few.nodes.len(), few.is_cut), (3, true));
    }

    #[test]
    fn a_cycle_that_two_people_closed_is_gone_round_once() {
        let doc = canvas(&[(1, 2), (2, 3)]);
        let other = Doc::new();
        {
            use yrs::updates::decoder::Decode;
            let state = doc.transact().encode_state_as_update_v1(&yrs::StateVector::default());
            let mut txn = other.transact_mut();
            txn.apply_update(yrs::Update::decode_v1(&state).unwrap()).unwrap();
            let edges = yrs::WriteTxn::get_or_insert_map(&mut txn, "edges");
            let back = yrs::Map::insert(&edges, &mut txn, Uuid::from_u128(200).to_string(), yrs::MapPrelim::default());
            yrs::Map::insert(&back, &mut txn, "sourceNodeId", node(3).to_string());
            yrs::Map::insert(&back, &mut txn, "targetNodeId", node(1).to_string());
        }
        let found = read(&other, 2, Reach::Both, 9);
        assert_eq!((numbers(&found), found.edges.len(), found.is_cut), (vec![1, 2, 3], 3, false));
        assert_eq!(found.nodes[&node(3)], Distance { upstream: Some(2), downstream: Some(1) });
    }

    #[test]
    fn what_is_in_the_trash_has_no_neighbours_and_is_none() {
        let doc = canvas(&[(1, 2), (2, 3)]);
        apply(&CanvasPatch::DeleteNode { id: node(2) }, &mut doc.transact_mut(), DateTime::UNIX_EPOCH).unwrap();
        assert_eq!(numbers(&read(&doc, 1, Reach::Both, 9)), [1]);
        assert_eq!(read_neighbourhood(&doc.transact(), node(2), Reach::Both, 9, 100), None);
    }
}
