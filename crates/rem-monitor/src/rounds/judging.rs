use std::sync::Arc;

use rem_alert::level::{StateValue, What};
use rem_check::Report;
use rem_config::MonitorId;
use rem_time::Timestamp;

use super::{Rounds, SAVE_EVERY, TICK_MIN, tell_to};
use crate::engine::{Entry, News};
use crate::jobs::Occasion;
use crate::judge::Judged;
use crate::plan::Planned;
use crate::record::{STATE_VALUE_FIELD, chain};
use crate::seen_by::SeenBy;
use crate::states::state_series;
use crate::telling::monitor_node;
use crate::watched::Turn;

/// What a report, or time alone, means: levels judge it, and what they decide is done.
impl Rounds {
    pub(super) fn take_in(&mut self, id: MonitorId, report: Report, by: SeenBy) {
        if let Some(recorder) = self.recorders.get_mut(&id) {
            recorder.record(&self.shared.parts.store, &report);
        }
        let shared = Arc::clone(&self.shared);
        let now = shared.parts.clock.now();
        let (turn, judged, plan) = {
            let mut board = shared.board.write();
            let Some(entry) = board.monitors.get_mut(&id) else {
                return;
            };
            let library = shared.library(&entry.plan);
            let judged = entry.judge.see(&report, library, now);
            let has_alerts = shared.parts.alerts.is_some() && entry.judge.has_alerts();
            if let Some(alerts) = &shared.parts.alerts {
                let voice = entry.voice();
                voice.tell(&report, &judged, has_alerts, tell_to(alerts));
            }
            self.after_judging(&id, entry, !judged.is_empty(), now);
            let turn = entry.watched.see(report, by);
            (turn, judged, Arc::clone(&entry.plan))
        };
        self.act_on(&plan, &judged, now);
        if let Some(position) = plan.log.as_ref().and_then(|log| log.position())
            && self
                .shared
                .parts
                .memory
                .note_position(&id, position.to_string())
        {
            self.unsaved.insert(id.clone());
        }
        if let Some(turn) = &turn {
            log_turn(&id, turn);
            self.shared.parts.memory.note(&id, turn);
        }
        let _ = self.shared.news.send(News { id, turn });
    }

    /// Time alone may have changed what levels say.
    pub(super) fn tick(&mut self, id: &MonitorId) {
        let shared = Arc::clone(&self.shared);
        let now = shared.parts.clock.now();
        let (judged, plan) = {
            let mut board = shared.board.write();
            let Some(entry) = board.monitors.get_mut(id) else {
                return;
            };
            let judged = entry.judge.tick(shared.library(&entry.plan), now);
            if let (Some(alerts), Some(last)) = (&shared.parts.alerts, entry.watched.last()) {
                let has_alerts = entry.judge.has_alerts();
                let voice = entry.voice();
                voice.tell(last, &judged, has_alerts, tell_to(alerts));
            }
            self.after_judging(id, entry, !judged.is_empty(), now);
            (judged, Arc::clone(&entry.plan))
        };
        self.act_on(&plan, &judged, now);
    }

    /// When to look at the clock again, and what to remember.
    fn after_judging(&mut self, id: &MonitorId, entry: &Entry, changed: bool, now: Timestamp) {
        let next = entry.judge.next_tick();
        let next = next.map(|at| self.now().saturating_add(at.since(now).max(TICK_MIN)));
        self.agenda.tick_at(id, next);
        let tells = entry.judge.tells();
        let told = self.told.contains(id);
        if changed || tells || told {
            self.unsaved.insert(id.clone());
        }
        if tells {
            self.told.insert(id.clone());
        } else {
            self.told.remove(id);
        }
        if changed {
            self.save_at = self.save_at.min(self.now());
        }
    }

    /// States are set and recorded, jobs begun.
    fn act_on(&mut self, plan: &Planned, judged: &[Judged], now: Timestamp) {
        for found in judged {
            match &found.change.what {
                What::State { name, value } => self.set_state(plan, name, value.as_ref(), now),
                What::Trigger(job) => self.shared.jobs.begin(job, occasion(plan, found)),
                What::AlertOn(_) | What::AlertOff(_) | What::Became { .. } => {}
            }
        }
    }

    fn set_state(
        &self,
        plan: &Planned,
        name: &Arc<str>,
        value: Option<&StateValue>,
        now: Timestamp,
    ) {
        let Some(owner) = plan.telling.owners.first() else {
            return;
        };
        self.shared.states.set(owner, name, value);
        let number = match value {
            Some(StateValue::Number(number)) => Some(*number),
            Some(StateValue::Text(_)) | None => None,
        };
        let series = state_series(owner, name);
        let every = plan.monitor.every;
        let store = &self.shared.parts.store;
        if let Err(error) = store.push(&series, every, now, &[(STATE_VALUE_FIELD, number)]) {
            tracing::warn!(series, error = %chain(&error), "state not recorded");
        }
    }

    /// Hands what levels remember to the memory, which writes it in the background.
    pub(super) fn save(&mut self) {
        self.save_at = self.now().saturating_add(SAVE_EVERY);
        if self.unsaved.is_empty() {
            return;
        }
        let memory = self.shared.parts.memory.clone();
        {
            let board = self.shared.board.read();
            for id in std::mem::take(&mut self.unsaved) {
                if let Some(entry) = board.monitors.get(&id) {
                    memory.note_levels(&id, entry.judge.save());
                }
            }
        }
        tokio::spawn(async move { memory.settle().await });
    }
}

fn occasion(plan: &Planned, found: &Judged) -> Occasion {
    let monitor = &plan.monitor;
    let address = monitor.address.as_ref().map(ToString::to_string);
    Occasion {
        subject: match &found.part {
            None => monitor_node(&monitor.id),
            Some(part) => format!("{}#{part}", monitor_node(&monitor.id)),
        },
        machine: monitor.machine.to_string(),
        address: address.unwrap_or_default(),
        monitor: monitor.id.to_string(),
        part: found.part.as_deref().unwrap_or_default().to_owned(),
        level: found.level.to_string(),
        because: found.because.clone(),
    }
}

fn log_turn(id: &MonitorId, turn: &Turn) {
    use crate::watched::State;
    match turn.to {
        State::Critical | State::Warning | State::Unknown => {
            tracing::warn!(monitor = %id, from = %turn.from, to = %turn.to, "{}", turn.message);
        }
        State::Ok | State::Pending => {
            tracing::info!(monitor = %id, from = %turn.from, to = %turn.to, "{}", turn.message);
        }
    }
}
