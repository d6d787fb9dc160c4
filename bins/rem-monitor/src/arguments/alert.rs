use std::path::PathBuf;

use clap::Args;
use rem_time::Span;

use super::Ask;

/// Alerts, and a remark that comes along.
#[derive(Debug, Args)]
pub(crate) struct Remarked {
    /// The alerts: numbers, ids, or one ALERT@SUBJECT
    #[arg(required = true, value_name = "ID", num_args = 1..)]
    pub(crate) ids: Vec<String>,
    /// A remark
    #[arg(long, value_name = "TEXT")]
    pub(crate) comment: Option<String>,
    #[command(flatten)]
    pub(crate) ask: Ask,
}

/// An alert that is quiet for a time.
#[derive(Debug, Args)]
pub(crate) struct Snooze {
    /// The alert: its number, its id, or ALERT@SUBJECT
    pub(crate) id: String,
    /// How long, such as 10m, 30m, 60m or 8h
    #[arg(value_name = "SPAN")]
    pub(crate) span: Span,
    /// A remark
    #[arg(long, value_name = "TEXT")]
    pub(crate) comment: Option<String>,
    #[command(flatten)]
    pub(crate) ask: Ask,
}

/// A remark.
#[derive(Debug, Args)]
pub(crate) struct Comment {
    /// The alert: its number, its id, or ALERT@SUBJECT
    pub(crate) id: String,
    /// The remark
    pub(crate) text: String,
    #[command(flatten)]
    pub(crate) ask: Ask,
}

/// An alert for somebody else.
#[derive(Debug, Args)]
pub(crate) struct Reassign {
    /// The alert: its number, its id, or ALERT@SUBJECT
    pub(crate) id: String,
    /// Whose it is from now on
    pub(crate) user: String,
    /// A remark
    #[arg(long, value_name = "TEXT")]
    pub(crate) comment: Option<String>,
    #[command(flatten)]
    pub(crate) ask: Ask,
}

/// What is to be explained.
#[derive(Debug, Args)]
#[command(
    allow_missing_positional = true,
    after_help = "\
Examples:
  rem-monitor explain monitor.yaml web-01     what is watched on web-01, and which line says so
  rem-monitor explain 12                      why alert 12 is held, or what it holds
  rem-monitor explain machine:web-01          the same of a node of the dependency graph"
)]
pub(crate) struct Explain {
    /// A YAML file to read; without, the running monitor is asked
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// A machine, service or monitor of the file; or an alert or a node
    #[arg(required = true, value_name = "NAME")]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) ask: Ask,
}
