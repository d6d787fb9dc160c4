//! Questions and answers as bytes (RFC 1035, RFC 6891), read by hickory-proto.

#[cfg(test)]
mod tests;

use std::net::IpAddr;

use hickory_proto::op::{Edns, Message, Query};
use hickory_proto::rr::{Name, RData, RecordType};

use super::options::{DnsError, DnsKind, DnsOptions, Rcode};

/// The largest answer that is asked for over UDP: it passes nearly every
/// network in one piece (DNS flag day 2020).
pub(super) const UDP_BYTES_MAX: u16 = 1232;

const HEADER_BYTES: usize = 12;

/// A question, ready but for its number.
#[derive(Clone, Debug)]
pub(super) struct Question {
    bytes: Vec<u8>,
    /// Where the question itself ends; behind it is what we can take.
    end: usize,
}

/// What a server said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) rcode: Rcode,
    pub(super) is_authoritative: bool,
    /// Those of the wanted kind.
    pub(super) records: Vec<String>,
    /// How long the first of them to end may be kept.
    pub(super) ttl: Option<u32>,
    /// Of a zone's own data.
    pub(super) serial: Option<u32>,
}

impl Question {
    pub(super) fn new(options: &DnsOptions) -> Result<Self, DnsError> {
        let wrong = || DnsError::Name(options.name.clone());
        let address = options.name.parse::<IpAddr>().ok();
        let name = match address.filter(|_| options.kind == DnsKind::Ptr) {
            Some(address) => Name::from(address),
            None if options.name.is_empty() => return Err(wrong()),
            None => Name::from_str_relaxed(&options.name).map_err(|_| wrong())?,
        };
        let mut name = name;
        name.set_fqdn(true);
        let mut message = Message::query();
        message.metadata.id = 0;
        message.metadata.recursion_desired = options.recursion;
        message.add_query(Query::query(name, record_type(options.kind)));
        // The question ends where the message without anything else does.
        let end = message.to_vec().map_err(|_| wrong())?.len();
        let mut edns = Edns::new();
        edns.set_max_payload(UDP_BYTES_MAX);
        message.set_edns(edns);
        let bytes = message.to_vec().map_err(|_| wrong())?;
        Ok(Self { bytes, end })
    }

    /// As it is sent under this number.
    pub(super) fn bytes(&self, id: u16) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        bytes[..2].copy_from_slice(&id.to_be_bytes());
        bytes
    }

    /// What an answer must repeat.
    pub(super) fn asked(&self) -> &[u8] {
        &self.bytes[HEADER_BYTES..self.end]
    }
}

/// The number of a packet, if it answers what was `asked` under that number.
///
/// A server that did not understand the question may leave it out.
pub(super) fn id_of(packet: &[u8]) -> Option<u16> {
    let is_answer = packet.len() >= HEADER_BYTES && packet[2] & 0x80 != 0;
    is_answer.then(|| u16::from_be_bytes([packet[0], packet[1]]))
}

/// Whether an answer repeats what was `asked`, or says why it does not.
pub(super) fn answers(packet: &[u8], asked: &[u8]) -> bool {
    let Some(rest) = packet.get(HEADER_BYTES..) else {
        return false;
    };
    let questions = u16::from_be_bytes([packet[4], packet[5]]);
    let is_refusal = packet[3] & 0x0f != 0;
    match questions {
        0 => is_refusal,
        _ => rest
            .get(..asked.len())
            .is_some_and(|repeated| repeated.eq_ignore_ascii_case(asked)),
    }
}

/// Whether there is more than fitted.
pub(super) fn is_truncated(packet: &[u8]) -> bool {
    packet.get(2).is_some_and(|flags| flags & 0x02 != 0)
}

