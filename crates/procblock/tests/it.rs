//! Blocks with real scripts, programs, files and threads.
#![allow(clippy::unwrap_used)]

#[path = "it/broken.rs"]
mod broken;
#[path = "it/faults.rs"]
mod faults;
#[path = "it/imports.rs"]
mod imports;
#[path = "it/programs.rs"]
mod programs;
#[path = "it/python.rs"]
mod python;
#[path = "it/threads.rs"]
mod threads;
#[path = "it/world.rs"]
mod world;
