//! The YAML the monitor runs on.
//!
//! [`load`] reads a file and what it imports, and returns either a [`Config`]
//! in which nothing can be wrong, or every mistake of every file with its file,
//! line, column, key path and what to write instead. [`Config::monitors`] is the
//! flat list an engine runs: one [`Monitor`] for each machine, package and
//! monitor, with every `{machine.address}` filled in. [`diff`] says what a reload
//! changes, [`explain`] where each value comes from. Nothing here does anything.
//!
//! ```
//! use rem_config::{Check, load_with};
//! use rem_yaml::Loader;
//!
//! let yaml = "
//! machines:
//!   web-01: {address: 192.0.2.11}
//! packages:
//!   apache:
//!     interfaces: {http: {listen: tcp, port: 80}}
//!     monitors:
//!       http:
//!         check: http
//!         url: 'http://{machine.address}:{interfaces.http.port}/'
//!         every: 10s
//! services:
//!   web: {packages: [apache], deployments: {prod: {machines: [web-01]}}}
//! ";
//! let config = load_with(Loader::from_memory([("monitor.yaml", yaml)]), "monitor.yaml")?;
//! let monitor = &config.monitors()[0];
//! assert_eq!(monitor.id.to_string(), "web-01/apache/http");
//! assert!(matches!(&monitor.check, Check::Http(http) if http.url == "http://192.0.2.11:80/"));
//! # Ok::<(), rem_yaml::Problems>(())
//! ```
//!
//! # The file
//!
//! | key | what it holds |
//! |---|---|
//! | `site` | the name of this installation |
//! | `data` | the folder of durable state, relative to the file; `./data` next to the first file where nobody says |
//! | `import` | files, or patterns such as `conf.d/*.yaml`, relative to the importing file |
//! | `listen` | `{http: address:port, tls: …, auth: …}`; beyond loopback `auth` has to be said |
//! | `machines` | name → `address`, `location`, `local: true` for the machine the monitor runs on |
//! | `packages` | name → `monitors`, `interfaces` |
//! | `services` | name → `packages`, `deployments` (name → `machines`) |
//!
//! A monitor has either `check:` and that check's parameters, or `run:`, and may
//! have `every`, `timeout`, `title`, `per` and `series`. In its text, `{machine}`,
//! `{machine.address}`, `{package}`, `{monitor}`, `{site}` and
//! `{interfaces.NAME.port}` are filled in for each machine; `{{` is a brace. A
//! `run:` is handed on as it is: its braces belong to the scripts.

mod check;
mod config;
mod diff;
mod explain;
mod host;
mod id;
mod listener;
mod monitor;
mod name;
mod plan;
mod read;
mod series;
mod status;
mod template;

pub use check::{Check, HttpCheck, PingCheck, RunCheck, TcpCheck};
pub use config::{Config, Deployment, Interface, Machine, Package, Service, Transport};
pub use diff::{Changes, diff};
pub use explain::{UnknownName, explain};
pub use host::Host;
pub use id::MonitorId;
pub use listener::{Accounts, Auth, Listener, Role, Tls, Token, TokenSource, User};
pub use monitor::{EVERY_DEFAULT, EVERY_MIN, Monitor, TIMEOUT_DEFAULT, UsedBy};
pub use name::{
    DeploymentName, InterfaceName, MachineName, MonitorName, NAME_CHARS_MAX, PackageName,
    ServiceName, SiteName,
};
pub use plan::MONITORS_MAX;
pub use read::{load, load_with};
pub use series::{Series, SeriesKind};
pub use status::StatusCodes;
