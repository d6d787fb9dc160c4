//! The command `redeye-cloud`: clouds and own hardware, a noun and a verb.

mod arguments;
mod config;
mod cost;
mod daemon;
mod ec2;
mod exit;
mod found;
mod machine;
mod metrics;
mod nouns;
mod operations;
mod parsed;
mod prices;
mod query;
mod reads;
mod session;
mod show;
mod storage;
mod writes;

use std::process::ExitCode;

use clap::Parser;
use rem_command::{completions, say, start_log, tell};

use crate::arguments::{Arguments, Noun};
use crate::exit::{End, of_error};
use crate::session::Session;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Err(error) = start_log(&arguments.common.log, false) {
        tell(&format!("redeye-cloud: {error}"));
        return End::Usage.into();
    }
    let end = done(&arguments).unwrap_or_else(|error| {
        tell(&format!("redeye-cloud: {error:#}"));
        of_error(&error)
    });
    end.into()
}

fn done(arguments: &Arguments) -> anyhow::Result<End> {
    match &arguments.noun {
        Noun::Completions { shell } => {
            say(&completions::<Arguments>(*shell))?;
            Ok(End::Done)
        }
        Noun::StorageWatchdog => rem_command::run(storage::watchdog())?,
        Noun::Init { force } => config::init(&arguments.common, *force),
        Noun::Daemon { listen } => rem_command::run(daemon::run(&arguments.common, *listen))?,
        noun => rem_command::run(async {
            let session = Session::open(&arguments.common)?;
            let end = operations::run(&session, noun).await;
            session.close().await;
            end
        })?,
    }
}
