use std::collections::BTreeMap;
use std::path::PathBuf;

use redeye_cloud::{Class, Kind, Power, Verb};
use regex::Regex;
use rem_time::Span;

use crate::template::Template;

/// What a function is for, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Purpose {
    /// Whether a machine has power, and what else is known of it.
    Query,
    /// All things of a kind.
    List(Kind),
    /// Something is done.
    Do(Verb),
    /// For people, and for other functions.
    Other,
}

/// Functions whose names are not those of their verbs.
const SHORT: [(&str, Verb); 9] = [
    ("request", Verb::RequestInstance),
    ("start", Verb::StartInstance),
    ("stop", Verb::StopInstance),
    ("force_stop", Verb::ForceStopInstance),
    ("reboot", Verb::RebootInstance),
    ("force_reboot", Verb::ForceRebootInstance),
    ("terminate", Verb::TerminateInstance),
    ("protect", Verb::ProtectInstance),
    ("allow", Verb::Allow),
];

/// The name of the function that does a verb: `start`, `create_volume`.
pub(crate) fn function_of(verb: Verb) -> String {
    if let Some((name, _)) = SHORT.iter().find(|(_, short)| *short == verb) {
        return (*name).to_owned();
    }
    // A verb is stored under its name.
    match serde_json::to_value(verb) {
        Ok(serde_json::Value::String(name)) => name,
        _ => verb.to_string(),
    }
}

impl Purpose {
    pub(crate) fn of(name: &str) -> Self {
        if name == "query" {
            return Self::Query;
        }
        let mut kinds = Kind::ALL.into_iter();
        let listed = kinds.find(|kind| list_of(*kind) == name);
        if let Some(kind) = listed {
            return Self::List(kind);
        }
        let done = Verb::all().find(|verb| function_of(*verb) == name);
        done.map_or(Self::Other, Self::Do)
    }
}

/// The name of the function that lists a kind: `list_instances`, `list_capacity`.
pub(crate) fn list_of(kind: Kind) -> String {
    match kind {
        Kind::Capacity => "list_capacity".into(),
        other => format!("list_{}s", other.noun()),
    }
}

/// One function: what is run, and when it counts as done.
#[derive(Clone, Debug)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) form: Form,
    /// How states are read from what it says, if it does not say them as JSON.
    pub(crate) matches: Vec<(Power, Regex)>,
    /// Which class a failure is of, by what it said; the first that fits counts.
    pub(crate) errors: Vec<(Class, Regex)>,
    pub(crate) until: Option<Until>,
    /// What is run when `until` does not come.
    pub(crate) otherwise: Option<String>,
    pub(crate) timeout: Span,
    pub(crate) kill_after: Span,
    /// Whether running it twice is as good as once.
    pub(crate) idempotent: bool,
    /// Whether it talks to a terminal.
    pub(crate) interactive: bool,
}

/// When something counts as done.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Until {
    /// Unknown is: until it no longer answers, for what can only be asked while it runs.
    pub(crate) power: Power,
    /// An address that answers pings then.
    pub(crate) ping: Option<Template>,
    pub(crate) within: Span,
}

/// How a function is run.
#[derive(Clone, Debug)]
pub(crate) enum Form {
    /// A program with its arguments, without a shell.
    Argv {
        argv: Vec<Template>,
        env: BTreeMap<String, Template>,
    },
    /// A script file, by the interpreter in its first line or a given one.
    Script {
        path: PathBuf,
        interpreter: Option<String>,
        args: Vec<Template>,
        env: BTreeMap<String, Template>,
    },
    /// A command on another machine.
    Ssh {
        host: Template,
        user: Option<Template>,
        port: Option<Template>,
        key: Option<Template>,
        /// A file of the host keys that are trusted.
        known_hosts: Option<Template>,
        /// How long a connection is kept for the next call.
        persist: Option<Span>,
        argv: Vec<Template>,
    },
    /// One HTTP request.
    Http {
        method: String,
        url: Template,
        headers: BTreeMap<String, Template>,
        body: Option<Template>,
        user: Option<Template>,
        password: Option<Template>,
        /// Whether any certificate is trusted, as controllers have their own.
        insecure: bool,
        /// The SHA-256 of the only certificate that is trusted, if it is not empty.
        fingerprint: Option<Template>,
    },
    /// A packet that wakes a sleeping machine.
    WakeOnLan { mac: Template, to: Option<Template> },
    /// Whether an address answers pings; if not, nothing is known.
    Ping { host: Template },
    /// The first of these functions that knows.
    AnyOf(Vec<String>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_has_one_function_and_every_kind_one_list() {
        let mut names: Vec<String> = Verb::all().map(function_of).collect();
        for name in &names {
            assert!(matches!(Purpose::of(name), Purpose::Do(_)), "{name}");
        }
        names.sort();
        names.dedup();
        assert_eq!(names.len(), Verb::all().count());
        assert!(names.contains(&"create_volume".to_owned()));
        assert_eq!(Purpose::of("list_ips"), Purpose::List(Kind::FloatingIp));
        assert_eq!(Purpose::of("list_capacity"), Purpose::List(Kind::Capacity));
        assert_eq!(Purpose::of("console"), Purpose::Other);
    }
}
