//! The monitor's pages and RPC methods, on [`dropstar`].
//!
//! | address | what it is |
//! |---|---|
//! | `/system_monitor/monitor` | everything that is watched, live; `.json` for programs |
//! | `/system_monitor/series?range=1h` | the numbers behind all graphs of that page |
//! | `/system_monitor/card?id=…` | one monitor as a piece of that page |
//! | `/system_monitor/graph.svg`, `.png` | a graph as a picture |
//! | `/events?topics=checks` | every check as it is done, as server-sent events |
//!
//! RPC methods, over JSON-RPC and XML-RPC: `monitor.list`, `monitor.get`,
//! `monitor.check_now`, `series.list`, `series.fetch`.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use dropstar::{Listener, Server};
//! use rem_monitor::{Host, Reload};
//! use rem_time::SystemClock;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let loader = rem_yaml::Loader::from_memory([("monitor.yaml", "site: home")]);
//! # let config = rem_config::load_with(loader, "monitor.yaml")?;
//! let clock = Arc::new(SystemClock);
//! let host = Host::open(folder.path(), clock.clone(), []).await?;
//! let monitor = host.start(&config, Arc::new(rem_notify::FakePost::new()), Reload::channel().0).await?;
//!
//! let listener = Listener::on(([127, 0, 0, 1], 0)).site(rem_web::site(&monitor));
//! let running = Server::bind([listener], clock).await?;
//! println!("http://{}/system_monitor/monitor", running.addresses()[0]);
//! running.shutdown(Duration::from_secs(1)).await;
//! # Ok(()) }
//! ```

mod alerts;
mod asked;
mod card;
mod format;
mod frame;
mod graph;
mod holds;
mod live;
mod look;
mod methods;
mod metrics;
mod on_call;
mod page;
mod pages;
mod passive;
mod posted;
mod ranges;
mod replies;
mod series;
mod trouble;
mod view;

pub use pages::site;
