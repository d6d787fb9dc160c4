use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use rem_alert::level::SavedState;
use rem_config::MonitorId;
use rem_series::Store;
use rem_time::Timestamp;
use serde::{Deserialize, Serialize};
use unidist::{Bucket, Consistent};

use crate::record::{STATE_FIELD, chain, series_name, state_of_number};
use crate::seen_by::SeenBy;
use crate::watched::{Beat, CHECKS_KEPT, State, Turn, Watched};

mod saved;

/// What an engine has to know after a restart: how each monitor stood and since
/// when. Durable as far as the bucket is. Cheap to clone; clones are one memory.
#[derive(Clone, Debug)]
pub struct Memory(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    states: unidist::State<Consistent, Remembered>,
    /// What the levels of monitors remember, by monitor.
    levels: unidist::State<Consistent, saved::Levels>,
    /// Levels that are not written yet.
    levels_unwritten: Mutex<BTreeMap<MonitorId, Vec<SavedPart>>>,
    /// Where log files were read to and how long what was pushed is good for, by monitor.
    positions: unidist::State<Consistent, String>,
    places: Mutex<BTreeMap<String, Place>>,
    /// What is not written yet, the newest word about each monitor.
    unwritten: Mutex<BTreeMap<MonitorId, Remembered>>,
    /// Held while writing, so that words about one monitor stay in order.
    writing: tokio::sync::Mutex<()>,
}

/// One monitor, as it is kept: key is the monitor's id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Remembered {
    state: String,
    /// Nanoseconds since 1970.
    since: i64,
    message: String,
}

impl Memory {
    /// A memory that lives in this bucket.
    pub fn new(bucket: &Bucket<Consistent>) -> Self {
        Self(Arc::new(Shared {
            states: bucket.state(),
            levels: bucket.state(),
            levels_unwritten: Mutex::default(),
            positions: bucket.state(),
            places: Mutex::default(),
            unwritten: Mutex::default(),
            writing: tokio::sync::Mutex::default(),
        }))
    }

    /// Remembers that a monitor's state turned. Returns at once; it is written in
    /// the background.
    pub(crate) fn note(&self, id: &MonitorId, turn: &Turn) {
        let remembered = Remembered {
            state: turn.to.word().to_owned(),
            since: turn.at.as_nanos(),
            message: turn.message.clone(),
        };
        self.0.unwritten.lock().insert(id.clone(), remembered);
        let memory = self.clone();
        tokio::spawn(async move { memory.settle().await });
    }

    /// Remembers what a monitor's levels have seen; it is written with the next
    /// [`settle`](Self::settle).
    pub(crate) fn note_levels(&self, id: &MonitorId, saved: Vec<SavedPart>) {
        self.0.levels_unwritten.lock().insert(id.clone(), saved);
    }

    /// What a monitor's levels have seen before.
    pub(crate) async fn recall_levels(&self, id: &MonitorId) -> Vec<SavedPart> {
        match self.0.levels.get(&levels_key(id)).await {
            Ok(saved) => saved.map(|saved| saved.value.read()).unwrap_or_default(),
            Err(error) => {
                tracing::warn!(monitor = %id, error = %chain(&error), "levels not recalled");
                Vec::new()
            }
        }
    }

    /// Reads where log files were read to, so that [`position`](Self::position) knows.
    pub(crate) async fn recall_positions(&self) {
        let keys = match self.0.positions.keys(POSITION_KEY).await {
            Ok(keys) => keys,
            Err(error) => {
                return tracing::warn!(error = %chain(&error), "positions in log files not recalled");
            }
        };
        for key in keys {
            let Ok(Some(text)) = self.0.positions.get(&key).await else {
                continue;
            };
            if let Some(id) = key.strip_prefix(POSITION_KEY) {
                let place = Place {
                    text: text.value,
                    is_written: true,
                };
                self.0.places.lock().insert(id.to_owned(), place);
            }
        }
    }

    /// Where a log file was read to.
    pub(crate) fn position(&self, id: &MonitorId) -> Option<String> {
        let places = self.0.places.lock();
        places.get(id.as_str()).map(|place| place.text.clone())
    }

    /// Remembers where a log file was read to; says whether that is news. It is
    /// written with the next [`settle`](Self::settle).
    pub(crate) fn note_position(&self, id: &MonitorId, text: String) -> bool {
        let mut places = self.0.places.lock();
        if places
            .get(id.as_str())
            .is_some_and(|place| place.text == text)
        {
            return false;
        }
        let place = Place {
            text,
            is_written: false,
        };
        places.insert(id.as_str().to_owned(), place);
        true
    }

