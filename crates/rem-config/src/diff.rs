use std::collections::{HashMap, HashSet};
use std::fmt;
use std::net::SocketAddr;

use rem_alert::episode::Step;

use crate::config::Config;
use crate::id::MonitorId;
use crate::monitor::Monitor;

/// What a reload changes; what is not in here goes on undisturbed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Monitors that are new.
    pub added: Vec<MonitorId>,
    /// Monitors that are gone.
    pub removed: Vec<MonitorId>,
    /// Monitors that look at something else, or otherwise: they start anew.
    pub changed: Vec<MonitorId>,
    /// Monitors that look at the same thing in the same way and are called
    /// something else, or belong to other deployments: they go on.
    pub relabelled: Vec<MonitorId>,
    /// Monitors whose levels are others: they go on looking, and judge anew.
    pub levels: Vec<MonitorId>,
    /// Alerts that behave otherwise, or are new or gone.
    pub alerts: Named,
    /// Roles.
    pub roles: Named,
    /// Users.
    pub users: Named,
    /// Jobs.
    pub jobs: Named,
    /// Observers.
    pub observers: Named,
    /// Holds, by their ids; one that is changed is gone and new.
    pub holds: Named,
    /// Deployments, as `web/prod`, whose alerts are told to others, or whether they
    /// are told at all.
    pub ladders: Named,
    /// Whether anything depends on something else.
    pub dependencies: bool,
    /// Whether messages leave or answers come in otherwise.
    pub notify: bool,
    /// Whether other numbers of checks run at once.
    pub limits: bool,
    /// Addresses that are new.
    pub listeners_added: Vec<SocketAddr>,
    /// Addresses that are gone.
    pub listeners_removed: Vec<SocketAddr>,
    /// Addresses with another certificate or other accounts.
    pub listeners_changed: Vec<SocketAddr>,
    /// Whether the site has another name.
    pub site: bool,
    /// Whether durable state is elsewhere, which needs a restart.
    pub data: bool,
}

/// What is new, gone and changed among things that have names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// What is new.
    pub added: Vec<String>,
    /// What is gone.
    pub removed: Vec<String>,
    /// What is there and different.
    pub changed: Vec<String>,
}

impl Named {
    fn of<T>(
        old: impl Iterator<Item = T>,
        new: impl Iterator<Item = T>,
        name: impl Fn(&T) -> String,
        same: impl Fn(&T, &T) -> bool,
    ) -> Self {
        let before: HashMap<String, T> = old.map(|one| (name(&one), one)).collect();
        let mut named = Self::default();
        let mut kept: HashSet<String> = HashSet::new();
        for one in new {
            let key = name(&one);
            match before.get(&key) {
                None => named.added.push(key.clone()),
                Some(other) if same(other, &one) => {}
                Some(_) => named.changed.push(key.clone()),
            }
            kept.insert(key);
        }
        named.removed = before
            .into_keys()
            .filter(|key| !kept.contains(key))
            .collect();
        named.removed.sort_unstable();
        named
    }

    /// Whether nothing is different.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }

    fn shown(&self, what: &str) -> Option<String> {
        let counts = [
            ("added", self.added.len()),
            ("removed", self.removed.len()),
            ("changed", self.changed.len()),
            ("", 0),
        ];
        group(what, counts)
    }
}

/// What is different in `new`. Where things are written does not matter.
pub fn diff(old: &Config, new: &Config) -> Changes {
    let mut changes = Changes {
        site: old.site() != new.site(),
        data: old.data() != new.data(),
        ..Changes::default()
    };
    let before: HashMap<&MonitorId, &Monitor> = by_id(old);
    let after: HashMap<&MonitorId, &Monitor> = by_id(new);
    for monitor in new.monitors() {
        let id = || monitor.id.clone();
        match before.get(&monitor.id) {
            None => changes.added.push(id()),
            Some(same) if same.same_as(monitor) => {}
            Some(same) if same.same_look_as(monitor) => {
                if !same.same_levels_as(monitor) {
                    changes.levels.push(id());
                }
                if same.title != monitor.title || same.used_by != monitor.used_by {
                    changes.relabelled.push(id());
                }
            }
            Some(_) => changes.changed.push(id()),
        }
    }
    changes.names(old, new);
    let gone = old.monitors().iter().map(|monitor| &monitor.id);
    changes.removed = gone.filter(|id| !after.contains_key(id)).cloned().collect();
    for listener in new.listeners() {
        let same_address = |other: &&crate::Listener| other.address == listener.address;
        match old.listeners().iter().find(same_address) {
            None => changes.listeners_added.push(listener.address),
            Some(same) if same.same_as(listener) => {}
            Some(_) => changes.listeners_changed.push(listener.address),
        }
    }
    changes.listeners_removed = old
        .listeners()
        .iter()
        .map(|listener| listener.address)
        .filter(|address| !new.listeners().iter().any(|kept| kept.address == *address))
        .collect();
    changes
}

