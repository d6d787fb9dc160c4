use rem_yaml::{At, Located, MapReader, Problem, Problems, SecretSource};

use crate::check::{Check, PluginCheck, PluginCompat};
use crate::contact::Text;
use crate::template::{Fault, Template};

use super::super::folder_of;
use super::{Look, Scene, template, words};

const COMPAT: [(&str, PluginCompat); 2] = [
    ("unknown", PluginCompat::Unknown),
    ("nagios", PluginCompat::Nagios),
];
const HELP: &str = "add `command: check_http -H {machine.address}`, or a list of its words";

pub(super) fn read(
    map: &mut MapReader<'_>,
    scene: Scene<'_>,
    problems: &mut Problems,
) -> Option<Look> {
    let folder = folder_of(map.at().place());
    let command = match map.get("command") {
        Some(at) => command(&at, scene, problems),
        None => {
            problems.add(map.missing("command").help(HELP));
            None
        }
    };
    let compat = match map.get("compat") {
        Some(at) => at.one_of(&COMPAT, problems),
        None => Some(PluginCompat::Unknown),
    };
    let environment = environment(map.get("env"), problems);
    let command = command?;
    let example = PluginCheck {
        command: Vec::new(),
        environment,
        folder,
        compat: compat?,
    };
    let made = example.clone();
    Some(Look::filled(Check::Plugin(example), move |fill| {
        Ok(Check::Plugin(PluginCheck {
            command: fill.texts(&command)?,
            ..made.clone()
        }))
    }))
}

/// The words; what is filled in never makes a new one.
fn command(
    at: &At<'_>,
    scene: Scene<'_>,
    problems: &mut Problems,
) -> Option<Vec<Located<Template>>> {
    let Some(line) = at.node().as_str() else {
        let items = at.items(problems)?;
        let words: Vec<Option<Located<Template>>> = items
            .iter()
            .map(|item| template(item, scene.interfaces, problems))
            .collect();
        let first = items.first().map(|item| item.node().as_str());
        if matches!(first, None | Some(Some(""))) {
            problems.add(at.problem("nothing to run").help(HELP));
            return None;
        }
        return words.into_iter().collect();
    };
    let words = match words::split(line) {
        Ok(words) => words,
        Err(error) => {
            let place = at.node().place_in(error.offset);
            problems.add(Problem::new(&place, at.path(), error.message).help(error.help));
            return None;
        }
    };
    if words.first().is_none_or(String::is_empty) {
        problems.add(at.problem("nothing to run").help(HELP));
        return None;
    }
    let mut templates = Vec::new();
    for word in &words {
        match Template::parse(word, scene.interfaces) {
            Ok(template) => templates.push(at.located(template)),
            Err(Fault { message, help }) => {
                problems.add(at.problem(message).maybe_help(help));
                return None;
            }
        }
    }
    Some(templates)
}

fn environment(at: Option<At<'_>>, problems: &mut Problems) -> Vec<(String, Text)> {
    let entries = at.and_then(|at| at.entries(problems)).unwrap_or_default();
    let mut environment = Vec::new();
    for (name, at) in entries {
        if name.value.is_empty() || name.value.contains(['=', '\0']) {
            let message = format!("not the name of an environment variable: {}", name.value);
            problems.add(name.problem(message));
            continue;
        }
        let value = match at.node().as_map() {
            Some(_) => at.read::<SecretSource>(problems).map(Text::Secret),
            None => at.read::<String>(problems).map(Text::Plain),
        };
        environment.extend(value.map(|value| (name.value.to_owned(), value)));
    }
    environment
}
