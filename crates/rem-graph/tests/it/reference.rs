//! The definitions, word by word and slowly.

use std::collections::BTreeSet;

use rem_graph::{Graph, NodeId, State};

pub(crate) type Set = BTreeSet<NodeId>;

/// The least set such that a node is up iff it has not failed and every group has enough
/// members that are up.
pub(crate) fn up(graph: &Graph, failed: &Set) -> Set {
    let mut up = Set::new();
    loop {
        let met = |node: &NodeId| {
            !failed.contains(node) && graph.groups(*node).iter().all(|g| met(g, &up))
        };
        let next: Set = graph.nodes().filter(met).collect();
        if next == up {
            return up;
        }
        up = next;
    }
}

/// The same where it can be up at all; circles that never can are assumed to be.
fn assumed(graph: &Graph, failed: &Set, never: &Set) -> Set {
    let able = up(graph, failed);
    let mut all: Set = able.union(never).copied().collect();
    all.retain(|node| !failed.contains(node));
    loop {
        let mut next = all.clone();
        next.retain(|n| !never.contains(n) || graph.groups(*n).iter().all(|g| met(g, &all)));
        if next == all {
            return all;
        }
        all = next;
    }
}

fn met(group: &rem_graph::Group<'_>, up: &Set) -> bool {
    group.members.iter().filter(|m| up.contains(m)).count() >= group.need as usize
}

/// What everything is, given failures with their ages.
pub(crate) struct Reference<'g> {
    graph: &'g Graph,
    never: Set,
    /// By node: what it needs, directly or not.
    needs: Vec<Set>,
}

impl<'g> Reference<'g> {
    pub(crate) fn new(graph: &'g Graph) -> Self {
        let able = up(graph, &Set::new());
        let never: Set = graph.nodes().filter(|node| !able.contains(node)).collect();
        let needs = graph
            .nodes()
            .map(|node| needs(graph, node, &never))
            .collect();
        Self {
            graph,
            never,
            needs,
        }
    }

    pub(crate) fn never(&self) -> &Set {
        &self.never
    }

    pub(crate) fn state(&self, up: &Set, node: NodeId) -> State {
        if !up.contains(&node) {
            return State::Down;
        }
        let groups = self.graph.groups(node);
        let whole = groups
            .iter()
            .all(|g| g.members.iter().all(|m| up.contains(m)));
        if whole { State::Up } else { State::Degraded }
    }

    /// The suppression rule.
    pub(crate) fn held(&self, failed: &[(NodeId, i64)], node: NodeId) -> bool {
        let Some(&(_, since)) = failed.iter().find(|(n, _)| *n == node) else {
            return false;
        };
        let age = |node: NodeId, since: i64| (since, self.graph.name(node));
        let tied = |other: NodeId| {
            self.never.contains(&node)
                && self.needs[node.index()].contains(&other)
                && self.needs[other.index()].contains(&node)
        };
        let others = failed.iter().filter(|&&(other, at)| {
            other != node && (!tied(other) || age(other, at) < age(node, since))
        });
        let others: Set = others.map(|&(node, _)| node).collect();
        !assumed(self.graph, &others, &self.never).contains(&node)
    }

    /// The members whose loss keeps a node down.
    pub(crate) fn lost(&self, failed: &Set, node: NodeId) -> Set {
        let up = assumed(self.graph, failed, &self.never);
        let mut lost = Set::new();
        for group in self.graph.groups(node) {
            let counts = |m: &NodeId| self.never.contains(&node) || !self.never.contains(m);
            let able = group.members.iter().filter(|m| counts(m) && up.contains(m));
            if able.count() < group.need as usize {
                let down = group
                    .members
                    .iter()
                    .filter(|m| counts(m) && !up.contains(m));
                lost.extend(down);
            }
        }
        lost
    }
}

fn needs(graph: &Graph, node: NodeId, never: &Set) -> Set {
    let mut found = Set::new();
    let mut stack = vec![node];
    while let Some(node) = stack.pop() {
        for group in graph.groups(node).iter().filter(|group| group.need > 0) {
            for &member in &group.members {
                let counts = never.contains(&node) || !never.contains(&member);
                if counts && found.insert(member) {
                    stack.push(member);
                }
            }
        }
    }
    found
}
