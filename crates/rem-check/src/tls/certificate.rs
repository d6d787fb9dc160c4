#[cfg(test)]
mod tests;

use std::net::IpAddr;

use rem_time::Timestamp;

const BOOLEAN: u8 = 0x01;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const OBJECT: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
const DNS_NAME: u8 = 0x82;
const ADDRESS: u8 = 0x87;

const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const ORGANISATION: &[u8] = &[0x55, 0x04, 0x0a];
const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1d, 0x11];
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
const P521: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x23];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
const ED448: &[u8] = &[0x2b, 0x65, 0x71];

/// What a certificate says about itself, for people. Whether to believe it is
/// decided elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Certificate {
    /// Whom it is about: the common name, else the organisation.
    pub(crate) subject: String,
    /// Who vouches for it, likewise.
    pub(crate) issuer: String,
    /// Whether it vouches for itself.
    pub(crate) is_self_issued: bool,
    pub(crate) begins: Timestamp,
    pub(crate) ends: Timestamp,
    /// The sort of key: `ECDSA P-256`, `RSA 2048`.
    pub(crate) key: String,
    pub(crate) key_bits: Option<u32>,
    /// The host names and addresses that it is for.
    pub(crate) names: Vec<String>,
}

impl Certificate {
    /// `None` if it is not a certificate. Walks through certificate, its signed
    /// part, and in that version, serial number, signature, issuer, validity,
    /// subject, key, extensions (RFC 5280 §4.1).
    pub(crate) fn parse(der: &[u8]) -> Option<Self> {
        let (issuer, begins, ends, rest) = head(der)?;
        let (subject, rest) = element(rest, SEQUENCE)?;
        let (key, mut rest) = element(rest, SEQUENCE)?;
        let mut names = Vec::new();
        while let Some((tag, content, after)) = any(rest) {
            if tag == EXTENSIONS {
                names = alternative_names(content).unwrap_or_default();
            }
            rest = after;
        }
        let (key, key_bits) = key_sort(key)?;
        Some(Self {
            subject: person(subject),
            issuer: person(issuer),
            is_self_issued: subject == issuer,
            begins,
            ends,
            key,
            key_bits,
            names,
        })
    }

    /// When it ends, without looking at the rest of it.
    pub(crate) fn ends(der: &[u8]) -> Option<Timestamp> {
        head(der).map(|(_, _, ends, _)| ends)
    }
}

/// Issuer, validity, and what follows them.
fn head(der: &[u8]) -> Option<(&[u8], Timestamp, Timestamp, &[u8])> {
    let (certificate, _) = element(der, SEQUENCE)?;
    let (signed, _) = element(certificate, SEQUENCE)?;
    let rest = match element(signed, VERSION) {
        Some((_, rest)) => rest,
        None => signed,
    };
    let (_serial, rest) = element(rest, INTEGER)?;
    let (_signature, rest) = element(rest, SEQUENCE)?;
    let (issuer, rest) = element(rest, SEQUENCE)?;
    let (validity, rest) = element(rest, SEQUENCE)?;
    let (begins, after) = time(validity)?;
    let (ends, _) = time(after)?;
    Some((issuer, begins, ends, rest))
}

/// The common name of a distinguished name, else its organisation.
fn person(mut name: &[u8]) -> String {
    let mut organisation = None;
    while let Some((_, part, rest)) = any(name) {
        name = rest;
        let Some((pair, _)) = element(part, SEQUENCE) else {
            continue;
        };
        let Some((kind, value)) = element(pair, OBJECT) else {
            continue;
        };
        let Some((_, text, _)) = any(value) else {
            continue;
        };
        let text = || String::from_utf8_lossy(text).escape_debug().to_string();
        match kind {
            COMMON_NAME => return text(),
            ORGANISATION => organisation = Some(text()),
            _ => {}
        }
    }
    organisation.unwrap_or_else(|| "somebody without a name".into())
}

