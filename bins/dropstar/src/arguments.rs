use std::path::PathBuf;

use clap::{Parser, Subcommand};
use clap_complete::Shell;

const EXAMPLES: &str = "\
Examples:
  dropstar dropstar.yaml               serve the sites of a file until Ctrl-C
  dropstar *.yaml --data /var/lib/rem  several files; counters, queues and state survive a restart
  dropstar check dropstar.yaml         every mistake, with file, line and column; starts nothing
  dropstar hash-password < password    the hash that a user's `password_hash:` wants
  kill -HUP PID                        read the site files again

Edits of packages, scripts and templates need no signal: they are there at the
next request. Exit codes: 0 done, also when stopped by Ctrl-C or SIGTERM; 1 it
cannot listen; 2 a file or an argument is wrong.";

/// Serves sites whose pages are scripts, templates and functions named in YAML files.
#[derive(Debug, Parser)]
#[command(
    name = "dropstar",
    version,
    after_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    disable_help_subcommand = true
)]
pub(crate) struct Arguments {
    /// The site files to serve
    #[arg(required = true, value_name = "SITE", num_args = 1..)]
    pub(crate) sites: Vec<PathBuf>,

    /// Folder of durable counters, queues, locks, state and our own certificate; in memory without
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,

    /// The interpreter of Python scripts
    #[arg(long, value_name = "PATH", default_value = "python3", global = true)]
    pub(crate) python: PathBuf,

    /// How much to log on stderr: error, warn, info, debug, trace, or a filter such as procblock=debug
    #[arg(
        long,
        value_name = "LEVEL",
        default_value = "info",
        env = "DROPSTAR_LOG",
        global = true
    )]
    pub(crate) log: String,

    /// Log lines as JSON
    #[arg(long, global = true)]
    pub(crate) log_json: bool,

    #[command(subcommand)]
    pub(crate) verb: Option<Verb>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Say everything that is wrong in site files and their packages; start nothing
    Check {
        /// The site files, or package files with `--package`
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// The files are packages, not sites
        #[arg(long)]
        package: bool,
    },
    /// Read a password from stdin and print its hash
    HashPassword,
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}
