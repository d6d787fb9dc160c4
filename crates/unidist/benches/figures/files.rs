use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rem_bench::{Report, Who, measure};
use tokio::runtime::Runtime;
use unidist::{
    Bucket, BucketSpec, Consistent, DirDisk, Disk, DiskFile, FileOpts, QueueSpec, Unidist, blocking,
};

const ROUND: Duration = Duration::from_millis(600);
const DISK_ROUND: Duration = Duration::from_millis(300);
const ROUNDS: usize = 5;
const PUTS_WANTED: f64 = 60_000.0;
const UNIT: &str = "per second";

/// What one writer has under way at a time.
#[derive(Clone, Copy)]
enum Each {
    OnePut,
    /// So many futures at a time.
    Puts(usize),
    /// So many messages in one `push_many`.
    Messages(u64),
}

/// One round, and the disk alone right before and right after it.
#[derive(Clone, Copy)]
struct Rated {
    ours: f64,
    disk: f64,
    /// The syncs that we made, and how long one took, if they were counted.
    syncs: f64,
    sync_took: f64,
}

pub(crate) fn figures(report: &mut Report) {
    let dir = tempfile::tempdir().unwrap();
    let disk = Raw::new(dir.path());
    let runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = { runtime }.worker_threads(2).enable_all().build().unwrap();

    let blocking = blocking::Unidist::open(dir.path().join("a"), FileOpts::default()).unwrap();
    let rated = disk.rate(|| one_blocking_writer(&blocking));
    report.row(
        "the disk: overwrite 100 bytes, fdatasync",
        rated.disk,
        UNIT,
        "",
    );
    report.row("durable put, one blocking writer", rated.ours, UNIT, "");
    let share = "  as a share of the disk right before and after";
    report.ratio(share, rated.ours, rated.disk, ">= 0.7");

    let counted = CountedDisk {
        dir: DirDisk::new(&dir.path().join("b")),
        counts: disk.counts.clone(),
    };
    std::fs::create_dir(dir.path().join("b")).unwrap();
    let here = {
        let _in_runtime = runtime.enter();
        Unidist::open_on(Arc::new(counted), FileOpts::default()).unwrap()
    };
    let bucket = here.consistent("bench", BucketSpec::default()).unwrap();
    let rated = disk.rate(|| writers(&runtime, &bucket, 1, Each::OnePut));
    report.row("durable put, one asynchronous writer", rated.ours, UNIT, "");
    report.ratio(share, rated.ours, rated.disk, ">= 0.7");

    report.note("one put under way each: no more than writers x syncs of the disk are possible");
    for (n, goal) in [(64, ">= 60,000"), (256, "")] {
        let rated = disk.rate(|| writers(&runtime, &bucket, n, Each::OnePut));
        let name = format!("durable put, {n} writers, one under way each");
        report.row(&name, rated.ours, UNIT, goal);
        let name = format!("  the bound: {n} x the disk before and after");
        report.row(&name, rated.disk * n as f64, UNIT, "");
        let bound = n as f64 / rated.sync_took;
        let name = format!("  the bound: {n} x the disk meanwhile");
        report.row(&name, bound, UNIT, "");
        report.ratio("  as a share of the latter", rated.ours, bound, "");
        if n == 64 && bound < PUTS_WANTED {
            report.note("  the goal is above the bound: this disk cannot do it now");
        }
        batched(report, rated);
    }
    let mut done = 0.0;
    let cpu = measure(Who::Process, 3, || {
        done = writers(&runtime, &bucket, 64, Each::OnePut);
        (done * ROUND.as_secs_f64()) as u64
    });
    let name = "  CPU of it, 64 writers";
    report.row(name, cpu.cpu_ns(), "ns CPU/op", "<= 30,000");

    report.note("more under way: what the log itself can do");
    let rated = disk.rate(|| writers(&runtime, &bucket, 64, Each::Puts(16)));
    let name = "durable put, 64 writers, 16 under way each";
    report.row(name, rated.ours, UNIT, "");
    batched(report, rated);
    let rated = disk.rate(|| writers(&runtime, &bucket, 64, Each::Messages(64)));
    let name = "messages, 64 writers, push_many of 64";
    report.row(name, rated.ours, UNIT, "");
    batched(report, rated);

    let open = || Unidist::open(dir.path().join("c"), FileOpts::default());
    let _owner = runtime.block_on(open()).unwrap();
    let attached = runtime.block_on(open()).unwrap();
    let bucket = attached.consistent("bench", BucketSpec::default()).unwrap();
    let rated = disk.rate(|| writers(&runtime, &bucket, 64, Each::OnePut));
    let name = "durable put, 64 writers, attached process";
    report.row(name, rated.ours, UNIT, "");
}

fn batched(report: &mut Report, rated: Rated) {
    let served = rated.ours / rated.syncs;
    report.row("  served by one sync", served, "operations", "");
    let share = rated.syncs * rated.sync_took;
    report.row("  share of the time that is a sync", share, "", "");
}

/// The disk itself: overwriting a file that has its length.
struct Raw {
    file: File,
    counts: Arc<Counts>,
}

impl Raw {
    fn new(dir: &Path) -> Self {
        let file = File::create(dir.join("raw")).unwrap();
        file.write_all_at(&[0; 1 << 20], 0).unwrap();
        file.sync_all().unwrap();
        let counts = Arc::default();
        Self { file, counts }
    }

