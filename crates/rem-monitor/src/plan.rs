use std::collections::HashMap;
use std::sync::Arc;

use rem_alert::level::Level;
use rem_check::{Check, LogPattern, Root};
use rem_config::{AlertSubject, Config, Monitor, ObserverName, SeriesKind, UsedBy};
use rem_time::Span;

use crate::jobs::Job;
use crate::judge::{CompileError, MonitorLevels};
use crate::memory::Memory;
use crate::observer::{Observer, ObserverError};
use crate::places::Limits;
use crate::probes::{MakeError, Maker, Probes};
use crate::rules::{NOTIFY_LABEL, NOTIFY_NONE, ladder_name};
use crate::run::RunListError;
use crate::secrets::Secrets;
use crate::states::StateOwner;
use crate::telling::Telling;

/// What is to be watched, with everything ready to look: made from a
/// configuration by [`plan`].
#[derive(Debug)]
pub struct Plan {
    /// The site's name.
    pub site: String,
    /// Every monitor, in the order of the files.
    pub monitors: Vec<Planned>,
    /// How many checks run at once.
    pub limits: Limits,
    /// What triggers run.
    pub jobs: Vec<Job>,
}

/// One monitor, ready to look.
#[derive(Clone, Debug)]
pub struct Planned {
    /// What the file says of it.
    pub monitor: Monitor,
    /// What looks.
    pub look: Look,
    /// Looks again sooner while something is wrong.
    pub retry: Option<Retry>,
    /// From where it looks; the monitor's own host where nobody says.
    pub observer: Option<Observer>,
    /// A log file whose place is remembered over a restart.
    pub(crate) log: Option<Arc<LogPattern>>,
    /// What judges what it finds.
    pub levels: Arc<MonitorLevels>,
    /// Who is told of its alerts.
    pub telling: Telling,
}

impl Planned {
    /// A monitor that `check` looks at.
    pub fn new(monitor: Monitor, check: Arc<dyn Check>) -> Self {
        Self {
            monitor,
            look: Look::Looks(check),
            retry: None,
            observer: None,
            log: None,
            levels: Arc::default(),
            telling: Telling::default(),
        }
    }
}

impl Planned {
    /// Whether nothing of it changed, so that it goes on undisturbed.
    pub(crate) fn same_as(&self, other: &Self) -> bool {
        self.monitor.same_as(&other.monitor)
            && self.same_time_as(other)
            && self.same_levels_as(other)
            && self.telling == other.telling
            && self.observer.as_ref().map(Observer::name)
                == other.observer.as_ref().map(Observer::name)
    }

    /// Whether the same levels judge it.
    pub(crate) fn same_levels_as(&self, other: &Self) -> bool {
        self.levels.all().eq(other.levels.all())
    }

    /// Whether it keeps its place in time.
    pub(crate) fn same_time_as(&self, other: &Self) -> bool {
        let fresh = |look: &Look| match look {
            Look::Looks(_) => None,
            Look::Waits { fresh } => Some(*fresh),
        };
        self.monitor.every == other.monitor.every
            && self.retry == other.retry
            && fresh(&self.look) == fresh(&other.look)
    }
}

/// Where a monitor's results come from.
#[derive(Clone, Debug)]
pub enum Look {
    /// From looking.
    Looks(Arc<dyn Check>),
    /// From somebody who tells.
    Waits {
        /// Without news for so long nothing is known.
        fresh: Span,
    },
}

/// Looking again soon after a look that was not ok, so that a failure is certain
/// sooner and a mishap is over sooner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// How long after.
    pub after: Span,
    /// At most so often in a row; then the usual interval goes on alone.
    pub times: u32,
}

/// What checks share and where they look.
#[derive(Clone, Debug)]
pub struct Tools {
    /// What checks from here share.
    pub probes: Probes,
    /// Where this machine's own figures are read.
    pub root: Root,
    /// What runs the scripts of `run:` monitors.
    pub blocks: procblock::Engine,
    pub(crate) secrets: Secrets,
    pub(crate) memory: Memory,
}

/// Why a monitor, a job or an observer cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {what} cannot be made")]
pub struct PlanError {
    /// Which one: `monitor web-01/apache/http`.
    pub what: String,
    /// Where it is written.
    pub place: String,
    source: PlanErrorKind,
}

