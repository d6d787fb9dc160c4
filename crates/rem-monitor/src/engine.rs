use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use parking_lot::RwLock;
use rem_check::Report;
use rem_config::MonitorId;
use rem_series::Store;
use rem_time::{Clock, Span};
use tokio::sync::{Semaphore, broadcast, mpsc, oneshot};
use tokio::task::{self, JoinError, JoinSet};
use tokio::time::Instant;

use crate::memory::Memory;
use crate::overview::{MonitorView, Overview};
use crate::plan::{Plan, Planned};
use crate::record::Recorder;
use crate::schedule::{Schedule, offset};
use crate::watched::{Turn, Watched};

/// At most so many checks run at once; further ones wait their turn.
pub const CHECKS_AT_ONCE_MAX: usize = 512;
/// A listener to news that falls further behind than this loses the oldest.
pub const NEWS_KEPT_MAX: usize = 4_096;
/// After a start or a reload, new monitors look for the first time within this
/// span, spread evenly, however long their interval is.
pub const FIRST_LOOK_WITHIN: Span = Span::from_seconds(4);

/// What an engine needs from its host.
#[derive(Clone)]
pub struct Parts {
    /// Where the numbers go.
    pub store: Arc<Store>,
    /// What has to survive a restart.
    pub memory: Memory,
    /// The clock that stamps reports.
    pub clock: Arc<dyn Clock>,
}

/// A check is done. Sent to every subscriber.
#[derive(Clone, Debug)]
pub struct News {
    /// Which monitor looked.
    pub id: MonitorId,
    /// Its state turned, with this check.
    pub turn: Option<Turn>,
}

/// The running monitor: looks at everything in its plan at the right time, keeps
/// what it finds, and tells subscribers. Cheap to clone; all clones are one engine.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
    commands: mpsc::Sender<Command>,
}

struct Shared {
    parts: Parts,
    board: RwLock<Board>,
    news: broadcast::Sender<News>,
}

/// What is known now, in the order of the plan.
#[derive(Default)]
struct Board {
    site: String,
    order: Vec<MonitorId>,
    monitors: BTreeMap<MonitorId, Entry>,
}

struct Entry {
    plan: Arc<Planned>,
    watched: Watched,
}

enum Command {
    Apply(Plan, oneshot::Sender<Applied>),
    LookNow(MonitorId, oneshot::Sender<bool>),
    Stop(Span, oneshot::Sender<()>),
}

/// What a new plan changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Monitors that were not there before.
    pub added: Vec<MonitorId>,
    /// Monitors that are gone; their graphs stay on disk.
    pub removed: Vec<MonitorId>,
    /// Monitors that look at something else, or at another rate. Their state and
    /// last checks stay.
    pub changed: Vec<MonitorId>,
}

impl Engine {
    /// Starts watching. Must be called within a tokio runtime.
    pub async fn start(plan: Plan, parts: Parts) -> Self {
        let (news, _) = broadcast::channel(NEWS_KEPT_MAX);
        let (commands, inbox) = mpsc::channel(16);
        let shared = Arc::new(Shared {
            parts,
            board: RwLock::default(),
            news,
        });
        let engine = Self {
            shared: Arc::clone(&shared),
            commands,
        };
        tokio::spawn(Rounds::new(shared).run(inbox));
        engine.apply(plan).await;
        engine
    }

    /// Goes over to another plan. Monitors that did not change keep their place in
    /// time, their state and a check that is under way.
    pub async fn apply(&self, plan: Plan) -> Applied {
        self.ask(|reply| Command::Apply(plan, reply))
            .await
            .unwrap_or_default()
    }

    /// Looks at one monitor at once, beside its usual rounds. Says whether there is
    /// such a monitor; the result comes as news.
    pub async fn look_now(&self, id: &MonitorId) -> bool {
        self.ask(|reply| Command::LookNow(id.clone(), reply))
            .await
            .unwrap_or(false)
    }

