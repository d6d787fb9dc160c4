//! The monitoring engine without its pages: a configuration becomes a [`Plan`], and
//! an [`Engine`] looks at everything in it at the right time, keeps the numbers in
//! series, the states in memory that survives a restart, and tells subscribers.
//!
//! ```
//! use std::sync::Arc;
//!
//! use rem_monitor::{Host, Reload, State};
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
//! let running = host.start(&config, Arc::new(rem_notify::FakePost::new()), Reload::channel().0).await?;
//! let engine = &running.engine;
//! let mut news = engine.subscribe();
//! engine.look_now(&config.monitors()[0].id).await;
//!
//! let news = news.recv().await?;
//! assert_eq!(news.id.as_str(), "here/linux/load");
//! assert_eq!(news.turn.map(|turn| turn.to), Some(State::Ok));
//! host.close(&running, Span::from_seconds(5)).await?;
//! # Ok(()) }
//! ```

mod agenda;
mod courier;
mod engine;
mod host;
mod jobs;
mod judge;
mod memory;
mod observer;
mod office;
mod overview;
mod places;
mod plan;
mod probes;
mod record;
mod reload;
mod replies;
mod rounds;
mod rules;
mod run;
mod schedule;
mod secrets;
mod seen_by;
pub mod simulate;
mod states;
mod tally;
mod tasks;
mod telling;
mod watched;

pub use agenda::FIRST_LOOK_WITHIN;
pub use engine::{Applied, Engine, NEWS_KEPT_MAX, News, NotTaken, Parts};
pub use host::{Host, HostError, Running};
pub use jobs::{Job, JobRun, RUNS_KEPT};
pub use judge::{CompileError, LevelView, MonitorLevels, PARTS_MAX};
pub use memory::Memory;
pub use observer::{Observer, ObserverError};
pub use office::{Office, OfficeError};
pub use overview::{MonitorView, Overview};
pub use places::Limits;
pub use plan::{Look, Plan, PlanError, Planned, Retry, Tools, plan};
pub use probes::Probes;
pub use record::{STATE_FIELD, TOOK_FIELD, chain, series_name, state_number, state_of_number};
pub use reload::{Reload, ReloadOutcome, ReloadRequest, ReloadRequests};
pub use rem_check::{Kind, Reading, Report, Unit, Verdict};
pub use rem_config::{MonitorId, Scope};
pub use replies::{NoReply, Replies, RepliesError};
pub use rules::RulesError;
pub use schedule::{Schedule, offset};
pub use seen_by::SeenBy;
pub use states::StateOwner;
pub use tally::{Tally, VERDICTS};
pub use telling::{Telling, Word, monitor_node};
pub use watched::{Beat, CHECKS_KEPT, State, Turn, Watched};
