//! What scripts and blocks share: locks, queues, counters, state.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rem_time::{Span, Timestamp};
use serde_json::{Value, json};
use tokio::sync::watch;
use unidist::{Guard, Unidist};

use crate::collect::{Collect, CollectField, FieldKind, Sample, Target};
use crate::compile::RUN_LOCK;
use crate::engine::Engine;
use crate::event::Event;
use crate::path::Path;

mod store;

use store::Store;

/// The bucket in which `sharedstate.Get("threads", name)` finds run threads.
const THREADS_BUCKET: &str = "threads";

/// How often a run lock is looked after: whether somebody else released it.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

pub(crate) struct Shared {
    store: Arc<Store>,
    loose: Arc<Mutex<Loose>>,
    stopping: watch::Sender<bool>,
}

/// Locks that scripts and run threads hold: whoever says so releases them.
type Loose = HashMap<String, LooseLock>;

struct LooseLock {
    guard: Guard,
    released: watch::Sender<bool>,
}

/// A lock held by a chain; released when dropped.
pub(crate) struct LockGuard(Guard);

impl Shared {
    pub(crate) fn new(unidist: &Unidist) -> Self {
        Self {
            store: Store::new(unidist.clone()),
            loose: Arc::default(),
            stopping: watch::Sender::new(false),
        }
    }

    /// Waits for a lock; `None` when the time is over.
    pub(crate) async fn lock(
        &self,
        name: &str,
        timeout: Option<Span>,
        owner: &str,
    ) -> Result<Option<LockGuard>, String> {
        let guard = self.store.acquire(name, timeout, owner).await?;
        Ok(guard.map(LockGuard))
    }

    /// Releases a lock, whoever holds it; tells whether it was held.
    pub(crate) async fn release(&self, engine: &Engine, name: &str) -> Result<bool, String> {
        let loose = self.loose.lock().remove(name);
        if let Some(loose) = loose {
            self.let_go(engine, name, loose).await;
            return Ok(true);
        }
        self.store.break_lock(name).await
    }

    async fn let_go(&self, engine: &Engine, name: &str, loose: LooseLock) {
        if name == RUN_LOCK {
            self.stopping.send_replace(true);
            engine.tell(&Event::LockReleased { lock: name.into() });
        }
        // Somebody may have broken it before: then it is free as well.
        let _ = loose.guard.release().await;
        loose.released.send_replace(true);
    }

    /// A lock that keeps run threads going: acquired if it is free. The receiver
    /// turns true when it is released, by whomever.
    pub(crate) async fn run_lock(&self, name: &str) -> Result<watch::Receiver<bool>, String> {
        if self.is_stopping() {
            return Ok(watch::channel(true).1);
        }
        let known = |loose: &Loose| loose.get(name).map(|lock| lock.released.subscribe());
        if let Some(released) = known(&self.loose.lock()) {
            return Ok(released);
        }
        let guard = self
            .store
            .acquire(name, Some(Span::ZERO), "run threads")
            .await?;
        let mut loose = self.loose.lock();
        if let Some(released) = known(&loose) {
            return Ok(released);
        }
        let (released, seen) = watch::channel(false);
        // Without a guard, another engine on the same store keeps the lock.
        if let Some(guard) = guard {
            let released = released.clone();
            loose.insert(name.into(), LooseLock { guard, released });
        }
        let look_after = look_after(
            self.store.clone(),
            self.loose.clone(),
            name.into(),
            released,
        );
        tokio::spawn(look_after);
        Ok(seen)
    }

    /// Resolves when the run lock is released.
    pub(crate) async fn until_released(&self, name: &str) {
        let Ok(mut released) = self.run_lock(name).await else {
            return;
        };
        // An error means that the lock is gone, which is the same.
        let _ = released.wait_for(|released| *released).await;
    }

    pub(crate) async fn release_run_locks(&self, engine: &Engine) {
        self.stopping.send_replace(true);
        let all: Vec<(String, LooseLock)> = self.loose.lock().drain().collect();
        for (name, loose) in all {
            self.let_go(engine, &name, loose).await;
        }
    }

    pub(crate) fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    pub(crate) async fn queue_add(&self, queue: &str, message: &Value) -> Result<(), String> {
        self.store.queue_add(queue, message, None).await
    }