    /// Starts no more checks, gives those under way `grace` to end, and returns when
    /// nothing runs any more. What was accepted is then with the store.
    pub async fn stop(&self, grace: Span) {
        let _ = self.ask(|reply| Command::Stop(grace, reply)).await;
    }

    /// Everything that is watched, now.
    pub fn overview(&self) -> Overview {
        let now = self.shared.parts.clock.now();
        let board = self.shared.board.read();
        let view = |id| {
            let entry = board.monitors.get(id)?;
            Some(MonitorView::new(&entry.plan, &entry.watched, now))
        };
        Overview {
            site: board.site.clone(),
            now,
            monitors: board.order.iter().filter_map(view).collect(),
        }
    }

    /// One monitor, now.
    pub fn monitor(&self, id: &MonitorId) -> Option<MonitorView> {
        let now = self.shared.parts.clock.now();
        let board = self.shared.board.read();
        let entry = board.monitors.get(id)?;
        Some(MonitorView::new(&entry.plan, &entry.watched, now))
    }

    /// The monitor whose id is this text, now.
    pub fn monitor_named(&self, id: &str) -> Option<MonitorView> {
        let now = self.shared.parts.clock.now();
        let board = self.shared.board.read();
        let (_, entry) = board
            .monitors
            .iter()
            .find(|(known, _)| known.as_str() == id)?;
        Some(MonitorView::new(&entry.plan, &entry.watched, now))
    }

    /// Every check from now on, as it is done. A receiver that falls more than
    /// [`NEWS_KEPT_MAX`] behind is told how many it lost.
    pub fn subscribe(&self) -> broadcast::Receiver<News> {
        self.shared.news.subscribe()
    }

    /// The numbers behind the monitors.
    pub fn store(&self) -> &Arc<Store> {
        &self.shared.parts.store
    }

    /// The clock of this engine.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.shared.parts.clock
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).await.ok()?;
        answer.await.ok()
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let board = self.shared.board.read();
        f.debug_struct("Engine")
            .field("site", &board.site)
            .field("monitors", &board.order.len())
            .finish_non_exhaustive()
    }
}

/// The one task that decides when what is looked at.
struct Rounds {
    shared: Arc<Shared>,
    origin: Instant,
    schedule: Schedule<MonitorId>,
    /// First looks, each once.
    first: Schedule<MonitorId>,
    recorders: BTreeMap<MonitorId, Recorder>,
    running: BTreeSet<MonitorId>,
    checks: JoinSet<Report>,
    tasks: HashMap<task::Id, MonitorId>,
    places: Arc<Semaphore>,
}

