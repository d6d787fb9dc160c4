//! The file of tests, read and checked.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rem_alert::level::{ExpressionError, SERIES_SAMPLES_MAX, StateValue, parse_series};
use rem_check::{Reading, Report, Unit, Verdict};
use rem_config::{
    Config, MachineName, MonitorId, MonitorName, PackageName, load_with, read_levels,
};
use rem_time::{Span, Timestamp};
use rem_yaml::{At, Loader, Located, Place, Problem, Problems, Value, suggest};

use super::START;
use crate::judge::MonitorLevels;
use crate::plan::Compiled;
use crate::states::StateOwner;

/// Tests in one file; more are refused.
pub const CASES_MAX: usize = 10_000;
/// Expectations of one test; more are refused.
pub const EXPECTATIONS_MAX: usize = 10_000;

/// One test.
pub(super) struct Case {
    pub(super) name: Located<String>,
    pub(super) id: MonitorId,
    pub(super) owners: Vec<StateOwner>,
    pub(super) levels: Arc<MonitorLevels>,
    pub(super) samples: Vec<Report>,
    pub(super) expected: Vec<Expected>,
    pub(super) nothing_else: bool,
}

/// One expectation.
pub(super) struct Expected {
    pub(super) place: Place,
    pub(super) at: Span,
    pub(super) what: What,
    pub(super) because: Option<String>,
}

/// What is expected.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum What {
    /// An alert, of a part or of any, is on or off.
    Alert(Arc<str>, Option<Arc<str>>, bool),
    /// A state has a value, or is not known.
    State(Arc<str>, Option<StateValue>),
    /// A job starts.
    Job(Arc<str>),
}

/// Which levels are tested, and of which monitor.
#[derive(Clone)]
struct Subject {
    id: MonitorId,
    every: Option<Span>,
    levels: Levels,
}

#[derive(Clone)]
enum Levels {
    Written(Arc<[rem_alert::level::Level]>),
    OfMonitor(Arc<MonitorLevels>),
}

struct Reader<'l> {
    folder: PathBuf,
    loader: &'l dyn Fn() -> Loader,
    configs: HashMap<String, Option<Arc<Config>>>,
}

pub(super) fn read(path: &Path, loader: &dyn Fn() -> Loader) -> Result<Vec<Case>, Problems> {
    let mut problems = Problems::new();
    let mut reader = Reader {
        folder: path.parent().map(Path::to_owned).unwrap_or_default(),
        loader,
        configs: HashMap::new(),
    };
    let cases = loader().load(path, &mut problems, |_, node, problems| {
        reader.file(&At::root(&node), problems)
    });
    problems.into_result(cases)
}

