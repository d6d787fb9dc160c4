//! Tests that users write for their levels.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rem_alert::level::{Action, Level, StateValue, What};
use rem_check::Report;
use rem_config::MonitorId;
use rem_time::{Span, Timestamp};
use rem_yaml::{Loader, Place, Problems};

use crate::judge::{Judge, Library};
use crate::states::{StateOwner, States};

mod read;
#[cfg(test)]
mod tests;

pub use read::{CASES_MAX, EXPECTATIONS_MAX};
use read::{Case, Expected, What as Wants};

/// When the first sample of every test is taken.
const START: Timestamp = Timestamp::from_seconds(1_767_225_600);

/// What came of a file of tests.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleReport {
    /// Every test, in the order of the file.
    pub tests: Vec<RuleTest>,
}

/// What came of one test.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleTest {
    /// What it is called.
    pub name: String,
    /// Where it is written.
    pub place: Place,
    /// Every expectation, by time; and everything that was not expected, where
    /// nothing else was to happen.
    pub lines: Vec<RuleLine>,
}

/// One expectation, or something that nobody expected.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleLine {
    /// Where it is written, or the test where it is not.
    pub place: Place,
    /// How long after the first sample.
    pub at: Span,
    /// As it is written: `alert disk-full is on`.
    pub text: String,
    /// Whether it went so.
    pub passed: bool,
    /// How it went instead.
    pub instead: String,
    /// What the levels behind it saw at that instant.
    pub saw: Vec<String>,
}

impl RuleReport {
    /// Whether every test passed.
    pub fn passed(&self) -> bool {
        self.tests.iter().all(RuleTest::passed)
    }
}

impl RuleTest {
    /// Whether everything went as expected.
    pub fn passed(&self) -> bool {
        self.lines.iter().all(|line| line.passed)
    }

    /// The first line that did not go as expected.
    pub fn first_difference(&self) -> Option<&RuleLine> {
        self.lines.iter().find(|line| !line.passed)
    }
}

/// `pass` or `FAIL` for each test, and the first difference with what was seen.
impl fmt::Display for RuleReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for test in &self.tests {
            match test.first_difference() {
                None => writeln!(f, "pass  {} ({} lines)", test.name, test.lines.len())?,
                Some(line) => {
                    writeln!(f, "FAIL  {}", test.name)?;
                    writeln!(f, "{}: at {}: {}", line.place, line.at, line.text)?;
                    writeln!(f, "  but: {}", line.instead)?;
                    for saw in &line.saw {
                        writeln!(f, "  saw: {saw}")?;
                    }
                }
            }
        }
        let failed = self.tests.iter().filter(|test| !test.passed()).count();
        write!(f, "{} tests, {failed} failed", self.tests.len())
    }
}

/// Runs the tests of a file; `loader` reads it and the configurations it names.
///
/// ```text
/// levels: {disk-full: {when: used_percent > 90, in: 3 of last 3, alert: disk-full}}
/// tests:
///   three looks are needed:
///     every: 1m
///     series: {used_percent: "80 85 x3 92 x5 _"}
///     expect:
///       - at 5m: alert disk-full is off
///       - at 6m: alert disk-full is on
///         because: used_percent = 92
///       - nothing else
/// ```
///
/// A test may have `levels` of its own, or `file: monitor.yaml` with `monitor:
/// web-01/linux/disk` in their place. `status: ok x3 critical x4` says how the looks
/// went; `series` of a part stand below its name: `/var: {used_percent: …}`. The
/// first sample is taken at 0s.
///
/// # Errors
/// Every mistake of the file, with its place.
pub fn rule_test(path: &Path, loader: impl Fn() -> Loader) -> Result<RuleReport, Problems> {
    let cases = read::read(path, &loader)?;
    Ok(RuleReport {
        tests: cases.iter().map(run).collect(),
    })
}

/// What happened on the way.
struct Turned {
    at: Span,
    what: Wants,
    saw: Vec<String>,
    is_told: bool,
}

