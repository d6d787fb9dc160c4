//! The JSON that is kept: short names, since there is one of these for every
//! alert and message. A field that is missing has its default, so that an older
//! record can be read.

use rem_alert::episode::Timer;
use rem_time::Timestamp;

macro_rules! record {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty = $short:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(default)]
        pub(crate) struct $name {
            $(
                #[serde(rename = $short, skip_serializing_if = "is_default")]
                pub $field: $type,
            )*
        }
    };
}

mod episode;
mod letter;
mod line;
mod people;

pub(crate) use episode::{EpisodeRecord, HoldRecord};
pub(crate) use letter::{BrokenRecord, LetterRecord};
pub(crate) use line::LineRecord;
pub(crate) use people::{EditRecord, HoldPlanRecord, SiteRecord, SwapRecord};

type Nanos = i64;
type TimerRecord = (Nanos, Nanos);

fn from(at: Nanos) -> Timestamp {
    Timestamp::from_nanos(at)
}

fn timer(timer: Timer) -> TimerRecord {
    (timer.from.as_nanos(), timer.until.as_nanos())
}

fn from_timer((begin, end): TimerRecord) -> Timer {
    Timer {
        from: from(begin),
        until: from(end),
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
