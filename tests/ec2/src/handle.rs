use std::sync::Arc;
use std::sync::mpsc;
use std::time::Instant;

use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::fault::{Fault, Faults};
use crate::params::Params;
use crate::server;
use crate::state::Pace;
use crate::world::World;

/// The key that it knows.
pub const KEY: &str = "AKIDREMFAKE";
/// What goes with [`KEY`]; signatures are not verified.
pub const SECRET: &str = "not-secret";
/// Things on one page, if a request does not want fewer.
pub const PAGE: usize = 5;

/// A request that came.
#[derive(Clone, Debug)]
pub struct Seen {
    /// When.
    pub at: Instant,
    /// Which action.
    pub action: String,
    /// With what.
    pub params: Params,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) world: World,
    pub(crate) faults: Faults,
    pub(crate) seen: Vec<Seen>,
}

/// An EC2 on a port of its own, in a thread of its own; gone when it is dropped.
#[derive(Debug)]
pub struct FakeEc2 {
    endpoint: String,
    inner: Arc<Mutex<Inner>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl FakeEc2 {
    /// An empty one in one region of two zones with one image. States change at the
    /// second look.
    ///
    /// # Panics
    /// If no port is free.
    #[allow(clippy::expect_used, reason = "a test cannot go on without its fake")]
    pub fn start() -> Self {
        let inner = Arc::new(Mutex::new(Inner {
            world: World::new(),
            faults: Faults::default(),
            seen: Vec::new(),
        }));
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = mpsc::channel();
        let own = inner.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
                tell.send(listener.local_addr().expect("an address"))
                    .expect("somebody waits");
                tokio::select! {
                    () = server::serve(listener, own) => {}
                    _ = stopped => {}
                }
            });
        });
        let address = told.recv().expect("the fake starts");
        Self {
            endpoint: format!("http://{address}"),
            inner,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// Where it is asked.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// How long states take from now on.
    pub fn pace(&self, pace: Pace) {
        self.inner.lock().world.pace = pace;
    }

    /// Every state becomes what it becomes.
    pub fn settle(&self) {
        self.inner.lock().world.settle();
    }

    /// What is made from now on is not there for this many looks.
    pub fn hide_new_for(&self, looks: u32) {
        self.inner.lock().world.hide_new_for = looks;
    }

    /// Everything is there for everybody.
    pub fn reveal(&self) {
        self.inner.lock().world.reveal();
    }

    /// The next `times` requests of an action go wrong; `*` is every action.
    pub fn fail(&self, action: &str, times: u32, fault: Fault) {
        self.fail_after(action, 0, times, fault);
    }

    /// The same, after so many good answers.
    pub fn fail_after(&self, action: &str, after: u32, times: u32, fault: Fault) {
        self.inner.lock().faults.add(action, after, times, fault);
    }

    /// Nothing goes wrong any more.
    pub fn mend(&self) {
        self.inner.lock().faults = Faults::default();
    }

    /// Running instances.
    pub fn with_instances(&self, count: usize) -> Vec<String> {
        self.inner.lock().world.run(count)
    }

    /// The ids of all instances that are not gone, with their states.
    pub fn instances(&self) -> Vec<(String, String)> {
        self.inner.lock().world.alive()
    }

    /// Every request so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.inner.lock().seen.clone()
    }

    /// Forgets the requests so far.
    pub fn forget(&self) {
        self.inner.lock().seen.clear();
    }

    /// The requests of an action that were meant, not dry runs.
    pub fn meant(&self, action: &str) -> Vec<Params> {
        let is_meant = |seen: &&Seen| seen.action == action && !seen.params.is("DryRun");
        let inner = self.inner.lock();
        let meant = inner.seen.iter().filter(is_meant);
        meant.map(|seen| seen.params.clone()).collect()
    }

    /// How many of them there were.
    pub fn sent(&self, action: &str) -> usize {
        self.meant(action).len()
    }
}

impl Drop for FakeEc2 {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It ends at once, or has panicked and said so.
            let _ = thread.join();
        }
    }
}
