use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rem_time::Timestamp;
use tokio::time::Instant;

use super::{Thread, ThreadInfo};
use crate::engine::Engine;
use crate::event::Event;

/// Threads that have ended and are still shown; the oldest go first.
const ENDED_KEPT_MAX: usize = 100;

/// Every run thread of an engine by its name.
pub(crate) struct Threads {
    pub all: Mutex<BTreeMap<String, Arc<Thread>>>,
}

impl Threads {
    pub(crate) fn new() -> Self {
        Self {
            all: Mutex::default(),
        }
    }

    pub(crate) fn get(&self, id: &str) -> Option<Arc<Thread>> {
        self.all.lock().get(id).cloned()
    }

    pub(crate) fn infos(&self) -> Vec<ThreadInfo> {
        let all: Vec<Arc<Thread>> = self.all.lock().values().cloned().collect();
        all.iter().map(|thread| thread.info()).collect()
    }

    /// Waits for every thread to end, at most `grace`; then ends them.
    pub(crate) async fn stop(&self, engine: &Engine, grace: Duration) {
        let all: Vec<Arc<Thread>> = self.all.lock().values().cloned().collect();
        let end = Instant::now() + grace;
        for thread in all {
            let Some(mut task) = thread.task.lock().take() else {
                continue;
            };
            if tokio::time::timeout_at(end, &mut task).await.is_err() {
                task.abort();
                // Resolves as soon as what it ran has been dropped, and so ended.
                let _ = task.await;
                engine.tell(&Event::ThreadQuitting {
                    thread: thread.id.clone(),
                    why: "ended after the grace time",
                });
            }
        }
    }
}

/// The name, or the name with the next number that is free.
pub(super) fn free_id(all: &BTreeMap<String, Arc<Thread>>, name: &str) -> String {
    let is_free = |id: &str| all.get(id).is_none_or(|thread| !thread.is_running());
    if is_free(name) {
        return name.into();
    }
    let ids = (2_u64..).map(|number| format!("{name}.{number}"));
    ids.into_iter()
        .find(|id| is_free(id))
        .unwrap_or_else(|| name.into())
}

pub(super) fn prune(all: &mut BTreeMap<String, Arc<Thread>>) {
    let mut ended: Vec<(Option<Timestamp>, String)> = all
        .values()
        .filter(|thread| !thread.is_running())
        .map(|thread| (thread.facts.lock().last_finished, thread.id.clone()))
        .collect();
    let surplus = ended.len().saturating_sub(ENDED_KEPT_MAX);
    ended.sort();
    for (_, id) in ended.into_iter().take(surplus) {
        all.remove(&id);
    }
}
