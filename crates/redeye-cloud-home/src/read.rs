//! From the file to what cannot be wrong.

use std::collections::BTreeMap;
use std::path::Path;

use redeye_cloud::{Class, Id, Name, Scope};
use regex::Regex;
use rem_time::Span;
use rem_yaml::{At, MapReader, Problems, SecretSource, parse};

use crate::definition::{Definition, Parameter, Setting};
use crate::function::Function;

mod function;

/// Pauses between looks unless the file says otherwise: 35 s in all, then each 12 s.
const PAUSES: [u64; 7] = [1, 2, 2, 4, 6, 8, 12];
/// Requests at once in one megavisor unless the file says otherwise.
const AT_ONCE: usize = 8;
/// Machines of one file.
const MACHINES_MAX: usize = 10_000;
/// Names that every function has without being told.
pub(crate) const GIVEN: [&str; 4] = ["id", "op", "verb", "folder"];

/// How long functions may take unless they say otherwise.
#[derive(Clone, Copy)]
struct Times {
    timeout: Span,
    kill_after: Span,
}

struct Defaults {
    times: Times,
    pauses: Vec<Span>,
    at_once: usize,
    rest: Span,
    errors: Vec<(Class, Regex)>,
}

pub(crate) fn definition(file: &str, text: &str, folder: &Path) -> Result<Definition, Problems> {
    let node = parse(file, text)?;
    let mut problems = Problems::new();
    let read = whole(&At::root(&node), folder, &mut problems);
    match read {
        Some(definition) if problems.is_empty() => Ok(definition),
        _ => Err(problems),
    }
}

pub(crate) fn machines_of(
    file: &str,
    text: &str,
    parameters: &BTreeMap<String, Parameter>,
) -> Result<BTreeMap<Id, BTreeMap<String, Setting>>, Problems> {
    let node = parse(file, text)?;
    let mut problems = Problems::new();
    let read = machines(Some(At::root(&node)), parameters, &mut problems);
    match problems.is_empty() {
        true => Ok(read),
        false => Err(problems),
    }
}

fn whole(at: &At<'_>, folder: &Path, problems: &mut Problems) -> Option<Definition> {
    let mut map = at.map(problems)?;
    let name = required_name(&mut map, "megavisor", problems);
    let version = map.with_default("version", 1_u32, problems);
    let hardware_set: Option<String> = map.optional("hardware_set", problems);
    let account = optional_name(&mut map, "account", "own", problems);
    let region = optional_name(&mut map, "region", "home", problems);
    let parameters = parameters(map.get("parameters"), problems);
    let defaults = defaults(map.get("defaults"), problems);
    let functions_at = map.get("functions");
    if functions_at.is_none() {
        let help = "add `functions: {query: …, start: …, stop: …}`";
        problems.add(map.missing("functions").help(help));
    }
    let mut functions = functions(functions_at, &parameters, defaults.times, folder, problems);
    for function in functions.values_mut() {
        // A function's own patterns come first.
        function.errors.extend(defaults.errors.iter().cloned());
    }
    let machines = machines(map.get("machines"), &parameters, problems);
    map.finish(problems);
    let name = name?;
    Some(Definition {
        scope: Scope::new(name.clone(), account?, region?),
        name,
        version,
        hardware_set,
        parameters,
        functions,
        machines,
        pauses: defaults.pauses,
        at_once: defaults.at_once,
        rest: defaults.rest,
        folder: folder.to_owned(),
    })
}

fn name(at: &At<'_>, problems: &mut Problems) -> Option<Name> {
    at.parse_with(problems, |text| {
        Name::new(text).map_err(|why| why.to_string())
    })
}

fn required_name(
    map: &mut MapReader<'_>,
    key: &'static str,
    problems: &mut Problems,
) -> Option<Name> {
    match map.get(key) {
        Some(at) => name(&at, problems),
        None => {
            let help = "the first line is `megavisor: name`, such as rack-ipmi";
            problems.add(map.missing(key).help(help));
            None
        }
    }
}

fn optional_name(
    map: &mut MapReader<'_>,
    key: &'static str,
    default: &str,
    problems: &mut Problems,
) -> Option<Name> {
    match map.get(key) {
        Some(at) => name(&at, problems),
        None => Name::new(default).ok(),
    }
}

fn parameters(at: Option<At<'_>>, problems: &mut Problems) -> BTreeMap<String, Parameter> {
    let entries = at.and_then(|at| at.entries(problems)).unwrap_or_default();
    let mut parameters = BTreeMap::new();
    for (name, at) in entries {
        let usable =
            |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
        if name.value.is_empty() || !name.value.chars().all(usable) {
            let problem = name.problem("a parameter's name has lower-case letters, digits and _");
            problems.add(problem.help("choose another name"));
        }
        if GIVEN.contains(&name.value) {
            problems.add(name.problem(format!("{} is given to every function", name.value)));
        }
        let Some(mut map) = at.map(problems) else {
            continue;
        };
        let parameter = Parameter {
            required: map.with_default("required", false, problems),
            secret: map.with_default("secret", false, problems),
            default: map.optional("default", problems),
        };
        map.finish(problems);
        if parameter.secret && parameter.default.is_some() {
            problems.add(at.problem("a secret has no default"));
        }
        parameters.insert(name.value.to_owned(), parameter);
    }
    parameters
}

