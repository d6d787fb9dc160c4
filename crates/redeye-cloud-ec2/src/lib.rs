//! EC2 as a cloud of `redeye-cloud`: machines, volumes, snapshots, addresses, load
//! balancers, keys, firewalls and images of one account in one region.
//!
//! [`Ec2Megavisor`] sends and reads, nothing more: the door and the cache of
//! `redeye-cloud` own retries, pauses, deadlines and what is kept. So the SDK's own
//! retries are off, a token made of the operation's id goes with what EC2 can know
//! again, and a tag `rem:op` with everything that is made.
//!
//! An answer that is not what was asked for (an empty body, a page of a proxy, another
//! protocol, a listing without its set) is [`Class::Protocol`], never an empty listing.
//!
//! Credentials come from where every tool of AWS has them: the environment, the
//! profiles of `~/.aws`, a process, single sign-on, the role of the machine. Nothing
//! of that is looked for before the first request.
//!
//! ```
//! use std::sync::Arc;
//! use redeye_cloud::Megavisor;
//! use redeye_cloud_ec2::{Ec2Megavisor, Settings};
//! use rem_time::SystemClock;
//!
//! let settings = Settings::new("ec2/prod/eu-west-1".parse()?);
//! let ec2 = Ec2Megavisor::new(settings, Arc::new(SystemClock));
//! assert_eq!(ec2.info().scopes[0].region.as_str(), "eu-west-1");
//! # Ok::<(), redeye_cloud::ScopeError>(())
//! ```
//!
//! [`Class::Protocol`]: redeye_cloud::Class::Protocol

mod settings;

mod clients;
mod guard;
mod refusal;
mod shape;

mod convert;
mod look;
mod page;

mod act;
mod megavisor;
mod plan;

pub use megavisor::Ec2Megavisor;
pub use settings::{Keys, Settings};
