//! The crate as others use it.
#![allow(clippy::unwrap_used)]

#[path = "it/episode.rs"]
mod episode;
#[path = "it/episode_random.rs"]
mod episode_random;
#[path = "it/shift.rs"]
mod shift;
#[path = "it/shift_ical.rs"]
mod shift_ical;
#[path = "it/shift_oracle.rs"]
mod shift_oracle;