    fn syncs_per_second(&self) -> f64 {
        let (started, mut n) = (Instant::now(), 0);
        while started.elapsed() < DISK_ROUND {
            self.file
                .write_all_at(&[7; 100], n * 100 % (1 << 20))
                .unwrap();
            self.file.sync_data().unwrap();
            n += 1;
        }
        n as f64 / started.elapsed().as_secs_f64()
    }

    /// The middle one of several rounds, by what it made of the disk it met:
    /// what the neighbours do to a disk changes by the second.
    fn rate(&self, mut round: impl FnMut() -> f64) -> Rated {
        round();
        let mut rounds = Vec::new();
        let mut before = self.syncs_per_second();
        for _ in 0..ROUNDS {
            let (started, counted) = (Instant::now(), self.counts.now());
            let ours = round();
            let (took, counts) = (started.elapsed().as_secs_f64(), self.counts.now());
            let syncs = counts.0 - counted.0;
            let after = self.syncs_per_second();
            rounds.push(Rated {
                ours,
                disk: f64::midpoint(before, after),
                syncs: syncs / took,
                sync_took: (counts.1 - counted.1) / syncs,
            });
            before = after;
        }
        rounds.sort_by(|a, b| (a.ours / a.disk).total_cmp(&(b.ours / b.disk)));
        rounds[ROUNDS / 2]
    }
}

fn value() -> String {
    "x".repeat(98)
}

fn one_blocking_writer(unidist: &blocking::Unidist) -> f64 {
    let bucket = unidist.consistent("bench", BucketSpec::default()).unwrap();
    let (state, value) = (bucket.state::<String>(), value());
    let (started, mut n) = (Instant::now(), 0);
    while started.elapsed() < ROUND {
        unidist.wait(state.put("key", &value)).unwrap();
        n += 1;
    }
    f64::from(n) / started.elapsed().as_secs_f64()
}

fn writers(runtime: &Runtime, bucket: &Bucket<Consistent>, n: usize, each: Each) -> f64 {
    let started = Instant::now();
    let done = runtime.block_on(async {
        let tasks: Vec<_> = (0..n)
            .map(|i| tokio::spawn(writer(bucket.clone(), i, each, started)))
            .collect();
        let mut done = 0;
        for task in tasks {
            done += task.await.unwrap();
        }
        done
    });
    done as f64 / started.elapsed().as_secs_f64()
}

async fn writer(bucket: Bucket<Consistent>, i: usize, each: Each, started: Instant) -> u64 {
    let state = bucket.state::<String>();
    let value = value();
    let mut n = 0;
    match each {
        Each::OnePut => {
            let key = format!("key{i}");
            while started.elapsed() < ROUND {
                state.put(&key, &value).await.unwrap();
                n += 1;
            }
        }
        Each::Puts(width) => {
            // Each of the futures goes on by itself, as those of a pipeline do.
            let value = Arc::new(value);
            let lanes = (0..width).map(|lane| {
                let (state, value) = (state.clone(), value.clone());
                tokio::spawn(async move {
                    let key = format!("key{i}.{lane}");
                    let mut n = 0;
                    while started.elapsed() < ROUND {
                        state.put(&key, &*value).await.unwrap();
                        n += 1;
                    }
                    n
                })
            });
            for lane in lanes.collect::<Vec<_>>() {
                n += lane.await.unwrap();
            }
        }
        Each::Messages(width) => {
            let queue = bucket.queue::<String>(&format!("queue{i}"), QueueSpec::last(width));
            let values = vec![value; width as usize];
            while started.elapsed() < ROUND {
                queue.push_many(&values).await.unwrap();
                n += width;
            }
        }
    }
    n
}

/// Our own syncs, as they happen.
#[derive(Debug, Default)]
struct Counts {
    syncs: AtomicU64,
    nanos: AtomicU64,
}

impl Counts {
    /// Syncs so far, and the seconds they took.
    fn now(&self) -> (f64, f64) {
        let nanos = self.nanos.load(Ordering::Relaxed);
        let syncs = self.syncs.load(Ordering::Relaxed);
        (syncs as f64, nanos as f64 / 1e9)
    }
}

/// A folder whose syncs of the log are counted; those of new segments and
/// snapshots, of which there are few, as well.
#[derive(Debug)]
struct CountedDisk {
    dir: DirDisk,
    counts: Arc<Counts>,
}

#[derive(Debug)]
struct CountedFile {
    file: Box<dyn DiskFile>,
    counts: Arc<Counts>,
}

impl CountedDisk {
    fn counted(&self, file: Box<dyn DiskFile>) -> Box<dyn DiskFile> {
        let counts = self.counts.clone();
        Box::new(CountedFile { file, counts })
    }
}

impl Disk for CountedDisk {
    fn path_of(&self, name: &str) -> PathBuf {
        self.dir.path_of(name)
    }
    fn list(&self) -> io::Result<Vec<String>> {
        self.dir.list()
    }
    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        self.dir.read(name)
    }
    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        Ok(self.counted(self.dir.create(name)?))
    }
    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        Ok(self.counted(self.dir.open(name)?))
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.dir.rename(from, to)
    }
    fn remove(&self, name: &str) -> io::Result<()> {
        self.dir.remove(name)
    }
    fn sync_names(&self) -> io::Result<()> {
        self.dir.sync_names()
    }
}

impl DiskFile for CountedFile {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_at(offset, bytes)
    }
    fn sync(&mut self) -> io::Result<()> {
        let started = Instant::now();
        self.file.sync()?;
        let nanos = started.elapsed().as_nanos() as u64;
        self.counts.nanos.fetch_add(nanos, Ordering::Relaxed);
        self.counts.syncs.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}
