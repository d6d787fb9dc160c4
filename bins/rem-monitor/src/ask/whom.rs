use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::Uri;
use http::uri::Scheme;
use rem_config::{Config, Tls};
use rem_time::Span;
use tokio_rustls::rustls::ClientConfig;

use super::tls;
use crate::arguments::Ask;

/// Where a monitor is that nobody said anything about.
const DEFAULT: &str = "http://127.0.0.1:2001";
/// The file that says where it is.
const FILE: &str = "monitor.yaml";
/// The environment's token.
const TOKEN: &str = "REM_MONITOR_TOKEN";

/// The monitor that is asked, and who asks.
#[derive(Clone, Debug)]
pub(crate) struct Whom {
    url: String,
    pub(super) host: String,
    pub(super) port: u16,
    /// The path below which it is, behind a proxy.
    pub(super) prefix: String,
    pub(super) tls: Option<Arc<ClientConfig>>,
    pub(super) token: Option<String>,
    pub(super) timeout: Span,
    by: Option<String>,
}

/// Whom to ask is not clear.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WhomError {
    #[error("--url is http://host:port or https://host:port, not {0}")]
    Url(String),
    #[error("--token is env:NAME or file:PATH")]
    Token,
    #[error("--token env:{0}: there is no such variable, or it is not text")]
    NoEnv(String),
    #[error("--token file:{}", path.display())]
    NoFile {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("cannot use the certificate --ca {}", path.display())]
    Certificate {
        path: PathBuf,
        source: std::io::Error,
    },
}

impl Whom {
    /// Whom the arguments, the environment and the folder we are in say.
    pub(crate) fn of(ask: &Ask) -> Result<Self, WhomError> {
        let env = |name: &str| std::env::var(name).ok();
        let (url, own) = match &ask.url {
            Some(url) => (url.clone(), None),
            None => found(Path::new(FILE)).unwrap_or_else(|| (DEFAULT.to_owned(), None)),
        };
        let by = ask
            .by
            .clone()
            .or_else(|| env("USER"))
            .or_else(|| env("LOGNAME"));
        let ca = ask.ca.clone().or(own);
        let mut whom = Self::at(&url, ca.as_deref())?;
        whom.token = token(ask.token.as_deref(), env)?;
        whom.timeout = ask.timeout;
        whom.by = by;
        Ok(whom)
    }

    /// The monitor at an address.
    pub(crate) fn at(url: &str, ca: Option<&Path>) -> Result<Self, WhomError> {
        let wrong = || WhomError::Url(url.to_owned());
        let parsed: Uri = url.parse().map_err(|_| wrong())?;
        let secure = match parsed.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(scheme) if *scheme == Scheme::HTTP => false,
            _ => return Err(wrong()),
        };
        let host = parsed.host().filter(|host| !host.is_empty());
        let host = host.ok_or_else(wrong)?;
        if parsed.query().is_some() || parsed.authority().is_some_and(|a| a.as_str().contains('@'))
        {
            return Err(wrong());
        }
        let tls = secure.then(|| tls::trust(ca)).transpose();
        let tls = tls.map_err(|source| WhomError::Certificate {
            path: ca.unwrap_or(Path::new("")).to_owned(),
            source,
        })?;
        Ok(Self {
            url: url.trim_end_matches('/').to_owned(),
            host: host.trim_matches(['[', ']']).to_owned(),
            port: parsed.port_u16().unwrap_or(if secure { 443 } else { 80 }),
            prefix: parsed.path().trim_end_matches('/').to_owned(),
            tls,
            token: None,
            timeout: Span::from_seconds(30),
            by: None,
        })
    }

    /// Where it is, for people.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Who asks, where nobody signs in. With a token the token says it.
    pub(crate) fn by(&self) -> Option<&str> {
        self.by.as_deref()
    }

    pub(super) fn authority(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }
}

/// The first listener of a file, and its own certificate if it has one.
fn found(file: &Path) -> Option<(String, Option<PathBuf>)> {
    let Ok(config) = rem_config::load(file) else {
        return written(file);
    };
    let listener = config.listeners().first()?;
    let address = reachable(listener.address);
    Some(match &listener.tls {
        None => (format!("http://{address}"), None),
        Some(tls) => (
            format!("https://{address}"),
            Some(certificate(&config, tls)),
        ),
    })
}

/// The first listener of a file with mistakes elsewhere: the monitor that was started
/// with it before still runs.
fn written(file: &Path) -> Option<(String, Option<PathBuf>)> {
    let bytes = std::fs::read(file).ok()?;
    let node = rem_yaml::parse(&file.display().to_string(), &bytes).ok()?;
    let listener = node.get("listen")?.as_seq()?.first()?;
    let address: SocketAddr = listener.get("http")?.as_str()?.parse().ok()?;
    let scheme = if listener.get("tls").is_some() {
        "https"
    } else {
        "http"
    };
    Some((format!("{scheme}://{}", reachable(address)), None))
}

fn certificate(config: &Config, tls: &Tls) -> PathBuf {
    match tls {
        Tls::Files { cert, .. } => cert.clone(),
        Tls::SelfSigned => config.data().join("tls").join("certificate.pem"),
    }
}

/// Who listens everywhere is here.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => [127, 0, 0, 1].into(),
        IpAddr::V6(ip) if ip.is_unspecified() => std::net::Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

fn token(
    source: Option<&str>,
    env: impl Fn(&str) -> Option<String>,
) -> Result<Option<String>, WhomError> {
    let Some(source) = source else {
        return Ok(env(TOKEN).filter(|token| !token.is_empty()));
    };
    let text = match source.split_once(':') {
        Some(("env", name)) => env(name).ok_or_else(|| WhomError::NoEnv(name.to_owned()))?,
        Some(("file", path)) => {
            let read = std::fs::read_to_string(path);
            read.map_err(|source| WhomError::NoFile {
                path: path.into(),
                source,
            })?
        }
        _ => return Err(WhomError::Token),
    };
    Ok(Some(text.trim().to_owned()))
}
