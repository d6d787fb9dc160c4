use std::sync::Arc;

use parking_lot::Mutex;
use rem_time::Timestamp;
use tokio::sync::{mpsc, oneshot};

/// Reloads that wait; whoever asks while so many wait is told to come again.
const WAITING_MAX: usize = 16;

/// Asks whoever runs the monitor to read its file again. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Reload {
    asks: mpsc::Sender<Ask>,
    last: Arc<Mutex<Option<ReloadOutcome>>>,
}

type Ask = oneshot::Sender<Result<String, String>>;

/// Where the asks arrive: whoever reads the file holds this.
#[derive(Debug)]
pub struct ReloadRequests {
    asks: mpsc::Receiver<Ask>,
    last: Arc<Mutex<Option<ReloadOutcome>>>,
}

/// Somebody who waits for an answer.
#[derive(Debug)]
pub struct ReloadRequest(Ask);

/// What became of the last time the file was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReloadOutcome {
    /// When.
    pub at: Timestamp,
    /// What changed, such as `2 monitors added`, or what is wrong in the file;
    /// then everything goes on as it was.
    pub result: Result<String, String>,
}

impl Reload {
    /// Both ends.
    pub fn channel() -> (Self, ReloadRequests) {
        let (sender, asks) = mpsc::channel(WAITING_MAX);
        let last = Arc::new(Mutex::new(None));
        let reload = Self {
            asks: sender,
            last: Arc::clone(&last),
        };
        (reload, ReloadRequests { asks, last })
    }

    /// Asks, and waits until it is done: what changed.
    ///
    /// # Errors
    /// What is wrong in the file, or that nobody reads it any more.
    pub async fn ask(&self) -> Result<String, String> {
        let (sender, answer) = oneshot::channel();
        if self.asks.try_send(sender).is_err() {
            return Err("nobody takes reloads just now".into());
        }
        let nobody = |_| Err("the monitor is stopping".into());
        answer.await.unwrap_or_else(nobody)
    }

    /// What became of the last time; `None` since the start.
    pub fn last(&self) -> Option<ReloadOutcome> {
        self.last.lock().clone()
    }
}

impl ReloadRequests {
    /// The next one who asks; waits for ever when nobody can.
    pub async fn next(&mut self) -> ReloadRequest {
        match self.asks.recv().await {
            Some(ask) => ReloadRequest(ask),
            None => std::future::pending().await,
        }
    }

    /// Says what became of a reload, whoever asked for it.
    pub fn done(&self, at: Timestamp, result: Result<String, String>) {
        *self.last.lock() = Some(ReloadOutcome { at, result });
    }
}

impl ReloadRequest {
    /// Answers whoever asked.
    pub fn answer(self, result: Result<String, String>) {
        // It may have gone away meanwhile.
        let _ = self.0.send(result);
    }
}