impl Reader<'_> {
    fn file(&mut self, at: &At<'_>, problems: &mut Problems) -> Option<Vec<Case>> {
        let mut map = at.map(problems)?;
        let shared = self.subject(&mut map, problems);
        let tests = map.get("tests");
        if tests.is_none() {
            problems.add(map.missing("tests"));
        }
        map.finish(problems);
        let tests = tests?.entries(problems)?;
        if CASES_MAX < tests.len() {
            let message = format!("{} tests, at most {CASES_MAX} are allowed", tests.len());
            problems.add(at.problem(message));
            return None;
        }
        let cases = tests.into_iter().map(|(name, at)| {
            let name = name.map(ToOwned::to_owned);
            self.case(name, &at, shared.clone(), problems)
        });
        let cases: Vec<Option<Case>> = cases.collect();
        cases.into_iter().collect()
    }

    /// `levels`, or `file` and `monitor`; nothing where none of them is written, or
    /// all is wrong.
    fn subject(
        &mut self,
        map: &mut rem_yaml::MapReader<'_>,
        problems: &mut Problems,
    ) -> Option<Subject> {
        let levels = map.get("levels");
        let file = map.get("file");
        let monitor = map.get("monitor");
        if let (Some(levels), Some(_)) = (&levels, &file) {
            let problem = levels.problem("both levels and file");
            problems.add(problem.help("keep one of them"));
            return None;
        }
        if let Some(at) = levels {
            let id = match monitor {
                Some(at) => at.parse_with(problems, monitor_id)?,
                None => monitor_id("tested/rules/levels").ok()?,
            };
            return Some(Subject {
                id,
                every: None,
                levels: Levels::Written(read_levels(&at, problems)?),
            });
        }
        let file = file?;
        let Some(monitor) = monitor else {
            problems.add(
                map.missing("monitor")
                    .help("add `monitor: web-01/apache/http`"),
            );
            return None;
        };
        let config = self.config(&file, problems)?;
        let text = monitor.text(problems)?;
        let all = config.monitors().iter();
        let Some(found) = all.clone().find(|found| found.id.as_str() == text) else {
            let near = suggest(text, all.map(|found| found.id.as_str()));
            let help = near.map(|near| format!("did you mean {near}?"));
            let problem = monitor.problem(format!("there is no monitor {text}"));
            problems.add(problem.maybe_help(help));
            return None;
        };
        match Compiled::default().of(found) {
            Ok(levels) => Some(Subject {
                id: found.id.clone(),
                every: Some(found.every),
                levels: Levels::OfMonitor(levels),
            }),
            Err(error) => {
                problems.add(monitor.problem(error.to_string()));
                None
            }
        }
    }

    fn config(&mut self, file: &At<'_>, problems: &mut Problems) -> Option<Arc<Config>> {
        let name = file.text(problems)?;
        if let Some(known) = self.configs.get(name) {
            return known.clone();
        }
        let config = match load_with((self.loader)(), self.folder.join(name)) {
            Ok(config) => Some(Arc::new(config)),
            Err(wrong) => {
                problems.append(wrong);
                None
            }
        };
        self.configs.insert(name.to_owned(), config.clone());
        config
    }

    fn case(
        &mut self,
        name: Located<String>,
        at: &At<'_>,
        shared: Option<Subject>,
        problems: &mut Problems,
    ) -> Option<Case> {
        let mut map = at.map(problems)?;
        let own = ["levels", "file"].iter().any(|key| map.has(key));
        let before = problems.len();
        let subject = self.subject(&mut map, problems);
        let subject = if own { subject } else { shared };
        if subject.is_none() && before == problems.len() && problems.is_empty() {
            let problem = at.problem("nothing is tested");
            problems.add(problem.help("add `levels:`, or `file:` and `monitor:`"));
        }
        let every = map.optional::<Span>("every", problems);
        let status = map.get("status");
        let series = map.get("series");
        let expect = map.get("expect");
        if expect.is_none() {
            problems.add(map.missing("expect"));
        }
        map.finish(problems);
        let subject = subject?;
        let every = every.or(subject.every).unwrap_or(Span::from_seconds(60));
        if every.is_zero() {
            problems.add(at.problem("every has to be longer than nothing"));
            return None;
        }
        let samples = samples(status.as_ref(), series.as_ref(), every, at, problems);
        let (expected, nothing_else) = expectations(&expect?, problems)?;
        let levels = match subject.levels {
            Levels::OfMonitor(levels) => levels,
            Levels::Written(levels) => {
                match MonitorLevels::compile(levels.to_vec(), every, false) {
                    Ok(levels) => Arc::new(levels),
                    Err(error) => {
                        problems.add(at.problem(error.to_string()));
                        return None;
                    }
                }
            }
        };
        let mut case = Case {
            owners: owners(&subject.id),
            id: subject.id,
            name,
            levels,
            samples: samples?,
            expected,
            nothing_else,
        };
        case.check_names(problems);
        Some(case)
    }
}

impl Case {
    /// An expectation about an alert that no level has could never be wrong.
    fn check_names(&mut self, problems: &mut Problems) {
        use rem_alert::level::Action;
        let actions = || self.levels.all().flat_map(|level| &level.actions);
        for expected in &self.expected {
            let (kind, name) = match &expected.what {
                What::Alert(name, ..) => ("alert", name),
                What::State(name, _) => ("state", name),
                What::Job(name) => ("job", name),
            };
            let names = actions().filter_map(|action| match (action, &expected.what) {
                (Action::Alert(name), What::Alert(..))
                | (Action::Trigger(name), What::Job(_))
                | (Action::State { name, .. }, What::State(..)) => Some(&**name),
                _ => None,
            });
            let names: Vec<&str> = names.collect();
            if names.contains(&&**name) {
                continue;
            }
            let near = suggest(name, names.iter().copied());
            let message = format!("no level has the {kind} {name}");
            let path = &self.name.key_path;
            let problem = Problem::new(&expected.place, path, message);
            problems.add(problem.maybe_help(near.map(|near| format!("did you mean {near}?"))));
        }
    }
}