impl Rounds {
    fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            origin: Instant::now(),
            schedule: Schedule::new(),
            first: Schedule::new(),
            recorders: BTreeMap::new(),
            running: BTreeSet::new(),
            checks: JoinSet::new(),
            tasks: HashMap::new(),
            places: Arc::new(Semaphore::new(CHECKS_AT_ONCE_MAX)),
        }
    }

    async fn run(mut self, mut inbox: mpsc::Receiver<Command>) {
        loop {
            let next = [self.schedule.next_due(), self.first.next_due()]
                .into_iter()
                .flatten()
                .min();
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

    fn look_at_due(&mut self) {
        let now = Span::from(self.origin.elapsed());
        for (id, _) in self.first.take_due(now) {
            self.first.remove(&id);
            self.look(&id);
        }
        for (id, missed) in self.schedule.take_due(now) {
            let overlaps = self.running.contains(&id);
            let missed = missed + u64::from(overlaps);
            if missed > 0
                && let Some(entry) = self.shared.board.write().monitors.get_mut(&id)
            {
                entry.watched.miss(missed);
                tracing::debug!(monitor = %id, missed, "rounds missed");
            }
            self.look(&id);
        }
    }

    /// Begins a check, unless one of this monitor is still under way.
    fn look(&mut self, id: &MonitorId) {
        let plan = self
            .shared
            .board
            .read()
            .monitors
            .get(id)
            .map(|entry| Arc::clone(&entry.plan));
        let Some(plan) = plan else { return };
        if !self.running.insert(id.clone()) {
            return;
        }
        let clock = Arc::clone(&self.shared.parts.clock);
        let places = Arc::clone(&self.places);
        let task = self.checks.spawn(async move {
            let _place = places.acquire().await;
            plan.check.run(clock.now()).await
        });
        self.tasks.insert(task.id(), id.clone());
    }

    fn done(&mut self, done: Result<(task::Id, Report), JoinError>) {
        let task = done.as_ref().map_or_else(JoinError::id, |(task, _)| *task);
        let Some(id) = self.tasks.remove(&task) else {
            return;
        };
        self.running.remove(&id);
        match done {
            Ok((_, report)) => self.take_in(id, report),
            Err(error) => tracing::error!(monitor = %id, %error, "a check ended without a report"),
        }
    }

    fn take_in(&mut self, id: MonitorId, report: Report) {
        if let Some(recorder) = self.recorders.get_mut(&id) {
            recorder.record(&self.shared.parts.store, &report);
        }
        let turn = {
            let mut board = self.shared.board.write();
            let Some(entry) = board.monitors.get_mut(&id) else {
                return;
            };
            entry.watched.see(report)
        };
        if let Some(turn) = &turn {
            log_turn(&id, turn);
            self.shared.parts.memory.note(&id, turn);
        }
        let _ = self.shared.news.send(News { id, turn });
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
        for id in known.keys().filter(|id| !wanted.contains(*id)) {
            self.schedule.remove(id);
            self.first.remove(id);
            self.recorders.remove(id);
            applied.removed.push(id.clone());
        }
        let now = Span::from(self.origin.elapsed());
        let mut order = Vec::with_capacity(plan.monitors.len());
        let mut entries = Vec::new();
        for planned in plan.monitors {
            let id = planned.monitor.id.clone();
            let every = planned.monitor.every;
            order.push(id.clone());
            let before = known.get(&id);
            if before.is_some_and(|before| before.monitor.same_as(&planned.monitor)) {
                continue;
            }
            if before.is_none() {
                applied.added.push(id.clone());
            } else {
                applied.changed.push(id.clone());
            }
            if before.is_none_or(|before| before.monitor.every != every) {
                self.place_in_time(&id, every, now);
            }
            let recorder = Recorder::new(id.clone(), every, planned.monitor.series.clone());
            self.recorders.insert(id.clone(), recorder);
            let watched = match before {
                Some(_) => None,
                None => Some(
                    self.shared
                        .parts
                        .memory
                        .recall(&id, &self.shared.parts.store)
                        .await,
                ),
            };
            entries.push((id, Arc::new(planned), watched));
        }
        let mut board = self.shared.board.write();
        board.site = plan.site;
        board.monitors.retain(|id, _| wanted.contains(id));
        for (id, plan, watched) in entries {
            let kept = board.monitors.remove(&id).map(|entry| entry.watched);
            let watched = watched.or(kept).unwrap_or_default();
            board.monitors.insert(id, Entry { plan, watched });
        }
        board.order = order;
        applied
    }

    /// Its place within its interval, always the same; before that a first look
    /// soon, so that a page is not empty for an hour.
    fn place_in_time(&mut self, id: &MonitorId, every: Span, now: Span) {
        let place = offset(id.as_str(), every).as_nanos();
        let into = now.as_nanos() % every.as_nanos().max(1);
        let wait = (place + every.as_nanos() - into) % every.as_nanos().max(1);
        self.schedule.add(
            id.clone(),
            every,
            now.saturating_add(Span::from_nanos(wait)),
        );
        let soon = offset(id.as_str(), FIRST_LOOK_WITHIN);
        if soon.as_nanos() < wait {
            self.first.add(id.clone(), every, now.saturating_add(soon));
        }
    }

    async fn stop(mut self, grace: Span) {
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
        self.shared.parts.memory.settle().await;
    }
}

async fn sleep_until(wake: Option<Instant>) {
    match wake {
        Some(wake) => tokio::time::sleep_until(wake).await,
        None => std::future::pending().await,
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
