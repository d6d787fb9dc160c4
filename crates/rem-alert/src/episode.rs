//! What an alert does next.
//!
//! An [`Episode`] is one alert about one subject, from the first moment it
//! fires until it is over and everybody who was told has answered. It is plain
//! data; [`Episode::step`] is the only thing that changes it, and
//! [`Episode::next_wakeup`] says when it wants to be looked at again.
//!
//! Four parts are independent of each other: what the levels say
//! ([`Condition`]), which parents fail and so explain it, which holds silence
//! it ([`Hold`]), and what people answered ([`Ack`]). The fifth, the
//! [`Ladder`], follows from them by one rule that is worked out anew after
//! every event:
//!
//! > *talk* = firing, and no parent alerts, and nothing holds it, and nobody
//! > acknowledged it, and it has settled. Talking without a due time: due now.
//! > Not talking: no due time.
//!
//! So "the parent recovered", "the snooze ran out", "the maintenance is over"
//! and "the node was restarted" are the same line of code.
//!
//! ```
//! use rem_alert::episode::{Display, Effect, Episode, Event, Rules, Step};
//! use rem_time::{Span, Timestamp};
//! use std::sync::Arc;
//!
//! let rules = Rules {
//!     ladder: vec![Step::new("web-oncall", 3, Span::from_seconds(300))],
//!     ..Rules::default()
//! };
//! let on_call = |_role: &str, _at: Timestamp| vec![Arc::from("ann")];
//! let now = Timestamp::from_seconds(0);
//! let (mut episode, mut effects) = (Episode::default(), Vec::new());
//!
//! episode.step(&Event::fire(), now, &rules, &on_call, &mut effects);
//! assert!(effects.iter().any(|e| matches!(e, Effect::Page(page) if *page.users[0] == *"ann")));
//! assert_eq!(episode.display(), Display::Communicating);
//! assert_eq!(episode.next_wakeup(), Some(Timestamp::from_seconds(300)));
//! ```

mod audit;
mod effect;
mod event;
mod hold;
mod ladder;
mod recurrence;
mod rules;
mod state;
mod step;
#[cfg(test)]
mod tests;

pub use audit::{AuditLine, replay};
pub use effect::{Effect, Note, NoteKind, Page, Recipient, SupersedeReason, Urgency};
pub use event::{Event, Parents};
pub use hold::{
    Held, HoldKind, HoldPlan, Holds, Matcher, MatcherOp, ParseMatcherError, Subject, When,
};
pub use ladder::{Ladder, Timer};
pub use recurrence::{Days, LASTS_MAX, Repeats};
pub use rules::{AfterClear, RefireOverrides, Roster, Rules, Step};
pub use state::{
    Ack, Condition, Display, Episode, EpisodeId, HeldBy, Hold, ParseEpisodeIdError, Recheck, Settle,
};
