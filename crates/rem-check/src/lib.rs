//! Checks: one look at something, one [`Report`] with a verdict, a reason in an
//! operator's words and the numbers that were measured.
//!
//! | check | what it looks at |
//! |---|---|
//! | [`Ping`] | loss and round-trip time; all targets share one socket ([`Pinger`]) |
//! | [`Http`] | status, body, timing of every phase, days until the certificate ends |
//! | [`Tcp`] | connect time, optionally a text sent and one expected |
//! | [`Script`] | any program: exit code, numbers on stdout |
//! | [`LocalCpu`], [`LocalLoad`], [`LocalMemory`], [`LocalDisk`], [`LocalDiskIo`], [`LocalNetwork`] | this machine, without starting a program |
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

mod check;
mod fake;
mod http;
mod local;
mod net;
mod ping;
mod reason;
mod report;
mod script;
mod tcp;

pub use check::{Check, Running};
pub use fake::FakeCheck;
pub use http::{Http, HttpError, HttpOptions, StatusRanges, StatusRangesError, Verify};
pub use local::{
    DiskOptions, LocalCpu, LocalDisk, LocalDiskIo, LocalLoad, LocalMemory, LocalNetwork, Root,
};
pub use ping::{Family, Ping, PingError, PingOptions, Pinger};
pub use report::{Kind, Reading, Report, Unit, Verdict};
pub use script::{Script, ScriptError, ScriptOptions};
pub use tcp::{Tcp, TcpError, TcpOptions};
