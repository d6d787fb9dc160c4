//! What runs in the task of a thread.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::{Thread, Work};
use crate::engine::Engine;
use crate::event::Event;
use crate::run::State;

/// Runs at a fixed rate until the lock is released or the time is over. Runs
/// that would have begun while one still ran are left out.
pub(super) async fn repeat(
    engine: Engine,
    thread: Arc<Thread>,
    mut released: watch::Receiver<bool>,
) {
    let _ending = Ending(Arc::clone(&thread));
    engine.tell(&Event::ThreadStarting {
        thread: thread.id.clone(),
    });
    let began = Instant::now();
    let mut next = began;
    let why = loop {
        let definition = Arc::clone(&*thread.definition.lock());
        let Work::Item { item, cache, block } = &definition.work else {
            break "it has nothing to repeat";
        };
        if *released.borrow() {
            break "its lock was released";
        }
        if cache
            .duration
            .is_some_and(|duration| began.elapsed() >= duration.into())
        {
            break "its time is over";
        }
        thread.run_item(&engine, &definition, item, block).await;
        let interval: Duration = cache.interval.into();
        next += interval;
        if let Some(late) = Instant::now().checked_duration_since(next) {
            let missed = late.as_nanos() / interval.as_nanos().max(1) + 1;
            next += interval.saturating_mul(u32::try_from(missed).unwrap_or(u32::MAX));
        }
        tokio::select! {
            () = sleep_until(next) => {}
            // An error means that the lock is gone.
            _ = released.wait_for(|released| *released) => break "its lock was released",
        }
    };
    thread.facts.lock().is_running = false;
    engine.tell(&Event::ThreadQuitting {
        thread: thread.id.clone(),
        why,
    });
}

pub(super) async fn once(engine: Engine, thread: Arc<Thread>) {
    let _ending = Ending(Arc::clone(&thread));
    engine.tell(&Event::ThreadStarting {
        thread: thread.id.clone(),
    });
    let definition = Arc::clone(&*thread.definition.lock());
    if let Work::Chain(chain) = &definition.work {
        let mut state = State::new(definition.pipe_data.clone(), definition.cwd.clone());
        let started = thread.begin(&engine);
        let began = Instant::now();
        let result = definition
            .run
            .chain(chain, &definition.parent, &mut state)
            .await;
        let output = result.map(|()| state.pipe_data);
        thread.end(&engine, started, began, output);
    }
    thread.facts.lock().is_running = false;
    engine.tell(&Event::ThreadQuitting {
        thread: thread.id.clone(),
        why: "its chain has ended",
    });
}

/// Whatever ends the task of a thread, nobody waits for it afterwards.
struct Ending(Arc<Thread>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.facts.lock().is_running = false;
        self.0.latest.send_if_modified(|latest| {
            let is_missing = latest.is_none();
            if is_missing {
                *latest = Some(Err("it ended without a result".into()));
            }
            is_missing
        });
    }
}