fn defaults(at: Option<At<'_>>, problems: &mut Problems) -> Defaults {
    let mut defaults = Defaults {
        times: Times {
            timeout: Span::from_seconds(30),
            kill_after: Span::from_seconds(5),
        },
        pauses: PAUSES.map(Span::from_seconds).to_vec(),
        at_once: AT_ONCE,
        rest: Span::ZERO,
        errors: Vec::new(),
    };
    let Some(mut map) = at.and_then(|at| at.map(problems)) else {
        return defaults;
    };
    let times = &mut defaults.times;
    times.timeout = map.with_default("timeout", times.timeout, problems);
    times.kill_after = map.with_default("kill_after", times.kill_after, problems);
    defaults.rest = map.with_default("min_interval", defaults.rest, problems);
    if let Some(at) = map.get("errors") {
        defaults.errors = function::errors(&at, problems);
    }
    if let Some(at) = map.get("retries") {
        let items = at.items(problems).unwrap_or_default();
        let pauses: Vec<Span> = items
            .iter()
            .filter_map(|at| at.read(problems))
            .filter(|pause: &Span| !pause.is_zero())
            .collect();
        match pauses.is_empty() {
            true => problems.add(
                at.problem("no pause longer than nothing")
                    .help("write [1s, 2s, 4s]"),
            ),
            false => defaults.pauses = pauses,
        }
    }
    if let Some(at) = map.get("concurrency")
        && let Some(mut map) = at.map(problems)
    {
        if let Some(at) = map.get("per_megavisor") {
            let most = at.whole_number(1..=1_000, problems);
            defaults.at_once = most
                .and_then(|most| usize::try_from(most).ok())
                .unwrap_or(AT_ONCE);
        }
        if let Some(at) = map.get("per_target") {
            // No two operations ever work on one machine; the key is there to be read.
            at.whole_number(1..=1, problems);
        }
        map.finish(problems);
    }
    map.finish(problems);
    defaults
}

fn functions(
    at: Option<At<'_>>,
    parameters: &BTreeMap<String, Parameter>,
    times: Times,
    folder: &Path,
    problems: &mut Problems,
) -> BTreeMap<String, Function> {
    let entries = at.and_then(|at| at.entries(problems)).unwrap_or_default();
    let names: Vec<&str> = entries.iter().map(|(name, _)| name.value).collect();
    let known = function::Known {
        functions: &names,
        parameters,
        folder,
    };
    let mut functions = BTreeMap::new();
    for (name, at) in &entries {
        let function = function::read(name, at, &known, times.timeout, times.kill_after, problems);
        functions.extend(function.map(|function| (name.value.to_owned(), function)));
    }
    functions
}

fn machines(
    at: Option<At<'_>>,
    parameters: &BTreeMap<String, Parameter>,
    problems: &mut Problems,
) -> BTreeMap<Id, BTreeMap<String, Setting>> {
    let Some(at) = at else {
        return BTreeMap::new();
    };
    let entries = at.entries(problems).unwrap_or_default();
    if MACHINES_MAX < entries.len() {
        problems.add(at.problem(format!("more than {MACHINES_MAX} machines")));
    }
    let mut machines = BTreeMap::new();
    for (name, at) in entries.into_iter().take(MACHINES_MAX) {
        let id = match Id::new(name.value) {
            Ok(id) => id,
            Err(why) => {
                problems.add(name.problem(why.to_string()));
                continue;
            }
        };
        machines.insert(id, settings(&at, parameters, problems));
    }
    machines
}

fn settings(
    at: &At<'_>,
    parameters: &BTreeMap<String, Parameter>,
    problems: &mut Problems,
) -> BTreeMap<String, Setting> {
    let mut settings = BTreeMap::new();
    for (name, at) in at.entries(problems).unwrap_or_default() {
        let Some(parameter) = parameters.get(name.value) else {
            let known = parameters.keys().map(String::as_str);
            let help = rem_yaml::suggest(name.value, known).map_or_else(
                || "add it to `parameters:`".to_owned(),
                |word| format!("did you mean {word}?"),
            );
            let problem = name.problem(format!("no parameter of this megavisor: {}", name.value));
            problems.add(problem.help(help));
            continue;
        };
        let setting = match parameter.secret {
            true => at.read::<SecretSource>(problems).map(Setting::Secret),
            false => plain(&at, problems).map(Setting::Plain),
        };
        settings.extend(setting.map(|setting| (name.value.to_owned(), setting)));
    }
    for (name, parameter) in parameters {
        if parameter.required && !settings.contains_key(name) && parameter.default.is_none() {
            problems.add(at.problem(format!("the parameter {name} is missing")));
        }
    }
    settings
}

/// Text, or a number as it is written.
fn plain(at: &At<'_>, problems: &mut Problems) -> Option<String> {
    match &at.node().value {
        rem_yaml::Value::Int(number) => Some(number.to_string()),
        _ => at.text(problems).map(str::to_owned),
    }
}

#[cfg(test)]
mod tests;
