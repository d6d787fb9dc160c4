use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use rem_time::{Span, Timestamp};

use super::{
    Aggregate, Change, Function, LevelState, Levels, Over, OwnedSample, Sample, Source, StateValue,
    Subject, What,
};

/// Least time between two ticks of a replay, however short an interval is asked for.
const TICK_MIN: Span = Span::from_seconds(1);

/// A monitor's levels, and the samples to judge by them.
#[derive(Clone, Debug)]
pub struct Track<'a> {
    /// Its levels.
    pub levels: &'a Levels,
    /// The samples, in any order.
    pub samples: Vec<OwnedSample>,
    /// How often time alone is looked at, for conditions that ask for `age()` or
    /// `count`; windows over time are exact without it. At least a second.
    pub every: Option<Span>,
}

/// Something that would have happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Happening {
    /// When.
    pub at: Timestamp,
    /// On which track.
    pub track: usize,
    /// What.
    pub change: Change,
}

/// Feeds samples through levels as though they came now, and returns what begins
/// and ends when, until `until`. Rows of states that did not change are left out.
///
/// States set by the levels are read by the others from their next sample on, and
/// hide those of `source`. Series begin with the samples of their track; what they
/// do not reach is asked of `source`.
///
/// ```
/// use rem_alert::level::{Level, Levels, NoSource, OwnedSample, Status, Track, Truth, What, replay};
/// use rem_time::Timestamp;
///
/// let down = Level::new("down", "status == critical".parse()?).within("for 5m".parse()?);
/// let levels = Levels::compile(vec![down])?;
/// let sample = |minute: i64, status| OwnedSample {
///     at: Timestamp::from_seconds(minute * 60),
///     status,
///     message: String::new(),
///     readings: Vec::new(),
/// };
/// let samples = vec![sample(0, Status::Ok), sample(1, Status::Critical)];
/// let track = Track { levels: &levels, samples, every: None };
/// let happened = replay(&[track], &NoSource, Timestamp::from_seconds(3600));
/// let last = happened.last().unwrap();
/// assert_eq!(last.at, Timestamp::from_seconds(360));
/// assert_eq!(last.change.what, What::Became { was: Truth::False, is: Truth::True });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn replay(tracks: &[Track<'_>], source: &dyn Source, until: Timestamp) -> Vec<Happening> {
    let mut samples: Vec<(usize, &OwnedSample)> = Vec::new();
    for (at, track) in tracks.iter().enumerate() {
        let due = track.samples.iter().filter(|sample| sample.at <= until);
        samples.extend(due.map(|sample| (at, sample)));
    }
    samples.sort_by_key(|(_, sample)| sample.at);

    let mut run = Run {
        tracks,
        states: tracks.iter().map(|track| track.levels.start()).collect(),
        ticks: BTreeSet::new(),
        tick_of: vec![None; tracks.len()],
        past: Past {
            source,
            states: RefCell::default(),
            fields: vec![BTreeMap::new(); tracks.len()],
        },
        happened: Vec::new(),
    };
    for (track, sample) in samples {
        run.ticks_before(sample.at);
        run.sample(track, sample);
    }
    // `until` itself belongs to the replay.
    run.ticks_before(until + Span::from_nanos(1));
    run.happened
}

struct Run<'a> {
    tracks: &'a [Track<'a>],
    states: Vec<LevelState>,
    /// When each track is to be looked at without a sample.
    ticks: BTreeSet<(Timestamp, usize)>,
    tick_of: Vec<Option<Timestamp>>,
    past: Past<'a>,
    happened: Vec<Happening>,
}

type Points = Vec<(Timestamp, Option<f64>)>;
/// The present values of states, and what they were.
type States = HashMap<Arc<str>, (Option<StateValue>, Points)>;

/// What the replay itself has seen, in front of a source.
struct Past<'a> {
    source: &'a dyn Source,
    states: RefCell<States>,
    /// For each track.
    fields: Vec<BTreeMap<String, Points>>,
}

