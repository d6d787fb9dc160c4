use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Tags;
use crate::name::Id;

/// An address that moves between instances.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FloatingIp {
    /// What the cloud calls it.
    pub id: Id,
    /// The address.
    pub address: IpAddr,
    /// Where it is now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<Id>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// What packets are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// ICMP.
    Icmp,
    /// HTTP, for load balancers.
    Http,
    /// HTTPS, for load balancers.
    Https,
    /// TLS, for load balancers.
    Tls,
    /// All of them.
    Any,
}

/// A port of a load balancer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// Where it listens.
    pub port: u16,
    /// What it speaks.
    pub protocol: Protocol,
    /// Where it connects to on a member.
    pub target_port: u16,
}

/// Whether a load balancer sends anything to a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// It does.
    Healthy,
    /// It does not, because the member does not answer well.
    Unhealthy,
    /// It does not know yet.
    Starting,
    /// Only what is under way.
    Draining,
    /// Nobody could say.
    Unknown,
}

/// An instance behind a load balancer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Which.
    pub instance: Id,
    /// On which port, if not the listener's target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Whether it gets anything.
    pub health: Health,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// One address in front of many instances.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadBalancer {
    /// What the cloud calls it.
    pub id: Id,
    /// What people call it.
    pub name: String,
    /// Its address or name in the DNS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Its ports.
    pub listeners: Vec<Listener>,
    /// Who is behind it.
    pub members: Vec<Member>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// Which way a rule looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// To the instance.
    In,
    /// From the instance.
    Out,
}

/// Whom a rule lets through.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Peer {
    /// A network, such as `10.0.0.0/8`.
    Network(String),
    /// The instances behind another firewall.
    Firewall(Id),
}

/// One rule. What no rule lets through is refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FirewallRule {
    /// Which way.
    pub direction: Direction,
    /// Which packets.
    pub protocol: Protocol,
    /// The first port and the last; all of them without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ports: Option<(u16, u16)>,
    /// From or to whom.
    pub peer: Peer,
}

/// Not a protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no protocol: {0}; there are tcp, udp, icmp, http, https, tls, any")]
pub struct UnknownProtocol(String);

impl Protocol {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Tcp,
        Self::Udp,
        Self::Icmp,
        Self::Http,
        Self::Https,
        Self::Tls,
        Self::Any,
    ];

    /// Its word, the one that [`FromStr`] reads.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Icmp => "icmp",
            Self::Http => "http",
            Self::Https => "https",
            Self::Tls => "tls",
            Self::Any => "any",
        }
    }
}

impl FromStr for Protocol {
    type Err = UnknownProtocol;

    fn from_str(text: &str) -> Result<Self, UnknownProtocol> {
        Self::ALL
            .into_iter()
            .find(|protocol| protocol.name() == text)
            .ok_or_else(|| UnknownProtocol(text.into()))
    }
}

impl fmt::Display for FirewallRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = match self.direction {
            Direction::In => "from",
            Direction::Out => "to",
        };
        f.write_str(match self.protocol {
            Protocol::Any => "all",
            other => other.name(),
        })?;
        match self.ports {
            Some((first, last)) if first == last => write!(f, " {first}")?,
            Some((first, last)) => write!(f, " {first}-{last}")?,
            None => {}
        }
        match &self.peer {
            Peer::Network(network) => write!(f, " {way} {network}"),
            Peer::Firewall(id) => write!(f, " {way} {id}"),
        }
    }
}

/// A named set of rules for packets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Firewall {
    /// What the cloud calls it.
    pub id: Id,
    /// What people call it.
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What it lets through.
    pub rules: Vec<FirewallRule>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}
