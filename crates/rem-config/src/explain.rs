use std::fmt;
use std::fmt::Write as _;

use rem_yaml::{Place, suggest};

use crate::alert::REPEAT_DEFAULT;
use crate::config::{Config, ConnectionNeed, Machine, Package, Service};
use crate::monitor::Monitor;
use crate::read::Definition;

mod alerting;
mod check;

/// Nothing has this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownName {
    /// The name that was asked for.
    pub name: String,
    /// A name that exists and looks like it.
    pub suggestion: Option<String>,
}

/// The merged, resolved definition of a machine, service, package, monitor
/// (`web-01/apache/http`, with its levels), alert, role, user, job, observer or node,
/// with the file and line every value comes from; of all of them if several have the
/// name.
///
/// # Errors
/// Nothing has this name.
pub fn explain(config: &Config, name: &str) -> Result<String, UnknownName> {
    let mut text = String::new();
    if let Some(machine) = config.machine(name) {
        explain_machine(&mut text, config, machine);
    }
    if let Some(service) = config.service(name) {
        explain_service(&mut text, service);
    }
    if let Some(package) = config.package(name) {
        explain_package(&mut text, config, package);
    }
    for monitor in config.monitors().iter().filter(|m| m.id.as_str() == name) {
        explain_monitor(&mut text, config, monitor);
    }
    if let Some(alert) = config.alert(name) {
        alerting::alert(&mut text, config, alert);
    }
    if let Some(duty) = config.role(name) {
        alerting::duty(&mut text, config, duty);
    }
    if let Some(person) = config.user(name) {
        alerting::person(&mut text, config, person);
    }
    if let Some(job) = config.job(name) {
        alerting::job(&mut text, config, job);
    }
    if let Some(observer) = config.observer(name) {
        alerting::observer(&mut text, config, observer);
    }
    if let Some(node) = config.nodes.get(name) {
        alerting::node(&mut text, node);
    }
    if !text.is_empty() {
        return Ok(text);
    }
    let known = config
        .machines()
        .map(|machine| machine.name.as_str())
        .chain(config.services().map(|service| service.name.as_str()))
        .chain(config.packages().map(|package| package.name.as_str()))
        .chain(config.monitors().iter().map(|monitor| monitor.id.as_str()))
        .chain(config.alerts().map(|alert| alert.name.as_str()))
        .chain(config.roles().map(|duty| duty.name.as_str()))
        .chain(config.users().map(|person| person.name.as_str()))
        .chain(config.jobs().map(|job| job.name.as_str()))
        .chain(config.observers().map(|observer| observer.name.as_str()))
        .chain(config.nodes().map(|node| node.name.as_str()));
    Err(UnknownName {
        name: name.to_owned(),
        suggestion: suggest(name, known).map(str::to_owned),
    })
}

/// Lines of `key  value  # place`, in columns.
struct Table<'p> {
    title: String,
    rows: Vec<(String, String, Origin<'p>)>,
}

enum Origin<'p> {
    Written(&'p Place),
    Default,
    Resolved,
}

impl<'p> Table<'p> {
    fn new(title: &str, place: &Place) -> Self {
        Self {
            title: format!("{title}  # {place}"),
            rows: Vec::new(),
        }
    }

    fn row(&mut self, key: &str, value: impl fmt::Display, origin: Origin<'p>) {
        self.rows.push((key.to_owned(), value.to_string(), origin));
    }

    fn end(self, text: &mut String) {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&self.title);
        text.push('\n');
        let width = |column: fn(&(String, String, Origin<'p>)) -> usize, most: usize| {
            self.rows.iter().map(column).max().unwrap_or(0).min(most)
        };
        let keys = width(|row| row.0.chars().count(), 30);
        let values = width(|row| row.1.chars().count(), 50);
        for (key, value, origin) in &self.rows {
            // Writing to a String cannot fail.
            let _ = match origin {
                Origin::Written(place) => {
                    writeln!(text, "  {key:keys$}  {value:values$}  # {place}")
                }
                Origin::Default => writeln!(text, "  {key:keys$}  {value:values$}  # default"),
                Origin::Resolved => writeln!(text, "  {key:keys$}  {value}"),
            };
        }
    }
}

fn explain_machine(text: &mut String, config: &Config, machine: &Machine) {
    let mut table = Table::new(&format!("machine {}", machine.name), &machine.place);
    let origin = |key: &str| machine_origin(machine, key);
    match &machine.address {
        Some(address) => table.row("address", address, origin("address")),
        None => table.row("address", "none", Origin::Default),
    }
    if let Some(location) = &machine.location {
        table.row("location", location, origin("location"));
    }
    table.row("local", machine.local, origin("local"));
    alerting::depends(&mut table, &machine.depends);
    for service in config.services() {
        for deployment in &service.deployments {
            let used = deployment
                .machines
                .iter()
                .find(|used| used.value == machine.name);
            if let Some(used) = used {
                let value = format!("{} {}", service.name, deployment.name);
                table.row("deployment", value, Origin::Written(&used.place));
            }
        }
    }
    table.end(text);
    for monitor in config
        .monitors()
        .iter()
        .filter(|m| m.machine == machine.name)
    {
        explain_monitor(text, config, monitor);
    }
}

