use std::net::SocketAddr;
use std::sync::Arc;

use rem_check::{
    Check, DiskOptions, Dns, DnsClient, DnsError, DnsKindError, DnsOptions, Exporter,
    ExporterError, ExporterOptions, Histograms, Http, HttpError, HttpOptions, HttpPool, JsonError,
    LocalCpu, LocalDisk, LocalDiskIo, LocalLoad, LocalMemory, LocalNetwork, LocalProcesses,
    LocalUnits, LogError, LogOptions, LogPattern, LogPosition, LogRule, Ping, PingOptions, Pinger,
    Plugin, PluginError, PluginOptions, ProcessesError, ProcessesOptions, RcodeError, Root, Snmp,
    SnmpAuth, SnmpCipher, SnmpError, SnmpHash, SnmpObject, SnmpOptions, SnmpPrivacy, SnmpSockets,
    SnmpTable, SnmpUser, SnmpVersion, StartTls, StatusRanges, StatusRangesError, Tcp, TcpError,
    TcpExpect, TcpOptions, TcpStep, TcpTls, TlsCert, TlsCertError, TlsCertOptions, Unit,
    UnitsError, UnitsOptions, Verdict, Verify,
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
            Wanted::Tcp(wanted) => Arc::new(tcp(wanted, monitor.timeout)?),
            Wanted::Dns(wanted) => Arc::new(self.dns(wanted, monitor.timeout)?),
            Wanted::Tls(wanted) => Arc::new(tls(wanted, monitor.timeout)?),
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

    fn http(&self, wanted: &rem_config::HttpCheck, deadline: Span) -> Result<Http> {
        let mut headers = wanted.headers.clone();
        for (name, secret) in &wanted.secret_headers {
            headers.push((name.clone(), self.secrets.of(secret)?));
        }
        let auth = match &wanted.auth {
            None => None,
            Some(rem_config::HttpAuth::Basic { user, password }) => {
                Some(rem_check::HttpAuth::Basic {
                    user: user.clone(),
                    password: self.secrets.of(password)?,
                })
            }
            Some(rem_config::HttpAuth::Bearer(secret)) => {
                Some(rem_check::HttpAuth::Bearer(self.secrets.of(secret)?))
            }
        };
        let assertions = wanted.assertions.iter().map(assertion);
        let json = wanted.json.iter().map(|reading| {
            Ok(rem_check::JsonReading {
                path: reading.path.parse()?,
                field: reading.field.clone(),
                unit: reading.unit.as_deref().map_or(Unit::One, plain_unit),
            })
        });
        let defaults = HttpOptions::new(wanted.url.clone());
        let options = HttpOptions {
            method: wanted.method.clone(),
            headers,
            body: wanted.body.clone().into_bytes(),
            auth,
            user_agent: wanted.user_agent.clone().unwrap_or(defaults.user_agent),
            gzip: wanted.gzip,
            status: statuses(&wanted.status)?,
            contains: wanted.contains.clone().map(String::into_bytes),
            assertions: assertions.collect::<Result<_>>()?,
            json_readings: json.collect::<Result<_>>()?,
            read_max: wanted.read_max.map_or(defaults.read_max, bytes),
            redirects: if wanted.follow_redirects {
                wanted.redirects
            } else {
                0
            },
            fresh: wanted.fresh,
            version: match wanted.version {
                rem_config::HttpVersion::Any => rem_check::HttpVersion::Any,
                rem_config::HttpVersion::Http1 => rem_check::HttpVersion::Http1,
                rem_config::HttpVersion::Http2 => rem_check::HttpVersion::Http2,
            },
            verify: verify(&wanted.tls.trust),
            server_name: wanted.tls.server_name.clone(),
            certificate_warn_days: wanted.tls.certificate_warn_days,
            deadline,
            ..HttpOptions::new(wanted.url.clone())
        };
        Ok(Http::pooled(options, &self.probes.http)?)
    }

    fn dns(&self, wanted: &rem_config::DnsCheck, deadline: Span) -> Result<Dns> {
        let assertions = wanted.assertions.iter().map(|assertion| match assertion {
            rem_config::DnsAssertion::Exactly(answers) => {
                rem_check::DnsAssertion::Exactly(answers.clone())
            }
            rem_config::DnsAssertion::Contains(text) => {
                rem_check::DnsAssertion::Contains(text.clone())
            }
            rem_config::DnsAssertion::Lacks(text) => rem_check::DnsAssertion::Lacks(text.clone()),
            rem_config::DnsAssertion::Matches(text) => {
                rem_check::DnsAssertion::Matches(text.clone())
            }
            rem_config::DnsAssertion::AtLeast(count) => rem_check::DnsAssertion::AtLeast(*count),
            rem_config::DnsAssertion::AtMost(count) => rem_check::DnsAssertion::AtMost(*count),
        });
        let options = DnsOptions {
            server: wanted.server.clone(),
            recursion: wanted.recursion,
            tcp: wanted.tcp,
            rcode: wanted.rcode.parse()?,
            assertions: assertions.collect(),
            authoritative: wanted.authoritative,
            tries: wanted.tries,
            deadline,
            ..DnsOptions::new(wanted.name.clone(), wanted.kind.parse()?)
        };
        Ok(Dns::new(&self.probes.dns, options)?)
    }

    fn snmp(&self, wanted: &rem_config::SnmpCheck, deadline: Span) -> Result<Snmp> {
        let version = match &wanted.version {
            rem_config::SnmpVersion::V1(community) => SnmpVersion::V1 {
                community: self.secrets.text(community)?,
            },
            rem_config::SnmpVersion::V2c(community) => SnmpVersion::V2c {
                community: self.secrets.text(community)?,
            },
            rem_config::SnmpVersion::V3(user) => SnmpVersion::V3(self.snmp_user(user)?),
        };
        let tables = wanted.tables.iter().map(|table| SnmpTable {
            columns: table.columns.iter().map(snmp_object).collect(),
            label: table.label.clone(),
            only: table.only.clone(),
            without: table.without.clone(),
            rows_max: usize::try_from(table.rows_max).unwrap_or(usize::MAX),
            ..SnmpTable::new(table.name.clone())
        });
        let options = SnmpOptions {
            port: wanted.port.get(),
            family: wanted.family.map(family),
            deadline,
            timeout: wanted.wait,
            retries: wanted.tries.saturating_sub(1),
            get: wanted.get.iter().map(snmp_object).collect(),
            tables: tables.collect(),
            max_repetitions: wanted.repetitions.get(),
            ..SnmpOptions::new(wanted.address.to_string(), version)
        };
        Ok(Snmp::new(&self.probes.snmp, options)?)
    }

    fn snmp_user(&self, wanted: &rem_config::SnmpUser) -> Result<SnmpUser> {
        let auth = match &wanted.auth {
            None => None,
            Some((hash, secret)) => Some(SnmpAuth {
                hash: match hash {
                    rem_config::SnmpAuth::Md5 => SnmpHash::Md5,
                    rem_config::SnmpAuth::Sha1 => SnmpHash::Sha1,
                    rem_config::SnmpAuth::Sha224 => SnmpHash::Sha224,
                    rem_config::SnmpAuth::Sha256 => SnmpHash::Sha256,
                    rem_config::SnmpAuth::Sha384 => SnmpHash::Sha384,
                    rem_config::SnmpAuth::Sha512 => SnmpHash::Sha512,
                },
                passphrase: self.secrets.of(secret)?,
            }),
        };
        let privacy = match &wanted.privacy {
            None => None,
            Some((cipher, secret)) => Some(SnmpPrivacy {
                cipher: match cipher {
                    rem_config::SnmpPrivacy::Des => SnmpCipher::Des,
                    rem_config::SnmpPrivacy::Aes128 => SnmpCipher::Aes128,
                    rem_config::SnmpPrivacy::Aes192 => SnmpCipher::Aes192,
                    rem_config::SnmpPrivacy::Aes256 => SnmpCipher::Aes256,
                    rem_config::SnmpPrivacy::Aes192Cisco => SnmpCipher::Aes192Cisco,
                    rem_config::SnmpPrivacy::Aes256Cisco => SnmpCipher::Aes256Cisco,
                },
                passphrase: self.secrets.of(secret)?,
            }),
        };
        Ok(SnmpUser {
            auth,
            privacy,
            context: wanted.context.clone().unwrap_or_default(),
            ..SnmpUser::new(wanted.name.clone())
        })
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

fn tcp(wanted: &rem_config::TcpCheck, deadline: Span) -> Result<Tcp> {
    let steps = wanted.steps.iter().map(|step| TcpStep {
        send: step.send.clone().map(String::into_bytes),
        expect: step.expect.as_ref().map(|expect| match expect {
            rem_config::TcpExpect::Text(text) => TcpExpect::Text(text.clone().into_bytes()),
            rem_config::TcpExpect::Matches(pattern) => TcpExpect::Pattern(pattern.clone()),
        }),
    });
    let target = target(&wanted.address.to_string(), wanted.port.get());
    let defaults = TcpOptions::new(target.clone());
    Ok(Tcp::new(TcpOptions {
        deadline,
        send: wanted.send.clone().map(String::into_bytes),
        expect: wanted.expect.clone().map(String::into_bytes),
        steps: steps.collect(),
        read_max: wanted.read_max.map_or(defaults.read_max, bytes),
        tls: match wanted.encryption {
            rem_config::Encryption::Never => TcpTls::Never,
            rem_config::Encryption::AtOnce => TcpTls::AtOnce,
            rem_config::Encryption::After(start) => TcpTls::After(start_tls(start)),
        },
        verify: verify(&wanted.tls.trust),
        server_name: wanted.tls.server_name.clone(),
        certificate_warn_days: wanted.tls.certificate_warn_days,
        ..TcpOptions::new(target)
    })?)
}

fn tls(wanted: &rem_config::TlsCheck, deadline: Span) -> Result<TlsCert> {
    Ok(TlsCert::new(TlsCertOptions {
        start: wanted.starttls.map(start_tls),
        server_name: wanted.server_name.clone(),
        names: wanted.names.clone(),
        verify: verify(&wanted.trust),
        warn_days: wanted.warn_days,
        crit_days: wanted.crit_days,
        deadline,
        ..TlsCertOptions::new(target(&wanted.address.to_string(), wanted.port.get()))
    })?)
}

fn assertion(wanted: &rem_config::HttpAssertion) -> Result<rem_check::HttpAssertion> {
    use rem_check::HttpAssertion as Made;
    use rem_config::HttpAssertion as Wanted;
    Ok(match wanted {
        Wanted::BodyContains(text) => Made::BodyContains(text.clone().into_bytes()),
        Wanted::BodyLacks(text) => Made::BodyLacks(text.clone().into_bytes()),
        Wanted::BodyMatches(pattern) => Made::BodyMatches(pattern.clone()),
        Wanted::BodyMatchesNot(pattern) => Made::BodyMatchesNot(pattern.clone()),
        Wanted::HeaderPresent(name) => Made::HeaderPresent(name.clone()),
        Wanted::HeaderAbsent(name) => Made::HeaderAbsent(name.clone()),
        Wanted::HeaderEquals(name, value) => Made::HeaderEquals(name.clone(), value.clone()),
        Wanted::HeaderMatches(name, value) => Made::HeaderMatches(name.clone(), value.clone()),
        Wanted::Json(test) => Made::Json(test.parse()?),
        Wanted::FinalUrl(url) => Made::FinalUrl(url.clone()),
        Wanted::FinalUrlMatches(pattern) => Made::FinalUrlMatches(pattern.clone()),
    })
}

fn verify(trust: &rem_config::Trust) -> Verify {
    match trust {
        rem_config::Trust::Public => Verify::Public,
        rem_config::Trust::PublicAnd(path) => Verify::PublicAnd(path.clone()),
        rem_config::Trust::Only(path) => Verify::Only(path.clone()),
        rem_config::Trust::Anybody => Verify::Off,
    }
}

fn start_tls(start: rem_config::StartTls) -> StartTls {
    match start {
        rem_config::StartTls::Smtp => StartTls::Smtp,
        rem_config::StartTls::Imap => StartTls::Imap,
        rem_config::StartTls::Pop3 => StartTls::Pop3,
        rem_config::StartTls::Ftp => StartTls::Ftp,
        rem_config::StartTls::Xmpp => StartTls::Xmpp,
        rem_config::StartTls::Ldap => StartTls::Ldap,
        rem_config::StartTls::Postgres => StartTls::Postgres,
        rem_config::StartTls::Mysql => StartTls::Mysql,
    }
}

fn family(family: rem_config::Family) -> rem_check::Family {
    match family {
        rem_config::Family::V4 => rem_check::Family::V4,
        rem_config::Family::V6 => rem_check::Family::V6,
    }
}

fn snmp_object(wanted: &rem_config::SnmpObject) -> SnmpObject {
    let (unit, factor) = match wanted.unit.as_deref().map(Unit::parse) {
        None => (None, wanted.factor),
        Some((unit, scale)) if (scale - 1.0).abs() < f64::EPSILON => (Some(unit), wanted.factor),
        Some((unit, scale)) => (Some(unit), Some(wanted.factor.unwrap_or(1.0) * scale)),
    };
    SnmpObject {
        unit,
        factor,
        ..SnmpObject::new(wanted.field.clone(), wanted.object.clone())
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

fn statuses(codes: &rem_config::StatusCodes) -> Result<StatusRanges> {
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
