use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use procblock::{Block, Call, Engine, Tags};
use rem_series::Store;
use rem_time::{Clock, Span, Timestamp};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::record::chain;
use crate::run::RunListError;

/// Runs of jobs that are remembered for the pages, over all jobs.
pub const RUNS_KEPT: usize = 500;
/// The interval a job's series counts with.
const SERIES_STEP: Span = Span::from_seconds(60);

/// A job that triggers run, ready to run.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its name.
    pub name: Arc<str>,
    block: Block,
    folder: PathBuf,
    timeout: Span,
}

/// One run of a job.
#[derive(Clone, Debug, PartialEq)]
pub struct JobRun {
    /// The job.
    pub job: Arc<str>,
    /// What it was run for, such as `monitor:web-01/apache/http`.
    pub subject: String,
    /// When it began.
    pub at: Timestamp,
    /// How long it took.
    pub took: Span,
    /// What went wrong; `None` if nothing did.
    pub error: Option<String>,
}

/// What triggered a run: its script sees all of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Occasion {
    pub(crate) subject: String,
    pub(crate) machine: String,
    pub(crate) address: String,
    pub(crate) monitor: String,
    pub(crate) part: String,
    pub(crate) level: String,
    pub(crate) because: String,
}

impl Job {
    /// Makes a job ready. `run` is a procblock run list; it runs in `folder`.
    pub(crate) fn new(
        name: &str,
        file: &str,
        run: &Value,
        folder: PathBuf,
        timeout: Span,
    ) -> Result<Self, RunListError> {
        let value = json!({ "run": run });
        let block = Block::from_value(file, &value, &Tags::new()).map_err(RunListError)?;
        Ok(Self {
            name: name.into(),
            block,
            folder,
            timeout,
        })
    }
}

/// Runs jobs, each for one subject at a time, and keeps what came of it.
#[derive(Clone, Debug)]
pub(crate) struct Jobs(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    blocks: Engine,
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    jobs: Mutex<BTreeMap<Arc<str>, Job>>,
    running: Mutex<BTreeSet<(Arc<str>, String)>>,
    runs: Mutex<VecDeque<JobRun>>,
}

impl Jobs {
    pub(crate) fn new(blocks: Engine, store: Arc<Store>, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Shared {
            blocks,
            store,
            clock,
            jobs: Mutex::default(),
            running: Mutex::default(),
            runs: Mutex::default(),
        }))
    }

    /// Other jobs from now on; what runs goes on.
    pub(crate) fn set(&self, jobs: Vec<Job>) {
        let jobs = jobs.into_iter().map(|job| (Arc::clone(&job.name), job));
        *self.0.jobs.lock() = jobs.collect();
    }

    /// The last runs, the newest first.
    pub(crate) fn runs(&self) -> Vec<JobRun> {
        self.0.runs.lock().iter().rev().cloned().collect()
    }

    /// Begins a run. While one of the same job for the same subject is under way,
    /// nothing is begun. Must be called within a tokio runtime.
    pub(crate) fn begin(&self, job: &str, occasion: Occasion) {
        let Some(job) = self.0.jobs.lock().get(job).cloned() else {
            return tracing::error!(job, "a level triggers a job that is not there");
        };
        let key = (Arc::clone(&job.name), occasion.subject.clone());
        if !self.0.running.lock().insert(key.clone()) {
            return tracing::warn!(job = %key.0, subject = key.1, "still running, not begun again");
        }
        let jobs = self.clone();
        tokio::spawn(async move {
            let run = jobs.run(&job, &occasion).await;
            jobs.0.running.lock().remove(&key);
            jobs.keep(run);
        });
    }

    async fn run(&self, job: &Job, occasion: &Occasion) -> JobRun {
        let Occasion {
            subject,
            machine,
            address,
            monitor,
            part,
            level,
            because,
        } = occasion;
        let about = [
            ("machine", "MACHINE", machine),
            ("address", "MACHINE_ADDRESS", address),
            ("monitor", "MONITOR", monitor),
            ("part", "PART", part),
            ("level", "LEVEL", level),
            ("because", "BECAUSE", because),
            ("subject", "SUBJECT", subject),
        ];
        let input: Map<String, Value> = about
            .iter()
            .map(|(key, _, value)| ((*key).to_owned(), json!(value)))
            .collect();
        let env = about.map(|(_, key, value)| (key.to_owned(), value.clone()));
        let call = Call {
            input_data: Arc::new(input),
            cwd: job.folder.clone(),
            env: Arc::new(env.to_vec()),
            timeout: Some(job.timeout),
            ..Call::new()
        };
        let (at, started) = (self.0.clock.now(), Instant::now());
        tracing::info!(job = %job.name, subject, because, "job begins");
        let result = self.0.blocks.process(&job.block, call).await;
        let took = Span::from(started.elapsed());
        let error = result.err().map(|error| chain(&error));
        match &error {
            None => tracing::info!(job = %job.name, subject, %took, "job done"),
            Some(error) => tracing::error!(job = %job.name, subject, %took, error, "job failed"),
        }
        JobRun {
            job: Arc::clone(&job.name),
            subject: subject.clone(),
            at,
            took,
            error,
        }
    }

    /// Every job is graphed: how long it took, and whether it failed.
    fn keep(&self, run: JobRun) {
        let name = format!("job/{}", run.job.replace('%', "%25").replace('/', "%2F"));
        let failed = f64::from(u8::from(run.error.is_some()));
        let values = [
            ("took", Some(run.took.as_secs_f64())),
            ("failed", Some(failed)),
        ];
        if let Err(error) = self.0.store.push(&name, SERIES_STEP, run.at, &values) {
            tracing::warn!(series = name, error = %chain(&error), "sample not stored");
        }
        let mut runs = self.0.runs.lock();
        if runs.len() == RUNS_KEPT {
            runs.pop_front();
        }
        runs.push_back(run);
    }
}
