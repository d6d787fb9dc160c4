//! Megavisors on real machines and controllers.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "it/conformance.rs"]
mod conformance;
#[path = "it/ipmi.rs"]
mod ipmi;
#[path = "it/local.rs"]
mod local;
