#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use crate::pattern::Pattern;

/// A place in a JSON text: `$.a.b[0]`, `$['odd name'].list[-1]`, `$`.
///
/// `.name` and `['name']` go into an object, `[0]` into a list, `[-1]` from its
/// end.
///
/// ```
/// use rem_check::JsonPath;
///
/// let path: JsonPath = "$.queue['mail in'][0]".parse()?;
/// assert_eq!(path.to_string(), "$.queue['mail in'][0]");
/// # Ok::<(), rem_check::JsonError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonPath {
    text: String,
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Name(String),
    Index(i64),
}

/// Not a path or not a test of a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}, at character {} of {text}", offset + 1)]
pub struct JsonError {
    /// As it was given.
    pub text: String,
    /// Where it stops to make sense, in bytes.
    pub offset: usize,
    /// What is wrong there.
    pub why: String,
}

/// What must be true of a JSON text: a path, and perhaps a comparison with a
/// JSON value. Without one the value must only be there.
///
/// `==` `!=` `<` `<=` `>` `>=` compare numbers with numbers and texts with
/// texts; `=~` and `!~` try a regular expression on a text; `contains` finds a
/// part of a text or an element of a list. A word without quotes is a text.
///
/// ```
/// use rem_check::JsonTest;
///
/// for good in ["$.status == up", "$.queue.length < 10", "$.nodes[0].name =~ \"^web\"", "$.id"] {
///     assert!(good.parse::<JsonTest>().is_ok(), "{good}");
/// }
/// assert!("$.status ==".parse::<JsonTest>().is_err());
/// ```
#[derive(Clone, Debug)]
pub struct JsonTest {
    text: String,
    path: JsonPath,
    wanted: Wanted,
}

#[derive(Clone, Debug)]
enum Wanted {
    There,
    Equal(Value),
    Unequal(Value),
    Order(&'static str, Value),
    Matches(Pattern),
    NoMatch(Pattern),
    Contains(Value),
}

impl JsonPath {
    pub(super) fn find<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        self.steps
            .iter()
            .try_fold(value, |value, step| match (step, value) {
                (Step::Name(name), Value::Object(fields)) => fields.get(name),
                (Step::Index(index), Value::Array(items)) => {
                    let index = match *index < 0 {
                        true => items.len().checked_sub(index.unsigned_abs() as usize)?,
                        false => usize::try_from(*index).ok()?,
                    };
                    items.get(index)
                }
                _ => None,
            })
    }

    /// What is there as a number: a number, a text that is one, the length of a
    /// list or an object, 1 for true and 0 for false.
    pub(super) fn number(&self, value: &Value) -> Option<f64> {
        match self.find(value)? {
            Value::Null => None,
            Value::Bool(is_true) => Some(f64::from(u8::from(*is_true))),
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            Value::Array(items) => Some(items.len() as f64),
            Value::Object(fields) => Some(fields.len() as f64),
        }
    }

    /// The path at the start of `text` and how long it is.
    fn read(text: &str) -> Result<(Self, usize), JsonError> {
        let wrong = |offset: usize, why: &str| JsonError {
            text: text.to_owned(),
            offset,
            why: why.to_owned(),
        };
        if !text.starts_with('$') {
            return Err(wrong(0, "a path begins with $"));
        }
        let mut steps = Vec::new();
        let mut at = 1;
        loop {
            let rest = &text[at..];
            if let Some(name) = rest.strip_prefix('.') {
                let is_name = |c: char| c.is_alphanumeric() || c == '_' || c == '-' || c == '@';
                let length = name.find(|c| !is_name(c)).unwrap_or(name.len());
                if length == 0 {
                    return Err(wrong(at + 1, "a name is missing"));
                }
                steps.push(Step::Name(name[..length].to_owned()));
                at += 1 + length;
            } else if let Some(inside) = rest.strip_prefix('[') {
                let quote = inside.chars().next().filter(|c| matches!(c, '\'' | '"'));
                let (step, length) = match quote {
                    Some(quote) => {
                        let name = &inside[1..];
                        let end = name.find(quote);
                        let end = end.ok_or_else(|| wrong(at + 1, "a quote is not closed"))?;
                        (Step::Name(name[..end].to_owned()), end + 2)
                    }
                    None => {
                        let end = inside.find(']').unwrap_or(inside.len());
                        let index = inside[..end].parse();
                        let index = index.map_err(|_| wrong(at + 1, "not a place in a list"))?;
                        (Step::Index(index), end)
                    }
                };
                if !inside[length..].starts_with(']') {
                    return Err(wrong(at + 1 + length, "] is missing"));
                }
                steps.push(step);
                at += length + 2;
            } else {
                let text = text[..at].to_owned();
                return Ok((Self { text, steps }, at));
            }
        }
    }
}

