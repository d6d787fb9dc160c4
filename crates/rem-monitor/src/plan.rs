use std::net::SocketAddr;
use std::sync::Arc;

use rem_check::{
    Check, DiskOptions, Http, HttpError, HttpOptions, LocalCpu, LocalDisk, LocalDiskIo, LocalLoad,
    LocalMemory, LocalNetwork, Ping, PingOptions, Pinger, Root, StatusRanges, StatusRangesError,
    Tcp, TcpError, TcpOptions,
};
use rem_config::{Config, Monitor, MonitorId};

use crate::run::RunList;

/// What is to be watched, with everything ready to look: made from a
/// configuration by [`plan`].
#[derive(Debug)]
pub struct Plan {
    /// The site's name.
    pub site: String,
    /// Every monitor, in the order of the files.
    pub monitors: Vec<Planned>,
}

/// One monitor, ready to look.
#[derive(Clone, Debug)]
pub struct Planned {
    /// What the file says of it.
    pub monitor: Monitor,
    /// What looks.
    pub check: Arc<dyn Check>,
}

/// What checks share and where they look.
#[derive(Clone, Debug)]
pub struct Tools {
    /// All pings go through its sockets.
    pub pinger: Pinger,
    /// Where this machine's own figures are read.
    pub root: Root,
    /// What runs the scripts of `run:` monitors.
    pub blocks: procblock::Engine,
}

/// Why a monitor cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("{place}: monitor {id} cannot be made")]
pub struct PlanError {
    /// Which monitor.
    pub id: MonitorId,
    /// Where it is written.
    pub place: String,
    source: PlanErrorKind,
}

#[derive(Debug, thiserror::Error)]
enum PlanErrorKind {
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error(transparent)]
    Status(#[from] StatusRangesError),
    #[error(transparent)]
    Tcp(#[from] TcpError),
    #[error(transparent)]
    Run(#[from] crate::run::RunListError),
}

/// Makes every monitor of `config` ready to look; all that cannot be made are
/// told at once.
pub fn plan(config: &Config, tools: &Tools) -> Result<Plan, Vec<PlanError>> {
    let mut monitors = Vec::with_capacity(config.monitors().len());
    let mut errors = Vec::new();
    for monitor in config.monitors() {
        match check(monitor, tools) {
            Ok(check) => monitors.push(Planned {
                monitor: monitor.clone(),
                check,
            }),
            Err(source) => errors.push(PlanError {
                id: monitor.id.clone(),
                place: monitor.place.to_string(),
                source,
            }),
        }
    }
    if errors.is_empty() {
        Ok(Plan {
            site: config.site().to_string(),
            monitors,
        })
    } else {
        Err(errors)
    }
}

fn check(monitor: &Monitor, tools: &Tools) -> Result<Arc<dyn Check>, PlanErrorKind> {
    let root = || tools.root.clone();
    Ok(match &monitor.check {
        rem_config::Check::LocalCpu => Arc::new(LocalCpu::new(root())),
        rem_config::Check::LocalLoad => Arc::new(LocalLoad::new(root())),
        rem_config::Check::LocalMemory => Arc::new(LocalMemory::new(root())),
        rem_config::Check::LocalDisk { mounts } => {
            let options = DiskOptions {
                mounts: mounts.clone(),
                deadline: monitor.timeout,
            };
            Arc::new(LocalDisk::new(root(), options))
        }
        rem_config::Check::LocalDiskIo => Arc::new(LocalDiskIo::new(root())),
        rem_config::Check::LocalNetwork => Arc::new(LocalNetwork::new(root())),
        rem_config::Check::Ping(ping) => Arc::new(Ping::new(
            &tools.pinger,
            PingOptions {
                count: ping.count.get(),
                interval: ping.interval,
                timeout: monitor.timeout,
                ..PingOptions::new(ping.address.to_string())
            },
        )),
        rem_config::Check::Http(http) => Arc::new(Http::new(HttpOptions {
            method: http.method.clone(),
            headers: http.headers.clone(),
            status: statuses(&http.status)?,
            contains: http.contains.clone().map(String::into_bytes),
            redirects: if http.follow_redirects { 5 } else { 0 },
            deadline: monitor.timeout,
            ..HttpOptions::new(http.url.clone())
        })?),
        rem_config::Check::Tcp(tcp) => Arc::new(Tcp::new(TcpOptions {
            deadline: monitor.timeout,
            send: tcp.send.clone().map(String::into_bytes),
            expect: tcp.expect.clone().map(String::into_bytes),
            ..TcpOptions::new(target(&tcp.address.to_string(), tcp.port.get()))
        })?),
        rem_config::Check::Run(run) => Arc::new(RunList::new(&tools.blocks, monitor, run)?),
    })
}

fn statuses(codes: &rem_config::StatusCodes) -> Result<StatusRanges, PlanErrorKind> {
    let ranges: Vec<String> = codes
        .ranges()
        .map(|(first, last)| format!("{first}-{last}"))
        .collect();
    Ok(ranges.join(",").parse()?)
}

/// `host:port`, brackets around an IPv6 address.
fn target(host: &str, port: u16) -> String {
    match host.parse() {
        Ok(address) => SocketAddr::new(address, port).to_string(),
        Err(_) => format!("{host}:{port}"),
    }
}
