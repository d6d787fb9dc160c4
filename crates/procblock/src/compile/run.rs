use std::path::PathBuf;
use std::sync::Arc;

use regex::Regex;
use serde_json::{Map, Value};

use super::{Compiler, beside, help_for};
use crate::read::At;
use crate::tags::Builtin;
use crate::template;
use crate::tree::{
    Chain, Item, Parse, ProgramScript, PythonScript, ScriptFile, Shell, Simultaneous, Verb,
};

/// Keys of an item that say what it does.
const VERBS: [&str; 6] = ["script", "shell", "set", "call", "except", "cd"];
/// Keys that every item may have that runs something.
const OPTIONS: [&str; 8] = [
    "cache",
    "thread_id",
    "interval",
    "duration",
    "history",
    "run_lock",
    "timeseries collect",
    "timeout",
];
const PARSERS: [&str; 6] = ["auto", "json", "jsonl", "kv", "text", "regex"];

impl Compiler {
    /// A `run` list; a single item may stand without the dash.
    pub(crate) fn chain(&mut self, at: &At<'_>) -> Option<Chain> {
        if at.node.as_seq().is_none() && at.node.as_map().is_none() {
            self.reader.wrong_help(
                at,
                format!("a list of items is expected, found {}", at.node.describe()),
                "write - script: name.py",
            );
            return None;
        }
        self.deeper(at, |compiler| {
            let items = at.items_or_one();
            let read = items.iter().enumerate();
            let read = read.map(|(index, item)| compiler.item(index, item));
            let read: Vec<_> = read.collect();
            let mut source = at.node.to_json();
            if !source.is_array() {
                source = Value::Array(vec![source]);
            }
            Some(Chain {
                items: read.into_iter().collect::<Option<Vec<_>>>()?,
                source: Arc::new(source),
            })
        })
    }

    /// `run simultaneous`: a map from names to run lists. `__join: true` waits
    /// for all of them.
    pub(super) fn simultaneous(&mut self, at: &At<'_>) -> Option<Simultaneous> {
        if !self.reader.is_map(at) {
            return None;
        }
        let mut chains = Vec::new();
        let mut whole = true;
        for (name, at) in at.entries() {
            if name.starts_with("__") {
                continue;
            }
            match self.chain(&at) {
                Some(chain) => chains.push((name.to_owned(), Arc::new(chain))),
                None => whole = false,
            }
        }
        let join = self.reader.flag(at, "__join");
        whole.then_some(Simultaneous { chains, join })
    }

