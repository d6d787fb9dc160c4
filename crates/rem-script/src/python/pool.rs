//! The pool: hands each call a worker, keeps it or replaces it afterwards.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;

use super::worker::{After, Worker};
use super::{Call, CallError, Called, Failure, Output, PythonOptions};
use crate::Host;

/// Warm Python workers that call functions of Python files.
///
/// One call at a time runs in a worker. Workers are started when they are
/// needed, up to [`PythonOptions::workers_max`], and stay until they have done
/// their [`runs_max`](PythonOptions::runs_max), grew above
/// [`rss_max`](PythonOptions::rss_max), left threads or processes running, or
/// failed. A worker that times out or dies is ended with its process group;
/// other calls do not notice.
///
/// A pool belongs to the tokio runtime it is first used in. Dropping the pool
/// ends its workers; dropping the future of a call ends its worker.
#[derive(Debug)]
pub struct PythonPool {
    options: PythonOptions,
    permits: Semaphore,
    workers: Mutex<Workers>,
}

#[derive(Debug, Default)]
struct Workers {
    idle: Vec<Worker>,
    started: u64,
    busy: usize,
}

/// What a pool holds at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolState {
    /// Workers that wait for a call.
    pub idle: usize,
    /// Calls that have a worker or are starting one.
    pub busy: usize,
    /// Workers started since the pool was made.
    pub started: u64,
}

impl PythonPool {
    /// A pool without workers yet; see [`warm`](Self::warm).
    pub fn new(options: PythonOptions) -> Self {
        Self {
            permits: Semaphore::new(options.workers_max),
            options,
            workers: Mutex::default(),
        }
    }

    /// What the pool was made with.
    pub fn options(&self) -> &PythonOptions {
        &self.options
    }

    /// What the pool holds now.
    pub fn state(&self) -> PoolState {
        let workers = self.lock();
        PoolState {
            idle: workers.idle.len(),
            busy: workers.busy,
            started: workers.started,
        }
    }

    /// The process ids of the idle workers, the next to be used last.
    pub fn idle_pids(&self) -> Vec<u32> {
        self.lock().idle.iter().map(Worker::pid).collect()
    }

    /// Starts a worker if none is idle, so that the first call finds it.
    ///
    /// # Errors
    /// [`Failure::Start`] and [`Failure::NoPython`] when there is no such
    /// interpreter or it does not work.
    pub async fn warm(&self) -> Result<(), Failure> {
        let mut busy = self.take_seat().await;
        if busy.worker.is_none() {
            busy.worker = Some(self.start_worker().await?);
        }
        busy.keep = true;
        Ok(())
    }

    /// Calls a function in a Python file and waits for what it returns.
    ///
    /// Its deadline runs from when a worker is free for it. `host` answers
    /// what the script calls back.
    ///
    /// # Errors
    /// [`CallError`] says why and what was printed until then.
    pub async fn call(&self, call: &Call<'_>, host: &dyn Host) -> Result<Called, CallError> {
        let mut seat = self.take_seat().await;
        let failed = |failure, output| CallError {
            script: call.script.into(),
            function: call.function.into(),
            failure: Box::new(failure),
            output: Box::new(output),
        };
        let worker = match &mut seat.worker {
            Some(worker) => worker,
            none => {
                let started = self.start_worker().await;
                none.insert(started.map_err(|failure| failed(failure, Output::default()))?)
            }
        };
        let (outcome, after) = worker.call(call, host, &self.options).await;
        seat.keep = after == After::Keep;
        outcome.map_err(|(failure, output)| failed(failure, output))
    }

    async fn start_worker(&self) -> Result<Worker, Failure> {
        let worker = Worker::start(&self.options).await?;
        self.lock().started += 1;
        tracing::debug!(pid = worker.pid(), "python worker started");
        Ok(worker)
    }

    async fn take_seat(&self) -> Seat<'_> {
        // The semaphore lives as long as the pool and is never closed.
        if let Ok(permit) = self.permits.acquire().await {
            permit.forget();
        }
        let mut gone = Vec::new();
        let worker = {
            let mut workers = self.lock();
            workers.busy += 1;
            loop {
                match workers.idle.pop() {
                    Some(worker) if worker.has_ended() => gone.push(worker),
                    other => break other,
                }
            }
        };
        Seat {
            pool: self,
            worker,
            keep: false,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Workers> {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to use one worker. Dropped, it gives the worker back if that is
/// fit for another call, and ends it otherwise.
struct Seat<'a> {
    pool: &'a PythonPool,
    worker: Option<Worker>,
    keep: bool,
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let mut workers = self.pool.lock();
        workers.busy -= 1;
        if self.keep {
            workers.idle.extend(self.worker.take());
        }
        drop(workers);
        self.pool.permits.add_permits(1);
    }
}
