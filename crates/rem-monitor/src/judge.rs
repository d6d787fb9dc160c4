use std::collections::BTreeMap;
use std::sync::Arc;

use rem_alert::level::{
    Action, Aggregate, Change, Function, Level, LevelExplanation, LevelState, Levels, Over, Sample,
    SavedState, Source, StateValue, Status, Subject, Truth, What,
};
use rem_check::{Report, Verdict};
use rem_config::MonitorId;
use rem_series::{Consolidation, Query, Store};
use rem_time::{Span, Timestamp};

use crate::record::series_name;
use crate::states::{StateOwner, States, state_series};

#[cfg(test)]
mod tests;

/// Parts of one monitor (mounts, rows of a table) that are judged; those that come
/// later are not.
pub const PARTS_MAX: usize = 10_000;
/// A part that has been gone for so many looks, with nothing on, is forgotten.
const GONE_LOOKS_MAX: u32 = 1_000;

/// The levels of one monitor, sorted by what they look at.
///
/// A group of levels that asks for no reading (`status != ok`) judges the monitor as
/// a whole. One that asks for readings judges every part that has one of them: each
/// mount, each row. With `per:` in the file only the parts, without it the whole
/// where the whole has such a reading.
#[derive(Clone, Debug, Default)]
pub struct MonitorLevels {
    whole: Levels,
    parts: Levels,
    /// Readings that levels ask for.
    fields: Vec<Arc<str>>,
    /// Readings of which the file says that they are counts: their series has rates.
    counts: Vec<Arc<str>>,
    only_parts: bool,
}

/// What a monitor's levels are wrong in together.
pub use rem_alert::level::CompileError;

impl MonitorLevels {
    /// Sorts the levels of a monitor that looks every `every`; `only_parts` if the file
    /// says `per:`.
    pub fn compile(
        levels: Vec<Level>,
        every: Span,
        only_parts: bool,
    ) -> Result<Self, CompileError> {
        let asks = |level: &Level| reads(level).any(|field| field != DURATION);
        let mut names: Vec<Arc<str>> = Vec::new();
        for level in levels.iter().filter(|level| asks(level)) {
            names.push(Arc::clone(&level.name));
        }
        let (parts, whole): (Vec<Level>, Vec<Level>) = levels
            .into_iter()
            .partition(|level| names.contains(&level.name));
        let mut fields: Vec<Arc<str>> = parts
            .iter()
            .flat_map(reads)
            .filter(|field| *field != DURATION)
            .map(Arc::from)
            .collect();
        fields.sort();
        fields.dedup();
        let stand = Span::from_nanos(every.as_nanos().saturating_mul(3));
        Ok(Self {
            whole: Levels::compile(whole)?.standing_for(stand),
            parts: Levels::compile(parts)?.standing_for(stand),
            fields,
            counts: Vec::new(),
            only_parts,
        })
    }

    /// The same levels, where the file says of these readings that they are counts.
    #[must_use]
    pub fn counting(self, counts: Vec<Arc<str>>) -> Self {
        Self { counts, ..self }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.whole.levels().is_empty() && self.parts.levels().is_empty()
    }

    /// The alerts that they set; a name may come more than once.
    pub fn alerts(&self) -> impl Iterator<Item = &Arc<str>> {
        let actions = self.all().flat_map(|level| &level.actions);
        actions.filter_map(|action| match action {
            Action::Alert(alert) => Some(alert),
            Action::State { .. } | Action::Trigger(_) => None,
        })
    }

    /// Every level.
    pub fn all(&self) -> impl Iterator<Item = &Level> {
        self.whole.levels().iter().chain(self.parts.levels())
    }
}

/// How long a look took: every monitor has that.
const DURATION: &str = "duration";

fn reads(level: &Level) -> impl Iterator<Item = &str> {
    let clear = level.clear.iter().map(|(when, _)| when);
    let all = std::iter::once(&level.when).chain(clear);
    all.flat_map(|expression| {
        let plain = expression.fields().map(|(field, _)| field);
        let over_time = expression
            .aggregates()
            .filter_map(|aggregate| match &aggregate.subject {
                Subject::Field(field) => Some(&**field),
                Subject::State(_) => None,
            });
        plain.chain(over_time).collect::<Vec<_>>()
    })
}

/// What a monitor's levels remember.
#[derive(Clone, Debug)]
pub(crate) struct Judge {
    levels: Arc<MonitorLevels>,
    whole: LevelState,
    parts: BTreeMap<Option<Arc<str>>, Part>,
}

