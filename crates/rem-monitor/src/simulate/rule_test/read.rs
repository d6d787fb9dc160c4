//! The file of tests, read and checked.

mod expectation;
mod samples;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rem_check::Report;
use rem_config::{
    Config, MachineName, MonitorId, MonitorName, PackageName, load_with, read_levels,
};
use rem_time::Span;
use rem_yaml::{At, Loader, Located, Problem, Problems, suggest};

use self::expectation::expectations;
pub(super) use self::expectation::{Expected, What};
use self::samples::samples;
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
