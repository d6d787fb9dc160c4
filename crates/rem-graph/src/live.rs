//! What is up, degraded and down right now, kept up to date failure by failure.
//!
//! Falling and rising are counted, not recomputed: an event costs what it changes. Where
//! needs go in circles (switches in a ring) counting alone would let nodes hold each
//! other up; there every node has a rank above the members that hold it up, so that
//! support always leads outward to a source (see `live/circle.rs`).

mod assumed;
mod circle;
mod fall;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;

use crate::change::Changes;
use crate::graph::{Graph, NodeId, State, Support};

pub(crate) mod flag {
    /// Not up. Of what is never up: not up even if its circle is assumed to be.
    pub(crate) const DOWN: u8 = 1;
    /// Reported as failed.
    pub(crate) const FAILED: u8 = 2;
    /// Left out by the least fixpoint with nothing failed.
    pub(crate) const NEVER: u8 = 4;
    /// A joint in a circle of needs.
    pub(crate) const CYCLIC: u8 = 8;
    /// In a circle that is never up: explained by older failures.
    pub(crate) const TIED: u8 = 16;
    /// Perhaps held up by itself only; while one circle is looked at.
    pub(crate) const SUSPECT: u8 = 32;
    /// What a joint was before an event, beside DOWN and FAILED.
    pub(crate) const DEGRADED: u8 = 64;
    pub(crate) const HELD: u8 = 128;
}

/// The state of every node, given the failures told so far.
#[derive(Clone, Debug)]
pub struct Live {
    pub(crate) graph: Arc<Graph>,
    pub(crate) flags: Vec<u8>,
    groups: Vec<Slack>,
    joints: Vec<Standing>,
    rank: Vec<u32>,
    next_rank: u32,
    /// Places that are failed, since when.
    pub(crate) failed: BTreeMap<u32, i64>,
    pub(crate) event: Event,
}

/// How many members a group has above its need.
#[derive(Clone, Copy, Debug)]
struct Slack {
    slack: i32,
    /// The joint; the top bit says that it is in a circle.
    joint: u32,
}

const IN_CIRCLE: u32 = 1 << 31;

#[derive(Clone, Copy, Debug)]
struct Standing {
    place: u32,
    /// Members lost, of all groups.
    lost: u32,
    /// Groups with too few members.
    unmet: u32,
    /// The last event that touched it.
    stamp: u32,
}

/// What one event does, until the next one begins.
#[derive(Clone, Debug, Default)]
pub(crate) struct Event {
    stamp: u32,
    /// Ranges of places that fell or rose; those behind `counted` have yet to be counted
    /// by the groups above them.
    pub(crate) ranges: Vec<(u32, u32)>,
    counted: usize,
    /// Joints and what they were before.
    pub(crate) touched: Vec<(u32, u8)>,
    /// Other places whose failure or explanation changed.
    pub(crate) others: Vec<u32>,
    /// Circles to look at, members' circles first.
    circles: BinaryHeap<Reverse<(u32, u32)>>,
    /// What undoing needs besides the ranges.
    ranks: Vec<(u32, u32)>,
    ties: Vec<u32>,
    marked: Vec<u32>,
}

impl Live {
    /// Everything up that can be.
    pub fn new(graph: Arc<Graph>) -> Self {
        let mut joints: Vec<Standing> = Vec::with_capacity(graph.joints.len());
        let mut groups = Vec::with_capacity(graph.groups.len());
        for joint in &graph.joints {
            let never = graph.flags[joint.place as usize] & flag::NEVER != 0;
            let circle = graph.flags[joint.place as usize] & flag::CYCLIC != 0;
            let mut lost = 0;
            for group in &graph.groups[joint.start as usize..joint.end as usize] {
                let members = graph.members_of(group);
                let able = members
                    .filter(|&m| never || graph.flags[m as usize] & flag::NEVER == 0)
                    .count() as u32;
                lost += group.end - group.start - able;
                groups.push(Slack {
                    slack: able as i32 - group.need as i32,
                    joint: joints.len() as u32 | if circle { IN_CIRCLE } else { 0 },
                });
            }
            joints.push(Standing {
                place: joint.place,
                lost,
                unmet: 0,
                stamp: 0,
            });
        }
        Self {
            flags: graph.flags.clone(),
            groups,
            joints,
            rank: graph.rank.clone(),
            next_rank: graph.id.len() as u32,
            failed: BTreeMap::new(),
            event: Event::default(),
            graph,
        }
    }

