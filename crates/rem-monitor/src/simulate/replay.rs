//! Levels over what is stored: which alerts would have fired.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use rem_alert::level::What;
use rem_check::{Reading, Report, Unit, Verdict};
use rem_config::{Config, Monitor};
use rem_series::{Query, Rows, Store};
use rem_time::{Span, Timestamp};

use crate::agenda::Agenda;
use crate::judge::{CompileError, Judge, Judged, Library};
use crate::plan::{Compiled, telling};
use crate::record::{STATE_FIELD, TOOK_FIELD, series_name, state_of_number};
use crate::states::States;
use crate::telling::Telling;
use crate::watched::State;

/// Levels look at so much time before the first instant, so that their windows are
/// full when it comes.
pub const WARM_UP: Span = Span::from_seconds(6 * 3600);
/// So much is in memory at the same time.
const CHUNK: Span = Span::from_seconds(6 * 3600);
/// Readings of one series that are read.
const FIELDS_MAX: usize = 1_000;

/// An alert that would have fired.
#[derive(Clone, Debug, PartialEq)]
pub struct Fired {
    /// The monitor.
    pub monitor: Arc<str>,
    /// The alert.
    pub alert: Arc<str>,
    /// What it is about.
    pub subject: Arc<str>,
    /// Since when; before the first instant that was asked for if it was on already.
    pub from: Timestamp,
    /// Until when; `None`: it is on at the end.
    pub until: Option<Timestamp>,
    /// What the levels saw when it began.
    pub because: String,
}

/// What other levels would have made different.
#[derive(Clone, Debug, PartialEq)]
pub enum Difference {
    /// It fires only by the new levels.
    New(Fired),
    /// It fired only by the old levels.
    Gone(Fired),
    /// Both fire, over different times: the old one, the new one.
    Moved(Fired, Fired),
}

/// Why nothing was replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The levels of a monitor are wrong together.
    #[error("the levels of {monitor} are wrong together")]
    Levels {
        /// The monitor.
        monitor: String,
        /// Why.
        source: CompileError,
    },
    /// What is stored cannot be listed.
    #[error("cannot list the series")]
    Series(#[source] rem_series::Error),
    /// There is no time between the two instants.
    #[error("nothing lies between {from} and {to}")]
    Empty {
        /// From here on.
        from: Timestamp,
        /// Up to here.
        to: Timestamp,
    },
}

/// How far a replay is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Everything before this is done.
    pub at: Timestamp,
    /// Where it ends.
    pub to: Timestamp,
    /// Samples that were judged.
    pub samples: u64,
}

/// Judges what is stored of every monitor of `config` between two instants by its
/// levels, as though it came now. Nothing is written and nobody is told.
///
/// Rows are what the files keep: averages of a step, coarser the older they are. What
/// checks said in words is not stored, so a condition on `message` sees none.
/// `progress` is told every few hours of stored time.
///
/// # Errors
/// If the levels are wrong together, or nothing can be read. A series that cannot be
/// read is as one without samples.
pub fn replay(
    config: &Config,
    store: &Store,
    from: Timestamp,
    to: Timestamp,
    mut progress: impl FnMut(Progress),
) -> Result<Vec<Fired>, ReplayError> {
    if to <= from {
        return Err(ReplayError::Empty { from, to });
    }
    let mut run = Run::new(config, store, from)?;
    let mut begin = from - WARM_UP;
    while begin < to {
        let end = (begin + CHUNK).min(to);
        run.chunk(begin, end);
        progress(Progress {
            at: end,
            to,
            samples: run.samples,
        });
        begin = end;
    }
    run.ticks_before(to);
    Ok(run.fired(from))
}

/// What the levels of `after` make different from those of `before`. Alerts of one
/// name and subject that overlap are one alert.
pub fn compare(before: &[Fired], after: &[Fired]) -> Vec<Difference> {
    let same = |a: &Fired, b: &Fired| a.alert == b.alert && a.subject == b.subject;
    let overlap = |a: &Fired, b: &Fired| {
        let end = |fired: &Fired| fired.until.unwrap_or(Timestamp::from_nanos(i64::MAX));
        a.from <= end(b) && b.from <= end(a)
    };
    let mut taken = vec![false; before.len()];
    let mut differences = Vec::new();
    for new in after {
        let old = (0..before.len()).find(|at| {
            let old = &before[*at];
            !taken[*at] && same(old, new) && overlap(old, new)
        });
        let Some(at) = old else {
            differences.push(Difference::New(new.clone()));
            continue;
        };
        taken[at] = true;
        let old = &before[at];
        if (old.from, old.until) != (new.from, new.until) {
            differences.push(Difference::Moved(old.clone(), new.clone()));
        }
    }
    let gone = before.iter().zip(taken).filter(|(_, taken)| !taken);
    differences.extend(gone.map(|(old, _)| Difference::Gone(old.clone())));
    differences.sort_by(|a, b| a.key().cmp(&b.key()));
    differences
}

