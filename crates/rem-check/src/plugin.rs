mod output;
#[cfg(test)]
mod tests;
mod words;

use std::borrow::Cow;
use std::path::PathBuf;
use std::time::Duration;

use rem_script::{Captured, End, Finished, Program};
use rem_time::{Span, Timestamp};
use tokio::time::Instant;

pub use self::output::PluginOutput;
pub use self::words::WordsError;
use crate::check::Finding;
use crate::local::bytes;
use crate::script::{first_line, shortened, signal_name};
use crate::{Check, Running, Verdict};

/// How much of a plugin's output is kept, half from its beginning and half
/// from its end. Nagios keeps 8 KiB of the beginning, which cuts the
/// performance data of a plugin with many items.
const OUTPUT_BYTES_MAX: usize = 64 * 1024;

/// What [`Plugin`] runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginOptions {
    /// The executable, and its arguments; no shell in between.
    pub command: Vec<String>,
    /// Where it runs; where this program runs unless told.
    pub folder: Option<PathBuf>,
    /// All of its environment but `PATH`, which it has anyway.
    pub environment: Vec<(String, String)>,
    /// How long it may take before its process group is told to end; 60 s
    /// unless told, as Nagios has it. A tenth of it later the group is killed.
    pub deadline: Span,
    /// What an end means that no plugin should have.
    pub compat: PluginCompat,
}

/// What it means that a plugin exited with another status than 0 to 3, was
/// ended by a signal, did not end in time or could not be started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PluginCompat {
    /// Unknown, with the reason: nobody looked, so nobody knows.
    #[default]
    Unknown,
    /// Critical, with the reason, as Nagios has it.
    Nagios,
}

impl PluginOptions {
    /// An executable and its arguments.
    pub fn new<S: Into<String>>(command: impl IntoIterator<Item = S>) -> Self {
        Self {
            command: command.into_iter().map(Into::into).collect(),
            folder: None,
            environment: Vec::new(),
            deadline: Span::from_seconds(60),
            compat: PluginCompat::Unknown,
        }
    }

    /// A command line such as `check_disk -w '10%' -p /`, split into words as a
    /// shell does it; no shell runs.
    ///
    /// # Errors
    /// For an unclosed quote, and for what only a shell can do.
    pub fn parse(line: &str) -> Result<Self, PluginError> {
        words::split(line)
            .map(Self::new)
            .map_err(|why| PluginError::Words {
                line: line.to_owned(),
                why,
            })
    }
}

/// Options that cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PluginError {
    /// There is nothing to run.
    #[error("the command is empty")]
    EmptyCommand,
    /// A zero byte cannot be passed to a program.
    #[error("a zero byte in the command: {0:?}")]
    ZeroByte(String),
    /// The command line needs a shell or is broken.
    #[error("cannot split the command line {line:?}")]
    Words {
        /// The command line.
        line: String,
        /// Why.
        #[source]
        why: WordsError,
    },
}

/// `plugin`: any Nagios plugin, unchanged. Its exit status is the verdict: 0
/// ok, 1 warning, 2 critical, 3 unknown; see [`PluginCompat`] for any other
/// end.
///
/// The first line of its output is the message, and its performance data are
/// the readings, with their thresholds (see [`perfdata::parse`] for how they
/// are understood). A plugin without output is quoted from its standard error.
///
/// [`perfdata::parse`]: crate::perfdata::parse
#[derive(Debug)]
pub struct Plugin {
    options: PluginOptions,
    program: Program,
}

