mod tail;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use regex::bytes::{Regex, RegexBuilder};
use rem_time::{Span, Timestamp};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};

pub use self::tail::{LogPosition, LogPositionError};
use self::tail::{Tail, TailError};
use crate::check::Finding;
use crate::local::bytes;
use crate::script::shortened;
use crate::{Check, Reading, Running, Unit, Verdict};

/// How much memory one compiled pattern may take.
const PATTERN_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How long after the deadline a reading that stopped for it is waited for; what
/// it read until then counts.
const LATE: Duration = Duration::from_millis(500);

/// What [`LogPattern`] reads, and what it looks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogOptions {
    /// The file that is written to now.
    pub path: PathBuf,
    /// What to look for.
    pub rules: Vec<LogRule>,
    /// Whether the first look without a position starts at the beginning of
    /// the file; otherwise it starts at its end.
    pub from_start: bool,
    /// How much is read in one run at most; 64 MiB unless told. The rest is
    /// read the next time, and the message says so.
    pub read_bytes_max: u64,
    /// How much of a line is looked at; 64 KiB unless told. The rest of such a
    /// line is skipped.
    pub line_bytes_max: usize,
    /// How long a run may take; 10 s unless told.
    pub deadline: Span,
}

impl LogOptions {
    /// New lines of this file.
    pub fn new(path: impl Into<PathBuf>, rules: Vec<LogRule>) -> Self {
        Self {
            path: path.into(),
            rules,
            from_start: false,
            read_bytes_max: 64 * 1024 * 1024,
            line_bytes_max: 64 * 1024,
            deadline: Span::from_seconds(10),
        }
    }
}

/// One thing to look for in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRule {
    /// What it is called; the group of its readings.
    pub name: String,
    /// A regular expression that a line has to match.
    pub pattern: String,
    /// One that it must not match.
    pub except: Option<String>,
    /// How bad a line that matches is; with [`Verdict::Ok`] it only counts.
    pub verdict: Verdict,
}

impl LogRule {
    /// Lines that are critical.
    pub fn new(name: impl Into<String>, pattern: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            pattern: pattern.into(),
            except: None,
            verdict: Verdict::Critical,
        }
    }
}

/// Options that cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// There is nothing to look for.
    #[error("there is no rule")]
    NoRule,
    /// Two rules of one name would share their readings.
    #[error("two rules have one name: {0}")]
    Twice(String),
    /// Not a regular expression.
    #[error("rule {rule}: not a regular expression: {pattern}: {why}")]
    Pattern {
        /// The rule's name.
        rule: String,
        /// As it was given.
        pattern: String,
        /// What is wrong with it.
        why: String,
    },
    /// A line of no length.
    #[error("line_bytes_max and read_bytes_max must be above 0, and a read no shorter than a line")]
    Limits,
}

/// `log.pattern`: counts the new lines of a log file that match.
///
/// Readings: `matches` for each rule, with its name as the group, `lines` and
/// `bytes` that are new since the last run. The message quotes the last line
/// that matched the worst rule.
///
/// The file is followed through rotation, by renaming (what was still written
/// to the old file is read first) and by copying and truncating. A line without
/// its end waits for the next run. Lines may hold any bytes. A file that is not
/// there is unknown.
///
/// Where the reading came to is [`position`](Self::position): who keeps it and
/// passes it in again loses no line and counts none twice.
#[derive(Debug)]
pub struct LogPattern {
    options: LogOptions,
    rules: Arc<[Rule]>,
    tail: Arc<Mutex<Tail>>,
}

#[derive(Debug)]
struct Rule {
    pattern: Regex,
    except: Option<Regex>,
}

/// What one run found.
#[derive(Debug, Default)]
struct Found {
    matches: Vec<u64>,
    last: Vec<Option<String>>,
    lines: u64,
    read: tail::Read,
}

impl LogPattern {
    /// A check that is ready to run, from where an earlier one came to.
    pub fn new(options: LogOptions, position: Option<LogPosition>) -> Result<Self, LogError> {
        if options.rules.is_empty() {
            return Err(LogError::NoRule);
        }
        let line = options.line_bytes_max;
        if line == 0 || options.read_bytes_max < line as u64 {
            return Err(LogError::Limits);
        }
        let mut rules = Vec::new();
        for (index, rule) in options.rules.iter().enumerate() {
            if options.rules[..index]
                .iter()
                .any(|other| other.name == rule.name)
            {
                return Err(LogError::Twice(rule.name.clone()));
            }
            let compiled = |pattern: &String| {
                let mut builder = RegexBuilder::new(pattern);
                builder
                    .size_limit(PATTERN_BYTES_MAX)
                    .dfa_size_limit(PATTERN_BYTES_MAX);
                builder.build().map_err(|error| {
                    let why = error.to_string();
                    LogError::Pattern {
                        rule: rule.name.clone(),
                        pattern: pattern.clone(),
                        why: why.lines().last().unwrap_or_default().to_owned(),
                    }
                })
            };
            rules.push(Rule {
                pattern: compiled(&rule.pattern)?,
                except: rule.except.as_ref().map(compiled).transpose()?,
            });
        }
        let tail = Tail::new(
            options.path.clone(),
            position,
            options.from_start,
            tail::Limits {
                read: options.read_bytes_max,
                line,
            },
        );
        Ok(Self {
            options,
            rules: rules.into(),
            tail: Arc::new(Mutex::new(tail)),
        })
    }

