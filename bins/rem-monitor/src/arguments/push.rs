use clap::Args;

use super::Ask;

/// A result that was found elsewhere.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rem-monitor push backup-01/backup/nightly --exit-status 0 --message 'OK: 3 h | took=10800s'
  rem-monitor push backup-01/backup/weekly --exit-status 0 --message OK --ttl 8d
  rem-monitor push --stdin < nagios.cmd

With --stdin each line is a passive check result as Nagios takes it:
  [1795000000] PROCESS_SERVICE_CHECK_RESULT;web-01;nightly;0;OK: 3 h | took=10800s")]
pub(crate) struct Push {
    /// The monitor, such as backup-01/backup/nightly
    #[arg(
        required_unless_present = "stdin",
        conflicts_with = "stdin",
        requires = "exit_status"
    )]
    pub(crate) id: Option<String>,
    /// 0 ok, 1 warning, 2 critical, 3 unknown
    #[arg(long, value_name = "STATUS", value_parser = clap::value_parser!(u8).range(0..=3))]
    pub(crate) exit_status: Option<u8>,
    /// What was found; performance data may stand behind a `|`
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) message: String,
    /// When it was found, or how long ago [default: now]
    #[arg(long, value_name = "TIME", conflicts_with = "stdin")]
    pub(crate) at: Option<String>,
    /// How long it is good for, from 1s to 31d; then the monitor knows nothing [default: its `fresh:`]
    #[arg(long, value_name = "SPAN")]
    pub(crate) ttl: Option<rem_time::Span>,
    /// Who or what looked, for the page of the monitor [default: your account]
    #[arg(long, value_name = "NAME", conflicts_with = "stdin")]
    pub(crate) source: Option<String>,
    /// Lines of Nagios' command file from stdin
    #[arg(long)]
    pub(crate) stdin: bool,
    #[command(flatten)]
    pub(crate) ask: Ask,
}
