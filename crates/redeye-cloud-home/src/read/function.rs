use std::collections::BTreeMap;
use std::path::Path;

use redeye_cloud::{Class, Power, Verb};
use regex::Regex;
use rem_time::Span;
use rem_yaml::{At, Located, MapReader, Problems};

use super::GIVEN;
use crate::definition::Parameter;
use crate::function::{Form, Function, Purpose, Until};
use crate::template::Template;

const FORMS: [&str; 6] = ["argv", "script", "ssh", "http", "builtin", "any_of"];
const POWERS: [(&str, Power); 3] = [
    ("on", Power::On),
    ("off", Power::Off),
    ("unknown", Power::Unknown),
];
/// How long a state may take to come unless a function says otherwise.
const WITHIN: Span = Span::from_seconds(60);

/// What a function may name.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) functions: &'a [&'a str],
    pub(super) parameters: &'a BTreeMap<String, Parameter>,
    pub(super) folder: &'a Path,
}

pub(super) fn read(
    name: &Located<&str>,
    at: &At<'_>,
    known: &Known<'_>,
    timeout: Span,
    kill_after: Span,
    problems: &mut Problems,
) -> Option<Function> {
    let mut map = at.map(problems)?;
    let purpose = Purpose::of(name.value);
    let form = form(&mut map, at, known, problems);
    let matches = map.get("match").map(|at| matches(&at, problems));
    let errors = map.get("errors").map(|at| errors(&at, problems));
    let until = match map.get("until") {
        Some(at) => until_read(&at, purpose, known, problems),
        None => usual(purpose),
    };
    let otherwise = map.get("else").and_then(|at| {
        let function = at.text(problems)?;
        if !known.functions.contains(&function) {
            let help = rem_yaml::suggest(function, known.functions.iter().copied());
            let problem = at.problem(format!("there is no function {function}"));
            problems.add(problem.maybe_help(help.map(|word| format!("did you mean {word}?"))));
        }
        if function == name.value {
            problems.add(at.problem("a function cannot stand in for itself"));
        }
        Some(function.to_owned())
    });
    let idempotent = match purpose {
        Purpose::Do(verb) => is_idempotent(verb),
        Purpose::Query | Purpose::List(_) => true,
        Purpose::Other => false,
    };
    let function = Function {
        name: name.value.to_owned(),
        matches: matches.unwrap_or_default(),
        errors: errors.unwrap_or_default(),
        until,
        otherwise,
        timeout: map.with_default("timeout", timeout, problems),
        kill_after: map.with_default("kill_after", kill_after, problems),
        idempotent: map.with_default("idempotent", idempotent, problems),
        interactive: map.with_default("interactive", false, problems),
        form: match form {
            Some(form) => form,
            None => {
                map.finish(problems);
                return None;
            }
        },
    };
    map.finish(problems);
    Some(function)
}

/// What may be done twice without harm unless the file says otherwise.
fn is_idempotent(verb: Verb) -> bool {
    matches!(
        verb,
        Verb::StartInstance
            | Verb::StopInstance
            | Verb::ForceStopInstance
            | Verb::TerminateInstance
            | Verb::ProtectInstance
            | Verb::Tag
            | Verb::MoveIp
    )
}

/// When something counts as done if its function does not say.
fn usual(purpose: Purpose) -> Option<Until> {
    let power = match purpose {
        Purpose::Do(Verb::StartInstance | Verb::RebootInstance | Verb::ForceRebootInstance) => {
            Power::On
        }
        Purpose::Do(Verb::StopInstance | Verb::ForceStopInstance) => Power::Off,
        _ => return None,
    };
    Some(Until {
        power,
        ping: None,
        within: WITHIN,
    })
}

fn until_read(
    at: &At<'_>,
    purpose: Purpose,
    known: &Known<'_>,
    problems: &mut Problems,
) -> Option<Until> {
    if at.node().as_str() == Some("at_once") {
        return None;
    }
    let mut map = at.map(problems)?;
    let power = match map.get("power") {
        Some(at) => at.one_of(&POWERS, problems),
        None => match usual(purpose) {
            Some(usual) => Some(usual.power),
            None => {
                problems.add(
                    map.missing("power")
                        .help("write `power: on` or `power: off`"),
                );
                None
            }
        },
    };
    let ping = match map.get("ping") {
        Some(at) => template(&at, known, false, problems),
        None => None,
    };
    let within = map.with_default("within", WITHIN, problems);
    map.finish(problems);
    Some(Until {
        power: power?,
        ping,
        within,
    })
}

