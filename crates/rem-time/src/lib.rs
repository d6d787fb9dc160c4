//! Time as a monitoring program needs it: points on the UTC time line
//! ([`Timestamp`]), lengths of time an operator writes as `5m` ([`Span`]), what a
//! clock on the wall shows ([`LocalTime`] in a [`Zone`]), and the one place that
//! reads the clock ([`Clock`]).
//!
//! Everything that decides takes `now` as an argument; only the outermost loop
//! of a program holds a [`Clock`]. Tests hold a [`ManualClock`] and move it.
//!
//! ```
//! use rem_time::{Clock, ManualClock, Span, Timestamp};
//!
//! let clock = ManualClock::at(Timestamp::from_seconds(1_282_114_491));
//! let started = clock.now();
//! let patience: Span = "1m30s".parse()?;
//!
//! clock.advance("90s".parse()?);
//! assert!(clock.now().since(started) >= patience);
//! assert_eq!(clock.now().to_string(), "2010-08-18T06:56:21Z");
//! # Ok::<(), rem_time::ParseSpanError>(())
//! ```
//!
//! With the feature `serde`, timestamps and spans are stored as the texts that people
//! write, to the nanosecond.

mod civil;
mod clock;
#[cfg(feature = "serde")]
mod serde;
mod span;
mod timestamp;
mod zone;

pub use civil::{Date, LocalTime, ParseCivilError, TimeOfDay, Weekday};
pub use clock::{Clock, ManualClock, SinceBoot, SystemClock};
pub use span::{ParseSpanError, Span};
pub use timestamp::{ParseTimestampError, Timestamp};
pub use zone::{UnknownZone, Zone};
