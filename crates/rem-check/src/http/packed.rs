use std::io::{ErrorKind, Read};

use flate2::read::MultiGzDecoder;

/// The first `max` bytes of what is packed in `body`, and whether that is all.
/// Of a body that was cut off, as much as can be had.
pub(super) fn unpack(
    body: &[u8],
    max: usize,
    is_complete: bool,
) -> Result<(Vec<u8>, bool), String> {
    if body.is_empty() {
        return Ok((Vec::new(), is_complete));
    }
    let mut unpacked = Vec::new();
    // One more than wanted tells whether there is more.
    let limit = u64::try_from(max).unwrap_or(u64::MAX).saturating_add(1);
    let mut reader = MultiGzDecoder::new(body).take(limit);
    match reader.read_to_end(&mut unpacked) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::UnexpectedEof && !is_complete => {}
        Err(error) => return Err(crate::reason::io(&error)),
    }
    let is_all = is_complete && unpacked.len() <= max;
    unpacked.truncate(max);
    Ok((unpacked, is_all))
}
