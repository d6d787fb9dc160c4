use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path as FilePath, PathBuf};

use rem_script::{End, Program, run as run_program};
use rem_yaml::{KeyPath, Place, Problem, Problems};
use serde_json::Value;

use crate::block::{Block, Loaded, problem_at};
use crate::condition::Condition;
use crate::path::Path;
use crate::tree::{Function, Item, ScriptFile, Tag, TagKind, Verb, Visit};

#[cfg(test)]
mod tests;

/// What [`check`] found.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// What would fail.
    pub problems: Problems,
    /// What probably is not what was meant.
    pub warnings: Problems,
}

/// Names that blocks get without anybody setting them.
const GIVEN: [&str; 10] = [
    "args",
    "status",
    "output",
    "output_error",
    "exception",
    "_thread_handler",
    "tag",
    "value",
    "__start_time",
    "__duration",
];

/// Compiles each file it is given and prints what is wrong, one JSON list a line.
const COMPILE: &str = r#"
import json, sys
for name in sys.argv[1:]:
    try:
        with open(name, "rb") as file:
            compile(file.read(), name, "exec", dont_inherit=True)
    except SyntaxError as error:
        print(json.dumps([name, error.lineno or 0, error.offset or 0, error.msg]))
    except (OSError, ValueError) as error:
        print(json.dumps([name, 0, 0, str(error)]))
"#;

/// Looks at a block without running it: scripts that do not exist, Python that
/// does not compile with `interpreter` (Python 2, most of the time), names that
/// nothing sets.
pub async fn check(block: &Block, interpreter: &FilePath) -> Checked {
    let mut seen = Seen::default();
    walk(block.loaded(), &mut seen);
    let mut checked = Checked::default();
    let mut texts = Vec::new();
    let mut python = Vec::new();
    for script in &seen.scripts {
        match std::fs::read_to_string(&script.path) {
            Ok(text) => texts.push(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let message = format!("script does not exist: {}", script.path.display());
                checked
                    .problems
                    .add(Problem::new(&script.at, &script.key_path, message));
                continue;
            }
            // A program need not be text.
            Err(_) => texts.push(String::new()),
        }
        if script.is_python {
            python.push(script.path.clone());
        }
    }
    python.sort();
    python.dedup();
    for problem in syntax(&python, interpreter).await {
        checked.problems.add(problem);
    }
    unresolved(block, &seen, &texts, &mut checked.warnings);
    for (place, condition) in &seen.conditions {
        if condition.uses_in() {
            let text = format!("\"in\" means that the left is a member of the right: {condition}");
            let problem = problem_at(place, text);
            let help = "blocks of 2010 had the sides the other way round, there it is \"has\"";
            checked.warnings.add(problem.help(help));
        }
    }
    checked
}

/// Every `call` must name a function of the file.
pub(crate) fn calls(loaded: &Loaded, problems: &mut Problems) {
    let names = loaded
        .functions
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    let mut visit = Calls { names, problems };
    walk(loaded, &mut visit);
}

/// Sees the whole file: its tags and its functions.
fn walk(loaded: &Loaded, visit: &mut dyn Visit) {
    loaded.tree.visit(visit);
    for (_, function) in &loaded.functions {
        match function {
            Function::Chain(chain) => chain.visit(visit),
            Function::Block(tree) => tree.visit(visit),
        }
    }
}

struct Calls<'a> {
    names: Vec<&'a str>,
    problems: &'a mut Problems,
}

impl Visit for Calls<'_> {
    fn item(&mut self, item: &Item) {
        if let Verb::Call { name, .. } = &item.verb
            && !self.names.contains(&name.as_str())
        {
            let known = match self.names.is_empty() {
                true => "the file has no __functions".to_owned(),
                false => crate::compile::help_for(name, &self.names),
            };
            let problem = problem_at(&item.at, format!("unknown function: {name}"));
            self.problems.add(problem.help(known));
        }
    }
}

#[derive(Default)]
struct Seen {
    scripts: Vec<SeenScript>,
    conditions: Vec<(Place, Condition)>,
    /// First keys of paths, with where they are looked up.
    names: Vec<(Place, Path)>,
    set: BTreeSet<String>,
    custom: bool,
}

struct SeenScript {
    path: PathBuf,
    at: Place,
    key_path: KeyPath,
    is_python: bool,
}

