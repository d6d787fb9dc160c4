use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use rem_command::Format;

mod alert;
mod hold;
mod on_call;
mod push;

pub(crate) use alert::{Comment, Explain, Reassign, Remarked, Snooze};
pub(crate) use hold::{AddHold, HoldVerb};
pub(crate) use on_call::{Calendar, OnCall, OnCallVerb, Shifts, SwapId, SwapOffer, SwapVerb};
pub(crate) use push::Push;

const EXAMPLES: &str = "\
Examples:
  rem-monitor monitor.yaml                 watch, draw and serve until Ctrl-C
  rem-monitor check monitor.yaml           say what is wrong in the file, start nothing
  rem-monitor explain monitor.yaml web-01  what is watched on web-01, and which line says so
  rem-monitor status                       problems of the running monitor, root causes first
  rem-monitor ack 12 --comment 'on it'     alert 12 is known and quiet until it is over
  rem-monitor hold add --match 'machine = db-*' --for 2h --why 'new disks'
  rem-monitor oncall                       who is on call now and next
  kill -HUP PID                            read the file again; what did not change goes on

The file and all that it imports are read again by themselves when one of them
changes. A file with mistakes changes nothing.

The verbs that ask a running monitor find it by --url, by REM_MONITOR_URL, by the
first `listen:` of ./monitor.yaml, or at http://127.0.0.1:2001, in this order.

Exit codes: 0 done; 1 it failed or problems were found; 2 a mistake in a file or
in the arguments; 3 no monitor answers.";

/// Watches machines and services as a YAML file says, wakes people, and serves the
/// pages that show it.
#[derive(Debug, Parser)]
#[command(
    name = "rem-monitor",
    version,
    after_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    disable_help_subcommand = true
)]
pub(crate) struct Arguments {
    /// The YAML file to run
    #[arg(required = true, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,

    /// Folder of graphs and durable state, instead of the file's `data:`
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,

    /// How an answer is printed
    #[arg(
        long,
        value_enum,
        value_name = "FORMAT",
        default_value = "table",
        global = true
    )]
    pub(crate) output: Format,

    /// How much to log on stderr: error, warn, info, debug, trace, or a filter such as rem_check=debug
    #[arg(
        long,
        value_name = "LEVEL",
        default_value = "info",
        env = "REM_LOG",
        global = true
    )]
    pub(crate) log: String,

    /// Log lines as JSON
    #[arg(long, global = true)]
    pub(crate) log_json: bool,

    #[command(subcommand)]
    pub(crate) verb: Option<Verb>,
}

/// Which monitor is asked, and who asks.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "The monitor that is asked")]
pub(crate) struct Ask {
    /// Where it is, such as https://rem.example.com:2001
    #[arg(long, value_name = "URL", env = "REM_MONITOR_URL")]
    pub(crate) url: Option<String>,

    /// Where the token is: env:NAME or file:PATH; never the token itself, which `ps` would show [default: env:REM_MONITOR_TOKEN]
    #[arg(long, value_name = "SOURCE")]
    pub(crate) token: Option<String>,

    /// PEM file of the certificate to trust, for a monitor with its own
    #[arg(long, value_name = "FILE", env = "REM_MONITOR_CA")]
    pub(crate) ca: Option<PathBuf>,

    /// Who does it, where nobody has to sign in: a user of the file [default: your login]
    #[arg(long, value_name = "USER", env = "REM_MONITOR_USER")]
    pub(crate) by: Option<String>,

    /// How long to wait for the answer
    #[arg(long, value_name = "SPAN", default_value = "30s")]
    pub(crate) timeout: rem_time::Span,
}

/// A monitor.
#[derive(Debug, Args)]
pub(crate) struct OfMonitor {
    /// The monitor, such as web-01/apache/http
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) ask: Ask,
}

/// Nothing but whom to ask.
#[derive(Debug, Args)]
pub(crate) struct Plain {
    #[command(flatten)]
    pub(crate) ask: Ask,
}

/// What is replayed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rem-monitor replay monitor.yaml --from 24h
  rem-monitor replay edited.yaml --against monitor.yaml --from 2026-11-01T00:00:00Z --to 2026-11-08T00:00:00Z
  rem-monitor replay edited.yaml --data /srv/rem/data --from 7d --output json

A monitor that runs on the data folder is not disturbed: what it has committed is
copied to a folder of its own (below TMPDIR) and read there.")]
pub(crate) struct Replay {
    /// The YAML file with the levels
    pub(crate) file: PathBuf,
    /// From this time on, or from so long ago
    #[arg(long, value_name = "TIME")]
    pub(crate) from: String,
    /// Up to this time, or so long ago; now if nobody says
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<String>,
    /// Another file: show what the levels of FILE make different from its
    #[arg(long, value_name = "OTHER")]
    pub(crate) against: Option<PathBuf>,
    /// The data folder, if it is not the one FILE names
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
}

// Made once, and dropped at the end of the command.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Problems: alerts with root causes first, held ones, monitors that are not ok
    #[command(after_help = "\
Examples:
  rem-monitor status                what is wrong; exit code 1 if anything is
  rem-monitor status --all          every monitor
  rem-monitor status --output json | jq .counts")]
    Status {
        /// Every monitor, also those that are ok
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        ask: Ask,
    },
    /// Say everything that is wrong in a file, with line and column; start nothing
    #[command(after_help = "\
