//! The compiled graph: compressed rows of `u32`, in an order that keeps what falls
//! together side by side.
//!
//! A node whose only requirement is one other node *hangs* on it: it needs no counters.
//! Such nodes form trees, a tree is a contiguous range of places (pre-order), and a tree
//! falls or rises as one range. Every other node with requirements is a *joint* and has
//! counters for each group. The root of each tree is a joint or a source.

use crate::names::Names;

/// A node: its number in the order of [`Builder::node`](crate::Builder::node).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(crate) u32);

impl NodeId {
    /// The id with this number; a number no node has is harmless and matches nothing.
    pub fn from_index(index: u32) -> Self {
        Self(index)
    }

    /// The number, from 0.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// What a node is given what has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Not failed, and every group has all its members.
    Up,
    /// Not failed and every group has enough members, but some group has lost one.
    Degraded,
    /// Failed, or some group has too few members; also what only holds itself up.
    Down,
}

/// A requirement of a node: at least `need` of `members`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group<'g> {
    /// What it is about: "power", "network".
    pub kind: &'g str,
    /// How many members must be up.
    pub need: u32,
    /// The members, in no special order.
    pub members: Vec<NodeId>,
}

/// What requires what; made by [`Builder`](crate::Builder), never changed afterwards.
#[derive(Clone, Debug)]
pub struct Graph {
    pub(crate) names: Names,
    pub(crate) kinds: Names,
    pub(crate) member_count: usize,
    pub(crate) group_count: usize,
    /// Place of a node, by id; and the id of a place.
    pub(crate) place: Vec<u32>,
    pub(crate) id: Vec<u32>,
    /// By place: where the tree below ends.
    pub(crate) end: Vec<u32>,
    pub(crate) above: Vec<Above>,
    /// By place: the kind of the group of a node that hangs.
    pub(crate) hang_kind: Vec<u16>,
    /// By place: NEVER and CYCLIC of `live::flag`.
    pub(crate) flags: Vec<u8>,
    /// By place, one more than nodes: where its exits start.
    pub(crate) exit_start: Vec<u32>,
    /// Groups of joints that count a place.
    pub(crate) exits: Vec<u32>,
    pub(crate) joints: Vec<Joint>,
    pub(crate) groups: Vec<JointGroup>,
    /// Members of the groups of joints, as places.
    pub(crate) members: Vec<u32>,
    /// By joint: its cycle (numbered requirements first), or `NO_CYCLE`.
    pub(crate) cycle_of: Vec<u32>,
    /// By joint: higher than the ranks of the members that hold it up.
    pub(crate) rank: Vec<u32>,
    /// By cycle, one more: where its places start in `cycle_places`.
    pub(crate) cycle_start: Vec<u32>,
    pub(crate) cycle_places: Vec<u32>,
}

pub(crate) const NO_CYCLE: u32 = u32::MAX;

/// What a place has above it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Above(u32);

pub(crate) enum Support {
    Source,
    /// Hangs on this place.
    Hangs(u32),
    /// Is this joint.
    Joint(u32),
}

impl Above {
    const JOINT: u32 = 1 << 31;
    pub(crate) const SOURCE: Self = Self(u32::MAX);

    pub(crate) fn joint(joint: u32) -> Self {
        Self(joint | Self::JOINT)
    }

    pub(crate) fn hangs(place: u32) -> Self {
        Self(place)
    }

    pub(crate) fn get(self) -> Support {
        if self == Self::SOURCE {
            Support::Source
        } else if self.0 & Self::JOINT != 0 {
            Support::Joint(self.0 & !Self::JOINT)
        } else {
            Support::Hangs(self.0)
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Joint {
    pub(crate) place: u32,
    /// Its groups are `groups[start..end]`.
    pub(crate) start: u32,
    pub(crate) end: u32,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct JointGroup {
    pub(crate) joint: u32,
    pub(crate) need: u32,
    pub(crate) kind: u16,
    /// Its members are `members[start..end]`.
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Graph {
    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.id.len()
    }

    /// Whether there is no node at all.
    pub fn is_empty(&self) -> bool {
        self.id.is_empty()
    }

    /// How many requirement groups there are.
    pub fn group_count(&self) -> usize {
        self.group_count
    }

    /// How many members all groups have together: the edges.
    pub fn member_count(&self) -> usize {
        self.member_count
    }

    /// The node of this name.
    pub fn node(&self, name: &str) -> Option<NodeId> {
        self.names.find(name).map(NodeId)
    }

    /// The name of a node; empty for an id this graph does not have.
    pub fn name(&self, node: NodeId) -> &str {
        self.names.get(node.0)
    }

    /// All nodes in the order of their ids.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = NodeId> + use<> {
        (0..self.id.len() as u32).map(NodeId)
    }

    /// What a node requires; nothing for a source.
    pub fn groups(&self, node: NodeId) -> Vec<Group<'_>> {
        let Some(place) = self.place_of(node) else {
            return Vec::new();
        };
        match self.above[place as usize].get() {
            Support::Source => Vec::new(),
            Support::Hangs(parent) => vec![Group {
                kind: self.kind(self.hang_kind[place as usize]),
                need: 1,
                members: vec![self.id_of(parent)],
            }],
            Support::Joint(joint) => self
                .groups_of(joint)
                .iter()
                .map(|group| Group {
                    kind: self.kind(group.kind),
                    need: group.need,
                    members: self.members_of(group).map(|m| self.id_of(m)).collect(),
                })
                .collect(),
        }
    }

    /// Nodes that can be up in no case, even with nothing failed: they require, perhaps
    /// through others, themselves. They count as down.
    ///
    /// Usually a mistake in what was declared; [`cycles`](Graph::cycles) shows it.
    pub fn never_up(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.nodes().filter(|node| self.is_never_up(*node))
    }

    /// Whether `node` is one of [`never_up`](Graph::never_up).
    pub fn is_never_up(&self, node: NodeId) -> bool {
        self.place_of(node)
            .is_some_and(|place| self.flags[place as usize] & crate::live::flag::NEVER != 0)
    }

    pub(crate) fn place_of(&self, node: NodeId) -> Option<u32> {
        self.place.get(node.index()).copied()
    }

    pub(crate) fn id_of(&self, place: u32) -> NodeId {
        NodeId(self.id[place as usize])
    }

    pub(crate) fn kind(&self, kind: u16) -> &str {
        self.kinds.get(u32::from(kind))
    }

    pub(crate) fn groups_of(&self, joint: u32) -> &[JointGroup] {
        let joint = &self.joints[joint as usize];
        &self.groups[joint.start as usize..joint.end as usize]
    }

    pub(crate) fn members_of(&self, group: &JointGroup) -> impl Iterator<Item = u32> + Clone + '_ {
        let members = &self.members[group.start as usize..group.end as usize];
        members.iter().copied()
    }

    pub(crate) fn exits_of(&self, start: u32, end: u32) -> &[u32] {
        let from = self.exit_start[start as usize];
        let to = self.exit_start[end as usize];
        &self.exits[from as usize..to as usize]
    }

    /// The joint of a place, if it is one.
    pub(crate) fn joint_of(&self, place: u32) -> Option<u32> {
        match self.above[place as usize].get() {
            Support::Joint(joint) => Some(joint),
            Support::Source | Support::Hangs(_) => None,
        }
    }

    /// The cycle a place is part of, or `NO_CYCLE`.
    pub(crate) fn cycle_at(&self, place: u32) -> u32 {
        self.joint_of(place)
            .map_or(NO_CYCLE, |joint| self.cycle_of[joint as usize])
    }
}
