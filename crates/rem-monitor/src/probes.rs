mod network;
mod snmp;

use std::sync::Arc;

use rem_check::{
    Check, DiskOptions, DnsClient, DnsError, DnsKindError, Exporter, ExporterError,
    ExporterOptions, Histograms, HttpError, HttpPool, JsonError, LocalCpu, LocalDisk, LocalDiskIo,
    LocalLoad, LocalMemory, LocalNetwork, LocalProcesses, LocalUnits, LogError, LogOptions,
    LogPattern, LogPosition, LogRule, Ping, PingOptions, Pinger, Plugin, PluginError,
    PluginOptions, ProcessesError, ProcessesOptions, RcodeError, Root, SnmpError, SnmpSockets,
    StatusRangesError, TcpError, TlsCertError, Unit, UnitsError, UnitsOptions, Verdict, Verify,
};
use rem_config::{Check as Wanted, Monitor};
use rem_time::Span;
use rem_yaml::SecretError;

use crate::memory::Memory;
use crate::run::{RunList, RunListError};
use crate::secrets::Secrets;

/// What checks of one vantage point share: all pings go through one socket, all
/// questions to name servers through another. Cheap to clone; clones share.
#[derive(Clone, Debug, Default)]
pub struct Probes {
    pinger: Pinger,
    dns: DnsClient,
    http: HttpPool,
    snmp: SnmpSockets,
}

/// A check, and what of it has to be remembered.
pub(crate) struct Made {
    pub(crate) look: crate::plan::Look,
    pub(crate) log: Option<Arc<LogPattern>>,
}

/// Makes checks of what a configuration says.
pub(crate) struct Maker<'a> {
    pub(crate) probes: &'a Probes,
    pub(crate) root: &'a Root,
    pub(crate) blocks: &'a procblock::Engine,
    pub(crate) secrets: &'a Secrets,
    pub(crate) memory: &'a Memory,
}

