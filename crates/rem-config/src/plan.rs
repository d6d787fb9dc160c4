use std::collections::HashMap;

use indexmap::IndexMap;
use rem_yaml::{Located, Problem, Problems};

use crate::check::{Check, HttpCheck, PingCheck, TcpCheck};
use crate::config::{Config, Machine, Package};
use crate::host::Host;
use crate::id::MonitorId;
use crate::monitor::{Monitor, UsedBy};
use crate::read::{Definition, Look, check_url};
use crate::template::{Becomes, NoAddress, Subject, Template};

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
                if monitors.len() >= MONITORS_MAX {
                    let message = format!("more than {MONITORS_MAX} monitors in all");
                    problems.add(definition.at.problem(message));
                    return monitors;
                }
                match monitor(config, machine, package, definition, used_by) {
                    Ok(monitor) => monitors.push(monitor),
                    Err(problem) => problems.add(problem),
                }
            }
        }
    }
    monitors
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
        definition,
    };
    let check = fill.check()?;
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
        Some(title) => fill.text(title, Becomes::Text)?,
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
        per: definition.per.clone(),
        series: definition.series.clone(),
        used_by: used_by.to_vec(),
        place: definition.at.place.clone(),
    })
}

/// Fills in one definition for one machine.
struct Fill<'c> {
    subject: Subject<'c>,
    definition: &'c Definition,
}

impl Fill<'_> {
    fn check(&self) -> Result<Check, Problem> {
        Ok(match &self.definition.look {
            Look::Same(check) => check.clone(),
            Look::Ping {
                address,
                count,
                interval,
            } => Check::Ping(PingCheck {
                address: self.address(address.as_ref())?,
                count: *count,
                interval: *interval,
            }),
            Look::Http {
                url,
                method,
                headers,
                status,
                contains,
                follow_redirects,
            } => Check::Http(HttpCheck {
                url: self.url(url)?,
                method: method.clone(),
                headers: headers
                    .iter()
                    .map(|(name, value)| Ok((name.clone(), self.text(value, Becomes::Text)?)))
                    .collect::<Result<_, Problem>>()?,
                status: status.clone(),
                contains: contains.clone(),
                follow_redirects: *follow_redirects,
            }),
            Look::Tcp {
                address,
                port,
                send,
                expect,
            } => {
                let text = |template: &Option<Located<Template>>| {
                    let filled = template.as_ref().map(|text| self.text(text, Becomes::Text));
                    filled.transpose()
                };
                Check::Tcp(TcpCheck {
                    address: self.address(address.as_ref())?,
                    port: *port,
                    send: text(send)?,
                    expect: text(expect)?,
                })
            }
        })
    }

    fn text(&self, template: &Located<Template>, becomes: Becomes) -> Result<String, Problem> {
        let filled = template.value.fill(self.subject, becomes);
        filled.map_err(|NoAddress| self.no_address(template))
    }

    fn url(&self, template: &Located<Template>) -> Result<String, Problem> {
        let url = self.text(template, Becomes::Url)?;
        match check_url(&url) {
            Ok(()) => Ok(url),
            Err(why) => Err(template.problem(format!("for {}: {why}", self.subject.machine.name))),
        }
    }

    fn address(&self, template: Option<&Located<Template>>) -> Result<Host, Problem> {
        let Some(template) = template else {
            let own = self.subject.machine.address.clone();
            let at = &self.definition.at;
            return own.ok_or_else(|| self.no_address(at));
        };
        let text = self.text(template, Becomes::Text)?;
        Host::parse(&text).map_err(|why| {
            template.problem(format!(
                "for {}: not an address: {text}: {why}",
                self.subject.machine.name
            ))
        })
    }

    fn no_address<T>(&self, at: &Located<T>) -> Problem {
        let machine = &self.subject.machine.name;
        at.problem(format!(
            "the machine {machine} has no address, which is needed here"
        ))
        .help(format!("add `address:` to {machine} under machines"))
    }
}
