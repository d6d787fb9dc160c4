//! Run threads: `cache` items that run at an interval while everybody reads
//! their last result, and the chains of `run simultaneous`.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use rem_time::{Span, Timestamp};
use serde_json::{Map, Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::collect;
use crate::engine::Engine;
use crate::error::{Reason, RunError};
use crate::event::Event;
use crate::run::{Effect, Run, State};
use crate::tree::{Cache, Chain, Item, Simultaneous};

mod info;
mod registry;
mod task;

pub use info::{HistoryEntry, Stage, StageKind, ThreadInfo};
pub(crate) use registry::Threads;
use registry::{free_id, prune};
use task::{once, repeat};

/// Stages kept for each thread; the oldest go first.
const STAGES_MAX: usize = 200;

pub(crate) struct Thread {
    id: String,
    scripts: Vec<String>,
    interval: Option<Span>,
    history_max: usize,
    definition: Mutex<Arc<Definition>>,
    latest: watch::Sender<Option<Latest>>,
    facts: Mutex<Facts>,
    task: Mutex<Option<JoinHandle<()>>>,
}

type Latest = Result<Arc<Map<String, Value>>, String>;

/// What a thread runs, and on what.
struct Definition {
    run: Arc<Run>,
    work: Work,
    parent: Arc<Value>,
    pipe_data: Map<String, Value>,
    cwd: PathBuf,
}

#[derive(Clone)]
enum Work {
    Item {
        item: Arc<Item>,
        cache: Cache,
        block: Arc<Value>,
    },
    Chain(Arc<Chain>),
}

struct Facts {
    created: Timestamp,
    is_running: bool,
    runs: u64,
    failures: u64,
    last_started: Option<Timestamp>,
    last_finished: Option<Timestamp>,
    last_took: Option<Span>,
    history: VecDeque<HistoryEntry>,
    stages: VecDeque<Stage>,
}

/// What somebody who evaluates a `cache` item gets.
pub(crate) struct CacheOutput {
    pub data: Arc<Map<String, Value>>,
    pub shown: String,
}

/// The last result of the thread of a `cache` item. The first evaluation
/// starts the thread and waits for its first result.
pub(crate) async fn read(
    run: &Arc<Run>,
    item: &Arc<Item>,
    cache: &Cache,
    block: &Arc<Value>,
    parent: &Arc<Value>,
    state: &State,
) -> Result<CacheOutput, Reason> {
    let engine = &run.engine;
    let inner = engine.inner();
    if inner.shared.is_stopping() {
        return Err(Reason::ShuttingDown);
    }
    let released = inner.shared.run_lock(&cache.run_lock).await;
    let released = released.map_err(|message| Reason::Shared { message })?;
    let thread = {
        let mut all = inner.threads.all.lock();
        match all
            .get(&cache.thread_id)
            .filter(|thread| thread.is_running())
        {
            Some(thread) => {
                thread.adopt(run, item, cache, block)?;
                Arc::clone(thread)
            }
            None => {
                let definition = Definition {
                    run: Arc::clone(run),
                    work: Work::Item {
                        item: Arc::clone(item),
                        cache: cache.clone(),
                        block: Arc::clone(block),
                    },
                    parent: Arc::clone(parent),
                    pipe_data: state.pipe_data.clone(),
                    cwd: state.cwd.clone(),
                };
                let thread = Thread::new(&cache.thread_id, vec![item.brief.clone()], definition);
                let task = tokio::spawn(repeat(engine.clone(), Arc::clone(&thread), released));
                *thread.task.lock() = Some(task);
                all.insert(cache.thread_id.clone(), Arc::clone(&thread));
                thread
            }
        }
    };
    let data = thread.output(engine).await;
    Ok(CacheOutput {
        data: data.map_err(|message| Reason::Thread {
            thread: cache.thread_id.clone(),
            message,
        })?,
        shown: thread.show(),
    })
}

/// Starts each chain in a thread of its own. Gives the threads at once, or
/// with `__join` their results when the last of them has ended.
pub(crate) async fn simultaneous(
    run: &Arc<Run>,
    many: &Simultaneous,
    parent: &Arc<Value>,
    state: &mut State,
) -> Result<Value, Reason> {
    let engine = &run.engine;
    if engine.inner().shared.is_stopping() {
        return Err(Reason::ShuttingDown);
    }
    let mut started = Vec::new();
    for (name, chain) in &many.chains {
        let definition = Definition {
            run: Arc::clone(run),
            work: Work::Chain(Arc::clone(chain)),
            parent: Arc::clone(parent),
            pipe_data: state.pipe_data.clone(),
            cwd: state.cwd.clone(),
        };
        let scripts = chain.items.iter().map(|item| item.brief.clone()).collect();
        let mut all = engine.inner().threads.all.lock();
        let id = free_id(&all, name);
        let thread = Thread::new(&id, scripts, definition);
        let task = tokio::spawn(once(engine.clone(), Arc::clone(&thread)));
        *thread.task.lock() = Some(task);
        all.insert(id, Arc::clone(&thread));
        prune(&mut all);
        started.push((name.clone(), thread));
    }
    let ids: Vec<&str> = started
        .iter()
        .map(|(_, thread)| thread.id.as_str())
        .collect();
    state.pipe_data.insert("_thread_handler".into(), json!(ids));
    let mut results = Map::new();
    for (name, thread) in &started {
        let value = match many.join {
            false => Value::String(thread.show()),
            true => {
                let output = thread.output(engine).await;
                let output = output.map_err(|message| Reason::Thread {
                    thread: thread.id.clone(),
                    message,
                })?;
                Value::Object(Map::clone(&output))
            }
        };
        results.insert(name.clone(), value);
    }
    Ok(Value::Object(results))
}

impl Thread {
    fn new(id: &str, scripts: Vec<String>, definition: Definition) -> Arc<Self> {
        let (interval, history_max) = match &definition.work {
            Work::Item { cache, .. } => (Some(cache.interval), cache.history),
            Work::Chain(_) => (None, 1),
        };
        let now = definition.run.engine.inner().options.clock.now();
        Arc::new(Self {
            id: id.into(),
            scripts,
            interval,
            history_max,
            definition: Mutex::new(Arc::new(definition)),
            latest: watch::Sender::new(None),
            facts: Mutex::new(Facts {
                created: now,
                is_running: true,
                runs: 0,
                failures: 0,
                last_started: None,
                last_finished: None,
                last_took: None,
                history: VecDeque::new(),
                stages: VecDeque::new(),
            }),
            task: Mutex::new(None),
        })
    }

    fn is_running(&self) -> bool {
        self.facts.lock().is_running
    }

    /// The same item of a newer version of its file takes over; another item
    /// under the same name is refused.
    fn adopt(
        &self,
        run: &Arc<Run>,
        item: &Arc<Item>,
        cache: &Cache,
        block: &Arc<Value>,
    ) -> Result<(), Reason> {
        let mut slot = self.definition.lock();
        let known = match &slot.work {
            Work::Item { item, .. } => item,
            Work::Chain(_) => {
                let message = "a thread of run simultaneous has this name".into();
                return Err(self.refused(message));
            }
        };
        if Arc::ptr_eq(known, item) || known.source == item.source {
            return Ok(());
        }
        let is_newer = known.at.file == item.at.file && !Arc::ptr_eq(&slot.run.loaded, &run.loaded);
        if !is_newer {
            return Err(self.refused(format!("another item has this name: {}", known.at)));
        }
        let newer = Definition {
            run: Arc::clone(run),
            work: Work::Item {
                item: Arc::clone(item),
                cache: cache.clone(),
                block: Arc::clone(block),
            },
            parent: Arc::clone(&slot.parent),
            pipe_data: slot.pipe_data.clone(),
            cwd: slot.cwd.clone(),
        };
        *slot = Arc::new(newer);
        Ok(())
    }

    fn refused(&self, message: String) -> Reason {
        Reason::Thread {
            thread: self.id.clone(),
            message,
        }
    }

    /// The last result, waiting for the first one.
    async fn output(&self, engine: &Engine) -> Latest {
        if let Some(latest) = &*self.latest.borrow() {
            return latest.clone();
        }
        engine.tell(&Event::ThreadAwaited {
            thread: self.id.clone(),
        });
        let mut latest = self.latest.subscribe();
        let found = latest.wait_for(Option::is_some).await;
        match found.as_deref() {
            Ok(Some(latest)) => latest.clone(),
            Ok(None) | Err(_) => Err("it ended without a result".into()),
        }
    }

    async fn run_item(
        &self,
        engine: &Engine,
        definition: &Definition,
        item: &Arc<Item>,
        block: &Arc<Value>,
    ) {
        let mut state = State::new(definition.pipe_data.clone(), definition.cwd.clone());
        let started = self.begin(engine);
        let began = Instant::now();
        let run = &definition.run;
        let result = run.verb(item, block, &definition.parent, &mut state).await;
        let output = result.map(|effect| match effect {
            Effect::Adds(output) => output,
            Effect::Done => {
                let mut output = state.pipe_data;
                output.retain(|key, value| definition.pipe_data.get(key) != Some(value));
                output
            }
        });
        if let (Ok(output), Some(collects)) = (&output, &item.collect) {
            collect::hand_over(engine, collects, output, started, &definition.cwd);
        }
        self.end(engine, started, began, output);
    }

    fn begin(&self, engine: &Engine) -> Timestamp {
        let now = engine.inner().options.clock.now();
        let mut facts = self.facts.lock();
        facts.last_started = Some(now);
        facts.stage(StageKind::Begin, now, &self.id, "");
        now
    }

    fn end(
        &self,
        engine: &Engine,
        started: Timestamp,
        began: Instant,
        output: Result<Map<String, Value>, RunError>,
    ) {
        let now = engine.inner().options.clock.now();
        let took = Span::from(began.elapsed());
        let latest: Latest = match output {
            Ok(output) => Ok(Arc::new(output)),
            Err(error) => Err(error.to_string()),
        };
        {
            let mut facts = self.facts.lock();
            facts.runs += 1;
            facts.last_finished = Some(now);
            facts.last_took = Some(took);
            match &latest {
                Ok(_) => facts.stage(StageKind::End, now, &self.id, ""),
                Err(error) => {
                    facts.failures += 1;
                    facts.stage(StageKind::Error, now, &self.id, error);
                }
            }
            facts.history.push_front(HistoryEntry {
                started,
                took,
                output: latest.clone(),
            });
            facts.history.truncate(self.history_max);
        }
        if let Err(error) = &latest {
            engine.tell(&Event::ThreadFailed {
                thread: self.id.clone(),
                error: error.clone(),
            });
        }
        self.latest.send_replace(Some(latest));
    }

    /// As the 2010 program showed it.
    fn show(&self) -> String {
        let running = if self.is_running() { "True" } else { "False" };
        let scripts: Vec<String> = self.scripts.iter().map(|s| format!("'{s}'")).collect();
        format!(
            "{}: Is Running: {running}  Scripts: [{}]",
            self.id,
            scripts.join(", ")
        )
    }

    pub(crate) fn info(&self) -> ThreadInfo {
        let latest = self.latest.borrow().clone();
        let facts = self.facts.lock();
        ThreadInfo {
            id: self.id.clone(),
            scripts: self.scripts.clone(),
            interval: self.interval,
            created: facts.created,
            is_running: facts.is_running,
            runs: facts.runs,
            failures: facts.failures,
            last_started: facts.last_started,
            last_finished: facts.last_finished,
            last_took: facts.last_took,
            latest,
            history: facts.history.iter().cloned().collect(),
            stages: facts.stages.iter().cloned().collect(),
        }
    }
}

impl Facts {
    fn stage(&mut self, kind: StageKind, at: Timestamp, name: &str, message: &str) {
        self.stages.push_front(Stage {
            kind,
            at,
            name: name.into(),
            message: message.into(),
        });
        self.stages.truncate(STAGES_MAX);
    }
}
