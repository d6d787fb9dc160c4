//! Levels over samples, alert episodes and on-call calendars: decisions only.
//!
//! | module | what it decides |
//! |---|---|
//! | [`level`] | whether "20% of the last 10 samples" of a series match an expression |
//! | [`episode`] | what an alert does next: page, wait, hold, keep quiet |
//! | [`message`] | when a message to a person is tried, tried again, bundled or superseded |
//! | [`shift`] | who is on call at an instant |

pub mod episode;
pub mod level;
pub mod message;
pub mod shift;
