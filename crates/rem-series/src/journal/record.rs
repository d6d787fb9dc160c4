//! The bytes of the journal, all little endian.
//!
//! A block is `magic u32, length of the payload u32, crc32c of the payload u32,
//! payload`; the payload is records:
//!
//! - `1, series u32, length u32, JSON`: what a series is; its fields are
//!   numbered in the order given there. Stands in each segment before the first
//!   sample of the series, and again when something changed.
//! - `2, series u32, second i64, count u16, count × (field u16, value f64)`: a
//!   sample; unknown is NaN.

#[cfg(test)]
mod tests;

/// `RSJ1`.
const MAGIC: [u8; 4] = *b"RSJ1";
pub(crate) const BLOCK_HEAD: usize = 12;
const DEFINITION: u8 = 1;
const SAMPLE: u8 = 2;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Record<'a> {
    Definition {
        series: u32,
        json: &'a [u8],
    },
    Sample {
        series: u32,
        second: i64,
        values: Vec<(u16, f64)>,
    },
}

/// Part of a segment, in order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Part<'a> {
    Block(&'a [u8]),
    /// So many bytes from an offset on are not a block.
    Damage {
        at: usize,
        bytes: usize,
    },
    /// The last block was never finished: the writer was killed, nothing was lost
    /// that had been committed.
    Unfinished {
        at: usize,
        bytes: usize,
    },
}

pub(crate) fn definition(block: &mut Vec<u8>, series: u32, json: &[u8]) {
    block.push(DEFINITION);
    block.extend_from_slice(&series.to_le_bytes());
    let len = u32::try_from(json.len()).unwrap_or(u32::MAX);
    block.extend_from_slice(&len.to_le_bytes());
    block.extend_from_slice(&json[..len as usize]);
}

/// `values` are pairs of the number of a field and its value.
pub(crate) fn sample(block: &mut Vec<u8>, series: u32, second: i64, values: &[(usize, f64)]) {
    block.reserve(15 + 10 * values.len());
    block.push(SAMPLE);
    block.extend_from_slice(&series.to_le_bytes());
    block.extend_from_slice(&second.to_le_bytes());
    block.extend_from_slice(&(values.len() as u16).to_le_bytes());
    for (field, value) in values {
        block.extend_from_slice(&(*field as u16).to_le_bytes());
        block.extend_from_slice(&value.to_le_bytes());
    }
}

/// Fills in the head of a block.
pub(crate) fn seal(block: &mut [u8]) {
    let (head, payload) = block.split_at_mut(BLOCK_HEAD);
    head[..4].copy_from_slice(&MAGIC);
    head[4..8].copy_from_slice(&(payload.len() as u32).to_le_bytes());
    head[8..12].copy_from_slice(&crc32c::crc32c(payload).to_le_bytes());
}

/// Cuts a segment into its blocks; after damage it goes on with the next whole block.
pub(crate) fn parts(bytes: &[u8]) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if let Some(payload) = block_at(&bytes[at..]) {
            parts.push(Part::Block(payload));
            at += BLOCK_HEAD + payload.len();
            continue;
        }
        let next = (at + 1..bytes.len()).find(|next| block_at(&bytes[*next..]).is_some());
        let to = next.unwrap_or(bytes.len());
        let (from, rest) = (at, to - at);
        let cut_off = next.is_none() && is_cut_off(&bytes[from..]);
        parts.push(match cut_off {
            true => Part::Unfinished {
                at: from,
                bytes: rest,
            },
            false => Part::Damage {
                at: from,
                bytes: rest,
            },
        });
        at = to;
    }
    parts
}

/// The payload of the whole and sound block that begins here.
fn block_at(bytes: &[u8]) -> Option<&[u8]> {
    if bytes.first_chunk()? != &MAGIC {
        return None;
    }
    let len = u32_at(bytes, 4)? as usize;
    let payload = bytes.get(BLOCK_HEAD..BLOCK_HEAD.checked_add(len)?)?;
    (crc32c::crc32c(payload) == u32_at(bytes, 8)?).then_some(payload)
}

/// Whether this is the beginning of a block that the file ends in.
fn is_cut_off(bytes: &[u8]) -> bool {
    let magic = &bytes[..bytes.len().min(MAGIC.len())];
    MAGIC.starts_with(magic)
        && u32_at(bytes, 4).is_none_or(|len| BLOCK_HEAD + len as usize > bytes.len())
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// The records of a payload; `None` stands for what cannot be one, and ends it.
pub(crate) fn records(payload: &[u8]) -> impl Iterator<Item = Option<Record<'_>>> {
    let mut rest = payload;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let record = next_record(&mut rest);
        if record.is_none() {
            rest = &[];
        }
        Some(record)
    })
}

fn next_record<'a>(rest: &mut &'a [u8]) -> Option<Record<'a>> {
    let [kind] = take(rest)?;
    let series = u32::from_le_bytes(take(rest)?);
    match kind {
        DEFINITION => {
            let len = u32::from_le_bytes(take(rest)?) as usize;
            let (json, after) = rest.split_at_checked(len)?;
            *rest = after;
            Some(Record::Definition { series, json })
        }
        SAMPLE => {
            let second = i64::from_le_bytes(take(rest)?);
            let count = u16::from_le_bytes(take(rest)?);
            let mut values = Vec::with_capacity(count.into());
            for _ in 0..count {
                let field = u16::from_le_bytes(take(rest)?);
                values.push((field, f64::from_le_bytes(take(rest)?)));
            }
            Some(Record::Sample {
                series,
                second,
                values,
            })
        }
        _ => None,
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(*head)
}
