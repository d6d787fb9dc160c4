//! What every check over TCP does first: find the addresses, connect.

mod path;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rem_time::Span;
use tokio::net::TcpStream;
use tokio::time::Instant;

pub(crate) use self::path::Path;
use crate::{Reading, Unit, reason};

/// How many addresses of a name are tried, in the resolver's order.
const ADDRESSES_TRIED_MAX: usize = 8;

/// A peer as it is written: a name or an address, and a port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Peer {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Peer {
    /// `db.example.com:3306`, `192.0.2.1:80`, `[2001:db8::1]:80`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let port = port.parse().ok().filter(|port| *port != 0)?;
        let host = match host.strip_prefix('[') {
            Some(rest) => rest.strip_suffix(']').filter(|host| is_v6(host))?,
            None => host,
        };
        let is_name = !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || c == '/');
        let is_plain = !host.contains(':') || is_v6(host);
        (is_name && is_plain).then(|| Self {
            host: host.to_owned(),
            port,
        })
    }
}

impl std::fmt::Display for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// The addresses of `host`, and how long it took to learn them. An address is
/// its own answer.
pub(crate) async fn resolve(host: &str, port: u16) -> Result<(Vec<SocketAddr>, Duration), String> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok((vec![SocketAddr::new(address, port)], Duration::ZERO));
    }
    let started = Instant::now();
    let found = tokio::net::lookup_host((host, port)).await;
    let addresses: Vec<SocketAddr> = match found {
        Ok(found) => found.take(ADDRESSES_TRIED_MAX).collect(),
        Err(error) => return Err(format!("cannot resolve {host}: {}", lookup_reason(&error))),
    };
    match addresses.is_empty() {
        true => Err(format!("cannot resolve {host}: it has no address")),
        false => Ok((addresses, started.elapsed())),
    }
}

/// Connects to the first address that accepts. Each may take its share of the
/// time that is left, so that a dead one does not use up the deadline.
pub(crate) async fn connect(
    addresses: &[SocketAddr],
    deadline: Instant,
) -> Result<(TcpStream, SocketAddr), String> {
    let mut failures = Vec::new();
    for (index, address) in addresses.iter().enumerate() {
        let left = deadline.saturating_duration_since(Instant::now());
        let share = left / u32::try_from(addresses.len() - index).unwrap_or(1).max(1);
        match tokio::time::timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // A check is one small request; waiting to fill a packet would
                // measure the wait.
                let _ = stream.set_nodelay(true);
                return Ok((stream, *address));
            }
            Ok(Err(error)) => failures.push(format!("{} by {address}", reason::io(&error))),
            Err(_) => failures.push(format!(
                "no answer from {address} within {}",
                rounded(share)
            )),
        }
    }
    Err(failures.join(", "))
}

/// A time as a reading; one that was not measured is unknown.
pub(crate) fn seconds(field: &str, time: Option<Duration>) -> Reading {
    Reading::gauge(field, time.map(|time| time.as_secs_f64()), Unit::Seconds)
}

/// To 10 ms: the time since the deadline was set is of no interest.
fn rounded(time: Duration) -> Span {
    let hundredths = (time.as_millis() + 5) / 10;
    Span::from_millis(u64::try_from(hundredths * 10).unwrap_or(u64::MAX))
}

fn is_v6(host: &str) -> bool {
    host.parse::<std::net::Ipv6Addr>().is_ok()
}

/// The resolver's words, without the preface that std puts before them.
fn lookup_reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text
        .strip_prefix("failed to lookup address information: ")
        .unwrap_or(&text);
    match text {
        "Name or service not known" => "no such name".into(),
        "Temporary failure in name resolution" => "the name servers do not answer".into(),
        other => other.to_lowercase(),
    }
}