/// Why a check cannot be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MakeError {
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error(transparent)]
    Json(#[from] JsonError),
    #[error(transparent)]
    Status(#[from] StatusRangesError),
    #[error(transparent)]
    Tcp(#[from] TcpError),
    #[error(transparent)]
    Dns(#[from] DnsError),
    #[error(transparent)]
    DnsKind(#[from] DnsKindError),
    #[error(transparent)]
    Rcode(#[from] RcodeError),
    #[error(transparent)]
    TlsCert(#[from] TlsCertError),
    #[error(transparent)]
    Snmp(#[from] SnmpError),
    #[error(transparent)]
    Plugin(#[from] PluginError),
    #[error(transparent)]
    Exporter(#[from] ExporterError),
    #[error(transparent)]
    Units(#[from] UnitsError),
    #[error(transparent)]
    Processes(#[from] ProcessesError),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Run(#[from] RunListError),
    #[error(transparent)]
    Secret(#[from] SecretError),
}

type Result<T> = std::result::Result<T, MakeError>;

impl Maker<'_> {
    pub(crate) fn make(&self, monitor: &Monitor) -> Result<Made> {
        use crate::plan::Look;
        let mut log = None;
        let check: Arc<dyn Check> = match &monitor.check {
            Wanted::Passive(passive) => {
                let look = Look::Waits {
                    fresh: passive.fresh,
                };
                return Ok(Made { look, log });
            }
            Wanted::Log(wanted) => {
                let pattern = Arc::new(self.log(wanted, monitor)?);
                log = Some(Arc::clone(&pattern));
                pattern
            }
            Wanted::LocalCpu => Arc::new(LocalCpu::new(self.root.clone())),
            Wanted::LocalLoad => Arc::new(LocalLoad::new(self.root.clone())),
            Wanted::LocalMemory => Arc::new(LocalMemory::new(self.root.clone())),
            Wanted::LocalDisk { mounts } => Arc::new(LocalDisk::new(
                self.root.clone(),
                DiskOptions {
                    mounts: mounts.clone(),
                    deadline: monitor.timeout,
                },
            )),
            Wanted::LocalDiskIo => Arc::new(LocalDiskIo::new(self.root.clone())),
            Wanted::LocalNetwork => Arc::new(LocalNetwork::new(self.root.clone())),
            Wanted::LocalUnits(wanted) => Arc::new(LocalUnits::new(UnitsOptions {
                deadline: monitor.timeout,
                units: wanted.units.clone(),
                ..UnitsOptions::default()
            })?),
            Wanted::LocalProcesses(wanted) => Arc::new(LocalProcesses::new(
                self.root.clone(),
                ProcessesOptions {
                    name: wanted.name.clone(),
                    pattern: wanted.pattern.clone(),
                    user: wanted.user.clone(),
                    min: wanted.min,
                    max: wanted.max,
                },
            )?),
            Wanted::Ping(wanted) => Arc::new(self.ping(wanted, monitor)),
            Wanted::Http(wanted) => Arc::new(self.http(wanted, monitor.timeout)?),
            Wanted::Tcp(wanted) => Arc::new(network::tcp(wanted, monitor.timeout)?),
            Wanted::Dns(wanted) => Arc::new(self.dns(wanted, monitor.timeout)?),
            Wanted::Tls(wanted) => Arc::new(network::tls(wanted, monitor.timeout)?),
            Wanted::Snmp(wanted) => Arc::new(self.snmp(wanted, monitor.timeout)?),
            Wanted::Plugin(wanted) => Arc::new(self.plugin(wanted, monitor.timeout)?),
            Wanted::Exporter(wanted) => Arc::new(self.exporter(wanted, monitor.timeout)?),
            Wanted::Run(run) => Arc::new(RunList::new(self.blocks, monitor, run)?),
        };
        let look = Look::Looks(check);
        Ok(Made { look, log })
    }

    fn ping(&self, wanted: &rem_config::PingCheck, monitor: &Monitor) -> Ping {
        let options = PingOptions {
            count: wanted.count.get(),
            interval: wanted.interval,
            timeout: wanted.wait.min(monitor.timeout),
            payload: usize::from(wanted.size),
            family: wanted.family.map(family),
            ..PingOptions::new(wanted.address.to_string())
        };
        Ping::new(&self.probes.pinger, options)
    }

    fn plugin(&self, wanted: &rem_config::PluginCheck, deadline: Span) -> Result<Plugin> {
        let environment = wanted.environment.iter();
        let environment = environment
            .map(|(name, value)| Ok((name.clone(), self.secrets.text(value)?)))
            .collect::<Result<_>>()?;
        Ok(Plugin::new(PluginOptions {
            folder: Some(crate::rules::folder(&wanted.folder).to_owned()),
            environment,
            deadline,
            compat: match wanted.compat {
                rem_config::PluginCompat::Unknown => rem_check::PluginCompat::Unknown,
                rem_config::PluginCompat::Nagios => rem_check::PluginCompat::Nagios,
            },
            ..PluginOptions::new(wanted.command.iter().cloned())
        })?)
    }

    fn exporter(&self, wanted: &rem_config::ExporterCheck, deadline: Span) -> Result<Exporter> {
        let mut headers = wanted.headers.clone();
        for (name, secret) in &wanted.secret_headers {
            headers.push((name.clone(), self.secrets.of(secret)?));
        }
        let defaults = ExporterOptions::new(wanted.url.clone());
        Ok(Exporter::new(ExporterOptions {
            headers,
            verify: verify(&wanted.trust),
            deadline,
            only: wanted.only.clone(),
            without: wanted.without.clone(),
            histograms: match wanted.buckets {
                true => Histograms::Buckets,
                false => Histograms::Sums,
            },
            body_bytes_max: wanted.body_max.unwrap_or(defaults.body_bytes_max),
            samples_max: wanted.samples_max.unwrap_or(defaults.samples_max),
            series_max: wanted.series_max.unwrap_or(defaults.series_max),
            ..ExporterOptions::new(wanted.url.clone())
        })?)
    }

    /// It goes on reading where it was before a restart.
    fn log(&self, wanted: &rem_config::LogCheck, monitor: &Monitor) -> Result<LogPattern> {
        let rules = wanted.patterns.iter().map(|pattern| LogRule {
            except: pattern.except.clone(),
            verdict: match pattern.verdict {
                rem_config::LogVerdict::Ok => Verdict::Ok,
                rem_config::LogVerdict::Warning => Verdict::Warning,
                rem_config::LogVerdict::Critical => Verdict::Critical,
            },
            ..LogRule::new(pattern.name.clone(), pattern.pattern.clone())
        });
        let defaults = LogOptions::new(&wanted.path, Vec::new());
        let options = LogOptions {
            from_start: wanted.from_start,
            read_bytes_max: wanted.read_max.unwrap_or(defaults.read_bytes_max),
            line_bytes_max: wanted.line_max.map_or(defaults.line_bytes_max, bytes),
            deadline: monitor.timeout,
            ..LogOptions::new(&wanted.path, rules.collect())
        };
        let position = self.memory.position(&monitor.id);
        let position = position.and_then(|text| text.parse::<LogPosition>().ok());
        Ok(LogPattern::new(options, position)?)
    }
}

fn verify(trust: &rem_config::Trust) -> Verify {
    match trust {
        rem_config::Trust::Public => Verify::Public,
        rem_config::Trust::PublicAnd(path) => Verify::PublicAnd(path.clone()),
        rem_config::Trust::Only(path) => Verify::Only(path.clone()),
        rem_config::Trust::Anybody => Verify::Off,
    }
}

fn family(family: rem_config::Family) -> rem_check::Family {
    match family {
        rem_config::Family::V4 => rem_check::Family::V4,
        rem_config::Family::V6 => rem_check::Family::V6,
    }
}

/// A unit for numbers that are taken as they are: one that would need scaling stays
/// as it is written.
fn plain_unit(text: &str) -> Unit {
    match Unit::parse(text) {
        (unit, scale) if (scale - 1.0).abs() < f64::EPSILON => unit,
        _ => Unit::Other(text.to_owned().into()),
    }
}

fn bytes(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
