use std::num::NonZeroU16;
use std::path::PathBuf;
use std::sync::Arc;

use rem_time::Span;
use rem_yaml::Node;

use crate::host::Host;
use crate::status::StatusCodes;

/// What a monitor looks at, with everything filled in.
#[derive(Clone, Debug, PartialEq)]
pub enum Check {
    /// `local.cpu`
    LocalCpu,
    /// `local.load`
    LocalLoad,
    /// `local.memory`
    LocalMemory,
    /// `local.disk`
    LocalDisk {
        /// The mount points to look at; every real file system where it is empty.
        mounts: Vec<String>,
    },
    /// `local.diskio`
    LocalDiskIo,
    /// `local.network`
    LocalNetwork,
    /// `ping`
    Ping(PingCheck),
    /// `http`
    Http(HttpCheck),
    /// `tcp`
    Tcp(TcpCheck),
    /// `run:`
    Run(RunCheck),
}

/// Echo requests to a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PingCheck {
    /// Who is asked; the machine's address unless told.
    pub address: Host,
    /// How many requests; 3 unless told.
    pub count: NonZeroU16,
    /// How far apart they leave; 200 ms unless told.
    pub interval: Span,
}

/// One HTTP request and what is expected of the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpCheck {
    /// `http://` or `https://`.
    pub url: String,
    /// `GET` unless told.
    pub method: String,
    /// Sent with the request.
    pub headers: Vec<(String, String)>,
    /// Which answers are good; 200 to 299 unless told.
    pub status: StatusCodes,
    /// What the body must contain.
    pub contains: Option<String>,
    /// Whether a redirect is followed; otherwise it is the answer.
    pub follow_redirects: bool,
}

/// A TCP connection, perhaps something said, perhaps an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpCheck {
    /// Who is asked; the machine's address unless told.
    pub address: Host,
    /// The port.
    pub port: NonZeroU16,
    /// What to send once connected.
    pub send: Option<String>,
    /// What the peer must say.
    pub expect: Option<String>,
}

/// A procblock run list.
#[derive(Clone, Debug, PartialEq)]
pub struct RunCheck {
    /// The list as it is written; its scripts exist.
    pub run: Arc<Node>,
    /// The folder of the file it is written in, which its paths are relative to.
    pub folder: PathBuf,
}

impl Check {
    /// As it is written: `local.cpu`, `http`, `run`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::LocalCpu => "local.cpu",
            Self::LocalLoad => "local.load",
            Self::LocalMemory => "local.memory",
            Self::LocalDisk { .. } => "local.disk",
            Self::LocalDiskIo => "local.diskio",
            Self::LocalNetwork => "local.network",
            Self::Ping(_) => "ping",
            Self::Http(_) => "http",
            Self::Tcp(_) => "tcp",
            Self::Run(_) => "run",
        }
    }

    /// Whether it runs on the machine it looks at.
    pub const fn is_local(&self) -> bool {
        match self {
            Self::LocalCpu
            | Self::LocalLoad
            | Self::LocalMemory
            | Self::LocalDisk { .. }
            | Self::LocalDiskIo
            | Self::LocalNetwork => true,
            Self::Ping(_) | Self::Http(_) | Self::Tcp(_) | Self::Run(_) => false,
        }
    }
}
