#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use regex::bytes::Regex;
use rem_time::{Span, Timestamp};
use tokio::time::Instant;

use super::{LastLook, LookError, ParseProcError, Root};
use crate::check::Finding;
use crate::{Check, Reading, Running, Unit, Verdict};

/// How much of a command line is looked at.
const CMDLINE_BYTES_MAX: u64 = 64 * 1024;

/// The kernel keeps this much of a process's name.
const COMM_BYTES_MAX: usize = 15;

/// What reading the processes may take; a million of them take some ten seconds.
const DEADLINE: Span = Span::from_seconds(10);

/// Which processes [`LocalProcesses`] counts, and how many there should be. A
/// process counts if everything that is told is true of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessesOptions {
    /// Its name: of the executable, or what it calls itself.
    pub name: Option<String>,
    /// A regular expression on its command line, the arguments joined by
    /// blanks.
    pub pattern: Option<String>,
    /// Its user, by name (of this machine's `/etc/passwd`) or number.
    pub user: Option<String>,
    /// How many there are at least; 1 unless told.
    pub min: u64,
    /// How many there are at most.
    pub max: Option<u64>,
}

impl Default for ProcessesOptions {
    fn default() -> Self {
        Self {
            name: None,
            pattern: None,
            user: None,
            min: 1,
            max: None,
        }
    }
}

impl ProcessesOptions {
    /// At least one process of this name.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: Some(name.into()),
            ..Self::default()
        }
    }
}

/// Options that cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProcessesError {
    /// Not a regular expression.
    #[error("not a regular expression: {pattern}: {why}")]
    Pattern {
        /// As it was given.
        pattern: String,
        /// What is wrong with it.
        why: String,
    },
    /// No such user on this machine.
    #[error("no such user: {0}")]
    User(String),
    /// More at least than at most.
    #[error("at least {min} processes and at most {max} cannot be")]
    Count {
        /// At least.
        min: u64,
        /// At most.
        max: u64,
    },
}

/// `local.processes`: the processes of one name, command line or user, read
/// from /proc.
///
/// Readings: `count`; `cpu` in percent of one core since the last look, of
/// those that were there at both; `memory` resident in bytes (what they share
/// counts for each), `threads`, `fds` (unknown if one of them does not let us
/// look), and `oldest` in seconds. Threads of the kernel count too; zombies
/// count and have no memory.
#[derive(Debug)]
pub struct LocalProcesses {
    root: Root,
    options: ProcessesOptions,
    pattern: Option<Regex>,
    uid: Option<u32>,
    last: LastLook<Table>,
}

impl LocalProcesses {
    /// The processes of the machine seen at `root`. Reads `/etc/passwd` if
    /// there is a user's name.
    pub fn new(root: Root, options: ProcessesOptions) -> Result<Self, ProcessesError> {
        if let Some(max) = options.max
            && options.min > max
        {
            let min = options.min;
            return Err(ProcessesError::Count { min, max });
        }
        let pattern = match &options.pattern {
            None => None,
            Some(pattern) => match Regex::new(pattern) {
                Ok(compiled) => Some(compiled),
                Err(error) => {
                    let pattern = pattern.clone();
                    let why = error.to_string();
                    let why = why.lines().last().unwrap_or_default().to_owned();
                    return Err(ProcessesError::Pattern { pattern, why });
                }
            },
        };
        let uid = match &options.user {
            None => None,
            Some(user) => match user.parse().ok().or_else(|| uid_of(user)) {
                Some(uid) => Some(uid),
                None => return Err(ProcessesError::User(user.clone())),
            },
        };
        Ok(Self {
            root,
            options,
            pattern,
            uid,
            last: LastLook::default(),
        })
    }

    async fn look(&self) -> Result<Finding, LookError> {
        let looks = self.last.look(|| self.table()).await?;
        let (before, now) = (&looks.before, &looks.now);
        let count = now.processes.len() as u64;
        let ticks = rustix::param::clock_ticks_per_second() as f64;
        let mut spent = 0;
        for (key, process) in &now.processes {
            if let Some(earlier) = before.processes.get(key) {
                spent += process.ticks.saturating_sub(earlier.ticks);
            }
        }
        let seconds = looks.apart.as_secs_f64();
        let cpu = (seconds > 0.0).then(|| spent as f64 / ticks / seconds * 100.0);
        let all = now.processes.values();
        let sum = |of: fn(&Process) -> u64| all.clone().map(of).sum::<u64>() as f64;
        let fds = all.clone().map(|process| process.fds);
        let fds = fds.sum::<Option<u64>>().map(|fds| fds as f64);
        let started = now.processes.keys().map(|(_, started)| *started).min();
        let oldest = started.map(|started| (now.uptime - started as f64 / ticks).max(0.0));
        let readings = vec![
            Reading::gauge("count", count as f64, Unit::One),
            Reading::gauge("cpu", cpu, Unit::Percent),
            Reading::gauge("memory", sum(|process| process.memory), Unit::Bytes),
            Reading::gauge("threads", sum(|process| process.threads), Unit::One),
            Reading::gauge("fds", fds, Unit::One),
            Reading::gauge("oldest", oldest, Unit::Seconds),
        ];
        let plural = if count == 1 { "process" } else { "processes" };
        let found = format!("{count} {plural}{}", self.described());
        let (min, max) = (self.options.min, self.options.max);
        let (verdict, message) = match max {
            _ if count < min => (
                Verdict::Critical,
                format!("{found}, expected at least {min}"),
            ),
            Some(max) if count > max => (
                Verdict::Critical,
                format!("{found}, expected at most {max}"),
            ),
            _ => (Verdict::Ok, found),
        };
        Ok(Finding::new(verdict, message).with(readings))
    }