fn monitor_id(text: &str) -> Result<MonitorId, String> {
    let wrong = || format!("not a monitor such as web-01/apache/http: {text}");
    let mut names = text.splitn(3, '/');
    let mut next = || names.next().ok_or_else(wrong);
    let machine = MachineName::new(next()?).map_err(|_| wrong())?;
    let package = PackageName::new(next()?).map_err(|_| wrong())?;
    let monitor = MonitorName::new(next()?).map_err(|_| wrong())?;
    Ok(MonitorId::new(&machine, &package, &monitor))
}

/// Whose states the levels see and set.
fn owners(id: &MonitorId) -> Vec<StateOwner> {
    let mut names = id.as_str().split('/');
    let machine = names.next().and_then(|name| MachineName::new(name).ok());
    let package = names.next().and_then(|name| PackageName::new(name).ok());
    let mut owners = Vec::new();
    if let (Some(machine), Some(package)) = (machine, package) {
        owners.push(StateOwner::Package(machine.clone(), package));
        owners.push(StateOwner::Machine(machine));
    }
    owners.push(StateOwner::Site);
    owners
}

/// One column: the part, the reading and its values.
type Column = (Option<String>, String, Vec<Option<f64>>);

fn samples(
    status: Option<&At<'_>>,
    series: Option<&At<'_>>,
    every: Span,
    at: &At<'_>,
    problems: &mut Problems,
) -> Option<Vec<Report>> {
    let before = problems.len();
    let verdicts = match status {
        Some(at) => Some(verdicts(at, problems)?),
        None => None,
    };
    let mut columns: Vec<Column> = Vec::new();
    for (name, at) in series
        .and_then(|at| at.entries(problems))
        .unwrap_or_default()
    {
        if let Value::Map(_) = at.node().value {
            let part = name.value.to_owned();
            for (field, at) in at.entries(problems).unwrap_or_default() {
                let values = column(&at, problems).unwrap_or_default();
                columns.push((Some(part.clone()), field.value.to_owned(), values));
            }
            continue;
        }
        let values = column(&at, problems).unwrap_or_default();
        columns.push((None, name.value.to_owned(), values));
    }
    if before < problems.len() {
        return None;
    }
    let of_series = columns.iter().map(|(_, _, values)| values.len()).max();
    let of_status = verdicts.as_ref().map(Vec::len);
    let count = of_series.max(of_status).unwrap_or(0);
    if count == 0 {
        let problem = at.problem("there are no samples");
        problems.add(problem.help("add `series: {used_percent: 80 x3 92 x5}` or `status: ok x3`"));
        return None;
    }
    let reports = (0..count).map(|sample| {
        let readings = columns.iter().filter_map(|(part, field, values)| {
            let value = values.get(sample)?;
            let mut reading = Reading::gauge(field, value.unwrap_or(0.0), Unit::One);
            reading.value = *value;
            reading.group.clone_from(part);
            Some(reading)
        });
        let verdict = match &verdicts {
            None => Some(Verdict::Ok),
            Some(verdicts) => verdicts.get(sample).copied().flatten(),
        };
        let readings: Vec<Reading> = readings.collect();
        // `_` as a status: nobody looked.
        verdict.map(|verdict| Report {
            at: time(every, sample),
            took: Span::ZERO,
            verdict,
            message: String::new(),
            readings,
        })
    });
    Some(reports.flatten().collect())
}

fn time(every: Span, sample: usize) -> Timestamp {
    START + Span::from_nanos(every.as_nanos().saturating_mul(sample as u64))
}

