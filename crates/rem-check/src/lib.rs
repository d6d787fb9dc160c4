//! Checks: one look at something, one [`Report`] with a verdict, a reason in an
//! operator's words and the numbers that were measured.
//!
//! | check | what it looks at |
//! |---|---|
//! | [`Ping`] | loss and round-trip time; all targets share one socket ([`Pinger`]) |
//! | [`Http`] | status, body, headers, JSON values, timing of every phase, days until the certificate ends |
//! | [`Tcp`] | connect time, optionally texts sent and expected, encrypted at once or on request |
//! | [`Dns`] | records, response code, who answers; all questions share one socket ([`DnsClient`]) |
//! | [`TlsCert`] | the certificates of a server: dates, names, who vouches for them |
//! | [`Snmp`] | objects and tables of an SNMP agent, v1, v2c and v3 ([`SnmpSockets`]) |
//! | [`Script`] | any program: exit code, numbers on stdout |
//! | [`Plugin`] | any Nagios plugin, unchanged: exit status, performance data with thresholds |
//! | [`Exporter`] | a Prometheus exporter, text 0.0.4 or OpenMetrics ([`exposition`]) |
//! | [`LocalCpu`], [`LocalLoad`], [`LocalMemory`], [`LocalDisk`], [`LocalDiskIo`], [`LocalNetwork`] | this machine, without starting a program |
//! | [`LocalUnits`], [`LocalProcesses`] | units of systemd, processes by name, command line or user |
//! | [`LogPattern`] | new lines of a log file that match, through its rotation |
//!
//! [`Passive`] reads the results that others push.
//!
//! Every check keeps its own deadline, and none of them fails: a refused
//! connection, a peer that sends garbage, an expired certificate is a report
//! with a verdict. A number that could not be measured is unknown, never zero.
//!
//! ```
//! use rem_check::{Check, LocalLoad, Root, Verdict};
//! use rem_time::{Clock, SystemClock};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let load = LocalLoad::new(Root::default());
//! let report = load.run(SystemClock.now()).await;
//! assert_eq!(report.verdict, Verdict::Ok);
//! assert!(report.value(None, "load1").is_some());
//! # }
//! ```

mod bounds;
mod check;
mod dns;
mod exporter;
pub mod exposition;
mod fake;
mod http;
mod local;
mod log_pattern;
mod net;
mod passive;
mod pattern;
pub mod perfdata;
mod ping;
mod plugin;
mod reason;
mod report;
mod script;
mod snmp;
mod tcp;
mod tls;
mod tls_cert;

pub use bounds::{Bounds, Threshold, ThresholdError};
pub use check::{Check, Running};
pub use dns::{
    Dns, DnsAssertion, DnsClient, DnsError, DnsKind, DnsKindError, DnsOptions, Rcode, RcodeError,
};
pub use exporter::{Exporter, ExporterError, ExporterOptions, Histograms, NameGlobError};
pub use fake::FakeCheck;
pub use http::{
    Http, HttpAssertion, HttpAuth, HttpError, HttpOptions, HttpPool, HttpVersion, JsonError,
    JsonPath, JsonReading, JsonTest, StatusRanges, StatusRangesError,
};
pub use local::{
    DiskOptions, LocalCpu, LocalDisk, LocalDiskIo, LocalLoad, LocalMemory, LocalNetwork,
    LocalProcesses, LocalUnits, ProcessesError, ProcessesOptions, Root, UnitsError, UnitsOptions,
};
pub use log_pattern::{LogError, LogOptions, LogPattern, LogPosition, LogPositionError, LogRule};
pub use passive::{Passive, PassiveError, Pushed};
pub use pattern::PatternError;
pub use ping::{Family, Ping, PingError, PingOptions, Pinger};
pub use plugin::{Plugin, PluginCompat, PluginError, PluginOptions, PluginOutput, WordsError};
pub use report::{Kind, Reading, Report, Unit, Verdict};
pub use script::{Script, ScriptError, ScriptOptions};
pub use snmp::{
    Oid, OidError, Snmp, SnmpAuth, SnmpCipher, SnmpError, SnmpHash, SnmpObject, SnmpOptions,
    SnmpPrivacy, SnmpSockets, SnmpTable, SnmpUser, SnmpVersion,
};
pub use tcp::{Tcp, TcpError, TcpExpect, TcpOptions, TcpStep, TcpTls};
pub use tls::{StartTls, StartTlsError, TrustError, Verify};
pub use tls_cert::{TlsCert, TlsCertError, TlsCertOptions};
