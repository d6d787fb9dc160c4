//! A reload: what is different between two graphs, and the failures carried over.

use std::sync::Arc;

use crate::graph::{Graph, NodeId};
use crate::live::Live;

/// What is different between two graphs, by name, each list sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diff {
    /// Nodes only the new graph has.
    pub added: Vec<String>,
    /// Nodes only the old graph has.
    pub removed: Vec<String>,
    /// Nodes of both whose requirements differ. Order does not count.
    pub changed: Vec<String>,
}

impl Diff {
    /// Compares two graphs.
    pub fn between(old: &Graph, new: &Graph) -> Self {
        let mut diff = Self::default();
        for node in old.nodes() {
            if new.node(old.name(node)).is_none() {
                diff.removed.push(old.name(node).to_owned());
            }
        }
        for node in new.nodes() {
            let name = new.name(node);
            match old.node(name) {
                None => diff.added.push(name.to_owned()),
                Some(before) if requirements(old, before) != requirements(new, node) => {
                    diff.changed.push(name.to_owned());
                }
                Some(_) => {}
            }
        }
        diff.added.sort_unstable();
        diff.removed.sort_unstable();
        diff.changed.sort_unstable();
        diff
    }

    /// Whether both graphs say the same.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}

/// A state on a new graph.
#[derive(Clone, Debug)]
pub struct Carried {
    /// The failures of before, on the new graph.
    pub live: Live,
    /// Failed nodes that the new graph does not have, sorted by name.
    pub gone: Vec<String>,
}

impl Live {
    /// The same failures, by name, on another graph.
    pub fn carry(&self, graph: Arc<Graph>) -> Carried {
        let mut gone = Vec::new();
        let mut kept: Vec<(NodeId, i64)> = Vec::new();
        for (node, since) in self.failed() {
            let name = self.graph().name(node);
            match graph.node(name) {
                Some(node) => kept.push((node, since)),
                None => gone.push(name.to_owned()),
            }
        }
        gone.sort_unstable();
        let mut live = Self::new(graph);
        live.fail_many(kept);
        Carried { live, gone }
    }
}

fn requirements(graph: &Graph, node: NodeId) -> Vec<(&str, u32, Vec<&str>)> {
    let mut groups: Vec<_> = graph
        .groups(node)
        .into_iter()
        .map(|group| {
            let mut members: Vec<&str> = group.members.iter().map(|&m| graph.name(m)).collect();
            members.sort_unstable();
            (group.kind, group.need, members)
        })
        .collect();
    groups.sort_unstable();
    groups
}
