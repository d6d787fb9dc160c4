use std::sync::Arc;

use procblock::{Block, Call, Engine, Problems, Tags};
use rem_check::{Check, Reading, Report, Running, Unit, Verdict};
use rem_config::{Monitor, RunCheck};
use rem_time::{Span, Timestamp};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

#[cfg(test)]
mod tests;

/// How deep groups may lie within groups; what is deeper is left out.
const DEPTH_MAX: usize = 8;
/// How many numbers one run may bring; the rest is left out, and the message says so.
const READINGS_MAX: usize = 10_000;
/// Keys that a run list adds of its own, and those that carry words.
const NOT_READINGS: [&str; 6] = [
    "__start_time",
    "__duration",
    "args",
    "status",
    "verdict",
    "message",
];

/// A `run:` monitor: a procblock run list whose numbers are readings.
///
/// Its scripts get the machine as `input_data` (`machine`, `address`, `monitor`) and
/// as environment variables `MACHINE`, `MACHINE_ADDRESS` and `MONITOR`. Every
/// number of the result is a reading, a dictionary within is a group. A result may
/// say `verdict: ok | warning | critical | unknown` and `message`. A run that
/// fails is unknown, with the reason.
#[derive(Debug)]
pub(crate) struct RunList {
    engine: Engine,
    block: Block,
    call: Call,
    deadline: Span,
}

/// Why a run list cannot be made ready.
#[derive(Debug, thiserror::Error)]
#[error("the run list is wrong: {0}")]
pub(crate) struct RunListError(pub(crate) Problems);

impl RunList {
    pub(crate) fn new(
        engine: &Engine,
        monitor: &Monitor,
        run: &RunCheck,
    ) -> Result<Self, RunListError> {
        let name = monitor.place.file.to_string();
        let value = json!({ "run": run.run.to_json() });
        let block = Block::from_value(&name, &value, &Tags::new()).map_err(RunListError)?;
        let address = monitor
            .address
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default();
        let about: [(&str, &str, String); 3] = [
            ("machine", "MACHINE", monitor.machine.to_string()),
            ("address", "MACHINE_ADDRESS", address),
            ("monitor", "MONITOR", monitor.id.to_string()),
        ];
        let input: Map<String, Value> = about
            .iter()
            .map(|(key, _, value)| ((*key).to_owned(), json!(value)))
            .collect();
        let env = about
            .map(|(_, key, value)| (key.to_owned(), value))
            .to_vec();
        let call = Call {
            input_data: Arc::new(input),
            cwd: run.folder.clone(),
            env: Arc::new(env),
            timeout: Some(monitor.timeout),
            ..Call::new()
        };
        Ok(Self {
            engine: engine.clone(),
            block,
            call,
            deadline: monitor.timeout,
        })
    }
}

impl Check for RunList {
    fn name(&self) -> &str {
        "run"
    }

    fn deadline(&self) -> Span {
        self.deadline
    }

    fn run(&self, now: Timestamp) -> Running<'_> {
        Box::pin(async move {
            let started = Instant::now();
            let result = self.engine.process(&self.block, self.call.clone()).await;
            let (verdict, message, readings) = match result {
                Ok(result) => found(&result),
                Err(error) => (Verdict::Unknown, error.to_string(), Vec::new()),
            };
            Report {
                at: now,
                took: Span::from(started.elapsed()),
                verdict,
                message,
                readings,
            }
        })
    }
}

fn found(result: &Value) -> (Verdict, String, Vec<Reading>) {
    let Some(Value::Object(result)) = result.get("run") else {
        return (
            Verdict::Unknown,
            "the run gave no dictionary".into(),
            Vec::new(),
        );
    };
    let mut readings = Vec::new();
    collect(result, None, 0, &mut readings);
    let cut = readings.len() > READINGS_MAX;
    readings.truncate(READINGS_MAX);
    let word = |key: &str| result.get(key).and_then(Value::as_str);
    let verdict = match word("verdict") {
        None | Some("ok") => Verdict::Ok,
        Some("warning") => Verdict::Warning,
        Some("critical") => Verdict::Critical,
        Some(_) => Verdict::Unknown,
    };
    let message = match word("message") {
        Some(message) => message.to_owned(),
        None if cut => format!("more than {READINGS_MAX} values, the rest is left out"),
        None if readings.len() == 1 => "1 value".into(),
        None => format!("{} values", readings.len()),
    };
    (verdict, message, readings)
}

/// Every number of a dictionary; groups within groups are named `outer/inner`.
fn collect(map: &Map<String, Value>, group: Option<&str>, depth: usize, to: &mut Vec<Reading>) {
    for (key, value) in map {
        if depth == 0 && (NOT_READINGS.contains(&key.as_str()) || key.starts_with("run_thread.")) {
            continue;
        }
        let number = match value {
            Value::Number(number) => number.as_f64(),
            Value::Bool(truth) => Some(f64::from(u8::from(*truth))),
            Value::Object(inner) if depth < DEPTH_MAX => {
                let name = group.map_or_else(|| key.clone(), |outer| format!("{outer}/{key}"));
                collect(inner, Some(&name), depth + 1, to);
                continue;
            }
            _ => continue,
        };
        let reading = Reading::gauge(key, number, Unit::One);
        to.push(group.map_or_else(|| reading.clone(), |group| reading.clone().of(group)));
        if to.len() > READINGS_MAX {
            return;
        }
    }
}
