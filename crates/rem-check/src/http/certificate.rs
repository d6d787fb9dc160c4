#[cfg(test)]
mod tests;

use rem_time::Timestamp;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const VERSION: u8 = 0xa0;

/// When a certificate ends; `None` if it is not one.
///
/// Walks no further than it must: certificate, its signed part, and in that
/// version, serial number, signature, issuer, validity (RFC 5280 §4.1).
pub(super) fn ends(der: &[u8]) -> Option<Timestamp> {
    let (certificate, _) = element(der, SEQUENCE)?;
    let (signed, _) = element(certificate, SEQUENCE)?;
    let rest = match element(signed, VERSION) {
        Some((_, rest)) => rest,
        None => signed,
    };
    let (_serial, rest) = element(rest, INTEGER)?;
    let (_signature, rest) = element(rest, SEQUENCE)?;
    let (_issuer, rest) = element(rest, SEQUENCE)?;
    let (validity, _) = element(rest, SEQUENCE)?;
    let (_begins, rest) = time(validity)?;
    let (ends, _) = time(rest)?;
    Some(ends)
}

/// The content of the element at the start of `der`, which must have this tag,
/// and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    if found != tag {
        return None;
    }
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
    rest.split_at_checked(length)
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
    // Year 9999 means "never" and is past the end of the time line.
    let limit = || (century == "99").then(|| Timestamp::from_nanos(i64::MAX));
    Some((time.parse().ok().or_else(limit)?, rest))
}