    /// Where the last run came to; `None` before the first that found the file,
    /// and while a run is under way.
    pub fn position(&self) -> Option<LogPosition> {
        self.tail.try_lock().ok()?.position()
    }

    async fn look(&self, started: Instant) -> Finding {
        let deadline = started + self.options.deadline.as_duration();
        let within = self.options.deadline;
        let late = |doing: &str| {
            let path = self.options.path.display();
            Finding::new(Verdict::Unknown, format!("{doing} {path} within {within}"))
        };
        let Ok(mut tail) = timeout_at(deadline, Arc::clone(&self.tail).lock_owned()).await else {
            return late("no end of the last look at");
        };
        let rules = Arc::clone(&self.rules);
        // Files on a server that is gone hang for as long as they like.
        let reading = tokio::task::spawn_blocking(move || read(&mut tail, &rules, deadline));
        match timeout_at(deadline + LATE, reading).await {
            Err(_) => late("no end of reading"),
            Ok(Err(_)) => late("nobody could read"),
            Ok(Ok(Err(error))) => Finding::new(Verdict::Unknown, error.to_string()),
            Ok(Ok(Ok(found))) => self.finding(&found),
        }
    }

    fn finding(&self, found: &Found) -> Finding {
        let mut worst: Option<usize> = None;
        let mut readings = Vec::new();
        for (index, rule) in self.options.rules.iter().enumerate() {
            let count = found.matches[index];
            let reading = Reading::gauge("matches", count as f64, Unit::One);
            readings.push(reading.of(&rule.name));
            let is_worse = |than: usize| self.options.rules[than].verdict < rule.verdict;
            if count > 0 && worst.is_none_or(is_worse) {
                worst = Some(index);
            }
        }
        readings.push(Reading::gauge("lines", found.lines as f64, Unit::One));
        readings.push(Reading::gauge(
            "bytes",
            found.read.bytes as f64,
            Unit::Bytes,
        ));
        let plural = |count: u64| if count == 1 { "" } else { "s" };
        let (verdict, mut message) = match worst {
            None => {
                let lines = found.lines;
                (
                    Verdict::Ok,
                    format!("no match in {lines} new line{}", plural(lines)),
                )
            }
            Some(index) => {
                let rule = &self.options.rules[index];
                let (count, name) = (found.matches[index], &rule.name);
                let line = found.last[index].as_deref().unwrap_or_default();
                (rule.verdict, format!("{count} × {name}: {line}"))
            }
        };
        if found.read.behind > 0 {
            let behind = bytes(found.read.behind);
            message.push_str(&format!(" ({behind} are still to be read)"));
        }
        if found.read.lost {
            message.push_str(" (the file that was read last is gone, with its last lines)");
        }
        Finding::new(verdict, message).with(readings)
    }
}

impl Check for LogPattern {
    fn name(&self) -> &str {
        "log.pattern"
    }

    fn deadline(&self) -> Span {
        self.options.deadline
    }

    fn run(&self, now: Timestamp) -> Running<'_> {
        Box::pin(async move {
            let started = Instant::now();
            self.look(started).await.stamp(now, started)
        })
    }
}

fn read(tail: &mut Tail, rules: &[Rule], deadline: Instant) -> Result<Found, TailError> {
    let mut found = Found {
        matches: vec![0; rules.len()],
        last: vec![None; rules.len()],
        ..Found::default()
    };
    let mut lines = 0;
    let read = tail.read(deadline, &mut |line| {
        lines += 1;
        for (index, rule) in rules.iter().enumerate() {
            let is_except = |except: &Regex| except.is_match(line);
            if rule.pattern.is_match(line) && !rule.except.as_ref().is_some_and(is_except) {
                found.matches[index] += 1;
                found.last[index].get_or_insert_default().clear();
                let text = String::from_utf8_lossy(&line[..line.len().min(2_000)]);
                found.last[index] = Some(shortened(text.trim()));
            }
        }
    })?;
    found.lines = lines;
    found.read = read;
    Ok(found)
}
