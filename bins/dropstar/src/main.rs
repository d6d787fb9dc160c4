//! The command `dropstar`: arguments, logging, wiring, signals.

mod arguments;
mod run;

use std::io::{ErrorKind, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{CommandFactory, Parser};
use dropstar::SiteFiles;
use rem_yaml::Problems;
use tracing_subscriber::EnvFilter;

use crate::arguments::{Arguments, Verb};

/// The files, or the command line, are wrong.
const EXIT_MISTAKE: u8 = 2;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Err(error) = start_log(&arguments) {
        eprintln!("dropstar: {error:#}");
        return ExitCode::from(EXIT_MISTAKE);
    }
    let done = match &arguments.verb {
        Some(Verb::Check { files, package }) => check(files, *package, &arguments.python),
        Some(Verb::HashPassword) => hash_password(),
        Some(Verb::Completions { shell }) => {
            let mut command = Arguments::command();
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut command, "dropstar", &mut script);
            said(&script)
        }
        None => start(&arguments),
    };
    done.unwrap_or_else(|error| {
        eprintln!("dropstar: {error:#}");
        ExitCode::FAILURE
    })
}

fn start_log(arguments: &Arguments) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&arguments.log)
        .with_context(|| format!("not a level or filter for --log: {}", arguments.log))?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal());
    if arguments.log_json {
        log.json().init();
    } else {
        log.init();
    }
    Ok(())
}

fn start(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let files = match SiteFiles::read(&arguments.sites) {
        Ok(files) => files,
        Err(problems) => return Ok(wrong(&problems)),
    };
    let runtime = tokio::runtime::Runtime::new().context("cannot start")?;
    let done = runtime.block_on(run::run(arguments, files));
    // A thread that hangs in a system call must not keep the program.
    runtime.shutdown_background();
    done
}

fn check(files: &[PathBuf], package: bool, python: &Path) -> anyhow::Result<ExitCode> {
    let read = match package {
        true => SiteFiles::read_packages(files),
        false => SiteFiles::read(files),
    };
    let read = match read {
        Ok(read) => read,
        Err(problems) => return Ok(wrong(&problems)),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let checked = runtime.block_on(read.check(python));
    for warning in checked.warnings.sorted() {
        eprintln!("warning: {warning}");
    }
    if !checked.problems.is_empty() {
        return Ok(wrong(&checked.problems));
    }
    for file in files {
        said(format!("{}: ok\n", file.display()).as_bytes())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn wrong(problems: &Problems) -> ExitCode {
    eprintln!("{problems}");
    match problems.len() {
        1 => eprintln!("1 mistake; nothing was started or changed"),
        n => eprintln!("{n} mistakes; nothing was started or changed"),
    }
    ExitCode::from(EXIT_MISTAKE)
}

fn hash_password() -> anyhow::Result<ExitCode> {
    if std::io::stdin().is_terminal() {
        eprintln!("type the password, then press Enter and Ctrl-D:");
    }
    let mut password = String::new();
    std::io::stdin()
        .read_to_string(&mut password)
        .context("cannot read the password")?;
    let password = password.trim_end_matches(['\r', '\n']);
    anyhow::ensure!(!password.is_empty(), "the password is empty");
    said(format!("{}\n", dropstar::hash_password(password)?).as_bytes())
}

/// Writes to stdout. Whoever reads it may have seen enough, as `head` does.
pub(crate) fn said(text: &[u8]) -> anyhow::Result<ExitCode> {
    match std::io::stdout().write_all(text) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to stdout")
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}
