use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::BufReader;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};

use super::frame::{self, Answer, Request, Response};
use super::storage;
use crate::ack::Ack;
use crate::core::{Command, Reply};
use crate::error::{Error, Refusal, Result};
use crate::live::Shelf;
use crate::wire::Wire;

/// Requests of one process under way here; more have to wait in the socket.
const REQUESTS_MAX: usize = 65_536;

/// A way to the socket that is short enough for the kernel however long the
/// folder's path is: through a descriptor of the folder.
pub(super) struct SocketPath {
    _dir: File,
    path: PathBuf,
}

impl SocketPath {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

pub(super) fn socket_path(dir: &Path) -> io::Result<SocketPath> {
    named(dir, "socket")
}

fn named(dir: &Path, name: &str) -> io::Result<SocketPath> {
    let dir = File::open(dir)?;
    let path = format!("/proc/self/fd/{}/{name}", dir.as_raw_fd());
    Ok(SocketPath {
        path: path.into(),
        _dir: dir,
    })
}

/// The socket of the owner, for this user alone.
pub(super) fn listen(dir: &Path) -> Result<UnixListener> {
    let bind = || {
        let draft = named(dir, "socket.draft")?;
        let _ = fs::remove_file(draft.path());
        let listener = UnixListener::bind(draft.path())?;
        fs::set_permissions(draft.path(), fs::Permissions::from_mode(0o600))?;
        // Under its own name only once nobody else can connect to it.
        fs::rename(draft.path(), socket_path(dir)?.path())?;
        Ok(listener)
    };
    bind().map_err(|source| storage("listen on", &dir.join("socket"), source))
}

pub(super) async fn serve(
    listener: &UnixListener,
    shelf: &Arc<Shelf>,
    closing: &mut watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let shelf = shelf.clone();
                    connections.spawn(async move {
                        if let Err(error) = talk(stream, shelf).await {
                            tracing::debug!(%error, "an attached process is gone");
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a process");
                    tokio::time::sleep(super::ELECTION_PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
            _ = closing.changed() => return,
        }
    }
}

/// The requests of one connection that are being worked on.
type Running = Arc<Mutex<HashMap<u64, AbortHandle>>>;

async fn talk(stream: UnixStream, shelf: Arc<Shelf>) -> io::Result<()> {
    let them = stream.peer_cred()?.uid();
    let us = rustix::process::getuid().as_raw();
    if them != us && them != 0 {
        return Err(frame::invalid("the process belongs to another user"));
    }
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    frame::greet(&mut read, &mut write).await?;
    let (out, frames) = mpsc::unbounded_channel();
    tokio::select! {
        result = answer_all(read, &shelf, &out) => result,
        result = frame::write_all_from(frames, write) => result,
    }
}

async fn answer_all(
    mut read: BufReader<tokio::net::unix::OwnedReadHalf>,
    shelf: &Arc<Shelf>,
    out: &mpsc::UnboundedSender<Vec<u8>>,
) -> io::Result<()> {
    let running: Running = Arc::default();
    let mut tasks = JoinSet::new();
    loop {
        let body = tokio::select! {
            body = frame::read(&mut read) => body?,
            Some(_) = tasks.join_next() => continue,
        };
        let request =
            Request::from_bytes(&body).map_err(|_| frame::invalid("a request makes no sense"))?;
        if request.command == Command::Tick {
            if let Some(task) = running.lock().remove(&request.number) {
                task.abort();
                let (number, result) = (request.number, Err(Refusal::Timeout));
                let _ = out.send(frame::of(&Response { number, result }));
            }
            continue;
        }
        if REQUESTS_MAX <= tasks.len() {
            tasks.join_next().await;
        }
        let (number, shelf, out) = (request.number, shelf.clone(), out.clone());
        let done = running.clone();
        let task = tasks.spawn(async move {
            let result = answer(&shelf, &request).await;
            done.lock().remove(&number);
            if number != 0 {
                let result = result.map(Answer::new).map_err(Error::into_refusal);
                let _ = out.send(frame::of(&Response { number, result }));
            }
        });
        if number != 0 && !task.is_finished() {
            running.lock().insert(number, task);
        }
    }
}

async fn answer(shelf: &Shelf, request: &Request) -> Result<(Reply, Ack)> {
    let bucket = shelf.bucket(&request.key.name, request.key.mode)?;
    let (op, wait, level) = (request.op, request.wait, request.key.level);
    bucket.ask(op, &request.command, wait, level).await
}