/// What sort of key it is, and how many bits it has.
fn key_sort(key: &[u8]) -> Option<(String, Option<u32>)> {
    let (algorithm, key) = element(key, SEQUENCE)?;
    let (kind, parameters) = element(algorithm, OBJECT)?;
    let (bits, _) = element(key, BIT_STRING)?;
    Some(match kind {
        RSA => {
            let (pair, _) = element(bits.get(1..)?, SEQUENCE)?;
            let (modulus, _) = element(pair, INTEGER)?;
            let zeros = modulus.iter().take_while(|byte| **byte == 0).count();
            let unused = modulus.get(zeros).map_or(0, |first| first.leading_zeros());
            let length = u32::try_from((modulus.len() - zeros) * 8).ok()? - unused;
            (format!("RSA {length}"), Some(length))
        }
        EC => match element(parameters, OBJECT).map(|(curve, _)| curve) {
            Some(P256) => ("ECDSA P-256".into(), Some(256)),
            Some(P384) => ("ECDSA P-384".into(), Some(384)),
            Some(P521) => ("ECDSA P-521".into(), Some(521)),
            Some(_) | None => ("ECDSA".into(), None),
        },
        ED25519 => ("Ed25519".into(), Some(256)),
        ED448 => ("Ed448".into(), Some(448)),
        _ => ("another sort of key".into(), None),
    })
}

/// The names of the extension that holds them.
fn alternative_names(extensions: &[u8]) -> Option<Vec<String>> {
    let (mut list, _) = element(extensions, SEQUENCE)?;
    while let Some((extension, rest)) = element(list, SEQUENCE) {
        list = rest;
        let (kind, content) = element(extension, OBJECT)?;
        if kind != ALTERNATIVE_NAMES {
            continue;
        }
        let content = match element(content, BOOLEAN) {
            Some((_critical, content)) => content,
            None => content,
        };
        let (content, _) = element(content, OCTET_STRING)?;
        let (mut list, _) = element(content, SEQUENCE)?;
        let mut names = Vec::new();
        while let Some((tag, name, rest)) = any(list) {
            list = rest;
            match tag {
                DNS_NAME => names.push(String::from_utf8_lossy(name).escape_debug().to_string()),
                ADDRESS => names.extend(address(name).map(|address| address.to_string())),
                _ => {}
            }
        }
        return Some(names);
    }
    None
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
        _ => None,
    }
}

/// The content of the element at the start of `der`, which must have this tag,
/// and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, content, rest) = any(der)?;
    (found == tag).then_some((content, rest))
}

/// Tag and content of the element at the start of `der`, and what follows it.
fn any(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let length = digits
                .iter()
                .fold(0u64, |sum, digit| sum << 8 | u64::from(*digit));
            (usize::try_from(length).ok()?, rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// `YYMMDDhhmmssZ` or `YYYYMMDDhhmmssZ`, always UTC.
fn time(der: &[u8]) -> Option<(Timestamp, &[u8])> {
    let (text, rest, century) = match element(der, UTC_TIME) {
        Some((text, rest)) => (text, rest, None),
        None => {
            let (text, rest) = element(der, GENERALIZED_TIME)?;
            let (century, text) = text.split_at_checked(2)?;
            (text, rest, Some(century))
        }
    };
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    if text.len() != 12 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let year = &text[..2];
    let century = match century {
        Some(century) => std::str::from_utf8(century).ok()?,
        // RFC 5280: 50 to 99 are the last century's.
        None if year < "50" => "20",
        None => "19",
    };
    let (month, day) = (&text[2..4], &text[4..6]);
    let (hour, minute, second) = (&text[6..8], &text[8..10], &text[10..12]);
    let time = format!("{century}{year}-{month}-{day}T{hour}:{minute}:{second}Z");
    // Some end in the year 4096, and 9999 means "never": past the end of the time line.
    let limit = || (century >= "22").then(|| Timestamp::from_nanos(i64::MAX));
    Some((time.parse().ok().or_else(limit)?, rest))
}
