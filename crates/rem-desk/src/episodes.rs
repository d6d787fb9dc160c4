//! The open episodes and the ways to find them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use rem_alert::episode::{Condition, Episode, EpisodeId};
use rem_graph::NodeId;
use rem_time::{Span, Timestamp};

use crate::record::EpisodeRecord;

/// The place of an open episode; used again after it is closed.
pub(crate) type Slot = u32;

/// The node of a subject that may be a part of it.
pub(crate) fn whole(subject: &str) -> &str {
    subject.split_once('#').map_or(subject, |(whole, _)| whole)
}

/// What the newest report said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct About {
    /// What was found, for people.
    pub message: Arc<str>,
    /// What holds and pages know it by.
    pub labels: Arc<BTreeMap<Arc<str>, Arc<str>>>,
    /// The numbers behind it.
    pub values: Arc<BTreeMap<Arc<str>, Arc<str>>>,
    /// The ladder that is climbed.
    pub ladder: Option<Arc<str>>,
    /// The interval of the monitor.
    pub every: Span,
    /// When the subject was last looked at.
    pub sampled: Option<Timestamp>,
}

/// An episode, with what is known beside its state.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Open {
    pub alert: Arc<str>,
    pub subject: Arc<str>,
    pub state: Episode,
    pub about: About,
    /// Lines of the timeline so far.
    pub lines: u32,
    /// The node of the graph that explains it, and whether it is only a part of it.
    pub node: Option<(NodeId, bool)>,
    wake: Option<Timestamp>,
    fires: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Episodes {
    slots: Vec<Option<Open>>,
    free: Vec<Slot>,
    by_key: HashMap<(Arc<str>, Arc<str>), Slot>,
    by_number: BTreeMap<u64, Slot>,
    /// Those whose subject is the node, and those of a part of it.
    by_node: HashMap<NodeId, Vec<Slot>>,
    by_part: HashMap<NodeId, Vec<Slot>>,
    waiting: HashMap<Arc<str>, BTreeSet<Slot>>,
    /// Waiting for a fresh sample of their own subject.
    rechecking: HashMap<Arc<str>, BTreeSet<Slot>>,
    wake: BTreeSet<(Timestamp, Slot)>,
    pub last_number: u64,
}

impl Open {
    pub(crate) fn of_record(record: &EpisodeRecord) -> Self {
        Self {
            alert: record.alert.clone(),
            subject: record.subject.clone(),
            state: record.state(),
            about: record.about(),
            lines: record.lines,
            node: None,
            wake: None,
            fires: false,
        }
    }

    pub(crate) fn id(&self) -> EpisodeId {
        EpisodeId {
            alert: self.alert.clone(),
            subject: self.subject.clone(),
            number: self.state.number,
        }
    }

    pub(crate) fn is_firing(&self) -> bool {
        matches!(self.state.condition, Condition::Firing { .. })
    }
}

impl Episodes {
    pub(crate) fn len(&self) -> usize {
        self.by_key.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Slot, &Open)> {
        (0..)
            .zip(&self.slots)
            .filter_map(|(slot, open)| Some((slot, open.as_ref()?)))
    }

    /// The number of the newest that is open.
    pub(crate) fn newest(&self) -> u64 {
        self.by_number.keys().next_back().copied().unwrap_or(0)
    }

    pub(crate) fn get(&self, slot: Slot) -> Option<&Open> {
        self.slots.get(slot as usize)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, slot: Slot) -> Option<&mut Open> {
        self.slots.get_mut(slot as usize)?.as_mut()
    }

    pub(crate) fn numbered(&self, number: u64) -> Option<Slot> {
        self.by_number.get(&number).copied()
    }

    pub(crate) fn find(&self, alert: &Arc<str>, subject: &Arc<str>) -> Option<Slot> {
        self.by_key.get(&(alert.clone(), subject.clone())).copied()
    }

