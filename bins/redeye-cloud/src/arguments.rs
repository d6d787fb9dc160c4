use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use rem_time::Span;

use crate::query::Query;

mod nouns;

pub(crate) use nouns::{
    Firewall, Image, Instance, Ip, Key, Lb, Look, RequestInstance, Rule, Snapshot, Volume,
};

const EXAMPLES: &str = "\
Examples:
  redeye-cloud init                              write a configuration for what this machine can do
  redeye-cloud instance request --name web --image http
  redeye-cloud instance list                     from the cache while it is young
  redeye-cloud instance list --fresh -o json     ask now; an old answer says that it is old
  redeye-cloud instance stop m-0a1b --dry-run    what would be done, exactly
  redeye-cloud ip move ip-3 m-0a1b               and wait until a third machine sees it there
  redeye-cloud storage snapshot shop             all volumes at one instant; writing goes on whatever happens
  redeye-cloud op list                           what is under way
  redeye-cloud op wait 01J9ZQ6T3D9T8P6V6X0Y3K5M1A
  redeye-cloud cost show --since 30d --by tag:team
  redeye-cloud daemon                            /metrics on 127.0.0.1:9732; kill -HUP reads the file again

Every write is an operation with an id. It is written down before anything is done,
and finished by the next command or daemon if this one dies.

Exit codes: 0 done; 1 failed; 2 a mistake in the arguments or the configuration;
3 not found; 4 part of it failed; 5 only an old answer, and --strict-fresh; 6 not
allowed; 7 still under way when the time was over.";

/// Clouds and your own hardware from one command line.
#[derive(Debug, Parser)]
#[command(name = "redeye-cloud", version, after_help = EXAMPLES, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) noun: Noun,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// Aligned columns, for people
    Table,
    /// JSON with the listing's origin and age
    Json,
    /// The same as YAML
    Yaml,
    /// Columns divided by tabs, without a head
    Text,
    /// Ids only, one a line
    Id,
}

