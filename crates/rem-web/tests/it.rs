//! The pages, methods and texts of a monitor that runs, over a real server.
#![allow(clippy::unwrap_used)]

#[path = "it/acting.rs"]
mod acting;
#[path = "it/client.rs"]
mod client;
#[path = "it/house.rs"]
mod house;
#[path = "it/metrics.rs"]
mod metrics;
#[path = "it/pages.rs"]
mod pages;
#[path = "it/posting.rs"]
mod posting;
#[path = "it/shifts.rs"]
mod shifts;
