//! The ways to run a function.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use redeye_cloud::{Class, CloudError};
use rem_check::{Check, Ping, PingOptions, Pinger, Verdict};
use rem_time::{Clock, Span};
use serde_json::{Value, json};

use crate::contract::{Code, Said};
use crate::function::{Form, Function};
use crate::template::Values;

mod http;
mod program;
mod wake;

/// What all functions of a megavisor share.
#[derive(Clone)]
pub(crate) struct Tools {
    pub(crate) pinger: Pinger,
    pub(crate) clock: Arc<dyn Clock>,
    /// Where scripts run.
    pub(crate) folder: std::path::PathBuf,
}

/// One call of a function.
pub(crate) struct Call<'a> {
    pub(crate) function: &'a Function,
    pub(crate) values: &'a Values,
    /// What goes to its standard input.
    pub(crate) input: &'a Value,
    /// In an error: `start of web-1`.
    pub(crate) doing: &'a str,
}

/// Runs a function once.
pub(crate) async fn run(tools: &Tools, call: &Call<'_>) -> Result<Said, CloudError> {
    match &call.function.form {
        Form::Argv { .. } | Form::Script { .. } | Form::Ssh { .. } => {
            program::run(tools, call).await
        }
        Form::Http { .. } => http::run(call).await,
        Form::WakeOnLan { mac, to } => wake::run(call, mac, to.as_ref()).await,
        Form::Ping { host } => Ok(match answers(tools, &host.fill(call.values)).await {
            true => Said::new(Code::Done, json!({"power": "on"}).to_string()),
            // Nothing answers, which is not the same as off.
            false => Said::new(Code::Done, json!({"power": "unknown"}).to_string()),
        }),
        Form::AnyOf(_) => Err(CloudError::new(
            Class::Invalid,
            call.doing,
            "any_of is for queries",
        )),
    }
}

/// Whether an address answers pings.
pub(crate) async fn answers(tools: &Tools, host: &str) -> bool {
    let options = PingOptions {
        count: 1,
        timeout: Span::from_seconds(1),
        ..PingOptions::new(host)
    };
    let ping = Ping::new(&tools.pinger, options);
    ping.run(tools.clock.now()).await.verdict == Verdict::Ok
}

/// What an interactive function runs, and what its environment has.
pub(crate) fn interactive(form: &Form, values: &Values, folder: &Path) -> Terminal {
    let (mut argv, own) = program::words(form, values, folder);
    if let (Form::Ssh { .. }, Some(option)) = (form, argv.get_mut(1)) {
        // A person wants a terminal there too.
        "-t".clone_into(option);
    }
    // The same as every other program gets.
    let given = values
        .iter()
        .map(|(name, value)| (format!("REM_{}", name.to_uppercase()), value.to_owned()));
    let env = given.chain(own).collect();
    Terminal { argv, env }
}

/// A program that talks to a person's terminal.
#[derive(Clone, PartialEq, Eq)]
pub struct Terminal {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// What its environment has to have; secrets are among it.
    pub env: Vec<(String, String)>,
}

impl std::fmt::Debug for Terminal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.env.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Terminal")
            .field("argv", &self.argv)
            .field("env", &names)
            .finish()
    }
}

/// A program's or a request's call as people may see it.
pub(crate) fn show(form: &Form, values: &Values, folder: &Path) -> Vec<String> {
    match form {
        Form::Argv { .. } | Form::Script { .. } | Form::Ssh { .. } => {
            program::show(form, values, folder)
        }
        Form::Http { method, url, .. } => vec![method.clone(), url.show(values)],
        Form::WakeOnLan { mac, .. } => vec!["wake_on_lan".into(), mac.show(values)],
        Form::Ping { host } => vec!["ping".into(), host.show(values)],
        Form::AnyOf(names) => std::iter::once("any_of".to_owned())
            .chain(names.iter().cloned())
            .collect(),
    }
}

fn duration(span: Span) -> Duration {
    span.as_duration()
}
