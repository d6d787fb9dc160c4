use std::collections::BTreeMap;
use std::path::PathBuf;

use rem_script::{End, Program, run};
use rem_time::Span;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Names that every script has in its environment, with `REM_` before them, and that
/// no parameter may have.
pub(crate) const GIVEN: [&str; 16] = [
    "storage",
    "layer",
    "function",
    "phase",
    "op",
    "mount",
    "mounts",
    "devices",
    "run",
    "outcome",
    "failed_layer",
    "entered",
    "snapshot",
    "made",
    "live",
    "force",
];
/// It was so already.
const ALREADY: i32 = 10;
/// So the reason begins when a script did not end by itself.
pub(crate) const CUT_OFF: &str = "no end within";
/// Characters kept of a reason.
const REASON_CHARS_MAX: usize = 2_000;

/// One script with everything that it is told: what the watchdog can run too.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Call {
    pub(crate) argv: Vec<String>,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) folder: PathBuf,
    pub(crate) input: Value,
    pub(crate) timeout: Span,
    pub(crate) kill_after: Span,
}

/// What a script may print as its last line, as JSON.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Said {
    /// What it made, such as the names of snapshots.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<String>,
    /// The devices that the layer above builds on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<String>,
    /// Whatever it wants to know again when what it made is restored or forgotten.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub state: Value,
    /// What a person should know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Call {
    /// Runs it once.
    pub(crate) async fn run(&self) -> Result<Said, String> {
        let (name, args) = self.argv.split_first().ok_or("no program")?;
        let program = Program::new(name)
            .args(args)
            .envs(&self.env)
            .cwd(&self.folder)
            .stdin(format!("{}\n", self.input))
            .deadline(self.timeout.as_duration())
            .grace(self.kill_after.as_duration());
        let finished = run(&program).await.map_err(|error| crate::chain(&error))?;
        let stdout = finished.stdout.text();
        match finished.end {
            End::Exited(0 | ALREADY) => Ok(Said::from_output(&stdout)),
            End::Exited(code) => {
                let stderr = finished.stderr.text();
                let texts = [stderr.trim(), stdout.trim()];
                let said = texts.into_iter().find(|text| !text.is_empty());
                let said = last_lines(said.unwrap_or("it said nothing"));
                Err(match code {
                    1 => said,
                    code => format!("{said} (exit code {code})"),
                })
            }
            End::TimedOut { killed: false } => Err(format!("{CUT_OFF} {}", self.timeout)),
            End::TimedOut { killed: true } => Err(format!(
                "{CUT_OFF} {}, and it had to be killed",
                self.timeout
            )),
            End::Signaled(signal) => Err(format!("ended by signal {signal}")),
        }
    }
}

impl Said {
    /// From what was printed; a last line that is no such JSON is for people.
    fn from_output(text: &str) -> Self {
        let last = text.lines().rev().find(|line| !line.trim().is_empty());
        let read = last.and_then(|line| serde_json::from_str(line.trim()).ok());
        read.unwrap_or_default()
    }
}

/// The end of what was said, where programs put the reason.
fn last_lines(text: &str) -> String {
    const LINES_MAX: usize = 5;
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let from = lines.len().saturating_sub(LINES_MAX);
    let mut reason = lines[from..].join("\n");
    if let Some((end, _)) = reason.char_indices().nth(REASON_CHARS_MAX) {
        reason.truncate(end);
        reason.push('…');
    }
    reason
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(shell: &str) -> Call {
        Call {
            argv: vec!["/bin/sh".into(), "-c".into(), shell.into()],
            env: [("REM_MOUNT".to_owned(), "/srv/a b".to_owned())].into(),
            folder: "/".into(),
            input: serde_json::json!({"function": "snapshot"}),
            timeout: Span::from_seconds(20),
            kill_after: Span::from_seconds(1),
        }
    }

    #[tokio::test]
    async fn the_last_line_may_be_json_and_the_end_of_stderr_is_the_reason() {
        let said = call("cat; echo; echo \"{\\\"ids\\\": [\\\"$REM_MOUNT\\\"]}\"");
        assert_eq!(said.run().await.unwrap().ids, ["/srv/a b"]);
        assert_eq!(call("echo fine; exit 10").run().await, Ok(Said::default()));
        let why = call("echo x; seq 9 >&2; exit 1").run().await.unwrap_err();
        assert_eq!(why, "5\n6\n7\n8\n9");
        let why = call("exit 3").run().await.unwrap_err();
        assert_eq!(why, "it said nothing (exit code 3)");
    }

    #[tokio::test]
    async fn a_script_without_an_end_is_ended() {
        let slow = Call {
            timeout: Span::from_millis(50),
            ..call("exec tail -f /dev/null")
        };
        assert_eq!(slow.run().await.unwrap_err(), "no end within 50ms");
    }
}
