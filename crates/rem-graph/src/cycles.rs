//! Who requires itself.

use crate::graph::{Graph, NodeId};
use crate::live::flag;

impl Graph {
    /// The circles that keep [`never_up`](Graph::never_up) nodes down: each node requires
    /// the next one and the last one requires the first. Every node that is never up is in
    /// a circle or requires one that is; one circle is shown for each such knot.
    ///
    /// A ring that a source holds up is no such circle.
    pub fn cycles(&self) -> Vec<Vec<NodeId>> {
        // 0: not seen; otherwise the number of the walk that saw it.
        let mut walk_of = vec![0_u32; self.len()];
        let mut found = Vec::new();
        let mut walk: Vec<u32> = Vec::new();
        let mut number = 0;
        for start in self.never_up() {
            let Some(mut at) = self.place_of(start) else {
                continue;
            };
            number += 1;
            walk.clear();
            while walk_of[at as usize] == 0 {
                walk_of[at as usize] = number;
                walk.push(at);
                match self.blocked_by(at) {
                    Some(next) => at = next,
                    None => break,
                }
            }
            if walk_of[at as usize] == number {
                let from = walk.iter().position(|&place| place == at).unwrap_or(0);
                found.push(walk[from..].iter().map(|&p| self.id_of(p)).collect());
            }
        }
        found
    }

    /// The [`cycles`](Graph::cycles) as text: `a → b → a`.
    pub fn cycle_texts(&self) -> Vec<String> {
        self.cycles()
            .into_iter()
            .map(|circle| {
                let around = circle.iter().chain(circle.first());
                let names: Vec<&str> = around.map(|&node| self.name(node)).collect();
                names.join(" → ")
            })
            .collect()
    }

    /// A member that is never up, of a group that cannot do without such.
    fn blocked_by(&self, place: u32) -> Option<u32> {
        let never = |&place: &u32| self.flags[place as usize] & flag::NEVER != 0;
        let Some(joint) = self.joint_of(place) else {
            return match self.above[place as usize].get() {
                crate::graph::Support::Hangs(parent) => Some(parent),
                _ => None,
            };
        };
        self.groups_of(joint).iter().find_map(|group| {
            let able = self.members_of(group).filter(|m| !never(m)).count();
            if able >= group.need as usize {
                return None;
            }
            self.members_of(group).find(never)
        })
    }
}
