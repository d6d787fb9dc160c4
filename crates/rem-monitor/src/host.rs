use std::path::{Path, PathBuf};
use std::sync::Arc;

use procblock::EngineOptions;
use rem_check::{Pinger, Root};
use rem_collect::Collector;
use rem_config::Config;
use rem_series::{Options, Store};
use rem_time::{Clock, Span};
use unidist::{BucketSpec, FileOpts, Unidist};

use crate::engine::{Applied, Engine, Parts};
use crate::memory::Memory;
use crate::plan::{PlanError, Tools, plan};

/// How long interval threads of scripts have to end.
const STOP_GRACE: Span = Span::from_seconds(5);

/// Everything a monitor keeps on disk and runs with, opened together: the usual
/// way to start an [`Engine`].
#[derive(Debug)]
pub struct Host {
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
            tokio::task::spawn_blocking(move || Store::open(&folder, Options::default(), clock))
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
        let blocks = EngineOptions::new()
            .unidist(shared)
            .sink(Arc::new(Collector::new(data.join("collected"))))
            .clock(Arc::clone(&clock))
            .env(env)
            .stop_grace(STOP_GRACE);
        Ok(Self {
            store: Arc::new(store),
            memory,
            tools: Tools {
                pinger: Pinger::new(),
                root: Root::default(),
                blocks: procblock::Engine::new(blocks),
            },
            clock,
        })
    }

    /// Starts watching what `config` says; all monitors that cannot be made are
    /// told at once, and then nothing is started.
    pub async fn start(&self, config: &Config) -> Result<Engine, Vec<PlanError>> {
        let plan = plan(config, &self.tools)?;
        let parts = Parts {
            store: Arc::clone(&self.store),
            memory: self.memory.clone(),
            clock: Arc::clone(&self.clock),
        };
        Ok(Engine::start(plan, parts).await)
    }

    /// Goes over to a new configuration; when a monitor cannot be made, nothing is
    /// changed.
    pub async fn reload(
        &self,
        engine: &Engine,
        config: &Config,
    ) -> Result<Applied, Vec<PlanError>> {
        Ok(engine.apply(plan(config, &self.tools)?).await)
    }

    /// Ends an engine: checks under way get `grace`, then everything that was
    /// accepted is written to disk.
    pub async fn close(self, engine: &Engine, grace: Span) -> Result<(), rem_series::Error> {
        engine.stop(grace).await;
        self.tools.blocks.shutdown().await;
        let store = self.store;
        match tokio::task::spawn_blocking(move || store.flush()).await {
            Ok(flushed) => flushed,
            Err(stopped) => std::panic::resume_unwind(stopped.into_panic()),
        }
    }
}
