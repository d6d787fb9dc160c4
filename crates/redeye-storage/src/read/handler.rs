use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rem_time::Span;
use rem_yaml::{At, MapReader, Problems, Value, parse};

use crate::handler::{Form, Function, Handler, Parameter, Script, When};

/// How long a script may take unless the file says otherwise.
const TIMEOUT: Span = Span::from_seconds(60);
/// How long it has to end after that.
const KILL_AFTER: Span = Span::from_seconds(5);

/// What the scripts of a handler share.
struct Known<'a> {
    folder: &'a Path,
    parameters: &'a BTreeMap<String, Parameter>,
    /// The script of all functions, called with the function and the phase.
    script: Option<PathBuf>,
    timeout: Span,
}

/// Reads the file of a handler; its scripts lie in `folder`.
///
/// ```yaml
/// handler: ext4
/// script: ext4.sh              # called with function and phase, such as: snapshot entry
/// parameters: {freeze: {default: "true"}}
/// functions:
///   snapshot: {entry: {holds: true, when: freeze, timeout: 10s}, exit: {when: freeze}}
///   mount: {exit: {argv: [mount, -a]}}       # or script: or shell:
/// ```
///
/// # Errors
/// All that is wrong, with its places.
pub fn read_handler(file: &str, text: &str, folder: &Path) -> Result<Handler, Problems> {
    let node = parse(file, text)?;
    let mut problems = Problems::new();
    // Scripts run in that folder, from wherever we are called.
    let absolute = std::path::absolute(folder);
    let folder = absolute.as_deref().unwrap_or(folder);
    let read = whole(&At::root(&node), folder, &mut problems);
    problems.into_result(read)
}

fn whole(at: &At<'_>, folder: &Path, problems: &mut Problems) -> Option<Handler> {
    let mut map = at.map(problems)?;
    let name: Option<String> = map.required("handler", problems);
    let version = map.with_default("version", 1_u32, problems);
    let timeout = map.with_default("timeout", TIMEOUT, problems);
    let parameters = parameters(map.get("parameters"), problems);
    let script = script_path(&mut map, folder, problems);
    let known = Known {
        folder,
        parameters: &parameters,
        script,
        timeout,
    };
    let mut functions = BTreeMap::new();
    match map.get("functions") {
        None => problems.add(map.missing("functions")),
        Some(at) => {
            for (name, at) in at.entries(problems).unwrap_or_default() {
                if !is_word(name.value) {
                    let message = "a function's name has lower-case letters, digits and _";
                    problems.add(name.problem(message));
                }
                let function = function(name.value, &at, &known, problems);
                functions.extend(function.map(|function| (name.value.to_owned(), function)));
            }
        }
    }
    map.finish(problems);
    if let Some(name) = &name
        && redeye_cloud::Name::new(name).is_err()
    {
        problems.add(at.problem(format!("cannot be the name of a handler: {name}")));
    }
    Some(Handler {
        name: name?,
        version,
        folder: folder.to_owned(),
        parameters,
        functions,
    })
}

fn is_word(text: &str) -> bool {
    let usable =
        |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
    !text.is_empty() && text.chars().all(usable)
}

fn parameters(at: Option<At<'_>>, problems: &mut Problems) -> BTreeMap<String, Parameter> {
    let entries = at.and_then(|at| at.entries(problems)).unwrap_or_default();
    let mut parameters = BTreeMap::new();
    for (name, at) in entries {
        if !is_word(name.value) {
            let message = "a parameter's name has lower-case letters, digits and _";
            problems.add(name.problem(message));
        }
        if crate::call::GIVEN.contains(&name.value) {
            let message = format!("{} is given to every script", name.value);
            problems.add(name.problem(message).help("choose another name"));
        }
        let Some(mut map) = at.map(problems) else {
            continue;
        };
        let parameter = Parameter {
            required: map.with_default("required", false, problems),
            default: map.optional("default", problems),
        };
        map.finish(problems);
        parameters.insert(name.value.to_owned(), parameter);
    }
    parameters
}

fn script_path(map: &mut MapReader<'_>, folder: &Path, problems: &mut Problems) -> Option<PathBuf> {
    let at = map.get("script")?;
    let path = folder.join(at.read::<PathBuf>(problems)?);
    if let Err(why) = std::fs::metadata(&path) {
        let problem = at.problem(format!("cannot read the script {}: {why}", path.display()));
        problems.add(problem.help("paths begin at the folder of this file"));
    }
    Some(path)
}

