//! A folder of its own with loop devices, mounts and handlers, of which nothing is left.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use redeye_cloud::{Cloud, OperationId};
use redeye_storage::{
    Job, Parts, Places, Storage, StorageOperation, Storages, Watchdog, read_storages,
};
use rem_time::{Span, SystemClock};
use rem_yaml::{At, Problems, parse};
use unidist::{Bucket, BucketSpec, Consistent, FileOpts, Unidist};

pub(crate) const WATCHDOG: &str = "REM_TEST_WATCHDOG";
/// All beds lie here, each under the number of its process.
const BEDS: &str = "/tmp/redeye-storage-tests";
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

pub(crate) struct Bed {
    pub(crate) folder: PathBuf,
}

/// Runs a program to its good end.
#[track_caller]
pub(crate) fn run(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().unwrap();
    assert!(
        output.status.success(),
        "{program} {args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Whether a backend can run here; if not, says why, or fails if it must.
pub(crate) fn can_run(backend: &str, must: bool, missing: Option<String>) -> bool {
    let Some(why) = missing else { return true };
    let required = std::env::var("REQUIRE_BACKENDS").is_ok_and(|value| value == "1");
    assert!(!(must && required), "{backend} must run here: {why}");
    eprintln!("skipped {backend}: {why}");
    false
}

/// Loop devices, file systems and freezing need root and the tools.
pub(crate) fn ext4() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let root = status
        .lines()
        .any(|line| line.starts_with("Uid:") && line.split_whitespace().nth(2) == Some("0"));
    let why = match root {
        false => Some("it needs root".to_owned()),
        true => ["mkfs.ext4", "losetup", "mount", "fsfreeze", "e2fsck"]
            .iter()
            .find(|program| Command::new(program).arg("-V").output().is_err())
            .map(|program| format!("{program} is missing")),
    };
    can_run("ext4 on loop devices", true, why)
}

impl Bed {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        clear_what_died();
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = PathBuf::from(BEDS).join(format!("{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self { folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn program(&self, name: &str, text: &str) {
        self.write(name, text);
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub(crate) fn calls(&self) -> String {
        fs::read_to_string(self.path("calls")).unwrap_or_default()
    }

    /// A handler whose phases write themselves into `calls`, fail where a file
    /// `fail-LAYER-PHASE` is, and never end where a file `block-LAYER-PHASE` is.
    pub(crate) fn probe(&self, name: &str, idempotent: bool) {
        let script = "cd \"$REM_BED\"; echo \"$REM_PHASE $REM_LAYER\" >>calls; \
             [ ! -e block-$REM_LAYER-$REM_PHASE ] || { : >reached; exec tail -f /dev/null; }; \
             [ ! -e fail-$REM_LAYER-$REM_PHASE ] || { echo no luck >&2; exit 1; }";
        let phase = format!("{{shell: {script:?}, idempotent: {idempotent}}}");
        self.write(
            &format!("{name}.yaml"),
            &format!(
                "handler: {name}\nfunctions:\n  snapshot: {{entry: {phase}, exit: {phase}}}\n"
            ),
        );
    }

    /// Storages as they are written in YAML; the handlers of files lie in the bed.
    pub(crate) fn storages(&self, text: &str) -> Vec<Storage> {
        let places = Places {
            folder: self.folder.clone(),
            handlers: self.path("handlers"),
        };
        let node = parse("storages.yaml", text).unwrap();
        let mut problems = Problems::new();
        let storages = read_storages(&At::root(&node), &places, &mut problems);
        assert!(problems.is_empty(), "{problems}");
        storages
    }

    pub(crate) async fn journal(&self) -> Bucket<Consistent> {
        let unidist = Unidist::open(self.path("journal"), FileOpts::default())
            .await
            .unwrap();
        unidist
            .consistent("operations", BucketSpec::default())
            .unwrap()
    }

    pub(crate) async fn open(&self, text: &str, cloud: Option<Cloud>) -> Storages {
        let program = std::env::current_exe().unwrap();
        let args = ["watchdog_mode", "--exact", "--nocapture"];
        Storages::new(Parts {
            storages: self.storages(text),
            cloud,
            journal: self.journal().await,
            watchdog: Watchdog::new(program, args).env(WATCHDOG, "1"),
            folder: self.path("own"),
            written: vec![self.path("journal")],
            environment: vec![
                (
                    "PATH".into(),
                    format!("{}:{}", self.path("bin").display(), rem_script_path()),
                ),
                ("REM_BED".into(), self.folder.display().to_string()),
            ],
            clock: Arc::new(SystemClock),
        })
    }

    pub(crate) fn mounted(&self, name: &str) -> bool {
        let path = self.path(name).display().to_string();
        mounts_below(&self.folder).contains(&path)
    }
}

fn rem_script_path() -> &'static str {
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
}

impl Drop for Bed {
    fn drop(&mut self) {
        clear(&self.folder);
    }
}

/// What is mounted below a folder, the deepest first.
fn mounts_below(folder: &Path) -> Vec<String> {
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let points = table.lines().filter_map(|line| line.split(' ').nth(4));
    let below = points.filter(|point| Path::new(point).starts_with(folder));
    let mut points: Vec<String> = below.map(str::to_owned).collect();
    points.reverse();
    points
}

/// Everything of ours below a folder goes: freezes, mounts, loop devices, files.
fn clear(folder: &Path) {
    for point in mounts_below(folder) {
        let quiet = |program: &str, args: &[&str]| Command::new(program).args(args).output();
        let _ = quiet("fsfreeze", &["-u", &point]);
        let _ = quiet("umount", &["-l", &point]);
    }
    let listed = Command::new("losetup")
        .args(["-l", "-n", "-O", "NAME,BACK-FILE"])
        .output();
    let listed = listed.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    for line in listed.unwrap_or_default().lines() {
        let Some((device, file)) = line.trim().split_once(char::is_whitespace) else {
            continue;
        };
        if Path::new(file.trim()).starts_with(folder) {
            let _ = Command::new("losetup").args(["-d", device]).output();
        }
    }
    let _ = fs::remove_dir_all(folder);
}

/// Beds of processes that are gone.
fn clear_what_died() {
    for entry in fs::read_dir(BEDS).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let pid = name.split('-').next().unwrap_or_default();
        if !Path::new("/proc").join(pid).exists() {
            clear(&entry.path());
        }
    }
}

/// Somebody who writes one number after the other to the ends of files.
pub(crate) struct Writer {
    child: Child,
    last: Arc<AtomicU64>,
}

impl Writer {
    pub(crate) fn new(files: &[PathBuf]) -> Self {
        let script = "n=0; while n=$((n+1)); do for file; do echo $n >>\"$file\" || exit; done; echo $n; done";
        let mut child = Command::new("sh")
            .args(["-c", script, "writer"])
            .args(files)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let last = Arc::new(AtomicU64::new(0));
        let (told, out) = (last.clone(), child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                told.store(line.parse().unwrap_or(0), Ordering::SeqCst);
            }
        });
        let writer = Self { child, last };
        writer.goes_on(LIMIT);
        writer
    }

    pub(crate) fn last(&self) -> u64 {
        self.last.load(Ordering::SeqCst)
    }

    /// Waits until it has written again; says how long that took.
    #[track_caller]
    pub(crate) fn goes_on(&self, within: Duration) -> Duration {
        let (before, since) = (self.last(), Instant::now());
        // The one that it may have written already is not counted.
        while self.last() <= before + 1 {
            assert!(since.elapsed() < within, "nothing is written: {before}");
            std::thread::sleep(Duration::from_millis(2));
        }
        since.elapsed()
    }

    /// Waits until it hangs in the kernel.
    #[track_caller]
    pub(crate) fn stands(&self) {
        let stat = format!("/proc/{}/stat", self.child.id());
        let hangs = || {
            let stat = fs::read_to_string(&stat).unwrap();
            stat.rsplit(')').next().unwrap().trim().starts_with('D')
        };
        wait_for("the writer to stand", hangs);
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[track_caller]
pub(crate) fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < LIMIT, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The last number in a file.
pub(crate) fn last_number(file: &Path) -> u64 {
    let text = fs::read_to_string(file).unwrap();
    let whole = &text[..text.rfind('\n').map_or(0, |end| end + 1)];
    whole.lines().last().map_or(0, |line| line.parse().unwrap())
}

/// Does a job to its end.
pub(crate) async fn done(storages: &Storages, name: &str, job: Job) -> StorageOperation {
    let id = begun(storages, name, job).await;
    storages.wait(id, LIMIT, |_| {}).await.unwrap()
}

pub(crate) async fn begun(storages: &Storages, name: &str, job: Job) -> OperationId {
    let within = Span::from_seconds(120);
    storages.begin(name, job, "test", within).await.unwrap()
}

pub(crate) fn function(name: &str) -> Job {
    Job::Function { name: name.into() }
}
