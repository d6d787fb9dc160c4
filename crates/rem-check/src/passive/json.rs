//! Results as JSON objects: Icinga's and ours.

use std::collections::HashSet;

use rem_time::{Span, Timestamp};
use serde_json::{Map, Value};

use super::{Passive, PassiveError, Pushed, exit_status, malformed};
use crate::script::shortened;
use crate::{Bounds, PluginOutput, Reading, Report, Threshold, Unit, Verdict, perfdata};

type Object = Map<String, Value>;

/// How deep groups may nest.
const DEPTH_MAX: usize = 8;

pub(super) fn icinga(
    limits: &Passive,
    object: &Object,
    now: Timestamp,
) -> Result<Pushed, PassiveError> {
    let status = get(object, "exit_status").ok_or(PassiveError::Missing("exit_status"))?;
    let verdict = number(status)
        .filter(|status| status.fract() == 0.0)
        .and_then(|status| exit_status(status as i64))
        .ok_or_else(|| malformed("exit_status", "0, 1, 2 or 3", status))?;
    let output = text(object, "plugin_output")?.ok_or(PassiveError::Missing("plugin_output"))?;
    let mut output = PluginOutput::parse(&output);
    let written = match get(object, "performance_data") {
        None => None,
        Some(Value::String(text)) => Some(text.clone()),
        Some(found @ Value::Array(items)) => {
            let texts = items.iter().map(Value::as_str).collect::<Option<Vec<_>>>();
            let wanted = "texts such as load=1;2;3";
            let texts = texts.ok_or_else(|| malformed("performance_data", wanted, found))?;
            Some(texts.join(" "))
        }
        Some(found) => {
            let wanted = "an array of texts such as load=1;2;3";
            return Err(malformed("performance_data", wanted, found));
        }
    };
    if let Some(written) = written {
        output.perfdata = perfdata::parse(&written);
        if let Some(refused) = output.perfdata.refused.first() {
            let found = Value::String(refused.text.clone());
            return Err(malformed("performance_data", "label=value", &found));
        }
    }
    let ended = seconds(object, "execution_end")?;
    let started = seconds(object, "execution_start")?.or(ended);
    let at = started.map_or(now, Timestamp::from_secs_f64);
    let took = match (started, ended) {
        (Some(started), Some(ended)) => Span::from_secs_f64((ended - started).max(0.0)),
        _ => Span::ZERO,
    };
    let (mut host, mut service) = (text(object, "host")?, text(object, "service")?);
    if let Some((of, name)) = service
        .as_deref()
        .and_then(|service| service.split_once('!'))
    {
        host = Some(of.to_owned());
        service = Some(name.to_owned());
    }
    Ok(Pushed {
        host,
        service,
        report: limits.report((at, took), verdict, &output, now)?,
        ttl: match get(object, "ttl") {
            None => None,
            // What Icinga's own senders write where they know none.
            Some(found) if number(found) == Some(0.0) => None,
            Some(found) => Some(limits.check_ttl(number(found).unwrap_or(-1.0), found)?),
        },
        source: text(object, "check_source")?,
    })
}

