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
//! | `machines` | name → `address`, `location`, `depends`, `local: true` for the machine the monitor runs on |
//! | `nodes` | name → `title`, `location`, `depends`: what is no machine and others depend on |
//! | `packages` | name → `monitors`, `interfaces`, `depends` |
//! | `services` | name → `packages`, `deployments` (name → `machines`, `need`, `notify`), `need`, `depends`, `connections`, `owners` |
//! | `observers` | name → `location`, `netns`: vantage points for `scope: near` and `far` |
//! | `alerts` | name → `title`, `severity`, `subject`, `repeat` …; one that only a level names has the defaults |
//! | `roles`, `users` | who is on call when, and how they are told |
//! | `holds` | maintenance windows that are known in advance |
//! | `jobs` | name → `run`, `timeout`: what levels trigger |
//! | `notify` | `smtp`, `imap`, `fallback`, `heartbeat` …: how messages leave and answers come in |
//! | `limits` | how many checks may run at once |
//!
//! A monitor has either `check:` and that check's parameters, or `run:`, and may
//! have `every`, `retry`, `retries`, `timeout`, `scope`, `title`, `per`, `series` and
//! `levels`. In its text, `{machine}`, `{machine.address}`, `{package}`, `{monitor}`,
//! `{site}` and `{interfaces.NAME.port}` are filled in for each machine; `{{` is a
//! brace. A `run:` is handed on as it is: its braces belong to the scripts.
//!
//! `schemas/monitor.schema.json` lists every key for editors.
//!
//! # What alerting becomes
//!
//! Levels, rules of alerts, calendars and holds are handed out as [`rem_alert`]'s own
//! types: [`Monitor::levels`], [`Alert::rules`], [`Config::ladder`],
//! [`Config::calendar`], [`Config::holds`]. What depends on what is plain data:
//! [`Config::dependencies`]. A mistake in an expression has the place of the letter
//! it is at.

mod alert;
mod check;
mod config;
mod contact;
mod dependency;
mod diff;
mod explain;
mod graph;
mod hash;
mod host;
mod id;
mod job;
mod limits;
mod listener;
mod monitor;
mod name;
mod notify;
mod people;
mod plan;
mod read;
mod scope;
mod series;
mod status;
mod template;

pub use alert::{Alert, AlertSubject, Owner, REPEAT_DEFAULT, TRIES_DEFAULT};
pub use check::{
    Check, DnsAssertion, DnsCheck, Encryption, ExporterCheck, Family, HttpAssertion, HttpAuth,
    HttpCheck, HttpVersion, JsonReading, LogCheck, LogPattern, LogVerdict, PassiveCheck, PingCheck,
    PluginCheck, PluginCompat, ProcessesCheck, RunCheck, SnmpAuth, SnmpCheck, SnmpObject,
    SnmpPrivacy, SnmpTable, SnmpUser, SnmpVersion, StartTls, TcpCheck, TcpExpect, TcpStep,
    TlsCheck, TlsSide, Trust, UnitsCheck,
};
pub use config::{
    Config, Connection, ConnectionNeed, Deployment, Interface, Machine, Package, Service, Transport,
};
pub use contact::{
    Contact, ContactKind, ContactWay, ScriptContact, Text, WebhookBody, WebhookContact,
};
pub use dependency::{DependencyGroup, DependencyNode, PlainNode, Requirement};
pub use diff::{Changes, Named, diff};
pub use explain::{UnknownName, explain};
pub use host::Host;
pub use id::MonitorId;
pub use job::{JOB_TIMEOUT_DEFAULT, Job};
pub use limits::Limits;
pub use listener::{Accounts, Auth, Listener, Role, Tls, Token, TokenSource, User};
pub use monitor::{
    EVERY_DEFAULT, EVERY_MIN, Monitor, RETRIES_DEFAULT, Retry, TIMEOUT_DEFAULT, UsedBy,
};
pub use name::{
    AlertName, DeploymentName, InterfaceName, JobName, MachineName, MonitorName, NAME_CHARS_MAX,
    NodeName, ObserverName, PackageName, RoleName, ServiceName, SiteName, UserName,
};
pub use notify::{
    Heartbeat, Imap, Notify, SELF_TEST_DEFAULT, SELF_TEST_WITHIN_DEFAULT, SelfTest, Smtp,
    THROTTLE_DEFAULT,
};
pub use people::{Duty, Person, TaskScript};
pub use plan::MONITORS_MAX;
pub use read::{load, load_with, read_levels};
pub use scope::{Observer, Scope};
pub use series::{Series, SeriesKind};
pub use status::StatusCodes;