fn matches(at: &At<'_>, problems: &mut Problems) -> Vec<(Power, Regex)> {
    let mut read = Vec::new();
    for (name, at) in at.entries(problems).unwrap_or_default() {
        let power = POWERS.iter().find(|(word, _)| *word == name.value);
        let Some((_, power)) = power else {
            problems.add(name.problem("expected on, off or unknown"));
            continue;
        };
        let pattern = at.parse_with(problems, |text| {
            Regex::new(text).map_err(|why| format!("not a pattern: {why}"))
        });
        read.extend(pattern.map(|pattern| (*power, pattern)));
    }
    read
}

/// Patterns by class: `{denied: wrong password, unavailable: no route}`.
pub(super) fn errors(at: &At<'_>, problems: &mut Problems) -> Vec<(Class, Regex)> {
    let mut read = Vec::new();
    for (name, at) in at.entries(problems).unwrap_or_default() {
        let class = Class::ALL.into_iter().find(|one| one.name() == name.value);
        let Some(class) = class.filter(|class| *class != Class::Unclear) else {
            let names = Class::ALL.iter().filter(|one| **one != Class::Unclear);
            let names: Vec<&str> = names.map(|one| one.name()).collect();
            let help = rem_yaml::suggest(name.value, names.iter().copied()).map_or_else(
                || format!("write one of {}", names.join(", ")),
                |word| format!("did you mean {word}?"),
            );
            let problem = name.problem(format!("no class of errors: {}", name.value));
            problems.add(problem.help(help));
            continue;
        };
        let pattern = at.parse_with(problems, |text| {
            Regex::new(text).map_err(|why| format!("not a pattern: {why}"))
        });
        read.extend(pattern.map(|pattern| (class, pattern)));
    }
    read
}

fn form(
    map: &mut MapReader<'_>,
    at: &At<'_>,
    known: &Known<'_>,
    problems: &mut Problems,
) -> Option<Form> {
    let given: Vec<&str> = FORMS.into_iter().filter(|form| map.has(form)).collect();
    let env = environment(map.get("env"), known, problems);
    let args = list(map.get("args"), known, problems);
    let interpreter: Option<String> = map.optional("interpreter", problems);
    for form in FORMS {
        map.know(form);
    }
    let [form] = given[..] else {
        let message = match given.len() {
            0 => "the function does not say what is run".to_owned(),
            _ => format!("expected one of {}", given.join(", ")),
        };
        let help = "write one of argv, script, ssh, http, builtin and any_of";
        problems.add(at.problem(message).help(help));
        return None;
    };
    match form {
        "argv" => {
            let argv = list(map.get("argv"), known, problems);
            if argv.is_empty() {
                problems.add(
                    at.problem("argv names no program")
                        .help("write [program, argument]"),
                );
                return None;
            }
            Some(Form::Argv { argv, env })
        }
        "script" => {
            let at = map.get("script")?;
            let path = known.folder.join(at.text(problems)?);
            if let Err(why) = std::fs::metadata(&path) {
                let problem =
                    at.problem(format!("cannot read the script {}: {why}", path.display()));
                problems.add(problem.help("paths begin at the folder of this file"));
            }
            Some(Form::Script {
                path,
                interpreter: interpreter.filter(|name| name != "any"),
                args,
                env,
            })
        }
        "ssh" => ssh(&map.get("ssh")?, known, problems),
        "http" => http(&map.get("http")?, known, problems),
        "builtin" => builtin(&map.get("builtin")?, known, problems),
        _ => {
            let at = map.get("any_of")?;
            let mut names = Vec::new();
            for at in at.items(problems).unwrap_or_default() {
                let Some(name) = at.text(problems) else {
                    continue;
                };
                if !known.functions.contains(&name) {
                    problems.add(at.problem(format!("there is no function {name}")));
                }
                names.push(name.to_owned());
            }
            Some(Form::AnyOf(names))
        }
    }
}

fn ssh(at: &At<'_>, known: &Known<'_>, problems: &mut Problems) -> Option<Form> {
    let mut map = at.map(problems)?;
    let mut one = |key: &'static str, problems: &mut Problems| {
        let at = map.get(key);
        at.and_then(|at| template(&at, known, false, problems))
    };
    let host = one("host", problems);
    let (user, port) = (one("user", problems), one("port", problems));
    let (key, known_hosts) = (one("key", problems), one("known_hosts", problems));
    let argv = list(map.get("argv"), known, problems);
    let persist: Option<Span> = map.optional("persist", problems);
    if host.is_none() && !map.has("host") {
        problems.add(map.missing("host"));
    }
    if argv.is_empty() {
        problems.add(map.missing("argv").help("write [program, argument]"));
    }
    map.finish(problems);
    Some(Form::Ssh {
        host: host?,
        user,
        port,
        key,
        known_hosts,
        persist: persist.filter(|span| !span.is_zero()),
        argv,
    })
}

