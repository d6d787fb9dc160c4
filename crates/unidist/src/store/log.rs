use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Poll, Waker};
use std::thread::JoinHandle;
use std::time::Instant;

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::disk::{Disk, DiskFile};
use super::gathering::Gathering;
use super::record::{self, RECORD_HEADER, SEGMENT_HEADER};
use crate::ack::Durability;
use crate::error::{Error, Result};

/// The log of one owner.
///
/// Commands are appended in memory and written by whoever commits: one thread of
/// the log for those who wait asynchronously, the waiting thread itself for those
/// who block. One write and one sync serve all that is pending.
#[derive(Debug)]
pub(crate) struct Log {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) limits: Limits,
    tail: Mutex<Tail>,
    /// Something is to be written.
    work: Condvar,
    /// The keeper has something to do.
    pub(super) chores: Condvar,
    head: Mutex<Head>,
    written: AtomicU64,
    durable: AtomicU64,
    sleepers: Mutex<Vec<(u64, Waker)>>,
    broken: OnceLock<Error>,
    is_broken: AtomicBool,
    threads: Mutex<Vec<JoinHandle<()>>>,
    spares_made: AtomicU64,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Bytes of a segment.
    pub segment_bytes: u64,
    /// Bytes of log after which a snapshot is taken.
    pub snapshot_bytes: u64,
    /// `Synced` or `OsBuffer`.
    pub durability: Durability,
}

/// The end of the log that commands are appended to.
#[derive(Debug)]
pub(super) struct Tail {
    chunks: VecDeque<Chunk>,
    next: u64,
    gathering: Gathering,
    /// Bytes left in the segment that the tail is in, and its first record.
    room: u64,
    pub(super) segment: u64,
    pub(super) spares: VecDeque<Spare>,
    pub(super) spare_wanted: bool,
    pub(super) since_snapshot: u64,
    pub(super) closing: bool,
}

/// A segment of zeros and its name for now.
type Spare = (String, Box<dyn DiskFile>);

/// Records for one segment.
#[derive(Debug)]
struct Chunk {
    bytes: Vec<u8>,
    last: u64,
    /// The spare that becomes the segment of these records.
    segment: Option<(u64, Spare)>,
}

/// Where the next write goes.
#[derive(Debug)]
struct Head {
    file: Box<dyn DiskFile>,
    name: String,
    offset: u64,
}

/// Where a log goes on.
pub(super) struct Position {
    pub file: Box<dyn DiskFile>,
    pub name: String,
    pub offset: u64,
    pub capacity: u64,
    pub segment: u64,
    pub next: u64,
    pub replayed_bytes: u64,
}

/// The right to append one record that fits. Others wait meanwhile.
pub(crate) struct Room<'a> {
    tail: MutexGuard<'a, Tail>,
    log: &'a Log,
}