    /// Until when the last result that was pushed is good, if that result said so.
    pub(crate) fn good_until(&self, id: &MonitorId) -> Option<Timestamp> {
        let text = self.position(id)?;
        let nanos = text.strip_prefix(GOOD_UNTIL)?.parse().ok()?;
        Some(Timestamp::from_nanos(nanos))
    }

    /// Remembers until when a result is good that was pushed; says whether that is news.
    /// It is written with the next [`settle`](Self::settle).
    pub(crate) fn note_good_until(&self, id: &MonitorId, until: Option<Timestamp>) -> bool {
        let Some(until) = until else {
            // Most results say nothing, and then there is nothing to take back.
            return self.good_until(id).is_some() && self.note_position(id, GOOD_UNTIL.into());
        };
        self.note_position(id, format!("{GOOD_UNTIL}{}", until.as_nanos()))
    }

    async fn settle_positions(&self) {
        let unwritten: Vec<(String, String)> = {
            let mut places = self.0.places.lock();
            let fresh = places.iter_mut().filter(|(_, place)| !place.is_written);
            fresh
                .map(|(id, place)| {
                    place.is_written = true;
                    (id.clone(), place.text.clone())
                })
                .collect()
        };
        for (id, text) in unwritten {
            let key = format!("{POSITION_KEY}{id}");
            if let Err(error) = self.0.positions.put(&key, &text).await {
                tracing::error!(monitor = id, error = %chain(&error), "position not remembered");
            }
        }
    }

    async fn settle_levels(&self) {
        let unwritten = std::mem::take(&mut *self.0.levels_unwritten.lock());
        for (id, saved) in unwritten {
            let key = levels_key(&id);
            let written = if saved.is_empty() {
                self.0.levels.delete(&key).await
            } else {
                self.0.levels.put(&key, &saved::Levels::write(&saved)).await
            };
            if let Err(error) = written {
                tracing::error!(monitor = %id, error = %chain(&error), "levels not remembered");
            }
        }
    }

    /// Writes what is not written yet. A state that cannot be written is logged and
    /// given up: the next turn of its monitor is written anew.
    pub(crate) async fn settle(&self) {
        let _writing = self.0.writing.lock().await;
        self.settle_levels().await;
        self.settle_positions().await;
        let unwritten = std::mem::take(&mut *self.0.unwritten.lock());
        for (id, remembered) in unwritten {
            if let Err(error) = self.0.states.put(id.as_str(), &remembered).await {
                tracing::error!(monitor = %id, error = %chain(&error), "state not remembered");
            }
        }
    }

    /// A monitor as it stood before: state and age from here, the bar of its last
    /// checks from its series.
    pub(crate) async fn recall(&self, id: &MonitorId, store: &Store) -> Watched {
        let remembered = match self.0.states.get(id.as_str()).await {
            Ok(remembered) => remembered,
            Err(error) => {
                tracing::warn!(monitor = %id, error = %chain(&error), "state not recalled");
                None
            }
        };
        let Some(remembered) = remembered.map(|versioned| versioned.value) else {
            return Watched::default();
        };
        let state = State::from_word(&remembered.state).unwrap_or_default();
        let since = Timestamp::from_nanos(remembered.since);
        Watched::remembered(state, Some(since), beats(id, store))
    }
}

/// A part of a monitor, whether it is the whole, and what its levels remember.
pub(crate) type SavedPart = (Option<Arc<str>>, bool, SavedState);

/// Where a log file was read to.
#[derive(Debug)]
struct Place {
    text: String,
    is_written: bool,
}

/// Where those are, in the same bucket.
const POSITION_KEY: &str = "log:";
/// What stands there for a passive monitor, before the time.
const GOOD_UNTIL: &str = "good until ";

/// Beside the monitor's own state, in the same bucket.
fn levels_key(id: &MonitorId) -> String {
    format!("levels:{id}")
}

/// The last checks by their numbers; why each went so is not kept.
fn beats(id: &MonitorId, store: &Store) -> Vec<Beat> {
    let Ok(recent) = store.recent(&series_name(id, None), CHECKS_KEPT) else {
        return Vec::new();
    };
    let Some(column) = recent.fields.iter().position(|field| field == STATE_FIELD) else {
        return Vec::new();
    };
    let beat = |(at, values): &(Timestamp, Vec<f64>)| {
        let number = values
            .get(column)
            .copied()
            .filter(|number| !number.is_nan());
        Beat {
            at: *at,
            state: state_of_number(number),
            message: String::new(),
            by: SeenBy::Forgotten,
        }
    };
    recent.rows.iter().map(beat).collect()
}
