//! Levels without a running monitor: tests that users write, and what edited levels
//! would have done over what is stored.

use std::collections::HashSet;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use rem_command::{Exit, Format, Table, colour, say, say_json, tell};
use rem_config::Config;
use rem_monitor::simulate::{Difference, Fired, Progress, compare, replay, rule_test};
use rem_series::{Options, Store};
use rem_time::{Clock, SystemClock, Timestamp};
use rem_yaml::Loader;
use serde_json::{Value, json};

use crate::arguments::Replay;
use crate::instant::instant;

/// Runs the tests of some files; exit code 1 if one fails.
pub(crate) fn test(files: &[PathBuf], format: Format) -> anyhow::Result<Exit> {
    let mut exit = Exit::Done;
    let mut reports = Vec::new();
    for file in files {
        match rule_test(file, Loader::new) {
            Err(problems) => {
                tell(&problems.to_string());
                exit = Exit::Mistake;
            }
            Ok(report) => {
                if !report.passed() && exit == Exit::Done {
                    exit = Exit::Failed;
                }
                reports.push((file, report));
            }
        }
    }
    if format == Format::Table {
        for (file, report) in &reports {
            say(&format!("{}\n{report}\n", file.display()))?;
        }
        return Ok(exit);
    }
    let tests = reports.iter().flat_map(|(file, report)| {
        report.tests.iter().map(move |test| {
            let lines = test.lines.iter().map(|line| {
                json!({
                    "place": line.place.to_string(),
                    "at": line.at.to_string(),
                    "text": line.text,
                    "passed": line.passed,
                    "instead": line.instead,
                    "saw": line.saw,
                })
            });
            json!({
                "file": file.display().to_string(),
                "name": test.name,
                "place": test.place.to_string(),
                "passed": test.passed(),
                "lines": lines.collect::<Vec<_>>(),
            })
        })
    });
    say_json(&Value::Array(tests.collect()))?;
    Ok(exit)
}

/// Runs the levels of a file over what is stored.
pub(crate) fn over_the_past(asked: &Replay, format: Format) -> anyhow::Result<Exit> {
    let Some(config) = load(&asked.file) else {
        return Ok(Exit::Mistake);
    };
    let before = match &asked.against {
        None => None,
        Some(file) => match load(file) {
            Some(config) => Some(config),
            None => return Ok(Exit::Mistake),
        },
    };
    let now = SystemClock.now();
    let from = instant(&asked.from, now).context("--from")?;
    let to = match &asked.to {
        Some(text) => instant(text, now).context("--to")?,
        None => now,
    };
    let data = asked.data.as_deref().unwrap_or(config.data());
    let folder = data.join("series");
    anyhow::ensure!(
        folder.is_dir(),
        "nothing is stored in {}: --data says where",
        folder.display()
    );
    // Beside the monitor that may run: nothing of its folder is locked or written.
    let scratch = tempfile::tempdir().context("cannot make a folder for copies")?;
    let store = Store::beside(
        &folder,
        scratch.path(),
        of_monitors([Some(&config), before.as_ref()]),
        Options::default(),
        Arc::new(SystemClock),
    )
    .with_context(|| format!("cannot read {}", folder.display()))?;
    for damage in &store.opening().damage {
        tell(damage);
    }
    let mut shown = Shown::new("replaying");
    let fired = replay(&config, &store, from, to, |progress| shown.tell(progress))?;
    let before = match &before {
        None => None,
        Some(before) => {
            let mut shown = Shown::new("comparing");
            Some(replay(before, &store, from, to, |progress| {
                shown.tell(progress);
            })?)
        }
    };
    match before {
        None => tell_fired(&fired, format)?,
        Some(before) => tell_differences(&compare(&before, &fired), format)?,
    }
    Ok(Exit::Done)
}

fn load(file: &Path) -> Option<Config> {
    match rem_config::load(file) {
        Ok(config) => Some(config),
        Err(problems) => {
            tell(&problems.to_string());
            None
        }
    }
}

/// The series of what these configurations watch.
fn of_monitors<'c>(
    configs: impl IntoIterator<Item = Option<&'c Config>>,
) -> impl Fn(&str) -> bool + Send + Sync + 'static {
    let configs = configs.into_iter().flatten();
    let ids: HashSet<String> = configs
        .flat_map(Config::monitors)
        .map(|monitor| monitor.id.to_string())
        .collect();
    move |name| {
        // machine/package/monitor, and behind them the part.
        let end = name.match_indices('/').nth(2);
        ids.contains(end.map_or(name, |(at, _)| &name[..at]))
    }
}