pub(super) fn ours(
    limits: &Passive,
    object: &Object,
    now: Timestamp,
) -> Result<Pushed, PassiveError> {
    const KEYS: [&str; 9] = [
        "verdict", "message", "readings", "at", "took", "ttl", "host", "service", "source",
    ];
    if let Some(key) = object.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(PassiveError::UnknownKey(shortened(key)));
    }
    let found = get(object, "verdict").ok_or(PassiveError::Missing("verdict"))?;
    let verdict = match found.as_str() {
        Some("ok") => Verdict::Ok,
        Some("warning") => Verdict::Warning,
        Some("critical") => Verdict::Critical,
        Some("unknown") => Verdict::Unknown,
        _ => {
            let wanted = "ok, warning, critical or unknown";
            return Err(malformed("verdict", wanted, found));
        }
    };
    let mut readings = Readings::new(limits.readings_max);
    match get(object, "readings") {
        None => {}
        Some(Value::Object(object)) => readings.add_object(object, None, 0)?,
        Some(Value::Array(items)) => readings.add_items(items)?,
        Some(found) => return Err(malformed("readings", "an object or an array", found)),
    }
    let at = seconds(object, "at")?.map_or(now, Timestamp::from_secs_f64);
    limits.check_time(at, now)?;
    let message = match text(object, "message")? {
        Some(message) if !message.trim().is_empty() => shortened(message.trim()),
        _ => verdict.to_string(),
    };
    let took = span(object, "took")?.map_or(Span::ZERO, Span::from_secs_f64);
    let ttl = match span(object, "ttl")? {
        None => None,
        Some(seconds) => Some(limits.check_ttl(seconds, &object["ttl"])?),
    };
    Ok(Pushed {
        host: text(object, "host")?,
        service: text(object, "service")?,
        report: Report {
            at,
            took,
            verdict,
            message,
            readings: readings.readings,
        },
        ttl,
        source: text(object, "source")?,
    })
}

struct Readings {
    readings: Vec<Reading>,
    seen: HashSet<(Option<String>, String)>,
    max: usize,
}

impl Readings {
    fn new(max: usize) -> Self {
        Self {
            readings: Vec::new(),
            seen: HashSet::new(),
            max,
        }
    }

    fn add(&mut self, reading: Reading) -> Result<(), PassiveError> {
        if self.readings.len() == self.max {
            return Err(PassiveError::TooManyReadings(self.max));
        }
        let key = (reading.group.clone(), reading.field.clone());
        if !self.seen.insert(key) {
            let found = Value::String(reading.field);
            return Err(malformed("readings", "each name once", &found));
        }
        self.readings.push(reading);
        Ok(())
    }

    fn add_object(
        &mut self,
        object: &Object,
        group: Option<&str>,
        depth: usize,
    ) -> Result<(), PassiveError> {
        for (key, value) in object {
            let place = || match group {
                Some(group) => format!("readings.{group}.{key}"),
                None => format!("readings.{key}"),
            };
            if let Value::Object(inner) = value {
                if depth == DEPTH_MAX {
                    return Err(malformed(place(), "no deeper groups", value));
                }
                let group = group.map_or(key.clone(), |group| format!("{group}.{key}"));
                self.add_object(inner, Some(&group), depth + 1)?;
                continue;
            }
            let (value, unit) = measured(value).ok_or_else(|| {
                malformed(place(), "a number, a text such as 12.5ms, or null", value)
            })?;
            let reading = Reading::gauge(key, value, unit);
            self.add(match group {
                Some(group) => reading.of(group),
                None => reading,
            })?;
        }
        Ok(())
    }

    fn add_items(&mut self, items: &[Value]) -> Result<(), PassiveError> {
        for (index, item) in items.iter().enumerate() {
            let place = |key: &str| format!("readings[{index}].{key}");
            let Value::Object(item) = item else {
                return Err(malformed(format!("readings[{index}]"), "an object", item));
            };
            let reading = item_reading(item, &place)?;
            self.add(reading)?;
        }
        Ok(())
    }
}

