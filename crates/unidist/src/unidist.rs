use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use rem_time::{Clock, Timestamp};

use crate::ack::{Ack, Durability, OpId};
use crate::bucket::{AnyBucket, Available, Bucket, Consistency, Consistent, Raw, Ways};
use crate::clock::{Stamps, SteadyClock};
use crate::core::{Command, Name, Reply};
use crate::counter::Cell;
use crate::error::{Error, Result};
use crate::live::{BucketKey, Shelf, Wait};
use crate::node::{FileOpts, Node, flush_counters};
use crate::spec::{BucketCfg, BucketSpec, Mode};
use crate::store::Disk;

/// Where the buckets are. Cheap to clone; the last clone closes it.
#[derive(Clone, Debug)]
pub struct Unidist {
    pub(crate) desk: Arc<Desk>,
}

/// What the handles of one [`Unidist`] share.
#[derive(Debug)]
pub(crate) struct Desk {
    home: Home,
    clock: Arc<dyn Clock>,
    cells: Mutex<HashMap<(Name, Name), Arc<Cell>>>,
    owner: Name,
    pid: u32,
    last_op: AtomicU64,
}

#[derive(Debug)]
enum Home {
    Memory(Shelf),
    File(Arc<Node>),
}

impl Unidist {
    /// Buckets in this process only; they end with it. Since when a lock is
    /// held is told to a few milliseconds, because it is asked for on every
    /// acquisition; with [`Self::memory_with`] it is what the clock said.
    pub fn memory() -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SteadyClock::starting_now());
        let shelf = Shelf::new(clock.clone(), Stamps::rough());
        Self::new(Home::Memory(shelf), clock)
    }

    /// Buckets in this process, whose leases and limits run by `clock`. After
    /// moving a clock by hand, call [`Self::tick`].
    pub fn memory_with(clock: Arc<dyn Clock>) -> Self {
        let shelf = Shelf::new(clock.clone(), Stamps::exact());
        Self::new(Home::Memory(shelf), clock)
    }

    fn new(home: Home, clock: Arc<dyn Clock>) -> Self {
        let desk = Desk {
            home,
            clock,
            cells: Mutex::default(),
            owner: default_owner(),
            pid: std::process::id(),
            last_op: AtomicU64::new(0),
        };
        Self {
            desk: Arc::new(desk),
        }
    }

    /// Buckets in the files of a folder, which is made if need be. The first
    /// process to open it owns it; others attach to that one, and one of them
    /// takes over when it ends, however it does.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if a file is damaged; [`Error::Storage`] if the folder
    /// cannot be used; [`Error::Unsupported`] for a durability no file has.
    pub async fn open(dir: impl AsRef<Path>, opts: FileOpts) -> Result<Self> {
        check_durability(&opts)?;
        let node = Node::open(dir.as_ref(), opts).await?;
        Ok(Self::on_node(node))
    }

    /// Buckets in the files of a disk that nobody else uses meanwhile: one of
    /// one's own, or a [`crate::SimDisk`].
    ///
    /// # Errors
    /// As [`Self::open`].
    #[allow(
        clippy::needless_pass_by_value,
        reason = "the disk is the store's from now on"
    )]
    pub fn open_on(disk: Arc<dyn Disk>, opts: FileOpts) -> Result<Self> {
        check_durability(&opts)?;
        let node = Node::alone(&disk, opts)?;
        Ok(Self::on_node(Arc::new(node)))
    }

    fn on_node(node: Arc<Node>) -> Self {
        let (clock, dirty) = (node.opts.clock.clone(), node.dirty.clone());
        let unidist = Self::new(Home::File(node), clock);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(flush_counters(Arc::downgrade(&unidist.desk), dirty));
        }
        unidist
    }

    /// Whether this process owns the buckets; otherwise it is attached to the owner.
    pub fn is_owner(&self) -> bool {
        match &self.desk.home {
            Home::Memory(_) => true,
            Home::File(node) => node.is_owner(),
        }
    }

    /// A new name for a write, to be repeated under it if need be
    /// ([`crate::Bucket::with_op`]).
    pub fn next_op(&self) -> OpId {
        match &self.desk.home {
            Home::Memory(_) => OpId {
                client: 0,
                seq: self.desk.last_op.fetch_add(1, Ordering::Relaxed) + 1,
            },
            Home::File(node) => node.next_op(),
        }
    }

    /// The bucket `name`, which refuses to answer rather than answer wrongly.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the durability asked for cannot be proved here;
    /// [`Error::Invalid`] if the bucket was created as available.
    pub fn consistent(&self, name: &str, spec: BucketSpec) -> Result<Bucket<Consistent>> {
        self.bucket(name, spec)
    }

    /// The bucket `name`, which answers with what it has.
    ///
    /// # Errors
    /// As [`Self::consistent`], the other way round.
    pub fn available(&self, name: &str, spec: BucketSpec) -> Result<Bucket<Available>> {
        self.bucket(name, spec)
    }

    /// The bucket that a configuration file describes.
    ///
    /// # Errors
    /// As [`Self::consistent`].
    pub fn bucket_any(&self, cfg: &BucketCfg) -> Result<AnyBucket> {
        let spec = BucketSpec {
            durability: cfg.durability,
        };
        Ok(match cfg.mode {
            Mode::Consistent => AnyBucket::Consistent(self.consistent(&cfg.name, spec)?),
            Mode::Available => AnyBucket::Available(self.available(&cfg.name, spec)?),
        })
    }

    fn bucket<M: Consistency>(&self, name: &str, spec: BucketSpec) -> Result<Bucket<M>> {
        let best = self.best_durability();
        let level = spec.durability.unwrap_or(best);
        if best < level {
            return Err(Error::Unsupported {
                what: format!("durability `{level}`"),
                backend: self.desk.home.backend(),
            });
        }
        let name: Name = name.into();
        let live = match &self.desk.home {
            Home::Memory(shelf) => Some(shelf.bucket(&name, M::MODE)?),
            Home::File(node) => node.bucket_if_owner(&name, M::MODE)?,
        };
        let mode = M::MODE;
        Ok(Bucket::new(Raw::new(Ways {
            desk: self.desk.clone(),
            key: Arc::new(BucketKey { name, mode, level }),
            live,
        })))
    }

    /// The most that this backend can prove of a write.
    pub fn best_durability(&self) -> Durability {
        match &self.desk.home {
            Home::Memory(_) => Durability::Memory,
            Home::File(node) => node.best_durability(),
        }
    }

    /// Looks again at everything that time ends. Only needed with a clock that
    /// is moved by hand: those who wait do so in tokio's time.
    pub fn tick(&self) {
        match &self.desk.home {
            Home::Memory(shelf) => shelf.tick(),
            Home::File(node) => {
                if let Some(owner) = node.owner() {
                    owner.shelf.tick();
                }
            }
        }
    }
}

