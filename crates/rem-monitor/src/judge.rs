mod bench;
mod levels;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use rem_alert::level::{Change, LevelState, Levels, SavedState};
use rem_check::Report;
use rem_config::MonitorId;
use rem_series::Store;
use rem_time::Timestamp;

use self::bench::Bench;
pub use self::bench::LevelView;
pub use self::levels::{CompileError, MonitorLevels};
use crate::states::{StateOwner, States};

/// Parts of one monitor (mounts, rows of a table) that are judged; those that come
/// later are not.
pub const PARTS_MAX: usize = 10_000;
/// A part that has been gone for so many looks, with nothing on, is forgotten.
const GONE_LOOKS_MAX: u32 = 1_000;

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

/// Whether a level matches, or the newest sample is one that could lead there.
fn tells(levels: &Levels, state: &LevelState) -> bool {
    (0..levels.levels().len()).any(|at| state.level(at).is_true() || state.newest(at).is_true())
}