fn item_reading(item: &Object, place: &dyn Fn(&str) -> String) -> Result<Reading, PassiveError> {
    const KEYS: [&str; 9] = [
        "field", "value", "group", "unit", "kind", "warning", "critical", "min", "max",
    ];
    if let Some(key) = item.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(PassiveError::UnknownKey(place(&shortened(key))));
    }
    let word = |key: &str| match get(item, key) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str())),
        Some(found) => Err(malformed(place(key), "a text", found)),
    };
    let field = word("field")?.filter(|field| !field.is_empty());
    let field =
        field.ok_or_else(|| malformed(place("field"), "a text", &Value::Object(item.clone())))?;
    let (value, of_value) = match get(item, "value") {
        None => (None, Unit::One),
        Some(found) => {
            let wanted = "a number, a text such as 12.5ms, or null";
            measured(found).ok_or_else(|| malformed(place("value"), wanted, found))?
        }
    };
    let (unit, factor) = match word("unit")? {
        Some(symbol) => Unit::parse(symbol),
        None => (of_value, 1.0),
    };
    let value = value.map(|value| value * factor);
    let reading = match get(item, "kind").map(Value::as_str) {
        None | Some(Some("gauge")) => Reading::gauge(field, value, unit),
        Some(Some("counter")) => Reading::counter(field, value, unit),
        Some(_) => return Err(malformed(place("kind"), "gauge or counter", &item["kind"])),
    };
    let threshold = |key: &str| -> Result<Option<Threshold>, PassiveError> {
        let Some(found) = get(item, key) else {
            return Ok(None);
        };
        let text = match found {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => String::new(),
        };
        let wanted = "a range such as 10, 10:20 or @~:5";
        let threshold = text
            .parse()
            .map_err(|_| malformed(place(key), wanted, found))?;
        Ok(Some(threshold))
    };
    let end = |key: &str| match get(item, key) {
        None => Ok(None),
        Some(found) => match number(found) {
            Some(end) => Ok(Some(end)),
            None => Err(malformed(place(key), "a number", found)),
        },
    };
    let bounds = Bounds {
        warning: threshold("warning")?,
        critical: threshold("critical")?,
        min: end("min")?,
        max: end("max")?,
    };
    let reading = reading.bounded(bounds.scaled(factor));
    Ok(match word("group")? {
        Some(group) => reading.of(group),
        None => reading,
    })
}

/// A number, a text with a number and a unit, or unknown.
fn measured(value: &Value) -> Option<(Option<f64>, Unit)> {
    match value {
        Value::Null => Some((None, Unit::One)),
        Value::Bool(is) => Some((Some(f64::from(u8::from(*is))), Unit::One)),
        Value::Number(number) => Some((number.as_f64(), Unit::One)),
        Value::String(text) => {
            let mut said = perfdata::parse(&format!("x={}", text.trim()));
            let reading = said.readings.pop()?;
            let is_all = said.refused_count == 0 && said.readings.is_empty();
            is_all.then_some((reading.value, reading.unit))
        }
        Value::Array(_) | Value::Object(_) => None,
    }
}

/// The value of a key; null is none.
fn get<'a>(object: &'a Object, key: &str) -> Option<&'a Value> {
    object.get(key).filter(|value| !value.is_null())
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64().filter(|number| number.is_finite())
}

fn text(object: &Object, key: &'static str) -> Result<Option<String>, PassiveError> {
    match get(object, key) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(found) => Err(malformed(key, "a text", found)),
    }
}

/// Seconds since 1970.
fn seconds(object: &Object, key: &'static str) -> Result<Option<f64>, PassiveError> {
    match get(object, key) {
        None => Ok(None),
        Some(found) => match number(found).filter(|seconds| seconds.abs() < 9e9) {
            Some(seconds) => Ok(Some(seconds)),
            None => Err(malformed(key, "seconds since 1970", found)),
        },
    }
}

/// Seconds, or a span such as `5m`.
fn span(object: &Object, key: &'static str) -> Result<Option<f64>, PassiveError> {
    let wanted = "seconds or a span such as 5m";
    match get(object, key) {
        None => Ok(None),
        Some(Value::String(text)) => match text.parse::<Span>() {
            Ok(span) => Ok(Some(span.as_secs_f64())),
            Err(_) => Err(malformed(key, wanted, &object[key])),
        },
        Some(found) => match number(found).filter(|seconds| *seconds >= 0.0) {
            Some(seconds) => Ok(Some(seconds)),
            None => Err(malformed(key, wanted, found)),
        },
    }
}
