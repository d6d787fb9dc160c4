use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::{CompareError, Operator};

/// Decides one comparison; `None` is a name that does not exist.
pub(super) fn compare(
    left: Option<&Value>,
    operator: Operator,
    right: Option<&Value>,
) -> Result<bool, CompareError> {
    let (Some(left), Some(right)) = (left, right) else {
        return Ok(match operator {
            Operator::NotEqual | Operator::NotIn | Operator::HasNo => true,
            Operator::Equal
            | Operator::Above
            | Operator::Below
            | Operator::AtLeast
            | Operator::AtMost
            | Operator::In
            | Operator::Has => false,
        });
    };
    Ok(match operator {
        Operator::Equal => equal(left, right),
        Operator::NotEqual => !equal(left, right),
        Operator::Above => order(left, operator, right)?.is_gt(),
        Operator::Below => order(left, operator, right)?.is_lt(),
        Operator::AtLeast => order(left, operator, right)?.is_ge(),
        Operator::AtMost => order(left, operator, right)?.is_le(),
        Operator::In => is_member(left, operator, right)?,
        Operator::NotIn => !is_member(left, operator, right)?,
        Operator::Has => is_member(right, operator, left)?,
        Operator::HasNo => !is_member(right, operator, left)?,
    })
}

/// Whether a value holds nothing: `null`, `""`, `[]`, `{}`.
pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Equality by value: `1` equals `1.0`; a number never equals a text.
pub(crate) fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => numbers(left, right) == Ordering::Equal,
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(l, r)| equal(l, r))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .all(|(key, l)| right.get(key).is_some_and(|r| equal(l, r)))
        }
        _ => left == right,
    }
}

fn order(left: &Value, operator: Operator, right: &Value) -> Result<Ordering, CompareError> {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => Ok(numbers(left, right)),
        (Value::String(left), Value::String(right)) => Ok(left.cmp(right)),
        _ => Err(fault(
            left,
            operator,
            right,
            "only two numbers or two texts have an order",
        )),
    }
}

fn is_member(member: &Value, operator: Operator, whole: &Value) -> Result<bool, CompareError> {
    match (whole, member) {
        (Value::Array(items), _) => Ok(items.iter().any(|item| equal(item, member))),
        (Value::String(text), Value::String(part)) => Ok(text.contains(part.as_str())),
        (Value::Object(map), Value::String(key)) => Ok(map.contains_key(key)),
        (Value::Object(map), Value::Number(key)) => Ok(map.contains_key(&key.to_string())),
        (Value::Null, _) => Ok(false),
        _ => {
            let (left, right) = match operator {
                Operator::Has | Operator::HasNo => (whole, member),
                _ => (member, whole),
            };
            Err(fault(
                left,
                operator,
                right,
                "only a list, a map or a text has members",
            ))
        }
    }
}

fn numbers(left: &Number, right: &Number) -> Ordering {
    if let (Some(left), Some(right)) = (left.as_i64(), right.as_i64()) {
        return left.cmp(&right);
    }
    if let (Some(left), Some(right)) = (left.as_u64(), right.as_u64()) {
        return left.cmp(&right);
    }
    // A JSON number is never "not a number", so there always is an order.
    let (left, right) = (left.as_f64(), right.as_f64());
    left.partial_cmp(&right).unwrap_or(Ordering::Equal)
}

fn fault(left: &Value, operator: Operator, right: &Value, reason: &'static str) -> CompareError {
    CompareError {
        left: short(left).into(),
        operator: operator.as_str(),
        right: short(right).into(),
        reason,
    }
}

/// A value as text, cut at 60 characters.
fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}
