//! The crate as a stranger uses it.
#![allow(clippy::unwrap_used)]

#[path = "it/backends.rs"]
mod backends;
#[path = "it/disk.rs"]
mod disk;
#[path = "it/example.rs"]
mod example;
#[path = "it/kill.rs"]
mod kill;
#[path = "it/mounted.rs"]
mod mounted;