impl Changes {
    fn names(&mut self, old: &Config, new: &Config) {
        self.alerts = Named::of(
            old.alerts(),
            new.alerts(),
            |one| one.name.to_string(),
            |one, other| one.same_as(other),
        );
        self.roles = Named::of(
            old.roles(),
            new.roles(),
            |one| one.name.to_string(),
            |one, other| one.same_as(other),
        );
        self.users = Named::of(
            old.users(),
            new.users(),
            |one| one.name.to_string(),
            |one, other| one.same_as(other),
        );
        self.jobs = Named::of(
            old.jobs(),
            new.jobs(),
            |one| one.name.to_string(),
            |one, other| one.same_as(other),
        );
        self.observers = Named::of(
            old.observers(),
            new.observers(),
            |one| one.name.to_string(),
            |one, other| one.same_as(other),
        );
        self.holds = Named::of(
            old.holds(),
            new.holds(),
            |one| one.id.to_string(),
            |one, other| one == other,
        );
        self.ladders = Named::of(
            ladders(old).into_iter(),
            ladders(new).into_iter(),
            |(name, _)| name.clone(),
            |(_, one), (_, other)| one == other,
        );
        self.dependencies = old.dependencies() != new.dependencies();
        self.notify = !old.notify().same_as(new.notify());
        self.limits = old.limits() != new.limits();
    }
}

/// Who is told about each deployment.
fn ladders(config: &Config) -> Vec<(String, Option<Vec<Step>>)> {
    let mut ladders = Vec::new();
    for service in config.services() {
        for deployment in &service.deployments {
            let (service, deployment) = (service.name.as_str(), deployment.name.as_str());
            let ladder = config.ladder(service, deployment);
            ladders.push((format!("{service}/{deployment}"), ladder));
        }
    }
    ladders
}

fn by_id(config: &Config) -> HashMap<&MonitorId, &Monitor> {
    config
        .monitors()
        .iter()
        .map(|monitor| (&monitor.id, monitor))
        .collect()
}

impl Changes {
    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// One line for the log: `2 monitors added, 1 changed; 1 listener removed`.
impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let monitors = group(
            "monitor",
            [
                ("added", self.added.len()),
                ("removed", self.removed.len()),
                ("changed", self.changed.len()),
                ("relabelled", self.relabelled.len()),
            ],
        );
        let listeners = group(
            "listener",
            [
                ("added", self.listeners_added.len()),
                ("removed", self.listeners_removed.len()),
                ("changed", self.listeners_changed.len()),
                ("", 0),
            ],
        );
        let site = self.site.then(|| "site renamed".to_owned());
        let data = self
            .data
            .then(|| "data moved, which needs a restart".to_owned());
        let levels = match self.levels.len() {
            0 => None,
            1 => Some("levels of 1 monitor changed".to_owned()),
            count => Some(format!("levels of {count} monitors changed")),
        };
        let named = [
            self.alerts.shown("alert"),
            self.roles.shown("role"),
            self.users.shown("user"),
            self.jobs.shown("job"),
            self.observers.shown("observer"),
            self.holds.shown("hold"),
            self.ladders.shown("ladder"),
        ];
        let flags = [
            (
                self.dependencies && self.added.is_empty() && self.removed.is_empty(),
                "dependencies changed",
            ),
            (self.notify, "messages changed"),
            (self.limits, "limits changed"),
        ];
        let flags = flags.map(|(is, text)| is.then(|| text.to_owned()));
        let parts: Vec<String> = [monitors, levels]
            .into_iter()
            .chain(named)
            .chain(flags)
            .chain([listeners, site, data])
            .flatten()
            .collect();
        match parts.is_empty() {
            true => f.write_str("nothing changed"),
            false => f.write_str(&parts.join("; ")),
        }
    }
}

fn group(what: &str, counts: [(&str, usize); 4]) -> Option<String> {
    let mut parts: Vec<String> = Vec::new();
    for (verb, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
        parts.push(match (parts.is_empty(), count) {
            (true, 1) => format!("1 {what} {verb}"),
            (true, _) => format!("{count} {what}s {verb}"),
            (false, _) => format!("{count} {verb}"),
        });
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}
