#[cfg(test)]
mod tests;

use std::time::Duration;

use rem_script::{End, Finished, Program};
use rem_time::{Span, Timestamp};
use tokio::time::Instant;

use crate::check::Finding;
use crate::script::first_line;
use crate::{Check, Reading, Running, Unit, Verdict};

/// How much of systemctl's output is read: some 20,000 units.
const OUTPUT_BYTES_MAX: usize = 8 * 1024 * 1024;

/// How many units one check may look at; the rest is left out, and the message
/// says so.
const UNITS_MAX: usize = 5_000;

/// What systemd says where it does not know a number.
const NOT_SET: u64 = u64::MAX;

/// What [`LocalUnits`] looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitsOptions {
    /// Names such as `ssh.service` (or `ssh`), which have to be active, and
    /// patterns such as `backup-*.timer`, of which none may have failed. Empty:
    /// every loaded service, mount, socket and timer, none of which may have
    /// failed.
    pub units: Vec<String>,
    /// How systemctl is called; by its name unless told.
    pub systemctl: String,
    /// How long it may take; 10 s unless told.
    pub deadline: Span,
}

impl Default for UnitsOptions {
    fn default() -> Self {
        Self {
            units: Vec::new(),
            systemctl: "systemctl".into(),
            deadline: Span::from_seconds(10),
        }
    }
}

/// Options that cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnitsError {
    /// systemctl would take it for an option, or it cannot be a unit's name.
    #[error("not the name of a unit: {0:?}")]
    Name(String),
    /// There is nothing to call.
    #[error("the name of systemctl is empty")]
    EmptySystemctl,
}

/// `local.units`: units of systemd, by one call of `systemctl show`. The group
/// is the unit.
///
/// Per unit: `active` and `failed` (1 or 0), `active_seconds` since it became
/// active (unknown while it is not), `restarts` by systemd (a counter),
/// `memory` in bytes, `cpu` in seconds (a counter) and `tasks`; the last four
/// of services only, and unknown where systemd does not account for them. Of
/// all: `units` and `units_failed`.
///
/// A unit that has failed, is not there, is not active or is started again and
/// again is critical; one that is on its way is a warning. A service that does
/// its work and ends (`Type=oneshot`) and whose last run went well is fine.
/// Where systemd does not run the check is unknown, with systemctl's reason.
#[derive(Debug)]
pub struct LocalUnits {
    options: UnitsOptions,
    program: Program,
}

const PROPERTIES: &str = "--property=Id,LoadState,ActiveState,SubState,Result,Type,\
    ActiveEnterTimestamp,NRestarts,MemoryCurrent,CPUUsageNSec,TasksCurrent";

impl LocalUnits {
    /// A check that is ready to run.
    pub fn new(options: UnitsOptions) -> Result<Self, UnitsError> {
        if options.systemctl.is_empty() {
            return Err(UnitsError::EmptySystemctl);
        }
        let is_name = |name: &&String| {
            let is_sign = |c: char| c.is_whitespace() || c.is_control();
            !name.is_empty() && !name.starts_with('-') && !name.contains(is_sign)
        };
        if let Some(wrong) = options.units.iter().find(|name| !is_name(name)) {
            return Err(UnitsError::Name(wrong.clone()));
        }
        let all = ["*.service", "*.mount", "*.socket", "*.timer"].map(String::from);
        let units = match options.units.is_empty() {
            true => all.to_vec(),
            false => options.units.clone(),
        };
        let program = Program::new(&options.systemctl)
            .args(["show", "--no-pager", "--timestamp=unix", PROPERTIES, "--"])
            .args(units)
            .env("LC_ALL", "C")
            .output_max(OUTPUT_BYTES_MAX)
            .grace(Duration::from_secs(1))
            .deadline(options.deadline.as_duration());
        Ok(Self { options, program })
    }

