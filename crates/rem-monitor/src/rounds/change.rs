use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rem_config::MonitorId;

use super::{Rounds, tell_to};
use crate::agenda::Rate;
use crate::engine::{Applied, Entry};
use crate::judge::Judge;
use crate::plan::{Look, Plan, Planned};
use crate::record::Recorder;
use crate::watched::Watched;

/// Going over to another plan.
impl Rounds {
    pub(super) async fn apply(&mut self, plan: Plan) -> Applied {
        let mut applied = Applied::default();
        let wanted: BTreeSet<MonitorId> =
            plan.monitors.iter().map(|p| p.monitor.id.clone()).collect();
        let known: BTreeMap<MonitorId, Arc<Planned>> = {
            let board = self.shared.board.read();
            board
                .monitors
                .iter()
                .map(|(id, entry)| (id.clone(), Arc::clone(&entry.plan)))
                .collect()
        };
        for (id, need) in self.places.limit(plan.limits) {
            self.begin(id, need);
        }
        self.shared.jobs.set(plan.jobs);
        for id in known.keys().filter(|id| !wanted.contains(*id)) {
            self.tell_gone(id);
            self.forget(id);
            applied.removed.push(id.clone());
        }
        let mut order = Vec::with_capacity(plan.monitors.len());
        let mut entries = Vec::new();
        for planned in plan.monitors {
            let id = planned.monitor.id.clone();
            order.push(id.clone());
            let before = known.get(&id);
            if before.is_some_and(|before| before.same_as(&planned)) {
                continue;
            }
            if before.is_none() {
                applied.added.push(id.clone());
            } else {
                applied.changed.push(id.clone());
            }
            let every = planned.monitor.every;
            let recorder = Recorder::new(id.clone(), every, planned.monitor.series.clone());
            self.recorders.insert(id.clone(), recorder);
            let recalled = match before {
                Some(_) => None,
                None => Some(self.recall(&planned).await),
            };
            let moved = before.is_none_or(|before| !before.same_time_as(&planned));
            entries.push((Arc::new(planned), recalled, moved));
        }
        let mut moved = Vec::new();
        {
            let mut board = self.shared.board.write();
            board.site = plan.site;
            board.monitors.retain(|id, _| wanted.contains(id));
            for (plan, recalled, is_moved) in entries {
                let id = plan.monitor.id.clone();
                let kept = board.monitors.remove(&id);
                if is_moved {
                    moved.push(Arc::clone(&plan));
                }
                let entry = match (recalled, kept) {
                    (Some((watched, judge)), _) => Entry::new(plan, watched, judge),
                    (None, Some(kept)) => self.carried_over(kept, plan),
                    (None, None) => {
                        let judge = Judge::new(Arc::clone(&plan.levels));
                        Entry::new(plan, Watched::default(), judge)
                    }
                };
                board.monitors.insert(id, entry);
            }
            board.nodes = nodes(&board.monitors);
            board.order = order;
        }
        for plan in moved {
            self.place_in_time(&plan);
        }
        applied
    }

    /// A monitor as it was before a restart.
    async fn recall(&self, plan: &Planned) -> (Watched, Judge) {
        let (id, memory) = (&plan.monitor.id, &self.shared.parts.memory);
        let watched = memory.recall(id, &self.shared.parts.store).await;
        let mut judge = Judge::new(Arc::clone(&plan.levels));
        if !plan.levels.is_empty() {
            judge.restore(&memory.recall_levels(id).await);
        }
        (watched, judge)
    }

    /// A monitor of which the file says something else now. What its levels had on and
    /// do not have any more is told.
    fn carried_over(&self, mut kept: Entry, plan: Arc<Planned>) -> Entry {
        if !kept.plan.same_levels_as(&plan) {
            let judged = kept.judge.reload(Arc::clone(&plan.levels));
            if let (Some(alerts), Some(last)) = (&self.shared.parts.alerts, kept.watched.last()) {
                let has_alerts = kept.judge.has_alerts();
                let voice = kept.voice();
                voice.tell(last, &judged, has_alerts, tell_to(alerts));
            }
        }
        Entry::new(plan, kept.watched, kept.judge)
    }

    /// Whatever the levels of a monitor had on is over when it is gone: nobody would
    /// ever look again.
    fn tell_gone(&self, id: &MonitorId) {
        let Some(alerts) = &self.shared.parts.alerts else {
            return;
        };
        let mut board = self.shared.board.write();
        let Some(entry) = board.monitors.get_mut(id) else {
            return;
        };
        let judged = entry.judge.reload(Arc::default());
        if let Some(last) = entry.watched.last() {
            entry.voice().tell(last, &judged, false, tell_to(alerts));
        }
    }

    fn forget(&mut self, id: &MonitorId) {
        self.agenda.forget(id);
        self.unsaved.remove(id);
        self.told.remove(id);
        self.good_for.remove(id);
        self.shared.parts.memory.note_levels(id, Vec::new());
        self.recorders.remove(id);
    }

    fn place_in_time(&mut self, plan: &Planned) {
        let id = &plan.monitor.id;
        if let Look::Waits { .. } = plan.look {
            let until = self.shared.parts.memory.good_until(id);
            return self.stale_after(id, until);
        }
        let rate = Rate::of(id.as_str(), plan.monitor.every);
        self.agenda.place(id, rate, self.now());
    }
}

/// Which monitors know about a node.
fn nodes(monitors: &BTreeMap<MonitorId, Entry>) -> BTreeMap<Arc<str>, Vec<MonitorId>> {
    let mut nodes: BTreeMap<Arc<str>, Vec<MonitorId>> = BTreeMap::new();
    for (id, entry) in monitors {
        for node in entry.nodes.iter() {
            nodes.entry(Arc::clone(node)).or_default().push(id.clone());
        }
    }
    nodes
}
