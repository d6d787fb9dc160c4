use indexmap::IndexMap;

use crate::place::Place;

/// A value and where it is written.
///
/// Two nodes are equal when they say the same, wherever they are written and in
/// whatever order their keys stand.
#[derive(Clone, Debug)]
pub struct Node {
    /// What is written.
    pub value: Value,
    /// Where it is written; for an alias, where the alias is used.
    pub at: Place,
    /// For an alias, where the value itself is written.
    pub defined: Option<Box<Place>>,
    /// For text that stands in the file letter by letter on one line: how many
    /// columns behind `at` it begins, which is 1 for text in quotes.
    pub text_from: Option<u8>,
}

/// What a node says.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing: an empty value, `~` or `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A decimal number, always finite.
    Float(f64),
    /// Text.
    Str(String),
    /// A list.
    Seq(Vec<Node>),
    /// Keys and values.
    Map(Map),
}

/// Keys and values in the order of the file.
#[derive(Clone, Debug, Default)]
pub struct Map(IndexMap<String, Entry>);

/// A value in a [`Map`], and where its key is written.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Where the key is written.
    pub key_at: Place,
    /// The value.
    pub node: Node,
}

impl Node {
    /// A value written at a place.
    pub const fn new(value: Value, at: Place) -> Self {
        Self {
            value,
            at,
            defined: None,
            text_from: None,
        }
    }

    /// The place of a byte of this text, where it can be told; otherwise, such as
    /// for a folded text or one with escapes, the place of the text.
    pub fn place_in(&self, offset: usize) -> Place {
        let (Value::Str(text), Some(from)) = (&self.value, self.text_from) else {
            return self.at.clone();
        };
        let before = text.char_indices().take_while(|(at, _)| *at < offset);
        let columns = u32::try_from(before.count()).unwrap_or(0);
        Place {
            column: self.at.column + u32::from(from) + columns,
            ..self.at.clone()
        }
    }

    /// The value of a key, if this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_map()?.get(key)
    }

    /// The value at the end of a path of keys and list indexes, such as
    /// `["listen", "0", "http"]`.
    pub fn lookup<'k>(&self, path: impl IntoIterator<Item = &'k str>) -> Option<&Self> {
        path.into_iter()
            .try_fold(self, |node, step| match &node.value {
                Value::Map(map) => map.get(step),
                Value::Seq(items) => items.get(step.parse::<usize>().ok()?),
                Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Str(_) => {
                    None
                }
            })
    }

    /// The map, if it is one.
    pub const fn as_map(&self) -> Option<&Map> {
        match &self.value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The list's items, if it is a list.
    pub fn as_seq(&self) -> Option<&[Self]> {
        match &self.value {
            Value::Seq(items) => Some(items),
            _ => None,
        }
    }

    /// The text, if it is text.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }

    /// Whether nothing is written: an empty value, `~` or `null`.
    pub const fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// The same as JSON; keys keep their order.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Int(value) => (*value).into(),
            Value::Float(value) => (*value).into(),
            Value::Str(text) => text.as_str().into(),
            Value::Seq(items) => items.iter().map(Self::to_json).collect(),
            Value::Map(map) => map
                .iter()
                .map(|(key, entry)| (key.to_owned(), entry.node.to_json()))
                .collect(),
        }
    }

    /// What is here, for messages: `the number 5`, `a list`, `the text "no"`.
    pub fn describe(&self) -> String {
        match &self.value {
            Value::Null => "nothing".into(),
            Value::Bool(value) => value.to_string(),
            Value::Int(value) => format!("the number {value}"),
            Value::Float(value) => format!("the number {value}"),
            Value::Str(text) => format!("the text {:?}", shorten(text)),
            Value::Seq(_) => "a list".into(),
            Value::Map(_) => "a map".into(),
        }
    }
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Map {
    /// An empty map.
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.0.get(key).map(|entry| &entry.node)
    }

    /// The value of a key with the key's place.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.0.get(key)
    }

    /// Whether the key is there.
    pub fn contains_key(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// Keys with their entries, in the order of the file.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&str, &Entry)> + ExactSizeIterator {
        self.0.iter().map(|(key, entry)| (key.as_str(), entry))
    }

    /// The keys, in the order of the file.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &str> + ExactSizeIterator {
        self.0.keys().map(String::as_str)
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a key at the end, or replaces its value in place; returns what it replaced.
    pub fn insert(&mut self, key: impl Into<String>, key_at: Place, node: Node) -> Option<Entry> {
        self.0.insert(key.into(), Entry { key_at, node })
    }

    /// Takes a key out; the others keep their order.
    pub fn remove(&mut self, key: &str) -> Option<Entry> {
        self.0.shift_remove(key)
    }
}

impl IntoIterator for Map {
    type Item = (String, Entry);
    type IntoIter = indexmap::map::IntoIter<String, Entry>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl PartialEq for Map {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.node == other.node
    }
}

/// Long enough to recognise, short enough for one line.
const DESCRIBED_CHARS_MAX: usize = 40;

fn shorten(text: &str) -> String {
    match text.char_indices().nth(DESCRIBED_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
