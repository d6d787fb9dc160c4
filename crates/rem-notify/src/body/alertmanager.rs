//! Alertmanager's webhook body, version 4.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::{Kind, Outgoing};

/// What Alertmanager writes where something has not ended.
const NEVER: &str = "0001-01-01T00:00:00Z";

type Labels = BTreeMap<String, String>;

/// The body for the alerts in `json.alerts`, or for one alert made of the
/// message itself where there are none.
pub(super) fn body(message: &Outgoing) -> Value {
    let given = message.json.get("alerts").and_then(Value::as_array);
    let alerts: Vec<Value> = match given {
        Some(alerts) if !alerts.is_empty() => alerts
            .iter()
            .map(|alert| from_json(alert, message))
            .collect(),
        Some(_) | None => vec![from_json(&Value::Null, message)],
    };
    let common_labels = common(&alerts, "labels");
    let common_annotations = common(&alerts, "annotations");
    let group_labels: Labels = common_labels
        .iter()
        .filter(|(name, _)| *name == "alertname")
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let firing = alerts.iter().any(|alert| alert["status"] == "firing");
    json!({
        "receiver": text(&message.json, "receiver").unwrap_or("rem"),
        "status": if firing { "firing" } else { "resolved" },
        "alerts": alerts,
        "groupLabels": group_labels,
        "commonLabels": common_labels,
        "commonAnnotations": common_annotations,
        "externalURL": text(&message.json, "external_url")
            .or_else(|| Some(message.links.first()?.url.as_str()))
            .unwrap_or(""),
        "version": "4",
        "groupKey": group_key(&group_labels),
        "truncatedAlerts": 0,
    })
}

fn from_json(alert: &Value, message: &Outgoing) -> Value {
    let mut labels = labels(alert.get("labels"));
    if labels.is_empty() {
        let name = message.thread.as_ref().unwrap_or(&message.id);
        labels.insert("alertname".into(), name.clone());
    }
    let mut annotations = self::labels(alert.get("annotations"));
    if annotations.is_empty() {
        annotations.insert("summary".into(), message.subject.clone());
        annotations.insert("description".into(), message.text.clone());
    }
    let resolved = match text(alert, "status") {
        Some(status) => status == "resolved",
        None => message.kind == Kind::Recovery,
    };
    let at = message.at.to_string();
    let ends_at = match (resolved, text(alert, "ends_at")) {
        (false, _) => NEVER,
        (true, Some(ends_at)) => ends_at,
        (true, None) => &at,
    };
    let url = text(alert, "url").or_else(|| Some(message.links.first()?.url.as_str()));
    json!({
        "status": if resolved { "resolved" } else { "firing" },
        "labels": labels,
        "annotations": annotations,
        "startsAt": text(alert, "starts_at").unwrap_or(&at),
        "endsAt": ends_at,
        "generatorURL": url.unwrap_or(""),
        "fingerprint": fingerprint(&labels),
    })
}

/// FNV-1a over names and values in the order of names, each ended by 0xff:
/// the fingerprint Prometheus gives to a set of labels.
fn fingerprint(labels: &Labels) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for (name, value) in labels {
        let bytes = name
            .bytes()
            .chain([0xff])
            .chain(value.bytes())
            .chain([0xff]);
        for byte in bytes {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    format!("{hash:016x}")
}

/// `{}:{alertname="web-down"}`.
fn group_key(labels: &Labels) -> String {
    let pairs: Vec<String> = labels
        .iter()
        .map(|(name, value)| format!("{name}={}", Value::from(value.as_str())))
        .collect();
    format!("{{}}:{{{}}}", pairs.join(", "))
}

/// The pairs that all alerts have.
fn common(alerts: &[Value], what: &str) -> Labels {
    let Some((first, rest)) = alerts.split_first() else {
        return Labels::new();
    };
    let mut common = labels(first.get(what));
    for alert in rest {
        common.retain(|name, value| text(&alert[what], name) == Some(value));
    }
    common
}

fn labels(value: Option<&Value>) -> Labels {
    let none = Map::new();
    let pairs = value.and_then(Value::as_object).unwrap_or(&none);
    pairs
        .iter()
        .map(|(name, value)| match value {
            Value::String(text) => (name.clone(), text.clone()),
            other => (name.clone(), other.to_string()),
        })
        .collect()
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}