impl Home {
    fn backend(&self) -> &'static str {
        match self {
            Self::Memory(_) => "memory",
            Self::File(_) => "file",
        }
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        for cell in self.dirty_cells() {
            let (key, add) = cell.take_all();
            self.tell(&key, &add);
        }
    }
}

fn check_durability(opts: &FileOpts) -> Result<()> {
    match opts.durability {
        Durability::OsBuffer | Durability::Synced => Ok(()),
        level @ (Durability::Memory | Durability::SyncedQuorum) => Err(Error::Unsupported {
            what: format!("durability `{level}`"),
            backend: "file",
        }),
    }
}

impl Desk {
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The default lease of a lock: in memory none is needed, because a
    /// holder cannot outlive what it holds.
    pub(crate) fn default_lease(&self) -> Option<std::time::Duration> {
        match &self.home {
            Home::Memory(_) => None,
            Home::File(node) => Some(node.opts.lease),
        }
    }

    pub(crate) async fn ask(
        &self,
        key: &BucketKey,
        op: Option<OpId>,
        command: &Command,
        wait: Wait,
    ) -> Result<(Reply, Ack)> {
        match &self.home {
            Home::Memory(shelf) => {
                let op = op.map(|id| crate::core::Op { id, floor: 0 });
                let bucket = shelf.bucket(&key.name, key.mode)?;
                bucket.ask(op, command, wait, key.level).await
            }
            Home::File(node) => node.ask(key, op, command, wait).await,
        }
    }

    pub(crate) fn tell(&self, key: &BucketKey, command: &Command) {
        match &self.home {
            Home::Memory(shelf) => {
                if let Ok(bucket) = shelf.bucket(&key.name, key.mode) {
                    bucket.tell(command);
                }
            }
            Home::File(node) => node.tell(key, command),
        }
    }

    pub(crate) fn cell(&self, key: &Arc<BucketKey>, name: &str) -> Arc<Cell> {
        let id = (key.name.clone(), name.into());
        let mut cells = self.cells.lock();
        let make = || Arc::new(Cell::new(key.clone(), name));
        cells.entry(id).or_insert_with(make).clone()
    }

    /// Hands in what was added to the counters of one bucket.
    pub(crate) async fn flush_bucket(&self, key: &BucketKey) -> Result<()> {
        for cell in self.dirty_cells() {
            if cell.key.name == key.name {
                cell.flush(self).await?;
            }
        }
        Ok(())
    }

    pub(crate) fn dirty_cells(&self) -> Vec<Arc<Cell>> {
        let cells = self.cells.lock();
        cells
            .values()
            .filter(|cell| cell.is_dirty())
            .cloned()
            .collect()
    }

    pub(crate) async fn flush_all(&self) -> Result<()> {
        for cell in self.dirty_cells() {
            cell.flush(self).await?;
        }
        Ok(())
    }

    /// Something was added to a counter that had nothing to hand in before.
    pub(crate) fn mark_dirty(&self) {
        match &self.home {
            Home::Memory(_) => {}
            Home::File(node) => node.dirty.notify_one(),
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    pub(crate) fn default_owner(&self) -> Name {
        self.owner.clone()
    }
}

fn default_owner() -> Name {
    format!("process {}", std::process::id()).into()
}
