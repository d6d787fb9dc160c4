//! Circles of needs that can be up: rings of switches, links in both directions.
//!
//! Each node that is up has a rank above those of enough members of each of its groups.
//! Following lower ranks leads out of the circle, so nothing holds itself up. When a
//! member falls, nodes left without such support become suspects, and so do those that
//! counted on them. Suspects that others still can hold up get a new, high rank; the
//! rest falls. Only nodes whose support was really lost are looked at.

use super::{Live, flag};
use crate::graph::Graph;

impl Live {
    /// Looks at places of one circle that lost a member.
    pub(super) fn doubt(&mut self, graph: &Graph, circle: u32, mut places: Vec<u32>) {
        let mut suspects: Vec<u32> = Vec::new();
        while let Some(place) = places.pop() {
            if self.has(place, flag::DOWN | flag::SUSPECT) || self.is_supported(graph, place) {
                continue;
            }
            self.flags[place as usize] |= flag::SUSPECT;
            suspects.push(place);
            for &group in graph.exits_of(place, place + 1) {
                if graph.cycle_of[graph.groups[group as usize].joint as usize] == circle {
                    let (joint, _) = self.count_lost(group);
                    places.push(self.joints[joint as usize].place);
                }
            }
        }
        self.clear_suspects(graph, circle, &suspects);
        suspects.retain(|&place| self.has(place, flag::SUSPECT));
        // Falling counts each of them once more, and outside the circle too.
        for &place in &suspects {
            self.flags[place as usize] &= !flag::SUSPECT;
            for &group in graph.exits_of(place, place + 1) {
                if graph.cycle_of[graph.groups[group as usize].joint as usize] == circle {
                    self.count_regained(group);
                }
            }
        }
        for place in suspects {
            self.lower(place);
        }
    }

    /// Finds suspects that have enough members that are none.
    fn clear_suspects(&mut self, graph: &Graph, circle: u32, suspects: &[u32]) {
        let mut cleared = suspects.to_vec();
        while let Some(place) = cleared.pop() {
            let Some(joint) = graph.joint_of(place) else {
                continue;
            };
            if !self.has(place, flag::SUSPECT) || self.joints[joint as usize].unmet > 0 {
                continue;
            }
            self.flags[place as usize] &= !flag::SUSPECT;
            self.rank_last(joint);
            for &group in graph.exits_of(place, place + 1) {
                if graph.cycle_of[graph.groups[group as usize].joint as usize] == circle {
                    let (joint, _) = self.count_regained(group);
                    cleared.push(self.joints[joint as usize].place);
                }
            }
        }
    }

    /// Whether each group has enough members that do not lean on `place` in turn.
    fn is_supported(&self, graph: &Graph, place: u32) -> bool {
        let Some(joint) = graph.joint_of(place) else {
            return true;
        };
        if self.joints[joint as usize].unmet > 0 {
            return false;
        }
        let (circle, rank) = (graph.cycle_of[joint as usize], self.rank[joint as usize]);
        graph.groups_of(joint).iter().all(|group| {
            let sound = graph.members_of(group).filter(|&member| {
                if self.has(member, flag::DOWN | flag::SUSPECT | flag::NEVER) {
                    return false;
                }
                match graph.joint_of(member) {
                    Some(other) if graph.cycle_of[other as usize] == circle => {
                        self.rank[other as usize] < rank
                    }
                    _ => true,
                }
            });
            sound.take(group.need as usize).count() == group.need as usize
        })
    }

    /// Gives a joint the highest rank.
    pub(super) fn rank_last(&mut self, joint: u32) {
        let old = self.rank[joint as usize];
        self.event.ranks.push((joint, old));
        self.rank[joint as usize] = self.next_rank;
        self.next_rank += 1;
    }

    /// Numbers the ranks from the beginning, in the same order.
    pub(super) fn rank_anew(&mut self) {
        let mut joints: Vec<u32> = (0..self.rank.len() as u32).collect();
        joints.sort_by_key(|&joint| self.rank[joint as usize]);
        for (rank, joint) in joints.into_iter().enumerate() {
            self.rank[joint as usize] = rank as u32;
        }
        self.next_rank = self.rank.len() as u32;
    }
}
