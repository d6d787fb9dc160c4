use std::path::{Path, PathBuf};
use std::sync::Arc;

use procblock::EngineOptions;
use rem_check::Root;
use rem_collect::Collector;
use rem_config::Config;
use rem_desk::{Desk, DeskError, TokenKey};
use rem_notify::Post;
use rem_series::{Options, Store};
use rem_time::{Clock, Span};
use tokio::sync::mpsc;
use unidist::{BucketSpec, FileOpts, Unidist};

use crate::courier::{carry, recheck};
use crate::engine::{Applied, Engine, Parts};
use crate::memory::Memory;
use crate::office::{Office, OfficeError};
use crate::plan::{PlanError, Tools, plan};
use crate::probes::Probes;
use crate::reload::Reload;
use crate::replies::{Replies, RepliesError};
use crate::rules::{RulesError, rules};
use crate::secrets::Secrets;
use crate::tasks::Tasks;
use crate::watched::CHECKS_KEPT;

/// How long interval threads of scripts have to end.
const STOP_GRACE: Span = Span::from_seconds(5);

/// Everything a monitor keeps on disk and runs with, opened together: the usual
/// way to start an [`Engine`] and its [`Desk`].
#[derive(Debug)]
pub struct Host {
    data: PathBuf,
    shared: Unidist,
    secrets: Secrets,
    tasks: Tasks,
    office: Office,
    store: Arc<Store>,
    memory: Memory,
    tools: Tools,
    clock: Arc<dyn Clock>,
}