fn http(at: &At<'_>, known: &Known<'_>, problems: &mut Problems) -> Option<Form> {
    let mut map = at.map(problems)?;
    let method = map.with_default("method", "GET".to_owned(), problems);
    let url = match map.get("url") {
        Some(at) => template(&at, known, false, problems),
        None => {
            problems.add(map.missing("url").help("write url: \"https://{bmc}/…\""));
            None
        }
    };
    let headers = environment(map.get("headers"), known, problems);
    let mut one = |key: &'static str, problems: &mut Problems| {
        let at = map.get(key);
        at.and_then(|at| template(&at, known, true, problems))
    };
    let (body, user) = (one("body", problems), one("user", problems));
    let password = one("password", problems);
    let fingerprint = one("fingerprint", problems);
    let insecure = map.with_default("insecure", false, problems);
    map.finish(problems);
    Some(Form::Http {
        method,
        url: url?,
        headers,
        body,
        user,
        password,
        insecure,
        fingerprint,
    })
}

fn builtin(at: &At<'_>, known: &Known<'_>, problems: &mut Problems) -> Option<Form> {
    let entries = at.entries(problems)?;
    let [(name, at)] = &entries[..] else {
        let help = "write {wake_on_lan: {mac: …}} or {ping: {host: …}}";
        problems.add(at.problem("expected one built-in function").help(help));
        return None;
    };
    match name.value {
        "wake_on_lan" => {
            let mut map = at.map(problems)?;
            let mac = map
                .get("mac")
                .and_then(|at| template(&at, known, false, problems));
            let to = map
                .get("to")
                .and_then(|at| template(&at, known, false, problems));
            if !map.has("mac") {
                problems.add(map.missing("mac"));
            }
            map.finish(problems);
            Some(Form::WakeOnLan { mac: mac?, to })
        }
        "ping" => {
            let mut map = at.map(problems)?;
            let host = map
                .get("host")
                .and_then(|at| template(&at, known, false, problems));
            if !map.has("host") {
                problems.add(map.missing("host"));
            }
            map.finish(problems);
            Some(Form::Ping { host: host? })
        }
        other => {
            let help = rem_yaml::suggest(other, ["wake_on_lan", "ping"]);
            let problem = name.problem(format!("there is no built-in function {other}"));
            problems.add(problem.maybe_help(help.map(|word| format!("did you mean {word}?"))));
            None
        }
    }
}

fn list(at: Option<At<'_>>, known: &Known<'_>, problems: &mut Problems) -> Vec<Template> {
    let items = at.and_then(|at| at.items(problems)).unwrap_or_default();
    let read = |at: &At<'_>| template(at, known, false, problems);
    items.iter().filter_map(read).collect()
}

fn environment(
    at: Option<At<'_>>,
    known: &Known<'_>,
    problems: &mut Problems,
) -> BTreeMap<String, Template> {
    let mut read = BTreeMap::new();
    for (name, at) in at.and_then(|at| at.entries(problems)).unwrap_or_default() {
        let value = template(&at, known, true, problems);
        read.extend(value.map(|value| (name.value.to_owned(), value)));
    }
    read
}

/// A text with names in braces; secrets only where no other user sees them.
fn template(
    at: &At<'_>,
    known: &Known<'_>,
    hidden: bool,
    problems: &mut Problems,
) -> Option<Template> {
    let template = at.parse_with(problems, Template::parse)?;
    for name in template.names() {
        match known.parameters.get(name) {
            Some(parameter) if parameter.secret && !hidden => {
                let problem = at.problem(format!("the secret {name} would be seen by every user"));
                problems.add(problem.help("pass it by `env:`, or in a header or body"));
            }
            Some(_) => {}
            None if GIVEN.contains(&name) => {}
            None => {
                let names = known.parameters.keys().map(String::as_str).chain(GIVEN);
                let help = rem_yaml::suggest(name, names).map_or_else(
                    || "add it to `parameters:`".to_owned(),
                    |word| format!("did you mean {word}?"),
                );
                problems.add(
                    at.problem(format!("no parameter of this megavisor: {name}"))
                        .help(help),
                );
            }
        }
    }
    Some(template)
}
