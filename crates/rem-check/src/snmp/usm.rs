//! Messages of version 3 with the user-based security model, RFC 3412 and 3414.

#[cfg(test)]
mod tests;

use super::ber::{self, Malformed, Reader, Writer};
use super::crypto::Clock;
use super::oid::Oid;
use super::options::{SnmpCipher, SnmpHash};
use super::pdu::{self, Answer, Ask};

/// What we can take: the most that UDP carries.
const MESSAGE_BYTES_MAX: i32 = 65_507;
const AUTH: u8 = 1;
const PRIVACY: u8 = 2;
const REPORTABLE: u8 = 4;
const USER_MODEL: i32 = 3;

/// The keys of one user at one agent.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Keys {
    pub(super) auth: Option<(SnmpHash, Vec<u8>)>,
    pub(super) privacy: Option<(SnmpCipher, Vec<u8>)>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys")
    }
}

/// Who asks whom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Security<'a> {
    pub(super) engine: &'a [u8],
    pub(super) clock: Clock,
    pub(super) user: &'a str,
    pub(super) context: &'a str,
    pub(super) keys: &'a Keys,
}

/// A message that was found to be what it says it is.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Opened {
    pub(super) engine: Vec<u8>,
    pub(super) clock: Clock,
    /// Whether its signature was checked, so that its clock can be believed.
    pub(super) is_signed: bool,
    pub(super) answer: Answer,
}

/// Why a message is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Doubt {
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("a security model other than USM")]
    Model,
    #[error("of another user")]
    User,
    #[error("of another engine")]
    Engine,
    #[error("less secure than the request")]
    Level,
    #[error("its digest is wrong")]
    Digest,
    #[error("it cannot be decrypted")]
    Decryption,
}

/// The question that every agent answers with its engine's name and clock.
pub(super) fn discovery(id: i32) -> Vec<u8> {
    let mut scoped = Writer::default();
    scoped_pdu(&mut scoped, &[], "", Ask::Get, id, &[]);
    let mut to = Writer::default();
    to.raw(&scoped.finish());
    security(&mut to, &[], Clock::default(), "", &[], &[]);
    header(&mut to, id, REPORTABLE);
    to.finish()
}

/// A request, signed and encrypted as the keys tell. `None` if a key does not
/// fit its algorithm. A salt must not come twice.
pub(super) fn seal(
    of: Security<'_>,
    salt: u64,
    ask: Ask,
    id: i32,
    oids: &[Oid],
) -> Option<Vec<u8>> {
    let mut scoped = Writer::default();
    let Security {
        engine, context, ..
    } = of;
    scoped_pdu(&mut scoped, engine, context, ask, id, oids);
    seal_scoped(of, salt, id, scoped.finish())
}

fn seal_scoped(of: Security<'_>, salt: u64, id: i32, scoped: Vec<u8>) -> Option<Vec<u8>> {
    let Security {
        engine,
        clock,
        user,
        keys,
        ..
    } = of;
    let mut flags = REPORTABLE;
    let mut to = Writer::default();
    let mut salted = Vec::new();
    match &keys.privacy {
        None => to.raw(&scoped),
        Some((cipher, key)) => {
            flags |= PRIVACY;
            let (secret, salt) = cipher.encrypt(key, clock, salt, scoped).ok()?;
            to.element(ber::OCTETS, &secret);
            salted = salt.to_vec();
        }
    }
    let blank = match &keys.auth {
        None => Vec::new(),
        Some((hash, _)) => {
            flags |= AUTH;
            vec![0; hash.sent_bytes()]
        }
    };
    let behind = security(&mut to, engine, clock, user, &blank, &salted);
    header(&mut to, id, flags);
    let mut packet = to.finish();
    if let Some((hash, key)) = &keys.auth {
        let signature = hash.sign(key, &[&packet]).ok()?;
        let end = packet.len() - behind;
        packet[end - signature.len()..end].copy_from_slice(&signature);
    }
    Some(packet)
}

