//! A dependency graph of k-of-n requirements: what is down, why, and what hangs on what.
//!
//! A node (a machine, a port, a service, a monitor: any text) has requirement groups:
//! at least `need` of `members`. Given the failed nodes, the up ones are the *least* set
//! such that a node is up if it has not failed and each of its groups has enough members
//! that are up. A node without groups is a source. Because the set is the least one,
//! rings of switches work in both directions and yet cannot hold themselves up.
//!
//! - [`Builder`] collects nodes and groups and names every mistake; it makes a [`Graph`].
//! - [`Live`] follows failures and recoveries. Each costs what it changes, not what there
//!   is. It says what is held back ([`Live::held`]), why ([`Live::explain`]) and what a
//!   cause hides ([`Live::root_causes`]).
//! - [`Evaluation`] answers "what if": impact, single points of failure.
//! - [`Diff`] and [`Live::carry`] are for reloads.
//!
//! ```
//! use std::sync::Arc;
//! use rem_graph::{Builder, Live, State};
//!
//! let mut builder = Builder::new();
//! for name in ["pdu-a", "pdu-b", "web-01", "monitor:web-01/http"] {
//!     builder.node(name);
//! }
//! builder.require("web-01", "power", 1, ["pdu-a", "pdu-b"]);
//! builder.require("monitor:web-01/http", "machine", 1, ["web-01"]);
//! let graph = Arc::new(builder.build()?);
//! let id = |name: &str| graph.node(name).expect("declared above");
//!
//! let mut live = Live::new(Arc::clone(&graph));
//! live.fail(id("pdu-a"), 100);
//! assert_eq!(live.state(id("web-01")), State::Degraded);
//!
//! live.fail(id("pdu-b"), 200);
//! live.fail(id("monitor:web-01/http"), 201);
//! assert!(live.held(id("monitor:web-01/http")));
//! let why = live.explain(id("monitor:web-01/http"), 10).expect("it is down");
//! let roots: Vec<&str> = why.by.iter().map(|cause| graph.name(cause.root)).collect();
//! assert_eq!(roots, ["pdu-a", "pdu-b"]);
//!
//! // Power is back, the page is still broken: now it is told.
//! live.recover(id("pdu-b"));
//! assert!(!live.held(id("monitor:web-01/http")));
//! # Ok::<(), rem_graph::BuildError>(())
//! ```
//!
//! The crate is pure: no clock, no I/O, no threads. Nothing here recurses, so that a chain
//! of a million nodes is as good as any other graph.

mod builder;
mod change;
mod components;
mod cycles;
mod diff;
mod evaluation;
mod explain;
mod graph;
mod layout;
mod live;
mod names;

pub use builder::{BuildError, Builder, KINDS_MAX, MEMBERS_MAX, MISTAKES_MAX, Mistake, NODES_MAX};
pub use change::{Change, Changes};
pub use diff::{Carried, Diff};
pub use evaluation::{Evaluation, Impact, PointOfFailure};
pub use explain::{Cause, Explained, Link, RootCause};
pub use graph::{Graph, Group, NodeId, State};
pub use live::Live;
