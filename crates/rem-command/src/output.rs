use std::io::{self, ErrorKind, IsTerminal, Write};

use clap::{CommandFactory, ValueEnum};
use clap_complete::Shell;
use serde_json::Value;

/// How an answer is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Aligned, for people; colours on a terminal only
    #[default]
    Table,
    /// JSON, for programs
    Json,
}

/// Whether stdout bears colours: a terminal that is not `dumb`, and nobody has set
/// `NO_COLOR`.
pub fn colour() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    io::stdout().is_terminal() && !refused && !dumb
}

/// Writes a text to stdout as it is, at once. A reader who has gone away has seen
/// enough; that is no error.
///
/// # Errors
/// If it cannot be written for another reason, such as a full disk.
pub fn say(text: &str) -> io::Result<()> {
    let mut out = io::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

/// Writes JSON to stdout, indented, with a line end.
///
/// # Errors
/// As [`say`].
pub fn say_json(value: &Value) -> io::Result<()> {
    say(&format!("{value:#}\n"))
}

/// Writes a line to stderr. Nobody may be listening, which is no reason to stop.
pub fn tell(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// The completion script of a command for a shell.
pub fn completions<A: CommandFactory>(shell: Shell) -> String {
    let mut command = A::command();
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    String::from_utf8_lossy(&script).into_owned()
}