impl Seen {
    fn script(&mut self, file: &ScriptFile, is_python: bool) {
        self.scripts.push(SeenScript {
            path: file.beside.clone(),
            at: file.at.clone(),
            key_path: file.key_path.clone(),
            is_python,
        });
    }
}

impl Visit for Seen {
    fn condition(&mut self, at: &Place, condition: &Condition) {
        for path in condition.paths() {
            self.names.push((at.clone(), path.clone()));
        }
        self.conditions.push((at.clone(), condition.clone()));
    }

    fn tag(&mut self, tag: &Tag) {
        match &tag.kind {
            TagKind::Set { name, .. }
            | TagKind::ListAdd { name, .. }
            | TagKind::ListDelete { name, .. }
            | TagKind::Increment { name, .. } => {
                self.set.insert(name.clone());
            }
            TagKind::Custom { .. } => self.custom = true,
            _ => {}
        }
        self.set.insert(tag.name.clone());
    }

    fn item(&mut self, item: &Item) {
        match &item.verb {
            Verb::Python(script) => self.script(&script.file, true),
            Verb::Program(script) => self.script(&script.file, false),
            Verb::Set(values) | Verb::Call { with: values, .. } => {
                self.set.extend(values.keys().cloned());
            }
            Verb::Shell(_) | Verb::Except(_) | Verb::Cd(_) | Verb::Tag(_) => {}
        }
    }
}

/// Names that neither the file sets nor any of its scripts mentions.
fn unresolved(block: &Block, seen: &Seen, scripts: &[String], warnings: &mut Problems) {
    // A tag function of the embedding program may set anything.
    if seen.custom {
        return;
    }
    let usage = block.usage();
    let declared = usage.args.iter().map(|arg| arg.name.as_str());
    let declared = declared.chain(usage.options.iter().map(|option| option.name.as_str()));
    let declared: BTreeSet<&str> = declared.chain(GIVEN).collect();
    let mut told: BTreeMap<(&Place, &str), ()> = BTreeMap::new();
    for (place, path) in &seen.names {
        let Some(name) = path.first_key() else {
            continue;
        };
        let roots = ["pipe_data", "input_data", "request_state"];
        let known = declared.contains(name)
            || seen.set.contains(name)
            || roots.contains(&name)
            || scripts.iter().any(|text| text.contains(name));
        if !known && told.insert((place, name), ()).is_none() {
            let text = format!("nothing in this file or its scripts sets this name: {name}");
            warnings.add(problem_at(place, text));
        }
    }
}

/// What is wrong with Python files, as the interpreter sees it.
async fn syntax(files: &[PathBuf], interpreter: &FilePath) -> Vec<Problem> {
    if files.is_empty() {
        return Vec::new();
    }
    let program = Program::new(interpreter)
        .args(["-I", "-S", "-E", "-c", COMPILE])
        .args(files);
    let finished = match run_program(&program).await {
        Ok(finished) if finished.end == End::Exited(0) => finished,
        Ok(finished) => {
            let text = format!(
                "scripts not checked, {} {}",
                interpreter.display(),
                finished.end
            );
            return vec![whole_file(&files[0], &text)];
        }
        Err(error) => {
            let text = format!("scripts not checked: {}", crate::python::chained(&error));
            return vec![whole_file(&files[0], &text)];
        }
    };
    let text = finished.stdout.text().into_owned();
    let lines = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    lines
        .filter_map(|line: Value| syntax_problem(&line))
        .collect()
}

fn syntax_problem(line: &Value) -> Option<Problem> {
    let file = line.get(0)?.as_str()?;
    let number = |index| u32::try_from(line.get(index)?.as_u64()?).ok();
    let message = line.get(3)?.as_str()?;
    let place = Place::new(file, number(1)?, number(2)?);
    let problem = problem_at(&place, message);
    let looks_old = [
        "print",
        "exec",
        "except",
        "leading zeros",
        "octal",
        "<>",
        "`",
    ];
    Some(match looks_old.iter().any(|sign| message.contains(sign)) {
        true => problem.help("this looks like Python 2: scripts are Python 3, 2to3 converts most"),
        false => problem,
    })
}

fn whole_file(file: &FilePath, message: &str) -> Problem {
    problem_at(&Place::whole_file(file.display().to_string()), message)
}
