mod json;
mod nagios;
#[cfg(test)]
mod tests;

use rem_time::{Span, Timestamp};
use serde_json::Value;

use crate::script::shortened;
use crate::{PluginOutput, Report, Verdict};

/// Results that others push: how they are read, and what they may be.
///
/// Pure; whoever receives them keeps their freshness: a result that says how
/// long it is good for and is not followed by another one is stale.
///
/// ```
/// use rem_check::{Passive, Verdict};
/// use rem_time::Timestamp;
///
/// let now = Timestamp::from_seconds(1_700_000_000);
/// let line = "[1699999990] PROCESS_SERVICE_CHECK_RESULT;db-01;backup;1;late|age=7200s";
/// let pushed = Passive::default().nagios(line, now)?;
/// assert_eq!(pushed.service.as_deref(), Some("backup"));
/// assert_eq!(pushed.report.verdict, Verdict::Warning);
/// assert_eq!(pushed.report.value(None, "age"), Some(7200.0));
/// # Ok::<(), rem_check::PassiveError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passive {
    /// How long a pushed text may be; 1 MiB unless told.
    pub bytes_max: usize,
    /// How many readings it may bring; 10,000 unless told.
    pub readings_max: usize,
    /// How long a result has to say it is good for at least; a second unless told.
    pub ttl_min: Span,
    /// How long a result may say it is good for; 31 days unless told.
    pub ttl_max: Span,
    /// How far in the future its time may be, because clocks differ; 5 minutes
    /// unless told.
    pub ahead_max: Span,
    /// How old it may be; a day unless told.
    pub age_max: Span,
}

impl Default for Passive {
    fn default() -> Self {
        Self {
            bytes_max: 1024 * 1024,
            readings_max: 10_000,
            ttl_min: Span::from_seconds(1),
            ttl_max: Span::from_seconds(31 * 86_400),
            ahead_max: Span::from_seconds(300),
            age_max: Span::from_seconds(86_400),
        }
    }
}

/// A result that somebody pushed.
#[derive(Clone, Debug, PartialEq)]
pub struct Pushed {
    /// The machine it is about, if the text says so.
    pub host: Option<String>,
    /// The service or monitor on it, if the text says so.
    pub service: Option<String>,
    /// What was found out.
    pub report: Report,
    /// How long that is good for, if the text says so.
    pub ttl: Option<Span>,
    /// Who looked, if the text says so.
    pub source: Option<String>,
}

/// A result that says nothing else.
impl From<Report> for Pushed {
    fn from(report: Report) -> Self {
        Self {
            host: None,
            service: None,
            report,
            ttl: None,
            source: None,
        }
    }
}

/// A pushed text that is no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PassiveError {
    /// Longer than is taken.
    #[error("the result is longer than {max} bytes: {bytes}")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// Not JSON, or no object.
    #[error("not a JSON object: {0}")]
    Json(String),
    /// Not a line of Nagios' external commands.
    #[error("not a check result of Nagios' external commands: {0}")]
    Nagios(&'static str),
    /// Nothing says this.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// It says something that cannot be.
    #[error("{key}: expected {wanted}, found: {found}")]
    Malformed {
        /// Which part.
        key: String,
        /// What could stand there.
        wanted: &'static str,
        /// What stands there, shortened.
        found: String,
    },
    /// Good for too short or too long a time.
    #[error("ttl: expected a time from {min} to {max}, found: {found}")]
    Ttl {
        /// The shortest that is taken.
        min: Span,
        /// The longest.
        max: Span,
        /// What stands there, shortened.
        found: String,
    },
    /// A key that nothing has, most likely misspelt.
    #[error("unknown key: {0}")]
    UnknownKey(String),
    /// More readings than are taken.
    #[error("there are more than {0} readings")]
    TooManyReadings(usize),
    /// Its time lies ahead.
    #[error("its time is {0} ahead of ours")]
    Ahead(Span),
    /// Its time is long past.
    #[error("it is {0} old")]
    TooOld(Span),
}

impl Passive {
    /// Reads JSON of our own:
    ///
    /// ```json
    /// {"verdict": "warning", "message": "late", "at": 1699999990, "ttl": "2h",
    ///  "readings": {"age": 7200, "disk": {"/var": "12MB"}}}
    /// ```
    ///
    /// Only `verdict` is needed: `ok`, `warning`, `critical` or `unknown`.
    /// `at` is in seconds since 1970, `ttl` a span or in seconds; `host`,
    /// `service`, `source` and `took` may be there too. `readings` is an object
    /// of numbers, of texts with units, of `null` for unknown and of objects,
    /// which are groups; or an array of objects with `field`, `value`,
    /// `group`, `unit`, `kind` (`gauge`, `counter`), `warning`, `critical`,
    /// `min` and `max`. A key that is none of these is refused.
    ///
    /// # Errors
    /// With the key that is wrong. Nothing of such a text is taken.
    pub fn json(&self, text: &[u8], now: Timestamp) -> Result<Pushed, PassiveError> {
        let object = self.object(text)?;
        json::ours(self, &object, now)
    }