#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Common {
    /// Which megavisor, if the configuration has several; rack@1 is a version of rack
    #[arg(
        short,
        long,
        value_name = "NAME",
        env = "REDEYE_MEGAVISOR",
        global = true
    )]
    pub(crate) megavisor: Option<String>,
    /// The configuration, instead of ./redeye-cloud.yaml, ~/.config/redeye-cloud.yaml or /etc/redeye-cloud.yaml
    #[arg(long, value_name = "FILE", env = "REDEYE_CLOUD_CONFIG", global = true)]
    pub(crate) config: Option<PathBuf>,
    /// How an answer is printed
    #[arg(
        short,
        long,
        value_enum,
        value_name = "FORMAT",
        default_value = "table",
        global = true
    )]
    pub(crate) output: Output,
    /// Which columns, such as id,power
    #[arg(long, value_name = "NAMES", value_delimiter = ',', global = true)]
    pub(crate) columns: Vec<String>,
    /// What of the answer, in JMESPath: items[?power=='on'].id; text prints a line a value
    #[arg(
        long,
        value_name = "JMESPATH",
        global = true,
        conflicts_with = "columns"
    )]
    pub(crate) query: Option<Query>,
    /// Only what has this: field=value or tag:name=value; may be given again
    #[arg(long, value_name = "FIELD=VALUE", global = true)]
    pub(crate) filter: Vec<String>,
    /// Ask the cloud now; if it does not answer, what is kept with a warning
    #[arg(long, global = true, conflicts_with_all = ["cached", "max_age", "strict_fresh"])]
    pub(crate) fresh: bool,
    /// Ask the cloud now, or fail
    #[arg(long, global = true, conflicts_with_all = ["cached", "max_age"])]
    pub(crate) strict_fresh: bool,
    /// What is kept; do not ask the cloud
    #[arg(long, global = true, conflicts_with = "max_age")]
    pub(crate) cached: bool,
    /// Take what is kept if it is younger
    #[arg(long, value_name = "SPAN", global = true)]
    pub(crate) max_age: Option<Span>,
    /// Show what would be done, and do nothing
    #[arg(long, global = true)]
    pub(crate) dry_run: bool,
    /// Print the operation's id and do not wait for its end
    #[arg(long, global = true)]
    pub(crate) no_wait: bool,
    /// How long to wait for the end; what is still under way then goes on
    #[arg(long, value_name = "SPAN", default_value = "5m", global = true)]
    pub(crate) timeout: Span,
    /// How long an operation is tried, by whichever command or daemon
    #[arg(long, value_name = "SPAN", default_value = "1h", global = true)]
    pub(crate) deadline: Span,
    /// Do not ask before something that cannot be taken back
    #[arg(short, long, global = true)]
    pub(crate) yes: bool,
    /// How much to log on stderr: error, warn, info, debug, trace
    #[arg(
        long,
        value_name = "LEVEL",
        default_value = "error",
        env = "REM_LOG",
        global = true
    )]
    pub(crate) log: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Noun {
    /// Machines
    #[command(subcommand)]
    Instance(Instance),
    /// Block devices
    #[command(subcommand)]
    Volume(Volume),
    /// Contents of volumes at an instant
    #[command(subcommand)]
    Snapshot(Snapshot),
    /// Addresses that move between machines
    #[command(subcommand)]
    Ip(Ip),
    /// One address in front of many machines
    #[command(subcommand)]
    Lb(Lb),
    /// Keys that open new machines
    #[command(subcommand)]
    Key(Key),
    /// Rules for packets
    #[command(subcommand)]
    Firewall(Firewall),
    /// What machines start from
    #[command(subcommand)]
    Image(Image),
    /// Places far from each other
    #[command(subcommand)]
    Region(Look),
    /// Parts of a region that fail alone
    #[command(subcommand)]
    Zone(Look),
    /// Sizes of machines
    #[command(subcommand)]
    Size(Look),
    /// How much room there is
    #[command(subcommand)]
    Capacity(Look),
    /// What things cost, by the price book that the configuration names under `prices`
    #[command(subcommand)]
    Cost(Cost),
    /// What is mounted here, layer on layer, and its snapshots
    #[command(subcommand)]
    Storage(crate::storage::Verb),
    /// What is under way, and what became of it
    #[command(subcommand)]
    Op(Op),
    /// Keep listings young, finish what dead commands left, serve /metrics, until Ctrl-C
    Daemon {
        /// Where /metrics is served
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9732")]
        listen: SocketAddr,
    },
    /// What can be asked here, and what each can do
    Megavisors,
    /// What a storage starts before it stops writing
    #[command(hide = true)]
    StorageWatchdog,
    /// Write a configuration for what this machine can do
    Init {
        /// Over an existing one
        #[arg(long)]
        force: bool,
    },
    /// The completion script of a shell
    Completions {
        /// Which shell
        shell: Shell,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Op {
    /// What is under way or stuck
    List {
        /// Also what is over
        #[arg(long)]
        all: bool,
    },
    /// One, with all that happened
    Show {
        /// Which
        id: String,
    },
    /// Wait until it is over; take it over if nobody works on it
    Wait {
        /// Which
        id: String,
    },
    /// Take over everything that nobody works on, and wait for it
    Resume,
    /// Stop it; what was done stays
    Cancel {
        /// Which
        id: String,
    },
    /// Say that you have looked at what a stuck one left behind
    Resolve {
        /// Which
        id: String,
        /// What you found
        #[arg(long)]
        why: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Cost {
    /// What is there and what was, since a time
    Show {
        /// How far back
        #[arg(long, value_name = "SPAN", default_value = "30d")]
        since: Span,
        /// Sums by kind, megavisor, region, size or tag:NAME in place of single things
        #[arg(long, value_name = "WHAT")]
        by: Option<String>,
    },
}
