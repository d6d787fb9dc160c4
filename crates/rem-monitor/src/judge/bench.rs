use std::sync::Arc;

use rem_alert::level::{
    Action, Aggregate, Change, Function, LevelExplanation, LevelState, Levels, Over, Sample,
    Source, StateValue, Status, Subject, Truth, What,
};
use rem_check::{Report, Verdict};
use rem_series::{Consolidation, Query};
use rem_time::Timestamp;

use super::levels::DURATION;
use super::{Judged, Library, MonitorLevels};
use crate::record::series_name;
use crate::states::state_series;

/// A group of levels of one part of a monitor, at one instant.
#[derive(Clone, Debug)]
pub struct LevelView {
    /// The part, such as a mount; `None` is the monitor as a whole.
    pub part: Option<Arc<str>>,
    /// The name of the levels.
    pub name: Arc<str>,
    /// Whether all of them match.
    pub truth: Truth,
    /// Since when.
    pub since: Option<Timestamp>,
    /// Each level with what it saw in the last report.
    pub levels: Vec<LevelExplanation>,
}

/// One of the two sets of levels, on one part.
pub(super) struct Bench<'a> {
    levels: &'a Levels,
    part: Option<&'a Arc<str>>,
    report: Option<&'a Report>,
    counts: &'a [Arc<str>],
    library: Library<'a>,
    now: Timestamp,
}

impl<'a> Bench<'a> {
    pub(super) fn new(
        levels: &'a MonitorLevels,
        part: Option<Option<&'a Arc<str>>>,
        report: Option<&'a Report>,
        library: Library<'a>,
        now: Timestamp,
    ) -> Self {
        Self {
            levels: match part {
                None => &levels.whole,
                Some(_) => &levels.parts,
            },
            part: part.flatten(),
            report,
            counts: &levels.counts,
            library,
            now,
        }
    }

    /// Whether the series of that reading has rates.
    fn is_count(&self, field: &str) -> bool {
        let told = || self.counts.iter().any(|count| **count == *field);
        let read = || {
            let readings = self.report.iter().flat_map(|report| &report.readings);
            let part = self.part.map(|part| &**part);
            let mut same = readings
                .filter(|reading| reading.group.as_deref() == part && reading.field == field);
            same.next()
                .is_some_and(|reading| reading.kind == rem_check::Kind::Counter)
        };
        told() || read()
    }

    pub(super) fn step(&self, state: &mut LevelState, report: &Report, judged: &mut Vec<Judged>) {
        let readings = readings(report, self.part);
        let sample = sample(report, &readings);
        let changes = self.levels.step(state, &sample, self, self.now);
        self.say(state, &sample, changes, judged);
    }

    pub(super) fn tick(&self, state: &mut LevelState, judged: &mut Vec<Judged>) {
        if self.levels.follow_the_clock() {
            let changes = self.levels.tick(state, self, self.now);
            self.say(state, &Sample::missing(self.now), changes, judged);
        }
    }

    fn say(
        &self,
        state: &LevelState,
        sample: &Sample<'_>,
        changes: Vec<Change>,
        judged: &mut Vec<Judged>,
    ) {
        for change in with_first_clears(self.levels, state, changes) {
            let level = self.levels.groups().nth(change.group).unwrap_or_default();
            let because = match change.what {
                What::AlertOn(_) | What::AlertOff(_) | What::Trigger(_) => {
                    let explained =
                        self.levels
                            .explain(change.group, state, sample, self, self.now);
                    let lines: Vec<String> = explained.iter().map(ToString::to_string).collect();
                    lines.join("; ")
                }
                What::Became { .. } | What::State { .. } => String::new(),
            };
            judged.push(Judged {
                part: self.part.cloned(),
                level: level.into(),
                change,
                because,
            });
        }
    }

