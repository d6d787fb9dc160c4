//! The command `rem-monitor`: arguments, wiring, and what is asked of a running one.

mod arguments;
mod ask;
mod doors;
mod file;
mod files;
mod instant;
mod levels;
mod listeners;
mod run;
mod verbs;

use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use rem_command::{Exit, Format, completions, say, start_log, tell};

use crate::arguments::{Arguments, Verb};
use crate::ask::AskError;

/// Thousands of alerts are small allocations from several threads, of which glibc's
/// allocator makes a third of all CPU.

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Err(error) = start_log(&arguments.log, arguments.log_json) {
        tell(&format!("rem-monitor: {error}"));
        return Exit::Mistake.into();
    }
    let exit = done(&arguments).unwrap_or_else(|error| {
        tell(&format!("rem-monitor: {error:#}"));
        error
            .downcast_ref::<AskError>()
            .map_or(Exit::Failed, AskError::exit)
    });
    exit.into()
}

fn done(arguments: &Arguments) -> anyhow::Result<Exit> {
    let format = arguments.output;
    match (&arguments.verb, &arguments.file) {
        (None, None) => Ok(Exit::Mistake),
        (None, Some(file)) => start(file, arguments),
        (Some(Verb::Check { file, json: true }), _) => file::check(file, Format::Json),
        (Some(Verb::Check { file, json: false }), _) => file::check(file, format),
        (Some(Verb::HashPassword), _) => {
            let hash = dropstar::hash_password(&rem_command::password()?)?;
            say(&format!("{hash}\n"))?;
            Ok(Exit::Done)
        }
        (Some(Verb::Completions { shell }), _) => {
            say(&completions::<Arguments>(*shell))?;
            Ok(Exit::Done)
        }
        (Some(Verb::Test { files }), _) => levels::test(files, format),
        (Some(Verb::Replay(asked)), _) => levels::over_the_past(asked, format),
        (Some(verb), _) => rem_command::run(verbs::run(verb, format))?,
    }
}

fn start(file: &Path, arguments: &Arguments) -> anyhow::Result<Exit> {
    let (loaded, sought) = file::load_seeking(file);
    let config = match loaded {
        Ok(config) => config,
        Err(exit) => return Ok(exit),
    };
    let data = arguments.data.as_deref().unwrap_or_else(|| config.data());
    let data = data.to_owned();
    rem_command::run(run::run(file, &data, config, sought))?
}
