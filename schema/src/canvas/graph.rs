//! The directed graphs of a canvas: who feeds whom, and who is inside whom. No recursion: documents may be hostile.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::NodeId;

/// A graph by its edges.
#[derive(Debug, Default)]
pub(super) struct Graph {
    targets: BTreeMap<NodeId, Vec<NodeId>>,
}

impl FromIterator<(NodeId, NodeId)> for Graph {
    fn from_iter<I: IntoIterator<Item = (NodeId, NodeId)>>(edges: I) -> Self {
        let mut graph = Self::default();
        for (source, target) in edges {
            graph.targets.entry(source).or_default().push(target);
        }
        graph
    }
}

impl Graph {
    fn targets(&self, node: NodeId) -> &[NodeId] {
        self.targets.get(&node).map_or(&[], Vec::as_slice)
    }

    /// A node, and all to which a path leads from it.
    pub(super) fn reached_from(&self, node: NodeId) -> BTreeSet<NodeId> {
        let mut reached = BTreeSet::from([node]);
        let mut waiting = vec![node];
        while let Some(node) = waiting.pop() {
            waiting.extend(self.targets(node).iter().filter(|target| reached.insert(**target)));
        }
        reached
    }

    /// Numbers the strongly connected components: an edge lies on a cycle if both its ends are in one component.
    /// Tarjan's algorithm with its stack on the heap.
    pub(super) fn components(&self) -> BTreeMap<NodeId, usize> {
        let mut search = Search::default();
        for root in self.targets.keys() {
            if !search.visited.contains_key(root) {
                search.from(self, *root);
            }
        }
        search.components
    }
}

#[derive(Default)]
struct Search {
    /// The order of discovery.
    visited: BTreeMap<NodeId, usize>,
    components: BTreeMap<NodeId, usize>,
    /// Visited nodes that have no component yet.
    open: Vec<NodeId>,
    component_count: usize,
}

/// A node on the path of the search, how many of its targets were looked at, and the earliest node it leads back to.
struct Step {
    node: NodeId,
    looked_at: usize,
    earliest: usize,
}

impl Search {
    fn from(&mut self, graph: &Graph, root: NodeId) {
        let mut path = vec![self.enter(root)];
        while let Some(step) = path.last_mut() {
            let Some(target) = graph.targets(step.node).get(step.looked_at).copied() else {
                let earliest = step.earliest;
                self.leave(step.node, earliest);
                path.pop();
                if let Some(parent) = path.last_mut() {
                    parent.earliest = parent.earliest.min(earliest);
                }
                continue;
            };
            step.looked_at += 1;
            match self.visited.get(&target) {
                None => {
                    let next = self.enter(target);
                    path.push(next);
                }
                Some(order) if !self.components.contains_key(&target) => step.earliest = step.earliest.min(*order),
                Some(_) => {}
            }
        }
    }

    fn enter(&mut self, node: NodeId) -> Step {
        let order = self.visited.len();
        self.visited.insert(node, order);
        self.open.push(node);
        Step { node, looked_at: 0, earliest: order }
    }

    /// Closes a component when nothing in it leads back before this node.
    fn leave(&mut self, node: NodeId, earliest: usize) {
        if self.visited.get(&node) != Some(&earliest) {
            return;
        }
        while let Some(member) = self.open.pop() {
            self.components.insert(member, self.component_count);
            if member == node {
                break;
            }
        }
        self.component_count += 1;
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn node(number: usize) -> NodeId {
        NodeId::new(Uuid::from_u128(number as u128))
    }

    fn cyclic(edges: &[(usize, usize)]) -> Vec<(usize, usize)> {
        let components = edges.iter().map(|(a, b)| (node(*a), node(*b))).collect::<Graph>().components();
        edges.iter().filter(|(a, b)| components[&node(*a)] == components[&node(*b)]).copied().collect()
    }

    #[test]
    fn the_edges_on_cycles_are_found_and_no_others() {
        assert_eq!(cyclic(&[(1, 2), (2, 3), (1, 3)]), []);
        assert_eq!(cyclic(&[(1, 2), (2, 3), (3, 1), (3, 4), (0, 1)]), [(1, 2), (2, 3), (3, 1)]);
        assert_eq!(cyclic(&[(1, 2), (2, 1), (2, 3), (3, 4), (4, 3)]), [(1, 2), (2, 1), (3, 4), (4, 3)]);
        assert_eq!(cyclic(&[(1, 1), (1, 2)]), [(1, 1)]);
    }

    #[test]
    fn long_paths_need_no_deep_stack() {
        const LENGTH: usize = 200_000;
        let graph: Graph = (0..LENGTH).map(|number| (node(number), node(number + 1))).collect();
        assert_eq!(graph.components().len(), LENGTH + 1);
        assert_eq!(graph.reached_from(node(1)).len(), LENGTH);
    }
}