    pub(crate) fn insert(
        &mut self,
        alert: Arc<str>,
        subject: Arc<str>,
        node: Option<(NodeId, bool)>,
        state: Episode,
        about: About,
        lines: u32,
    ) -> Slot {
        let open = Open {
            alert: alert.clone(),
            subject: subject.clone(),
            state,
            about,
            lines,
            node,
            wake: None,
            fires: false,
        };
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = Some(open);
                slot
            }
            None => {
                self.slots.push(Some(open));
                (self.slots.len() - 1) as Slot
            }
        };
        self.by_key.insert((alert, subject), slot);
        self.place(slot, node);
        slot
    }

    fn place(&mut self, slot: Slot, node: Option<(NodeId, bool)>) {
        if let Some((node, part)) = node {
            let places = if part {
                &mut self.by_part
            } else {
                &mut self.by_node
            };
            places.entry(node).or_default().push(slot);
        }
    }

    /// The graph is another one: nodes have other numbers.
    pub(crate) fn place_anew(&mut self, node_of: impl Fn(&str) -> Option<(NodeId, bool)>) {
        self.by_node.clear();
        self.by_part.clear();
        for slot in 0..self.slots.len() as Slot {
            if let Some(open) = &mut self.slots[slot as usize] {
                open.node = node_of(&open.subject);
                let node = open.node;
                self.place(slot, node);
            }
        }
    }

    pub(crate) fn remove(&mut self, slot: Slot) -> Option<Open> {
        self.unindex(slot);
        let open = self.slots.get_mut(slot as usize)?.take()?;
        self.free.push(slot);
        self.by_key
            .remove(&(open.alert.clone(), open.subject.clone()));
        if let Some((node, part)) = open.node {
            let places = if part {
                &mut self.by_part
            } else {
                &mut self.by_node
            };
            if let Some(slots) = places.get_mut(&node) {
                slots.retain(|other| *other != slot);
                if slots.is_empty() {
                    places.remove(&node);
                }
            }
        }
        Some(open)
    }

    /// Takes a slot out of what is found by its state, before the state changes.
    pub(crate) fn unindex(&mut self, slot: Slot) {
        let Some(open) = self.slots.get_mut(slot as usize).and_then(Option::as_mut) else {
            return;
        };
        if let Some(at) = open.wake.take() {
            self.wake.remove(&(at, slot));
        }
        self.by_number.remove(&open.state.number);
        if let Some(settle) = &open.state.settle {
            for node in &settle.waiting {
                if let Some(slots) = self.waiting.get_mut(node) {
                    slots.remove(&slot);
                    if slots.is_empty() {
                        self.waiting.remove(node);
                    }
                }
            }
        }
        if open.state.recheck.is_some()
            && let Some(slots) = self.rechecking.get_mut(whole(&open.subject))
        {
            slots.remove(&slot);
            if slots.is_empty() {
                self.rechecking.remove(whole(&open.subject));
            }
        }
    }

    /// Makes a slot found by its state again.
    pub(crate) fn index(&mut self, slot: Slot) {
        let Some(open) = self.slots.get_mut(slot as usize).and_then(Option::as_mut) else {
            return;
        };
        open.wake = open.state.next_wakeup();
        if let Some(at) = open.wake {
            self.wake.insert((at, slot));
        }
        self.by_number.insert(open.state.number, slot);
        if let Some(settle) = &open.state.settle {
            for node in &settle.waiting {
                self.waiting.entry(node.clone()).or_default().insert(slot);
            }
        }
        if open.state.recheck.is_some() {
            self.rechecking
                .entry(whole(&open.subject).into())
                .or_default()
                .insert(slot);
        }
    }

    /// Notes whether it fires; tells what it was when that changed.
    pub(crate) fn fires_now(&mut self, slot: Slot) -> Option<bool> {
        let open = self.get_mut(slot)?;
        let fires = open.is_firing();
        (std::mem::replace(&mut open.fires, fires) != fires).then_some(fires)
    }

    pub(crate) fn of_node(&self, node: NodeId) -> &[Slot] {
        self.by_node.get(&node).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn of_part(&self, node: NodeId) -> &[Slot] {
        self.by_part.get(&node).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn waiting_for(&self, node: &str) -> Vec<Slot> {
        self.waiting
            .get(node)
            .map_or_else(Vec::new, |slots| slots.iter().copied().collect())
    }

    pub(crate) fn rechecking(&self, subject: &str) -> Vec<Slot> {
        self.rechecking
            .get(whole(subject))
            .map_or_else(Vec::new, |slots| slots.iter().copied().collect())
    }

    pub(crate) fn next_wakeup(&self) -> Option<Timestamp> {
        self.wake.first().map(|(at, _)| *at)
    }

    pub(crate) fn due(&self, now: Timestamp) -> Vec<Slot> {
        self.wake
            .range(..=(now, Slot::MAX))
            .map(|(_, slot)| *slot)
            .collect()
    }
}

impl About {
    pub(crate) fn take(&mut self, report: &crate::event::Report) {
        if !report.firing && report.message.is_empty() && report.labels.is_empty() {
            // Whoever says that it is over knows no more: what was found stays.
            let before = self.sampled.unwrap_or(report.at);
            self.sampled = Some(before.max(report.at));
            return;
        }
        if *self.message != *report.message {
            self.message = report.message.as_str().into();
        }
        if *self.labels != report.labels {
            self.labels = Arc::new(report.labels.clone());
        }
        if *self.values != report.values {
            self.values = Arc::new(report.values.clone());
        }
        self.ladder.clone_from(&report.ladder);
        self.every = report.every;
        self.sampled = Some(
            self.sampled
                .map_or(report.at, |before| before.max(report.at)),
        );
    }
}