    /// Reads what Icinga's `process-check-result` takes: `exit_status` and
    /// `plugin_output`, and perhaps `performance_data` (an array or a text),
    /// `ttl`, `check_source`, `execution_start`, `execution_end`, `host` and
    /// `service` (which may be `host!service`). Other keys are ignored, as
    /// there are senders for every version of it.
    ///
    /// # Errors
    /// With the key that is wrong. Nothing of such a text is taken.
    pub fn icinga(&self, text: &[u8], now: Timestamp) -> Result<Pushed, PassiveError> {
        let object = self.object(text)?;
        json::icinga(self, &object, now)
    }

    /// Reads a line for Nagios' command file:
    /// `[time] PROCESS_SERVICE_CHECK_RESULT;host;service;status;output`, or
    /// `PROCESS_HOST_CHECK_RESULT` without the service. `\n` in the output is
    /// the end of a line.
    ///
    /// # Errors
    /// With the part that is wrong. Nothing of such a line is taken.
    pub fn nagios(&self, line: &str, now: Timestamp) -> Result<Pushed, PassiveError> {
        self.check_length(line.len())?;
        nagios::parse(self, line, now)
    }

    fn object(&self, text: &[u8]) -> Result<serde_json::Map<String, Value>, PassiveError> {
        self.check_length(text.len())?;
        match serde_json::from_slice(text) {
            Ok(Value::Object(object)) => Ok(object),
            Ok(_) => Err(PassiveError::Json("it is another value".into())),
            Err(error) => Err(PassiveError::Json(error.to_string())),
        }
    }

    fn check_length(&self, bytes: usize) -> Result<(), PassiveError> {
        let max = self.bytes_max;
        match bytes > max {
            true => Err(PassiveError::TooLong { bytes, max }),
            false => Ok(()),
        }
    }

    /// A report of a plugin's output that somebody else ran.
    fn report(
        &self,
        (at, took): (Timestamp, Span),
        verdict: Verdict,
        output: &PluginOutput,
        now: Timestamp,
    ) -> Result<Report, PassiveError> {
        let readings = output.perfdata.readings.clone();
        if readings.len() > self.readings_max {
            return Err(PassiveError::TooManyReadings(self.readings_max));
        }
        self.check_time(at, now)?;
        let message = match output.text.as_str() {
            "" => format!("{verdict}, and it did not say why"),
            text => shortened(text),
        };
        Ok(Report {
            at,
            took,
            verdict,
            message,
            readings,
        })
    }

    fn check_time(&self, at: Timestamp, now: Timestamp) -> Result<(), PassiveError> {
        let ahead = at.since(now);
        if ahead > self.ahead_max {
            return Err(PassiveError::Ahead(ahead));
        }
        let age = now.since(at);
        match age > self.age_max {
            true => Err(PassiveError::TooOld(age)),
            false => Ok(()),
        }
    }

    /// How long a result is good for, said beside the text.
    ///
    /// # Errors
    /// If that is shorter or longer than is taken.
    pub fn ttl(&self, ttl: Span) -> Result<Span, PassiveError> {
        self.check_ttl(ttl.as_secs_f64(), &Value::String(ttl.to_string()))
    }

    fn check_ttl(&self, seconds: f64, found: &Value) -> Result<Span, PassiveError> {
        let possible = self.ttl_min.as_secs_f64()..=self.ttl_max.as_secs_f64();
        match possible.contains(&seconds) {
            true => Ok(Span::from_secs_f64(seconds)),
            false => Err(PassiveError::Ttl {
                min: self.ttl_min,
                max: self.ttl_max,
                found: shortened(&found.to_string()).chars().take(80).collect(),
            }),
        }
    }
}

fn malformed(key: impl Into<String>, wanted: &'static str, found: &Value) -> PassiveError {
    let found = shortened(&found.to_string());
    PassiveError::Malformed {
        key: key.into(),
        wanted,
        found: found.chars().take(80).collect(),
    }
}

fn exit_status(status: i64) -> Option<Verdict> {
    Some(match status {
        0 => Verdict::Ok,
        1 => Verdict::Warning,
        2 => Verdict::Critical,
        3 => Verdict::Unknown,
        _ => return None,
    })
}
