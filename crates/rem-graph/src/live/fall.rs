//! Falling and rising by counting.

use std::cmp::Reverse;
use std::sync::Arc;

use super::{IN_CIRCLE, Live, flag};
use crate::graph::{Graph, Support};

impl Live {
    pub(super) fn begin(&mut self) {
        let event = &mut self.event;
        event.ranges.clear();
        event.counted = 0;
        event.touched.clear();
        event.others.clear();
        event.ranks.clear();
        event.ties.clear();
        event.marked.clear();
        if event.stamp == u32::MAX {
            event.stamp = 0;
            for joint in &mut self.joints {
                joint.stamp = 0;
            }
        }
        self.event.stamp += 1;
        if self.next_rank > u32::MAX / 2 {
            self.rank_anew();
        }
    }

    /// Remembers what a joint was, once an event.
    pub(super) fn touch(&mut self, joint: u32) {
        if self.joints[joint as usize].stamp != self.event.stamp {
            let was = self.standing(joint);
            self.joints[joint as usize].stamp = self.event.stamp;
            self.event.touched.push((joint, was));
        }
    }

    /// Marks `place` failed and lets it fall if it was up.
    pub(super) fn mark(&mut self, place: u32) {
        if let Some(joint) = self.graph.joint_of(place) {
            self.touch(joint);
        }
        if !self.has(place, flag::FAILED) {
            // What falls is listed as that; what is never up is not.
            if self.graph.joint_of(place).is_none() && self.has(place, flag::DOWN | flag::NEVER) {
                self.event.others.push(place);
            }
            self.flags[place as usize] |= flag::FAILED;
            self.event.marked.push(place);
        }
        let assumed = self.queue_assumed(place);
        if !assumed && !self.has(place, flag::DOWN) {
            self.lower(place);
        }
    }

    /// Takes the mark of failure away and lets `place` rise if nothing holds it down.
    pub(super) fn unmark(&mut self, place: u32) {
        let joint = self.graph.joint_of(place);
        if let Some(joint) = joint {
            self.touch(joint);
        }
        self.flags[place as usize] &= !flag::FAILED;
        if self.queue_assumed(place) {
            return;
        }
        let rises = !self.fallen_at(place);
        if joint.is_none() && (!rises || self.has(place, flag::NEVER)) {
            self.event.others.push(place);
        }
        if rises {
            self.raise(place);
        }
    }

    /// In a circle that is never up failures are judged together, by age.
    fn queue_assumed(&mut self, place: u32) -> bool {
        let both = flag::CYCLIC | flag::NEVER;
        let assumed = self.flags[place as usize] & both == both;
        if assumed {
            let circle = self.graph.cycle_at(place);
            self.event.circles.push(Reverse((circle, place)));
        }
        assumed
    }

    /// `place`, which is up, and all that hangs on it fall.
    pub(super) fn lower(&mut self, place: u32) {
        self.seal(place);
        let end = self.graph.end[place as usize];
        let (mut from, mut at) = (place, place);
        while at < end {
            if self.has(at, flag::DOWN) {
                // It failed before; now it is explained.
                self.event.others.push(at);
                if from < at {
                    self.event.ranges.push((from, at));
                }
                at = self.graph.end[at as usize];
                from = at;
                continue;
            }
            self.flags[at as usize] |= flag::DOWN;
            at += 1;
        }
        if from < end {
            self.event.ranges.push((from, end));
        }
    }

    /// `place`, which is down, and all that hangs on it rise, but for what has failed.
    pub(super) fn raise(&mut self, place: u32) {
        self.seal(place);
        if let Some(joint) = self.graph.joint_of(place)
            && self.has(place, flag::CYCLIC)
        {
            self.rank_last(joint);
        }
        let end = self.graph.end[place as usize];
        let (mut from, mut at) = (place, place);
        while at < end {
            if self.has(at, flag::FAILED) {
                // It stays down; now on its own account.
                self.event.others.push(at);
                if from < at {
                    self.event.ranges.push((from, at));
                }
                at = self.graph.end[at as usize];
                from = at;
                continue;
            }
            self.flags[at as usize] &= !flag::DOWN;
            at += 1;
        }
        if from < end {
            self.event.ranges.push((from, end));
        }
    }

    /// A joint that is part of a range is not listed as touched as well.
    fn seal(&mut self, place: u32) {
        if let Support::Joint(joint) = self.graph.above[place as usize].get()
            && !self.has(place, flag::NEVER)
        {
            self.joints[joint as usize].stamp = self.event.stamp;
        }
    }

    pub(super) fn settle_fall(&mut self) {
        let graph = Arc::clone(&self.graph);
        loop {
            while let Some(&(from, to)) = self.event.ranges.get(self.event.counted) {
                self.event.counted += 1;
                for &group in graph.exits_of(from, to) {
                    self.lose(&graph, group);
                }
            }
            let Some((circle, places)) = self.next_circle() else {
                return;
            };
            if self.has(places[0], flag::NEVER) {
                self.assume(&graph, circle);
            } else {
                self.doubt(&graph, circle, places);
            }
        }
    }

    pub(super) fn settle_rise(&mut self) {
        let graph = Arc::clone(&self.graph);
        loop {
            while let Some(&(from, to)) = self.event.ranges.get(self.event.counted) {
                self.event.counted += 1;
                for &group in graph.exits_of(from, to) {
                    self.regain(&graph, group);
                }
            }
            let Some((circle, _)) = self.next_circle() else {
                return;
            };
            self.assume(&graph, circle);
        }
    }

