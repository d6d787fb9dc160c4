//! The command `redeye-cloud`: clouds and own hardware, a noun and a verb.

mod arguments;
mod config;
mod exit;
mod found;
mod operations;
mod reads;
mod session;
mod show;
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
        Noun::Init { force } => config::init(&arguments.common, *force),
        noun => rem_command::run(async {
            let session = Session::open(&arguments.common)?;
            let end = operations::run(&session, noun).await;
            session.close().await;
            end
        })?,
    }
}
