//! The desk as its users see it.
#![allow(clippy::unwrap_used)]

#[path = "it/house.rs"]
mod house;

#[path = "it/answering.rs"]
mod answering;
#[path = "it/contacts.rs"]
mod contacts;
#[path = "it/crash.rs"]
mod crash;
#[path = "it/depending.rs"]
mod depending;
#[path = "it/faults.rs"]
mod faults;
#[path = "it/kill.rs"]
mod kill;
#[path = "it/kill_child.rs"]
mod kill_child;
#[path = "it/looping.rs"]
mod looping;
#[path = "it/paging.rs"]
mod paging;
#[path = "it/repeating.rs"]
mod repeating;