    fn described(&self) -> String {
        let mut text = String::new();
        let parts = [
            (" named ", &self.options.name),
            (" matching ", &self.options.pattern),
            (" of user ", &self.options.user),
        ];
        for (what, value) in parts {
            if let Some(value) = value {
                text.push_str(what);
                text.push_str(value);
            }
        }
        text
    }

    /// Every process that counts.
    fn table(&self) -> Result<Table, LookError> {
        let uptime = self.root.read_proc("uptime")?;
        let uptime = uptime.split_ascii_whitespace().next();
        let uptime = uptime.and_then(|word| word.parse().ok());
        let uptime = uptime.ok_or(ParseProcError {
            file: "uptime",
            line: 1,
            wanted: "seconds",
        })?;
        let listed = fs::read_dir(&self.root.proc).map_err(|source| LookError::Read {
            path: self.root.proc.clone(),
            source,
        })?;
        let mut processes = HashMap::new();
        for entry in listed.flatten() {
            let name = entry.file_name();
            let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else {
                continue;
            };
            // One that ended meanwhile is none.
            if let Some((started, process)) = self.process(&entry.path()) {
                processes.insert((pid, started), process);
            }
        }
        Ok(Table { processes, uptime })
    }

    fn process(&self, folder: &Path) -> Option<(u64, Process)> {
        if let Some(uid) = self.uid
            && fs::metadata(folder).ok()?.uid() != uid
        {
            return None;
        }
        let stat = fs::read(folder.join("stat")).ok()?;
        let stat = parse_stat(&String::from_utf8_lossy(&stat))?;
        if self.options.name.is_some() || self.pattern.is_some() {
            let cmdline = read_some(&folder.join("cmdline"));
            let has_name = self.options.name.as_deref();
            let has_name = has_name.is_none_or(|name| is_named(name, &stat.comm, &cmdline));
            if !has_name || !self.pattern.as_ref().is_none_or(|p| is_match(p, &cmdline)) {
                return None;
            }
        }
        let fds = fs::read_dir(folder.join("fd"));
        let page = rustix::param::page_size() as u64;
        let process = Process {
            ticks: stat.ticks,
            memory: stat.pages.saturating_mul(page),
            threads: stat.threads,
            fds: fds.ok().map(|fds| fds.count() as u64),
        };
        Some((stat.started, process))
    }
}

impl Check for LocalProcesses {
    fn name(&self) -> &str {
        "local.processes"
    }

    fn deadline(&self) -> Span {
        DEADLINE
    }

    fn run(&self, now: Timestamp) -> Running<'_> {
        Box::pin(async move {
            let started = Instant::now();
            self.look()
                .await
                .unwrap_or_else(Finding::from)
                .stamp(now, started)
        })
    }
}

/// By process id and time of start, which together name one for ever.
#[derive(Clone, Debug)]
struct Table {
    processes: HashMap<(u32, u64), Process>,
    /// Of the machine, in seconds.
    uptime: f64,
}

#[derive(Clone, Copy, Debug)]
struct Process {
    ticks: u64,
    memory: u64,
    threads: u64,
    fds: Option<u64>,
}

#[derive(Debug, PartialEq)]
struct Stat {
    comm: String,
    ticks: u64,
    threads: u64,
    started: u64,
    pages: u64,
}

/// `17 (name) S 1 …`; the name may hold anything, parentheses too.
fn parse_stat(text: &str) -> Option<Stat> {
    let (start, rest) = text.rsplit_once(')')?;
    let (_, comm) = start.split_once('(')?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    // The third field of the manual is the first one here.
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    Some(Stat {
        comm: comm.to_owned(),
        ticks: number(14)?.saturating_add(number(15)?),
        threads: number(20)?,
        started: number(22)?,
        pages: fields
            .get(24 - 3)?
            .parse::<i64>()
            .ok()?
            .max(0)
            .unsigned_abs(),
    })
}

fn is_named(name: &str, comm: &str, cmdline: &[u8]) -> bool {
    let mut cut = (0..=COMM_BYTES_MAX.min(name.len())).rev();
    let end = cut.find(|end| name.is_char_boundary(*end)).unwrap_or(0);
    // The kernel cuts in the middle of a letter too.
    let comm = comm.trim_end_matches('\u{fffd}');
    if comm == &name[..end] && (name.len() <= COMM_BYTES_MAX || cmdline.is_empty()) {
        return true;
    }
    let program = cmdline.split(|byte| *byte == 0).next().unwrap_or_default();
    let file = program
        .rsplit(|byte| *byte == b'/')
        .next()
        .unwrap_or_default();
    file == name.as_bytes()
}

fn is_match(pattern: &Regex, cmdline: &[u8]) -> bool {
    let cmdline = cmdline.strip_suffix(b"\0").unwrap_or(cmdline);
    let joined: Vec<u8> = cmdline
        .iter()
        .map(|byte| if *byte == 0 { b' ' } else { *byte })
        .collect();
    pattern.is_match(&joined)
}

fn read_some(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Ok(file) = File::open(path) {
        let _ = file.take(CMDLINE_BYTES_MAX).read_to_end(&mut bytes);
    }
    bytes
}

fn uid_of(user: &str) -> Option<u32> {
    let users = fs::read_to_string("/etc/passwd").ok()?;
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let is_user = fields.next() == Some(user);
        let uid = fields.nth(1)?.parse().ok();
        uid.filter(|_| is_user)
    })
}
