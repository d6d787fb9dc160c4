use std::collections::HashMap;

use indexmap::IndexMap;
use rem_yaml::{Located, Problem, Problems};

use crate::config::{Config, Machine, Package};
use crate::id::MonitorId;
use crate::monitor::{Monitor, UsedBy};
use crate::name::MachineName;
use crate::read::{Definition, Fill};
use crate::scope::{Observer, Scope, Views};
use crate::template::Subject;

/// Monitors of one configuration, over all machines; more are refused.
pub const MONITORS_MAX: usize = 200_000;

/// Every package's monitors for every machine that has the package.
pub(crate) fn monitors(config: &Config, problems: &mut Problems) -> Vec<Monitor> {
    let installed = installed(config);
    let mut monitors = Vec::new();
    for (machine_index, machine) in config.machines().enumerate() {
        let Some(packages) = installed.get(&machine_index) else {
            continue;
        };
        for package in config.packages() {
            let Some(used_by) = packages.get(package.name.as_str()) else {
                continue;
            };
            for definition in package.monitors.values() {
                let one = match monitor(config, machine, package, definition, used_by) {
                    Ok(monitor) => monitor,
                    Err(problem) => {
                        problems.add(problem);
                        continue;
                    }
                };
                for monitor in from_places(config, machine, definition, one, problems) {
                    if monitors.len() >= MONITORS_MAX {
                        let message = format!("more than {MONITORS_MAX} monitors in all");
                        problems.add(definition.at.problem(message));
                        return monitors;
                    }
                    monitors.push(monitor);
                }
            }
        }
    }
    monitors
}

/// The monitor once for each of its scopes; as it is where it has none.
fn from_places(
    config: &Config,
    machine: &Machine,
    definition: &Definition,
    monitor: Monitor,
    problems: &mut Problems,
) -> Vec<Monitor> {
    if definition.scopes.is_empty() {
        return vec![monitor];
    }
    let views = Views::of(
        machine.name.as_str(),
        machine.location.as_deref(),
        config.observers.values(),
    );
    let mut all = Vec::new();
    for scope in &definition.scopes {
        let observer = match scope.value {
            Scope::Local if machine.local => None,
            Scope::Local => {
                let name = &machine.name;
                let message = format!("{name} is not the machine the monitor runs on");
                let help = format!("write `local: true` for {name}, or `scope: near`");
                problems.add(scope.problem(message).help(help));
                continue;
            }
            Scope::Near => views.near.map(|observer| observer.name.clone()),
            Scope::Far => match views.far {
                Some(observer) => Some(observer.name.clone()),
                None => {
                    problems.add(no_far(scope, views.near, &machine.name));
                    continue;
                }
            },
        };
        let id = match definition.scopes.len() {
            1 => monitor.id.clone(),
            _ => MonitorId::from_place(
                &monitor.machine,
                &monitor.package,
                &monitor.name,
                scope.value,
            ),
        };
        all.push(Monitor {
            id,
            scope: Some(scope.value),
            observer,
            ..monitor.clone()
        });
    }
    all
}

fn no_far(scope: &Located<Scope>, near: Option<&Observer>, machine: &MachineName) -> Problem {
    match near {
        None => scope
            .problem("there is no observer to look from")
            .help("declare two under observers, each with its location"),
        Some(near) => {
            let message = format!(
                "nothing looks at {machine} from far: every observer is at {}, as the near one",
                near.location
            );
            let help = "declare an observer at another location, or write `scope: near`";
            scope.problem(message).help(help)
        }
    }
}

/// By machine (its index) and package, the deployments that brought it there.
fn installed(config: &Config) -> HashMap<usize, IndexMap<&str, Vec<UsedBy>>> {
    let mut installed: HashMap<usize, IndexMap<&str, Vec<UsedBy>>> = HashMap::new();
    for service in config.services() {
        for deployment in &service.deployments {
            for machine in &deployment.machines {
                let Some(machine) = config.machines.get_index_of(&machine.value) else {
                    continue;
                };
                for package in &service.packages {
                    let packages = installed.entry(machine).or_default();
                    packages
                        .entry(package.value.as_str())
                        .or_default()
                        .push(UsedBy {
                            service: service.name.clone(),
                            deployment: deployment.name.clone(),
                        });
                }
            }
        }
    }
    installed
}

fn monitor(
    config: &Config,
    machine: &Machine,
    package: &Package,
    definition: &Definition,
    used_by: &[UsedBy],
) -> Result<Monitor, Problem> {
    let subject = Subject {
        site: &config.site,
        machine,
        package: &package.name,
        monitor: &definition.name,
    };
    let fill = Fill {
        subject,
        at: &definition.at,
    };
    let check = definition.look.check(&fill)?;
    if check.is_local() && !machine.local {
        let message = format!(
            "{} runs on the machine itself, and {} is not local",
            check.kind(),
            machine.name
        );
        let place = definition
            .written_at("check")
            .unwrap_or(&definition.at.place);
        return Err(
            Problem::new(place, &definition.at.key_path.key("check"), message).help(format!(
                "write `local: true` for {} if the monitor runs there; otherwise do not deploy {} to it",
                machine.name, package.name
            )),
        );
    }
    let title = match &definition.title {
        Some(title) => fill.text(title)?,
        None => definition.name.to_string(),
    };
    Ok(Monitor {
        id: MonitorId::new(&machine.name, &package.name, &definition.name),
        machine: machine.name.clone(),
        address: machine.address.clone(),
        package: package.name.clone(),
        name: definition.name.clone(),
        title,
        check,
        every: definition.every,
        timeout: definition.timeout,
        retry: definition.retry,
        scope: None,
        observer: None,
        levels: definition.levels.fill(subject)?,
        per: definition.per.clone(),
        series: definition.series.clone(),
        used_by: used_by.to_vec(),
        place: definition.at.place.clone(),
    })
}