#[derive(Clone, Debug)]
struct Part {
    state: LevelState,
    /// Looks in a row that did not have it.
    gone: u32,
}

/// Something a level made different.
#[derive(Debug, PartialEq)]
pub(crate) struct Judged {
    /// The part; `None` is the monitor as a whole.
    pub(crate) part: Option<Arc<str>>,
    /// The name of the group of levels.
    pub(crate) level: Arc<str>,
    /// What became different.
    pub(crate) change: Change,
    /// Why, in words; empty where nobody needs it.
    pub(crate) because: String,
}

/// Where a judge looks things up.
#[derive(Clone, Copy)]
pub(crate) struct Library<'a> {
    pub(crate) id: &'a MonitorId,
    pub(crate) owners: &'a [StateOwner],
    pub(crate) states: &'a States,
    /// Older numbers than those in memory; unknown where there is none.
    pub(crate) store: Option<&'a Store>,
}

/// One of the two sets of levels, on one part.
struct Bench<'a> {
    levels: &'a Levels,
    part: Option<&'a Arc<str>>,
    report: Option<&'a Report>,
    counts: &'a [Arc<str>],
    library: Library<'a>,
    now: Timestamp,
}

impl Judge {
    pub(crate) fn new(levels: Arc<MonitorLevels>) -> Self {
        Self {
            whole: levels.whole.start(),
            parts: BTreeMap::new(),
            levels,
        }
    }

    /// Judges a report.
    pub(crate) fn see(
        &mut self,
        report: &Report,
        library: Library<'_>,
        now: Timestamp,
    ) -> Vec<Judged> {
        let mut judged = Vec::new();
        let levels = Arc::clone(&self.levels);
        if !levels.whole.levels().is_empty() {
            let bench = Bench::new(&levels, None, Some(report), library, now);
            bench.step(&mut self.whole, report, &mut judged);
        }
        if levels.parts.levels().is_empty() {
            return judged;
        }
        for part in self.parts_of(report) {
            if !self.parts.contains_key(&part) && self.parts.len() < PARTS_MAX {
                let state = levels.parts.start();
                self.parts.insert(part, Part { state, gone: 0 });
            }
        }
        let has = |part: &Option<Arc<str>>| {
            let of_part = report
                .readings
                .iter()
                .filter(|reading| reading.group.as_deref() == part.as_deref());
            of_part.count() > 0
        };
        self.parts.retain(|name, part| {
            part.gone = if has(name) { 0 } else { part.gone + 1 };
            let bench = Bench::new(&levels, Some(name.as_ref()), Some(report), library, now);
            bench.step(&mut part.state, report, &mut judged);
            let is_on = part.state.has_alerts(&levels.parts);
            is_on || part.gone < GONE_LOOKS_MAX
        });
        judged
    }

    /// The parts of a report that are judged.
    fn parts_of(&self, report: &Report) -> Vec<Option<Arc<str>>> {
        let asked = |reading: &&rem_check::Reading| {
            let fields = &self.levels.fields;
            fields.iter().any(|field| **field == *reading.field)
        };
        let mut whole = false;
        let mut groups: Vec<&str> = Vec::new();
        for reading in report.readings.iter().filter(asked) {
            match &reading.group {
                None => whole = true,
                Some(group) => groups.push(group),
            }
        }
        if whole && !self.levels.only_parts {
            return vec![None];
        }
        groups.sort_unstable();
        groups.dedup();
        groups.into_iter().map(|group| Some(group.into())).collect()
    }

    /// Lets time go by.
    pub(crate) fn tick(&mut self, library: Library<'_>, now: Timestamp) -> Vec<Judged> {
        let mut judged = Vec::new();
        let levels = Arc::clone(&self.levels);
        Bench::new(&levels, None, None, library, now).tick(&mut self.whole, &mut judged);
        for (name, part) in &mut self.parts {
            let bench = Bench::new(&levels, Some(name.as_ref()), None, library, now);
            bench.tick(&mut part.state, &mut judged);
        }
        judged
    }

    /// When time alone may change something.
    pub(crate) fn next_tick(&self) -> Option<Timestamp> {
        let parts = self.parts.values();
        let parts = parts.filter_map(|part| self.levels.parts.next_tick(&part.state));
        let whole = self.levels.whole.next_tick(&self.whole);
        parts.chain(whole).min()
    }

