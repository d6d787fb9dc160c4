//! The process itself.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::net::UnixStream as StdStream;
use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::{Instant, sleep, sleep_until};

use super::message::{Answer, Order};
use super::record::{self, Record};
use crate::call::{CUT_OFF, Call};

/// The pause between two tries to let go, once nobody waits for it.
const PAUSE: Duration = Duration::from_secs(1);
/// How long letting go is tried when it fails and fails.
const TRIED: Duration = Duration::from_secs(600);

/// Why a watchdog could not work. What it held it has let go.
#[derive(Debug, thiserror::Error)]
pub enum WatchdogError {
    /// Its standard input is no socket of ours.
    #[error("a watchdog is started by a storage, and its standard input is a socket")]
    Socket(#[source] io::Error),
    /// What it was told first makes no sense.
    #[error("the watchdog was not told what it is for")]
    Start,
    /// It cannot write down what it does, so it does nothing.
    #[error("the watchdog cannot write {path}")]
    Record {
        /// Where.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// The whole life of a watchdog: what the program does that a [`crate::Watchdog`]
/// starts. `socket` is its standard input. It moves into a session of its own, so that
/// no signal to our process group or terminal reaches it. The program should not end on
/// SIGTERM: it ends by itself when we do, and has let go then.
///
/// # Errors
/// If it was not started by a storage.
pub async fn watch(socket: StdStream) -> Result<(), WatchdogError> {
    // An error means that it leads its group already, which is as good.
    let _ = rustix::process::setsid();
    socket
        .set_nonblocking(true)
        .map_err(WatchdogError::Socket)?;
    let socket = UnixStream::from_std(socket).map_err(WatchdogError::Socket)?;
    let (read, write) = socket.into_split();
    let mut orders = BufReader::new(read).lines();
    let first = next(&mut orders).await;
    let Some(Order::Start {
        record,
        hold_max,
        exits_tried,
    }) = first
    else {
        return Err(WatchdogError::Start);
    };
    let failed = |source| WatchdogError::Record {
        path: record.clone(),
        source,
    };
    let lock = record::claim(&record).map_err(failed)?;
    Record::default().write(&record).map_err(failed)?;
    let mut keeper = Keeper {
        write: Some(write),
        holds: BTreeMap::new(),
        kept: Record::default(),
        record,
        hold_max: hold_max.as_duration(),
        exits_tried: exits_tried.max(1),
        deadline: None,
        gone: None,
        doubtful: Vec::new(),
        _lock: lock,
    };
    keeper.answer(&Answer::Ready).await;
    keeper.serve(orders).await;
    keeper.let_all_go().await;
    keeper.make_sure().await;
    Ok(())
}

async fn next(orders: &mut Lines<BufReader<OwnedReadHalf>>) -> Option<Order> {
    let line = orders.next_line().await.ok()??;
    serde_json::from_str(&line).ok()
}

struct Keeper {
    /// Nothing once nobody listens.
    write: Option<OwnedWriteHalf>,
    /// How each layer is let go that may be held; the deepest is let go first.
    holds: BTreeMap<usize, Call>,
    kept: Record,
    record: PathBuf,
    hold_max: Duration,
    exits_tried: u32,
    deadline: Option<Instant>,
    /// Why not everything is held any more.
    gone: Option<String>,
    /// How that is let go once more whose entry did not end by itself.
    doubtful: Vec<Call>,
    /// Others see by it whether we live.
    _lock: File,
}

impl Keeper {
    /// Until nobody gives orders any more.
    async fn serve(&mut self, mut orders: Lines<BufReader<OwnedReadHalf>>) {
        loop {
            let deadline = self.deadline.filter(|_| self.gone.is_none());
            let late = async {
                match deadline {
                    Some(deadline) => sleep_until(deadline).await,
                    None => std::future::pending().await,
                }
            };
            let order = tokio::select! {
                order = next(&mut orders) => order,
                () = late => {
                    self.late().await;
                    continue;
                }
            };
            match order {
                Some(Order::Hold { layer, entry, exit }) => {
                    self.hold(layer, &entry, *exit, &mut orders).await;
                }
                Some(Order::Ask) => {
                    let answer = match &self.gone {
                        None => Answer::Still,
                        Some(why) => Answer::Gone(why.clone()),
                    };
                    self.answer(&answer).await;
                }
                Some(Order::Release { layer, exit }) => {
                    let released = self.release(layer, *exit).await;
                    self.answer(&Answer::Released(released)).await;
                }
                // Nobody is there, nothing more comes, or nobody knows what was meant.
                Some(Order::End | Order::Start { .. }) | None => return,
            }
        }
    }

    async fn answer(&mut self, answer: &Answer) {
        let Ok(mut line) = serde_json::to_vec(answer) else {
            return;
        };
        line.push(b'\n');
        if let Some(write) = &mut self.write
            && write.write_all(&line).await.is_err()
        {
            self.write = None;
        }
    }

    /// Stops writing. Once we are alone or late it is let go as soon as the entry has
    /// ended: an exit beside its entry could come too early for what it should let go.
    async fn hold(
        &mut self,
        layer: usize,
        entry: &Call,
        exit: Call,
        orders: &mut Lines<BufReader<OwnedReadHalf>>,
    ) {
        if let Some(why) = &self.gone {
            let why = why.clone();
            return self.answer(&Answer::Held(Err(why))).await;
        }
        self.kept.held.insert(layer);
        if let Err(why) = self.kept.write(&self.record) {
            let why = format!("cannot write {}: {why}", self.record.display());
            self.kept.held.remove(&layer);
            return self.answer(&Answer::Held(Err(why))).await;
        }
        let deadline = *self
            .deadline
            .get_or_insert_with(|| Instant::now() + self.hold_max);
        self.holds.insert(layer, exit.clone());
        let mut entry = std::pin::pin!(entry.run());
        let (said, alone) = tokio::select! {
            said = &mut entry => (said, None),
            // Nobody orders anything while an entry runs: this is the end of the socket.
            _ = orders.next_line() => {
                (entry.await, Some("whoever stopped writing is gone".to_owned()))
            }
            () = sleep_until(deadline) => (entry.await, Some(self.too_long())),
        };
        if said.as_ref().is_err_and(|why| why.starts_with(CUT_OFF)) {
            self.doubtful.push(exit);
        }
        let said = match alone {
            None => said,
            Some(why) => {
                self.gone = Some(why.clone());
                self.let_all_go().await;
                Err(why)
            }
        };
        self.answer(&Answer::Held(said)).await;
    }

    /// An entry that was cut off may hang in the kernel and stop writing after all, a
    /// moment after its exit.
    async fn make_sure(&mut self) {
        if self.doubtful.is_empty() {
            return;
        }
        sleep(PAUSE).await;
        for exit in self.doubtful.iter().rev() {
            if let Err(why) = exit.run().await {
                tracing::error!(%why, "what an entry that was cut off may hold is not let go");
            }
        }
    }

    fn too_long(&self) -> String {
        format!(
            "writing was stopped for {} and goes on",
            rem_time::Span::from_millis(u64::try_from(self.hold_max.as_millis()).unwrap_or(0))
        )
    }

    async fn late(&mut self) {
        let why = self.too_long();
        self.gone = Some(why.clone());
        self.try_all().await;
        self.answer(&Answer::Gone(why)).await;
    }

    async fn release(&mut self, layer: usize, exit: Call) -> Result<(), String> {
        if self.kept.let_go.contains(&layer) {
            // It must not be let go twice: by now it may be somebody else's.
            return Ok(());
        }
        self.holds.insert(layer, exit);
        let mut last = Ok(());
        for _ in 0..self.exits_tried {
            last = self.try_one(layer).await;
            if last.is_ok() {
                break;
            }
        }
        last
    }

    async fn try_one(&mut self, layer: usize) -> Result<(), String> {
        let Some(exit) = self.holds.get(&layer) else {
            return Ok(());
        };
        exit.run().await?;
        self.holds.remove(&layer);
        self.kept.let_go.insert(layer);
        if let Err(why) = self.kept.write(&self.record) {
            tracing::error!(%why, "cannot write down what was let go");
        }
        Ok(())
    }

    /// Tries to let go of everything, the deepest layer first.
    async fn try_all(&mut self) {
        let layers: Vec<usize> = self.holds.keys().rev().copied().collect();
        for layer in layers {
            // What stays is tried again.
            let _ = self.try_one(layer).await;
        }
    }

    /// Lets go of everything, as often as that takes.
    async fn let_all_go(&mut self) {
        let give_up = Instant::now() + TRIED;
        loop {
            self.try_all().await;
            if self.holds.is_empty() || give_up < Instant::now() {
                return;
            }
            sleep(PAUSE).await;
        }
    }
}
