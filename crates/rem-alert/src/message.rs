//! What a message to a person does next.
//!
//! A [`Message`] lies in the outbox until somebody took it or it is no longer
//! wanted. It is sent at least once: every attempt carries the same id, so that
//! a receiver can drop the second. Nothing but [`State::Superseded`] and a user
//! without a working contact ends it early; there is no limit of attempts.
//!
//! [`bundle`] decides what leaves now: messages to one contact that come close
//! together leave as one digest. It delays and bundles; it never drops.

mod bundle;
mod machine;
#[cfg(test)]
mod tests;

pub use bundle::{Bundle, Bundled, Pace, Throttle, bundle};
pub use machine::{Context, Effect, Event, Lease, Message, RETRY_FIRST, RETRY_MAX, State};