impl Plugin {
    /// A check that is ready to run.
    pub fn new(options: PluginOptions) -> Result<Self, PluginError> {
        let (name, arguments) = match options.command.split_first() {
            Some((name, arguments)) if !name.is_empty() => (name, arguments),
            _ => return Err(PluginError::EmptyCommand),
        };
        if let Some(word) = options.command.iter().find(|word| word.contains('\0')) {
            return Err(PluginError::ZeroByte(word.clone()));
        }
        let deadline = options.deadline.as_duration();
        let grace = (deadline / 10).clamp(Duration::from_millis(100), Duration::from_secs(10));
        let mut program = Program::new(name)
            .args(arguments)
            .envs(options.environment.iter().cloned())
            .output_max(OUTPUT_BYTES_MAX)
            .grace(grace)
            .deadline(deadline);
        if let Some(folder) = &options.folder {
            program = program.cwd(folder);
        }
        Ok(Self { options, program })
    }

    async fn look(&self) -> Finding {
        match rem_script::run(&self.program).await {
            Ok(finished) => self.finding(&finished),
            Err(error) => {
                let why = std::error::Error::source(&error);
                let why = why.map_or(String::new(), |why| format!(": {why}"));
                Finding::new(self.odd(), format!("{error}{why}"))
            }
        }
    }

    /// The verdict of an end that no plugin should have.
    fn odd(&self) -> Verdict {
        match self.options.compat {
            PluginCompat::Unknown => Verdict::Unknown,
            PluginCompat::Nagios => Verdict::Critical,
        }
    }

    fn finding(&self, finished: &Finished) -> Finding {
        let deadline = self.options.deadline;
        let odd = |how: String| (self.odd(), Some(how));
        let (verdict, how) = match finished.end {
            End::Exited(0) => (Verdict::Ok, None),
            End::Exited(1) => (Verdict::Warning, None),
            End::Exited(2) => (Verdict::Critical, None),
            End::Exited(3) => (Verdict::Unknown, None),
            End::Exited(126) => odd("exit status 126: not executable".into()),
            End::Exited(127) => odd("exit status 127: command not found".into()),
            End::Exited(other) => odd(format!("exit status {other}")),
            End::Signaled(signal) => odd(format!("ended by {}", signal_name(signal))),
            End::TimedOut { killed: false } => odd(format!("not done within {deadline}")),
            End::TimedOut { killed: true } => {
                odd(format!("not done within {deadline}, and had to be killed"))
            }
        };
        let PluginOutput { text, perfdata, .. } = PluginOutput::parse(&kept(&finished.stdout));
        let word = match text.is_empty() {
            false => Some(shortened(&text)),
            true => first_line(&finished.stderr.text()),
        };
        let mut message = match (how, word) {
            (Some(how), Some(word)) => format!("{how}: {word}"),
            (Some(how), None) => how,
            (None, Some(word)) => word,
            (None, None) => format!("{verdict}, and it did not say why"),
        };
        if let Some(first) = perfdata.refused.first() {
            let count = perfdata.refused_count;
            let first = shortened(&first.to_string());
            message.push_str(&format!(" ({count} readings left out: {first})"));
        }
        if finished.stdout.dropped() > 0 {
            let kept = bytes(OUTPUT_BYTES_MAX as u64);
            message.push_str(&format!(
                " (it wrote more than {kept}; the middle is left out)"
            ));
        }
        Finding::new(verdict, message).with(perfdata.readings)
    }
}

impl Check for Plugin {
    fn name(&self) -> &str {
        "plugin"
    }

    /// When the plugin is told to end; one that does not listen is killed a
    /// tenth of it later.
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

/// What was kept of the output, without the words that the gap cut in two: of a
/// number only its first digits would be left.
fn kept(output: &Captured) -> Cow<'_, str> {
    if output.dropped() == 0 {
        return String::from_utf8_lossy(output.bytes());
    }
    let head = String::from_utf8_lossy(output.head());
    let head = head
        .rfind(char::is_whitespace)
        .map_or("", |end| &head[..end]);
    let tail = String::from_utf8_lossy(output.tail());
    // Within a line nobody can tell whether a quote is open.
    let tail = tail.split_once('\n').map_or("", |(_, rest)| rest);
    Cow::Owned(format!("{head}\n{tail}"))
}
