mod cpu;
mod disk;
mod diskio;
mod load;
mod memory;
mod mounts;
mod network;
mod processes;
#[cfg(test)]
mod tests;
mod units;

use std::fmt::Debug;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rem_time::Span;
use tokio::time::Instant;

pub use self::cpu::LocalCpu;
pub use self::disk::{DiskOptions, LocalDisk};
pub use self::diskio::LocalDiskIo;
pub use self::load::LocalLoad;
pub use self::memory::LocalMemory;
pub use self::network::LocalNetwork;
pub use self::processes::{LocalProcesses, ProcessesError, ProcessesOptions};
pub use self::units::{LocalUnits, UnitsError, UnitsOptions};
use crate::check::Finding;
use crate::{Verdict, reason};

/// How far apart two looks at growing counters are at least. The first run
/// looks twice with this pause, so that a value exists at once.
const LOOKS_APART: Duration = Duration::from_millis(250);

/// The most that is read of one file of /proc; the rest is left out.
const FILE_READ_MAX: u64 = 4 * 1024 * 1024;

/// What reading the local machine may take. The files of /proc come from the
/// kernel's memory, so this is never met; see [`LocalDisk`] for mounts, which
/// can hang.
const LOCAL_DEADLINE: Span = Span::from_seconds(2);

/// Where the kernel shows its state. Tests point it at a folder of fixtures,
/// a container at the host's folders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// `/proc`.
    pub proc: PathBuf,
    /// `/sys`.
    pub sys: PathBuf,
}

impl Default for Root {
    fn default() -> Self {
        Self {
            proc: "/proc".into(),
            sys: "/sys".into(),
        }
    }
}

impl Root {
    fn read_proc(&self, file: &str) -> Result<String, LookError> {
        read(self.proc.join(file))
    }
}

/// Why the machine's state could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LookError {
    #[error("cannot read {path}: {}", reason::io(source))]
    Read { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Parse(#[from] ParseProcError),
}

/// A file of /proc that does not look as documented.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: expected {wanted}")]
pub(crate) struct ParseProcError {
    pub(crate) file: &'static str,
    pub(crate) line: usize,
    pub(crate) wanted: &'static str,
}

impl From<LookError> for Finding {
    fn from(error: LookError) -> Self {
        Self::new(Verdict::Unknown, error.to_string())
    }
}

fn read(path: PathBuf) -> Result<String, LookError> {
    // These files claim to be empty; room for a usual one spares growing.
    let mut bytes = Vec::with_capacity(8 * 1024);
    match File::open(&path).and_then(|file| file.take(FILE_READ_MAX).read_to_end(&mut bytes)) {
        Ok(_) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(source) => Err(LookError::Read { path, source }),
    }
}

/// Two looks at growing counters and the time between them.
struct Looks<T> {
    before: T,
    now: T,
    apart: Duration,
}

/// The last look at growing counters, kept for the next run.
#[derive(Debug)]
struct LastLook<T>(Mutex<Option<(Instant, T)>>);

impl<T> Default for LastLook<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T: Clone> LastLook<T> {
    /// Looks now and answers with the look before. Waits where that one is
    /// missing or so fresh that the counters' steps would drown the rate.
    async fn look(&self, look: impl Fn() -> Result<T, LookError>) -> Result<Looks<T>, LookError> {
        let (since, before) = match self.last() {
            Some(last) => last,
            None => (Instant::now(), look()?),
        };
        tokio::time::sleep_until(since + LOOKS_APART).await;
        let (until, now) = (Instant::now(), look()?);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((until, now.clone()));
        Ok(Looks {
            before,
            now,
            apart: until - since,
        })
    }

    fn last(&self) -> Option<(Instant, T)> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// How fast each of `N` counters of one device grew; `None` if one of them is
/// lower than before: the device or its driver started anew, or a counter
/// wrapped, and every difference of this round would be a lie.
fn per_second<const N: usize>(
    before: &[u64; N],
    now: &[u64; N],
    apart: Duration,
) -> Option<[f64; N]> {
    let seconds = apart.as_secs_f64();
    if seconds <= 0.0 || before.iter().zip(now).any(|(before, now)| now < before) {
        return None;
    }
    Some(std::array::from_fn(|i| {
        (now[i] - before[i]) as f64 / seconds
    }))
}

fn percent(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64 * 100.0)
}

/// `23.5 GiB`, for messages.
pub(crate) fn bytes(count: u64) -> String {
    let mut value = count as f64;
    for unit in ["B", "KiB", "MiB", "GiB", "TiB"] {
        if value < 1024.0 {
            return match unit {
                "B" => format!("{count} B"),
                _ => format!("{value:.1} {unit}"),
            };
        }
        value /= 1024.0;
    }
    format!("{value:.1} PiB")
}

/// How a look at several devices went: `kind` is `device` or `interface`,
/// `anew` are those without a rate this round.
fn devices_finding(kind: &str, found: &[&str], wanted: &[String], anew: &[&str]) -> Finding {
    let missing: Vec<&str> = wanted
        .iter()
        .map(String::as_str)
        .filter(|wanted| !found.contains(wanted))
        .collect();
    if !missing.is_empty() {
        let message = format!("no such {kind}: {}", missing.join(", "));
        return Finding::new(Verdict::Critical, message);
    }
    let plural = if found.len() == 1 { "" } else { "s" };
    let count = format!("{} {kind}{plural}", found.len());
    match anew.len() {
        0 => Finding::new(Verdict::Ok, count),
        some => {
            let verdict = match some == found.len() {
                true => Verdict::Unknown,
                false => Verdict::Ok,
            };
            let message = format!("{count}, counters started anew: {}", anew.join(", "));
            Finding::new(verdict, message)
        }
    }
}