thread_local! {
    static COMMIT_HERE: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Lets the calling thread write and sync by itself while `work` runs: without
/// an asynchronous runtime to keep free, handing it to a thread only costs time.
pub(crate) fn committing_here<T>(work: impl FnOnce() -> T) -> T {
    struct Reset(bool);
    impl Drop for Reset {
        fn drop(&mut self) {
            COMMIT_HERE.set(self.0);
        }
    }
    let _reset = Reset(COMMIT_HERE.replace(true));
    work()
}

pub(super) fn segment_name(first: u64) -> String {
    format!("wal-{first:020}")
}

impl Log {
    pub(super) fn new(disk: Arc<dyn Disk>, limits: Limits, at: Position) -> Self {
        Self {
            disk,
            limits,
            tail: Mutex::new(Tail {
                chunks: VecDeque::new(),
                next: at.next,
                gathering: Gathering::new(at.next),
                room: at.capacity.saturating_sub(at.offset),
                segment: at.segment,
                spares: VecDeque::new(),
                spare_wanted: true,
                since_snapshot: at.replayed_bytes,
                closing: false,
            }),
            work: Condvar::new(),
            chores: Condvar::new(),
            head: Mutex::new(Head {
                file: at.file,
                name: at.name,
                offset: at.offset,
            }),
            written: AtomicU64::new(at.next - 1),
            durable: AtomicU64::new(at.next - 1),
            sleepers: Mutex::default(),
            broken: OnceLock::new(),
            is_broken: AtomicBool::new(false),
            threads: Mutex::default(),
            spares_made: AtomicU64::new(0),
        }
    }

    /// Starts the thread that writes and the one that keeps house.
    pub(crate) fn start(
        self: &Arc<Self>,
        shelf: std::sync::Weak<crate::live::Shelf>,
    ) -> Result<()> {
        let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
            let thread = std::thread::Builder::new().name(name.into());
            let started = thread.spawn(work);
            started.map_err(|error| self.error("start a thread for", "", error))
        };
        let (writer, keeper) = (self.clone(), self.clone());
        let writer = spawn("unidist-log", Box::new(move || writer.write_until_closed()))?;
        self.threads.lock().push(writer);
        let keeper = spawn("unidist-keeper", Box::new(move || keeper.keep(&shelf)))?;
        self.threads.lock().push(keeper);
        Ok(())
    }

    /// Writes what is pending and ends the threads.
    pub(crate) fn close(&self) {
        {
            let mut tail = self.tail.lock();
            tail.closing = true;
            self.work.notify_all();
            self.chores.notify_all();
        }
        let threads = std::mem::take(&mut *self.threads.lock());
        for thread in threads {
            // A thread of ours that panicked has nothing left to tell.
            let _ = thread.join();
        }
        self.commit();
    }

    pub(super) fn tail(&self) -> MutexGuard<'_, Tail> {
        self.tail.lock()
    }

    pub(super) fn next_spare(&self) -> u64 {
        self.spares_made.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn error(&self, doing: &'static str, name: &str, source: io::Error) -> Error {
        Error::Storage {
            doing,
            file: self.disk.path_of(name),
            source: Arc::new(source),
        }
    }

    fn check(&self) -> Result<()> {
        if self.is_broken.load(Ordering::Acquire)
            && let Some(error) = self.broken.get()
        {
            return Err(error.clone());
        }
        Ok(())
    }

    /// The log is unusable from now on: after a failed sync nobody knows what
    /// the disk holds, and a later sync that succeeds would prove nothing.
    fn poison(&self, error: Error) {
        tracing::error!(%error, "the log is closed");
        let _ = self.broken.set(error);
        self.is_broken.store(true, Ordering::Release);
        self.wake();
    }

    /// Room for a record of `length` bytes, made before the command is applied,
    /// so that a full disk refuses it whole.
    pub(crate) fn room(&self, length: usize) -> Result<Room<'_>> {
        let needed = (RECORD_HEADER + length) as u64;
        let most = self.limits.segment_bytes - SEGMENT_HEADER as u64;
        if most < needed {
            return Err(Error::Full {
                what: "the bytes of one record".into(),
                limit: most,
            });
        }
        loop {
            self.check()?;
            let tail = self.tail.lock();
            if needed <= tail.room || !tail.spares.is_empty() {
                return Ok(Room { tail, log: self });
            }
            drop(tail);
            // The keeper is late, or the disk is full and this says so.
            self.make_spare()?;
        }
    }

    fn write_until_closed(&self) {
        loop {
            let mut tail = self.tail.lock();
            while tail.chunks.is_empty() {
                if tail.closing {
                    return;
                }
                self.work.wait(&mut tail);
            }
            self.gather(&mut tail);
            drop(tail);
            self.commit();
        }
    }

    /// Waits until it is time for the next commit.
    fn gather(&self, tail: &mut MutexGuard<'_, Tail>) {
        let next = tail.next;
        let Some(until) = tail.gathering.wait(next, Instant::now()) else {
            return;
        };
        while !tail.closing && tail.gathering.is_short(tail.next) {
            if self.work.wait_until(tail, until).timed_out() {
                break;
            }
        }
        let next = tail.next;
        tail.gathering.judge(next);
    }

    /// Writes and syncs all that is pending, for everybody.
    pub(crate) fn commit(&self) {
        let mut head = self.head.lock();
        let chunks = {
            let mut tail = self.tail.lock();
            let next = tail.next;
            tail.gathering.begin(next);
            std::mem::take(&mut tail.chunks)
        };
        let Some(last) = chunks.back().map(|chunk| chunk.last) else {
            return;
        };
        if self.is_broken.load(Ordering::Acquire) {
            return self.wake();
        }
        let started = Instant::now();
        match self.write(&mut head, chunks, last) {
            Ok(()) => {
                let now = Instant::now();
                // Before those who wait are awake: what they write next is what counts.
                let mut tail = self.tail.lock();
                let next = tail.next;
                tail.gathering.end(next, now, now - started);
                drop(tail);
                self.wake();
            }
            Err(error) => self.poison(error),
        }
    }

    fn write(&self, head: &mut Head, chunks: VecDeque<Chunk>, last: u64) -> Result<()> {
        let durable = self.durable.load(Ordering::Acquire);
        for mut chunk in chunks {
            if let Some((first, spare)) = chunk.segment {
                self.sync(head)?;
                self.begin_segment(head, first, spare)?;
            }
            record::seal(&mut chunk.bytes, durable);
            let written = head.file.write_at(head.offset, &chunk.bytes);
            written.map_err(|error| self.error("write", &head.name, error))?;
            head.offset += chunk.bytes.len() as u64;
        }
        self.written.store(last, Ordering::Release);
        if self.limits.durability < Durability::Synced {
            return Ok(());
        }
        self.sync(head)?;
        self.durable.store(last, Ordering::Release);
        Ok(())
    }

    fn sync(&self, head: &mut Head) -> Result<()> {
        let synced = head.file.sync();
        synced.map_err(|error| self.error("sync", &head.name, error))
    }

    /// Makes the spare the segment that begins with record `first`.
    fn begin_segment(&self, head: &mut Head, first: u64, spare: Spare) -> Result<()> {
        let (spare, file) = spare;
        let name = segment_name(first);
        let failed = |error| self.error("begin", &name, error);
        head.file = file;
        let header = record::segment_header(first);
        head.file.write_at(0, &header).map_err(failed)?;
        head.file.sync().map_err(failed)?;
        self.disk.rename(&spare, &name).map_err(failed)?;
        self.disk.sync_names().map_err(failed)?;
        head.name = name;
        head.offset = SEGMENT_HEADER as u64;
        Ok(())
    }

    fn wake(&self) {
        let reached = match self.limits.durability {
            Durability::Memory | Durability::OsBuffer => self.written.load(Ordering::Acquire),
            Durability::Synced | Durability::SyncedQuorum => self.durable.load(Ordering::Acquire),
        };
        let broken = self.is_broken.load(Ordering::Acquire);
        let mut ready = Vec::new();
        self.sleepers.lock().retain_mut(|(seq, waker)| {
            let stays = reached < *seq && !broken;
            if !stays {
                ready.push(std::mem::replace(waker, Waker::noop().clone()));
            }
            stays
        });
        for waker in ready {
            waker.wake();
        }
    }

    /// Waits until record `seq` is as durable as asked, and tells how durable it is.
    pub(crate) async fn settle(&self, seq: u64, level: Durability) -> Result<Durability> {
        self.check()?;
        if level == Durability::Memory {
            if self.written.load(Ordering::Acquire) < seq {
                self.kick();
            }
            return Ok(level);
        }
        let level = self.limits.durability;
        if self.reached(level) < seq {
            if COMMIT_HERE.get() {
                self.settle_here(seq)?;
            } else {
                self.kick();
                self.reach(seq, level).await?;
            }
        }
        Ok(level)
    }

    /// As [`Self::settle`] at the best level, in the calling thread.
    pub(crate) fn settle_here(&self, seq: u64) -> Result<()> {
        while self.reached(self.limits.durability) < seq {
            self.check()?;
            self.commit();
        }
        Ok(())
    }

    async fn reach(&self, seq: u64, level: Durability) -> Result<()> {
        poll_fn(|cx| {
            if seq <= self.reached(level) {
                return Poll::Ready(Ok(()));
            }
            self.sleepers.lock().push((seq, cx.waker().clone()));
            // It may have been reached between the look and the registration.
            if seq <= self.reached(level) {
                return Poll::Ready(Ok(()));
            }
            match self.check() {
                Ok(()) => Poll::Pending,
                Err(error) => Poll::Ready(Err(error)),
            }
        })
        .await
    }

    fn reached(&self, level: Durability) -> u64 {
        match level {
            Durability::Memory => u64::MAX,
            Durability::OsBuffer => self.written.load(Ordering::Acquire),
            Durability::Synced | Durability::SyncedQuorum => self.durable.load(Ordering::Acquire),
        }
    }

    pub(crate) fn kick(&self) {
        // Under the mutex: the writer must not fall asleep between its look and this.
        let tail = self.tail.lock();
        if !tail.gathering.is_short(tail.next) {
            self.work.notify_one();
        }
    }
}

impl Room<'_> {
    /// Appends the record; it is written at the next commit.
    pub(crate) fn append(mut self, payload: &[u8]) -> u64 {
        let needed = (RECORD_HEADER + payload.len()) as u64;
        let tail = &mut *self.tail;
        let seq = tail.next;
        tail.next += 1;
        let mut segment = None;
        if tail.room < needed
            && let Some(spare) = tail.spares.pop_front()
        {
            tail.room = self.log.limits.segment_bytes - SEGMENT_HEADER as u64;
            tail.segment = seq;
            tail.spare_wanted = true;
            segment = Some((seq, spare));
            self.log.chores.notify_all();
        }
        tail.room -= needed;
        tail.since_snapshot += needed;
        if self.log.limits.snapshot_bytes <= tail.since_snapshot {
            self.log.chores.notify_all();
        }
        if segment.is_some() || tail.chunks.is_empty() {
            tail.chunks.push_back(Chunk {
                bytes: Vec::with_capacity(4096),
                last: seq,
                segment,
            });
        }
        if let Some(chunk) = tail.chunks.back_mut() {
            record::append_unsealed(&mut chunk.bytes, seq, payload);
            chunk.last = seq;
        }
        seq
    }
}
