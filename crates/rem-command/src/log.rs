use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// A log cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter is not one.
    #[error("not a level or filter for --log: {filter}")]
    Filter {
        /// As it was given.
        filter: String,
        /// Why.
        source: tracing_subscriber::filter::ParseError,
    },
    /// There is one already.
    #[error("the log was started before")]
    Twice,
}

/// Logs to stderr, with colours on a terminal. `filter` is `info`, or
/// `warn,rem_check=debug`; with `json` every line is an object.
///
/// # Errors
/// If the filter is not one, or a log was started before.
pub fn start_log(filter: &str, json: bool) -> Result<(), LogError> {
    let levels = EnvFilter::try_new(filter).map_err(|source| LogError::Filter {
        filter: filter.to_owned(),
        source,
    })?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(levels)
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal());
    match json {
        true => log.json().try_init(),
        false => log.try_init(),
    }
    .map_err(|_| LogError::Twice)
}
