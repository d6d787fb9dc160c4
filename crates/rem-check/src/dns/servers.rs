#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::net::{self, Peer};

const PORT: u16 = 53;

/// Where the system keeps the addresses of its servers.
const RESOLV_CONF: &str = "/etc/resolv.conf";

/// How many of them are asked, as the system's own resolver does.
const SERVERS_MAX: usize = 3;

/// How long the file may be; the rest of it is not read.
const RESOLV_CONF_BYTES_MAX: usize = 64 * 1024;

/// Whom to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Servers {
    /// Those of the system, which may change.
    System,
    One(Peer),
}

impl Servers {
    pub(super) fn parse(text: Option<&str>) -> Option<Self> {
        let Some(text) = text else {
            return Some(Self::System);
        };
        if let Ok(address) = text.parse::<IpAddr>() {
            return Some(Self::One(Peer {
                host: address.to_string(),
                port: PORT,
            }));
        }
        let peer = Peer::parse(text).or_else(|| Peer::parse(&format!("{text}:{PORT}")));
        peer.map(Self::One)
    }

    pub(super) async fn addresses(&self) -> Result<Vec<SocketAddr>, String> {
        match self {
            Self::One(peer) => Ok(net::resolve(&peer.host, peer.port).await?.0),
            Self::System => {
                // A small file in memory: a thread for it would cost more.
                let file = std::fs::read(RESOLV_CONF).unwrap_or_default();
                let file = &file[..file.len().min(RESOLV_CONF_BYTES_MAX)];
                Ok(name_servers(&String::from_utf8_lossy(file)))
            }
        }
    }
}

/// The servers of a resolv.conf; this machine if there are none, as resolv.conf(5)
/// says.
fn name_servers(text: &str) -> Vec<SocketAddr> {
    let address = |line: &str| {
        let mut words = line.split_whitespace();
        let is_server = words.next() == Some("nameserver");
        words.next().filter(|_| is_server)?.parse::<IpAddr>().ok()
    };
    let found: Vec<SocketAddr> = text
        .lines()
        .filter_map(address)
        .take(SERVERS_MAX)
        .map(|address| SocketAddr::new(address, PORT))
        .collect();
    match found.is_empty() {
        true => vec![SocketAddr::new(Ipv4Addr::LOCALHOST.into(), PORT)],
        false => found,
    }
}
