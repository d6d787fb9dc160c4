use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;

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
            Some(same) if same.same_look_as(monitor) => changes.relabelled.push(id()),
            Some(_) => changes.changed.push(id()),
        }
    }
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
        let parts: Vec<String> = [monitors, listeners, site, data]
            .into_iter()
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