    pub(super) fn explain(
        &self,
        state: &LevelState,
        report: Option<&Report>,
        views: &mut Vec<LevelView>,
    ) {
        let readings = report.map(|report| readings(report, self.part));
        let sample = match (report, &readings) {
            (Some(report), Some(readings)) => sample(report, readings),
            _ => Sample::missing(self.now),
        };
        for (at, name) in self.levels.groups().enumerate() {
            let group = state.group(at);
            views.push(LevelView {
                part: self.part.cloned(),
                name: name.into(),
                truth: group.truth,
                since: group.since,
                levels: self.levels.explain(at, state, &sample, self, self.now),
            });
        }
    }
}

impl Source for Bench<'_> {
    fn state(&self, name: &str) -> Option<StateValue> {
        self.library.states.get(self.library.owners, name)
    }

    fn aggregate(&self, aggregate: &Aggregate, now: Timestamp) -> Option<f64> {
        let Over::Span(span) = aggregate.over else {
            // The newest samples are in memory; older ones are means in their file.
            return None;
        };
        let (series, field) = match &aggregate.subject {
            Subject::Field(field) => {
                let part = self.part.map(|part| &**part);
                (series_name(self.library.id, part), field_in_series(field))
            }
            Subject::State(name) => {
                let states = self.library.states;
                let owner = self.library.owners.iter().find(|owner| {
                    let one = std::slice::from_ref(*owner);
                    states.get(one, name).is_some()
                })?;
                (state_series(owner, name), crate::record::STATE_VALUE_FIELD)
            }
        };
        let query = Query::new(now - span, now).by(match aggregate.function {
            Function::Max => Consolidation::Max,
            Function::Min => Consolidation::Min,
            _ => Consolidation::Average,
        });
        let rows = self.library.store?.fetch(&series, &query).ok()?;
        let rows = rows.field(field);
        let function = aggregate.function;
        if !self.is_count(field) {
            return function.over_points(rows);
        }
        match function {
            Function::Rate => Function::Avg.over_points(rows),
            Function::Delta => {
                let mean = Function::Avg.over_points(rows)?;
                Some(mean * span.as_secs_f64())
            }
            _ => function.over_points(rows),
        }
    }
}

/// The first time that all is known to be well, alerts are cleared that an earlier
/// run of the process may have left on.
fn with_first_clears(levels: &Levels, state: &LevelState, mut changes: Vec<Change>) -> Vec<Change> {
    let first: Vec<usize> = changes
        .iter()
        .filter_map(|change| match change.what {
            What::Became { was, is } if !was.is_known() && is.is_false() => Some(change.group),
            _ => None,
        })
        .collect();
    if first.is_empty() {
        return changes;
    }
    let on = state.alerts(levels);
    for group in first {
        let actions = levels
            .members(group)
            .iter()
            .flat_map(|level| &level.actions);
        for action in actions {
            let Action::Alert(alert) = action else {
                continue;
            };
            let what = What::AlertOff(Arc::clone(alert));
            let change = Change { group, what };
            if !on.contains(alert) && !changes.contains(&change) {
                changes.push(change);
            }
        }
    }
    changes
}

/// How long a look took has a name of its own in the file.
fn field_in_series(field: &str) -> &str {
    if field == DURATION {
        crate::record::TOOK_FIELD
    } else {
        field
    }
}

fn readings<'r>(report: &'r Report, part: Option<&Arc<str>>) -> Vec<(&'r str, Option<f64>)> {
    let part = part.map(|part| &**part);
    let mut readings: Vec<(&str, Option<f64>)> = report
        .readings
        .iter()
        .filter(|reading| reading.group.as_deref() == part)
        .map(|reading| (&*reading.field, reading.value))
        .collect();
    if !readings.iter().any(|(field, _)| *field == DURATION) {
        readings.push((DURATION, Some(report.took.as_secs_f64())));
    }
    readings
}

fn sample<'s>(report: &'s Report, readings: &'s [(&'s str, Option<f64>)]) -> Sample<'s> {
    Sample {
        at: report.at,
        status: match report.verdict {
            Verdict::Ok => Status::Ok,
            Verdict::Warning => Status::Warning,
            Verdict::Critical => Status::Critical,
            Verdict::Unknown => Status::Unknown,
        },
        message: &report.message,
        readings,
    }
}
