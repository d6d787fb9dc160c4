//! The monitoring engine without its pages: a configuration becomes a [`Plan`], and
//! an [`Engine`] looks at everything in it at the right time, keeps the numbers in
//! series, the states in memory that survives a restart, and tells subscribers.
//!
//! ```
//! use std::sync::Arc;
//!
//! use rem_monitor::{Host, State};
//! use rem_time::{Span, SystemClock};
//! use rem_yaml::Loader;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let yaml = "
//! machines: {here: {address: 127.0.0.1, local: true}}
//! packages: {linux: {monitors: {load: {check: local.load, every: 10s}}}}
//! services: {all: {packages: [linux], deployments: {prod: {machines: [here]}}}}
//! ";
//! let loader = Loader::from_memory([("monitor.yaml", yaml)]);
//! let config = rem_config::load_with(loader, "monitor.yaml")?;
//! # let folder = tempfile::tempdir()?;
//!
//! let host = Host::open(folder.path(), Arc::new(SystemClock), []).await?;
//! let engine = host.start(&config).await.map_err(|mut errors| errors.remove(0))?;
//! let mut news = engine.subscribe();
//! engine.look_now(&config.monitors()[0].id).await;
//!
//! let news = news.recv().await?;
//! assert_eq!(news.id.as_str(), "here/linux/load");
//! assert_eq!(news.turn.map(|turn| turn.to), Some(State::Ok));
//! host.close(&engine, Span::from_seconds(5)).await?;
//! # Ok(()) }
//! ```

mod engine;
mod host;
mod memory;
mod overview;
mod plan;
mod record;
mod run;
mod schedule;
mod watched;

pub use engine::{
    Applied, CHECKS_AT_ONCE_MAX, Engine, FIRST_LOOK_WITHIN, NEWS_KEPT_MAX, News, Parts,
};
pub use host::{Host, HostError};
pub use memory::Memory;
pub use overview::{MonitorView, Overview};
pub use plan::{Plan, PlanError, Planned, Tools, plan};
pub use record::{STATE_FIELD, TOOK_FIELD, chain, series_name, state_number, state_of_number};
pub use rem_check::{Kind, Reading, Report, Unit, Verdict};
pub use rem_config::MonitorId;
pub use schedule::{Schedule, offset};
pub use watched::{Beat, CHECKS_KEPT, State, Turn, Watched};
