//! EC2 through the door: against our own fake, and against moto as a second opinion.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "it/conformance.rs"]
mod conformance;
#[path = "it/faults.rs"]
mod faults;
#[path = "it/killed.rs"]
mod killed;
#[path = "it/moto.rs"]
mod moto;
#[path = "it/pages.rs"]
mod pages;
#[path = "it/rig.rs"]
mod rig;
#[path = "it/things.rs"]
mod things;
