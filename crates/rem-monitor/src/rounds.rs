mod change;
mod judging;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use rem_check::{Pushed, Report, Verdict};
use rem_config::MonitorId;
use rem_time::{Span, Timestamp};
use tokio::sync::mpsc;
use tokio::task::{self, JoinError, JoinSet};
use tokio::time::Instant;

use crate::agenda::{Agenda, Due};
use crate::engine::{Command, Shared};
use crate::places::{Need, Places};
use crate::plan::{Look, Planned};
use crate::record::Recorder;
use crate::seen_by::SeenBy;
use crate::telling::Word;

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
    /// How long the last result of a passive monitor is good for, where that said so.
    good_for: HashMap<MonitorId, Span>,
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
            good_for: HashMap::new(),
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
                    Some(Command::Push(id, pushed, reply)) => {
                        self.hear(&id, *pushed);
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
                let by = self.planned(&id).map(|plan| SeenBy::of(&plan));
                self.take_in(id, report, by.unwrap_or_default());
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
    fn hear(&mut self, id: &MonitorId, pushed: Pushed) {
        let report = pushed.report;
        // A sender's clock that is ahead makes nothing good for longer.
        let found = report.at.min(self.shared.parts.clock.now());
        let until = pushed.ttl.map(|ttl| found + ttl);
        match pushed.ttl {
            Some(ttl) => self.good_for.insert(id.clone(), ttl),
            None => self.good_for.remove(id),
        };
        if self.shared.parts.memory.note_good_until(id, until) {
            self.unsaved.insert(id.clone());
        }
        self.stale_after(id, until);
        let by = SeenBy::Pushed(pushed.source.map(Arc::from));
        self.take_in(id.clone(), report, by);
    }

    /// From now on a passive monitor has its time to be told something: until then, or as
    /// long as the file says.
    fn stale_after(&mut self, id: &MonitorId, until: Option<Timestamp>) {
        if let Some(Look::Waits { fresh }) = self.planned(id).map(|plan| plan.look.clone()) {
            let left = until.map(|until| until.since(self.shared.parts.clock.now()));
            let first = left.unwrap_or(fresh);
            self.agenda.wait_first(id, first, fresh, self.now());
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
            message: match self.good_for.get(&id) {
                Some(ttl) => format!("the last result was good for {ttl}, and none came since"),
                None => format!("nobody has told anything for {fresh}"),
            },
            readings: Vec::new(),
        };
        self.take_in(id, report, SeenBy::Nobody);
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

async fn sleep_until(wake: Option<Instant>) {
    match wake {
        Some(wake) => tokio::time::sleep_until(wake).await,
        None => std::future::pending().await,
    }
}

/// Hands words over; where nobody listens any more, the engine is about to stop.
fn tell_to(alerts: &mpsc::UnboundedSender<Word>) -> impl FnMut(Word) {
    |word| {
        let _ = alerts.send(word);
    }
}
