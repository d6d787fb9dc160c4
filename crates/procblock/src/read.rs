//! Reading single values of a file, every mistake with its place.

use rem_time::Span;
use rem_yaml::{Entry, KeyPath, Map, Node, Place, Problem, Problems, Value, suggest};

/// A node and the keys that lead to it.
#[derive(Clone, Debug)]
pub(crate) struct At<'a> {
    pub node: &'a Node,
    pub path: KeyPath,
    /// Where the key is written, or the value where there is no key.
    pub key_at: &'a Place,
}

/// Collects what is wrong while a file is read.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    pub problems: Problems,
}

impl<'a> At<'a> {
    pub(crate) fn root(node: &'a Node) -> Self {
        Self {
            node,
            path: KeyPath::root(),
            key_at: &node.at,
        }
    }

    pub(crate) fn entry(&self, key: &str, entry: &'a Entry) -> At<'a> {
        At {
            node: &entry.node,
            path: self.path.key(key),
            key_at: &entry.key_at,
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<At<'a>> {
        let entry = self.node.as_map()?.entry(key)?;
        Some(self.entry(key, entry))
    }

    pub(crate) fn item(&self, index: usize, node: &'a Node) -> At<'a> {
        At {
            node,
            path: self.path.item(index),
            key_at: &node.at,
        }
    }

    /// The entries of a map; nothing for anything else.
    pub(crate) fn entries(&self) -> Vec<(&'a str, At<'a>)> {
        let entries = self.node.as_map().into_iter().flat_map(Map::iter);
        entries
            .map(|(key, entry)| (key, self.entry(key, entry)))
            .collect()
    }

    /// The items of a list; a single value counts as a list of one.
    pub(crate) fn items_or_one(&self) -> Vec<At<'a>> {
        match self.node.as_seq() {
            Some(items) => items
                .iter()
                .enumerate()
                .map(|(index, node)| self.item(index, node))
                .collect(),
            None => vec![self.clone()],
        }
    }
}

impl Reader {
    pub(crate) fn wrong(&mut self, at: &At<'_>, message: impl Into<String>) {
        self.problems
            .add(Problem::new(&at.node.at, &at.path, message));
    }

    pub(crate) fn wrong_help(
        &mut self,
        at: &At<'_>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let problem = Problem::new(&at.node.at, &at.path, message).help(help);
        self.problems.add(problem);
    }

    /// A mistake at the key rather than at its value.
    pub(crate) fn wrong_key(
        &mut self,
        at: &At<'_>,
        message: impl Into<String>,
        help: Option<String>,
    ) {
        let problem = Problem::new(at.key_at, &at.path, message).maybe_help(help);
        self.problems.add(problem);
    }

    /// Refuses keys that are not in `allowed`; private ones (`__…`) are skipped.
    pub(crate) fn only(&mut self, at: &At<'_>, allowed: &[&str]) {
        for (key, entry) in at.entries() {
            if !allowed.contains(&key) && !key.starts_with("__") {
                let help = suggest(key, allowed.iter().copied());
                let help = help.map(|found| format!("did you mean {found}?"));
                let help = help.or_else(|| Some(format!("known keys: {}", allowed.join(", "))));
                self.wrong_key(&entry, format!("unknown key {key}"), help);
            }
        }
    }

    /// Text that says something.
    pub(crate) fn text(&mut self, at: &At<'_>) -> Option<String> {
        let text = self.any_text(at)?;
        if text.is_empty() {
            self.wrong(at, "text is expected, this one is empty");
            return None;
        }
        Some(text)
    }

    /// Text that may be empty.
    pub(crate) fn any_text(&mut self, at: &At<'_>) -> Option<String> {
        match &at.node.value {
            Value::Str(text) => Some(text.clone()),
            Value::Int(number) => Some(number.to_string()),
            Value::Float(number) => Some(number.to_string()),
            _ => {
                self.wrong(
                    at,
                    format!("text is expected, found {}", at.node.describe()),
                );
                None
            }
        }
    }

    pub(crate) fn optional_text(&mut self, at: &At<'_>, key: &str) -> Option<String> {
        let at = at.get(key)?;
        self.text(&at)
    }

    /// A required text; its absence is a mistake of `at`.
    pub(crate) fn required_text(&mut self, at: &At<'_>, key: &str) -> Option<String> {
        match at.get(key) {
            Some(at) => self.text(&at),
            None => {
                self.wrong(at, format!("{key} is missing"));
                None
            }
        }
    }

    pub(crate) fn flag(&mut self, at: &At<'_>, key: &str) -> bool {
        match at.get(key) {
            None => false,
            Some(at) => match &at.node.value {
                Value::Bool(flag) => *flag,
                // The 2010 files write True and False.
                Value::Str(text) if text == "True" || text == "yes" => true,
                Value::Str(text) if text == "False" || text == "no" => false,
                _ => {
                    self.wrong(
                        &at,
                        format!("true or false is expected, found {}", at.node.describe()),
                    );
                    false
                }
            },
        }
    }

    pub(crate) fn number(&mut self, at: &At<'_>) -> Option<f64> {
        match &at.node.value {
            Value::Int(number) => Some(*number as f64),
            Value::Float(number) => Some(*number),
            _ => {
                self.wrong(
                    at,
                    format!("a number is expected, found {}", at.node.describe()),
                );
                None
            }
        }
    }

    /// A length of time above zero: a number of seconds, or a text such as `5m`.
    pub(crate) fn span(&mut self, at: &At<'_>) -> Option<Span> {
        let span = match &at.node.value {
            Value::Int(seconds) => Span::from_secs_f64(*seconds as f64),
            Value::Float(seconds) => Span::from_secs_f64(*seconds),
            Value::Str(text) => match text.parse() {
                Ok(span) => span,
                Err(error) => {
                    self.wrong(at, format!("{error}"));
                    return None;
                }
            },
            _ => {
                self.wrong_help(
                    at,
                    format!("a length of time is expected, found {}", at.node.describe()),
                    "write seconds, or a span such as 5m",
                );
                return None;
            }
        };
        if span.is_zero() {
            self.wrong(at, "a length of time above zero is expected");
            return None;
        }
        Some(span)
    }

    pub(crate) fn optional_span(&mut self, at: &At<'_>, key: &str) -> Option<Span> {
        let at = at.get(key)?;
        self.span(&at)
    }

    /// A whole number of at least one.
    pub(crate) fn count(&mut self, at: &At<'_>) -> Option<usize> {
        match &at.node.value {
            Value::Int(number) if *number >= 1 => usize::try_from(*number).ok(),
            _ => {
                self.wrong(
                    at,
                    format!(
                        "a whole number of 1 or more is expected, found {}",
                        at.node.describe()
                    ),
                );
                None
            }
        }
    }

    pub(crate) fn texts(&mut self, at: &At<'_>, key: &str) -> Vec<String> {
        let Some(at) = at.get(key) else {
            return Vec::new();
        };
        let items = at.items_or_one();
        items
            .iter()
            .filter_map(|item| self.any_text(item))
            .collect()
    }

    pub(crate) fn is_map(&mut self, at: &At<'_>) -> bool {
        let is = at.node.as_map().is_some();
        if !is {
            self.wrong(
                at,
                format!("a map is expected, found {}", at.node.describe()),
            );
        }
        is
    }
}