    async fn look(&self, now: Timestamp) -> Finding {
        match rem_script::run(&self.program).await {
            Ok(finished) => self.finding(&finished, now),
            Err(error) => {
                let why = std::error::Error::source(&error);
                let why = why.map_or(String::new(), |why| format!(": {why}"));
                let message = format!("systemd cannot be asked: {error}{why}");
                Finding::new(Verdict::Unknown, message)
            }
        }
    }

    fn finding(&self, finished: &Finished, now: Timestamp) -> Finding {
        let unknown = |why: String| {
            let message = format!("systemd cannot be asked: {why}");
            Finding::new(Verdict::Unknown, message)
        };
        match finished.end {
            End::Exited(0) => {}
            End::TimedOut { .. } => {
                let deadline = self.options.deadline;
                return unknown(format!("no answer within {deadline}"));
            }
            End::Exited(_) | End::Signaled(_) => {
                let why = first_line(&finished.stderr.text());
                return unknown(why.unwrap_or_else(|| finished.end.to_string()));
            }
        }
        if finished.stdout.dropped() > 0 {
            return unknown("it has too many units".into());
        }
        let mut found = parse(&finished.stdout.text());
        found.dedup_by(|a, b| a.id == b.id);
        let left_out = found.len().saturating_sub(UNITS_MAX);
        found.truncate(UNITS_MAX);
        let named: Vec<String> = self.options.units.iter().map(|name| full(name)).collect();
        judge(&found, &named, left_out, now)
    }
}

impl Check for LocalUnits {
    fn name(&self) -> &str {
        "local.units"
    }

    fn deadline(&self) -> Span {
        self.options.deadline
    }

    fn run(&self, now: Timestamp) -> Running<'_> {
        Box::pin(async move {
            let started = Instant::now();
            self.look(now).await.stamp(now, started)
        })
    }
}

/// What systemd says of one unit.
#[derive(Clone, Debug, Default, PartialEq)]
struct Shown {
    id: String,
    load: String,
    active: String,
    sub: String,
    result: String,
    kind: String,
    /// Seconds since 1970.
    since: Option<f64>,
    restarts: Option<u64>,
    memory: Option<u64>,
    cpu_nanos: Option<u64>,
    tasks: Option<u64>,
}

/// `Key=value` lines, an empty line between two units.
fn parse(text: &str) -> Vec<Shown> {
    let mut units = Vec::new();
    for block in text.split("\n\n") {
        let mut unit = Shown::default();
        for line in block.lines() {
            let Some((key, value)) = line.split_once('=') else {
                continue;
            };
            let count = || value.parse().ok().filter(|count| *count != NOT_SET);
            let text = || value.to_owned();
            match key {
                "Id" => unit.id = text(),
                "LoadState" => unit.load = text(),
                "ActiveState" => unit.active = text(),
                "SubState" => unit.sub = text(),
                "Result" => unit.result = text(),
                "Type" => unit.kind = text(),
                "ActiveEnterTimestamp" => {
                    let seconds = value.strip_prefix('@').and_then(|at| at.parse().ok());
                    unit.since = seconds.filter(|at: &f64| *at > 0.0 && at.is_finite());
                }
                "NRestarts" => unit.restarts = count(),
                "MemoryCurrent" => unit.memory = count(),
                "CPUUsageNSec" => unit.cpu_nanos = count(),
                "TasksCurrent" => unit.tasks = count(),
                _ => {}
            }
        }
        if !unit.id.is_empty() {
            units.push(unit);
        }
    }
    units
}

impl Shown {
    fn is_active(&self) -> bool {
        matches!(self.active.as_str(), "active" | "reloading" | "refreshing")
    }

    fn has_failed(&self) -> bool {
        self.active == "failed"
    }

