//! The file backend of one process: it owns the folder, or it is attached to
//! the process that does and takes over when that one is gone.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use rem_time::Clock;
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use crate::ack::{Ack, Durability, OpId};
use crate::core::{Command, Op, Reply};
use crate::error::{Error, Result};
use crate::live::{BucketKey, LiveBucket, Shelf, Wait};
use crate::spec::Mode;
use crate::store::disk::DirDisk;
use crate::store::{Disk, Log, recover};
use link::Link;

mod frame;
mod link;
mod options;
mod server;

pub use options::{FileOpts, OnRestart};

/// How soon a process tries again to own the folder, or to reach its owner.
const ELECTION_PAUSE: Duration = Duration::from_millis(2);
/// How soon counters added to in memory are handed in.
const FLUSH_PAUSE: Duration = Duration::from_millis(20);

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) opts: FileOpts,
    role: watch::Sender<Role>,
    closing: watch::Sender<bool>,
    io: Mutex<Option<std::thread::JoinHandle<()>>>,
    pub(crate) dirty: Arc<tokio::sync::Notify>,
    client: u64,
    last_op: AtomicU64,
    /// The operations of this process that may still be repeated.
    open_ops: Mutex<std::collections::BTreeSet<u64>>,
}

#[derive(Clone, Debug)]
enum Role {
    /// Nobody owns the folder that we know of; it will not take long.
    Seeking,
    Owner(Arc<Owner>),
    Attached(Arc<Link>),
    Failed(Error),
}

/// The right to the folder, and what is in it.
#[derive(Debug)]
pub(crate) struct Owner {
    pub(crate) shelf: Arc<Shelf>,
    log: Arc<Log>,
    /// The kernel frees it with the process.
    _lock: Option<File>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.log.close();
    }
}

impl Owner {
    fn open(disk: &Arc<dyn Disk>, opts: &FileOpts, lock: Option<File>) -> Result<Self> {
        let recovered = recover(disk, opts.limits())?;
        let log = recovered.log;
        let shelf = Shelf::restored(opts.clock.clone(), log.clone(), recovered.buckets);
        let shelf = Arc::new(shelf);
        log.start(Arc::downgrade(&shelf))?;
        let owner = Self {
            shelf,
            log,
            _lock: lock,
        };
        let release_locks = opts.on_restart == OnRestart::Release;
        for bucket in owner.shelf.all() {
            bucket.execute(None, &Command::Opened { release_locks })?;
        }
        Ok(owner)
    }
}

impl Node {
    /// A node on a disk that nobody else uses.
    pub(crate) fn alone(disk: &Arc<dyn Disk>, opts: FileOpts) -> Result<Self> {
        let owner = Owner::open(disk, &opts, None)?;
        Ok(Self::new(opts, Role::Owner(Arc::new(owner))))
    }

    fn new(opts: FileOpts, role: Role) -> Self {
        Self {
            opts,
            role: watch::Sender::new(role),
            closing: watch::Sender::new(false),
            io: Mutex::new(None),
            dirty: Arc::default(),
            client: random(),
            last_op: AtomicU64::new(0),
            open_ops: Mutex::default(),
        }
    }

    /// Owns the folder, or attaches to who does.
    pub(crate) async fn open(dir: &Path, opts: FileOpts) -> Result<Arc<Self>> {
        prepare(dir)?;
        let node = Arc::new(Self::new(opts, Role::Seeking));
        let (ready, opened) = oneshot::channel();
        let io = Io {
            dir: dir.into(),
            opts: node.opts.clone(),
            role: node.role.clone(),
            closing: node.closing.subscribe(),
        };
        let thread = std::thread::Builder::new()
            .name("unidist-io".into())
            .spawn(move || io.run(ready))
            .map_err(|source| storage("start a thread for", dir, source))?;
        *node.io.lock() = Some(thread);
        match opened.await {
            Ok(result) => result.map(|()| node),
            Err(_) => Err(unavailable("the thread of the file backend ended")),
        }
    }

    pub(crate) fn is_owner(&self) -> bool {
        matches!(&*self.role.borrow(), Role::Owner(_))
    }

    pub(crate) fn owner(&self) -> Option<Arc<Owner>> {
        match &*self.role.borrow() {
            Role::Owner(owner) => Some(owner.clone()),
            Role::Seeking | Role::Attached(_) | Role::Failed(_) => None,
        }
    }

