use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use rem_config::MonitorId;
use rem_series::Store;
use rem_time::Timestamp;
use serde::{Deserialize, Serialize};
use unidist::{Bucket, Consistent};

use crate::record::{STATE_FIELD, chain, series_name, state_of_number};
use crate::watched::{Beat, CHECKS_KEPT, State, Turn, Watched};

/// What an engine has to know after a restart: how each monitor stood and since
/// when. Durable as far as the bucket is. Cheap to clone; clones are one memory.
#[derive(Clone, Debug)]
pub struct Memory(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    states: unidist::State<Consistent, Remembered>,
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

    /// Writes what is not written yet. A state that cannot be written is logged and
    /// given up: the next turn of its monitor is written anew.
    pub(crate) async fn settle(&self) {
        let _writing = self.0.writing.lock().await;
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
        }
    };
    recent.rows.iter().map(beat).collect()
}
