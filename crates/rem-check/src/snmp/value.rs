#[cfg(test)]
mod tests;

use super::ber::{self, Malformed, Reader};
use super::oid::Oid;
use crate::Kind;
use crate::bounds::number;

/// How much of a text is kept: no number and no row's name is longer, and a
/// table of texts must not fill the memory.
const TEXT_BYTES_MAX: usize = 1024;

/// What an agent said about one object.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Integer(i64),
    Text(Vec<u8>),
    Object(Oid),
    Address([u8; 4]),
    Counter(u64),
    Gauge(u64),
    /// Hundredths of a second.
    Ticks(u64),
    Float(f64),
    /// Bytes that only the vendor knows.
    Opaque,
    /// There is such an object, without a value; in requests.
    Null,
    NoSuchObject,
    NoSuchInstance,
    EndOfView,
}

impl Value {
    pub(super) fn read(tag: u8, content: &[u8]) -> Result<Self, Malformed> {
        let small = |what| ber::unsigned(content, 4, what);
        Ok(match tag {
            ber::INTEGER => Self::Integer(ber::signed(content, "integer")?),
            ber::OCTETS => Self::Text(content[..content.len().min(TEXT_BYTES_MAX)].to_vec()),
            ber::NULL => Self::Null,
            ber::OBJECT => Self::Object(ber::oid(content)?),
            0x40 => Self::Address(content.try_into().map_err(|_| Malformed("address"))?),
            0x41 => Self::Counter(small("counter")?),
            0x42 => Self::Gauge(small("gauge")?),
            0x43 => Self::Ticks(small("time ticks")?),
            0x44 => Self::opaque(content),
            0x46 => Self::Counter(ber::unsigned(content, 8, "64 bit counter")?),
            // SMI of 1993, taken back since; some devices kept it.
            0x47 => Self::Gauge(small("32 bit number")?),
            0x80 => Self::NoSuchObject,
            0x81 => Self::NoSuchInstance,
            0x82 => Self::EndOfView,
            _ => return Err(Malformed("value")),
        })
    }

    /// The numbers that net-snmp wraps, as others do since.
    fn opaque(content: &[u8]) -> Self {
        let Some((&[0x9f, kind], rest)) = content.split_first_chunk() else {
            return Self::Opaque;
        };
        let inner = match rest.split_first() {
            Some((length, inner)) if usize::from(*length) == inner.len() => inner,
            _ => return Self::Opaque,
        };
        let read = match kind {
            0x76 => ber::unsigned(inner, 8, "").map(Self::Counter).ok(),
            0x78 => inner
                .try_into()
                .map(|bytes| Self::Float(f32::from_be_bytes(bytes).into()))
                .ok(),
            0x79 => inner
                .try_into()
                .map(|bytes| Self::Float(f64::from_be_bytes(bytes)))
                .ok(),
            0x7a => ber::signed(inner, "").map(Self::Integer).ok(),
            0x7b => ber::unsigned(inner, 8, "").map(Self::Gauge).ok(),
            _ => None,
        };
        read.unwrap_or(Self::Opaque)
    }

    /// The value as a number, in seconds if it is a time; `None` if it is none.
    pub(super) fn number(&self, with_text: bool) -> Option<f64> {
        match self {
            Self::Integer(value) => Some(*value as f64),
            Self::Counter(value) | Self::Gauge(value) => Some(*value as f64),
            Self::Ticks(value) => Some(*value as f64 / 100.0),
            Self::Float(value) => Some(*value).filter(|value| value.is_finite()),
            Self::Text(text) if with_text => number_of(text),
            Self::Text(_)
            | Self::Object(_)
            | Self::Address(_)
            | Self::Opaque
            | Self::Null
            | Self::NoSuchObject
            | Self::NoSuchInstance
            | Self::EndOfView => None,
        }
    }

    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Counter(_) => Kind::Counter,
            _ => Kind::Gauge,
        }
    }

    /// The value as the name of a row; `None` if it says nothing.
    pub(super) fn label(&self) -> Option<String> {
        match self {
            Self::Text(text) => label_of(text),
            Self::Object(oid) => Some(oid.to_string()),
            Self::Address(address) => Some(std::net::Ipv4Addr::from(*address).to_string()),
            Self::Integer(value) => Some(value.to_string()),
            Self::Counter(value) | Self::Gauge(value) => Some(value.to_string()),
            Self::Ticks(_)
            | Self::Float(_)
            | Self::Opaque
            | Self::Null
            | Self::NoSuchObject
            | Self::NoSuchInstance
            | Self::EndOfView => None,
        }
    }

    /// Why there is no number, for messages.
    pub(super) fn lack(&self) -> &'static str {
        match self {
            Self::NoSuchObject => "no such object",
            Self::NoSuchInstance => "no such instance",
            Self::EndOfView => "nothing there",
            Self::Null => "no value",
            _ => "not a number",
        }
    }

    /// Whether the agent has no value at all.
    pub(super) fn is_missing(&self) -> bool {
        matches!(
            self,
            Self::Null | Self::NoSuchObject | Self::NoSuchInstance | Self::EndOfView
        )
    }
}

/// Names and values, as they stand in a packet.
pub(super) fn read_bindings(mut list: Reader<'_>) -> Result<Vec<(Oid, Value)>, Malformed> {
    let mut bindings = Vec::new();
    while !list.is_empty() {
        let mut binding = list.sequence("variable")?;
        let name = ber::oid(binding.expect(ber::OBJECT, "name of a variable")?)?;
        let (tag, content) = binding.element()?;
        bindings.push((name, Value::read(tag, content)?));
    }
    Ok(bindings)
}

fn number_of(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?;
    // Devices pad with blanks and with the zero that ends a string in C.
    number(text.trim_matches([' ', '\t', '\r', '\n', '\0']))
}

/// A text, or the bytes of what is none, such as a hardware address.
fn label_of(text: &[u8]) -> Option<String> {
    const LABEL_MAX: usize = 255;
    let blank = [' ', '\t', '\r', '\n', '\0'];
    match std::str::from_utf8(text) {
        Ok(text) if !text.trim_matches(blank).contains(char::is_control) => {
            let text: String = text.trim_matches(blank).chars().take(LABEL_MAX).collect();
            (!text.is_empty()).then_some(text)
        }
        _ => {
            let bytes = text.iter().take(LABEL_MAX / 3);
            let pairs: Vec<String> = bytes.map(|byte| format!("{byte:02x}")).collect();
            Some(pairs.join(":"))
        }
    }
}