impl FromStr for JsonPath {
    type Err = JsonError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (path, length) = Self::read(text)?;
        match length == text.len() {
            true => Ok(path),
            false => Err(JsonError {
                text: text.to_owned(),
                offset: length,
                why: "the path ends here".into(),
            }),
        }
    }
}

impl fmt::Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl JsonTest {
    /// Why `value` is not as wanted; `None` if it is.
    pub(super) fn defect(&self, value: &Value) -> Option<String> {
        let path = &self.path;
        let Some(found) = self.path.find(value) else {
            return Some(format!("{path} is not in the body"));
        };
        let is_good = match &self.wanted {
            Wanted::There => true,
            Wanted::Equal(wanted) => is_equal(found, wanted),
            Wanted::Unequal(wanted) => !is_equal(found, wanted),
            Wanted::Order(sign, wanted) => is_ordered(found, sign, wanted),
            Wanted::Matches(pattern) => pattern.is_match(text_of(found).as_bytes()),
            Wanted::NoMatch(pattern) => !pattern.is_match(text_of(found).as_bytes()),
            Wanted::Contains(part) => contains(found, part),
        };
        let test = &self.text[self.path.text.len()..];
        (!is_good).then(|| format!("{path} is {}, wanted{test}", excerpt(found)))
    }
}

impl FromStr for JsonTest {
    type Err = JsonError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const SIGNS: [&str; 9] = ["==", "!=", "<=", ">=", "=~", "!~", "<", ">", "contains "];
        let text = text.trim();
        let (path, length) = JsonPath::read(text)?;
        let rest = text[length..].trim_start();
        let at = text.len() - rest.len();
        let wrong = |offset, why: &str| JsonError {
            text: text.to_owned(),
            offset,
            why: why.to_owned(),
        };
        let test = |wanted| {
            // One blank before the sign, however it was written.
            let text = format!("{} {rest}", path.text).trim_end().to_owned();
            let path = path.clone();
            JsonTest { text, path, wanted }
        };
        if rest.is_empty() {
            return Ok(test(Wanted::There));
        }
        let sign = SIGNS.into_iter().find(|sign| rest.starts_with(sign));
        let sign = sign.ok_or_else(|| {
            let why = "expected one of == != < <= > >= =~ !~ contains";
            wrong(at, why)
        })?;
        let literal = rest[sign.len()..].trim();
        let offset = text.len() - literal.len();
        if literal.is_empty() {
            return Err(wrong(offset, "a value is missing"));
        }
        let value = match serde_json::from_str::<Value>(literal) {
            Ok(value) => value,
            Err(_) if literal.starts_with(['"', '[', '{']) => {
                return Err(wrong(offset, "not a JSON value"));
            }
            Err(_) => Value::String(literal.to_owned()),
        };
        let pattern = || {
            let text = value.as_str().unwrap_or(literal);
            Pattern::new(text).map_err(|error| wrong(offset, &error.to_string()))
        };
        Ok(test(match sign {
            "==" => Wanted::Equal(value),
            "!=" => Wanted::Unequal(value),
            "=~" => Wanted::Matches(pattern()?),
            "!~" => Wanted::NoMatch(pattern()?),
            "contains " => Wanted::Contains(value),
            order => Wanted::Order(order, value),
        }))
    }
}

impl fmt::Display for JsonTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Two tests are one if they are written alike.
impl PartialEq for JsonTest {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for JsonTest {}

/// `1` and `1.0` are one number.
fn is_equal(found: &Value, wanted: &Value) -> bool {
    match (found.as_f64(), wanted.as_f64()) {
        (Some(found), Some(wanted)) => found == wanted,
        _ => found == wanted,
    }
}

fn is_ordered(found: &Value, sign: &str, wanted: &Value) -> bool {
    let order = match (found, wanted) {
        (Value::String(found), Value::String(wanted)) => Some(found.cmp(wanted)),
        _ => match (found.as_f64(), wanted.as_f64()) {
            (Some(found), Some(wanted)) => found.partial_cmp(&wanted),
            _ => None,
        },
    };
    order.is_some_and(|order| match sign {
        "<" => order.is_lt(),
        "<=" => order.is_le(),
        ">" => order.is_gt(),
        _ => order.is_ge(),
    })
}

fn contains(found: &Value, part: &Value) -> bool {
    match found {
        Value::String(text) => text.contains(&text_of(part)),
        Value::Array(items) => items.iter().any(|item| is_equal(item, part)),
        Value::Object(fields) => part.as_str().is_some_and(|name| fields.contains_key(name)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A value short enough for a message.
fn excerpt(value: &Value) -> String {
    const EXCERPT_MAX: usize = 60;
    let text = value.to_string();
    match text.char_indices().nth(EXCERPT_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