struct Run<'c> {
    case: &'c Case,
    judge: Judge,
    states: States,
    turned: Vec<Turned>,
    last: Option<Report>,
}

fn run(case: &Case) -> RuleTest {
    let mut run = Run {
        case,
        judge: Judge::new(Arc::clone(&case.levels)),
        states: States::default(),
        turned: Vec::new(),
        last: None,
    };
    let mut expected: Vec<&Expected> = case.expected.iter().collect();
    expected.sort_by_key(|expected| expected.at);
    let mut lines = Vec::new();
    let mut samples = case.samples.iter().peekable();
    for expected in expected {
        let end = START + expected.at;
        while let Some(sample) = samples.next_if(|sample| sample.at <= end) {
            run.ticks_before(sample.at);
            run.sample(sample);
        }
        run.ticks_before(end + Span::from_nanos(1));
        lines.push(run.check(expected));
    }
    for sample in samples {
        run.ticks_before(sample.at);
        run.sample(sample);
    }
    if case.nothing_else {
        lines.extend(run.not_expected());
        lines.sort_by_key(|line| line.at);
    }
    RuleTest {
        name: case.name.value.clone(),
        place: case.name.place.clone(),
        lines,
    }
}

impl Run<'_> {
    fn library<'l>(id: &'l MonitorId, owners: &'l [StateOwner], states: &'l States) -> Library<'l> {
        Library {
            id,
            owners,
            states,
            store: None,
        }
    }

    fn sample(&mut self, report: &Report) {
        let library = Self::library(&self.case.id, &self.case.owners, &self.states);
        let judged = self.judge.see(report, library, report.at);
        self.last = Some(report.clone());
        self.take(report.at, judged);
    }

    fn ticks_before(&mut self, end: Timestamp) {
        let mut before = None;
        while let Some(at) = self.judge.next_tick() {
            if at >= end || before == Some(at) {
                return;
            }
            before = Some(at);
            let library = Self::library(&self.case.id, &self.case.owners, &self.states);
            let judged = self.judge.tick(library, at);
            self.take(at, judged);
        }
    }

    fn take(&mut self, now: Timestamp, judged: Vec<crate::judge::Judged>) {
        for found in judged {
            let part = found.part.clone();
            let (what, is_told) = match found.change.what {
                What::AlertOn(alert) => (Wants::Alert(alert, part, true), true),
                // The first look that finds all well says so of every alert.
                What::AlertOff(alert) => {
                    let was_on = self.is_on(&alert, part.as_deref());
                    (Wants::Alert(alert, part, false), was_on)
                }
                What::Trigger(job) => (Wants::Job(job), true),
                What::State { name, value } => {
                    if let Some(owner) = self.case.owners.first() {
                        self.states.set(owner, &name, value.as_ref());
                    }
                    continue;
                }
                What::Became { .. } => continue,
            };
            self.turned.push(Turned {
                at: now.since(START),
                what,
                saw: vec![found.because],
                is_told,
            });
        }
    }

    fn is_on(&self, alert: &str, part: Option<&str>) -> bool {
        let newest = self
            .turned
            .iter()
            .rev()
            .find_map(|turned| match &turned.what {
                Wants::Alert(name, of, on) if **name == *alert && of.as_deref() == part => {
                    Some(*on)
                }
                _ => None,
            });
        newest.unwrap_or(false)
    }

    fn check(&self, expected: &Expected) -> RuleLine {
        let now = START + expected.at;
        let (mut passed, mut instead) = match &expected.what {
            Wants::Alert(alert, part, on) => {
                let is = match part {
                    Some(part) => self.is_on(alert, Some(part)),
                    None => {
                        let parts = self.turned.iter().filter_map(|turned| match &turned.what {
                            Wants::Alert(name, part, _) if name == alert => Some(part.as_deref()),
                            _ => None,
                        });
                        let mut parts: Vec<Option<&str>> = parts.collect();
                        parts.push(None);
                        parts.into_iter().any(|part| self.is_on(alert, part))
                    }
                };
                (
                    is == *on,
                    format!("it is {}", if is { "on" } else { "off" }),
                )
            }
            Wants::State(name, value) => {
                let is = self.states.get(&self.case.owners, name);
                let text = is.as_ref().map_or("unknown".into(), ToString::to_string);
                (is == *value, format!("it is {text}"))
            }
            Wants::Job(job) => {
                let begins = |turned: &&Turned| turned.what == Wants::Job(Arc::clone(job));
                let at: Vec<Span> = self
                    .turned
                    .iter()
                    .filter(begins)
                    .map(|turned| turned.at)
                    .collect();
                let passed = at.contains(&expected.at);
                let when: Vec<String> = at.iter().map(ToString::to_string).collect();
                let instead = match when.is_empty() {
                    true => "it has not started".into(),
                    false => format!("it started at {}", when.join(", ")),
                };
                (passed, instead)
            }
        };
        let library = Self::library(&self.case.id, &self.case.owners, &self.states);
        let views = self.judge.explain(self.last.as_ref(), library, now);
        let behind = |level: &Level| level.actions.iter().any(|action| expected.is_of(action));
        let names: Vec<&Arc<str>> = self
            .case
            .levels
            .all()
            .filter(|level| behind(level))
            .map(|level| &level.name)
            .collect();
        let saw: Vec<String> = views
            .iter()
            .filter(|view| names.iter().any(|name| ***name == *view.name))
            .flat_map(|view| {
                let part = view
                    .part
                    .as_ref()
                    .map_or(String::new(), |part| format!("{part}: "));
                view.levels
                    .iter()
                    .map(move |level| format!("{part}{level}"))
            })
            .collect();
        if let Some(because) = &expected.because
            && passed
            && !saw.iter().any(|line| line.contains(because))
        {
            passed = false;
            instead = format!("not because of: {because}");
        }
        RuleLine {
            place: expected.place.clone(),
            at: expected.at,
            text: expected.what.to_string(),
            passed,
            instead,
            saw,
        }
    }

    /// What happened and stands in no line.
    fn not_expected(&self) -> Vec<RuleLine> {
        let told = self.turned.iter().filter(|turned| turned.is_told);
        let surprises = told.filter(|turned| {
            let mut expected = self.case.expected.iter();
            !expected.any(|expected| expected.at == turned.at && expected.what.covers(&turned.what))
        });
        let line = |turned: &Turned| RuleLine {
            place: self.case.name.place.clone(),
            at: turned.at,
            text: "nothing else".into(),
            passed: false,
            instead: match &turned.what {
                Wants::Job(job) => format!("job {job} starts"),
                what => what.to_string(),
            },
            saw: turned.saw.clone(),
        };
        surprises.map(line).collect()
    }
}

impl Expected {
    fn is_of(&self, action: &Action) -> bool {
        match (&self.what, action) {
            (Wants::Alert(name, ..), Action::Alert(alert)) => name == alert,
            (Wants::State(name, _), Action::State { name: state, .. }) => name == state,
            (Wants::Job(name), Action::Trigger(job)) => name == job,
            _ => false,
        }
    }
}

impl Wants {
    /// Whether a line about this is also about `other`, that happened.
    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Alert(name, None, on), Self::Alert(other, _, is)) => name == other && on == is,
            _ => self == other,
        }
    }
}

impl fmt::Display for Wants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Alert(alert, part, on) => {
                write!(f, "alert {alert}")?;
                if let Some(part) = part {
                    write!(f, " of {part}")?;
                }
                f.write_str(if *on { " is on" } else { " is off" })
            }
            Self::State(name, Some(StateValue::Text(text))) => write!(f, "state {name} = {text}"),
            Self::State(name, Some(StateValue::Number(number))) => {
                write!(f, "state {name} = {number}")
            }
            Self::State(name, None) => write!(f, "state {name} = unknown"),
            Self::Job(job) => write!(f, "job {job} starts"),
        }
    }
}