impl Run<'_> {
    fn ticks_before(&mut self, end: Timestamp) {
        while let Some((at, track)) = self.ticks.first().copied() {
            if at >= end {
                break;
            }
            let view = View {
                past: &self.past,
                track,
            };
            let levels = self.tracks[track].levels;
            let changes = levels.tick(&mut self.states[track], &view, at);
            self.take(track, at, changes);
        }
    }

    fn sample(&mut self, track: usize, sample: &OwnedSample) {
        for (name, value) in &sample.readings {
            let fields = &mut self.past.fields[track];
            let points = match fields.get_mut(name) {
                Some(points) => points,
                None => fields.entry(name.clone()).or_default(),
            };
            points.push((sample.at, *value));
        }
        let readings: Vec<(&str, Option<f64>)> = sample
            .readings
            .iter()
            .map(|(name, value)| (&**name, *value))
            .collect();
        let judged = Sample {
            at: sample.at,
            status: sample.status,
            message: &sample.message,
            readings: &readings,
        };
        let view = View {
            past: &self.past,
            track,
        };
        let levels = self.tracks[track].levels;
        let changes = levels.step(&mut self.states[track], &judged, &view, sample.at);
        self.take(track, sample.at, changes);
    }

    /// Writes down what happened, and when the track is looked at next.
    fn take(&mut self, track: usize, at: Timestamp, changes: Vec<Change>) {
        for change in changes {
            if let What::State { name, value } = &change.what {
                let mut states = self.past.states.borrow_mut();
                let is_new = !states.contains_key(name);
                let (known, points) = states.entry(Arc::clone(name)).or_default();
                points.push((at, number(value.as_ref())));
                let is_same = !is_new && known == value;
                known.clone_from(value);
                if is_same {
                    continue;
                }
            }
            self.happened.push(Happening { at, track, change });
        }
        let levels = self.tracks[track].levels;
        let window = levels.next_tick(&self.states[track]);
        let every = self.tracks[track]
            .every
            .filter(|_| levels.follow_the_clock())
            .map(|every| at + every.max(TICK_MIN));
        let next = [window, every].into_iter().flatten().min();
        // A window's word may be early; never twice the same instant.
        let next = next.map(|next| next.max(at + Span::from_nanos(1)));
        if let Some(old) = self.tick_of[track].take() {
            self.ticks.remove(&(old, track));
        }
        // At the end of time there is no next.
        if let Some(next) = next.filter(|next| *next > at) {
            self.ticks.insert((next, track));
            self.tick_of[track] = Some(next);
        }
    }
}

fn number(value: Option<&StateValue>) -> Option<f64> {
    match value? {
        StateValue::Number(number) => Some(*number),
        StateValue::Text(_) => None,
    }
}

/// The past as one track sees it.
struct View<'a> {
    past: &'a Past<'a>,
    track: usize,
}

impl Source for View<'_> {
    fn state(&self, name: &str) -> Option<StateValue> {
        match self.past.states.borrow().get(name) {
            Some((value, _)) => value.clone(),
            None => self.past.source.state(name),
        }
    }

    fn aggregate(&self, aggregate: &Aggregate, now: Timestamp) -> Option<f64> {
        let states = self.past.states.borrow();
        let points = match &aggregate.subject {
            Subject::Field(name) => self.past.fields[self.track].get(&**name),
            Subject::State(name) => states.get(&**name).map(|(_, points)| points),
        };
        let stored = || self.past.source.aggregate(aggregate, now);
        let Some(points) = points else {
            return stored();
        };
        let (newest, reaches) = newest(points, aggregate.over, now);
        let is_last = aggregate.function == Function::Last;
        let ours = || match is_last && !reaches {
            true => None,
            false => aggregate.function.over_points(newest.iter().copied()),
        };
        match reaches {
            true => ours(),
            false => stored().or_else(ours),
        }
    }
}

/// The points that count, and whether the series reaches back far enough to tell.
fn newest(points: &Points, over: Over, now: Timestamp) -> (&[(Timestamp, Option<f64>)], bool) {
    match over {
        Over::Samples(count) => {
            let count = usize::from(count);
            let first = points.len().saturating_sub(count);
            (&points[first..], points.len() >= count)
        }
        Over::Span(span) => {
            let from = now - span;
            let first = points.partition_point(|(at, _)| *at <= from);
            let end = points.partition_point(|(at, _)| *at <= now);
            let reaches = points.first().is_some_and(|(at, _)| *at <= from);
            (&points[first..end], reaches)
        }
    }
}