    /// Answers a call of one of the `unidist` modules.
    pub(crate) async fn answer(
        &self,
        engine: &Engine,
        function: &str,
        arguments: &[Value],
    ) -> Result<Value, String> {
        let store = &self.store;
        let text = |index: usize| match arguments.get(index) {
            Some(Value::String(text)) => Ok(text.as_str()),
            other => Err(format!(
                "{function}: a name is text, found: {}",
                other.unwrap_or(&Value::Null)
            )),
        };
        let value = |index: usize| arguments.get(index).cloned().unwrap_or(Value::Null);
        let number = |index: usize| match arguments.get(index).and_then(Value::as_i64) {
            Some(number) => Ok(number),
            None => Err(format!(
                "{function}: a whole number is expected: {}",
                value(index)
            )),
        };
        let count = |index: usize| {
            let count = arguments.get(index).and_then(Value::as_u64);
            count.unwrap_or(u64::MAX)
        };
        let flag = |index: usize| {
            arguments
                .get(index)
                .and_then(Value::as_bool)
                .unwrap_or(false)
        };
        Ok(match function {
            "lock.acquire" => {
                let seconds = arguments.get(1).and_then(Value::as_f64);
                json!(
                    self.acquire_loose(text(0)?, seconds.map(Span::from_secs_f64))
                        .await?
                )
            }
            "lock.release" => json!(self.release(engine, text(0)?).await?),
            "lock.is_locked" => json!(store.holder(text(0)?).await?.is_some()),
            "lock.find_all_locked" => json!(store.locked(text(0)?).await?),
            "counter.get" => json!(store.counter_get(text(0)?).await?),
            "counter.set" => {
                store.counter_set(text(0)?, number(1)?).await?;
                Value::Null
            }
            "counter.get_set" => json!(store.counter_set(text(0)?, number(1)?).await?),
            "counter.add" => json!(store.counter_add(text(0)?, number(1)?).await?),
            "queue.add" => {
                let keep = arguments.get(2).and_then(Value::as_u64);
                store.queue_add(text(0)?, &value(1), keep).await?;
                Value::Null
            }
            "queue.oldest" => json!(store.queue_get(text(0)?, count(1), false, flag(2)).await?),
            "queue.newest" => json!(store.queue_get(text(0)?, count(1), true, flag(2)).await?),
            "queue.count" => json!(store.queue_count(text(0)?).await?),
            "state.get" if arguments.first() == Some(&json!(THREADS_BUCKET)) => {
                let thread = engine.thread(text(1)?).map(|info| info.to_json());
                json!([thread.is_some(), thread])
            }
            "state.keys" if arguments.first() == Some(&json!(THREADS_BUCKET)) => {
                thread_names(engine)
            }
            "state.get" => {
                let found = store.state_get(text(0)?, &key(&value(1))).await?;
                json!([found.is_some(), found])
            }
            "state.set" => {
                store
                    .state_set(text(0)?, &key(&value(1)), &value(2))
                    .await?;
                Value::Null
            }
            "state.get_set" => {
                json!(
                    store
                        .state_get_set(text(0)?, &key(&value(1)), &value(2))
                        .await?
                )
            }
            "state.delete" => {
                json!(store.state_delete(text(0)?, &key(&value(1))).await?)
            }
            "state.keys" => json!(store.state_keys(text(0)?).await?),
            "log" => {
                let text = text(0)?.to_owned();
                engine.tell(&Event::Logged { text });
                Value::Null
            }
            "thread.get" => json!(engine.thread(text(0)?).map(|info| info.to_json())),
            "thread.names" => thread_names(engine),
            "timeseries.store" => {
                store_sample(engine, text(0)?, arguments)?;
                Value::Null
            }
            _ => return Err(format!("the engine has no such function: {function}")),
        })
    }

    /// A lock taken by a script: it stays until somebody releases it.
    async fn acquire_loose(&self, name: &str, timeout: Option<Span>) -> Result<bool, String> {
        let Some(guard) = self.store.acquire(name, timeout, "script").await? else {
            return Ok(false);
        };
        let lock = LooseLock {
            guard,
            released: watch::Sender::new(false),
        };
        self.loose.lock().insert(name.into(), lock);
        Ok(true)
    }
}

impl LockGuard {
    pub(crate) fn name(&self) -> &str {
        self.0.name()
    }

    pub(crate) async fn release(self) {
        // A lock that somebody else has broken is as free.
        let _ = self.0.release().await;
    }
}

/// Sees when a run lock is no longer held by who held it, which another engine
/// or program on the same store may bring about.
async fn look_after(
    store: Arc<Store>,
    loose: Arc<Mutex<Loose>>,
    name: String,
    released: watch::Sender<bool>,
) {
    let ours = |loose: &Loose| loose.get(&name).map(|lock| lock.guard.token());
    let first = ours(&loose.lock());
    loop {
        tokio::select! {
            () = released.closed() => return,
            () = tokio::time::sleep(LOOK_INTERVAL) => {}
        }
        // A store that does not answer now says nothing about the lock.
        let Ok(holder) = store.holder(&name).await else {
            continue;
        };
        let is_held = match first {
            Some(token) => holder == Some(token),
            None => holder.is_some(),
        };
        if *released.borrow() {
            return;
        }
        if !is_held {
            let mut loose = loose.lock();
            if ours(&loose) == first {
                loose.remove(&name);
            }
            released.send_replace(true);
            return;
        }
    }
}

/// Keys of states are text; the 2010 scripts also used numbers.
fn key(value: &Value) -> String {
    crate::template::plain(value)
}

fn thread_names(engine: &Engine) -> Value {
    engine.threads().into_iter().map(|info| info.id).collect()
}

/// A sample that a script stores by itself.
fn store_sample(engine: &Engine, name: &str, arguments: &[Value]) -> Result<(), String> {
    let options = &engine.inner().options;
    let Some(sink) = &options.sink else {
        return Err("the program that runs this script stores no time series".into());
    };
    let Some(Value::Object(values)) = arguments.get(1) else {
        return Err("values are a map from fields to numbers".into());
    };
    let at = match arguments.get(2).and_then(Value::as_f64) {
        Some(seconds) => Timestamp::from_secs_f64(seconds),
        None => options.clock.now(),
    };
    let interval = arguments.get(3).and_then(Value::as_f64).unwrap_or(5.0);
    let collect = Collect {
        target: Target::Group(name.into()),
        interval: Span::from_secs_f64(interval.max(1.0)),
        fields: values
            .keys()
            .map(|name| CollectField {
                name: name.clone(),
                from: Path::of_key(name),
                kind: FieldKind::Gauge,
                heartbeat: None,
                min: None,
                max: None,
            })
            .collect(),
        graphs: Vec::new(),
        per: None,
    };
    let values = values
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_f64()));
    sink.collect(&Sample {
        collect: &collect,
        series: None,
        at,
        values: values.collect(),
        cwd: std::path::Path::new(""),
    })
}
