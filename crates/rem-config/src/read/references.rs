use std::collections::HashSet;

use rem_alert::episode::HoldPlan;
use rem_yaml::{Located, Problems, suggest};

use crate::alert::Owner;
use crate::config::Service;
use crate::name::{AlertName, Name, PackageName};

use super::{Declared, Draft, LevelDraft, hold};

impl Draft {
    /// Refuses names that stand for nothing, and what may be there only once.
    pub(super) fn references(&self, problems: &mut Problems) {
        let services = || self.services.values().filter_map(|(_, one)| one.as_ref());
        for service in services() {
            for package in &service.packages {
                exists(package, "package", &self.packages, problems);
            }
            for machine in service
                .deployments
                .iter()
                .flat_map(|deployment| &deployment.machines)
            {
                exists(machine, "machine", &self.machines, problems);
            }
            self.connections(service, problems);
            self.owners(&service.owners, problems);
        }
        let alerts = self.alerts.values().filter_map(|(_, one)| one.as_ref());
        for owners in alerts.filter_map(|alert| alert.owners.as_ref()) {
            self.owners(owners, problems);
        }
        let roles = self.roles.values().filter_map(|(_, one)| one.as_ref());
        for user in roles.flat_map(|role| &role.users) {
            exists(user, "user", &self.users, problems);
        }
        for hold in &self.holds {
            self.hold_matches(hold, problems);
        }
        self.levels(problems);
        self.one_local_machine(problems);
    }

    fn owners(&self, owners: &[Owner], problems: &mut Problems) {
        for owner in owners {
            exists(&owner.role, "role", &self.roles, problems);
        }
    }

    fn connections(&self, service: &Service, problems: &mut Problems) {
        for connection in &service.connections {
            exists(&connection.service, "service", &self.services, problems);
            let target = self.services.get(&connection.service.value);
            let Some((_, Some(target))) = target else {
                continue;
            };
            if let Some(deployment) = &connection.deployment {
                let known = || target.deployments.iter().map(|one| one.name.as_str());
                known_of(deployment, "deployment", &target.name, known, problems);
            }
            if let Some(interface) = &connection.interface {
                let package = |name: &Located<PackageName>| {
                    let found = self.packages.get(&name.value);
                    found.and_then(|(_, package)| package.as_ref())
                };
                // A package that is wrong may have it.
                if target.packages.iter().any(|name| package(name).is_none()) {
                    continue;
                }
                let packages = || target.packages.iter().filter_map(package);
                let known = || {
                    packages()
                        .flat_map(|package| package.interfaces.iter().map(|i| i.name.as_str()))
                };
                known_of(interface, "interface", &target.name, known, problems);
            }
        }
    }

    fn hold_matches(&self, hold: &Located<HoldPlan>, problems: &mut Problems) {
        for matcher in &hold.value.covers {
            let Some(name) = hold::means(matcher) else {
                continue;
            };
            let known = match &*matcher.key {
                "machine" => known_names(name, &self.machines),
                "service" => known_names(name, &self.services),
                "package" => known_names(name, &self.packages),
                _ => continue,
            };
            if let Err(help) = known {
                let message = format!("no {} is called {name}", matcher.key);
                problems.add(hold.problem(message).maybe_help(help));
            }
        }
    }

    /// Jobs that levels trigger have to be there. An alert need not be written, and a
    /// state may be set by nobody: only what looks like a slip of the pen is refused.
    fn levels(&self, problems: &mut Problems) {
        let packages = self.packages.values().filter_map(|(_, one)| one.as_ref());
        let definitions = packages.flat_map(|package| package.monitors.values());
        let drafts: Vec<&LevelDraft> = definitions
            .flat_map(|definition| &definition.levels.drafts)
            .collect();
        let alerts = || drafts.iter().filter_map(|draft| draft.alert.as_ref());
        let named: HashSet<&str> = alerts().map(|alert| alert.value.as_str()).collect();
        let unused = || {
            let written = self.alerts.keys().map(AlertName::as_str);
            written.filter(|name| !named.contains(name))
        };
        for alert in alerts().filter(|alert| !self.alerts.contains_key(&alert.value)) {
            if let Some(near) = suggest(alert.value.as_str(), unused()) {
                let message = format!("no alert is called {}", alert.value);
                let help = format!("did you mean {near}? It is written, and no level names it");
                problems.add(alert.problem(message).help(help));
            }
        }
        for job in drafts.iter().filter_map(|draft| draft.trigger.as_ref()) {
            exists(job, "job", &self.jobs, problems);
        }
        super::states::check(self, problems);
    }

    fn one_local_machine(&self, problems: &mut Problems) {
        let mut local = self
            .machines
            .values()
            .filter_map(|(_, machine)| machine.as_ref())
            .filter(|machine| machine.local);
        let Some(first) = local.next() else { return };
        for second in local {
            let (_, place) = second
                .written
                .iter()
                .find(|(key, _)| key == "local")
                .map_or((String::new(), second.place.clone()), Clone::clone);
            let at = Located {
                value: (),
                place,
                key_path: rem_yaml::KeyPath::root()
                    .key("machines")
                    .key(second.name.as_str())
                    .key("local"),
            };
            problems.add(
                at.problem(format!(
                    "two machines are local: {} and {}",
                    first.name, second.name
                ))
                .help("local: true belongs to the one machine the monitor runs on"),
            );
        }
    }
}

/// Refuses a name that is not among those of a service.
fn known_of<'k, N: Name, I: Iterator<Item = &'k str>>(
    name: &Located<N>,
    what: &str,
    service: &impl std::fmt::Display,
    known: impl Fn() -> I,
    problems: &mut Problems,
) {
    let word: &str = name.value.borrow();
    if known().any(|known| known == word) {
        return;
    }
    let near = suggest(word, known());
    let help = near.map(|near| format!("did you mean {near}?"));
    let message = format!("the service {service} has no {what} {word}");
    problems.add(name.problem(message).maybe_help(help));
}

/// What to write instead of a name that stands for nothing.
fn known_names<N: Name, T>(name: &str, declared: &Declared<N, T>) -> Result<(), Option<String>> {
    if declared.contains_key(name) {
        return Ok(());
    }
    let known = declared.keys().map(|name| -> &str { name.borrow() });
    Err(suggest(name, known).map(|near| format!("did you mean {near}?")))
}

fn exists<N: Name, T>(
    name: &Located<N>,
    what: &str,
    declared: &Declared<N, T>,
    problems: &mut Problems,
) {
    if declared.contains_key(&name.value) {
        return;
    }
    let word: &str = name.value.borrow();
    let known = || declared.keys().map(|name| -> &str { name.borrow() });
    let help = match suggest(word, known()) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("declare it under {what}s"),
    };
    problems.add(
        name.problem(format!("no {what} is called {word}"))
            .help(help),
    );
}
