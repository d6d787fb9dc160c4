#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use rem_time::{Span, Timestamp};
use tokio::sync::watch;
use tokio::time::Instant;

use super::mounts::{self, Mount};
use super::{LookError, Root, percent};
use crate::check::Finding;
use crate::{Check, Reading, Running, Unit, Verdict, reason};

/// What [`LocalDisk`] looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskOptions {
    /// The mount points to look at, of any sort; one where nothing is mounted
    /// makes the check critical. Empty: every real file system once, without
    /// pseudo file systems, images, overlays and bind mounts.
    pub mounts: Vec<String>,
    /// How long all of them together may take to answer; 2 s unless told.
    pub deadline: Span,
}

impl Default for DiskOptions {
    fn default() -> Self {
        Self {
            mounts: Vec::new(),
            deadline: Span::from_seconds(2),
        }
    }
}

/// `local.disk`: per mounted file system `total`, `used`, `free` in bytes,
/// `used_percent` and `inodes_percent`. The group is the mount point.
///
/// `free` is what an ordinary user can still write, and `used_percent` is
/// counted as `df` does, without the blocks reserved for root. A file system
/// without a fixed number of inodes has no `inodes_percent`.
///
/// A server that is gone makes its mount hang. Such a mount is unknown when the
/// deadline comes, the others have their values, and it is not asked again
/// before the kernel has answered for it.
#[derive(Debug)]
pub struct LocalDisk {
    root: Root,
    options: DiskOptions,
    ask: Ask,
    /// Mount points that are being asked, perhaps for ever, and where their
    /// answers will be.
    asked: Arc<Mutex<Asked>>,
}

type Answer = Result<Space, String>;
type Asked = BTreeMap<String, watch::Receiver<Option<Answer>>>;
type Question = (String, watch::Sender<Option<Answer>>);

/// How a file system is asked; tests put one in that hangs.
#[derive(Clone)]
struct Ask(Arc<AskFn>);

type AskFn = dyn Fn(&str) -> io::Result<Space> + Send + Sync;

impl std::fmt::Debug for Ask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ask")
    }
}

/// In bytes and inodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Space {
    total: u64,
    free: u64,
    free_to_users: u64,
    inodes: u64,
    inodes_free: u64,
}

impl LocalDisk {
    /// The file systems that the machine seen at `root` has mounted.
    pub fn new(root: Root, options: DiskOptions) -> Self {
        Self {
            root,
            options,
            ask: Ask(Arc::new(|point| statvfs(Path::new(point)))),
            asked: Arc::default(),
        }
    }

    async fn look(&self) -> Result<Finding, LookError> {
        let mounted = mounts::parse_mountinfo(&self.root.read_proc("self/mountinfo")?)?;
        let (wanted, missing) = self.wanted(&mounted);
        let answers = self.answers(&wanted).await;
        Ok(self.finding(&wanted, &missing, &answers))
    }

    /// The mounts to look at, and the mount points where nothing is mounted.
    fn wanted(&self, mounted: &[Mount]) -> (Vec<Mount>, Vec<&str>) {
        if self.options.mounts.is_empty() {
            return (mounts::real(mounted), Vec::new());
        }
        let (mut wanted, mut missing) = (Vec::new(), Vec::new());
        for point in &self.options.mounts {
            match mounts::at(mounted, point) {
                Some(mount) if wanted.contains(mount) => {}
                Some(mount) => wanted.push(mount.clone()),
                None => missing.push(point.as_str()),
            }
        }
        (wanted, missing)
    }

    /// Asks until all answered or the deadline came.
    ///
    /// Own threads, not tokio's: those are waited for when a runtime ends, and
    /// a mount can hang for as long as its server is gone. Local file systems
    /// share one thread, each remote one has its own.
    async fn answers(&self, wanted: &[Mount]) -> BTreeMap<String, Answer> {
        let deadline = Instant::now() + self.options.deadline.as_duration();
        let mut answers = BTreeMap::new();
        for (point, mut answer) in self.ask(wanted) {
            let answered = answer.wait_for(Option::is_some);
            let answer = match tokio::time::timeout_at(deadline, answered).await {
                Ok(Ok(answer)) => answer.clone(),
                Ok(Err(_)) => Some(Err("no thread to ask in".to_owned())),
                Err(_) => None,
            };
            if let Some(answer) = answer {
                answers.insert(point, answer);
            }
        }
        answers
    }

