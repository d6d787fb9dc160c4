//! How records lie in a segment.
//!
//! A segment begins with a header: `UNIDSEG1`, the number of its first record
//! (u64), CRC32C of these 16 bytes (u32), zeros up to 32 bytes. Then records:
//! length of the payload (u32), CRC32C (u32) of all that follows and the length,
//! number (u64), number up to which everything was durable when it was written
//! (u64), payload. All little-endian. The rest of a segment is zeros.

use crate::core::{Command, Name, Op};
use crate::spec::Mode;
use crate::wire::{Decoded, Malformed, Wire};

pub(super) const SEGMENT_MAGIC: &[u8; 8] = b"UNIDSEG1";
pub(super) const SEGMENT_HEADER: usize = 32;
pub(super) const RECORD_HEADER: usize = 24;

/// A command as it is logged.
#[derive(Debug, PartialEq)]
pub(crate) struct Record {
    pub bucket: Name,
    pub mode: Mode,
    pub now: i64,
    pub op: Option<Op>,
    pub command: Command,
}

impl Record {
    pub(crate) fn encode(
        bucket: &Name,
        mode: Mode,
        now: i64,
        op: Option<Op>,
        command: &Command,
    ) -> Vec<u8> {
        let mut out = Vec::with_capacity(128);
        bucket.put(&mut out);
        mode.put(&mut out);
        now.put(&mut out);
        op.put(&mut out);
        command.put(&mut out);
        out
    }

    pub(crate) fn decode(mut bytes: &[u8]) -> Decoded<Self> {
        let input = &mut bytes;
        let record = Self {
            bucket: Wire::get(input)?,
            mode: Wire::get(input)?,
            now: Wire::get(input)?,
            op: Wire::get(input)?,
            command: Wire::get(input)?,
        };
        if input.is_empty() {
            Ok(record)
        } else {
            Err(Malformed)
        }
    }
}

pub(super) fn segment_header(first: u64) -> [u8; SEGMENT_HEADER] {
    let mut header = [0; SEGMENT_HEADER];
    header[..8].copy_from_slice(SEGMENT_MAGIC);
    header[8..16].copy_from_slice(&first.to_le_bytes());
    let crc = crc32c::crc32c(&header[..16]);
    header[16..20].copy_from_slice(&crc.to_le_bytes());
    header
}

/// Puts a record at the end of `out`, to be sealed when it is written.
pub(super) fn append_unsealed(out: &mut Vec<u8>, seq: u64, payload: &[u8]) {
    // Records are limited far below 4 GiB before they come here.
    out.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&seq.to_le_bytes());
    out.extend_from_slice(&[0; 8]);
    out.extend_from_slice(payload);
}

/// Writes into each record up to where everything is durable, and its checksum.
pub(super) fn seal(mut records: &mut [u8], durable: u64) {
    while RECORD_HEADER <= records.len() {
        let length = RECORD_HEADER + u32_at(records, 0) as usize;
        let (record, rest) = records.split_at_mut(length.min(records.len()));
        record[16..24].copy_from_slice(&durable.to_le_bytes());
        let crc = checksum(record);
        record[4..8].copy_from_slice(&crc.to_le_bytes());
        records = rest;
    }
}

fn checksum(record: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&record[..4]), &record[8..])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes
        .get(at..at + 4)
        .map_or(0, |b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

/// A sound record found in a segment.
pub(super) struct Found<'a> {
    pub seq: u64,
    pub durable: u64,
    pub payload: &'a [u8],
    pub end: usize,
}

/// The record at `offset`, if it is sound.
pub(super) fn record_at(segment: &[u8], offset: usize) -> Option<Found<'_>> {
    let rest = segment.get(offset..)?;
    let length = u32_at(rest, 0) as usize;
    if length == 0 || rest.len() < RECORD_HEADER + length {
        return None;
    }
    let record = &rest[..RECORD_HEADER + length];
    (checksum(record) == u32_at(record, 4)).then(|| Found {
        seq: u64_at(record, 8),
        durable: u64_at(record, 16),
        payload: &record[RECORD_HEADER..],
        end: offset + record.len(),
    })
}

/// The number of the first record, if the header is sound.
pub(super) fn first_of(segment: &[u8]) -> Option<u64> {
    let sound = segment.get(..8) == Some(SEGMENT_MAGIC)
        && segment.len() >= SEGMENT_HEADER
        && crc32c::crc32c(&segment[..16]) == u32_at(segment, 16);
    sound.then(|| u64_at(segment, 8))
}

/// Whether a record that was durable as `seq` is missing: a later, sound record
/// after `offset` knows that it was.
pub(super) fn was_durable(segment: &[u8], offset: usize, seq: u64) -> bool {
    // A number further ahead than the segment has bytes is noise.
    let plausible = seq..seq.saturating_add(segment.len() as u64);
    (offset..segment.len()).any(|at| {
        plausible.contains(&u64_at(segment, at + 8))
            && record_at(segment, at).is_some_and(|found| seq <= found.durable)
    })
}
