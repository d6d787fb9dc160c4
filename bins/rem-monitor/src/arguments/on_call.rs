use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Ask, Plain};

/// Who is on call.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  rem-monitor oncall                                       everybody now, until when, and who then
  rem-monitor oncall web-oncall --at 2026-12-24T18:00:00Z
  rem-monitor oncall web-oncall --at '2026-12-24 18:00' --zone Europe/Berlin --file monitor.yaml
  rem-monitor oncall shifts --user ann --output json
  rem-monitor oncall take web-oncall --reason 'bob is ill'

With --file the file alone answers: nothing has to run, and changes that people
made at run time are not known."
)]
pub(crate) struct OnCall {
    #[command(subcommand)]
    pub(crate) verb: Option<OnCallVerb>,
    /// The role; without, all of them
    pub(crate) role: Option<String>,
    /// When: RFC 3339, or local time such as '2026-12-01 02:00' [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
    #[command(flatten)]
    pub(crate) calendar: Calendar,
    #[command(flatten)]
    pub(crate) ask: Ask,
}

/// Where the calendar is read, and what its wall clock shows.
#[derive(Debug, Args)]
pub(crate) struct Calendar {
    /// Ask this file, not a running monitor
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// The time zone that local times are meant and shown in [default: UTC]
    #[arg(long, value_name = "ZONE")]
    pub(crate) zone: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum OnCallVerb {
    /// The shifts of a role or a user; four weeks unless told
    #[command(after_help = "\
Examples:
  rem-monitor oncall shifts web-oncall
  rem-monitor oncall shifts --user ann --from 2026-12-01T00:00:00Z --until 2027-01-01T00:00:00Z")]
    Shifts(Shifts),
    /// The shifts of a role or a user as an iCalendar file
    #[command(after_help = "\
Examples:
  rem-monitor oncall ics web-oncall > web-oncall.ics
  rem-monitor oncall ics --user ann --file monitor.yaml > ann.ics")]
    Ics(Shifts),
    /// Somebody is on call instead of whoever it would be
    #[command(after_help = "\
Examples:
  rem-monitor oncall override web-oncall bob --until '2026-12-01 18:00' --zone Europe/Berlin
  rem-monitor oncall override web-oncall cho --until 2026-12-02T08:00:00Z --as-well --reason 'release night'")]
    Override(Override),
    /// Take a shift over: until the next hand-over, or from … until …
    #[command(after_help = "\
Examples:
  rem-monitor oncall take web-oncall --reason 'bob is ill'")]
    Take(Take),
    /// Somebody is away and on call in no role
    #[command(after_help = "\
Examples:
  rem-monitor oncall vacation --from '2026-12-24 00:00' --until '2027-01-02 00:00'
  rem-monitor oncall vacation bob --until 2026-12-01T00:00:00Z --reason ill")]
    Vacation(Away),
    /// What people changed, the newest first
    #[command(after_help = "\
Examples:
  rem-monitor oncall edits")]
    Edits(Plain),
    /// Take a change back
    #[command(after_help = "\
Examples:
  rem-monitor oncall withdraw 7")]
    Withdraw {
        /// The change, as `oncall edits` shows it
        id: u64,
        #[command(flatten)]
        ask: Ask,
    },
}

/// Whose shifts, and when.
#[derive(Debug, Args)]
pub(crate) struct Shifts {
    /// The role
    #[arg(required_unless_present = "user", conflicts_with = "user")]
    pub(crate) role: Option<String>,
    /// The user, in whatever role
    #[arg(long, value_name = "USER")]
    pub(crate) user: Option<String>,
    /// From when [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// Until when [default: four weeks later]
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    #[command(flatten)]
    pub(crate) calendar: Calendar,
    #[command(flatten)]
    pub(crate) ask: Ask,
}

/// Somebody on call beside the rotation.
#[derive(Debug, Args)]
pub(crate) struct Override {
    /// The role
    pub(crate) role: String,
    /// Who is on call
    pub(crate) user: String,
    /// From when [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// Until when
    #[arg(long, value_name = "TIME")]
    pub(crate) until: String,
    /// Only where this user would be on call
    #[arg(long, value_name = "USER", conflicts_with = "as_well")]
    pub(crate) instead_of: Option<String>,
    /// The others stay on call
    #[arg(long)]
    pub(crate) as_well: bool,
    /// The time zone of local times [default: yours in the file]
    #[arg(long, value_name = "ZONE")]
    pub(crate) zone: Option<String>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    #[command(flatten)]
    pub(crate) ask: Ask,
}

/// A shift that is taken over.
#[derive(Debug, Args)]
pub(crate) struct Take {
    /// The role
    pub(crate) role: String,
    /// From when [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// Until when [default: the next hand-over]
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// The time zone of local times [default: yours in the file]
    #[arg(long, value_name = "ZONE")]
    pub(crate) zone: Option<String>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    #[command(flatten)]
    pub(crate) ask: Ask,
}

/// A vacation.
#[derive(Debug, Args)]
pub(crate) struct Away {
    /// Who is away; yourself unless told
    pub(crate) user: Option<String>,
    /// From when [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// Until when
    #[arg(long, value_name = "TIME")]
    pub(crate) until: String,
    /// The time zone of local times [default: theirs in the file]
    #[arg(long, value_name = "ZONE")]
    pub(crate) zone: Option<String>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    #[command(flatten)]
    pub(crate) ask: Ask,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SwapVerb {
    /// The offers, the newest first
    #[command(after_help = "\
Examples:
  rem-monitor swap list")]
    List(Plain),
    /// Offer a shift to somebody, perhaps for one of theirs
    Offer(Box<SwapOffer>),
    /// Accept an offer: the shifts change hands at once
    #[command(after_help = "\
Examples:
  rem-monitor swap accept 3")]
    Accept(SwapId),
    /// Decline an offer, or take one's own back
    #[command(after_help = "\
Examples:
  rem-monitor swap decline 3")]
    Decline(SwapId),
}

/// An offer.
#[derive(Debug, Args)]
pub(crate) struct SwapId {
    /// The offer, as `swap list` shows it
    pub(crate) id: u64,
    #[command(flatten)]
    pub(crate) ask: Ask,
}

/// A shift that is offered.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rem-monitor swap offer web-oncall --to bob --from '2026-12-24 09:00' --until '2026-12-25 09:00'
  rem-monitor swap offer web-oncall --to bob --from 2026-12-24T09:00:00Z --until 2026-12-25T09:00:00Z \\
      --want-from 2026-12-31T09:00:00Z --want-until 2027-01-01T09:00:00Z")]
pub(crate) struct SwapOffer {
    /// The role
    pub(crate) role: String,
    /// To whom
    #[arg(long, value_name = "USER")]
    pub(crate) to: String,
    /// From when [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// Until when
    #[arg(long, value_name = "TIME")]
    pub(crate) until: String,
    /// Whose shift it is; yours unless told
    #[arg(long, value_name = "USER")]
    pub(crate) user: Option<String>,
    /// What is wanted for it: from when
    #[arg(long, value_name = "TIME", requires = "want_until")]
    pub(crate) want_from: Option<String>,
    /// Until when
    #[arg(long, value_name = "TIME", requires = "want_from")]
    pub(crate) want_until: Option<String>,
    /// In which role, if in another
    #[arg(long, value_name = "ROLE", requires = "want_from")]
    pub(crate) want_role: Option<String>,
    /// The time zone of local times [default: yours in the file]
    #[arg(long, value_name = "ZONE")]
    pub(crate) zone: Option<String>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    #[command(flatten)]
    pub(crate) ask: Ask,
}