/// On a terminal, how far it is: one line that is written over.
struct Shown {
    doing: &'static str,
    from: Option<Timestamp>,
    is_terminal: bool,
}

impl Shown {
    fn new(doing: &'static str) -> Self {
        Self {
            doing,
            from: None,
            is_terminal: std::io::stderr().is_terminal(),
        }
    }

    fn tell(&mut self, progress: Progress) {
        if !self.is_terminal {
            return;
        }
        let line = progress_line(self.doing, *self.from.get_or_insert(progress.at), progress);
        // To the end of the line, in case the one before was longer.
        eprint!("\r{line}\x1b[K");
        if progress.at == progress.to {
            eprintln!();
        }
    }
}

/// `replaying  42 %, up to 2026-11-21T08:00:00Z, 12345 samples`
fn progress_line(doing: &str, from: Timestamp, progress: Progress) -> String {
    let Progress { at, to, samples } = progress;
    let whole = to.since(from).as_secs_f64();
    let share = match whole > 0.0 {
        true => at.since(from).as_secs_f64() / whole * 100.0,
        false => 100.0,
    };
    format!("{doing} {share:3.0} %, up to {at}, {samples} samples")
}

fn tell_fired(fired: &[Fired], format: Format) -> anyhow::Result<()> {
    if format == Format::Json {
        say_json(&Value::Array(fired.iter().map(as_json).collect()))?;
        return Ok(());
    }
    let mut table = Table::new(["ALERT", "SUBJECT", "FROM", "UNTIL", "BECAUSE"]);
    for one in fired {
        table.row(row(one));
    }
    let count = fired.len();
    say(&format!(
        "{}{count} alerts would have fired\n",
        table.text(colour())
    ))?;
    Ok(())
}

fn tell_differences(differences: &[Difference], format: Format) -> anyhow::Result<()> {
    if format == Format::Json {
        let all = differences.iter().map(|difference| match difference {
            Difference::New(fired) => json!({ "new": as_json(fired) }),
            Difference::Gone(fired) => json!({ "gone": as_json(fired) }),
            Difference::Moved(old, new) => json!({ "was": as_json(old), "is": as_json(new) }),
        });
        say_json(&Value::Array(all.collect()))?;
        return Ok(());
    }
    let mut table = Table::new(["", "ALERT", "SUBJECT", "FROM", "UNTIL", "BECAUSE"]);
    let mut line = |sign: &str, fired: &Fired| {
        let [alert, subject, from, until, because] = row(fired);
        table.row([sign.into(), alert, subject, from, until, because]);
    };
    for difference in differences {
        match difference {
            Difference::New(fired) => line("+", fired),
            Difference::Gone(fired) => line("-", fired),
            Difference::Moved(old, new) => {
                line("was", old);
                line("is", new);
            }
        }
    }
    let count = differences.len();
    say(&format!("{}{count} differences\n", table.text(colour())))?;
    Ok(())
}

fn row(fired: &Fired) -> [rem_command::Cell; 5] {
    let until = fired
        .until
        .map_or("still".into(), |until| until.to_string());
    [
        fired.alert.to_string().into(),
        fired.subject.to_string().into(),
        fired.from.to_string().into(),
        until.into(),
        fired.because.clone().into(),
    ]
}

fn as_json(fired: &Fired) -> Value {
    json!({
        "monitor": &*fired.monitor,
        "alert": &*fired.alert,
        "subject": &*fired.subject,
        "from": fired.from.to_string(),
        "until": fired.until.map(|until| until.to_string()),
        "because": fired.because,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_a_share_of_the_time_between_the_first_and_the_last_instant() {
        let at = Timestamp::from_seconds;
        let line = |from, now, to| {
            let progress = Progress {
                at: at(now),
                to: at(to),
                samples: 7,
            };
            progress_line("replaying", at(from), progress)
        };
        assert_eq!(
            line(0, 50, 200),
            "replaying  25 %, up to 1970-01-01T00:00:50Z, 7 samples"
        );
        assert!(line(200, 200, 200).starts_with("replaying 100 %"));
    }
}
