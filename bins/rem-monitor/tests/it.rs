//! The real command: every verb, its help, its answers and its exit codes.
#![allow(clippy::unwrap_used)]

#[path = "it/arguments.rs"]
mod arguments;
#[path = "it/fake.rs"]
mod fake;
#[path = "it/people.rs"]
mod people;
#[path = "it/running.rs"]
mod running;
#[path = "it/site.rs"]
mod site;
#[path = "it/verbs.rs"]
mod verbs;