impl Difference {
    fn key(&self) -> (Timestamp, &str, &str) {
        let (Self::New(fired) | Self::Gone(fired) | Self::Moved(_, fired)) = self;
        (fired.from, &fired.alert, &fired.subject)
    }
}

/// `web-down of machine:web-01 from … until …: because`.
impl fmt::Display for Fired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} from {}", self.alert, self.subject, self.from)?;
        match self.until {
            Some(until) => write!(f, " until {until}")?,
            None => f.write_str(", still on")?,
        }
        match self.because.is_empty() {
            true => Ok(()),
            false => write!(f, ": {}", self.because),
        }
    }
}

/// `+` fires now, `-` fires no more, `~` fires at other times.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::New(fired) => write!(f, "+ {fired}"),
            Self::Gone(fired) => write!(f, "- {fired}"),
            Self::Moved(old, new) => {
                write!(f, "~ {new}; before from {}", old.from)?;
                match old.until {
                    Some(until) => write!(f, " until {until}"),
                    None => f.write_str(", still on"),
                }
            }
        }
    }
}

/// A monitor with what is stored of it.
struct Track<'c> {
    monitor: &'c Monitor,
    telling: Telling,
    judge: Judge,
    /// Its series by part.
    series: Vec<(Option<String>, String)>,
}

/// The track, the part and the alert.
type OnKey = (usize, Option<Arc<str>>, Arc<str>);

struct Run<'c> {
    store: &'c Store,
    tracks: Vec<Track<'c>>,
    states: States,
    /// When time alone may change something; spans since the begin.
    agenda: Agenda<usize>,
    begin: Timestamp,
    on: HashMap<OnKey, usize>,
    fired: Vec<Fired>,
    samples: u64,
}

impl<'c> Run<'c> {
    fn new(config: &'c Config, store: &'c Store, from: Timestamp) -> Result<Self, ReplayError> {
        let mut stored: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for name in store.names().map_err(ReplayError::Series)? {
            // machine/package/monitor, and behind them the part.
            let whole = name
                .match_indices('/')
                .nth(2)
                .map_or(&*name, |(at, _)| &name[..at]);
            stored.entry(whole.to_owned()).or_default().push(name);
        }
        let mut compiled = Compiled::default();
        let mut tracks = Vec::new();
        for monitor in config.monitors() {
            if monitor.levels.is_empty() {
                continue;
            }
            let levels = compiled.of(monitor).map_err(|source| ReplayError::Levels {
                monitor: monitor.id.to_string(),
                source,
            })?;
            let names = stored.remove(monitor.id.as_str()).unwrap_or_default();
            let own = series_name(&monitor.id, None);
            let series = names.into_iter().map(|name| {
                let part = name
                    .strip_prefix(&own)
                    .and_then(|rest| rest.strip_prefix('/'));
                (
                    part.map(|part| part.replace("%2F", "/").replace("%25", "%")),
                    name,
                )
            });
            tracks.push(Track {
                telling: telling(config, monitor, &levels),
                judge: Judge::new(levels),
                series: series.collect(),
                monitor,
            });
        }
        Ok(Self {
            store,
            tracks,
            states: States::default(),
            agenda: Agenda::new(),
            begin: from - WARM_UP,
            on: HashMap::new(),
            fired: Vec::new(),
            samples: 0,
        })
    }

    /// Everything that was found in a stretch of time, over all monitors, in order.
    fn chunk(&mut self, begin: Timestamp, end: Timestamp) {
        let mut reports: Vec<(Timestamp, usize, Report)> = Vec::new();
        for (at, track) in self.tracks.iter().enumerate() {
            let stored = track.reports(self.store, begin, end);
            reports.extend(stored.into_iter().map(|report| (report.at, at, report)));
        }
        reports.sort_by_key(|(time, track, _)| (*time, *track));
        for (time, track, report) in reports {
            self.ticks_before(time);
            self.samples += 1;
            let one = &mut self.tracks[track];
            let library = library(one.monitor, &one.telling, &self.states, self.store);
            let judged = one.judge.see(&report, library, time);
            self.take(track, time, judged);
        }
        self.ticks_before(end);
    }

