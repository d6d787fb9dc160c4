//! What would happen if: failures on trial, taken back afterwards.

use std::sync::Arc;

use crate::change::moved;
use crate::graph::{Graph, NodeId, Support};
use crate::live::{Live, flag};

/// Answers "what if" questions about one situation, again and again without allocating.
///
/// Each question costs what the failures on trial would change.
#[derive(Clone, Debug)]
pub struct Evaluation {
    live: Live,
}

/// What failures would take down, beyond what is down already.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Impact {
    /// Nodes that would fall, the failing ones included.
    pub down: Vec<NodeId>,
    /// Nodes that would stay up but lose a member for the first time.
    pub degraded: Vec<NodeId>,
}

/// A node whose failure alone takes down something that is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PointOfFailure {
    /// The node.
    pub node: NodeId,
    /// How many nodes it would take down, itself included.
    pub down: usize,
    /// How many of those are watched.
    pub watched: usize,
}

impl Evaluation {
    /// Questions about a graph with nothing failed.
    pub fn new(graph: Arc<Graph>) -> Self {
        Self {
            live: Live::new(graph),
        }
    }

    /// Questions about a running situation: what would fail on top of what has failed.
    pub fn given(live: &Live) -> Self {
        Self { live: live.clone() }
    }

    /// What the failure of `node` would change.
    pub fn impact(&mut self, node: NodeId) -> Impact {
        self.impact_of_many(&[node])
    }

    /// What the failure of all `nodes` together would change.
    pub fn impact_of_many(&mut self, nodes: &[NodeId]) -> Impact {
        self.fall(nodes);
        let live = &self.live;
        let graph = live.graph();
        let down = moved(live, graph).map(|place| graph.id_of(place)).collect();
        let touched = live.event.touched.iter();
        let degraded = touched
            .filter(|(joint, was)| {
                let place = graph.joints[*joint as usize].place;
                was & (flag::DOWN | flag::DEGRADED) == 0
                    && !live.has(place, flag::DOWN | flag::NEVER)
                    && live.is_degraded(*joint)
            })
            .map(|&(joint, _)| graph.id_of(graph.joints[joint as usize].place))
            .collect();
        self.live.undo();
        Impact { down, degraded }
    }

    /// How many nodes the failure of all `nodes` together would take down.
    pub fn count(&mut self, nodes: &[NodeId]) -> usize {
        self.fall(nodes);
        let count = moved(&self.live, self.live.graph()).count();
        self.live.undo();
        count
    }

    /// The nodes whose failure alone takes `target` down, without `target` itself, in the
    /// order of their ids. Empty if `target` is down already.
    pub fn single_points_of_failure(&mut self, target: NodeId) -> Vec<NodeId> {
        let graph = Arc::clone(self.live.graph());
        let Some(target) = graph.place_of(target) else {
            return Vec::new();
        };
        if self.live.has(target, flag::DOWN | flag::NEVER) {
            return Vec::new();
        }
        let mut found: Vec<NodeId> = Vec::new();
        for place in requirements(&graph, target) {
            if self.live.has(place, flag::DOWN | flag::NEVER) {
                continue;
            }
            self.live.try_fall([place]);
            if self.live.has(target, flag::DOWN) {
                found.push(graph.id_of(place));
            }
            self.live.undo();
        }
        found.sort_unstable();
        found
    }

    /// Tries each of `candidates` alone; those that take down at least one node that is
    /// `watched`, in the order of the candidates. A candidate does not count as watched
    /// for itself.
    pub fn points_of_failure(
        &mut self,
        candidates: impl IntoIterator<Item = NodeId>,
        watched: impl Fn(NodeId) -> bool,
    ) -> Vec<PointOfFailure> {
        let graph = Arc::clone(self.live.graph());
        let mut found = Vec::new();
        for node in candidates {
            self.fall(&[node]);
            let mut point = PointOfFailure {
                node,
                down: 0,
                watched: 0,
            };
            for place in moved(&self.live, &graph) {
                let fallen = graph.id_of(place);
                point.down += 1;
                point.watched += usize::from(fallen != node && watched(fallen));
            }
            self.live.undo();
            if point.watched > 0 {
                found.push(point);
            }
        }
        found
    }

    fn fall(&mut self, nodes: &[NodeId]) {
        let graph = Arc::clone(self.live.graph());
        let places = nodes.iter().filter_map(|&node| graph.place_of(node));
        self.live.try_fall(places);
    }
}

/// All places that `target` needs, directly or not, without itself.
fn requirements(graph: &Graph, target: u32) -> Vec<u32> {
    let mut seen = vec![false; graph.len()];
    let mut found: Vec<u32> = vec![target];
    seen[target as usize] = true;
    let mut next = 0;
    while let Some(&place) = found.get(next) {
        next += 1;
        let mut add = |place: u32| {
            if !std::mem::replace(&mut seen[place as usize], true) {
                found.push(place);
            }
        };
        match graph.above[place as usize].get() {
            Support::Source => {}
            Support::Hangs(parent) => add(parent),
            Support::Joint(joint) => {
                for group in graph.groups_of(joint).iter().filter(|group| group.need > 0) {
                    graph.members_of(group).for_each(&mut add);
                }
            }
        }
    }
    found.remove(0);
    found
}