/// Reads and checks an answer. A report may be unsigned, because an agent that
/// does not know us cannot sign; everything else is as secure as the request.
pub(super) fn open(of: Security<'_>, packet: &[u8]) -> Result<Opened, Doubt> {
    let mut message = Reader::new(packet).sequence("message")?;
    message.integer("version")?;
    let mut head = message.sequence("header")?;
    head.integer("message id")?;
    head.integer("message size")?;
    let flags = head.expect(ber::OCTETS, "flags")?;
    let flags = *flags.first().ok_or(Malformed("flags"))?;
    if head.integer("security model")? != USER_MODEL {
        return Err(Doubt::Model);
    }
    let security = message.expect(ber::OCTETS, "security parameters")?;
    let mut security = Reader::new(security).sequence("security parameters")?;
    let engine = security.expect(ber::OCTETS, "engine id")?;
    let clock = Clock {
        boots: positive(security.integer("engine boots")?)?,
        seconds: positive(security.integer("engine time")?)?,
    };
    let user = security.expect(ber::OCTETS, "user")?;
    let signature = security.expect(ber::OCTETS, "digest")?;
    let salt = security.expect(ber::OCTETS, "salt")?;

    let is_signed = flags & AUTH != 0;
    if is_signed {
        let (hash, key) = of.keys.auth.as_ref().ok_or(Doubt::Level)?;
        if user != of.user.as_bytes() {
            return Err(Doubt::User);
        }
        if engine != of.engine {
            return Err(Doubt::Engine);
        }
        // The digest is that of the packet with zeros in its place.
        let start = signature.as_ptr() as usize - packet.as_ptr() as usize;
        let (before, behind) = (&packet[..start], &packet[start + signature.len()..]);
        let blank = vec![0; signature.len()];
        if !hash.is_signed(key, &[before, &blank, behind], signature) {
            return Err(Doubt::Digest);
        }
    }
    let answer = match flags & PRIVACY {
        0 => scoped_answer(message)?,
        _ => {
            let (cipher, key) = of.keys.privacy.as_ref().ok_or(Doubt::Level)?;
            let secret = message.expect(ber::OCTETS, "encrypted part")?;
            let plain = cipher.decrypt(key, clock, salt, secret);
            let plain = plain.map_err(|_| Doubt::Decryption)?;
            scoped_answer(Reader::new(&plain)).map_err(|_| Doubt::Decryption)?
        }
    };
    let wanted =
        u8::from(of.keys.auth.is_some()) * AUTH + u8::from(of.keys.privacy.is_some()) * PRIVACY;
    if !answer.is_report && flags & (AUTH | PRIVACY) != wanted {
        return Err(Doubt::Level);
    }
    Ok(Opened {
        engine: engine.to_vec(),
        clock,
        is_signed,
        answer,
    })
}

/// Why an agent refuses, by the counter that it reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    SecurityLevel,
    TimeWindow,
    UserName,
    EngineId,
    Digest,
    Decryption,
    Context,
    Other,
}

impl Refusal {
    pub(super) fn of(report: &Answer) -> Self {
        let counter = report
            .bindings
            .first()
            .map_or(&[][..], |(oid, _)| oid.arcs());
        match counter {
            [1, 3, 6, 1, 6, 3, 15, 1, 1, counter, ..] => match counter {
                1 => Self::SecurityLevel,
                2 => Self::TimeWindow,
                3 => Self::UserName,
                4 => Self::EngineId,
                5 => Self::Digest,
                6 => Self::Decryption,
                _ => Self::Other,
            },
            [1, 3, 6, 1, 6, 3, 12, 1, 4 | 5, ..] => Self::Context,
            _ => Self::Other,
        }
    }
}

fn positive(value: i32) -> Result<u32, Malformed> {
    u32::try_from(value).map_err(|_| Malformed("engine clock"))
}

fn scoped_pdu(to: &mut Writer, engine: &[u8], context: &str, ask: Ask, id: i32, oids: &[Oid]) {
    let end = to.len();
    pdu::write(to, ask, id, oids);
    to.element(ber::OCTETS, context.as_bytes());
    to.element(ber::OCTETS, engine);
    to.wrap(ber::SEQUENCE, end);
}

fn scoped_answer(mut from: Reader<'_>) -> Result<Answer, Malformed> {
    let mut scoped = from.sequence("scoped answer")?;
    scoped.expect(ber::OCTETS, "context engine id")?;
    scoped.expect(ber::OCTETS, "context")?;
    pdu::read(&mut scoped)
}

/// How many bytes stand behind the digest.
fn security(
    to: &mut Writer,
    engine: &[u8],
    clock: Clock,
    user: &str,
    digest: &[u8],
    salt: &[u8],
) -> usize {
    let end = to.len();
    to.element(ber::OCTETS, salt);
    let behind = to.len();
    to.element(ber::OCTETS, digest);
    to.element(ber::OCTETS, user.as_bytes());
    to.integer(i32::try_from(clock.seconds).unwrap_or(i32::MAX));
    to.integer(i32::try_from(clock.boots).unwrap_or(i32::MAX));
    to.element(ber::OCTETS, engine);
    to.wrap(ber::SEQUENCE, end);
    to.wrap(ber::OCTETS, end);
    behind
}

fn header(to: &mut Writer, id: i32, flags: u8) {
    let end = to.len();
    to.integer(USER_MODEL);
    to.element(ber::OCTETS, &[flags]);
    to.integer(MESSAGE_BYTES_MAX);
    to.integer(id);
    to.wrap(ber::SEQUENCE, end);
    to.integer(3);
    to.wrap(ber::SEQUENCE, 0);
}