Examples:
  rem-monitor check monitor.yaml
  rem-monitor check monitor.yaml --output json | jq -r '.[].place'")]
    Check {
        /// The YAML file to check
        file: PathBuf,
        /// The same as --output json
        #[arg(long, hide = true)]
        json: bool,
    },
    /// Run the tests that you wrote for your levels; exit code 1 if one fails
    #[command(after_help = "\
Examples:
  rem-monitor test rules.yaml
  rem-monitor test tests/*.yaml --output json | jq '.[] | select(.passed | not)'

A file of tests:
  levels: {disk-full: {when: used_percent > 90, in: 3 of last 3, alert: disk-full}}
  tests:
    three looks are needed:
      every: 1m
      series: {used_percent: \"80 85 x3 92 x5 _\"}
      expect:
        - at 5m: alert disk-full is off
        - at 6m: alert disk-full is on
        - nothing else

In place of `levels` a test may name `file: monitor.yaml` and `monitor:
web-01/linux/disk`.")]
    Test {
        /// The files of tests
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Which alerts edited levels would have fired over what is stored
    Replay(Replay),
    /// Where a definition comes from (with a file), or why an alert is held or fires
    Explain(Explain),
    /// Look at a monitor now and wait for what it finds
    #[command(after_help = "\
Examples:
  rem-monitor look web-01/apache/http       exit code 1 if it is not ok")]
    Look(OfMonitor),
    /// The levels of a monitor, each condition with the values it saw
    #[command(after_help = "\
Examples:
  rem-monitor levels web-01/apache/http")]
    Levels(OfMonitor),
    /// The open alerts
    #[command(after_help = "\
Examples:
  rem-monitor alerts
  rem-monitor alerts --closed 20            also the last 20 that are over")]
    Alerts {
        /// Also so many that are over, the last ones first
        #[arg(long, value_name = "COUNT", default_value_t = 0)]
        closed: u32,
        #[command(flatten)]
        ask: Ask,
    },
    /// An alert with its timeline: every step, message and attempt
    #[command(after_help = "\
Examples:
  rem-monitor alert 12
  rem-monitor alert web-down@machine:web-01")]
    Alert {
        /// Its number, its id, or ALERT@SUBJECT
        id: String,
        #[command(flatten)]
        ask: Ask,
    },
    /// Acknowledge: known, and quiet until it is over
    #[command(after_help = "\
Examples:
  rem-monitor ack 12
  rem-monitor ack 12 13 14 --comment 'the switch is being replaced'")]
    Ack(Remarked),
    /// Quiet for a time; then the paging begins anew
    #[command(after_help = "\
Examples:
  rem-monitor snooze 12 30m
  rem-monitor snooze 12 2h --comment 'back after lunch'")]
    Snooze(Snooze),
    /// Add a remark to an alert
    #[command(after_help = "\
Examples:
  rem-monitor comment 12 'the provider says 20 minutes'")]
    Comment(Comment),
    /// It is mine: nobody else is paged
    #[command(after_help = "\
Examples:
  rem-monitor take 12")]
    Take(Remarked),
    /// It is somebody else's
    #[command(after_help = "\
Examples:
  rem-monitor reassign 12 bob --comment 'bob knows this database'")]
    Reassign(Reassign),
    /// Page the next of the ladder at once
    #[command(after_help = "\
Examples:
  rem-monitor escalate 12")]
    Escalate(Remarked),
    /// Maintenance windows and known problems: what is on hold wakes nobody
    #[command(visible_alias = "silence", subcommand)]
    Hold(HoldVerb),
    /// Who is on call, and changes of it
    #[command(name = "oncall")]
    OnCall(OnCall),
    /// Offers to swap shifts
    #[command(subcommand)]
    Swap(SwapVerb),
    /// Tell a passive monitor what was found elsewhere
    Push(Push),
    /// Contacts
    #[command(subcommand)]
    Contacts(ContactsVerb),
    /// Read the file again; what did not change goes on
    #[command(after_help = "\
Examples:
  rem-monitor reload                 says what changed, or what is wrong in the file")]
    Reload(Plain),
    /// The states that levels have set
    #[command(after_help = "\
Examples:
  rem-monitor states")]
    States(Plain),
    /// The last runs of jobs that levels triggered
    #[command(after_help = "\
Examples:
  rem-monitor jobs")]
    Jobs(Plain),
    /// Take a reply to a mail of ours from stdin, as a mail server pipes it
    #[command(after_help = "\
Examples:
  rem: \"|/usr/bin/rem-monitor mail-reply\"           in /etc/aliases
  rem-monitor mail-reply < mail.eml

A mail that is no reply to act on is dropped with exit code 0. When no monitor
answers the exit code is 75, so that the mail server keeps the mail and comes again.")]
    MailReply(Plain),
    /// Read a password and print the hash that `auth:` wants
    #[command(after_help = "\
Examples:
  rem-monitor hash-password                typed, and not shown
  rem-monitor hash-password < password")]
    HashPassword,
    /// Print a completion script for a shell
    #[command(after_help = "\
Examples:
  rem-monitor completions bash > /etc/bash_completion.d/rem-monitor")]
    Completions {
        /// The shell
        shell: Shell,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ContactsVerb {
    /// Send a test message to every contact that the file says to test
    #[command(after_help = "\
Examples:
  rem-monitor contacts test")]
    Test(Plain),
    /// The contacts that do not work, since when and why
    #[command(after_help = "\
Examples:
  rem-monitor contacts broken")]
    Broken(Plain),
}
