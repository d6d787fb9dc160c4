use std::fmt;
use std::str::FromStr;

use crate::from_yaml::FromYaml;
use crate::key_path::KeyPath;
use crate::map_reader::MapReader;
use crate::node::{Node, Value};
use crate::place::Place;
use crate::problem::{Problem, Problems};
use crate::suggest::suggest;

/// A node together with the keys that lead to it: what a reader reads.
#[derive(Clone, Debug)]
pub struct At<'n> {
    node: &'n Node,
    path: KeyPath,
}

/// A value that remembers where it was written, for checks that come later.
///
/// Two are equal when their values are.
#[derive(Clone, Debug)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Where it is written.
    pub place: Place,
    /// The keys that lead to it.
    pub key_path: KeyPath,
}

impl<'n> At<'n> {
    /// The top of a file.
    pub const fn root(node: &'n Node) -> Self {
        Self {
            node,
            path: KeyPath::root(),
        }
    }

    /// A node somewhere below.
    pub const fn new(node: &'n Node, path: KeyPath) -> Self {
        Self { node, path }
    }

    /// The node.
    pub const fn node(&self) -> &'n Node {
        self.node
    }

    /// Where it is written.
    pub const fn place(&self) -> &'n Place {
        &self.node.at
    }

    /// The keys that lead to it.
    pub const fn path(&self) -> &KeyPath {
        &self.path
    }

    /// A problem with this node, to be added to the list.
    pub fn problem(&self, message: impl Into<String>) -> Problem {
        Problem::new(&self.node.at, &self.path, message)
    }

    /// The problem that this node is of the wrong kind; `wanted` continues "expected".
    pub fn expected(&self, wanted: impl fmt::Display) -> Problem {
        self.problem(format!("expected {wanted}, found {}", self.node.describe()))
    }

    /// Reads a value of type `T`; what is wrong goes to `problems`.
    pub fn read<T: FromYaml>(&self, problems: &mut Problems) -> Option<T> {
        T::from_yaml(self, problems)
    }

    /// The same with its place.
    pub fn located<T>(&self, value: T) -> Located<T> {
        Located {
            value,
            place: self.node.at.clone(),
            key_path: self.path.clone(),
        }
    }

    /// Starts to read a map; anything else is a problem.
    pub fn map(&self, problems: &mut Problems) -> Option<MapReader<'n>> {
        match &self.node.value {
            Value::Map(map) => Some(MapReader::new(self.clone(), map)),
            Value::Null
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Float(_)
            | Value::Str(_)
            | Value::Seq(_) => {
                let problem = self.expected("a map").help("write `key: value` lines here");
                problems.add(problem);
                None
            }
        }
    }

    /// Keys and values of a map whose keys are names the operator chooses.
    /// Nothing at all (`packages:` alone) is an empty map.
    pub fn entries(&self, problems: &mut Problems) -> Option<Vec<(Located<&'n str>, At<'n>)>> {
        match &self.node.value {
            Value::Null => Some(Vec::new()),
            Value::Map(map) => Some(
                map.iter()
                    .map(|(key, entry)| {
                        let path = self.path.key(key);
                        let name = Located {
                            value: key,
                            place: entry.key_at.clone(),
                            key_path: path.clone(),
                        };
                        (name, At::new(&entry.node, path))
                    })
                    .collect(),
            ),
            Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Str(_) | Value::Seq(_) => {
                let problem = self
                    .expected("a map of names")
                    .help("write each as `name: …` on its own line");
                problems.add(problem);
                None
            }
        }
    }

    /// The items of a list; anything else is a problem.
    pub fn items(&self, problems: &mut Problems) -> Option<Vec<At<'n>>> {
        let Some(items) = self.node.as_seq() else {
            let help = match &self.node.value {
                Value::Map(_) | Value::Seq(_) | Value::Null => "start each item with `- `".into(),
                Value::Str(text) => format!("write [{text}]"),
                Value::Bool(value) => format!("write [{value}]"),
                Value::Int(value) => format!("write [{value}]"),
                Value::Float(value) => format!("write [{value}]"),
            };
            problems.add(self.expected("a list").help(help));
            return None;
        };
        let at = |(index, node)| At::new(node, self.path.item(index));
        Some(items.iter().enumerate().map(at).collect())
    }

    /// Text; a number or `true` in its place is a problem, because what reaches
    /// us may not be what was written (`1.10` is `1.1`).
    pub fn text(&self, problems: &mut Problems) -> Option<&'n str> {
        let text = self.node.as_str();
        if text.is_none() {
            let help = match &self.node.value {
                Value::Bool(value) => Some(format!("put it in quotes: \"{value}\"")),
                Value::Int(value) => Some(format!("put it in quotes: \"{value}\"")),
                Value::Float(_) => Some("put it in quotes".to_owned()),
                Value::Map(_) => Some("text that starts with { needs quotes".to_owned()),
                Value::Seq(_) => Some("text that starts with [ needs quotes".to_owned()),
                Value::Null | Value::Str(_) => None,
            };
            problems.add(self.expected("text").maybe_help(help));
        }
        text
    }

    /// Text that a type of ours or of the standard library understands;
    /// `wanted` continues "expected", such as `an address such as 192.0.2.1:80`.
    pub fn parse<T: FromStr>(&self, wanted: &str, problems: &mut Problems) -> Option<T> {
        let Some(text) = self.node.as_str() else {
            problems.add(self.expected(wanted));
            return None;
        };
        let parsed = text.parse().ok();
        if parsed.is_none() {
            problems.add(self.expected(wanted));
        }
        parsed
    }

    /// Text that `read` understands, or says why not.
    pub fn parse_with<T>(
        &self,
        problems: &mut Problems,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        match read(self.text(problems)?) {
            Ok(value) => Some(value),
            Err(message) => {
                problems.add(self.problem(message));
                None
            }
        }
    }

    /// A whole number within bounds.
    pub fn whole_number(
        &self,
        within: std::ops::RangeInclusive<i64>,
        problems: &mut Problems,
    ) -> Option<i64> {
        match &self.node.value {
            Value::Int(number) if within.contains(number) => Some(*number),
            _ => {
                let wanted = match (*within.start(), *within.end()) {
                    (i64::MIN, i64::MAX) => "a whole number".to_owned(),
                    (low, i64::MAX) => format!("a whole number of at least {low}"),
                    (low, high) => format!("a whole number from {low} to {high}"),
                };
                let quoted = self.node.as_str().and_then(|text| text.parse::<i64>().ok());
                let help = quoted.map(|number| format!("without quotes: {number}"));
                problems.add(self.expected(wanted).maybe_help(help));
                None
            }
        }
    }

    /// One word of a fixed list.
    pub fn one_of<T: Clone>(&self, choices: &[(&str, T)], problems: &mut Problems) -> Option<T> {
        let text = self.node.as_str();
        if let Some((_, value)) = choices.iter().find(|(word, _)| Some(*word) == text) {
            return Some(value.clone());
        }
        let words = || choices.iter().map(|(word, _)| *word);
        let help = text.and_then(|text| suggest(text, words()));
        let listed = match words().collect::<Vec<_>>().split_last() {
            Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
            Some((only, _)) => (*only).to_owned(),
            None => "nothing".to_owned(),
        };
        let problem = self.expected(listed);
        problems.add(problem.maybe_help(help.map(|word| format!("did you mean {word}?"))));
        None
    }
}

impl<T> Located<T> {
    /// A problem with this value, to be added to the list.
    pub fn problem(&self, message: impl Into<String>) -> Problem {
        Problem::new(&self.place, &self.key_path, message)
    }

    /// The same place with another value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Located<U> {
        Located {
            value: change(self.value),
            place: self.place,
            key_path: self.key_path,
        }
    }
}

impl<T: PartialEq> PartialEq for Located<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: FromYaml> FromYaml for Located<T> {
    fn from_yaml(at: &At<'_>, problems: &mut Problems) -> Option<Self> {
        Some(at.located(T::from_yaml(at, problems)?))
    }
}
