use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use parking_lot::RwLock;
use rem_alert::level::StateValue;
use rem_check::Pushed;
use rem_config::MonitorId;
use rem_series::Store;
use rem_time::{Clock, Span};
use tokio::sync::{broadcast, mpsc, oneshot};

use crate::jobs::{JobRun, Jobs};
use crate::judge::{Judge, LevelView, Library};
use crate::memory::Memory;
use crate::overview::{MonitorView, Overview};
use crate::plan::{Look, Plan, Planned};
use crate::rounds::Rounds;
use crate::states::{StateOwner, States};
use crate::tally::{Counters, Tally};
use crate::telling::{Voice, Word};
use crate::watched::{Turn, Watched};

/// A listener to news that falls further behind than this loses the oldest.
pub const NEWS_KEPT_MAX: usize = 4_096;
/// What an engine needs from its host.
#[derive(Clone)]
pub struct Parts {
    /// Where the numbers go.
    pub store: Arc<Store>,
    /// What has to survive a restart.
    pub memory: Memory,
    /// The clock that stamps reports.
    pub clock: Arc<dyn Clock>,
    /// What runs the jobs that levels trigger.
    pub blocks: procblock::Engine,
    /// Who is told of alerts; nobody if there is none.
    pub alerts: Option<mpsc::UnboundedSender<Word>>,
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

pub(crate) struct Shared {
    pub(crate) parts: Parts,
    pub(crate) board: RwLock<Board>,
    pub(crate) news: broadcast::Sender<News>,
    pub(crate) counters: Counters,
    pub(crate) states: States,
    pub(crate) jobs: Jobs,
}

/// What is known now, in the order of the plan.
#[derive(Default)]
pub(crate) struct Board {
    pub(crate) site: String,
    pub(crate) order: Vec<MonitorId>,
    pub(crate) monitors: BTreeMap<MonitorId, Entry>,
    /// Which monitors know about a node.
    pub(crate) nodes: BTreeMap<Arc<str>, Vec<MonitorId>>,
}

pub(crate) struct Entry {
    pub(crate) plan: Arc<Planned>,
    /// What its looks are looks at, worked out once.
    pub(crate) nodes: Arc<[Arc<str>]>,
    pub(crate) watched: Watched,
    pub(crate) judge: Judge,
}

impl Entry {
    pub(crate) fn new(plan: Arc<Planned>, watched: Watched, judge: Judge) -> Self {
        Self {
            nodes: plan.telling.nodes_of(&plan.monitor.id),
            plan,
            watched,
            judge,
        }
    }

    pub(crate) fn voice(&self) -> Voice<'_> {
        Voice {
            telling: &self.plan.telling,
            id: &self.plan.monitor.id,
            every: self.plan.monitor.every,
            nodes: &self.nodes,
        }
    }
}

impl Shared {
    /// Where the levels of a monitor look things up.
    pub(crate) fn library<'a>(&'a self, plan: &'a Planned) -> Library<'a> {
        Library {
            id: &plan.monitor.id,
            owners: &plan.telling.owners,
            states: &self.states,
            store: Some(&self.parts.store),
        }
    }
}

pub(crate) enum Command {
    Apply(Plan, oneshot::Sender<Applied>),
    LookNow(MonitorId, oneshot::Sender<bool>),
    Push(MonitorId, Box<Pushed>, oneshot::Sender<()>),
    Stop(Span, oneshot::Sender<()>),
}

/// Why a pushed result is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// There is no monitor of that id.
    #[error("there is no monitor {0}")]
    Unknown(String),
    /// The monitor looks by itself.
    #[error("{0} looks by itself; only a monitor with `check: passive` takes results")]
    NotPassive(MonitorId),
    /// The engine has stopped.
    #[error("the monitor is stopping")]
    Stopped,
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
        let jobs = Jobs::new(
            parts.blocks.clone(),
            Arc::clone(&parts.store),
            Arc::clone(&parts.clock),
        );
        let shared = Arc::new(Shared {
            jobs,
            states: States::default(),
            parts,
            board: RwLock::default(),
            news,
            counters: Counters::default(),
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

    /// Takes in a result that somebody else found, for a passive monitor; returns
    /// when it counts. How long it is good for is counted from the time it was found at;
    /// where it does not say, from now on and as long as the monitor's `fresh:` says.
    pub async fn push(&self, id: &str, pushed: impl Into<Pushed>) -> Result<(), NotTaken> {
        let pushed = Box::new(pushed.into());
        let id = {
            let board = self.shared.board.read();
            let Some((id, entry)) = board.monitors.get_key_value(id) else {
                return Err(NotTaken::Unknown(id.to_owned()));
            };
            match entry.plan.look {
                Look::Waits { .. } => id.clone(),
                Look::Looks(_) => return Err(NotTaken::NotPassive(id.clone())),
            }
        };
        let taken = self.ask(|reply| Command::Push(id, pushed, reply)).await;
        taken.ok_or(NotTaken::Stopped)
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
        let entry = board.monitors.get(id)?;
        Some(MonitorView::new(&entry.plan, &entry.watched, now))
    }

    /// The ids of everything that is watched, in the order of the configuration: to
    /// look at many monitors one after the other.
    pub fn ids(&self) -> Vec<MonitorId> {
        self.shared.board.read().order.clone()
    }

    /// Every check from now on, as it is done. A receiver that falls more than
    /// [`NEWS_KEPT_MAX`] behind is told how many it lost.
    pub fn subscribe(&self) -> broadcast::Receiver<News> {
        self.shared.news.subscribe()
    }

    /// The levels of a monitor as they stand, each with what it saw in the last
    /// report; empty if there is no such monitor.
    pub fn levels(&self, id: &str) -> Vec<LevelView> {
        let now = self.shared.parts.clock.now();
        let board = self.shared.board.read();
        let Some(entry) = board.monitors.get(id) else {
            return Vec::new();
        };
        let library = self.shared.library(&entry.plan);
        entry.judge.explain(entry.watched.last(), library, now)
    }

    /// Every state that levels have set, in order.
    pub fn states(&self) -> Vec<(StateOwner, Arc<str>, StateValue)> {
        self.shared.states.all()
    }

    /// The last runs of jobs, the newest first.
    pub fn job_runs(&self) -> Vec<JobRun> {
        self.shared.jobs.runs()
    }

    /// The monitors that know about a node of the graph: its own, or those whose
    /// alerts are about it.
    pub fn monitors_of(&self, node: &str) -> Vec<MonitorId> {
        let board = self.shared.board.read();
        board.nodes.get(node).cloned().unwrap_or_default()
    }

    /// Looks at everything that knows about a node, at once.
    pub async fn look_at_node(&self, node: &str) {
        for id in self.monitors_of(node) {
            self.look_now(&id).await;
        }
    }

    /// What the engine counts about itself.
    pub fn tally(&self) -> Tally {
        self.shared.counters.read()
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
