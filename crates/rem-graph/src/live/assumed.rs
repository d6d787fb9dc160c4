//! Circles that are never up: two services that require each other.
//!
//! Their state is down by definition, which explains nothing. To say which failure in
//! such a circle is the cause, the circle is assumed to be up as long as nothing it
//! requires has failed, and inside it only an older failure explains a younger one.
//! So the oldest that nothing outside explains is always told.

use super::{Live, flag};
use crate::graph::Graph;

impl Live {
    /// Judges one circle anew from what is outside and from its own failures.
    pub(super) fn assume(&mut self, graph: &Graph, circle: u32) {
        let from = graph.cycle_start[circle as usize] as usize;
        let to = graph.cycle_start[circle as usize + 1] as usize;
        let places = &graph.cycle_places[from..to];
        let (down, tied) = self.judge(graph, places);
        for (at, &place) in places.iter().enumerate() {
            if self.has(place, flag::TIED) != tied[at] {
                if let Some(joint) = graph.joint_of(place) {
                    self.touch(joint);
                }
                self.flags[place as usize] ^= flag::TIED;
                self.event.ties.push(place);
            }
        }
        for (at, &place) in places.iter().enumerate() {
            match (self.has(place, flag::DOWN), down[at]) {
                (false, true) => self.lower(place),
                (true, false) => self.raise(place),
                (false, false) | (true, true) => {}
            }
        }
    }

    /// For each place: whether it is down, and whether that was so before it failed.
    fn judge(&self, graph: &Graph, places: &[u32]) -> (Vec<bool>, Vec<bool>) {
        let local = |place: u32| places.binary_search(&place).ok();
        let mut down = vec![false; places.len()];
        let mut tied = vec![false; places.len()];
        // Spare members of each group, with the circle assumed to be up.
        let mut spare: Vec<i64> = Vec::new();
        // By place, one more: where its groups start in `spare`; and who is counted where.
        let mut counted_by: Vec<Vec<(usize, usize)>> = vec![Vec::new(); places.len()];
        let mut fallen: Vec<usize> = Vec::new();
        for (at, &place) in places.iter().enumerate() {
            let Some(joint) = graph.joint_of(place) else {
                continue;
            };
            for group in graph.groups_of(joint) {
                let mut able = 0;
                for member in graph.members_of(group) {
                    if let Some(member) = local(member) {
                        counted_by[member].push((at, spare.len()));
                        able += 1;
                    } else if !self.has(member, flag::DOWN) {
                        able += 1;
                    }
                }
                let left = able - i64::from(group.need);
                spare.push(left);
                if left < 0 {
                    fallen.push(at);
                }
            }
        }
        let mut failures: Vec<usize> = (0..places.len())
            .filter(|&at| self.has(places[at], flag::FAILED))
            .collect();
        failures.sort_by_key(|&at| self.age(graph, places[at]));
        let mut failures = failures.into_iter();
        loop {
            while let Some(at) = fallen.pop() {
                if std::mem::replace(&mut down[at], true) {
                    continue;
                }
                for &(owner, group) in &counted_by[at] {
                    spare[group] -= 1;
                    if spare[group] < 0 {
                        fallen.push(owner);
                    }
                }
            }
            let Some(at) = failures.next() else {
                return (down, tied);
            };
            tied[at] = down[at];
            fallen.push(at);
        }
    }

    /// What makes one failure older than another: the time, then the name.
    pub(crate) fn age<'g>(&self, graph: &'g Graph, place: u32) -> (i64, &'g str) {
        // Failures on trial are the youngest.
        let since = self.failed.get(&place).copied().unwrap_or(i64::MAX);
        (since, graph.name(graph.id_of(place)))
    }
}