#[derive(Debug, thiserror::Error)]
enum PlanErrorKind {
    #[error(transparent)]
    Check(#[from] MakeError),
    #[error(transparent)]
    Job(#[from] RunListError),
    #[error(transparent)]
    Levels(#[from] CompileError),
    #[error(transparent)]
    Observer(#[from] ObserverError),
}

/// Makes every monitor of `config` ready to look; all that cannot be made are
/// told at once. Must be called within a tokio runtime.
pub fn plan(config: &Config, tools: &Tools) -> Result<Plan, Vec<PlanError>> {
    let mut errors = Vec::new();
    let observers = observers(config, &mut errors);
    let mut compiled = Compiled::default();
    let mut monitors = Vec::with_capacity(config.monitors().len());
    for monitor in config.monitors() {
        match planned(config, monitor, tools, &observers, &mut compiled) {
            Ok(planned) => monitors.push(planned),
            Err(source) => errors.push(PlanError {
                what: format!("monitor {}", monitor.id),
                place: monitor.place.to_string(),
                source,
            }),
        }
    }
    let mut jobs = Vec::new();
    for job in config.jobs() {
        let made = Job::new(
            job.name.as_str(),
            &job.place.file,
            &job.run.run.to_json(),
            job.run.folder.clone(),
            job.timeout,
        );
        match made {
            Ok(job) => jobs.push(job),
            Err(source) => errors.push(PlanError {
                what: format!("job {}", job.name),
                place: job.place.to_string(),
                source: source.into(),
            }),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let limits = config.limits();
    Ok(Plan {
        site: config.site().to_string(),
        monitors,
        limits: Limits {
            checks_at_once: limits.checks_at_once,
            per_target: limits.per_target,
            per_kind: limits
                .per_kind
                .iter()
                .map(|(kind, limit)| ((*kind).to_owned(), *limit))
                .collect(),
        },
        jobs,
    })
}

/// Every vantage point that the file names.
fn observers(config: &Config, errors: &mut Vec<PlanError>) -> HashMap<ObserverName, Observer> {
    let mut observers = HashMap::new();
    for wanted in config.observers() {
        let name = wanted.name.as_str();
        let made = match &wanted.netns {
            Some(netns) => Observer::in_namespace(name, netns),
            None => Ok(Observer::here(name)),
        };
        match made {
            Ok(observer) => {
                observers.insert(wanted.name.clone(), observer);
            }
            Err(source) => errors.push(PlanError {
                what: format!("observer {name}"),
                place: wanted.place.to_string(),
                source: source.into(),
            }),
        }
    }
    observers
}

/// Levels that are compiled already: the monitors of one definition share them.
#[derive(Default)]
pub(crate) struct Compiled(HashMap<(*const Level, Span), Arc<MonitorLevels>>);

impl Compiled {
    pub(crate) fn of(&mut self, monitor: &Monitor) -> Result<Arc<MonitorLevels>, CompileError> {
        let key = (monitor.levels.as_ptr(), monitor.every);
        if let Some(levels) = self.0.get(&key)
            && !monitor.levels.is_empty()
        {
            return Ok(Arc::clone(levels));
        }
        let counts = monitor
            .series
            .iter()
            .filter(|series| matches!(series.kind, Some(SeriesKind::Counter | SeriesKind::Derive)));
        let levels = MonitorLevels::compile(
            monitor.levels.to_vec(),
            monitor.every,
            monitor.per.is_some(),
        )?
        .counting(counts.map(|series| series.field.as_str().into()).collect());
        let levels = Arc::new(levels);
        self.0.insert(key, Arc::clone(&levels));
        Ok(levels)
    }
}

fn planned(
    config: &Config,
    monitor: &Monitor,
    tools: &Tools,
    observers: &HashMap<ObserverName, Observer>,
    compiled: &mut Compiled,
) -> Result<Planned, PlanErrorKind> {
    let observer = monitor
        .observer
        .as_ref()
        .and_then(|name| observers.get(name).cloned());
    let maker = Maker {
        probes: observer.as_ref().map_or(&tools.probes, |at| &at.probes),
        root: &tools.root,
        blocks: &tools.blocks,
        secrets: &tools.secrets,
        memory: &tools.memory,
    };
    let made = maker.make(monitor)?;
    let levels = compiled.of(monitor)?;
    Ok(Planned {
        telling: telling(config, monitor, &levels),
        monitor: monitor.clone(),
        look: made.look,
        log: made.log,
        retry: monitor.retry.map(|retry| Retry {
            after: retry.after,
            times: retry.times,
        }),
        observer,
        levels,
    })
}

/// Whom the alerts of a monitor are told, and about what.
pub(crate) fn telling(config: &Config, monitor: &Monitor, levels: &MonitorLevels) -> Telling {
    let told = |used: &&UsedBy| {
        let service = config.service(used.service.as_str());
        let deployment = service.and_then(|service| service.deployment(used.deployment.as_str()));
        deployment.is_some_and(|deployment| deployment.notify)
    };
    let notified = monitor.used_by.iter().find(told);
    let used = notified.or(monitor.used_by.first());
    let mut telling = Telling::default();
    let mut label = |name: &str, value: &str| {
        telling.labels.insert(name.into(), value.into());
    };
    label("machine", monitor.machine.as_str());
    label("package", monitor.package.as_str());
    label("monitor", monitor.id.as_str());
    let location = config.machine(monitor.machine.as_str());
    if let Some(location) = location.and_then(|machine| machine.location.as_deref()) {
        label("location", location);
    }
    if let Some(used) = used {
        label("service", used.service.as_str());
        label("deployment", used.deployment.as_str());
    }
    if notified.is_none() {
        label(NOTIFY_LABEL, NOTIFY_NONE);
    }
    if let Some(observer) = &monitor.observer {
        label("observer", observer.as_str());
    }
    for alert in levels.alerts() {
        if let Some(used) = used {
            let name = ladder_name(used.service.as_str(), used.deployment.as_str(), alert);
            telling.ladders.insert(Arc::clone(alert), name.into());
        }
        let subject = config.alert(alert).map(|alert| alert.subject);
        let nodes: Vec<Arc<str>> = match subject.unwrap_or_default() {
            AlertSubject::Monitor => continue,
            AlertSubject::Machine => vec![format!("machine:{}", monitor.machine).into()],
            AlertSubject::Service => {
                let nodes = monitor
                    .used_by
                    .iter()
                    .map(|used| service_node(used.service.as_str(), used.deployment.as_str()));
                nodes.map(Arc::from).collect()
            }
        };
        telling.subjects.insert(Arc::clone(alert), nodes);
    }
    let package = StateOwner::Package(monitor.machine.clone(), monitor.package.clone());
    telling.owners = vec![package, StateOwner::Machine(monitor.machine.clone())];
    for used in &monitor.used_by {
        let service = StateOwner::Service(used.service.clone());
        if !telling.owners.contains(&service) {
            telling.owners.push(service);
        }
    }
    telling.owners.push(StateOwner::Site);
    telling
}

fn service_node(service: &str, deployment: &str) -> String {
    let escape = |name: &str| name.replace('%', "%25").replace('/', "%2F");
    format!("service:{}/{}", escape(service), escape(deployment))
}
