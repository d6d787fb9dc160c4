use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use rem_alert::level::{StateValue, What};
use rem_check::{Report, Verdict};
use rem_config::MonitorId;
use rem_time::{Span, Timestamp};
use tokio::sync::mpsc;
use tokio::task::{self, JoinError, JoinSet};
use tokio::time::Instant;

use crate::agenda::{Agenda, Due, Rate};
use crate::engine::{Applied, Command, Entry, News, Shared};
use crate::jobs::Occasion;
use crate::judge::{Judge, Judged};
use crate::places::{Need, Places};
use crate::plan::{Look, Plan, Planned};
use crate::record::{Recorder, STATE_VALUE_FIELD, chain};
use crate::states::state_series;
use crate::telling::{Word, monitor_node};
use crate::watched::{Turn, Watched};

/// What levels remember is written at the latest so long after it changed; what
/// they decided, at once.
const SAVE_EVERY: Span = Span::from_seconds(10);
/// Time alone is not looked at more often.
pub(crate) const TICK_MIN: Span = Span::from_millis(10);

/// The one task that decides when what is looked at.
pub(crate) struct Rounds {
    shared: Arc<Shared>,
    origin: Instant,
    /// When what is due.
    agenda: Agenda<MonitorId>,
    /// Monitors whose levels have something to remember that is not written.
    unsaved: BTreeSet<MonitorId>,
    /// Monitors of whose levels something is written.
    told: BTreeSet<MonitorId>,
    /// When to write it at the latest.
    save_at: Span,
    recorders: BTreeMap<MonitorId, Recorder>,
    /// Under way, or waiting for a place.
    busy: BTreeSet<MonitorId>,
    places: Places<MonitorId>,
    checks: JoinSet<Report>,
    tasks: HashMap<task::Id, (MonitorId, Need)>,
}