    /// Goes over to other levels; those that did not change keep what they remember.
    pub(crate) fn reload(&mut self, levels: Arc<MonitorLevels>) -> Vec<Judged> {
        let old = Arc::clone(&self.levels);
        let mut judged = Vec::new();
        let mut say = |names: &Levels, part: Option<&Arc<str>>, changes: Vec<Change>| {
            for change in changes {
                let level = names.groups().nth(change.group).unwrap_or_default();
                judged.push(Judged {
                    part: part.cloned(),
                    level: level.into(),
                    change,
                    because: "the file has changed".into(),
                });
            }
        };
        let (whole, changes) = levels.whole.reload(&old.whole, &self.whole);
        self.whole = whole;
        say(&old.whole, None, changes);
        for (name, part) in &mut self.parts {
            let (state, changes) = levels.parts.reload(&old.parts, &part.state);
            part.state = state;
            say(&old.parts, name.as_ref(), changes);
        }
        self.levels = levels;
        judged
    }

    /// Whether there is anything to remember: nothing while all is well.
    pub(crate) fn tells(&self) -> bool {
        tells(&self.levels.whole, &self.whole)
            || self
                .parts
                .values()
                .any(|part| tells(&self.levels.parts, &part.state))
    }

    /// What has to survive a restart.
    pub(crate) fn save(&self) -> Vec<(Option<Arc<str>>, bool, SavedState)> {
        let mut saved = Vec::new();
        if tells(&self.levels.whole, &self.whole) {
            saved.push((None, true, self.levels.whole.save(&self.whole)));
        }
        for (name, part) in &self.parts {
            if tells(&self.levels.parts, &part.state) {
                saved.push((name.clone(), false, self.levels.parts.save(&part.state)));
            }
        }
        saved
    }

    /// As it was before a restart.
    pub(crate) fn restore(&mut self, saved: &[(Option<Arc<str>>, bool, SavedState)]) {
        for (name, is_whole, state) in saved {
            if *is_whole {
                self.whole = self.levels.whole.restore(state);
            } else if self.parts.len() < PARTS_MAX {
                let state = self.levels.parts.restore(state);
                self.parts.insert(name.clone(), Part { state, gone: 0 });
            }
        }
    }

    /// Every group of levels as it stands, with what it sees in the last report.
    pub(crate) fn explain(
        &self,
        report: Option<&Report>,
        library: Library<'_>,
        now: Timestamp,
    ) -> Vec<LevelView> {
        let mut views = Vec::new();
        let whole = Bench::new(&self.levels, None, report, library, now);
        whole.explain(&self.whole, report, &mut views);
        for (name, part) in &self.parts {
            let bench = Bench::new(&self.levels, Some(name.as_ref()), report, library, now);
            bench.explain(&part.state, report, &mut views);
        }
        views
    }

    /// Whether any alert is on.
    pub(crate) fn has_alerts(&self) -> bool {
        let mut parts = self.parts.values();
        self.whole.has_alerts(&self.levels.whole)
            || parts.any(|part| part.state.has_alerts(&self.levels.parts))
    }

    /// The alerts that are on, each with its part.
    #[cfg(test)]
    pub(crate) fn alerts(&self) -> Vec<(Option<Arc<str>>, Arc<str>)> {
        let whole = self.whole.alerts(&self.levels.whole).into_iter();
        let whole = whole.map(|alert| (None, alert));
        let parts = self.parts.iter().flat_map(|(name, part)| {
            let alerts = part.state.alerts(&self.levels.parts).into_iter();
            alerts.map(|alert| (name.clone(), alert))
        });
        whole.chain(parts).collect()
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

/// Whether a level matches, or the newest sample is one that could lead there.
fn tells(levels: &Levels, state: &LevelState) -> bool {
    (0..levels.levels().len()).any(|at| state.level(at).is_true() || state.newest(at).is_true())
}

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

impl<'a> Bench<'a> {
    fn new(
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

    fn step(&self, state: &mut LevelState, report: &Report, judged: &mut Vec<Judged>) {
        let readings = readings(report, self.part);
        let sample = sample(report, &readings);
        let changes = self.levels.step(state, &sample, self, self.now);
        self.say(state, &sample, changes, judged);
    }

    fn tick(&self, state: &mut LevelState, judged: &mut Vec<Judged>) {
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

    fn explain(&self, state: &LevelState, report: Option<&Report>, views: &mut Vec<LevelView>) {
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
