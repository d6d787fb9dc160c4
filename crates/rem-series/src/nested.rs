use serde_json::Value;

#[cfg(test)]
mod tests;

/// What a script returned, taken apart into series.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Groups {
    /// A sample of each series.
    pub series: Vec<Group>,
    /// Where something stood that is no number, as a path of keys.
    pub left_out: Vec<String>,
}

/// A sample of one series.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Group {
    /// The name of the series.
    pub name: String,
    /// Its fields, unknown as `None`.
    pub fields: Vec<(String, Option<f64>)>,
}

impl Group {
    /// The fields in the form that a push takes.
    pub fn values(&self) -> Vec<(&str, Option<f64>)> {
        let fields = self.fields.iter();
        fields
            .map(|(name, value)| (name.as_str(), *value))
            .collect()
    }
}

/// Takes nested maps apart: numbers are fields of the series `name`, and a map under
/// a key is a series of its own, named `name/key`, at any depth. Items of a list count
/// as keys `0`, `1`, and so on. `null` is unknown, `true` is 1, and a text counts if
/// it is a number.
///
/// ```
/// let output = serde_json::json!({ "load": 0.5, "sda": { "read": 1, "write": null } });
/// let groups = rem_series::groups("disk", &output);
/// assert_eq!(groups.series[0].name, "disk");
/// assert_eq!(groups.series[0].values(), [("load", Some(0.5))]);
/// assert_eq!(groups.series[1].name, "disk/sda");
/// assert_eq!(groups.series[1].values(), [("read", Some(1.0)), ("write", None)]);
/// ```
pub fn groups(name: &str, output: &Value) -> Groups {
    let mut groups = Groups::default();
    match number(output) {
        // One bare number is the field that has no name of its own.
        Some(value) => groups.series.push(Group {
            name: name.into(),
            fields: vec![("value".into(), value)],
        }),
        None => take_apart(name, output, &mut groups),
    }
    groups
}

fn take_apart(name: &str, value: &Value, groups: &mut Groups) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| (key.clone(), value))
            .collect(),
        Value::Array(list) => {
            let list = list.iter().enumerate();
            list.map(|(at, value)| (at.to_string(), value)).collect()
        }
        _ => {
            groups.left_out.push(name.into());
            return;
        }
    };
    let mut fields = Vec::new();
    let mut deeper = Vec::new();
    for (key, value) in children {
        match number(value) {
            Some(number) if !key.is_empty() => fields.push((key, number)),
            _ => deeper.push((key, value)),
        }
    }
    if !fields.is_empty() {
        groups.series.push(Group {
            name: name.into(),
            fields,
        });
    }
    for (key, value) in deeper {
        take_apart(&format!("{name}/{key}"), value, groups);
    }
}

/// `None` for what is no number, `Some(None)` for an unknown one.
fn number(value: &Value) -> Option<Option<f64>> {
    match value {
        Value::Null => Some(None),
        Value::Bool(yes) => Some(Some(f64::from(u8::from(*yes)))),
        Value::Number(number) => Some(number.as_f64()),
        Value::String(text) => text.trim().parse().ok().map(Some),
        Value::Array(_) | Value::Object(_) => None,
    }
}
