use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rem_script::{PythonOptions, PythonPool};
use rem_time::{Clock, Span, SystemClock};
use serde_json::{Map, Value};
use unidist::Unidist;

use crate::block::Block;
use crate::collect::Sink;
use crate::error::RunError;
use crate::event::{Event, Listener};
use crate::python;
use crate::run::Run;
use crate::shared::Shared;
use crate::thread::{ThreadInfo, Threads};

/// Processes blocks: owns the Python workers, the interval threads and the
/// locks, queues, counters and states that scripts share.
///
/// Cheap to clone. It belongs to the tokio runtime it is used in, which needs
/// I/O and time. Its threads go on until [`shutdown`](Engine::shutdown), also when
/// the last clone is dropped.
///
/// ```
/// use procblock::{Block, Call, Engine, EngineOptions};
/// use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let block = Block::parse("level.yaml", "if load > 5:\n  level: high\n  else:\n    level: low\n")?;
/// let engine = Engine::new(EngineOptions::new());
///
/// let result = engine.process(&block, Call::new().data("load", 7)).await?;
/// assert_eq!(result, json!({"level": "high"}));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

pub(crate) struct Inner {
    pub options: EngineOptions,
    pub python: PythonPool,
    pub shared: Shared,
    pub threads: Threads,
}

/// What an [`Engine`] is made with.
#[derive(Clone)]
pub struct EngineOptions {
    pub(crate) unidist: Unidist,
    pub(crate) sink: Option<Arc<dyn Sink>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) python: PythonOptions,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) listener: Option<Arc<dyn Listener>>,
    pub(crate) script_timeout: Span,
    pub(crate) stop_grace: Span,
}

/// What a block is processed with.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// The data that accumulates along the way.
    pub pipe_data: Map<String, Value>,
    /// The original input, for reference.
    pub input_data: Arc<Map<String, Value>>,
    /// The state of one request: session, headers, user.
    pub request_state: Arc<Map<String, Value>>,
    /// The directory of the chain; that of the block's file where it is empty.
    pub cwd: PathBuf,
    /// Environment variables on top of the engine's, for programs and scripts.
    pub env: Arc<Vec<(String, String)>>,
    /// What scripts get as `tag`; `run` where nothing is said.
    pub tag: Option<String>,
    /// The whole processing may take this long.
    pub timeout: Option<Span>,
}

/// What processing gave, with the data as it stood at the end.
#[derive(Clone, Debug, PartialEq)]
pub struct Processed {
    /// The block's result: a map of its tags, or the value of `__return_tag`.
    pub result: Value,
    /// The accumulated data.
    pub pipe_data: Map<String, Value>,
}

impl Engine {
    /// An engine; nothing is started until a block needs it.
    pub fn new(options: EngineOptions) -> Self {
        let shared = Shared::new(&options.unidist);
        let python = python::with_shims(options.python.clone());
        Self(Arc::new(Inner {
            python: PythonPool::new(python),
            shared,
            threads: Threads::new(),
            options,
        }))
    }

    /// Processes a block and gives its result. Dropping the future ends what
    /// the block has running, except its threads, and releases its locks.
    ///
    /// # Errors
    /// The first item that failed and that no `except` took.
    pub async fn process(&self, block: &Block, call: Call) -> Result<Value, RunError> {
        Run::process(self, block, call, false)
            .await
            .map(|processed| processed.result)
    }

    /// Processes a block and gives its result with the accumulated data.
    ///
    /// # Errors
    /// The first item that failed and that no `except` took.
    pub async fn process_keeping(&self, block: &Block, call: Call) -> Result<Processed, RunError> {
        Run::process(self, block, call, true).await
    }

    /// The interval and simultaneous threads, by name.
    pub fn threads(&self) -> Vec<ThreadInfo> {
        self.0.threads.infos()
    }

    /// One thread by its name.
    pub fn thread(&self, id: &str) -> Option<ThreadInfo> {
        self.0.threads.get(id).map(|thread| thread.info())
    }