    /// The graph this is about.
    pub fn graph(&self) -> &Arc<Graph> {
        &self.graph
    }

    /// `node` has failed, at `since` in whatever unit the caller keeps time: it only
    /// decides which of two failures that explain each other is the older one.
    ///
    /// Failing again moves `since`.
    pub fn fail(&mut self, node: NodeId, since: i64) -> Changes<'_> {
        self.fail_many([(node, since)])
    }

    /// Many failures as one event.
    pub fn fail_many(&mut self, nodes: impl IntoIterator<Item = (NodeId, i64)>) -> Changes<'_> {
        self.begin();
        let mut told = 0;
        for (node, since) in nodes {
            let Some(place) = self.graph.place_of(node) else {
                continue;
            };
            told += 1;
            self.failed.insert(place, since);
            self.mark(place);
        }
        self.settle_fall();
        self.finish(told > 1);
        Changes::new(self)
    }

    /// `node` no longer is failed; whether it is up depends on what it requires.
    pub fn recover(&mut self, node: NodeId) -> Changes<'_> {
        self.recover_many([node])
    }

    /// Many recoveries as one event.
    pub fn recover_many(&mut self, nodes: impl IntoIterator<Item = NodeId>) -> Changes<'_> {
        self.begin();
        let mut told = 0;
        for node in nodes {
            let Some(place) = self.graph.place_of(node) else {
                continue;
            };
            if self.failed.remove(&place).is_some() {
                told += 1;
                self.unmark(place);
            }
        }
        self.settle_rise();
        self.finish(told > 1);
        Changes::new(self)
    }

    /// What `node` is; down for an id the graph does not have.
    pub fn state(&self, node: NodeId) -> State {
        match self.graph.place_of(node) {
            Some(place) => self.state_at(place),
            None => State::Down,
        }
    }

    /// Whether `node` was told to have failed and not to have recovered.
    pub fn is_failed(&self, node: NodeId) -> bool {
        let place = self.graph.place_of(node);
        place.is_some_and(|place| self.has(place, flag::FAILED))
    }

    /// Whether the failure of `node` is explained by others: it would be down without
    /// having failed itself. An alert about it is held back. False for what has not
    /// failed.
    ///
    /// Takes a few nanoseconds.
    pub fn held(&self, node: NodeId) -> bool {
        let place = self.graph.place_of(node);
        place.is_some_and(|place| self.held_at(place))
    }

    /// The failed nodes and since when, in no special order that would stay.
    pub fn failed(&self) -> impl ExactSizeIterator<Item = (NodeId, i64)> + '_ {
        let failed = self.failed.iter();
        failed.map(|(&place, &since)| (self.graph.id_of(place), since))
    }

    pub(crate) fn has(&self, place: u32, flags: u8) -> bool {
        self.flags[place as usize] & flags != 0
    }

    pub(crate) fn state_at(&self, place: u32) -> State {
        if self.has(place, flag::DOWN | flag::NEVER) {
            return State::Down;
        }
        match self.graph.joint_of(place) {
            Some(joint) if self.joints[joint as usize].lost > 0 => State::Degraded,
            _ => State::Up,
        }
    }

    pub(crate) fn held_at(&self, place: u32) -> bool {
        self.has(place, flag::FAILED) && self.fallen_at(place)
    }

    /// Whether `place` would be down if it had not failed.
    fn fallen_at(&self, place: u32) -> bool {
        match self.graph.above[place as usize].get() {
            Support::Source => false,
            Support::Hangs(parent) => self.has(parent, flag::DOWN),
            Support::Joint(joint) => {
                let both = flag::CYCLIC | flag::NEVER;
                if self.flags[place as usize] & both == both {
                    self.has(place, flag::TIED)
                } else {
                    self.joints[joint as usize].unmet > 0
                }
            }
        }
    }

    /// Members above the need of a group of a joint; negative when it is not met.
    pub(crate) fn slack(&self, group: usize) -> i32 {
        self.groups[group].slack
    }

    /// Whether some group of a joint has lost a member.
    pub(crate) fn is_degraded(&self, joint: u32) -> bool {
        self.joints[joint as usize].lost > 0
    }

    /// What [`touch`](Live::touch) remembers.
    fn standing(&self, joint: u32) -> u8 {
        let Standing { place, lost, .. } = self.joints[joint as usize];
        let mut was = self.flags[place as usize] & (flag::DOWN | flag::FAILED);
        if lost > 0 {
            was |= flag::DEGRADED;
        }
        if self.held_at(place) {
            was |= flag::HELD;
        }
        was
    }
}