impl Rounds {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            origin: Instant::now(),
            agenda: Agenda::new(),
            unsaved: BTreeSet::new(),
            told: BTreeSet::new(),
            save_at: SAVE_EVERY,
            recorders: BTreeMap::new(),
            busy: BTreeSet::new(),
            places: Places::new(crate::places::Limits::default()),
            checks: JoinSet::new(),
            tasks: HashMap::new(),
        }
    }

    pub(crate) async fn run(mut self, mut inbox: mpsc::Receiver<Command>) {
        loop {
            let next = self.agenda.next_due();
            let save = (!self.unsaved.is_empty()).then_some(self.save_at);
            let next = next.into_iter().chain(save).min();
            let wake = next.map(|due| self.origin + due.as_duration());
            tokio::select! {
                command = inbox.recv() => match command {
                    Some(Command::Apply(plan, reply)) => {
                        let applied = self.apply(plan).await;
                        let _ = reply.send(applied);
                    }
                    Some(Command::LookNow(id, reply)) => {
                        let known = self.shared.board.read().monitors.contains_key(&id);
                        if known {
                            self.look(&id);
                        }
                        let _ = reply.send(known);
                    }
                    Some(Command::Push(id, report, reply)) => {
                        self.hear(&id, report);
                        let _ = reply.send(());
                    }
                    Some(Command::Stop(grace, reply)) => {
                        self.stop(grace).await;
                        let _ = reply.send(());
                        return;
                    }
                    // Every engine handle is gone.
                    None => return self.stop(Span::ZERO).await,
                },
                Some(done) = self.checks.join_next_with_id() => self.done(done),
                () = sleep_until(wake) => self.look_at_due(),
            }
        }
    }

    fn now(&self) -> Span {
        Span::from(self.origin.elapsed())
    }

    fn look_at_due(&mut self) {
        let now = self.now();
        if let Some(lag) = self.agenda.lag(now) {
            self.shared.counters.lag(lag);
        }
        for (id, due) in self.agenda.take_due(now) {
            match due {
                Due::Once => self.look(&id),
                Due::Round(missed) => {
                    self.miss(&id, missed + u64::from(self.busy.contains(&id)));
                    self.look(&id);
                }
                Due::Stale => self.nothing_heard(id),
                Due::Tick => self.tick(&id),
            }
        }
        if now >= self.save_at {
            self.save();
        }
    }

    fn miss(&self, id: &MonitorId, rounds: u64) {
        if rounds > 0
            && let Some(entry) = self.shared.board.write().monitors.get_mut(id)
        {
            entry.watched.miss(rounds);
            self.shared.counters.missed(rounds);
            tracing::debug!(monitor = %id, rounds, "rounds missed");
        }
    }

    fn planned(&self, id: &MonitorId) -> Option<Arc<Planned>> {
        let board = self.shared.board.read();
        board.monitors.get(id).map(|entry| Arc::clone(&entry.plan))
    }

    /// Begins a check, or lets it wait for a place; nothing happens while one of
    /// this monitor is under way, and for a passive monitor.
    fn look(&mut self, id: &MonitorId) {
        let Some(plan) = self.planned(id) else { return };
        if matches!(plan.look, Look::Waits { .. }) || !self.busy.insert(id.clone()) {
            return;
        }
        let need = Need {
            kind: plan.monitor.check.kind(),
            target: plan.monitor.machine.clone(),
        };
        if let Some((id, need)) = self.places.ask(id.clone(), need) {
            self.begin(id, need);
        }
        self.count_places();
    }

    fn count_places(&self) {
        let (running, waiting) = (self.places.taken(), self.places.waiting());
        self.shared.counters.places(running, waiting);
    }

    fn begin(&mut self, id: MonitorId, need: Need) {
        let plan = self.planned(&id);
        let Some((plan, check)) = plan.and_then(|plan| match &plan.look {
            Look::Looks(check) => Some((Arc::clone(&plan), Arc::clone(check))),
            Look::Waits { .. } => None,
        }) else {
            // It went away while it waited.
            self.busy.remove(&id);
            return self.free(&need);
        };
        let clock = Arc::clone(&self.shared.parts.clock);
        let look = async move { check.run(clock.now()).await };
        let task = match &plan.observer {
            Some(observer) => self.checks.spawn_on(look, observer.handle()),
            None => self.checks.spawn(look),
        };
        self.tasks.insert(task.id(), (id, need));
    }

    fn free(&mut self, need: &Need) {
        for (id, need) in self.places.free(need) {
            self.begin(id, need);
        }
        self.count_places();
    }

    fn done(&mut self, done: Result<(task::Id, Report), JoinError>) {
        let task = done.as_ref().map_or_else(JoinError::id, |(task, _)| *task);
        let Some((id, need)) = self.tasks.remove(&task) else {
            return;
        };
        self.busy.remove(&id);
        self.free(&need);
        match done {
            Ok((_, report)) => {
                self.shared.counters.check(report.verdict, report.took);
                self.look_again(&id, report.verdict);
                self.take_in(id, report);
            }
            Err(error) => {
                self.shared.counters.broken();
                tracing::error!(monitor = %id, %error, "a check ended without a report");
            }
        }
    }

    fn look_again(&mut self, id: &MonitorId, verdict: Verdict) {
        if let Some(retry) = self.planned(id).and_then(|plan| plan.retry) {
            self.agenda.look_again(id, retry, verdict, self.now());
        }
    }

    /// A result that somebody pushed.
    fn hear(&mut self, id: &MonitorId, report: Report) {
        self.stale_after(id);
        self.take_in(id.clone(), report);
    }

    /// From now on a passive monitor has its time to be told something.
    fn stale_after(&mut self, id: &MonitorId) {
        if let Some(Look::Waits { fresh }) = self.planned(id).map(|plan| plan.look.clone()) {
            self.agenda.wait(id, fresh, self.now());
        }
    }

    fn nothing_heard(&mut self, id: MonitorId) {
        let Some(Look::Waits { fresh }) = self.planned(&id).map(|plan| plan.look.clone()) else {
            return;
        };
        let report = Report {
            at: self.shared.parts.clock.now(),
            took: Span::ZERO,
            verdict: Verdict::Unknown,
            message: format!("nobody has told anything for {fresh}"),
            readings: Vec::new(),
        };
        self.take_in(id, report);
    }

    fn take_in(&mut self, id: MonitorId, report: Report) {
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
            (entry.watched.see(report), judged, Arc::clone(&entry.plan))
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
    fn tick(&mut self, id: &MonitorId) {
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
    fn save(&mut self) {
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

    async fn apply(&mut self, plan: Plan) -> Applied {
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
        self.shared.parts.memory.note_levels(id, Vec::new());
        self.recorders.remove(id);
    }

    fn place_in_time(&mut self, plan: &Planned) {
        let id = &plan.monitor.id;
        if let Look::Waits { .. } = plan.look {
            return self.stale_after(id);
        }
        let rate = Rate::of(id.as_str(), plan.monitor.every);
        self.agenda.place(id, rate, self.now());
    }

    async fn stop(mut self, grace: Span) {
        // Whoever waits for a place does not get one any more.
        self.places = Places::new(crate::places::Limits::default());
        let ended = tokio::time::timeout(grace.as_duration(), async {
            while let Some(done) = self.checks.join_next_with_id().await {
                self.done(done);
            }
        });
        if ended.await.is_err() {
            tracing::warn!(
                given_up = self.checks.len(),
                "checks still under way are given up"
            );
            self.checks.shutdown().await;
        }
        self.save();
        self.shared.parts.memory.settle().await;
    }
}

/// Hands words over; where nobody listens any more, the engine is about to stop.
fn tell_to(alerts: &mpsc::UnboundedSender<Word>) -> impl FnMut(Word) {
    |word| {
        let _ = alerts.send(word);
    }
}

async fn sleep_until(wake: Option<Instant>) {
    match wake {
        Some(wake) => tokio::time::sleep_until(wake).await,
        None => std::future::pending().await,
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
