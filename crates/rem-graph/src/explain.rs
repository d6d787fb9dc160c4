//! Why something is down, and what a cause hides.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::graph::{NodeId, State, Support};
use crate::live::{Live, flag};

/// Why a node is down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// The root causes, the nearest first: failed nodes that nothing else explains.
    pub by: Vec<Cause>,
}

/// One root cause and how it reaches the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The failed node; the explained node itself if it is its own cause.
    pub root: NodeId,
    /// A shortest way from the explained node to `root`; empty if they are the same.
    pub path: Vec<Link>,
}

/// One step on the way to a cause: `node` is down because it lost `lost`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The node that is down.
    pub node: NodeId,
    /// The kind of the group that has too few members.
    pub kind: String,
    /// How many it needs.
    pub need: u32,
    /// How many are up.
    pub up: u32,
    /// How many members it has.
    pub members: u32,
    /// The member to follow.
    pub lost: NodeId,
}

/// A failed node that nothing else explains, and how many it hides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RootCause {
    /// The failed node.
    pub node: NodeId,
    /// Since when, as told to [`Live::fail`].
    pub since: i64,
    /// How many failed nodes it explains, alone or together with other causes.
    pub hides: usize,
}

/// The group through which a place lost another: `None` for what hangs on it.
type Through = Option<u32>;

impl Live {
    /// Why `node` is down: up to `limit` root causes, the nearest first. `None` if it is
    /// not down, and if nothing that failed explains it (see
    /// [`Graph::never_up`](crate::Graph::never_up)).
    pub fn explain(&self, node: NodeId, limit: usize) -> Option<Explained> {
        let start = self.graph.place_of(node)?;
        if self.state_at(start) != State::Down {
            return None;
        }
        let mut from: HashMap<u32, (u32, Through)> = HashMap::new();
        let roots = self.search(start, limit, &mut from);
        let by: Vec<Cause> = roots
            .into_iter()
            .map(|root| Cause {
                root: self.graph.id_of(root),
                path: self.path(start, root, &from),
            })
            .collect();
        (!by.is_empty()).then_some(Explained { by })
    }

    /// All root causes of `node`, the nearest first, without the ways to them.
    pub fn roots(&self, node: NodeId) -> Vec<NodeId> {
        match self.graph.place_of(node) {
            Some(start) if self.state_at(start) == State::Down => {
                let roots = self.search(start, usize::MAX, &mut HashMap::new());
                roots.into_iter().map(|r| self.graph.id_of(r)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The failed nodes that the failure of `root` explains, alone or together with other
    /// causes; empty if `root` is not a root cause.
    pub fn hidden_by(&self, root: NodeId) -> Vec<NodeId> {
        let mut hidden = Vec::new();
        if let Some(place) = self.graph.place_of(root)
            && self.is_root(place)
        {
            let mut seen = vec![0; self.graph.len()];
            self.reach(place, &mut seen, 1, |place| {
                hidden.push(self.graph.id_of(place));
            });
        }
        hidden
    }

    /// Every failed node that nothing else explains.
    pub fn root_causes(&self) -> Vec<RootCause> {
        let mut seen = vec![0; self.graph.len()];
        let roots = self
            .failed
            .iter()
            .filter(|&(&place, _)| self.is_root(place));
        roots
            .enumerate()
            .map(|(at, (&place, &since))| {
                let mut hides = 0;
                self.reach(place, &mut seen, at as u32 + 1, |_| hides += 1);
                RootCause {
                    node: self.graph.id_of(place),
                    since,
                    hides,
                }
            })
            .collect()
    }

    fn is_root(&self, place: u32) -> bool {
        self.has(place, flag::FAILED) && !self.held_at(place)
    }

    /// Walks from `start` through what it lost, breadth first, up to the roots.
    fn search(
        &self,
        start: u32,
        limit: usize,
        from: &mut HashMap<u32, (u32, Through)>,
    ) -> Vec<u32> {
        let mut roots = Vec::new();
        let mut queue = vec![start];
        from.insert(start, (start, None));
        let mut next = 0;
        while let Some(&place) = queue.get(next) {
            next += 1;
            if roots.len() >= limit {
                break;
            }
            if self.is_root(place) {
                roots.push(place);
                continue;
            }
            self.each_lost(place, |lost, through| {
                if let Entry::Vacant(entry) = from.entry(lost) {
                    entry.insert((place, through));
                    queue.push(lost);
                }
            });
        }
        roots
    }

    /// The members whose loss keeps `place` down.
    fn each_lost(&self, place: u32, mut found: impl FnMut(u32, Through)) {
        let graph = &self.graph;
        match graph.above[place as usize].get() {
            Support::Source => {}
            Support::Hangs(parent) => {
                if self.has(parent, flag::DOWN) {
                    found(parent, None);
                }
            }
            Support::Joint(joint) => {
                let never = self.has(place, flag::NEVER);
                let first = graph.joints[joint as usize].start;
                for (at, group) in graph.groups_of(joint).iter().enumerate() {
                    let at = first + at as u32;
                    if self.slack(at as usize) >= 0 {
                        continue;
                    }
                    for member in graph.members_of(group) {
                        if self.has(member, flag::DOWN) && (never || !self.has(member, flag::NEVER))
                        {
                            found(member, Some(at));
                        }
                    }
                }
            }
        }
    }

    fn path(&self, start: u32, root: u32, from: &HashMap<u32, (u32, Through)>) -> Vec<Link> {
        let graph = &self.graph;
        let mut path = Vec::new();
        let mut lost = root;
        while lost != start {
            let Some(&(place, through)) = from.get(&lost) else {
                break;
            };
            let (kind, need, up, members) = match through {
                None => (graph.hang_kind[place as usize], 1, 0, 1),
                Some(at) => {
                    let group = &graph.groups[at as usize];
                    let up = (self.slack(at as usize) + group.need as i32).max(0);
                    (group.kind, group.need, up as u32, group.end - group.start)
                }
            };
            path.push(Link {
                node: graph.id_of(place),
                kind: graph.kind(kind).to_owned(),
                need,
                up,
                members,
                lost: graph.id_of(lost),
            });
            lost = place;
        }
        path.reverse();
        path
    }

    /// Visits the failed places that `root` explains; `seen` holds the mark of the last
    /// visit of each place.
    fn reach(&self, root: u32, seen: &mut [u32], mark: u32, mut hidden: impl FnMut(u32)) {
        let graph = &self.graph;
        let mut stack = vec![root];
        seen[root as usize] = mark;
        while let Some(place) = stack.pop() {
            if place != root && self.has(place, flag::FAILED) {
                hidden(place);
            }
            let mut child = place + 1;
            while child < graph.end[place as usize] {
                if seen[child as usize] != mark {
                    seen[child as usize] = mark;
                    stack.push(child);
                }
                child = graph.end[child as usize];
            }
            for &group in graph.exits_of(place, place + 1) {
                if self.slack(group as usize) >= 0 {
                    continue;
                }
                let joint = graph.groups[group as usize].joint;
                let owner = graph.joints[joint as usize].place;
                if seen[owner as usize] != mark && !self.is_root(owner) {
                    seen[owner as usize] = mark;
                    stack.push(owner);
                }
            }
        }
    }
}
