mod output;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

use rem_script::{End, Finished, Program};
use rem_time::{Span, Timestamp};
use tokio::time::Instant;

pub(crate) use self::output::{first_line, shortened};
use crate::check::Finding;
use crate::local::bytes;
use crate::{Check, Reading, Running, Unit, Verdict};

/// How much of a program's output is kept; readings and the message have to be
/// within.
const OUTPUT_BYTES_MAX: usize = 256 * 1024;

/// How many readings one run may bring; the rest is left out, and the message
/// says so.
const READINGS_MAX: usize = 10_000;

/// What [`Script`] runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptOptions {
    /// The executable, and its arguments; no shell in between.
    pub command: Vec<String>,
    /// Where it runs; where this program runs unless told.
    pub folder: Option<PathBuf>,
    /// All of its environment but `PATH`, which it has anyway.
    pub environment: Vec<(String, String)>,
    /// How long it may take before it is ended, with all it started; 30 s
    /// unless told.
    pub deadline: Span,
}

impl ScriptOptions {
    /// An executable and its arguments.
    pub fn new<S: Into<String>>(command: impl IntoIterator<Item = S>) -> Self {
        Self {
            command: command.into_iter().map(Into::into).collect(),
            folder: None,
            environment: Vec::new(),
            deadline: Span::from_seconds(30),
        }
    }
}

/// Options that cannot work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScriptError {
    /// There is nothing to run.
    #[error("the command is empty")]
    EmptyCommand,
}

/// `script`: any program. Its exit status is the verdict: 0 ok, 1 warning, 2
/// critical, anything else unknown.
///
/// On its standard output it writes numbers, in either of two ways:
///
/// - a JSON object: `{"users": 3, "sda": {"temperature": 41}}`. An object
///   within is a group; `true` and `false` are 1 and 0, `null` is unknown, a
///   text that is no number is left out;
/// - lines of `name=number`, the number with or without a unit, `U` for
///   unknown: `latency=12.5ms`. Readings are in base units.
///
/// The first line that is neither is the message; before a JSON object there
/// may be such lines too. A program that ends badly without a word is quoted
/// from its standard error. One that is content with itself but began an object
/// and wrote no JSON is unknown. Two readings are added: `script_duration` and
/// `script_cpu`, in seconds.
#[derive(Debug)]
pub struct Script {
    options: ScriptOptions,
    program: Program,
}

impl Script {
    /// A check that is ready to run.
    pub fn new(options: ScriptOptions) -> Result<Self, ScriptError> {
        let (name, arguments) = match options.command.split_first() {
            Some((name, arguments)) if !name.is_empty() => (name, arguments),
            _ => return Err(ScriptError::EmptyCommand),
        };
        let mut program = Program::new(name)
            .args(arguments)
            .envs(options.environment.iter().cloned())
            .output_max(OUTPUT_BYTES_MAX)
            .grace(Duration::from_secs(1))
            .deadline(options.deadline.as_duration());
        if let Some(folder) = &options.folder {
            program = program.cwd(folder);
        }
        Ok(Self { options, program })
    }

    async fn look(&self) -> Finding {
        match rem_script::run(&self.program).await {
            Ok(finished) => finding(&finished, self.options.deadline),
            Err(error) => {
                let why = std::error::Error::source(&error);
                let why = why.map_or(String::new(), |why| format!(": {why}"));
                Finding::new(Verdict::Unknown, format!("{error}{why}"))
            }
        }
    }
}

impl Check for Script {
    fn name(&self) -> &str {
        "script"
    }

    /// When the program is told to end; one that does not listen is killed a
    /// second later.
    fn deadline(&self) -> Span {
        self.options.deadline
    }

    fn run(&self, now: Timestamp) -> Running<'_> {
        Box::pin(async move {
            let started = Instant::now();
            self.look().await.stamp(now, started)
        })
    }
}

fn finding(finished: &Finished, deadline: Span) -> Finding {
    let mut said = output::parse(&finished.stdout.text());
    let left_out = said.readings.len().saturating_sub(READINGS_MAX);
    said.readings.truncate(READINGS_MAX);

    let (verdict, how) = match finished.end {
        End::Exited(0) => (Verdict::Ok, None),
        End::Exited(1) => (Verdict::Warning, None),
        End::Exited(2) => (Verdict::Critical, None),
        End::Exited(3) => (Verdict::Unknown, None),
        End::Exited(126) => (
            Verdict::Unknown,
            Some("exit status 126: not executable".into()),
        ),
        End::Exited(127) => (
            Verdict::Unknown,
            Some("exit status 127: command not found".into()),
        ),
        End::Exited(other) => (Verdict::Unknown, Some(format!("exit status {other}"))),
        End::Signaled(signal) => (
            Verdict::Unknown,
            Some(format!("ended by {}", signal_name(signal))),
        ),
        End::TimedOut { killed: false } => (
            Verdict::Unknown,
            Some(format!("not done within {deadline}")),
        ),
        End::TimedOut { killed: true } => (
            Verdict::Unknown,
            Some(format!("not done within {deadline}, and had to be killed")),
        ),
    };
    let (verdict, how) = match (verdict, said.broken.take()) {
        (Verdict::Ok, Some(why)) => (Verdict::Unknown, Some(why)),
        _ => (verdict, how),
    };
    let complaint = || match verdict {
        Verdict::Ok => None,
        Verdict::Warning | Verdict::Critical | Verdict::Unknown => {
            first_line(&finished.stderr.text())
        }
    };
    let word = said.message.or_else(complaint);
    let mut message = match (how, word) {
        (Some(how), Some(word)) => format!("{how}: {word}"),
        (Some(how), None) => how,
        (None, Some(word)) => word,
        (None, None) => match (verdict, said.readings.len()) {
            (Verdict::Ok, 1) => "1 reading".into(),
            (Verdict::Ok, count) => format!("{count} readings"),
            (verdict, _) => format!("{verdict}, and it did not say why"),
        },
    };
    if left_out > 0 {
        message.push_str(&format!(
            " ({left_out} readings past {READINGS_MAX} left out)"
        ));
    }
    if finished.stdout.dropped() > 0 {
        let kept = bytes(OUTPUT_BYTES_MAX as u64);
        message.push_str(&format!(
            " (it wrote more than {kept}; the middle is left out)"
        ));
    }
    let cpu = finished.cpu.map(|cpu| cpu.as_secs_f64());
    let took = finished.took.as_secs_f64();
    said.readings
        .push(Reading::gauge("script_duration", took, Unit::Seconds));
    said.readings
        .push(Reading::gauge("script_cpu", cpu, Unit::Seconds));
    Finding::new(verdict, message).with(said.readings)
}

pub(crate) fn signal_name(signal: i32) -> String {
    let name = match signal {
        1 => "HUP",
        2 => "INT",
        3 => "QUIT",
        4 => "ILL",
        6 => "ABRT",
        7 => "BUS",
        8 => "FPE",
        9 => "KILL",
        11 => "SEGV",
        13 => "PIPE",
        14 => "ALRM",
        15 => "TERM",
        24 => "XCPU",
        25 => "XFSZ",
        other => return format!("signal {other}"),
    };
    format!("signal {signal} ({name})")
}
