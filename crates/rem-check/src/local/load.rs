#[cfg(test)]
mod tests;

use rem_time::{Span, Timestamp};
use tokio::time::Instant;

use super::{LOCAL_DEADLINE, LookError, ParseProcError, Root};
use crate::check::Finding;
use crate::{Check, Reading, Running, Unit, Verdict};

/// `local.load`: how many tasks run or wait, averaged by the kernel over 1, 5
/// and 15 minutes (`load1`, `load5`, `load15`), how many are runnable now
/// (`runnable`) and how many there are (`tasks`, threads counted one by one).
#[derive(Debug)]
pub struct LocalLoad {
    root: Root,
}

impl LocalLoad {
    /// The load of the machine seen at `root`.
    pub fn new(root: Root) -> Self {
        Self { root }
    }

    fn look(&self) -> Result<Finding, LookError> {
        let load = parse_loadavg(&self.root.read_proc("loadavg")?)?;
        let [one, five, fifteen] = load.averages;
        let readings = vec![
            Reading::gauge("load1", one, Unit::One),
            Reading::gauge("load5", five, Unit::One),
            Reading::gauge("load15", fifteen, Unit::One),
            Reading::gauge("runnable", load.runnable as f64, Unit::One),
            Reading::gauge("tasks", load.tasks as f64, Unit::One),
        ];
        let message = format!("load {one} {five} {fifteen}");
        Ok(Finding::new(Verdict::Ok, message).with(readings))
    }
}

impl Check for LocalLoad {
    fn name(&self) -> &str {
        "local.load"
    }

    fn deadline(&self) -> Span {
        LOCAL_DEADLINE
    }

    fn run(&self, now: Timestamp) -> Running<'_> {
        Box::pin(async move {
            let started = Instant::now();
            self.look()
                .unwrap_or_else(Finding::from)
                .stamp(now, started)
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Load {
    averages: [f64; 3],
    runnable: u64,
    tasks: u64,
}

/// `0.75 0.25 0.13 1/93 6693`
pub(super) fn parse_loadavg(text: &str) -> Result<Load, ParseProcError> {
    let expected = |wanted| ParseProcError {
        file: "loadavg",
        line: 1,
        wanted,
    };
    let mut words = text.split_ascii_whitespace();
    let mut averages = [0.0; 3];
    for average in &mut averages {
        *average = words
            .next()
            .and_then(|word| word.parse().ok())
            .filter(|average: &f64| average.is_finite() && *average >= 0.0)
            .ok_or_else(|| expected("three load averages"))?;
    }
    let tasks = words.next().and_then(|word| word.split_once('/'));
    let tasks = tasks.and_then(|(runnable, all)| Some((runnable.parse().ok()?, all.parse().ok()?)));
    let (runnable, tasks) = tasks.ok_or_else(|| expected("runnable/all tasks"))?;
    Ok(Load {
        averages,
        runnable,
        tasks,
    })
}
