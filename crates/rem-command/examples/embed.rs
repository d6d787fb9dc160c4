//! A command that asks for a password and shows how long it is.

use std::process::ExitCode;

use rem_command::{Cell, Exit, Table, Tone, colour, password, say, start_log, tell};

fn main() -> ExitCode {
    if let Err(error) = start_log("info", false) {
        tell(&error.to_string());
        return Exit::Mistake.into();
    }
    let password = match password() {
        Ok(password) => password,
        Err(error) => {
            tell(&error.to_string());
            return Exit::Failed.into();
        }
    };
    let mut table = Table::new(["WHAT", "LENGTH"]);
    let tone = match password.len() < 12 {
        true => Tone::Bad,
        false => Tone::Good,
    };
    let length = Cell::toned(password.chars().count().to_string(), tone);
    table.row(["password".into(), length]);
    match say(&table.text(colour())) {
        Ok(()) => Exit::Done.into(),
        Err(_) => Exit::Failed.into(),
    }
}
