//! The command `rem-monitor`: arguments, logging, wiring, signals.

mod arguments;
mod listeners;
mod run;

use std::io::{ErrorKind, IsTerminal, Read, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::{CommandFactory, Parser};
use rem_config::Config;
use rem_yaml::Problems;
use tracing_subscriber::EnvFilter;

use crate::arguments::{Arguments, Verb};

/// The file, or the command line, is wrong.
const EXIT_MISTAKE: u8 = 2;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Err(error) = start_log(&arguments) {
        eprintln!("rem-monitor: {error:#}");
        return ExitCode::from(EXIT_MISTAKE);
    }
    let done = match &arguments.verb {
        Some(Verb::Check { file, json }) => check(file, *json),
        Some(Verb::Explain { file, name }) => explain(file, name),
        Some(Verb::HashPassword) => hash_password(),
        Some(Verb::Completions { shell }) => {
            let mut command = Arguments::command();
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut command, "rem-monitor", &mut script);
            said(&script)
        }
        None => match &arguments.file {
            Some(file) => start(file, &arguments),
            None => Ok(ExitCode::from(EXIT_MISTAKE)),
        },
    };
    done.unwrap_or_else(|error| {
        eprintln!("rem-monitor: {error:#}");
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

fn load(file: &Path) -> Result<Config, ExitCode> {
    rem_config::load(file).map_err(|problems| {
        eprintln!("{problems}");
        eprintln!("{}", counted(&problems));
        ExitCode::from(EXIT_MISTAKE)
    })
}

fn counted(problems: &Problems) -> String {
    match problems.len() {
        1 => "1 mistake; nothing was started or changed".into(),
        n => format!("{n} mistakes; nothing was started or changed"),
    }
}

fn start(file: &Path, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let config = match load(file) {
        Ok(config) => config,
        Err(code) => return Ok(code),
    };
    let data = arguments
        .data
        .clone()
        .unwrap_or_else(|| config.data().to_owned());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(run::run(file, &data, config))
}

fn check(file: &Path, json: bool) -> anyhow::Result<ExitCode> {
    let checked = rem_config::load(file);
    if json {
        let problems = checked.as_ref().err();
        let list: Vec<serde_json::Value> = problems
            .into_iter()
            .flat_map(Problems::sorted)
            .map(|problem| {
                serde_json::json!({
                    "place": problem.place.to_string(),
                    "key": problem.key_path.to_string(),
                    "message": problem.message,
                    "help": problem.help,
                })
            })
            .collect();
        said(format!("{}\n", serde_json::to_string_pretty(&list)?).as_bytes())?;
    }
    Ok(match checked {
        Ok(config) => {
            if !json {
                let (monitors, machines) = (config.monitors().len(), config.machines().len());
                let file = file.display();
                let line = format!("{file}: {monitors} monitors on {machines} machines\n");
                said(line.as_bytes())?;
            }
            ExitCode::SUCCESS
        }
        Err(problems) => {
            if !json {
                eprintln!("{problems}");
            }
            ExitCode::from(EXIT_MISTAKE)
        }
    })
}

fn explain(file: &Path, name: &str) -> anyhow::Result<ExitCode> {
    let config = match load(file) {
        Ok(config) => config,
        Err(code) => return Ok(code),
    };
    said(format!("{}\n", rem_config::explain(&config, name)?).as_bytes())
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