fn column(at: &At<'_>, problems: &mut Problems) -> Option<Vec<Option<f64>>> {
    let number = match &at.node().value {
        Value::Int(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        _ => None,
    };
    let text = match &number {
        Some(number) => number,
        None => at.text(problems)?,
    };
    match parse_series(&repeats_apart(text)) {
        Ok(series) => Some(series),
        Err(ExpressionError { message, help, .. }) => {
            problems.add(at.problem(message).maybe_help(help));
            None
        }
    }
}

/// `85x3` is `85 x3`.
fn repeats_apart(text: &str) -> String {
    let words = text
        .split_whitespace()
        .map(|word| match word.rsplit_once('x') {
            Some((value, times))
                if !value.is_empty()
                    && !times.is_empty()
                    && times.bytes().all(|b| b.is_ascii_digit()) =>
            {
                format!("{value} x{times}")
            }
            _ => word.to_owned(),
        });
    words.collect::<Vec<_>>().join(" ")
}

/// `ok x3 critical x4 _`.
fn verdicts(at: &At<'_>, problems: &mut Problems) -> Option<Vec<Option<Verdict>>> {
    const WORDS: [&str; 4] = ["ok", "warning", "critical", "unknown"];
    let text = repeats_apart(at.text(problems)?);
    let mut all: Vec<Option<Verdict>> = Vec::new();
    for word in text.split_whitespace() {
        let times = word
            .strip_prefix('x')
            .and_then(|times| times.parse::<usize>().ok());
        if let (Some(times), Some(last)) = (times, all.last().copied()) {
            if SERIES_SAMPLES_MAX < all.len().saturating_add(times) {
                let message = format!("at most {SERIES_SAMPLES_MAX} samples are allowed");
                problems.add(at.problem(message));
                return None;
            }
            all.extend(std::iter::repeat_n(last, times.saturating_sub(1)));
            continue;
        }
        all.push(match word {
            "ok" => Some(Verdict::Ok),
            "warning" => Some(Verdict::Warning),
            "critical" => Some(Verdict::Critical),
            "unknown" => Some(Verdict::Unknown),
            "_" => None,
            other => {
                let near = suggest(other, WORDS);
                let help = near.map_or("write `ok x3 critical x4 _`".into(), |near| {
                    format!("did you mean {near}?")
                });
                problems.add(at.problem(format!("not a status: {other}")).help(help));
                return None;
            }
        });
    }
    Some(all)
}

fn expectations(at: &At<'_>, problems: &mut Problems) -> Option<(Vec<Expected>, bool)> {
    let mut expected = Vec::new();
    let mut nothing_else = false;
    let items = at.items(problems)?;
    if EXPECTATIONS_MAX < items.len() {
        let message = format!(
            "{} lines, at most {EXPECTATIONS_MAX} are allowed",
            items.len()
        );
        problems.add(at.problem(message));
        return None;
    }
    for item in items {
        if item.node().as_str() == Some("nothing else") {
            nothing_else = true;
            continue;
        }
        expected.extend(expectation(&item, problems));
    }
    if expected.is_empty() && !nothing_else {
        let problem = at.problem("nothing is expected");
        problems.add(problem.help(FORM));
    }
    Some((expected, nothing_else))
}

const FORM: &str = "write `- at 7m: alert disk-full is on`, `- at 7m: state busy = 1`, \
                    `- at 7m: job restart starts` or `- nothing else`";

fn expectation(at: &At<'_>, problems: &mut Problems) -> Option<Expected> {
    let Value::Map(_) = at.node().value else {
        problems.add(at.problem("not an expectation").help(FORM));
        return None;
    };
    let mut line = None;
    let mut because = None;
    for (key, value) in at.entries(problems)? {
        if key.value == "because" {
            because = value.text(problems).map(ToOwned::to_owned);
            continue;
        }
        let span = key
            .value
            .strip_prefix("at ")
            .map(str::trim)
            .map(str::parse::<Span>);
        let Some(Ok(span)) = span else {
            let problem = key.problem(format!("not an instant such as `at 7m`: {}", key.value));
            problems.add(problem.help(FORM));
            return None;
        };
        let text = value.text(problems)?;
        let Some(what) = what(text) else {
            let problem = value.problem(format!("not an expectation: {text}"));
            problems.add(problem.help(FORM));
            return None;
        };
        line = Some((key.place.clone(), span, what));
    }
    let Some((place, at, what)) = line else {
        problems.add(at.problem("no instant").help(FORM));
        return None;
    };
    Some(Expected {
        place,
        at,
        what,
        because,
    })
}

fn what(text: &str) -> Option<What> {
    let (kind, rest) = text.trim().split_once(' ')?;
    let rest = rest.trim();
    match kind {
        "alert" => {
            let (name, on) = match rest.strip_suffix(" is on") {
                Some(name) => (name, true),
                None => (rest.strip_suffix(" is off")?, false),
            };
            let (name, part) = match name.split_once(" of ") {
                Some((name, part)) => (name, Some(Arc::from(part.trim()))),
                None => (name, None),
            };
            Some(What::Alert(name.trim().into(), part, on))
        }
        "state" => {
            let (name, value) = rest.split_once('=')?;
            let value = value.trim();
            let value = match (value, value.parse::<f64>()) {
                ("unknown", _) => None,
                (_, Ok(number)) => Some(StateValue::Number(number)),
                (text, Err(_)) => Some(StateValue::from(text.trim_matches('"'))),
            };
            Some(What::State(name.trim().into(), value))
        }
        "job" => Some(What::Job(rest.strip_suffix(" starts")?.trim().into())),
        _ => None,
    }
}
