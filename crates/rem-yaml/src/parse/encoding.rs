use std::sync::Arc;

use crate::key_path::KeyPath;
use crate::place::Place;
use crate::problem::Problem;

/// The file's text without its byte order mark.
pub(super) fn utf8<'b>(file: &Arc<str>, bytes: &'b [u8]) -> Result<&'b str, Box<Problem>> {
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        let place = Place::new(file.clone(), 1, 1);
        return Err(
            Problem::new(&place, &KeyPath::root(), "UTF-16, which is not read here")
                .help("save the file as UTF-8")
                .into(),
        );
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let offset = error.valid_up_to();
        let before = String::from_utf8_lossy(&bytes[..offset]);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1;
        let place = Place::new(
            file.clone(),
            u32::try_from(line).unwrap_or(u32::MAX),
            u32::try_from(column).unwrap_or(u32::MAX),
        );
        let message = format!("not UTF-8: byte 0x{:02X} at offset {offset}", bytes[offset]);
        Problem::new(&place, &KeyPath::root(), message).help("save the file as UTF-8")
    })?;
    Ok(text.strip_prefix('\u{FEFF}').unwrap_or(text))
}