    /// Resolves when the lock `__running` is released: by a script, by another
    /// process or by [`shutdown`](Self::shutdown).
    pub async fn until_released(&self) {
        self.0.shared.until_released(crate::compile::RUN_LOCK).await;
    }

    /// Releases the locks that keep threads running and waits until these have
    /// stopped; what still runs after the grace time is ended.
    pub async fn shutdown(&self) {
        self.0.shared.release_run_locks(self).await;
        let grace: Duration = self.0.options.stop_grace.into();
        self.0.threads.stop(self, grace).await;
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.0
    }

    pub(crate) fn tell(&self, event: &Event) {
        self.0.options.tell(event);
    }
}

impl EngineOptions {
    /// Python workers may take this long for a script unless it says otherwise.
    pub const SCRIPT_TIMEOUT: Span = Span::from_seconds(60);
    /// How long [`Engine::shutdown`] waits for threads to end by themselves.
    pub const STOP_GRACE: Span = Span::from_seconds(5);

    /// Everything in memory, no sink, the system's clock, an empty environment.
    pub fn new() -> Self {
        Self {
            unidist: Unidist::memory(),
            sink: None,
            clock: Arc::new(SystemClock),
            python: PythonOptions::default(),
            env: Vec::new(),
            listener: None,
            script_timeout: Self::SCRIPT_TIMEOUT,
            stop_grace: Self::STOP_GRACE,
        }
    }

    /// Where locks, queues, counters and states are.
    #[must_use]
    pub fn unidist(mut self, unidist: Unidist) -> Self {
        self.unidist = unidist;
        self
    }

    /// Where the samples of `timeseries collect` go.
    #[must_use]
    pub fn sink(mut self, sink: Arc<dyn Sink>) -> Self {
        self.sink = Some(sink);
        self
    }

    /// Where "now" comes from.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// How Python workers are started.
    #[must_use]
    pub fn python(mut self, python: PythonOptions) -> Self {
        self.python = python;
        self
    }

    /// The environment of programs and shells; scripts get nothing else.
    #[must_use]
    pub fn env(mut self, env: impl IntoIterator<Item = (String, String)>) -> Self {
        self.env = env.into_iter().collect();
        self
    }

    /// Who is told what happens.
    #[must_use]
    pub fn listener(mut self, listener: Arc<dyn Listener>) -> Self {
        self.listener = Some(listener);
        self
    }

    /// How long a script, program or shell may take whose item says nothing.
    #[must_use]
    pub fn script_timeout(mut self, timeout: Span) -> Self {
        self.script_timeout = timeout;
        self
    }

    /// How long threads have to end by themselves.
    #[must_use]
    pub fn stop_grace(mut self, grace: Span) -> Self {
        self.stop_grace = grace;
        self
    }

    pub(crate) fn tell(&self, event: &Event) {
        match event.is_warning() {
            true => tracing::warn!(target: "procblock", "{event}"),
            false => tracing::debug!(target: "procblock", "{event}"),
        }
        if let Some(listener) = &self.listener {
            listener.event(event);
        }
    }
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl Call {
    /// Without any data.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a value to the data of the pipe.
    #[must_use]
    pub fn data(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.pipe_data.insert(name.into(), value.into());
        self
    }

    /// The same data as original input and as data of the pipe.
    #[must_use]
    pub fn input(mut self, data: Map<String, Value>) -> Self {
        self.pipe_data.extend(data.clone());
        self.input_data = Arc::new(data);
        self
    }

    /// The directory of the chain.
    #[must_use]
    pub fn cwd(mut self, cwd: impl Into<PathBuf>) -> Self {
        self.cwd = cwd.into();
        self
    }

    /// The state of the request.
    #[must_use]
    pub fn request_state(mut self, state: Map<String, Value>) -> Self {
        self.request_state = Arc::new(state);
        self
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("threads", &self.0.threads.infos().len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for EngineOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineOptions")
            .field("clock", &self.clock)
            .field("python", &self.python)
            .field("script_timeout", &self.script_timeout)
            .finish_non_exhaustive()
    }
}
