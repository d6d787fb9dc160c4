//! ICMP and ICMPv6 echo as bytes (RFC 792, RFC 4443).

#[cfg(test)]
mod tests;

use super::Family;

/// The smallest payload: it carries the token that tells our replies apart.
pub(super) const PAYLOAD_MIN: usize = 16;

/// The largest payload: with both headers it fills an Ethernet frame.
pub(super) const PAYLOAD_MAX: usize = 1472;

const HEADER_BYTES: usize = 8;
const TOKEN_BYTES: usize = 8;

/// What tells one echo from all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Echo {
    /// Ours, for all echoes of one socket. The kernel writes its own into
    /// those of a datagram socket, and sorts by it.
    pub(super) ident: u16,
    pub(super) sequence: u16,
    /// Not to be guessed by whoever would like to answer for somebody else.
    pub(super) token: u64,
}

/// What a packet that came in says about our echoes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Incoming {
    /// The reply to an echo.
    Reply(Echo),
    /// A router or the target itself says why there will be no reply. Routers
    /// send back no more than the header, so there is no token.
    Refused {
        ident: u16,
        sequence: u16,
        reason: Refusal,
    },
}

/// Why a packet could not be delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nobody knows a way to the network.
    #[error("network unreachable")]
    Network,
    /// The last router does not find the host.
    #[error("host unreachable")]
    Host,
    /// A firewall says no.
    #[error("refused by a firewall")]
    Prohibited,
    /// It went around in circles.
    #[error("too many hops")]
    Hops,
    /// Another reason.
    #[error("unreachable")]
    Other,
}

/// An echo request, with its checksum for IPv4 (IPv6's is the kernel's work).
pub(super) fn request(family: Family, echo: Echo, payload: usize) -> Vec<u8> {
    let payload = payload.clamp(PAYLOAD_MIN, PAYLOAD_MAX);
    let mut packet = Vec::with_capacity(HEADER_BYTES + payload);
    packet.extend_from_slice(&[
        match family {
            Family::V4 => 8,
            Family::V6 => 128,
        },
        0,
        0,
        0,
    ]);
    packet.extend_from_slice(&echo.ident.to_be_bytes());
    packet.extend_from_slice(&echo.sequence.to_be_bytes());
    packet.extend_from_slice(&echo.token.to_be_bytes());
    packet.resize(HEADER_BYTES + payload, 0x2e);
    if family == Family::V4 {
        let sum = checksum(&packet).to_be_bytes();
        packet[2..4].copy_from_slice(&sum);
    }
    packet
}

/// Reads what a socket gave; `with_ip_header` as raw IPv4 sockets do. Anything
/// that is not about an echo of ours is `None`.
pub(super) fn parse(family: Family, with_ip_header: bool, packet: &[u8]) -> Option<Incoming> {
    let icmp = match with_ip_header {
        true => skip_ipv4_header(packet)?,
        false => packet,
    };
    let &[kind, code, _, _, a, b, c, d, ref payload @ ..] = icmp else {
        return None;
    };
    let reason = match (family, kind) {
        (Family::V4, 0) | (Family::V6, 129) => {
            return Some(Incoming::Reply(Echo {
                ident: u16::from_be_bytes([a, b]),
                sequence: u16::from_be_bytes([c, d]),
                token: u64::from_be_bytes(payload.get(..TOKEN_BYTES)?.try_into().ok()?),
            }));
        }
        (Family::V4, 3) => match code {
            0 | 5 | 6 => Refusal::Network,
            1 | 7 => Refusal::Host,
            9 | 10 | 13 => Refusal::Prohibited,
            _ => Refusal::Other,
        },
        (Family::V6, 1) => match code {
            0 => Refusal::Network,
            3 => Refusal::Host,
            1 | 5 | 6 => Refusal::Prohibited,
            _ => Refusal::Other,
        },
        (Family::V4, 11) | (Family::V6, 3) => Refusal::Hops,
        _ => return None,
    };
    // The packet that was refused follows, with its own header.
    let (refused, request) = match family {
        Family::V4 => (skip_ipv4_header(payload)?, 8),
        Family::V6 => (payload.get(40..)?, 128),
    };
    match *refused {
        [kind, _, _, _, a, b, c, d, ..] if kind == request => Some(Incoming::Refused {
            ident: u16::from_be_bytes([a, b]),
            sequence: u16::from_be_bytes([c, d]),
            reason,
        }),
        _ => None,
    }
}

fn skip_ipv4_header(packet: &[u8]) -> Option<&[u8]> {
    let first = *packet.first()?;
    let length = usize::from(first & 0x0f) * 4;
    if first >> 4 != 4 || length < 20 {
        return None;
    }
    packet.get(length..)
}

/// The internet checksum (RFC 1071).
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0)));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}
