//! `kill -9` at any moment: what was acknowledged is there, and is there once.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use tempfile::TempDir;
use unidist::{Bucket, BucketSpec, Consistent, DirDisk, Disk, DiskFile, QueueSpec, Unidist};

use crate::backends::opts;

const WRITERS: u64 = 4;

fn cycles(usual: u64) -> u64 {
    let nightly = std::env::var("REM_NIGHTLY").is_ok_and(|v| v == "1");
    if nightly { usual * 50 } else { usual }
}

fn bucket(unidist: &Unidist) -> Bucket<Consistent> {
    unidist.consistent("kill", BucketSpec::default()).unwrap()
}

/// Runs only as a child of the tests below: writes for ever, and tells which
/// writes were acknowledged.
#[test]
fn child_process() {
    let Ok(dir) = std::env::var("UNIDIST_KILL_DIR") else {
        return;
    };
    let queue: String = std::env::var("UNIDIST_KILL_QUEUE").unwrap();
    let lazy = std::env::var("UNIDIST_KILL_LAZY").is_ok();
    let runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = { runtime }.worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let dir = PathBuf::from(dir);
        let unidist = if lazy {
            Unidist::open_on(Arc::new(LazyDisk::new(&dir)), opts()).unwrap()
        } else {
            Unidist::open(&dir, opts()).await.unwrap()
        };
        say("ready");
        let writers = (0..WRITERS).map(|writer| {
            let (bucket, queue) = (bucket(&unidist), queue.clone());
            tokio::spawn(async move {
                let spec = QueueSpec::default();
                let messages = bucket.queue::<u64>(&queue, spec);
                let counter = bucket.counter("numbers");
                for i in 0.. {
                    let number = counter.fetch_add(1).await.unwrap();
                    messages.push(&(i * WRITERS + writer)).await.unwrap();
                    say(&format!("ack {number} {}", i * WRITERS + writer));
                }
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap();
        }
    });
}

/// One write call for each line, so that a kill cannot keep half of it back.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(format!("\nunidist {line}\n").as_bytes());
    let _ = out.flush();
}

fn spawn(dir: &Path, queue: &str, lazy: bool) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["kill::child_process", "--exact", "--nocapture"])
        .env("UNIDIST_KILL_DIR", dir)
        .env("UNIDIST_KILL_QUEUE", queue)
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    if lazy {
        command.env("UNIDIST_KILL_LAZY", "1");
    }
    command.spawn().unwrap()
}

/// Lets a child write for `life` and kills it; returns what it was told.
fn killed_after(life: Duration, dir: &Path, queue: &str, lazy: bool) -> Vec<(i64, u64)> {
    let mut child = spawn(dir, queue, lazy);
    let out = BufReader::new(child.stdout.take().unwrap());
    let (told, heard) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        let mut acked = Vec::new();
        for line in out.lines().map_while(Result::ok) {
            let words: Vec<&str> = line.split(' ').collect();
            match words[..] {
                ["unidist", "ready"] => told.send(()).unwrap(),
                ["unidist", "ack", number, message] => {
                    acked.push((number.parse().unwrap(), message.parse().unwrap()));
                }
                _ => {}
            }
        }
        acked
    });
    heard
        .recv_timeout(Duration::from_secs(30))
        .expect("the child did not open its folder");
    // The point is when it dies, not that something has happened by then.
    std::thread::sleep(life);
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap()
}

/// What is wrong after a kill; empty: nothing.
async fn faults(dir: &Path, queue: &str, acked: &[(i64, u64)]) -> Vec<String> {
    let unidist = Unidist::open(dir, opts()).await.unwrap();
    let bucket = bucket(&unidist);
    let messages = bucket.queue::<u64>(queue, QueueSpec::default());
    let found = messages.peek_oldest(u64::MAX).await.unwrap();
    let found: Vec<u64> = found.into_iter().map(|message| message.value).collect();
    let mut faults = Vec::new();
    let once: BTreeSet<u64> = found.iter().copied().collect();
    if once.len() != found.len() {
        faults.push(format!(
            "{} messages are there twice",
            found.len() - once.len()
        ));
    }
    let lost = acked
        .iter()
        .filter(|(_, message)| !once.contains(message))
        .count();
    if lost != 0 {
        faults.push(format!("{lost} acknowledged messages are lost"));
    }
    let count = bucket.counter("numbers").value().await.unwrap();
    if let Some((greatest, _)) = acked.iter().max()
        && count <= *greatest
    {
        faults.push(format!("the counter fell back from {greatest} to {count}"));
    }
    faults
}

struct Chance(u64);

impl Chance {
    /// 1 to 200 ms, the early ones more often: that is where files are made.
    fn life(&mut self) -> Duration {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let x = (self.0 >> 33) % 200;
        Duration::from_millis(1 + x * x / 200)
    }
}

/// Folders in which processes are killed at the same time.
const FOLDERS: u64 = 4;

