//! What is asked and answered, inside of every version's message.

#[cfg(test)]
mod tests;

use super::ber::{self, Malformed, Reader, Writer};
use super::oid::Oid;
use super::value::{self, Value};

const RESPONSE: u8 = 0xa2;
const REPORT: u8 = 0xa8;

/// How objects are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    Get,
    Next,
    /// So many steps at once.
    Bulk(u16),
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) is_report: bool,
    pub(super) id: i32,
    pub(super) status: i32,
    /// Which of the variables is meant, from 1; 0 is none.
    pub(super) index: i32,
    pub(super) bindings: Vec<(Oid, Value)>,
}

pub(super) fn write(to: &mut Writer, ask: Ask, id: i32, oids: &[Oid]) {
    let end = to.len();
    for oid in oids.iter().rev() {
        let end = to.len();
        to.element(ber::NULL, &[]);
        to.oid(oid);
        to.wrap(ber::SEQUENCE, end);
    }
    to.wrap(ber::SEQUENCE, end);
    let (tag, repetitions) = match ask {
        Ask::Get => (0xa0, 0),
        Ask::Next => (0xa1, 0),
        Ask::Bulk(repetitions) => (0xa5, repetitions),
    };
    to.integer(repetitions.into());
    to.integer(0);
    to.integer(id);
    to.wrap(tag, end);
}

pub(super) fn read(from: &mut Reader<'_>) -> Result<Answer, Malformed> {
    let (tag, content) = from.element()?;
    if tag != RESPONSE && tag != REPORT {
        return Err(Malformed("answer"));
    }
    let mut content = Reader::new(content);
    Ok(Answer {
        is_report: tag == REPORT,
        id: content.integer("request id")?,
        status: content.integer("error status")?,
        index: content.integer("error index")?,
        bindings: value::read_bindings(content.sequence("variables")?)?,
    })
}

/// A request of version 1 (0) or 2c (1).
pub(super) fn write_community(
    version: i32,
    community: &str,
    ask: Ask,
    id: i32,
    oids: &[Oid],
) -> Vec<u8> {
    let mut to = Writer::default();
    write(&mut to, ask, id, oids);
    to.element(ber::OCTETS, community.as_bytes());
    to.integer(version);
    to.wrap(ber::SEQUENCE, 0);
    to.finish()
}

pub(super) fn read_community(packet: &[u8]) -> Result<Answer, Malformed> {
    let mut message = Reader::new(packet).sequence("message")?;
    message.integer("version")?;
    message.expect(ber::OCTETS, "community")?;
    read(&mut message)
}

/// The version of a packet and the number that its request had: the message's
/// in version 3, else the request's.
pub(super) fn peek(packet: &[u8]) -> Result<(i32, i32), Malformed> {
    let mut message = Reader::new(packet).sequence("message")?;
    let version = message.integer("version")?;
    let mut inner = match version {
        3 => message.sequence("header")?,
        _ => {
            message.expect(ber::OCTETS, "community")?;
            Reader::new(message.element()?.1)
        }
    };
    Ok((version, inner.integer("message id")?))
}

/// What an error status means.
pub(super) fn status_text(status: i32) -> &'static str {
    match status {
        1 => "the answer would be too big",
        2 => "no such name",
        3 => "bad value",
        4 => "read only",
        5 => "general error",
        6 => "no access",
        13 => "resource unavailable",
        16 => "authorization error",
        _ => "an error without a known meaning",
    }
}

pub(super) const TOO_BIG: i32 = 1;
pub(super) const NO_SUCH_NAME: i32 = 2;
pub(super) const NOT_AUTHORIZED: i32 = 16;
