use clap::{ArgGroup, Args, Subcommand};
use rem_time::Span;

use super::{Ask, Plain};

#[derive(Debug, Subcommand)]
pub(crate) enum HoldVerb {
    /// Hold what matches, once or again and again
    Add(Box<AddHold>),
    /// Every hold, those that hold now first
    #[command(after_help = "\
Examples:
  rem-monitor hold list")]
    List(Plain),
    /// End a hold before its time
    #[command(after_help = "\
Examples:
  rem-monitor hold end h19c2a7f3b10")]
    End {
        /// The hold, as `hold list` shows it
        id: String,
        #[command(flatten)]
        ask: Ask,
    },
}

/// A hold.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("days").args(["daily", "weekly", "monthly"]),
    after_help = "\
Examples:
  rem-monitor hold add --match 'machine = db-*' --for 2h --why 'new disks'
  rem-monitor hold add --match 'location in eu/fra and service = web' \\
      --from '2026-12-01 02:00' --until '2026-12-01 04:00' --zone Europe/Berlin --why 'new switch'
  rem-monitor hold add --match 'machine = db-*' --weekly 'sun 02:00' --for 2h --why backups
  rem-monitor silence add --match 'alert = disk-full and machine = log-01' --for 8h --forced --why 'known, disk is ordered'"
)]
pub(crate) struct AddHold {
    /// What: machine, service, location, alert, monitor or a label, with =, != or in; several with `and`; `everything`
    #[arg(long = "match", value_name = "MATCH")]
    pub(crate) matches: String,
    /// How long
    #[arg(long = "for", value_name = "SPAN")]
    pub(crate) lasts: Option<Span>,
    /// From when: RFC 3339, or local time such as '2026-12-01 02:00' [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// Until when; of a window that recurs, when it is for the last time
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// Every day at a time: 02:00
    #[arg(long, value_name = "TIME", requires = "lasts")]
    pub(crate) daily: Option<String>,
    /// On days of the week: 'sun 02:00', 'sat,sun 02:00'
    #[arg(long, value_name = "DAYS TIME", requires = "lasts")]
    pub(crate) weekly: Option<String>,
    /// On a day of the month: '31 02:00'; a month that is too short: its last day
    #[arg(long, value_name = "DAY TIME", requires = "lasts")]
    pub(crate) monthly: Option<String>,
    /// The time zone that local times are meant in [default: yours in the file, else UTC]
    #[arg(long, value_name = "ZONE")]
    pub(crate) zone: Option<String>,
    /// Why; it stands at every alert that is held
    #[arg(long, value_name = "TEXT")]
    pub(crate) why: String,
    /// A known problem, not maintenance
    #[arg(long)]
    pub(crate) forced: bool,
    #[command(flatten)]
    pub(crate) ask: Ask,
}
