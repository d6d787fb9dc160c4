//! From the groups as given to the graph in its final order.

use crate::builder::RawGroup;
use crate::components::{Rows, cycles};
use crate::graph::{Above, Graph, Joint, JointGroup, NO_CYCLE};
use crate::live::flag;
use crate::names::Names;

const NONE: u32 = u32::MAX;

/// Lays out groups that the builder has checked.
pub(crate) fn compile(
    mut names: Names,
    mut kinds: Names,
    mut groups: Vec<RawGroup>,
    members: Vec<u32>,
) -> Graph {
    let nodes = names.len();
    if !groups.is_sorted_by_key(|group| group.node) {
        groups.sort_by_key(|group| group.node);
    }
    let raw = Raw::new(nodes, groups, members);
    let (never, derived) = raw.fixpoint();
    let (component, components) = raw.cycles(&never);
    let parent = raw.parents(&component);
    let id = raw.order(&parent);
    names.shrink();
    kinds.shrink();

    let mut place = vec![0_u32; nodes];
    for (at, &node) in id.iter().enumerate() {
        place[node as usize] = at as u32;
    }
    let mut graph = Graph {
        member_count: raw.members.len(),
        group_count: raw.groups.len(),
        end: tree_ends(&id, &place, &parent),
        above: Vec::with_capacity(nodes),
        hang_kind: vec![0; nodes],
        flags: vec![0; nodes],
        exit_start: Vec::new(),
        exits: Vec::new(),
        joints: Vec::new(),
        groups: Vec::new(),
        members: Vec::new(),
        cycle_of: Vec::new(),
        rank: Vec::new(),
        cycle_start: vec![0],
        cycle_places: Vec::new(),
        names,
        kinds,
        place,
        id,
    };
    for at in 0..nodes {
        let node = graph.id[at];
        let groups = raw.groups_of(node);
        if never[node as usize] {
            graph.flags[at] |= flag::NEVER;
        }
        if parent[node as usize] != NONE {
            graph.hang_kind[at] = groups[0].kind;
            let parent = graph.place[parent[node as usize] as usize];
            graph.above.push(Above::hangs(parent));
            continue;
        }
        if groups.is_empty() {
            graph.above.push(Above::SOURCE);
            continue;
        }
        let joint = graph.joints.len() as u32;
        graph.above.push(Above::joint(joint));
        graph.cycle_of.push(component[node as usize]);
        graph.rank.push(derived[node as usize]);
        if component[node as usize] != NO_CYCLE {
            graph.flags[at] |= flag::CYCLIC;
        }
        let start = graph.groups.len() as u32;
        for group in groups {
            let first = graph.members.len() as u32;
            let row = &raw.members[group.start as usize..group.end as usize];
            let places = row.iter().map(|&member| graph.place[member as usize]);
            graph.members.extend(places);
            graph.groups.push(JointGroup {
                joint,
                need: group.need,
                kind: group.kind,
                start: first,
                end: graph.members.len() as u32,
            });
        }
        graph.joints.push(Joint {
            place: at as u32,
            start,
            end: graph.groups.len() as u32,
        });
    }
    for nodes in &components {
        let mut places: Vec<u32> = nodes.iter().map(|&n| graph.place[n as usize]).collect();
        places.sort_unstable();
        graph.cycle_places.extend(places);
        graph.cycle_start.push(graph.cycle_places.len() as u32);
    }
    let exits = exits(&graph);
    graph.exit_start = exits.start;
    graph.exits = exits.items;
    graph
}

/// The groups that count each place. What is never up holds up nothing that can be, so
/// that those groups do not count it.
fn exits(graph: &Graph) -> Rows {
    let pairs = graph.groups.iter().enumerate().flat_map(|(at, group)| {
        let owner = graph.joints[group.joint as usize].place;
        let owner_never = graph.flags[owner as usize] & flag::NEVER != 0;
        let counted =
            move |member: &u32| owner_never || graph.flags[*member as usize] & flag::NEVER == 0;
        let members = graph.members_of(group).filter(counted);
        members.map(move |member| (member, at as u32))
    });
    Rows::from_pairs(graph.id.len(), pairs)
}

/// Where the tree of each place ends, given that trees are in pre-order.
fn tree_ends(id: &[u32], place: &[u32], parent: &[u32]) -> Vec<u32> {
    let mut end: Vec<u32> = (1..=id.len() as u32).collect();
    // Children come after their parent: from the back each end is final when it is read.
    for at in (0..id.len()).rev() {
        let parent = parent[id[at] as usize];
        if parent != NONE {
            let parent = place[parent as usize] as usize;
            end[parent] = end[parent].max(end[at]);
        }
    }
    end
}

/// The groups sorted by node.
struct Raw {
    nodes: usize,
    groups: Vec<RawGroup>,
    group_start: Vec<u32>,
    members: Vec<u32>,
    /// By member: the groups it is in.
    used_by: Rows,
}

