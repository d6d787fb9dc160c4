//! The alert desk: takes alerts, holds what another failure explains, and pages
//! whoever is on call until somebody acknowledges.
//!
//! [`Desk::report`] answers when the alert *and* the message that follows from it
//! are on disk, in one commit; `kill -9` at any moment after that loses neither.
//! A message is tried until it is taken over or nobody needs it any more, under
//! one name on every attempt. There is no limit of attempts.
//!
//! - [`DeskCore`] decides, without a clock, a disk or a network: episodes, the
//!   dependency graph, holds, the calendar, the outbox.
//! - [`Desk`] is the core with all three: one task applies what came, writes it in
//!   one commit, answers, and sends.
//!
//! The desk asks for two things back. [`Desk::rechecks`] names nodes to be looked at
//! at once, and [`Desk::evaluated`] hears that they were: an alert is only sent when
//! what it depends on was looked at after it fired.
//!
//! While its disk refuses, the desk says so with every answer
//! ([`DeskError::NotDurable`]) and goes on paging from memory.
//!
//! ```
//! use std::sync::Arc;
//! use rem_alert::episode::Step;
//! use rem_alert::shift::Role;
//! use rem_desk::{Action, Actor, Desk, Parts, Reach, Report, Rules, Target, TokenKey, User};
//! use rem_notify::{Contact, FakePost};
//! use rem_time::{ManualClock, Span, Timestamp};
//! use unidist::{BucketSpec, Unidist};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let ann = User {
//!     contacts: vec![Reach::person(Contact::mail("ann@example.com")?)],
//!     ..User::default()
//! };
//! let rules = Rules {
//!     users: [("ann".to_owned(), ann)].into(),
//!     roles: vec![Role::new("web-oncall").standing("ann")],
//!     default_ladder: vec![Step::new("web-oncall", 3, Span::from_seconds(300))],
//!     ..Rules::default()
//! };
//!
//! let now = Timestamp::from_seconds(1_800_000_000);
//! let post = Arc::new(FakePost::new());
//! let parts = Parts {
//!     bucket: Unidist::memory().consistent("alerts", BucketSpec::default())?,
//!     post: post.clone(),
//!     clock: Arc::new(ManualClock::at(now)),
//!     key: TokenKey::from_secret(b"kept in the data folder"),
//!     tasks: None,
//! };
//! let desk = Desk::open(parts, rules).await?;
//! desk.report(vec![Report::fires("web-down", "machine:web-01", now)]).await?;
//!
//! while post.delivered().is_empty() {
//!     tokio::task::yield_now().await;
//! }
//! assert_eq!(post.delivered()[0].message.subject, "web-down: machine:web-01");
//!
//! let number = desk.overview().alerts[0].id.number;
//! let ann = Actor::operator("ann");
//! desk.act(Target::Episode(number), &ann, Action::Complete).await?;
//! # desk.close(std::time::Duration::from_secs(1)).await;
//! # Ok(()) }
//! ```

mod actor;
mod compiled;
mod compose;
mod core;
mod desk;
mod driver;
mod episodes;
mod event;
mod history;
mod kept;
mod outbox;
mod paths;
mod people;
mod record;
mod rules;
mod store;
mod timeline;
mod token;
mod view;

pub use crate::core::{
    CLOSED_KEPT_MAX, CONTACT_BROKEN, Changes, DeskCore, HOLDS_MAX, LINES_KEPT_MAX,
    MESSAGES_KEPT_MAX, News, ONCALL_FINDING, ONCALL_GAP, ONCALL_PATH, RecordError, Refused,
    Reloaded, Sending,
};
pub use actor::{Actor, Right};
pub use desk::{Desk, DeskError, Parts, Rechecks, TaskList, TaskOutput};
pub use driver::{NotDurable, SENDS_AT_ONCE_MAX};
pub use event::{Action, Evaluated, Report, Target};
pub use kept::Kept;
pub use outbox::{
    ATTEMPTS_KEPT, Addressee, Attempt, Broken, DIGEST_ALERTS_MAX, Letter, Outcome, PlainKind, Words,
};
pub use paths::{PathState, PathView};
pub use people::ShiftError;
pub use rules::{AlertRule, Heartbeat, Reach, Rules, Timing, User};
pub use timeline::Line;
pub use token::{Grant, KEY_FILE, KeyError, TokenError, TokenKey};
pub use view::{AlertView, EpisodeView, Explanation, OnCallView, Overview};
