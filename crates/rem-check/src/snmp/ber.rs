//! The part of BER that SNMP uses: definite lengths, one-byte tags.

#[cfg(test)]
mod tests;

use super::oid::{ARCS_MAX, Oid};

pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTETS: u8 = 0x04;
pub(super) const NULL: u8 = 0x05;
pub(super) const OBJECT: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;

/// Bytes that are not what they should be, with what they should have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed {0}")]
pub(super) struct Malformed(pub(super) &'static str);

/// Reads one element after another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next element: its tag and what is in it.
    pub(super) fn element(&mut self) -> Result<(u8, &'a [u8]), Malformed> {
        let broken = Malformed("element");
        let (&[tag, first], mut rest) = self.0.split_first_chunk().ok_or(broken)?;
        let mut length = usize::from(first);
        if first >= 0x80 {
            let (bytes, behind) = rest
                .split_at_checked(usize::from(first & 0x7f))
                .filter(|(bytes, _)| (1..=4).contains(&bytes.len()))
                .ok_or(broken)?;
            length = bytes
                .iter()
                .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
            rest = behind;
        }
        let (content, rest) = rest.split_at_checked(length).ok_or(broken)?;
        self.0 = rest;
        Ok((tag, content))
    }

    /// The content of the next element, which must have this tag.
    pub(super) fn expect(&mut self, tag: u8, what: &'static str) -> Result<&'a [u8], Malformed> {
        match self.element() {
            Ok((found, content)) if found == tag => Ok(content),
            _ => Err(Malformed(what)),
        }
    }

    pub(super) fn sequence(&mut self, what: &'static str) -> Result<Self, Malformed> {
        self.expect(SEQUENCE, what).map(Self)
    }

    /// An integer of at most 32 bits.
    pub(super) fn integer(&mut self, what: &'static str) -> Result<i32, Malformed> {
        let value = signed(self.expect(INTEGER, what)?, what)?;
        i32::try_from(value).map_err(|_| Malformed(what))
    }
}

/// Two's complement of at most 64 bits.
pub(super) fn signed(content: &[u8], what: &'static str) -> Result<i64, Malformed> {
    let first = *content.first().ok_or(Malformed(what))?;
    if content.len() > 8 {
        return Err(Malformed(what));
    }
    let sign = if first & 0x80 == 0 { 0 } else { -1 };
    Ok(content
        .iter()
        .fold(sign, |sum, byte| sum << 8 | i64::from(*byte)))
}

/// A whole number of at most `bytes` bytes. Agents that leave out the zero in
/// front of a high bit exist, so the sign counts for nothing.
pub(super) fn unsigned(content: &[u8], bytes: usize, what: &'static str) -> Result<u64, Malformed> {
    let digits = match content {
        [] => return Err(Malformed(what)),
        [0, rest @ ..] if content.len() > bytes => rest,
        all => all,
    };
    match digits.len() <= bytes {
        true => Ok(digits
            .iter()
            .fold(0, |sum, byte| sum << 8 | u64::from(*byte))),
        false => Err(Malformed(what)),
    }
}

pub(super) fn oid(content: &[u8]) -> Result<Oid, Malformed> {
    let broken = Malformed("object identifier");
    // Some agents write the null identifier as nothing at all.
    if content.is_empty() {
        return Ok(Oid::from(vec![0, 0]));
    }
    let mut arcs = Vec::with_capacity(content.len() + 1);
    let mut arc: u64 = 0;
    for byte in content {
        arc = arc << 7 | u64::from(byte & 0x7f);
        if arc > u64::from(u32::MAX) + 80 {
            return Err(broken);
        }
        if byte & 0x80 != 0 {
            continue;
        }
        // The first two arcs share a number.
        if arcs.is_empty() {
            let first = (arc / 40).min(2);
            arcs.push(first as u32);
            arc -= first * 40;
        }
        arcs.push(u32::try_from(arc).map_err(|_| broken)?);
        arc = 0;
    }
    let is_whole = content.last().is_some_and(|byte| byte & 0x80 == 0);
    match is_whole && arcs.len() <= ARCS_MAX {
        true => Ok(Oid::from(arcs)),
        false => Err(broken),
    }
}

/// Writes from the last byte to the first, so that every length is known when
/// it is due.
#[derive(Debug, Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    /// How many bytes there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Puts bytes before what is there.
    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.0.extend(bytes.iter().rev());
    }

    /// Makes everything since `end` the content of one element.
    pub(super) fn wrap(&mut self, tag: u8, end: usize) {
        let length = self.0.len() - end;
        if length < 0x80 {
            self.0.push(length as u8);
        } else {
            let bytes = length.to_be_bytes();
            let used = bytes.len() - length.leading_zeros() as usize / 8;
            self.raw(&bytes[bytes.len() - used..]);
            self.0.push(0x80 | used as u8);
        }
        self.0.push(tag);
    }

    pub(super) fn element(&mut self, tag: u8, content: &[u8]) {
        let end = self.len();
        self.raw(content);
        self.wrap(tag, end);
    }

    pub(super) fn integer(&mut self, value: i32) {
        let bytes = value.to_be_bytes();
        let is_needless = |pair: &[u8]| {
            matches!(pair, [0, next] if next & 0x80 == 0)
                || matches!(pair, [0xff, next] if next & 0x80 != 0)
        };
        let skip = bytes
            .windows(2)
            .take_while(|pair| is_needless(pair))
            .count();
        self.element(INTEGER, &bytes[skip..]);
    }

    pub(super) fn oid(&mut self, oid: &Oid) {
        let end = self.len();
        let arcs = oid.arcs();
        for arc in arcs.iter().skip(2).rev() {
            self.arc(u64::from(*arc));
        }
        let at = |index| arcs.get(index).copied().map_or(0, u64::from);
        self.arc(at(0) * 40 + at(1));
        self.wrap(OBJECT, end);
    }

    fn arc(&mut self, mut arc: u64) {
        self.0.push(arc as u8 & 0x7f);
        while arc > 0x7f {
            arc >>= 7;
            self.0.push(arc as u8 & 0x7f | 0x80);
        }
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        self.0.reverse();
        self.0
    }
}
