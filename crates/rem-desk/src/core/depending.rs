//! What other failures explain, and nodes that are looked at again.

use std::sync::Arc;

use rem_alert::episode::{Event, Parents};
use rem_graph::{Change, NodeId, State};
use rem_time::{Span, Timestamp};

use super::DeskCore;
use crate::episodes::{Open, Slot};
use crate::event::Evaluated;

/// How soon a node is asked for again that nobody looked at.
const RECHECK_AGAIN_AFTER: Span = Span::from_seconds(10);

impl DeskCore {
    pub(super) fn fire(&mut self, slot: Slot, now: Timestamp) {
        let Some(open) = self.episodes.get(slot) else {
            return;
        };
        let mut parents = Parents::default();
        if let Some((node, part)) = open.node {
            let changed = if part {
                Vec::new()
            } else {
                self.fail(node, now)
            };
            let explained = if part {
                self.live.state(node) == State::Down
            } else {
                self.live.held(node)
            };
            let (all, every) = self.rules.parents(node);
            parents.every = every;
            parents.alerting = match explained {
                true => Arc::from([self.root_of(node)]),
                false => Arc::from([]),
            };
            parents.all = all.into();
            self.hold_if_idle(slot, now);
            self.step(slot, &Event::Fire(parents), now);
            self.reconcile(&changed, now);
            return;
        }
        self.hold_if_idle(slot, now);
        self.step(slot, &Event::Fire(parents), now);
    }

    pub(super) fn fail(&mut self, node: NodeId, now: Timestamp) -> Vec<Change> {
        if self.live.is_failed(node) {
            return Vec::new();
        }
        self.live.fail(node, now.as_nanos()).iter().collect()
    }

    /// What explains a node, by name; the nearest one.
    pub(super) fn root_of(&self, node: NodeId) -> Arc<str> {
        let graph = self.live.graph();
        let cause = self.live.explain(node, 1);
        let root = cause
            .and_then(|explained| explained.by.first().map(|cause| cause.root))
            .unwrap_or(node);
        graph.name(root).into()
    }

    /// Tells the episodes of nodes whose explanation changed.
    pub(super) fn reconcile(&mut self, changed: &[Change], now: Timestamp) {
        for change in changed {
            if change.failed {
                for slot in self.episodes.of_node(change.node).to_vec() {
                    self.explain(slot, change.node, change.held, now);
                }
            }
            for slot in self.episodes.of_part(change.node).to_vec() {
                self.explain(slot, change.node, change.state == State::Down, now);
            }
        }
    }

    pub(super) fn explain(&mut self, slot: Slot, node: NodeId, explained: bool, now: Timestamp) {
        let Some(open) = self.episodes.get(slot) else {
            return;
        };
        if explained && open.state.parents.is_empty() {
            let parent = self.root_of(node);
            self.step(slot, &Event::ParentFire { parent }, now);
        } else if !explained {
            self.unexplain(slot, now);
        }
    }

    pub(super) fn unexplain(&mut self, slot: Slot, now: Timestamp) {
        let Some(open) = self.episodes.get(slot) else {
            return;
        };
        let (sampled, every) = (open.about.sampled, open.about.every);
        for parent in open.state.parents.clone() {
            let clear = Event::ParentClear {
                parent,
                at: now,
                sampled,
                every,
            };
            self.step(slot, &clear, now);
        }
    }

    /// Whether anything waits for a node to be looked at.
    pub fn waits_for(&self, node: &str) -> bool {
        self.asked.contains_key(node)
            || !self.episodes.waiting_for(node).is_empty()
            || !self.episodes.rechecking(node).is_empty()
    }

    /// A node was looked at.
    pub fn evaluated(&mut self, evaluated: &Evaluated, now: Timestamp) {
        if !evaluated.doubtful {
            self.asked.remove(&evaluated.node);
            let event = Event::Evaluated {
                parent: evaluated.node.clone(),
                at: evaluated.at,
            };
            for slot in self.episodes.waiting_for(&evaluated.node) {
                self.step(slot, &event, now);
            }
        }
        for slot in self.episodes.rechecking(&evaluated.node) {
            self.sampled(slot, evaluated.at, now);
        }
    }

    pub(super) fn sampled(&mut self, slot: Slot, at: Timestamp, now: Timestamp) {
        if let Some(open) = self.episodes.get_mut(slot) {
            open.about.sampled = Some(open.about.sampled.map_or(at, |before| before.max(at)));
            if open.state.recheck.is_some() {
                self.step(slot, &Event::Sampled { at }, now);
            }
        }
    }

    /// How many open alerts a subject explains.
    pub(crate) fn hidden_by(&self, subject: &str) -> usize {
        self.hidden.get(subject).copied().unwrap_or(0)
    }

    pub(super) fn recheck(&mut self, node: &Arc<str>, now: Timestamp) {
        let again = |since: &Timestamp| RECHECK_AGAIN_AFTER <= now.since(*since);
        if self.asked.get(node).is_none_or(again) {
            self.asked.insert(node.clone(), now);
            self.changes.rechecks.push(node.clone());
        }
    }

    /// An episode no longer fires: its node has recovered if none of its others does.
    pub(super) fn recover(&mut self, slot: Slot, now: Timestamp) {
        let Some((node, false)) = self.episodes.get(slot).and_then(|open| open.node) else {
            return;
        };
        let others = self.episodes.of_node(node);
        let fires = |slot: &Slot| self.episodes.get(*slot).is_some_and(Open::is_firing);
        if others.iter().any(fires) {
            return;
        }
        let changed: Vec<Change> = self.live.recover(node).iter().collect();
        self.reconcile(&changed, now);
    }
}