impl Raw {
    fn new(nodes: usize, groups: Vec<RawGroup>, members: Vec<u32>) -> Self {
        let mut group_start = vec![0_u32; nodes + 1];
        for group in &groups {
            group_start[group.node as usize + 1] += 1;
        }
        for node in 0..nodes {
            group_start[node + 1] += group_start[node];
        }
        let pairs = groups.iter().enumerate().flat_map(|(at, group)| {
            let row = &members[group.start as usize..group.end as usize];
            row.iter().map(move |&member| (member, at as u32))
        });
        let used_by = Rows::from_pairs(nodes, pairs);
        Self {
            nodes,
            groups,
            group_start,
            members,
            used_by,
        }
    }

    fn groups_of(&self, node: u32) -> &[RawGroup] {
        let node = node as usize;
        &self.groups[self.group_start[node] as usize..self.group_start[node + 1] as usize]
    }

    /// By node: whether the least fixpoint with nothing failed leaves it out, and if not,
    /// its rank: higher than that of the members that hold it up.
    fn fixpoint(&self) -> (Vec<bool>, Vec<u32>) {
        let mut missing: Vec<u32> = self.groups.iter().map(|group| group.need).collect();
        let mut unmet = vec![0_u32; self.nodes];
        for group in &self.groups {
            unmet[group.node as usize] += u32::from(group.need > 0);
        }
        let mut never: Vec<bool> = unmet.iter().map(|&unmet| unmet > 0).collect();
        let mut up: Vec<u32> = (0..self.nodes as u32)
            .filter(|&node| !never[node as usize])
            .collect();
        let mut rank = vec![0_u32; self.nodes];
        let mut next = 1;
        while let Some(node) = up.pop() {
            for &group in self.used_by.row(node) {
                let missing = &mut missing[group as usize];
                if *missing == 0 {
                    continue;
                }
                *missing -= 1;
                if *missing == 0 {
                    let owner = self.groups[group as usize].node;
                    unmet[owner as usize] -= 1;
                    if unmet[owner as usize] == 0 {
                        never[owner as usize] = false;
                        rank[owner as usize] = next;
                        next += 1;
                        up.push(owner);
                    }
                }
            }
        }
        (never, rank)
    }

    /// Cycles of real needs: a group that needs nothing decides nothing, and what is never
    /// up holds up nothing that can be. So no cycle has nodes of both sorts.
    fn cycles(&self, never: &[bool]) -> (Vec<u32>, Vec<Vec<u32>>) {
        let pairs = self
            .groups
            .iter()
            .filter(|group| group.need > 0)
            .flat_map(|group| {
                let row = &self.members[group.start as usize..group.end as usize];
                let owner_never = never[group.node as usize];
                let counted = move |member: &&u32| owner_never || !never[**member as usize];
                row.iter()
                    .filter(counted)
                    .map(|&member| (group.node, member))
            });
        cycles(&Rows::from_pairs(self.nodes, pairs), self.nodes)
    }

    /// By node: what it hangs on, or `NONE`.
    fn parents(&self, component: &[u32]) -> Vec<u32> {
        let hangs = |node: u32| match self.groups_of(node) {
            [group] if group.need == 1 && group.end - group.start == 1 => {
                (component[node as usize] == NO_CYCLE).then(|| self.members[group.start as usize])
            }
            _ => None,
        };
        (0..self.nodes as u32)
            .map(|node| hangs(node).unwrap_or(NONE))
            .collect()
    }

    /// All nodes in their final order: trees in pre-order, tree after tree outward from
    /// the sources, so that a fall walks through memory instead of jumping.
    fn order(&self, parent: &[u32]) -> Vec<u32> {
        let mut order: Vec<u32> = Vec::with_capacity(self.nodes);
        let mut seen = vec![false; self.nodes];
        let mut queue: Vec<u32> = Vec::new();
        let mut stack: Vec<u32> = Vec::new();
        let mut taken = 0;
        let sources = (0..self.nodes as u32).filter(|&node| self.groups_of(node).is_empty());
        // Behind the sources only roots of trees that nothing else leads to remain.
        let rest = (0..self.nodes as u32).filter(|&node| parent[node as usize] == NONE);
        for root in sources.chain(rest) {
            if seen[root as usize] {
                continue;
            }
            seen[root as usize] = true;
            queue.push(root);
            while let Some(&root) = queue.get(taken) {
                taken += 1;
                stack.push(root);
                while let Some(node) = stack.pop() {
                    order.push(node);
                    for &group in self.used_by.row(node).iter().rev() {
                        let owner = self.groups[group as usize].node;
                        if parent[owner as usize] == node {
                            stack.push(owner);
                        }
                    }
                    for &group in self.used_by.row(node) {
                        let owner = self.groups[group as usize].node as usize;
                        if parent[owner] == NONE && !seen[owner] {
                            seen[owner] = true;
                            queue.push(owner as u32);
                        }
                    }
                }
            }
        }
        order
    }
}
