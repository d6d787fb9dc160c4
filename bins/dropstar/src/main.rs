//! The command `dropstar`: arguments, logging, wiring, signals.

mod arguments;
mod run;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use dropstar::SiteFiles;
use rem_command::{Exit, completions, say, start_log, tell};
use rem_yaml::Problems;

use crate::arguments::{Arguments, Verb};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Err(error) = start_log(&arguments.log, arguments.log_json) {
        tell(&format!("dropstar: {error}"));
        return Exit::Mistake.into();
    }
    let done = match &arguments.verb {
        Some(Verb::Check { files, package }) => check(files, *package, &arguments.python),
        Some(Verb::HashPassword) => hash_password(),
        Some(Verb::Completions { shell }) => say(&completions::<Arguments>(*shell))
            .map(|()| Exit::Done)
            .map_err(Into::into),
        None => start(&arguments),
    };
    let exit = done.unwrap_or_else(|error| {
        tell(&format!("dropstar: {error:#}"));
        Exit::Failed
    });
    exit.into()
}

fn start(arguments: &Arguments) -> anyhow::Result<Exit> {
    let files = match SiteFiles::read(&arguments.sites) {
        Ok(files) => files,
        Err(problems) => return Ok(wrong(&problems)),
    };
    rem_command::run(run::run(arguments, files)).context("cannot start")?
}

fn check(files: &[PathBuf], package: bool, python: &Path) -> anyhow::Result<Exit> {
    let read = match package {
        true => SiteFiles::read_packages(files),
        false => SiteFiles::read(files),
    };
    let read = match read {
        Ok(read) => read,
        Err(problems) => return Ok(wrong(&problems)),
    };
    let checked = rem_command::run(read.check(python))?;
    for warning in checked.warnings.sorted() {
        tell(&format!("warning: {warning}"));
    }
    if !checked.problems.is_empty() {
        return Ok(wrong(&checked.problems));
    }
    for file in files {
        say(&format!("{}: ok\n", file.display()))?;
    }
    Ok(Exit::Done)
}

fn wrong(problems: &Problems) -> Exit {
    tell(&problems.to_string());
    let mistakes = match problems.len() {
        1 => "1 mistake".to_owned(),
        n => format!("{n} mistakes"),
    };
    tell(&format!("{mistakes}; nothing was started or changed"));
    Exit::Mistake
}

fn hash_password() -> anyhow::Result<Exit> {
    let hash = dropstar::hash_password(&rem_command::password()?)?;
    say(&format!("{hash}\n"))?;
    Ok(Exit::Done)
}