    fn item(&mut self, index: usize, at: &At<'_>) -> Option<Arc<Item>> {
        let entries = at.entries();
        if entries.is_empty() {
            self.reader.wrong_help(
                at,
                format!("a run item is expected, found {}", at.node.describe()),
                "write - script: name.py",
            );
            return None;
        }
        let verbs: Vec<&(&str, At<'_>)> = entries
            .iter()
            .filter(|(key, _)| VERBS.contains(key))
            .collect();
        let (verb, verb_at) = match verbs.as_slice() {
            [(verb, verb_at)] => (*verb, verb_at),
            [] => return self.tag_item(index, at, &entries),
            [(first, _), (second, second_at), ..] => {
                self.reader.wrong_key(
                    second_at,
                    format!("a run item has one verb, found {first} and {second}"),
                    Some("make it two items".into()),
                );
                return None;
            }
        };
        let is_python = verb == "script" && is_python(at, verb_at);
        self.item_keys(at, verb, is_python);
        let read = match verb {
            "script" if is_python => self.python(at, verb_at).map(Verb::Python),
            "script" => self.program(at, verb_at).map(Verb::Program),
            "shell" => self.shell(at, verb_at).map(Verb::Shell),
            "set" => self.set(verb_at).map(Verb::Set),
            "call" => self.call(verb_at),
            "cd" => self
                .reader
                .text(verb_at)
                .map(|cd| Verb::Cd(PathBuf::from(cd))),
            _ => self
                .chain(verb_at)
                .map(|chain| Verb::Except(Arc::new(chain))),
        };
        let name = brief(verb, verb_at);
        let cache = self.cache(at, &name);
        let collect = match at.get("timeseries collect") {
            Some(at) => Some(Arc::new(self.collects(&at)?)),
            None => None,
        };
        let timeout = self.reader.optional_span(at, "timeout");
        Some(Arc::new(Item {
            at: at.node.at.clone(),
            source: at.node.to_json(),
            label: label(index, verb, &name),
            brief: name,
            verb: read?,
            cache: cache?,
            collect,
            timeout,
        }))
    }

    /// An item whose only key is a tag with a tag function.
    fn tag_item(
        &mut self,
        index: usize,
        at: &At<'_>,
        entries: &[(&str, At<'_>)],
    ) -> Option<Arc<Item>> {
        let is_tag = |key: &str| Builtin::find(key).is_some() || self.tags.find(key).is_some();
        let (name, tag_at) = match entries {
            [(name, tag_at)] if is_tag(name) => (*name, tag_at),
            _ => {
                let unknown = entries
                    .iter()
                    .find(|(key, _)| !OPTIONS.contains(key) && !is_tag(key));
                let (key, key_at) = unknown.or(entries.first())?;
                let message = match unknown {
                    Some(_) => format!("unknown run verb: {key}"),
                    None => "this run item has no verb".into(),
                };
                let help = help_for(key, &VERBS);
                self.reader.wrong_key(key_at, message, Some(help));
                return None;
            }
        };
        let tag = self.tag(name, tag_at)?;
        Some(Arc::new(Item {
            at: at.node.at.clone(),
            source: at.node.to_json(),
            brief: name.to_owned(),
            label: format!("run item {} ({name})", index + 1),
            verb: Verb::Tag(Box::new(tag)),
            cache: None,
            collect: None,
            timeout: None,
        }))
    }

    fn item_keys(&mut self, at: &At<'_>, verb: &str, is_python: bool) {
        let own: &[&str] = match verb {
            "script" if is_python => &["function"],
            "script" => &[
                "interpreter",
                "args",
                "env",
                "parse",
                "pattern",
                "output_max",
            ],
            "shell" => &["env"],
            _ => &[],
        };
        let runs = matches!(verb, "script" | "shell" | "call");
        let mut allowed = vec![verb];
        allowed.extend(own);
        if runs {
            allowed.extend(OPTIONS);
        }
        self.reader.only(at, &allowed);
    }

    fn python(&mut self, item: &At<'_>, at: &At<'_>) -> Option<PythonScript> {
        let written = self.reader.text(at)?;
        Some(PythonScript {
            file: script_file(at, &written),
            function: self
                .reader
                .optional_text(item, "function")
                .unwrap_or_else(|| "ProcessBlock".into()),
        })
    }

    fn program(&mut self, item: &At<'_>, at: &At<'_>) -> Option<ProgramScript> {
        let written = self.reader.text(at)?;
        let interpreter = match item.get("interpreter") {
            Some(at) if at.node.as_seq().is_none() => {
                let text = self.reader.text(&at)?;
                text.split_whitespace().map(str::to_owned).collect()
            }
            Some(_) => self.reader.texts(item, "interpreter"),
            None => Vec::new(),
        };
        let args = self.reader.texts(item, "args");
        for (text, at) in args
            .iter()
            .zip(item.get("args").iter().flat_map(At::items_or_one))
        {
            if let Err(error) = template::check(text) {
                self.reader.wrong(&at, format!("not a template: {error}"));
            }
        }
        let output_bytes_max = match item.get("output_max") {
            Some(at) => Some(self.reader.count(&at)?),
            None => None,
        };
        Some(ProgramScript {
            file: script_file(at, &written),
            interpreter,
            args,
            env: self.env(item)?,
            parse: self.parse(item)?,
            output_bytes_max,
        })
    }

    fn parse(&mut self, item: &At<'_>) -> Option<Parse> {
        let pattern = item.get("pattern");
        let Some(at) = item.get("parse") else {
            return match pattern {
                Some(pattern) => self.regex(&pattern),
                None => Some(Parse::Auto),
            };
        };
        let written = self.reader.text(&at)?;
        match (written.as_str(), pattern) {
            ("auto", None) => Some(Parse::Auto),
            ("json", None) => Some(Parse::Json),
            ("jsonl", None) => Some(Parse::JsonLines),
            ("kv", None) => Some(Parse::KeyValue),
            ("text", None) => Some(Parse::Text),
            ("regex", Some(pattern)) => self.regex(&pattern),
            ("regex", None) => {
                self.reader.wrong_help(
                    &at,
                    "pattern is missing",
                    "pattern: 'load (?P<load>[0-9.]+)'",
                );
                None
            }
            (known, Some(pattern)) if PARSERS.contains(&known) => {
                self.reader
                    .wrong_key(&pattern, "pattern needs parse: regex", None);
                None
            }
            _ => {
                let message = format!("unknown way to read output: {written}");
                self.reader
                    .wrong_help(&at, message, help_for(&written, &PARSERS));
                None
            }
        }
    }

    fn regex(&mut self, at: &At<'_>) -> Option<Parse> {
        let text = self.reader.text(at)?;
        match Regex::new(&text) {
            Ok(regex) if regex.capture_names().flatten().next().is_some() => {
                Some(Parse::Regex(regex))
            }
            Ok(_) => {
                self.reader.wrong_help(
                    at,
                    "the pattern has no named group",
                    "name what is found: (?P<load>[0-9.]+)",
                );
                None
            }
            Err(error) => {
                let error = error.to_string();
                let last = error.lines().last().unwrap_or_default();
                let reason = last.trim_start_matches("error: ");
                self.reader
                    .wrong(at, format!("not a regular expression: {reason}"));
                None
            }
        }
    }

    fn shell(&mut self, item: &At<'_>, at: &At<'_>) -> Option<Shell> {
        let mut shell = Shell {
            command: String::new(),
            interpreter: "/bin/sh".into(),
            pipefail: false,
            check: false,
            env: self.env(item)?,
        };
        if at.node.as_map().is_none() {
            shell.command = self.reader.text(at)?;
            return Some(shell);
        }
        self.reader
            .only(at, &["cmd", "interpreter", "pipefail", "check"]);
        shell.command = self.reader.required_text(at, "cmd")?;
        shell.pipefail = self.reader.flag(at, "pipefail");
        shell.check = self.reader.flag(at, "check");
        match self.reader.optional_text(at, "interpreter") {
            Some(interpreter) => shell.interpreter = interpreter,
            // The plain shell has no pipefail everywhere.
            None if shell.pipefail => shell.interpreter = "bash".into(),
            None => {}
        }
        Some(shell)
    }

    fn env(&mut self, item: &At<'_>) -> Option<Vec<(String, String)>> {
        let Some(at) = item.get("env") else {
            return Some(Vec::new());
        };
        if !self.reader.is_map(&at) {
            return None;
        }
        let vars = at.entries();
        let vars = vars
            .iter()
            .map(|(name, at)| Some(((*name).to_owned(), self.reader.any_text(at)?)));
        vars.collect::<Vec<_>>().into_iter().collect()
    }

    fn set(&mut self, at: &At<'_>) -> Option<Map<String, Value>> {
        if !self.reader.is_map(at) {
            return None;
        }
        match at.node.to_json() {
            Value::Object(map) => Some(map),
            _ => None,
        }
    }

    fn call(&mut self, at: &At<'_>) -> Option<Verb> {
        if at.node.as_map().is_none() {
            let name = self.reader.text(at)?;
            return Some(Verb::Call {
                name,
                with: Map::new(),
            });
        }
        self.reader.only(at, &["name", "with"]);
        let with = match at.get("with") {
            Some(with) => self.set(&with)?,
            None => Map::new(),
        };
        let name = self.reader.required_text(at, "name")?;
        Some(Verb::Call { name, with })
    }
}

/// Python with a `ProcessBlock`, unless an interpreter makes it a program.
fn is_python(item: &At<'_>, at: &At<'_>) -> bool {
    let is_py = at.node.as_str().is_some_and(|path| path.ends_with(".py"));
    is_py && item.get("interpreter").is_none()
}

fn script_file(at: &At<'_>, written: &str) -> ScriptFile {
    ScriptFile {
        at: at.node.at.clone(),
        key_path: at.path.clone(),
        beside: beside(at, written),
        relative: PathBuf::from(written),
    }
}

/// What an item does in a few words: its script, the start of its command.
fn brief(verb: &str, at: &At<'_>) -> String {
    let cmd = at.get("cmd").or_else(|| at.get("name"));
    let text = cmd.as_ref().unwrap_or(at).node.as_str().unwrap_or(verb);
    // A script is known by its name, wherever it lies.
    let text = match verb {
        "script" => text.rsplit('/').next().unwrap_or(text),
        _ => text,
    };
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(40) {
        Some((cut, _)) => format!("{}…", &line[..cut]),
        None => line.to_owned(),
    }
}

fn label(index: usize, verb: &str, name: &str) -> String {
    match verb == name {
        true => format!("run item {} ({verb})", index + 1),
        false => format!("run item {} ({verb}: {name})", index + 1),
    }
}
