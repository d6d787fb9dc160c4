use std::net::SocketAddr;

use rem_check::{
    Dns, DnsOptions, Http, HttpOptions, StartTls, StatusRanges, Tcp, TcpExpect, TcpOptions,
    TcpStep, TcpTls, TlsCert, TlsCertOptions, Unit,
};
use rem_time::Span;

use super::{Maker, Result, bytes, plain_unit, verify};

/// Checks of web servers and name servers.
impl Maker<'_> {
    pub(super) fn http(&self, wanted: &rem_config::HttpCheck, deadline: Span) -> Result<Http> {
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

    pub(super) fn dns(&self, wanted: &rem_config::DnsCheck, deadline: Span) -> Result<Dns> {
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
}

pub(super) fn tcp(wanted: &rem_config::TcpCheck, deadline: Span) -> Result<Tcp> {
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

pub(super) fn tls(wanted: &rem_config::TlsCheck, deadline: Span) -> Result<TlsCert> {
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
