use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use rem_desk::Report;
use rem_time::{Span, Timestamp};
use serde::Deserialize;

#[cfg(test)]
mod tests;

/// How long an alert without `endsAt` fires.
const FIRES_FOR: Span = Span::from_seconds(300);
/// The same where an Alertmanager says what is over: it repeats what still fires every
/// four hours by habit, so that only one that is gone is outlived.
const WEBHOOK_FIRES_FOR: Span = Span::from_seconds(25 * 3_600);
/// Labels, and annotations, of one alert.
const PAIRS_MAX: usize = 64;
/// Bytes of a name, and of a value.
const NAME_MAX: usize = 256;
const VALUE_MAX: usize = 4_096;
/// Bytes of a subject; the rest of a longer one becomes a number.
const SUBJECT_MAX: usize = 400;
/// The label that says who told us.
pub(super) const RECEIVED: &str = "received";
pub(super) const RECEIVED_HERE: &str = "api/v2";

/// An alert as Alertmanager's API has it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Alert {
    labels: BTreeMap<Arc<str>, Arc<str>>,
    #[serde(default)]
    annotations: BTreeMap<Arc<str>, Arc<str>>,
    #[serde(default)]
    starts_at: Option<String>,
    #[serde(default)]
    ends_at: Option<String>,
    #[serde(default, rename = "generatorURL")]
    generator_url: Option<Arc<str>>,
    /// Only in a webhook: `firing` or `resolved`.
    #[serde(default)]
    status: Option<String>,
}

/// The body of Alertmanager's webhook; what it says once more is left out.
#[derive(Debug, Deserialize)]
pub(super) struct Webhook {
    pub(super) alerts: Vec<Alert>,
}

/// What the desk is told, and when the alert is over by itself.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) report: Report,
    pub(super) until: Timestamp,
}

impl Alert {
    pub(super) fn heard(self, now: Timestamp) -> Result<Heard, String> {
        let ends = time("endsAt", self.ends_at.as_deref())?;
        let until = ends.unwrap_or(now + FIRES_FOR);
        self.report(until, now)
    }

    pub(super) fn heard_by_webhook(self, now: Timestamp) -> Result<Heard, String> {
        let ends = time("endsAt", self.ends_at.as_deref())?;
        let until = match self.status.as_deref() {
            Some("resolved") => ends.map_or(now, |ends| ends.min(now)),
            Some("firing") => now + WEBHOOK_FIRES_FOR,
            Some(other) => return Err(format!("status is firing or resolved, not {other}")),
            None => return Err("status is missing".into()),
        };
        self.report(until, now)
    }

    fn report(self, until: Timestamp, now: Timestamp) -> Result<Heard, String> {
        check("labels", &self.labels)?;
        check("annotations", &self.annotations)?;
        let starts = time("startsAt", self.starts_at.as_deref())?;
        let name = self.labels.get("alertname").filter(|name| !name.is_empty());
        let name = name.ok_or("the label alertname is missing")?;
        let mut labels = self.labels.clone();
        labels.remove("alertname");
        let machine = machine(&labels);
        let subject = subject(machine.as_deref(), &labels);
        if let Some(machine) = machine {
            labels.insert("machine".into(), machine);
        }
        labels.insert(RECEIVED.into(), RECEIVED_HERE.into());
        let said = |key: &str| self.annotations.get(key).filter(|text| !text.is_empty());
        let message = said("summary").or(said("description")).or(said("message"));
        let message = message.unwrap_or(name).to_string();
        let mut values = self.annotations.clone();
        values.retain(|key, value| !value.is_empty() && &**key != "summary");
        if let Some(url) = self.generator_url.filter(|url| !url.is_empty()) {
            values.insert("generatorURL".into(), url);
        }
        let firing = now < until;
        let at = match firing {
            true => starts.unwrap_or(now),
            false => until,
        };
        let report = Report {
            alert: alert_name(name),
            subject: subject.into(),
            firing,
            at: at.min(now),
            message,
            labels,
            values,
            ladder: None,
            every: FIRES_FOR,
        };
        Ok(Heard { report, until })
    }
}

/// A name that can stand in an episode's id, `NAME@SUBJECT#NUMBER`.
fn alert_name(name: &Arc<str>) -> Arc<str> {
    match name.contains(['@', '#']) {
        true => name.replace(['@', '#'], "_").into(),
        false => name.clone(),
    }
}

/// The machine it is about, so that what the machine depends on explains it: the
/// label says so, or `instance` begins with its name.
fn machine(labels: &BTreeMap<Arc<str>, Arc<str>>) -> Option<Arc<str>> {
    if let Some(machine) = labels.get("machine").filter(|name| !name.is_empty()) {
        return Some(machine.clone());
    }
    let instance = labels.get("instance")?;
    let host = match instance.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => &**instance,
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    (!host.is_empty() && host.chars().all(plain)).then(|| host.into())
}

/// Alerts with other labels are other alerts: all labels are in the subject, as a
/// part of the machine.
fn subject(machine: Option<&str>, labels: &BTreeMap<Arc<str>, Arc<str>>) -> String {
    let mut subject = match machine {
        Some(machine) => format!("machine:{machine}#"),
        None => "labels:".to_owned(),
    };
    let begin = subject.len();
    for (name, value) in labels {
        if Some(&**value) == machine && &**name == "machine" {
            continue;
        }
        if subject.len() > begin {
            subject.push(',');
        }
        let _ = write!(subject, "{name}={value}");
    }
    if machine.is_some() && subject.len() == begin {
        // A part of the machine all the same: whoever posts does not say that it failed.
        subject.push_str("posted");
    }
    if SUBJECT_MAX < subject.len() {
        let hash = fnv(subject.as_bytes());
        let mut end = SUBJECT_MAX - 20;
        while !subject.is_char_boundary(end) {
            end -= 1;
        }
        subject.truncate(end);
        let _ = write!(subject, "…{hash:016x}");
    }
    subject
}

fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn check(what: &str, pairs: &BTreeMap<Arc<str>, Arc<str>>) -> Result<(), String> {
    if PAIRS_MAX < pairs.len() {
        return Err(format!("at most {PAIRS_MAX} {what}, not {}", pairs.len()));
    }
    for (name, value) in pairs {
        if name.is_empty() || NAME_MAX < name.len() {
            return Err(format!("a name in {what} has 1 to {NAME_MAX} bytes"));
        }
        if VALUE_MAX < value.len() {
            return Err(format!("{name} in {what} has at most {VALUE_MAX} bytes"));
        }
    }
    Ok(())
}

/// The year 1 is how Go writes that there is no time.
fn time(name: &str, text: Option<&str>) -> Result<Option<Timestamp>, String> {
    match text {
        None | Some("") => Ok(None),
        Some(text) if text.starts_with("0001-01-01T") => Ok(None),
        Some(text) => match text.parse() {
            Ok(at) => Ok(Some(at)),
            Err(_) => Err(format!("{name} is no RFC 3339 time: {text}")),
        },
    }
}