/// Why a monitor cannot start.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The data folder cannot be made.
    #[error("cannot make the data folder {path}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The series cannot be opened.
    #[error("cannot open the series")]
    Series(#[source] rem_series::Error),
    /// What survives a restart cannot be opened.
    #[error("cannot open the state")]
    State(#[source] unidist::Error),
    /// The key that signs links in messages cannot be read or made.
    #[error(transparent)]
    Key(#[from] rem_desk::KeyError),
    /// The alert desk cannot be opened.
    #[error(transparent)]
    Desk(#[from] DeskError),
    /// The post cannot work as the file says.
    #[error(transparent)]
    Office(#[from] OfficeError),
    /// Answers cannot be read as the file says.
    #[error(transparent)]
    Replies(#[from] RepliesError),
    /// The desk cannot work as the file says.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// Monitors that cannot be made, all at once; nothing was started.
    #[error("{} monitors cannot be made", .0.len())]
    Plan(Vec<PlanError>),
}

/// A monitor that runs: what looks, and what tells people.
#[derive(Clone, Debug)]
pub struct Running {
    /// Looks at everything.
    pub engine: Engine,
    /// Keeps the alerts.
    pub desk: Desk,
    /// Takes answers by mail.
    pub replies: Replies,
    /// Asks for the file to be read again.
    pub reload: Reload,
}

impl Host {
    /// Opens `data`, which is made if it is not there: `series/` for the numbers,
    /// `state/` for what survives a restart, `collected/` for what scripts collect on
    /// their own. One process at a time. Scripts of `run:`
    /// monitors get the environment `env` and nothing else of this process's own.
    pub async fn open(
        data: &Path,
        clock: Arc<dyn Clock>,
        env: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, HostError> {
        std::fs::create_dir_all(data).map_err(|source| HostError::Folder {
            path: data.to_owned(),
            source,
        })?;
        let folder = data.join("series");
        let store = {
            let clock = Arc::clone(&clock);
            let options = Options {
                // Nobody asks for more: see what is remembered of a monitor's checks.
                recent: CHECKS_KEPT,
                ..Options::default()
            };
            tokio::task::spawn_blocking(move || Store::open(&folder, options, clock))
        };
        // The task only ends early when the runtime does.
        let store = match store.await {
            Ok(store) => store.map_err(HostError::Series)?,
            Err(stopped) => std::panic::resume_unwind(stopped.into_panic()),
        };
        let files = FileOpts {
            clock: Arc::clone(&clock),
            ..FileOpts::default()
        };
        let shared = Unidist::open(data.join("state"), files).await;
        let shared = shared.map_err(HostError::State)?;
        let bucket = shared.consistent("monitor", BucketSpec::default());
        let memory = Memory::new(&bucket.map_err(HostError::State)?);
        let env: Vec<(String, String)> = env.into_iter().collect();
        let secrets = Secrets::new(env.clone());
        memory.recall_positions().await;
        let blocks = EngineOptions::new()
            .unidist(shared.clone())
            .sink(Arc::new(Collector::new(data.join("collected"))))
            .clock(Arc::clone(&clock))
            .env(env.clone())
            .stop_grace(STOP_GRACE);
        Ok(Self {
            data: data.to_owned(),
            shared,
            secrets: secrets.clone(),
            tasks: Tasks::new(env),
            office: Office::default(),
            store: Arc::new(store),
            memory: memory.clone(),
            tools: Tools {
                probes: Probes::default(),
                root: Root::default(),
                blocks: procblock::Engine::new(blocks),
                secrets,
                memory,
            },
            clock,
        })
    }

    /// The post as the file says: mail through its server, webhooks, scripts.
    pub fn post(&self) -> Arc<dyn Post> {
        Arc::new(self.office.clone())
    }

    /// Starts watching what `config` says, and telling people through `post`; all
    /// monitors that cannot be made are told at once, and then nothing is started.
    ///
    /// Whoever owns the file answers `reload`, see [`Reload::channel`].
    pub async fn start(
        &self,
        config: &Config,
        post: Arc<dyn Post>,
        reload: Reload,
    ) -> Result<Running, HostError> {
        let plan = plan(config, &self.tools).map_err(HostError::Plan)?;
        let rules = rules(config, &plan, &self.secrets)?;
        self.office.open(Office::planned(config, &self.secrets)?);
        self.tasks.set(config);
        let bucket = self.shared.consistent("desk", BucketSpec::default());
        let parts = rem_desk::Parts {
            bucket: bucket.map_err(HostError::State)?,
            post,
            clock: Arc::clone(&self.clock),
            key: TokenKey::of_folder(&self.data)?,
            tasks: Some(Arc::new(self.tasks.clone())),
        };
        let desk = Desk::open(parts, rules).await?;
        let (alerts, words) = mpsc::unbounded_channel();
        tokio::spawn(carry(words, desk.clone()));
        let parts = Parts {
            store: Arc::clone(&self.store),
            memory: self.memory.clone(),
            clock: Arc::clone(&self.clock),
            blocks: self.tools.blocks.clone(),
            alerts: Some(alerts),
        };
        let engine = Engine::start(plan, parts).await;
        tokio::spawn(recheck(desk.clone(), engine.clone()));
        let replies = Replies::new(desk.clone());
        replies.set(config, &self.secrets)?;
        Ok(Running {
            engine,
            desk,
            replies,
            reload,
        })
    }

    /// Goes over to a new configuration; when a monitor cannot be made, nothing is
    /// changed.
    pub async fn reload(&self, running: &Running, config: &Config) -> Result<Applied, HostError> {
        let plan = plan(config, &self.tools).map_err(HostError::Plan)?;
        let rules = rules(config, &plan, &self.secrets)?;
        let office = Office::planned(config, &self.secrets)?;
        running.replies.set(config, &self.secrets)?;
        self.office.open(office);
        self.tasks.set(config);
        running.desk.reload(rules).await?;
        Ok(running.engine.apply(plan).await)
    }

    /// Ends it all: checks and messages under way get `grace`, then everything that was
    /// accepted is written to disk.
    pub async fn close(self, running: &Running, grace: Span) -> Result<(), rem_series::Error> {
        running.engine.stop(grace).await;
        running.desk.close(grace.as_duration()).await;
        self.tools.blocks.shutdown().await;
        let store = self.store;
        match tokio::task::spawn_blocking(move || store.flush()).await {
            Ok(flushed) => flushed,
            Err(stopped) => std::panic::resume_unwind(stopped.into_panic()),
        }
    }
}
