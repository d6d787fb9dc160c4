use std::io::{self, BufRead, IsTerminal, Read, Stdin, Write};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// A longer password is not one.
const PASSWORD_MAX: u64 = 4_096;

/// A person gave no answer to use.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nothing was typed.
    #[error("the password is empty")]
    Empty,
    /// It is not text.
    #[error("cannot read the answer")]
    Read(#[from] io::Error),
    /// There is no terminal to ask on.
    #[error("nobody can be asked here: say --yes")]
    Nobody,
}

/// Reads a password: from a terminal one line that is not shown while it is typed,
/// from a pipe everything up to its end, without the line end.
///
/// # Errors
/// If it is empty, or cannot be read.
pub fn password() -> Result<String, AskError> {
    let stdin = io::stdin();
    let mut text = String::new();
    if stdin.is_terminal() {
        let mut err = io::stderr();
        let _ = write!(err, "password: ").and_then(|()| err.flush());
        let hidden = Hidden::on(&stdin);
        let read = stdin.lock().read_line(&mut text);
        drop(hidden);
        let _ = writeln!(err);
        read?;
    } else {
        stdin.lock().take(PASSWORD_MAX).read_to_string(&mut text)?;
    }
    let text = text.trim_end_matches(['\r', '\n']);
    match text.is_empty() {
        true => Err(AskError::Empty),
        false => Ok(text.to_owned()),
    }
}

/// Asks before something that cannot be taken back; `yes` was said in advance.
///
/// # Errors
/// If there is no terminal to ask on.
pub fn confirm(question: &str, yes: bool) -> Result<bool, AskError> {
    if yes {
        return Ok(true);
    }
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        return Err(AskError::Nobody);
    }
    let mut err = io::stderr();
    let _ = write!(err, "{question} [y/N] ").and_then(|()| err.flush());
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer)?;
    Ok(is_yes(&answer))
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

/// A terminal that does not show what is typed; as it was when dropped.
struct Hidden<'a>(&'a Stdin, Termios);

impl<'a> Hidden<'a> {
    fn on(stdin: &'a Stdin) -> Option<Self> {
        let before = tcgetattr(stdin).ok()?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);

        tcsetattr(stdin, OptionalActions::Now, &quiet).ok()?;
        Some(Self(stdin, before))
    }
}

impl Drop for Hidden<'_> {
    fn drop(&mut self) {
        // A terminal that has gone away needs nothing back.
        let _ = tcsetattr(self.0, OptionalActions::Now, &self.1);
    }
}

#[cfg(test)]
mod tests {
    use super::is_yes;

    #[test]
    fn only_a_yes_is_a_yes() {
        for answer in ["y", "Y\n", " yes \n"] {
            assert!(is_yes(answer), "{answer:?}");
        }
        for answer in ["", "\n", "no", "yesterday", "ye"] {
            assert!(!is_yes(answer), "{answer:?}");
        }
    }
}
