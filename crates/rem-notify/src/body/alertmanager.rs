//! Alertmanager's webhook body, version 4.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::{Kind, Outgoing};

/// What Alertmanager writes where something has not ended.
const NEVER: &str = "0001-01-01T00:00:00Z";

type Labels<'a> = BTreeMap<&'a str, Cow<'a, str>>;

/// The body; it borrows from the message, of which thousands leave within a second.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Body<'a> {
    receiver: &'a str,
    status: &'static str,
    alerts: Vec<Alert<'a>>,
    group_labels: Labels<'a>,
    common_labels: Labels<'a>,
    common_annotations: Labels<'a>,
    #[serde(rename = "externalURL")]
    external_url: &'a str,
    version: &'static str,
    group_key: String,
    truncated_alerts: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Alert<'a> {
    status: &'static str,
    labels: Labels<'a>,
    annotations: Labels<'a>,
    starts_at: Cow<'a, str>,
    ends_at: Cow<'a, str>,
    #[serde(rename = "generatorURL")]
    generator_url: &'a str,
    fingerprint: String,
}

/// The body for the alerts in `json.alerts`, or for one alert made of the
/// message itself where there are none.
pub(super) fn body(message: &Outgoing) -> Body<'_> {
    let given = message.json.get("alerts").and_then(Value::as_array);
    let alerts: Vec<Alert<'_>> = match given {
        Some(alerts) if !alerts.is_empty() => alerts
            .iter()
            .map(|alert| from_json(alert, message))
            .collect(),
        Some(_) | None => vec![from_json(&Value::Null, message)],
    };
    let common_labels = common(&alerts, |alert| &alert.labels);
    let common_annotations = common(&alerts, |alert| &alert.annotations);
    let mut group_labels = common_labels.clone();
    group_labels.retain(|name, _| *name == "alertname");
    let firing = alerts.iter().any(|alert| alert.status == "firing");
    Body {
        receiver: text(&message.json, "receiver").unwrap_or("rem"),
        status: if firing { "firing" } else { "resolved" },
        group_key: group_key(&group_labels),
        group_labels,
        common_labels,
        common_annotations,
        external_url: text(&message.json, "external_url")
            .or_else(|| first_link(message))
            .unwrap_or(""),
        version: "4",
        truncated_alerts: 0,
        alerts,
    }
}

fn first_link(message: &Outgoing) -> Option<&str> {
    Some(message.links.first()?.url.as_str())
}

fn from_json<'a>(alert: &'a Value, message: &'a Outgoing) -> Alert<'a> {
    let mut labels = labels(alert.get("labels"));
    if labels.is_empty() {
        let name = message.thread.as_ref().unwrap_or(&message.id);
        labels.insert("alertname", name.into());
    }
    let mut annotations = self::labels(alert.get("annotations"));
    if annotations.is_empty() {
        annotations.insert("summary", (&message.subject).into());
        annotations.insert("description", (&message.text).into());
    }
    let resolved = match text(alert, "status") {
        Some(status) => status == "resolved",
        None => message.kind == Kind::Recovery,
    };
    let made = || Cow::Owned(message.at.to_string());
    let at = |name| text(alert, name).map_or_else(made, Cow::Borrowed);
    Alert {
        status: if resolved { "resolved" } else { "firing" },
        starts_at: at("starts_at"),
        ends_at: match resolved {
            true => at("ends_at"),
            false => NEVER.into(),
        },
        generator_url: text(alert, "url")
            .or_else(|| first_link(message))
            .unwrap_or(""),
        fingerprint: fingerprint(&labels),
        labels,
        annotations,
    }
}

/// FNV-1a over names and values in the order of names, each ended by 0xff:
/// the fingerprint Prometheus gives to a set of labels.
fn fingerprint(labels: &Labels<'_>) -> String {
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
fn group_key(labels: &Labels<'_>) -> String {
    let pairs: Vec<String> = labels
        .iter()
        .map(|(name, value)| format!("{name}={}", Value::from(&**value)))
        .collect();
    format!("{{}}:{{{}}}", pairs.join(", "))
}

/// The pairs that all alerts have.
fn common<'a>(alerts: &[Alert<'a>], of: for<'b> fn(&'b Alert<'a>) -> &'b Labels<'a>) -> Labels<'a> {
    let Some((first, rest)) = alerts.split_first() else {
        return Labels::new();
    };
    let mut common = of(first).clone();
    for alert in rest {
        common.retain(|name, value| of(alert).get(name) == Some(value));
    }
    common
}

fn labels(value: Option<&Value>) -> Labels<'_> {
    let pairs = value.and_then(Value::as_object).into_iter().flatten();
    pairs
        .map(|(name, value)| match value {
            Value::String(text) => (name.as_str(), text.into()),
            other => (name.as_str(), other.to_string().into()),
        })
        .collect()
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}
