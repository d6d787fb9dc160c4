//! A cloud of your own hardware.
//!
//! A megavisor is a file of named functions, each a program, a script in any language,
//! an HTTP request, a command over ssh or something built in. Whatever starts, stops
//! and lists your machines today becomes a cloud with dry run, journal and cache.
//!
//! ```
//! use std::sync::Arc;
//! use redeye_cloud::{Kind, Megavisor, Power};
//! use redeye_cloud_home::{Definition, HomeMegavisor};
//! use rem_time::SystemClock;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! let file = r#"
//! megavisor: rack
//! parameters: {bmc: {required: true}}
//! functions:
//!   query: {argv: [echo, "{bmc} Chassis Power is on"], match: {on: is on, off: is off}}
//! machines:
//!   web-1: {bmc: 192.0.2.10}
//! "#;
//! let definition = Definition::parse("rack.yaml", file, folder.path())?;
//! let rack = HomeMegavisor::new(definition, Arc::new(SystemClock), Arc::new(|_| None));
//!
//! let machines = rack.list(rack.scope(), Kind::Instance).await?;
//! assert_eq!(machines.items[0].as_instance().map(|one| one.power), Some(Power::On));
//! # Ok(()) }
//! ```
//!
//! # What a function is told, and what it answers
//!
//! A program gets one line of JSON on its standard input (`op`, `verb`, `scope`,
//! `action`, `state`) and the parameters of its machine as `REM_<NAME>` in its
//! environment. Its last line may be JSON; else `match:` reads states from its output.
//! Its exit code says how it went: 0 done, 10 it was so already, 11 begun, 3 no such
//! thing, 4 not in this state, 64 makes no sense, 69 not reached, 73 no room, 75 not
//! now, 77 not allowed; every other one is a failure, whose class `errors:` may read from
//! what was said.
//!
//! Accepted is not done: a function that switches power is followed by queries until it
//! is so. What cannot be asked is unknown, never off; what can be asked only while it
//! runs is stopped `until: {power: unknown}`.

mod contract;
mod definition;
mod form;
mod function;
mod home;
mod read;
mod shipped;
mod template;

pub use definition::{Definition, HomeError};
pub use form::Terminal;
pub use home::{Env, HomeMegavisor};
pub use shipped::{ShippedError, from_shipped, shipped};
