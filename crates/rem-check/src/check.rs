use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;

use rem_time::{Span, Timestamp};
use tokio::time::Instant;

use crate::{Reading, Report, Verdict};

/// A run of a check under way. Dropping it gives the run up and closes its
/// sockets; a script that runs is ended.
pub type Running<'a> = Pin<Box<dyn Future<Output = Report> + Send + 'a>>;

/// Something that can be looked at again and again.
///
/// ```
/// use rem_check::{Check, Tcp, TcpOptions};
/// # use rem_time::{Clock, SystemClock};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), rem_check::TcpError> {
/// let checks: Vec<Box<dyn Check>> = vec![Box::new(Tcp::new(TcpOptions::new("127.0.0.1:9"))?)];
/// for check in &checks {
///     println!("{}", check.run(SystemClock.now()).await);
/// }
/// # Ok(())
/// # }
/// ```
pub trait Check: Debug + Send + Sync {
    /// What sort of check this is, as an operator writes it: `ping`, `local.cpu`.
    fn name(&self) -> &str;

    /// The longest a run may take; each check keeps it by itself.
    fn deadline(&self) -> Span;

    /// Looks once. `now` becomes the report's time.
    ///
    /// Never fails and never panics, whatever the peer does: what went wrong
    /// is the report. Must be awaited within a tokio runtime with time and I/O.
    /// Runs of one check may overlap; those that measure rates then share the
    /// interval.
    fn run(&self, now: Timestamp) -> Running<'_>;
}

/// What a check's own code found, before it is stamped.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) verdict: Verdict,
    pub(crate) message: String,
    pub(crate) readings: Vec<Reading>,
}

impl Finding {
    pub(crate) fn new(verdict: Verdict, message: impl Into<String>) -> Self {
        Self {
            verdict,
            message: message.into(),
            readings: Vec::new(),
        }
    }

    pub(crate) fn with(self, readings: Vec<Reading>) -> Self {
        Self { readings, ..self }
    }

    pub(crate) fn stamp(self, at: Timestamp, started: Instant) -> Report {
        Report {
            at,
            took: span(started.elapsed()),
            verdict: self.verdict,
            message: self.message,
            readings: self.readings,
        }
    }
}

pub(crate) fn span(duration: std::time::Duration) -> Span {
    Span::from_nanos(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
}
