use std::path::PathBuf;

use clap::{Parser, Subcommand};
use clap_complete::Shell;

const EXAMPLES: &str = "\
Examples:
  rem-monitor monitor.yaml                 watch, draw and serve until Ctrl-C
  rem-monitor check monitor.yaml           say what is wrong in the file, start nothing
  rem-monitor explain monitor.yaml web-01  what is watched on web-01, and which line says so
  kill -HUP PID                            read the file again; what did not change goes on";

/// Watches machines and services as a YAML file says, and serves the pages that show it.
#[derive(Debug, Parser)]
#[command(
    name = "rem-monitor",
    version,
    after_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
pub(crate) struct Arguments {
    /// The YAML file to run
    #[arg(required = true, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,

    /// Folder of graphs and durable state, instead of the file's `data:`
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,

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

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Say everything that is wrong in a file, with line and column; start nothing
    Check {
        /// The YAML file to check
        file: PathBuf,
        /// Print the mistakes as JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the merged, resolved definition of a machine, service or monitor
    Explain {
        /// The YAML file to read
        file: PathBuf,
        /// A machine, a service or a monitor such as web-01/linux/cpu
        name: String,
    },
    /// Read a password from stdin and print the hash that `auth:` wants
    HashPassword,
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}
