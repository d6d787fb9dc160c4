//! Words of the command line as what they mean.

use std::net::IpAddr;

use redeye_cloud::{Direction, FirewallRule, Id, Listener, Name, Peer, Protocol};

use crate::arguments::Rule;
use crate::exit::Mistake;

pub(crate) fn id(text: &str) -> Result<Id, Mistake> {
    Id::new(text).map_err(|why| Mistake(why.to_string()))
}

pub(crate) fn ids(texts: &[String]) -> Result<Vec<Id>, Mistake> {
    texts.iter().map(|text| id(text)).collect()
}

pub(crate) fn optional(text: Option<&String>) -> Result<Option<Id>, Mistake> {
    text.map(|text| id(text)).transpose()
}

/// `20G`, `512M`, `1T` or bytes.
pub(crate) fn bytes(text: &str) -> Result<u64, Mistake> {
    let wrong = || Mistake(format!("not a size such as 20G or 512M: {text}"));
    let (number, factor) = match text.chars().last() {
        Some('K' | 'k') => (&text[..text.len() - 1], 1_u64 << 10),
        Some('M' | 'm') => (&text[..text.len() - 1], 1 << 20),
        Some('G' | 'g') => (&text[..text.len() - 1], 1 << 30),
        Some('T' | 't') => (&text[..text.len() - 1], 1 << 40),
        _ => (text, 1),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    number
        .checked_mul(factor)
        .filter(|bytes| 0 < *bytes)
        .ok_or_else(wrong)
}

pub(crate) fn name(text: &str) -> Result<Name, Mistake> {
    Name::new(text).map_err(|why| Mistake(why.to_string()))
}

fn protocol(text: &str) -> Result<Protocol, Mistake> {
    text.parse()
        .map_err(|why: redeye_cloud::UnknownProtocol| Mistake(why.to_string()))
}

/// `80/http:8080`, `443/tls` or `25/tcp`.
pub(crate) fn listener(text: &str) -> Result<Listener, Mistake> {
    let wrong = || {
        Mistake(format!(
            "--listener {text}: write PORT/PROTOCOL or PORT/PROTOCOL:PORT, such as 80/http:8080"
        ))
    };
    let (port, rest) = text.split_once('/').ok_or_else(wrong)?;
    let (way, target) = rest.split_once(':').unwrap_or((rest, port));
    Ok(Listener {
        port: port_number(port).ok_or_else(wrong)?,
        protocol: protocol(way)?,
        target_port: port_number(target).ok_or_else(wrong)?,
    })
}

fn port_number(text: &str) -> Option<u16> {
    text.parse().ok().filter(|port| *port != 0)
}

pub(crate) fn rule(asked: &Rule) -> Result<FirewallRule, Mistake> {
    let protocol = protocol(&asked.protocol)?;
    let (direction, other) = match (&asked.from, &asked.to) {
        (Some(from), _) => (Direction::In, from),
        (None, Some(to)) => (Direction::Out, to),
        (None, None) => return Err(Mistake("write --from or --to".into())),
    };
    let ports = asked.ports.as_deref().map(ports).transpose()?;
    match (protocol, ports) {
        (Protocol::Tcp | Protocol::Udp, _) | (Protocol::Icmp | Protocol::Any, None) => {}
        (Protocol::Icmp | Protocol::Any, Some(_)) => {
            return Err(Mistake(format!("{} has no ports", protocol.name())));
        }
        _ => {
            return Err(Mistake(format!(
                "a firewall knows tcp, udp, icmp and any, not {}",
                protocol.name()
            )));
        }
    }
    Ok(FirewallRule {
        direction,
        protocol,
        ports,
        peer: peer(other)?,
    })
}

/// `22` or `8000-8100`, both included.
fn ports(text: &str) -> Result<(u16, u16), Mistake> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (first.parse::<u16>(), last.parse::<u16>()) {
        (Ok(first), Ok(last)) if first <= last => Ok((first, last)),
        _ => Err(Mistake(format!(
            "not a port or a range of ports such as 8000-8100: {text}"
        ))),
    }
}

/// A network, an address alone, or else another firewall.
fn peer(text: &str) -> Result<Peer, Mistake> {
    if let Ok(address) = text.parse::<IpAddr>() {
        let all = if address.is_ipv4() { 32 } else { 128 };
        return Ok(Peer::Network(format!("{address}/{all}")));
    }
    if let Some((address, bits)) = text.split_once('/') {
        let most = match address.parse::<IpAddr>() {
            Ok(IpAddr::V4(_)) => 32,
            Ok(IpAddr::V6(_)) => 128,
            Err(_) => 0,
        };
        return match bits.parse::<u8>() {
            Ok(bits) if 0 < most && bits <= most => Ok(Peer::Network(text.to_owned())),
            _ => Err(Mistake(format!(
                "not a network such as 192.0.2.0/24: {text}"
            ))),
        };
    }
    id(text).map(Peer::Firewall)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!(bytes("20G").unwrap(), 20 << 30);
        assert_eq!(bytes("512").unwrap(), 512);
        for bad in ["", "G", "0", "-1G", "1.5G", "99999999999999T", "ß"] {
            assert!(bytes(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn listeners_have_a_port_a_protocol_and_perhaps_another_port() {
        let web = listener("80/http:8080").unwrap();
        assert_eq!(
            (web.port, web.protocol, web.target_port),
            (80, Protocol::Http, 8080)
        );
        assert_eq!(listener("25/tcp").unwrap().target_port, 25);
        for bad in [
            "80",
            "80/ftp",
            "0/tcp",
            "65536/tcp",
            "80/http:",
            "/tcp",
            "80/http:0",
        ] {
            assert!(listener(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn rules_read_as_they_are_shown() {
        let asked = |protocol: &str, ports: Option<&str>, from: Option<&str>, to: Option<&str>| {
            let asked = Rule {
                id: "fw-1".into(),
                protocol: protocol.into(),
                ports: ports.map(Into::into),
                from: from.map(Into::into),
                to: to.map(Into::into),
            };
            rule(&asked).map(|rule| rule.to_string()).ok()
        };
        let ssh = asked("tcp", Some("22"), Some("192.0.2.0/24"), None);
        assert_eq!(ssh.as_deref(), Some("tcp 22 from 192.0.2.0/24"));
        let out = asked("udp", Some("53-54"), None, Some("2001:db8::1"));
        assert_eq!(out.as_deref(), Some("udp 53-54 to 2001:db8::1/128"));
        let other = asked("any", None, Some("fw-2"), None);
        assert_eq!(other.as_deref(), Some("all from fw-2"));
        for (protocol, ports, from) in [
            ("tcp", Some("99999"), "192.0.2.0/24"),
            ("tcp", Some("9-8"), "192.0.2.0/24"),
            ("icmp", Some("8"), "192.0.2.0/24"),
            ("http", None, "192.0.2.0/24"),
            ("sctp", None, "192.0.2.0/24"),
            ("tcp", None, "192.0.2.0/33"),
            ("tcp", None, "web/24"),
        ] {
            assert_eq!(
                asked(protocol, ports, Some(from), None),
                None,
                "{protocol} {ports:?} {from}"
            );
        }
    }
}