    pub(crate) fn next_op(&self) -> OpId {
        let seq = self.last_op.fetch_add(1, Ordering::Relaxed) + 1;
        let client = self.client;
        OpId { client, seq }
    }

    pub(crate) async fn ask(
        &self,
        key: &BucketKey,
        given: Option<OpId>,
        command: &Command,
        wait: Wait,
    ) -> Result<(Reply, Ack)> {
        if !command.writes() {
            return self.ask_as(key, None, command, wait).await;
        }
        let mut open = OpenOp::new(self, given);
        let op = Op {
            id: open.id,
            floor: open.floor,
        };
        let result = self.ask_as(key, Some(op), command, wait).await;
        // One that may have been applied stays open: its answer must be kept.
        open.keep = matches!(result, Err(Error::Indeterminate { .. }));
        result
    }

    async fn ask_as(
        &self,
        key: &BucketKey,
        op: Option<Op>,
        command: &Command,
        wait: Wait,
    ) -> Result<(Reply, Ack)> {
        let mut role = self.role.subscribe();
        let started = Instant::now();
        let mut sent = false;
        loop {
            let now = role.borrow_and_update().clone();
            match now {
                Role::Owner(owner) => {
                    let bucket = owner.shelf.bucket(&key.name, key.mode)?;
                    drop(owner);
                    return bucket.ask(op, command, wait, key.level).await;
                }
                Role::Attached(link) => {
                    let limit = limit_of(wait, self.opts.op_timeout);
                    let answer = link.ask(key, op, command, wait);
                    match timeout(limit, answer).await {
                        Some(Some(answer)) => return answer,
                        // The owner is gone: the next one knows what it had applied.
                        Some(None) => sent = true,
                        None => return Err(undecided(true, op)),
                    }
                }
                Role::Failed(error) => return Err(error),
                Role::Seeking => {}
            }
            let left = self.opts.op_timeout.saturating_sub(started.elapsed());
            if timeout(Some(left), role.changed()).await.is_none() {
                return Err(undecided(sent, op));
            }
        }
    }

    pub(crate) fn tell(&self, key: &BucketKey, command: &Command) {
        let role = self.role.borrow().clone();
        match role {
            Role::Owner(owner) => {
                if let Ok(bucket) = owner.shelf.bucket(&key.name, key.mode) {
                    bucket.tell(command);
                }
            }
            Role::Attached(link) => link.tell(key, command),
            Role::Seeking | Role::Failed(_) => {}
        }
    }

    pub(crate) fn bucket_if_owner(
        &self,
        name: &crate::core::Name,
        mode: Mode,
    ) -> Result<Option<Arc<LiveBucket>>> {
        self.owner()
            .map(|owner| owner.shelf.bucket(name, mode))
            .transpose()
    }

    pub(crate) fn best_durability(&self) -> Durability {
        self.opts.durability
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.closing.send_replace(true);
        if let Some(io) = self.io.lock().take() {
            // A panic there has been reported by the panic hook.
            let _ = io.join();
        }
        self.role
            .send_replace(Role::Failed(unavailable("it was closed")));
    }
}

/// An operation under way: while it is, the answers of it and later ones are kept.
struct OpenOp<'a> {
    node: &'a Node,
    id: OpId,
    floor: u64,
    keep: bool,
}

impl<'a> OpenOp<'a> {
    fn new(node: &'a Node, given: Option<OpId>) -> Self {
        let mut open = node.open_ops.lock();
        let id = given.unwrap_or_else(|| node.next_op());
        if id.client == node.client {
            open.insert(id.seq);
        }
        // An operation that another program began is not ours to bound.
        let floor = if id.client == node.client {
            open.first().copied()
        } else {
            None
        };
        Self {
            node,
            id,
            floor: floor.unwrap_or(0),
            keep: false,
        }
    }
}

impl Drop for OpenOp<'_> {
    fn drop(&mut self) {
        if !self.keep && self.id.client == self.node.client {
            self.node.open_ops.lock().remove(&self.id.seq);
        }
    }
}

fn limit_of(wait: Wait, op_timeout: Duration) -> Option<Duration> {
    match wait {
        Wait::No => Some(op_timeout),
        Wait::Nanos { nanos } => Duration::from_nanos(nanos).checked_add(op_timeout),
        Wait::Forever => None,
    }
}

async fn timeout<T>(limit: Option<Duration>, work: impl Future<Output = T>) -> Option<T> {
    match limit {
        Some(limit) => tokio::time::timeout(limit, work).await.ok(),
        None => Some(work.await),
    }
}

