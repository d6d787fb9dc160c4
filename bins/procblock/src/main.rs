//! `procblock FILE.yaml`: processes a block and prints its result as JSON.

mod args;
mod check;
mod output;
mod run;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::args::{Args, Command};

/// Everything was done.
pub(crate) const DONE: u8 = 0;
/// A run failed.
pub(crate) const FAILED: u8 = 1;
/// The file or the arguments are wrong.
pub(crate) const WRONG: u8 = 2;

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // Nothing to do about a closed terminal.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { WRONG } else { DONE });
        }
    };
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(tracing_subscriber::EnvFilter::new(&args.log))
        .init();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::tell(&format!("procblock: cannot start: {error}"));
            return ExitCode::from(FAILED);
        }
    };
    let code = match args.command {
        Some(Command::Check { files }) => runtime.block_on(check::check(&files, &args.python)),
        Some(Command::Completions { shell }) => {
            let mut command = Args::command();
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut command, "procblock", &mut script);
            output::print(&String::from_utf8_lossy(&script));
            DONE
        }
        None => runtime.block_on(run::run(&args)),
    };
    // A thread that hangs in a system call must not keep the program.
    runtime.shutdown_background();
    ExitCode::from(code)
}