fn function(
    name: &str,
    at: &At<'_>,
    known: &Known<'_>,
    problems: &mut Problems,
) -> Option<Function> {
    let mut map = at.map(problems)?;
    let mut phase = |key: &'static str, problems: &mut Problems| {
        let Some(at) = map.get(key) else {
            return Vec::new();
        };
        let items = match &at.node().value {
            Value::Seq(_) => at.items(problems).unwrap_or_default(),
            _ => vec![at],
        };
        let words = [name, key];
        let read = |at: &At<'_>| script(at, known, &words, problems);
        items.iter().filter_map(read).collect()
    };
    let function = Function {
        entry: phase("entry", problems),
        undo: phase("undo", problems),
        exit: phase("exit", problems),
    };
    map.finish(problems);
    let held = |scripts: &[Script]| scripts.iter().any(|script| script.holds);
    if held(&function.undo) || held(&function.exit) {
        problems.add(at.problem("only an entry can hold; an exit lets go"));
    }
    if held(&function.entry) && function.exit.is_empty() {
        let problem = at.problem("an entry that holds needs an exit that lets go");
        problems.add(problem.help("write exit: {…} beside it"));
    }
    Some(function)
}

/// A script that belongs to no handler.
pub(super) fn lone_script(at: &At<'_>, folder: &Path, problems: &mut Problems) -> Option<Script> {
    let absolute = std::path::absolute(folder);
    let known = Known {
        folder: absolute.as_deref().unwrap_or(folder),
        parameters: &BTreeMap::new(),
        script: None,
        timeout: TIMEOUT,
    };
    script(at, &known, &[], problems)
}

fn script(
    at: &At<'_>,
    known: &Known<'_>,
    words: &[&str],
    problems: &mut Problems,
) -> Option<Script> {
    let mut map = at.map(problems)?;
    let form = form(&mut map, at, known, words, problems);
    let when = map.get("when").and_then(|at| {
        let text = at.text(problems)?;
        let parameter = text.strip_prefix('!').unwrap_or(text);
        if !known.parameters.contains_key(parameter) {
            let near = rem_yaml::suggest(parameter, known.parameters.keys().map(String::as_str));
            let problem = at.problem(format!("no parameter of this handler: {parameter}"));
            problems.add(problem.maybe_help(near.map(|near| format!("did you mean {near}?"))));
        }
        Some(When {
            parameter: parameter.to_owned(),
            is: !text.starts_with('!'),
        })
    });
    let script = Script {
        when,
        holds: map.with_default("holds", false, problems),
        idempotent: map.with_default("idempotent", false, problems),
        timeout: map.with_default("timeout", known.timeout, problems),
        kill_after: map.with_default("kill_after", KILL_AFTER, problems),
        form: match form {
            Some(form) => form,
            None => {
                map.finish(problems);
                return None;
            }
        },
    };
    map.finish(problems);
    Some(script)
}

fn form(
    map: &mut MapReader<'_>,
    at: &At<'_>,
    known: &Known<'_>,
    words: &[&str],
    problems: &mut Problems,
) -> Option<Form> {
    const FORMS: [&str; 3] = ["argv", "script", "shell"];
    let given: Vec<&str> = FORMS.into_iter().filter(|form| map.has(form)).collect();
    let mut texts = |key: &'static str, problems: &mut Problems| {
        let items = map.get(key).and_then(|at| at.items(problems));
        let items = items.unwrap_or_default();
        let read = |at: &At<'_>| at.text(problems).map(str::to_owned);
        items.iter().filter_map(read).collect::<Vec<_>>()
    };
    let args = texts("args", problems);
    let argv = texts("argv", problems);
    let interpreter: Option<String> = map.optional("interpreter", problems);
    let shell: Option<String> = map.optional("shell", problems);
    let own = script_path(map, known.folder, problems);
    match (&given[..], &known.script) {
        ([], Some(path)) => Some(Form::Script {
            path: path.clone(),
            interpreter,
            args: words.iter().map(|word| (*word).to_owned()).collect(),
        }),
        (["argv"], _) if argv.is_empty() => {
            let problem = at.problem("argv names no program");
            problems.add(problem.help("write [program, argument]"));
            None
        }
        (["argv"], _) => Some(Form::Argv(argv)),
        (["shell"], _) => shell.map(Form::Shell),
        (["script"], _) => own.map(|path| Form::Script {
            path,
            interpreter,
            args,
        }),
        _ => {
            let help = "write one of argv, script and shell";
            problems.add(at.problem("it does not say what is run").help(help));
            None
        }
    }
}