fn undecided(sent: bool, op: Option<Op>) -> Error {
    match op {
        Some(op) if sent => Error::Indeterminate { op: op.id },
        _ => unavailable("the owner of the folder does not answer"),
    }
}

fn unavailable(reason: &str) -> Error {
    Error::Unavailable {
        reason: reason.into(),
        since: None,
    }
}

fn storage(doing: &'static str, file: &Path, source: std::io::Error) -> Error {
    Error::Storage {
        doing,
        file: file.into(),
        source: Arc::new(source),
    }
}

fn random() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    // Seeded from the system's randomness for every process.
    std::collections::hash_map::RandomState::new()
        .build_hasher()
        .finish()
}

fn prepare(dir: &Path) -> Result<()> {
    let made = fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir);
    made.map_err(|source| storage("make the folder", dir, source))
}

/// The thread that seeks a role, serves others as owner, and reads for us when attached.
struct Io {
    dir: PathBuf,
    opts: FileOpts,
    role: watch::Sender<Role>,
    closing: watch::Receiver<bool>,
}

impl Io {
    fn run(mut self, ready: oneshot::Sender<Result<()>>) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(source) => {
                let _ = ready.send(Err(storage("start a runtime for", &self.dir, source)));
                return;
            }
        };
        runtime.block_on(async {
            let mut ready = Some(ready);
            while !*self.closing.borrow() {
                let result = self.take_a_role(&mut ready).await;
                if let Err(error) = result {
                    self.role.send_replace(Role::Failed(error.clone()));
                    if let Some(ready) = ready.take() {
                        let _ = ready.send(Err(error));
                    }
                    return;
                }
            }
        });
    }

    async fn take_a_role(&mut self, ready: &mut Option<oneshot::Sender<Result<()>>>) -> Result<()> {
        let deadline = Instant::now() + self.opts.attach_timeout;
        let opened = |role: &watch::Sender<Role>, new: Role, ready: &mut Option<_>| {
            role.send_replace(new);
            if let Some(ready) = ready.take() {
                let _ = oneshot::Sender::send(ready, Ok(()));
            }
        };
        loop {
            if let Some(lock) = self.try_own()? {
                let listener = server::listen(&self.dir)?;
                let disk: Arc<dyn Disk> = Arc::new(DirDisk::new(&self.dir));
                let owner = Arc::new(Owner::open(&disk, &self.opts, Some(lock))?);
                opened(&self.role, Role::Owner(owner.clone()), ready);
                server::serve(&listener, &owner.shelf, &mut self.closing).await;
                self.role.send_replace(Role::Seeking);
                return Ok(());
            }
            if let Ok((link, reading)) = Link::connect(&self.dir).await {
                opened(&self.role, Role::Attached(link), ready);
                tokio::select! {
                    () = reading => tracing::info!("the owner of the folder is gone"),
                    _ = self.closing.changed() => {}
                }
                self.role.send_replace(Role::Seeking);
                return Ok(());
            }
            if deadline <= Instant::now() || *self.closing.borrow() {
                return Err(unavailable("the owner of the folder cannot be reached"));
            }
            tokio::time::sleep(ELECTION_PAUSE).await;
        }
    }

    /// The lock of the folder, if nobody has it.
    fn try_own(&self) -> Result<Option<File>> {
        let path = self.dir.join("lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(|source| storage("open", &path, source))?;
        let operation = rustix::fs::FlockOperation::NonBlockingLockExclusive;
        match rustix::fs::flock(&file, operation) {
            Ok(()) => Ok(Some(file)),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(storage("lock", &path, error.into())),
        }
    }
}

/// Hands in what was added to counters, soon after the first addition.
pub(crate) async fn flush_counters(
    desk: std::sync::Weak<crate::unidist::Desk>,
    dirty: Arc<tokio::sync::Notify>,
) {
    loop {
        dirty.notified().await;
        tokio::time::sleep(FLUSH_PAUSE).await;
        let Some(desk) = desk.upgrade() else {
            return;
        };
        if let Err(error) = desk.flush_all().await {
            tracing::warn!(%error, "cannot hand in counters; they are kept for the next time");
        }
    }
}

pub(crate) fn steady_clock() -> Arc<dyn Clock> {
    Arc::new(crate::clock::SteadyClock::starting_now())
}
