use procblock::{Event, Listener};
use rem_command::tell;
use serde_json::{Map, Value};

/// The result with its keys in order, indented or on one line.
pub(crate) fn shown(result: &Value, one_line: bool) -> String {
    let sorted = sorted(result);
    match one_line {
        true => sorted.to_string(),
        false => format!("{sorted:#}"),
    }
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            let pairs = keys.into_iter().map(|key| (key.clone(), sorted(&map[key])));
            Value::Object(pairs.collect::<Map<_, _>>())
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// Tells on standard error what the engine does.
#[derive(Debug)]
pub(crate) struct Narrator {
    pub quiet: bool,
}

impl Listener for Narrator {
    fn event(&self, event: &Event) {
        if !self.quiet || event.is_warning() {
            tell(&format!("procblock: {event}"));
        }
    }
}
