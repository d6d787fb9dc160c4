use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::BufReader;
use tokio::net::UnixStream;
use tokio::sync::{mpsc, oneshot};

use super::frame::{self, Request, Response};
use super::server;
use crate::ack::Ack;
use crate::core::{Command, Name, Op, Reply};
use crate::error::{Error, Result};
use crate::live::{BucketKey, Wait};
use crate::wire::Wire;

/// Requests under way to the owner; one more is refused.
const REQUESTS_MAX: usize = 65_536;

/// The connection to the owner.
#[derive(Debug)]
pub(super) struct Link {
    out: mpsc::UnboundedSender<Vec<u8>>,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    last: u64,
    closed: bool,
    answers: HashMap<u64, oneshot::Sender<Result<(Reply, Ack)>>>,
    /// Locks that may be granted to somebody who no longer waits.
    unwanted: HashMap<u64, (BucketKey, Name)>,
}

impl Link {
    /// Connects; the future returned reads answers until the owner is gone.
    pub(super) async fn connect(
        dir: &Path,
    ) -> io::Result<(Arc<Self>, impl Future<Output = ()> + use<>)> {
        let stream = UnixStream::connect(server::socket_path(dir)?.path()).await?;
        let (read, mut write) = stream.into_split();
        let mut read = BufReader::new(read);
        frame::greet(&mut read, &mut write).await?;
        let (out, frames) = mpsc::unbounded_channel();
        let link = Arc::new(Self {
            out,
            waiting: Mutex::default(),
        });
        let reader = link.clone();
        let reading = async move {
            let reader = Closing(reader);
            tokio::select! {
                result = reader.0.read(read) => {
                    if let Err(error) = result { tracing::debug!(%error, "link to the owner closed") }
                }
                _ = frame::write_all_from(frames, write) => {}
            }
        };
        Ok((link, reading))
    }

    async fn read(&self, mut from: impl tokio::io::AsyncReadExt + Unpin) -> io::Result<()> {
        loop {
            let body = frame::read(&mut from).await?;
            let response = Response::from_bytes(&body)
                .map_err(|_| frame::invalid("an answer makes no sense"))?;
            let (waiting, unwanted) = {
                let mut all = self.waiting.lock();
                let number = response.number;
                (all.answers.remove(&number), all.unwanted.remove(&number))
            };
            let result = response.result.map(frame::Answer::into_parts);
            if let (Some((key, name)), Ok((Reply::Token { token }, _))) = (unwanted, &result) {
                let token = *token;
                self.tell(&key, &Command::LockRelease { name, token });
            }
            if let Some(waiting) = waiting {
                let _ = waiting.send(result.map_err(Error::from));
            }
        }
    }

    /// `None`: the owner was gone before it answered.
    pub(super) async fn ask(
        &self,
        key: &BucketKey,
        op: Option<Op>,
        command: &Command,
        wait: Wait,
    ) -> Option<Result<(Reply, Ack)>> {
        let (answer, answered) = oneshot::channel();
        let number = {
            let mut waiting = self.waiting.lock();
            if waiting.closed {
                return None;
            }
            if REQUESTS_MAX <= waiting.answers.len() {
                return Some(Err(Error::Full {
                    what: "requests under way to the owner of the folder".into(),
                    limit: REQUESTS_MAX as u64,
                }));
            }
            waiting.last += 1;
            let number = waiting.last;
            waiting.answers.insert(number, answer);
            number
        };
        let mut giving_up = GivingUp {
            link: self,
            number,
            key,
            command,
            done: false,
        };
        self.send(number, key, op, command, wait);
        let result = answered.await.ok();
        giving_up.done = true;
        result
    }

    fn send(&self, number: u64, key: &BucketKey, op: Option<Op>, command: &Command, wait: Wait) {
        let request = Request {
            number,
            key: key.clone(),
            op,
            wait,
            command: command.clone(),
        };
        let _ = self.out.send(frame::of(&request));
    }

    pub(super) fn tell(&self, key: &BucketKey, command: &Command) {
        self.send(0, key, None, command, Wait::No);
    }
}

/// Ends all waiting when the reading ends, however it does.
struct Closing(Arc<Link>);

impl Drop for Closing {
    fn drop(&mut self) {
        let mut waiting = self.0.waiting.lock();
        waiting.closed = true;
        waiting.answers.clear();
    }
}

/// Tells the owner that nobody waits for a request any more.
struct GivingUp<'a> {
    link: &'a Link,
    number: u64,
    key: &'a BucketKey,
    command: &'a Command,
    done: bool,
}

impl Drop for GivingUp<'_> {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        let mut waiting = self.link.waiting.lock();
        waiting.answers.remove(&self.number);
        if let Command::LockTake { take } = self.command {
            let unwanted = (self.key.clone(), take.name.clone());
            waiting.unwanted.insert(self.number, unwanted);
        }
        drop(waiting);
        // A tick is nothing to ask for: it takes back the request of this number.
        self.link
            .send(self.number, self.key, None, &Command::Tick, Wait::No);
    }
}