    /// Where the answers will be. A mount that is being asked already, by
    /// another run or since it hangs, is not asked a second time.
    fn ask(&self, wanted: &[Mount]) -> Vec<(String, watch::Receiver<Option<Answer>>)> {
        let mut rounds: Vec<Vec<Question>> = vec![Vec::new()];
        let mut pending = Vec::with_capacity(wanted.len());
        let mut asked = lock(&self.asked);
        for mount in wanted {
            let point = mount.point.clone();
            let answer = asked.entry(point.clone()).or_insert_with(|| {
                let (sender, receiver) = watch::channel(None);
                let question = (point.clone(), sender);
                match mount.is_remote() {
                    true => rounds.push(vec![question]),
                    false => rounds[0].push(question),
                }
                receiver
            });
            pending.push((point, answer.clone()));
        }
        for round in rounds.into_iter().filter(|round| !round.is_empty()) {
            let points: Vec<String> = round.iter().map(|(point, _)| point.clone()).collect();
            if self.ask_in_thread(round).is_err() {
                asked.retain(|point, _| !points.contains(point));
            }
        }
        pending
    }

    fn ask_in_thread(&self, round: Vec<Question>) -> io::Result<()> {
        let (ask, asked) = (self.ask.clone(), Arc::clone(&self.asked));
        let work = move || {
            for (point, sender) in round {
                let answer = (ask.0)(&point).map_err(|error| reason::io(&error));
                lock(&asked).remove(&point);
                sender.send_replace(Some(answer));
            }
        };
        let thread = thread::Builder::new().name("rem-check-statvfs".into());
        thread.spawn(work).map(drop)
    }

    fn finding(
        &self,
        wanted: &[Mount],
        missing: &[&str],
        answers: &BTreeMap<String, Answer>,
    ) -> Finding {
        let mut readings = Vec::with_capacity(wanted.len() * 5);
        let (mut silent, mut failed) = (Vec::new(), Vec::new());
        let mut fullest: Option<(f64, &str)> = None;
        let mut seen = 0;
        for mount in wanted {
            let point = mount.point.as_str();
            let space = match answers.get(point) {
                Some(Ok(space)) => Some(space),
                Some(Err(error)) => {
                    failed.push(format!("cannot look at {point}: {error}"));
                    None
                }
                None => {
                    silent.push(point);
                    None
                }
            };
            // A file system without blocks is none that could fill up.
            if self.options.mounts.is_empty() && space.is_some_and(|space| space.total == 0) {
                continue;
            }
            seen += 1;
            let used = space.map(|space| space.total.saturating_sub(space.free));
            let used_percent = space.and_then(|space| {
                let used = space.total.saturating_sub(space.free);
                percent(used, used.saturating_add(space.free_to_users))
            });
            if let Some(used_percent) = used_percent
                && fullest.is_none_or(|(other, _)| other < used_percent)
            {
                fullest = Some((used_percent, point));
            }
            let inodes_percent = space.and_then(|space| {
                percent(space.inodes.saturating_sub(space.inodes_free), space.inodes)
            });
            let mut push = |field, value: Option<f64>, unit| {
                readings.push(Reading::gauge(field, value, unit).of(point));
            };
            push("total", space.map(|space| space.total as f64), Unit::Bytes);
            push("used", used.map(|used| used as f64), Unit::Bytes);
            push("free", space.map(|s| s.free_to_users as f64), Unit::Bytes);
            push("used_percent", used_percent, Unit::Percent);
            push("inodes_percent", inodes_percent, Unit::Percent);
        }
        let mut problems = Vec::new();
        if !missing.is_empty() {
            problems.push(format!("nothing is mounted at {}", missing.join(", ")));
        }
        if !silent.is_empty() {
            let within = self.options.deadline;
            problems.push(format!(
                "no answer from {} within {within}",
                silent.join(", ")
            ));
        }
        problems.extend(failed);
        let verdict = match (missing.is_empty(), problems.is_empty()) {
            (false, _) => Verdict::Critical,
            (true, false) => Verdict::Unknown,
            (true, true) => Verdict::Ok,
        };
        let message = match (problems.is_empty(), fullest) {
            (false, _) => problems.join("; "),
            (true, Some((percent, point))) => {
                let plural = if seen == 1 { "" } else { "s" };
                format!("{seen} file system{plural}, fullest is {point}: {percent:.1}%")
            }
            (true, None) => "no file system".to_owned(),
        };
        Finding::new(verdict, message).with(readings)
    }
}

impl Check for LocalDisk {
    fn name(&self) -> &str {
        "local.disk"
    }

    fn deadline(&self) -> Span {
        self.options.deadline
    }

    fn run(&self, now: Timestamp) -> Running<'_> {
        Box::pin(async move {
            let started = Instant::now();
            let finding = self.look().await;
            finding.unwrap_or_else(Finding::from).stamp(now, started)
        })
    }
}

fn lock(asked: &Mutex<Asked>) -> MutexGuard<'_, Asked> {
    asked.lock().unwrap_or_else(PoisonError::into_inner)
}

fn statvfs(point: &Path) -> io::Result<Space> {
    let stat = rustix::fs::statvfs(point)?;
    let block = stat.f_frsize.max(1);
    Ok(Space {
        total: stat.f_blocks.saturating_mul(block),
        free: stat.f_bfree.saturating_mul(block),
        free_to_users: stat.f_bavail.saturating_mul(block),
        inodes: stat.f_files,
        inodes_free: stat.f_ffree,
    })
}