fn explain_service(text: &mut String, service: &Service) {
    let mut table = Table::new(&format!("service {}", service.name), &service.place);
    for package in &service.packages {
        table.row("package", &package.value, Origin::Written(&package.place));
    }
    for deployment in &service.deployments {
        for machine in &deployment.machines {
            let key = format!("deployment {}", deployment.name);
            table.row(&key, &machine.value, Origin::Written(&machine.place));
        }
        if deployment.need > 1 {
            let key = format!("need {}", deployment.name);
            table.row(&key, deployment.need, Origin::Resolved);
        }
        if !deployment.notify {
            let key = format!("notify {}", deployment.name);
            table.row(&key, "none", Origin::Written(&deployment.place));
        }
    }
    alerting::depends(&mut table, &service.depends);
    for connection in &service.connections {
        let need = match connection.need {
            ConnectionNeed::Hard => "hard",
            ConnectionNeed::Soft => "soft",
        };
        let key = format!("connection {}", connection.name);
        let value = format!("{}, {need}", connection.service.value);
        table.row(&key, value, Origin::Written(&connection.service.place));
    }
    alerting::owners(&mut table, &service.owners, REPEAT_DEFAULT);
    table.end(text);
}

fn explain_package(text: &mut String, config: &Config, package: &Package) {
    let mut table = Table::new(&format!("package {}", package.name), &package.place);
    for interface in &package.interfaces {
        let kind = interface.kind.as_deref().unwrap_or("");
        let value = format!("{} {} {kind}", interface.listen.as_str(), interface.port);
        table.row(
            &format!("interface {}", interface.name),
            value.trim_end(),
            Origin::Resolved,
        );
    }
    alerting::depends(&mut table, &package.depends);
    for definition in package.monitors.values() {
        let kind = match &definition.written_at("run") {
            Some(_) => "run",
            None => "check",
        };
        let place = definition.written_at(kind).unwrap_or(&definition.at.place);
        let on = |m: &&Monitor| m.package == package.name && m.name == definition.name;
        let machines = config.monitors().iter().filter(on).count();
        let plural = if machines == 1 { "" } else { "s" };
        let value = format!("{kind}, on {machines} machine{plural}");
        table.row(
            &format!("monitor {}", definition.name),
            value,
            Origin::Written(place),
        );
    }
    table.end(text);
}

fn explain_monitor(text: &mut String, config: &Config, monitor: &Monitor) {
    let package = config.package(monitor.package.as_str());
    let Some(definition) = package.and_then(|package| package.monitors.get(&monitor.name)) else {
        return;
    };
    let mut table = Table::new(&format!("monitor {}", monitor.id), &monitor.place);
    let origin = |key: &str| origin(definition, key);
    table.row("title", &monitor.title, origin("title"));
    let machine = config.machine(monitor.machine.as_str());
    check::rows(&mut table, &monitor.check, definition, machine);
    table.row("every", monitor.every, origin("every"));
    table.row("timeout", monitor.timeout, origin("timeout"));
    if let Some(retry) = monitor.retry {
        let value = format!("{}, {} times", retry.after, retry.times);
        table.row("retry", value, origin("retry"));
    }
    if let Some(scope) = monitor.scope {
        let value = match &monitor.observer {
            Some(observer) => format!("{scope}: {observer}"),
            None => scope.to_string(),
        };
        table.row("scope", value, origin("scope"));
    }
    if let Some(per) = &monitor.per {
        table.row("per", per, origin("per"));
    }
    alerting::levels(&mut table, definition, &monitor.levels);
    for series in &monitor.series {
        let mut words = Vec::new();
        words.extend(series.kind.map(|kind| kind.as_str().to_owned()));
        words.extend(series.unit.as_ref().map(|unit| format!("unit {unit}")));
        words.extend(series.min.map(|min| format!("min {min}")));
        words.extend(series.max.map(|max| format!("max {max}")));
        words.extend(series.heartbeat.map(|span| format!("heartbeat {span}")));
        table.row(
            &format!("series {}", series.field),
            words.join(", "),
            origin("series"),
        );
    }
    for used in &monitor.used_by {
        let service = config.service(used.service.as_str());
        let place = service.map_or(&monitor.place, |service| &service.place);
        let value = format!("{} {}", used.service, used.deployment);
        table.row("used by", value, Origin::Written(place));
    }
    table.end(text);
}

fn machine_origin<'m>(machine: &'m Machine, key: &str) -> Origin<'m> {
    let found = machine.written.iter().find(|(name, _)| name == key);
    found.map_or(Origin::Default, |(_, place)| Origin::Written(place))
}

fn origin<'d>(definition: &'d Definition, key: &str) -> Origin<'d> {
    match definition.written_at(key) {
        Some(place) => Origin::Written(place),
        None => Origin::Default,
    }
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nothing is called {}", self.name)?;
        match &self.suggestion {
            Some(suggestion) => write!(f, "\n  help: did you mean {suggestion}?"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for UnknownName {}