/// Reads an answer.
pub(super) fn parse(packet: &[u8], kind: DnsKind) -> Result<Answer, String> {
    let message =
        Message::from_vec(packet).map_err(|error| format!("the answer is malformed: {error}"))?;
    let wanted = record_type(kind);
    let found = message
        .answers
        .iter()
        .filter(|record| record.record_type() == wanted);
    let serial = found.clone().find_map(|record| match &record.data {
        RData::SOA(soa) => Some(soa.serial),
        _ => None,
    });
    // An empty record stands for one of an update, which an answer is not.
    let records = found.clone().filter_map(|record| text(&record.data));
    Ok(Answer {
        rcode: Rcode::from(u16::from(message.metadata.response_code)),
        is_authoritative: message.metadata.authoritative,
        records: records.collect(),
        ttl: found.map(|record| record.ttl).min(),
        serial,
    })
}

/// A record as it is compared; `None` if there can be none such.
pub(super) fn normal(kind: DnsKind, record: &str) -> Option<String> {
    let record = record.trim();
    let unquoted = |text: &str| {
        let inside = text.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
        inside.unwrap_or(text).to_owned()
    };
    Some(match kind {
        DnsKind::A => record.parse::<std::net::Ipv4Addr>().ok()?.to_string(),
        DnsKind::Aaaa => record.parse::<std::net::Ipv6Addr>().ok()?.to_string(),
        DnsKind::Txt => unquoted(record),
        DnsKind::Caa => {
            let mut words = record.splitn(3, char::is_whitespace);
            let (flags, tag) = (words.next()?, words.next()?.to_ascii_lowercase());
            format!("{flags} {tag} {}", unquoted(words.next()?.trim()))
        }
        DnsKind::Cname | DnsKind::Mx | DnsKind::Ns | DnsKind::Soa | DnsKind::Ptr | DnsKind::Srv => {
            let words: Vec<String> = record.split_whitespace().map(plain).collect();
            let expected = match kind {
                DnsKind::Mx => 2,
                DnsKind::Srv => 4,
                DnsKind::Soa => 7,
                _ => 1,
            };
            (words.len() == expected).then(|| words.join(" "))?
        }
    })
}

fn text(data: &RData) -> Option<String> {
    Some(match data {
        RData::A(address) => address.to_string(),
        RData::AAAA(address) => address.to_string(),
        RData::CNAME(name) => plain(&name.to_string()),
        RData::NS(name) => plain(&name.to_string()),
        RData::PTR(name) => plain(&name.to_string()),
        RData::MX(mx) => format!("{} {}", mx.preference, plain(&mx.exchange.to_string())),
        RData::SRV(srv) => {
            let target = plain(&srv.target.to_string());
            format!("{} {} {} {target}", srv.priority, srv.weight, srv.port)
        }
        RData::SOA(soa) => format!(
            "{} {} {} {} {} {} {}",
            plain(&soa.mname.to_string()),
            plain(&soa.rname.to_string()),
            soa.serial,
            soa.refresh,
            soa.retry,
            soa.expire,
            soa.minimum
        ),
        RData::TXT(txt) => {
            let parts: Vec<&[u8]> = txt.txt_data.iter().map(AsRef::as_ref).collect();
            String::from_utf8_lossy(&parts.concat()).into_owned()
        }
        RData::CAA(caa) => {
            let tag = caa.tag.to_ascii_lowercase();
            let value = String::from_utf8_lossy(&caa.value).into_owned();
            format!("{} {tag} {value}", caa.flags())
        }
        _ => return None,
    })
}

/// A name in small letters and without the dot at its end. The root stays a dot.
fn plain(name: &str) -> String {
    let name = name.to_lowercase();
    match name.strip_suffix('.') {
        None | Some("") => name,
        Some(name) => name.to_owned(),
    }
}

fn record_type(kind: DnsKind) -> RecordType {
    match kind {
        DnsKind::A => RecordType::A,
        DnsKind::Aaaa => RecordType::AAAA,
        DnsKind::Cname => RecordType::CNAME,
        DnsKind::Mx => RecordType::MX,
        DnsKind::Ns => RecordType::NS,
        DnsKind::Txt => RecordType::TXT,
        DnsKind::Soa => RecordType::SOA,
        DnsKind::Ptr => RecordType::PTR,
        DnsKind::Srv => RecordType::SRV,
        DnsKind::Caa => RecordType::CAA,
    }
}
