//! Programs and Python workers, run for real.
#![allow(clippy::unwrap_used)]

#[path = "it/faults.rs"]
mod faults;
#[path = "it/injected.rs"]
mod injected;
#[path = "it/leaks.rs"]
mod leaks;
#[path = "it/native.rs"]
mod native;
#[path = "it/python.rs"]
mod python;
#[path = "it/rig.rs"]
mod rig;
#[path = "it/spawn.rs"]
mod spawn;
#[path = "it/start_errors.rs"]
mod start_errors;
