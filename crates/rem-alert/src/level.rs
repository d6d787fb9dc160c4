//! Whether the samples of a monitor match what an operator wrote about them.
//!
//! | type | what it is |
//! |---|---|
//! | [`Expression`] | `duration > 50ms and status != ok`: the one language of levels, conditions and templates |
//! | [`Window`] | `20% of last 10`, `5 of last 5`, `for 5m`, `20% of 10m` |
//! | [`Level`] | an expression in a window, a condition to clear, and actions |
//! | [`Levels`], [`LevelState`] | the levels of a monitor, and what is remembered of its samples |
//! | [`Source`] | where states and long series come from |
//! | [`find_cycle`] | levels whose states feed each other in a circle |
//! | [`replay`](fn@replay) | what levels would have done over written samples |
//!
//! A value that is not known is neither zero nor false: it makes a comparison
//! unknown, `and`, `or` and `not` are those of Kleene, and a window does not count
//! a sample that left its condition unknown, unless the level says
//! [`unknown: bad`](UnknownAs).
//!
//! ```
//! use rem_alert::level::{Action, Level, Levels, NoSource, Sample, Status, Truth, What};
//! use rem_time::Timestamp;
//!
//! let slow = Level::new("slow", "duration > 50ms".parse()?)
//!     .within("20% of last 10".parse()?)
//!     .doing(Action::Alert("web-slow".into()));
//! let levels = Levels::compile(vec![slow])?;
//! let mut state = levels.start();
//!
//! let mut alerts = Vec::new();
//! for (second, duration) in [(0, 0.020), (10, 0.072), (20, 0.080)] {
//!     let at = Timestamp::from_seconds(second);
//!     let readings = [("duration", Some(duration))];
//!     let sample = Sample { at, status: Status::Ok, message: "200", readings: &readings };
//!     for change in levels.step(&mut state, &sample, &NoSource, at) {
//!         if let What::AlertOn(name) = change.what {
//!             alerts.push((second, name));
//!         }
//!     }
//! }
//! assert_eq!(alerts, [(20, "web-slow".into())]);
//! assert_eq!(state.group(0).truth, Truth::True);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod aggregate;
mod compile;
mod cycle;
mod definition;
mod error;
mod evaluate;
mod explain;
mod expression;
mod lexer;
mod parser;
mod pattern;
mod recent;
mod replay;
mod sample;
mod saved;
mod series;
mod state;
mod step;
mod truth;
mod watch;
mod window;

pub use aggregate::{Aggregate, Function, Over, Subject};
pub use compile::{CompileError, LEVELS_MAX, Levels};
pub use cycle::{Cycle, find_cycle};
pub use definition::{Action, Level, UnknownAs};
pub use error::ExpressionError;
pub use explain::{Explanation, LevelExplanation};
pub use expression::{DEPTH_MAX, EXPRESSION_BYTES_MAX, Expression, Kind};
pub use recent::RECENT_SAMPLES_MAX;
pub use replay::{Happening, Track, replay};
pub use sample::{NoSource, OwnedSample, Sample, Source, StateValue, Status};
pub use saved::{SavedGroup, SavedLevel, SavedSeries, SavedState, SavedWindow};
pub use series::{SERIES_SAMPLES_MAX, parse_series};
pub use state::{GroupState, LevelState};
pub use step::{Change, What};
pub use truth::Truth;
pub use window::{WINDOW_SAMPLES_MAX, Window, WindowError};
