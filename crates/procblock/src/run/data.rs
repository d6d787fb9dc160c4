//! The tags that change lists and numbers in the data of the pipe.

use serde_json::{Map, Number, Value};

use crate::condition::equal;
use crate::error::Reason;

/// Appends to a list, which is made where it does not exist.
pub(super) fn list_add(
    data: &mut Map<String, Value>,
    name: &str,
    value: &Value,
) -> Result<(), Reason> {
    match data.get_mut(name) {
        None => {
            data.insert(name.into(), Value::Array(vec![value.clone()]));
            Ok(())
        }
        Some(Value::Array(items)) => {
            items.push(value.clone());
            Ok(())
        }
        Some(other) => Err(not_a(name, "a list", other)),
    }
}

/// Takes every item out that equals `value`.
pub(super) fn list_delete(
    data: &mut Map<String, Value>,
    name: &str,
    value: &Value,
) -> Result<(), Reason> {
    match data.get_mut(name) {
        None => Ok(()),
        Some(Value::Array(items)) => {
            items.retain(|item| !equal(item, value));
            Ok(())
        }
        Some(other) => Err(not_a(name, "a list", other)),
    }
}

/// Adds `by` times `sign` to a number; one that does not exist is 0.
pub(super) fn increment(
    data: &mut Map<String, Value>,
    name: &str,
    by: &Value,
    sign: i64,
) -> Result<(), Reason> {
    let zero = Value::from(0);
    let old = data.get(name).unwrap_or(&zero);
    let Value::Number(number) = old else {
        return Err(not_a(name, "a number", old));
    };
    let whole = number.as_i64().zip(by.as_i64());
    let whole = whole.and_then(|(old, by)| old.checked_add(by.checked_mul(sign)?));
    let new = match whole {
        Some(whole) => Value::from(whole),
        None => {
            let old = number.as_f64().unwrap_or_default();
            let by = by.as_f64().unwrap_or_default();
            let sum = Number::from_f64(old + by * sign as f64);
            sum.map(Value::Number).ok_or_else(|| Reason::Data {
                message: format!("{name} is too large to count on"),
            })?
        }
    };
    data.insert(name.into(), new);
    Ok(())
}

pub(super) fn not_a_map(who: &str, value: &Value) -> Reason {
    Reason::Data {
        message: format!("{who} {}, a map is expected", short(value)),
    }
}

fn not_a(name: &str, wanted: &str, found: &Value) -> Reason {
    Reason::Data {
        message: format!("{name} is not {wanted}: {}", short(found)),
    }
}

/// A value as text, cut at 60 characters.
pub(crate) fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}