    /// A group lost a member.
    fn lose(&mut self, graph: &Graph, group: u32) {
        let (joint, circle) = self.count_lost(group);
        let standing = self.joints[joint as usize];
        if circle {
            let flags = self.flags[standing.place as usize];
            if flags & flag::DOWN == 0 || flags & flag::NEVER != 0 {
                let circle = graph.cycle_of[joint as usize];
                self.event.circles.push(Reverse((circle, standing.place)));
            }
        } else if standing.unmet > 0 && !self.has(standing.place, flag::DOWN) {
            self.lower(standing.place);
        }
    }

    /// A group has a member back.
    fn regain(&mut self, graph: &Graph, group: u32) {
        let (joint, circle) = self.count_regained(group);
        let standing = self.joints[joint as usize];
        let flags = self.flags[standing.place as usize];
        if circle && flags & flag::NEVER != 0 {
            let circle = graph.cycle_of[joint as usize];
            self.event.circles.push(Reverse((circle, standing.place)));
        } else if standing.unmet == 0 && flags & (flag::DOWN | flag::FAILED) == flag::DOWN {
            self.raise(standing.place);
        }
    }

    /// Counts a lost member; the joint, and whether it is in a circle.
    pub(super) fn count_lost(&mut self, group: u32) -> (u32, bool) {
        let group = &mut self.groups[group as usize];
        group.slack -= 1;
        let broke = group.slack == -1;
        let (joint, circle) = (group.joint & !IN_CIRCLE, group.joint & IN_CIRCLE != 0);
        self.touch(joint);
        let standing = &mut self.joints[joint as usize];
        standing.lost += 1;
        standing.unmet += u32::from(broke);
        (joint, circle)
    }

    /// Counts a member that is back; the joint, and whether it is in a circle.
    pub(super) fn count_regained(&mut self, group: u32) -> (u32, bool) {
        let group = &mut self.groups[group as usize];
        group.slack += 1;
        let mended = group.slack == 0;
        let (joint, circle) = (group.joint & !IN_CIRCLE, group.joint & IN_CIRCLE != 0);
        self.touch(joint);
        let standing = &mut self.joints[joint as usize];
        standing.lost -= 1;
        standing.unmet -= u32::from(mended);
        (joint, circle)
    }

    fn next_circle(&mut self) -> Option<(u32, Vec<u32>)> {
        let Reverse((circle, place)) = self.event.circles.pop()?;
        let mut places = vec![place];
        while let Some(&Reverse((next, place))) = self.event.circles.peek() {
            if next != circle {
                break;
            }
            self.event.circles.pop();
            if places.last() != Some(&place) {
                places.push(place);
            }
        }
        Some((circle, places))
    }

    /// Keeps of what was touched only what is different now.
    pub(super) fn finish(&mut self, many: bool) {
        let mut touched = std::mem::take(&mut self.event.touched);
        touched.retain(|&(joint, was)| {
            let differ = self.standing(joint) ^ was;
            let told = differ & (flag::FAILED | flag::HELD) != 0;
            let place = self.joints[joint as usize].place;
            if self.has(place, flag::NEVER) {
                return told;
            }
            let degraded = !self.has(place, flag::DOWN) && differ & flag::DEGRADED != 0;
            differ & flag::DOWN == 0 && (degraded || told)
        });
        self.event.touched = touched;
        if many && !self.event.others.is_empty() {
            self.drop_twice_told();
        }
    }

    /// With several causes in one event a place may have been noticed, explained and moved.
    fn drop_twice_told(&mut self) {
        let mut others = std::mem::take(&mut self.event.others);
        others.sort_unstable();
        others.dedup();
        let mut ranges = self.event.ranges.clone();
        ranges.sort_unstable();
        others.retain(|&place| {
            let before = ranges.partition_point(|&(from, _)| from <= place);
            self.has(place, flag::NEVER) || before == 0 || ranges[before - 1].1 <= place
        });
        self.event.others = others;
    }

    /// Takes back a fall that was not told to anybody: what [`mark`](Live::mark) and
    /// [`settle_fall`](Live::settle_fall) did since [`begin`](Live::begin).
    pub(crate) fn undo(&mut self) {
        let graph = Arc::clone(&self.graph);
        for at in 0..self.event.ranges.len() {
            let (from, to) = self.event.ranges[at];
            for place in from..to {
                self.flags[place as usize] &= !flag::DOWN;
            }
            for &group in graph.exits_of(from, to) {
                let group = &mut self.groups[group as usize];
                group.slack += 1;
                let mended = group.slack == 0;
                let standing = &mut self.joints[(group.joint & !IN_CIRCLE) as usize];
                standing.lost -= 1;
                standing.unmet -= u32::from(mended);
            }
        }
        for place in self.event.marked.drain(..) {
            self.flags[place as usize] &= !flag::FAILED;
        }
        for place in self.event.ties.drain(..) {
            self.flags[place as usize] ^= flag::TIED;
        }
        while let Some((joint, rank)) = self.event.ranks.pop() {
            self.rank[joint as usize] = rank;
        }
        self.event.ranges.clear();
        self.event.touched.clear();
        self.event.others.clear();
    }

    /// Lets `places` fall on trial; [`undo`](Live::undo) must follow.
    pub(crate) fn try_fall(&mut self, places: impl IntoIterator<Item = u32>) {
        self.begin();
        for place in places {
            self.mark(place);
        }
        self.settle_fall();
    }
}