    /// What is wrong with it; `must_run` if somebody named it.
    fn trouble(&self, must_run: bool) -> Option<(Verdict, String)> {
        let id = &self.id;
        let critical = |what: String| Some((Verdict::Critical, what));
        if self.has_failed() {
            return critical(format!("{id} has failed ({})", self.result));
        }
        if self.sub == "auto-restart" {
            return critical(format!("{id} ends and is started again ({})", self.result));
        }
        if !must_run || self.is_active() {
            return None;
        }
        match (self.load.as_str(), self.active.as_str()) {
            ("not-found", _) => critical(format!("{id} is not there")),
            ("masked", _) => critical(format!("{id} is masked")),
            (_, "activating" | "deactivating" | "maintenance") => Some((
                Verdict::Warning,
                format!("{id} is {} ({})", self.active, self.sub),
            )),
            _ if self.kind == "oneshot" && self.result == "success" => None,
            (_, active) => critical(format!("{id} is {active}")),
        }
    }

    fn readings(&self, now: Timestamp) -> Vec<Reading> {
        let is = |is: bool| f64::from(u8::from(is));
        let seconds = self.since.filter(|_| self.is_active());
        let seconds = seconds.map(|since| (now.as_secs_f64() - since).max(0.0));
        let mut readings = vec![
            Reading::gauge("active", is(self.is_active()), Unit::One),
            Reading::gauge("failed", is(self.has_failed()), Unit::One),
            Reading::gauge("active_seconds", seconds, Unit::Seconds),
        ];
        if self.id.ends_with(".service") {
            let count = |count: Option<u64>| count.map(|count| count as f64);
            let cpu = count(self.cpu_nanos).map(|nanos| nanos / 1e9);
            readings.extend([
                Reading::counter("restarts", count(self.restarts), Unit::One),
                Reading::gauge("memory", count(self.memory), Unit::Bytes),
                Reading::counter("cpu", cpu, Unit::Seconds),
                Reading::gauge("tasks", count(self.tasks), Unit::One),
            ]);
        }
        readings
            .into_iter()
            .map(|reading| reading.of(&self.id))
            .collect()
    }
}

fn judge(found: &[Shown], named: &[String], left_out: usize, now: Timestamp) -> Finding {
    let has_failed = found.iter().filter(|unit| unit.has_failed()).count();
    let mut readings = vec![
        Reading::gauge("units", found.len() as f64, Unit::One),
        Reading::gauge("units_failed", has_failed as f64, Unit::One),
    ];
    let (mut verdict, mut troubles) = (Verdict::Ok, Vec::new());
    for unit in found {
        if let Some((how_bad, what)) = unit.trouble(named.contains(&unit.id)) {
            verdict = verdict.max(how_bad);
            troubles.push((how_bad, what));
        }
        readings.extend(unit.readings(now));
    }
    troubles.sort_by_key(|(how_bad, _)| std::cmp::Reverse(*how_bad));
    let mut message = match (troubles.len(), found) {
        (0, [unit]) => format!("{} is {} ({})", unit.id, unit.active, unit.sub),
        (0, units) => format!("{} units, none has failed", units.len()),
        (_, units) => {
            const SHOWN_MAX: usize = 5;
            let texts = troubles.iter().map(|(_, what)| what.as_str());
            let texts: Vec<&str> = texts.take(SHOWN_MAX).collect();
            let mut text = texts.join(", ");
            if troubles.len() > SHOWN_MAX {
                let more = troubles.len() - SHOWN_MAX;
                text.push_str(&format!(" and {more} more of {} units", units.len()));
            }
            text
        }
    };
    if left_out > 0 {
        message.push_str(&format!(" ({left_out} units past {UNITS_MAX} left out)"));
    }
    Finding::new(verdict, message).with(readings)
}

/// systemctl adds the suffix by itself where there is none.
fn full(name: &str) -> String {
    const KINDS: [&str; 11] = [
        "service",
        "socket",
        "device",
        "mount",
        "automount",
        "swap",
        "target",
        "path",
        "timer",
        "slice",
        "scope",
    ];
    let has_kind = name
        .rsplit_once('.')
        .is_some_and(|(_, kind)| KINDS.contains(&kind));
    match has_kind {
        true => name.to_owned(),
        false => format!("{name}.service"),
    }
}
