//! `procblock FILE.yaml`: processes a block and prints its result as JSON.

mod args;
mod check;
mod output;
mod run;

use std::process::ExitCode;

use clap::Parser;
use rem_command::{Exit, completions, say, start_log, tell};

use crate::args::{Args, Command};

fn main() -> ExitCode {
    let args = Args::parse();
    if let Err(error) = start_log(&args.log, false) {
        tell(&format!("procblock: {error}"));
        return Exit::Mistake.into();
    }
    let code = match &args.command {
        Some(Command::Check { files }) => rem_command::run(check::check(files, &args.python)),
        Some(Command::Completions { shell }) => {
            say(&completions::<Args>(*shell)).map(|()| Exit::Done)
        }
        None => rem_command::run(run::run(&args)),
    };
    let exit = code.unwrap_or_else(|error| {
        tell(&format!("procblock: {error}"));
        Exit::Failed
    });
    exit.into()
}
