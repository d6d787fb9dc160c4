//! Who is on call when: rotations, layers, overrides, swaps and vacations, as a
//! function of time alone.
//!
//! Nothing is stored but what people wrote: [`Role`]s with their [`Rotation`]s come
//! from the configuration, [`Edit`]s from people. A [`Calendar`] of both answers
//! for any instant, past or future, without walking there.
//!
//! - A shift begins at `resolve(anchor + k · period)` on the wall clock of the
//!   rotation's zone: the first of two where an hour repeats, the end of the gap
//!   where one is skipped, the last day of a month that is too short.
//! - An edit beats a higher layer, a higher layer beats a lower one.
//! - Edits name a range of time, never the place in a rotation, so a change of the
//!   configuration loses none.
//!
//! ```
//! use rem_alert::shift::{Calendar, Every, Plan, Role, Rotation, User};
//! use rem_time::{LocalTime, Zone};
//!
//! let zone: Zone = "Europe/Berlin".parse()?;
//! let monday: LocalTime = "2026-01-05 09:00".parse()?;
//! let team = ["ann", "bob", "cho"];
//! let weekly = Plan::new(team.map(Into::into).to_vec(), Every::Weeks(1), monday, zone)?;
//! let role = Role::new("web-oncall").layer(Rotation::new("web", weekly));
//! let calendar = Calendar::new(vec![role], team.map(User::new).to_vec(), vec![]);
//!
//! let at = "2026-04-01T12:00:00Z".parse()?;
//! assert_eq!(calendar.on_call(&"web-oncall".into(), at), ["ann".into()]);
//! let next = calendar.who_next(&"web-oncall".into(), at).unwrap();
//! assert_eq!(next.at.to_string(), "2026-04-06T07:00:00Z");
//! assert_eq!(next.users, ["bob".into()]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod balance;
mod calendar;
mod edit;
mod fair;
mod hours;
mod ical;
mod ladder;
mod lint;
mod moves;
mod name;
mod notice;
mod plan;
mod range;
mod rights;
mod role;
mod rotation;
#[cfg(test)]
mod sample;
mod shifts;
mod swap;

pub use balance::{Balance, Share};
pub use calendar::{Calendar, Next};
pub use edit::{Change, Edit, EditId, Slot};
pub use fair::Fair;
pub use hours::{Hours, ParseHoursError};
pub use ical::{Feed, ical};
pub use ladder::{Ownership, Rung, Step};
pub use lint::{Finding, lint};
pub use name::{RoleId, UserId};
pub use notice::{
    Alteration, Altered, Due, Notice, NoticeWishes, Weekly, alterations, next_notice, notices,
};
pub use plan::{Align, Every, Order, Plan, PlanError};
pub use range::Range;
pub use rights::{Author, EDIT_LENGTH_MAX, EDITS_MAX, EditError};
pub use role::{Role, User};
pub use rotation::{Rotation, Version};
pub use shifts::{SHIFTS_MAX, Shift, Spell, Why};
pub use swap::{Swap, SwapError, SwapId, SwapState};