    fn ticks_before(&mut self, end: Timestamp) {
        while let Some(due) = self.agenda.next_due()
            && self.begin + due < end
        {
            for (track, _) in self.agenda.take_due(due) {
                let now = self.begin + due;
                let one = &mut self.tracks[track];
                let library = library(one.monitor, &one.telling, &self.states, self.store);
                let judged = one.judge.tick(library, now);
                self.take(track, now, judged);
            }
        }
    }

    fn take(&mut self, track: usize, now: Timestamp, judged: Vec<Judged>) {
        for found in judged {
            let one = &self.tracks[track];
            match found.change.what {
                What::AlertOn(alert) => {
                    let id = &one.monitor.id;
                    let key = (track, found.part.clone(), Arc::clone(&alert));
                    self.on.insert(key, self.fired.len());
                    for subject in one.telling.subjects_of(id, &alert, found.part.as_ref()) {
                        self.fired.push(Fired {
                            monitor: id.as_str().into(),
                            alert: Arc::clone(&alert),
                            subject,
                            from: now,
                            until: None,
                            because: found.because.clone(),
                        });
                    }
                }
                What::AlertOff(alert) => {
                    let key = (track, found.part.clone(), Arc::clone(&alert));
                    let Some(first) = self.on.remove(&key) else {
                        continue;
                    };
                    let subjects =
                        one.telling
                            .subjects_of(&one.monitor.id, &alert, found.part.as_ref());
                    for fired in self.fired.iter_mut().skip(first).take(subjects.len()) {
                        fired.until = Some(now);
                    }
                }
                What::State { name, value } => {
                    if let Some(owner) = one.telling.owners.first() {
                        self.states.set(owner, &name, value.as_ref());
                    }
                }
                What::Trigger(_) | What::Became { .. } => {}
            }
        }
        let next = self.tracks[track].judge.next_tick();
        // A window's word may be early; never twice the same instant.
        let next = next.map(|at| at.max(now + crate::rounds::TICK_MIN).since(self.begin));
        self.agenda.tick_at(&track, next);
    }

    /// What was on in the time that was asked for, in order.
    fn fired(self, from: Timestamp) -> Vec<Fired> {
        let mut fired = self.fired;
        fired.retain(|fired| fired.until.is_none_or(|until| from < until));
        fired.sort_by(|a, b| (a.from, &a.alert, &a.subject).cmp(&(b.from, &b.alert, &b.subject)));
        fired
    }
}

fn library<'a>(
    monitor: &'a Monitor,
    telling: &'a Telling,
    states: &'a States,
    store: &'a Store,
) -> Library<'a> {
    Library {
        id: &monitor.id,
        owners: &telling.owners,
        states,
        store: Some(store),
    }
}

impl Track<'_> {
    /// What was found after `begin` and not after `end`.
    fn reports(&self, store: &Store, begin: Timestamp, end: Timestamp) -> Vec<Report> {
        let mut reports: BTreeMap<Timestamp, Report> = BTreeMap::new();
        for (part, name) in &self.series {
            let Ok(rows) = store.fetch(name, &Query::new(begin, end)) else {
                continue;
            };
            for (at, row) in rows.iter() {
                let known = row.iter().any(|value| !value.is_nan());
                if at <= begin || end < at || !known {
                    continue;
                }
                let report = reports.entry(at).or_insert_with(|| Report {
                    at,
                    took: Span::ZERO,
                    verdict: Verdict::Unknown,
                    message: String::new(),
                    readings: Vec::new(),
                });
                add(report, part.as_ref(), &rows, row);
            }
        }
        reports.into_values().collect()
    }
}

/// The values of a row, as the check found them.
fn add(report: &mut Report, part: Option<&String>, rows: &Rows, row: &[f64]) {
    for (field, value) in rows.fields.iter().zip(row).take(FIELDS_MAX) {
        let value = Some(*value).filter(|value| !value.is_nan());
        match (part, field.as_str()) {
            (None, STATE_FIELD) => {
                report.verdict = match state_of_number(value) {
                    State::Ok => Verdict::Ok,
                    State::Warning => Verdict::Warning,
                    State::Critical => Verdict::Critical,
                    State::Unknown | State::Pending => Verdict::Unknown,
                };
            }
            (None, TOOK_FIELD) => {
                report.took = value.map(Span::from_secs_f64).unwrap_or_default();
            }
            _ => report.readings.push(Reading {
                group: part.cloned(),
                value,
                ..Reading::gauge(field, 0.0, Unit::One)
            }),
        }
    }
}
