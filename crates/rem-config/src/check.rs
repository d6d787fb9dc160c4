mod net;
mod program;
mod snmp;

pub use net::{
    DnsAssertion, DnsCheck, Encryption, ExporterCheck, Family, HttpAssertion, HttpAuth, HttpCheck,
    HttpVersion, JsonReading, PingCheck, StartTls, TcpCheck, TcpExpect, TcpStep, TlsCheck, TlsSide,
    Trust,
};
pub use program::{
    LogCheck, LogPattern, LogVerdict, PassiveCheck, PluginCheck, PluginCompat, ProcessesCheck,
    RunCheck, UnitsCheck,
};
pub use snmp::{SnmpAuth, SnmpCheck, SnmpObject, SnmpPrivacy, SnmpTable, SnmpUser, SnmpVersion};

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
    /// `local.units`
    LocalUnits(UnitsCheck),
    /// `local.processes`
    LocalProcesses(ProcessesCheck),
    /// `log`
    Log(LogCheck),
    /// `ping`
    Ping(PingCheck),
    /// `http`
    Http(Box<HttpCheck>),
    /// `tcp`
    Tcp(Box<TcpCheck>),
    /// `dns`
    Dns(DnsCheck),
    /// `tls`
    Tls(TlsCheck),
    /// `snmp`
    Snmp(Box<SnmpCheck>),
    /// `plugin`
    Plugin(PluginCheck),
    /// `exporter`
    Exporter(Box<ExporterCheck>),
    /// `passive`
    Passive(PassiveCheck),
    /// `run:`
    Run(RunCheck),
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
            Self::LocalUnits(_) => "local.units",
            Self::LocalProcesses(_) => "local.processes",
            Self::Log(_) => "log",
            Self::Ping(_) => "ping",
            Self::Http(_) => "http",
            Self::Tcp(_) => "tcp",
            Self::Dns(_) => "dns",
            Self::Tls(_) => "tls",
            Self::Snmp(_) => "snmp",
            Self::Plugin(_) => "plugin",
            Self::Exporter(_) => "exporter",
            Self::Passive(_) => "passive",
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
            | Self::LocalNetwork
            | Self::LocalUnits(_)
            | Self::LocalProcesses(_)
            | Self::Log(_) => true,
            Self::Ping(_)
            | Self::Http(_)
            | Self::Tcp(_)
            | Self::Dns(_)
            | Self::Tls(_)
            | Self::Snmp(_)
            | Self::Plugin(_)
            | Self::Exporter(_)
            | Self::Passive(_)
            | Self::Run(_) => false,
        }
    }
}