/// Kills one process after the other in one folder.
async fn kill_and_look(folder: u64, cycles: u64) {
    let dir = TempDir::new().unwrap();
    let mut chance = Chance(2010 + folder);
    let mut numbers = BTreeSet::new();
    for cycle in 0..cycles {
        let queue = format!("q{cycle}");
        let acked = killed_after(chance.life(), dir.path(), &queue, false);
        let found = faults(dir.path(), &queue, &acked).await;
        assert!(found.is_empty(), "folder {folder}, {cycle}: {found:?}");
        for (number, _) in acked {
            assert!(
                numbers.insert(number),
                "folder {folder}, {cycle}: number {number} given out twice"
            );
        }
    }
    assert!(!numbers.is_empty(), "no child ever wrote anything");
}

#[test]
fn nothing_acknowledged_is_lost_or_doubled_by_kill_9() {
    let each = cycles(200).div_ceil(FOLDERS);
    std::thread::scope(|scope| {
        for folder in 0..FOLDERS {
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread();
                let runtime = { runtime }.enable_all().build().unwrap();
                runtime.block_on(kill_and_look(folder, each));
            });
        }
    });
}

#[tokio::test]
async fn the_kill_test_notices_acknowledging_before_writing() {
    let mut chance = Chance(7);
    for _ in 0..50 {
        let dir = TempDir::new().unwrap();
        let life = Duration::from_millis(30) + chance.life();
        let acked = killed_after(life, dir.path(), "q", true);
        if !faults(dir.path(), "q", &acked).await.is_empty() {
            return;
        }
    }
    panic!("fifty kills, and the planted fault was not noticed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attached_process_takes_over_and_loses_or_doubles_nothing() {
    for cycle in 0..cycles(10) {
        let dir = TempDir::new().unwrap();
        let mut child = spawn(dir.path(), "theirs", false);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        while !lines.next().unwrap().unwrap().contains("ready") {}
        // The child's pipe must not fill up.
        let drain = std::thread::spawn(move || lines.map_while(Result::ok).count());
        let unidist = Unidist::open(dir.path(), opts()).await.unwrap();
        assert!(!unidist.is_owner());
        let ours = bucket(&unidist).queue::<u64>("ours", QueueSpec::default());
        let (half, reached) = tokio::sync::oneshot::channel();
        let writer = {
            let ours = ours.clone();
            tokio::spawn(async move {
                let mut half = Some(half);
                for i in 0..60 {
                    ours.push(&i).await.unwrap();
                    if i == 10 + cycle
                        && let Some(half) = half.take()
                    {
                        half.send(()).unwrap();
                    }
                }
            })
        };
        reached.await.unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        writer.await.unwrap();
        assert!(unidist.is_owner());
        let found = ours.peek_oldest(u64::MAX).await.unwrap();
        let found: Vec<u64> = found.into_iter().map(|message| message.value).collect();
        assert_eq!(found, (0..60).collect::<Vec<_>>(), "cycle {cycle}");
        drain.join().unwrap();
    }
}

/// The planted fault: a disk that acknowledges a write, and does it later.
#[derive(Debug)]
struct LazyDisk(DirDisk);

impl LazyDisk {
    fn new(dir: &Path) -> Self {
        Self(DirDisk::new(dir))
    }
}

impl Disk for LazyDisk {
    fn path_of(&self, name: &str) -> PathBuf {
        self.0.path_of(name)
    }
    fn list(&self) -> std::io::Result<Vec<String>> {
        self.0.list()
    }
    fn read(&self, name: &str) -> std::io::Result<Vec<u8>> {
        self.0.read(name)
    }
    fn create(&self, name: &str) -> std::io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(LazyFile::new(self.0.create(name)?)))
    }
    fn open(&self, name: &str) -> std::io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(LazyFile::new(self.0.open(name)?)))
    }
    fn rename(&self, from: &str, to: &str) -> std::io::Result<()> {
        self.0.rename(from, to)
    }
    fn remove(&self, name: &str) -> std::io::Result<()> {
        self.0.remove(name)
    }
    fn sync_names(&self) -> std::io::Result<()> {
        Ok(())
    }
}

#[derive(Debug)]
struct LazyFile {
    writes: mpsc::Sender<(u64, Vec<u8>)>,
}

impl LazyFile {
    fn new(mut file: Box<dyn DiskFile>) -> Self {
        let (writes, due) = mpsc::channel::<(u64, Vec<u8>)>();
        std::thread::spawn(move || {
            for (offset, bytes) in due {
                // Long writes make the file; short ones are what was acknowledged.
                if bytes.len() < 60_000 {
                    std::thread::sleep(Duration::from_millis(20));
                }
                file.write_at(offset, &bytes).unwrap();
            }
        });
        Self { writes }
    }
}

impl DiskFile for LazyFile {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> std::io::Result<()> {
        self.writes
            .send((offset, bytes.to_vec()))
            .map_err(std::io::Error::other)
    }
    fn sync(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
