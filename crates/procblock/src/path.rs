use std::fmt;
use std::sync::LazyLock;

use serde_json::{Map, Value};

#[cfg(test)]
mod tests;

/// A dotted path into run-time data, such as `disks.root.used` or `hosts.-1`.
///
/// A number addresses an item of a list (negative: counted from the end), or a
/// key that is written as that number. `(a.b)` as a segment is evaluated first
/// and its value is the key: `disks.(chosen.disk).used`.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    text: String,
    segments: Vec<Segment>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Segment {
    Key(String),
    Inner(Box<Term>),
}

/// One side of a comparison: a value written down, or a path to look up.
#[derive(Clone, Debug, PartialEq)]
pub enum Term {
    /// A number, text, `true`, `false`, `null` or list as written.
    Literal(Value),
    /// Something to look up at run time.
    Path(Path),
}

/// Where names are looked up, in this order: the siblings of the block that is
/// being processed, the data of the pipe, the original input, and the state of
/// the request. The first place where the whole path exists wins.
///
/// ```
/// use procblock::{Path, Scope};
/// use serde_json::{Map, json};
///
/// let pipe = json!({"load": {"short": 4}, "hosts": ["a", "b"]});
/// let none = Map::new();
/// let scope = Scope {
///     siblings: &none,
///     pipe_data: pipe.as_object().unwrap(),
///     input_data: &none,
///     request_state: &none,
/// };
/// let path: Path = "hosts.-1".parse()?;
/// assert_eq!(scope.find(&path), Some(&json!("b")));
/// # Ok::<(), procblock::ConditionError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// What the enclosing block has produced so far.
    pub siblings: &'a Map<String, Value>,
    /// The accumulating data of the chain.
    pub pipe_data: &'a Map<String, Value>,
    /// The original input.
    pub input_data: &'a Map<String, Value>,
    /// Session, headers, user: the state of one request.
    pub request_state: &'a Map<String, Value>,
}

impl Path {
    pub(crate) fn new(text: String, segments: Vec<Segment>) -> Self {
        Self { text, segments }
    }

    /// The path of one key, whatever characters it has.
    pub(crate) fn of_key(key: &str) -> Self {
        Self {
            text: key.into(),
            segments: vec![Segment::Key(key.into())],
        }
    }

    /// The first key, unless it is itself looked up.
    pub fn first_key(&self) -> Option<&str> {
        match self.segments.first()? {
            Segment::Key(key) => Some(key),
            Segment::Inner(_) => None,
        }
    }

    /// The path as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Calls `see` for this path and for every path inside of it.
    pub(crate) fn visit<'a>(&'a self, see: &mut dyn FnMut(&'a Path)) {
        see(self);
        for segment in &self.segments {
            if let Segment::Inner(term) = segment
                && let Term::Path(path) = term.as_ref()
            {
                path.visit(see);
            }
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

static NOTHING: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);

impl<'a> Scope<'a> {
    /// A scope of one map.
    pub fn of(map: &'a Map<String, Value>) -> Self {
        Self {
            siblings: map,
            pipe_data: &NOTHING,
            input_data: &NOTHING,
            request_state: &NOTHING,
        }
    }

    /// The value at `path`, `None` where nothing of that name exists.
    pub fn find(&self, path: &Path) -> Option<&'a Value> {
        if let [Segment::Key(key)] = path.segments.as_slice() {
            return self.maps().into_iter().find_map(|map| map.get(key));
        }
        let mut keys = Vec::with_capacity(path.segments.len());
        for segment in &path.segments {
            keys.push(match segment {
                Segment::Key(key) => key.clone(),
                Segment::Inner(term) => key_text(self.value(term)?)?,
            });
        }
        let (first, rest) = keys.split_first()?;
        self.maps()
            .into_iter()
            .find_map(|map| descend(map.get(first)?, rest))
            .or_else(|| {
                let root = match first.as_str() {
                    "pipe_data" => self.pipe_data,
                    "input_data" => self.input_data,
                    "request_state" => self.request_state,
                    _ => return None,
                };
                let (key, rest) = rest.split_first()?;
                descend(root.get(key)?, rest)
            })
    }

    /// The value of a term, `None` for a path that leads nowhere.
    pub fn value<'t>(&self, term: &'t Term) -> Option<&'t Value>
    where
        'a: 't,
    {
        match term {
            Term::Literal(value) => Some(value),
            Term::Path(path) => self.find(path),
        }
    }

    fn maps(&self) -> [&'a Map<String, Value>; 4] {
        [
            self.siblings,
            self.pipe_data,
            self.input_data,
            self.request_state,
        ]
    }
}

/// Follows `keys` downwards from `value`.
pub(crate) fn descend<'a>(value: &'a Value, keys: &[String]) -> Option<&'a Value> {
    keys.iter().try_fold(value, |value, key| match value {
        Value::Object(map) => map.get(key),
        Value::Array(items) => {
            let index: i64 = key.parse().ok()?;
            let from_start = match index {
                0.. => usize::try_from(index).ok()?,
                _ => items
                    .len()
                    .checked_sub(usize::try_from(index.unsigned_abs()).ok()?)?,
            };
            items.get(from_start)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    })
}

/// Text of a value that serves as a key.
fn key_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
