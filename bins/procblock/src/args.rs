use std::path::PathBuf;

use clap::{Parser, Subcommand};
use clap_complete::Shell;

const EXAMPLES: &str = "\
Examples:
  procblock simplest.yaml                       run a block once, print its result
  procblock --json simplest.yaml | jq .run      the result on one line
  procblock disks.yaml --limit 90 /var          options and arguments of the file itself
  procblock disks.yaml --help                   what the file takes
  procblock check *.yaml                        every mistake, with file, line and column
  procblock completions bash                    completions for a shell

Options of procblock stand before the file, those of the file after it.

Exit codes: 0 done, also when stopped by Ctrl-C or SIGTERM; 1 a run failed;
2 the file or the arguments are wrong.";

/// Runs a block: a YAML file of data, conditions and scripts.
#[derive(Debug, Parser)]
#[command(
    name = "procblock",
    version,
    after_help = EXAMPLES,
    subcommand_negates_reqs = true,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true
)]
pub(crate) struct Args {
    /// The result on one line instead of indented
    #[arg(long)]
    pub json: bool,

    /// Say nothing but errors on standard error
    #[arg(short, long)]
    pub quiet: bool,

    /// The interpreter of Python scripts
    #[arg(long, value_name = "PATH", default_value = "python3")]
    pub python: PathBuf,

    /// Where time series of groups and of scripts are kept
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub series: PathBuf,

    /// What to log, such as debug or rem_script=debug
    #[arg(
        long,
        value_name = "FILTER",
        env = "PROCBLOCK_LOG",
        default_value = "error"
    )]
    pub log: String,

    /// The file, then its own options and arguments
    #[arg(required = true, value_name = "FILE", num_args = 1.., trailing_var_arg = true, allow_hyphen_values = true)]
    pub file: Vec<String>,

    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Reads files and lists every mistake in them, without running anything
    Check {
        /// The files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Prints the completions of a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}
