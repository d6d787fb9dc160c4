use rem_time::Span;
use rem_yaml::{At, Loader, Located, Problems};

use crate::job::{JOB_TIMEOUT_DEFAULT, Job};
use crate::name::JobName;

use super::owner::at_least;
use super::run;

/// Keys of jobs that start by themselves or somewhere else.
const LATER: [(&str, &str); 8] = [
    ("cron", "a schedule"),
    ("every", "a schedule"),
    ("at", "a schedule"),
    ("interval", "a schedule"),
    ("schedule", "a schedule"),
    ("zone", "a schedule"),
    ("on", "a choice of machines"),
    ("after", "an order of jobs"),
];

pub(super) fn read(
    name: &Located<JobName>,
    at: &At<'_>,
    loader: &Loader,
    problems: &mut Problems,
) -> Option<Job> {
    let mut map = at.map(problems)?;
    let run = match map.get("run") {
        Some(at) => run::read(&at, loader, problems),
        None => {
            let help = "add `run: [{script: scripts/name.py}]`";
            problems.add(map.missing("run").help(help));
            None
        }
    };
    let timeout = match map.get("timeout") {
        Some(at) => at_least(&at, Span::from_millis(1), problems),
        None => Some(JOB_TIMEOUT_DEFAULT),
    };
    for (key, what) in LATER {
        if !map.has(key) {
            continue;
        }
        if let Some(at) = map.get(key) {
            let message = format!("{key}: {what} is not something a job of the monitor has yet");
            problems.add(at.problem(message).help(
                "remove it: a job runs here, once each time a level that names it in `trigger:` begins to match",
            ));
        }
    }
    map.finish(problems);
    Some(Job {
        name: name.value.clone(),
        run: run?,
        timeout: timeout?,
        place: name.place.clone(),
    })
}
