//! Any name as a file name, and any field name as a data source name.

#[cfg(test)]
mod tests;

/// The longest escaped name that is kept as it is; file systems allow 255 bytes
/// and the endings of our files need some.
const STEM_BYTES_MAX: usize = 200;
/// What is kept of a longer one, before its hash.
const STEM_BYTES_KEPT: usize = 150;
/// RRD's own limit.
pub(crate) const DS_NAME_MAX: usize = 19;

/// The file name, without its ending, of a series. Letters, digits, `_`, `-` and
/// a `.` that does not lead stay; every other byte becomes `%XX`. A name that grows
/// too long is cut and ends in `~` and its hash: that alone cannot be read back.
pub(crate) fn file_stem(name: &str) -> String {
    let mut stem = String::with_capacity(name.len());
    for (at, byte) in name.bytes().enumerate() {
        let plain =
            byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-') || (byte == b'.' && at > 0);
        if plain {
            stem.push(char::from(byte));
        } else {
            stem.push_str(&format!("%{byte:02X}"));
        }
    }
    if stem.len() <= STEM_BYTES_MAX {
        return stem;
    }
    let mut kept = STEM_BYTES_KEPT;
    // Not in the middle of an escape.
    while stem.as_bytes()[kept - 2..kept].contains(&b'%') {
        kept -= 1;
    }
    format!("{}~{:032x}", &stem[..kept], fnv1a_128(name.as_bytes()))
}

/// The series of a file name, `None` for a cut name and for a foreign file.
pub(crate) fn series_of(stem: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(stem.len());
    let mut rest = stem.as_bytes().iter();
    while let Some(&byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [*rest.next()?, *rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            _ => byte,
        });
    }
    let name = String::from_utf8(bytes).ok()?;
    // Only what we would have written ourselves: one name, one file.
    (!name.is_empty() && file_stem(&name) == stem).then_some(name)
}

/// Whether a stem was cut, so that its name stands beside the file.
pub(crate) fn is_cut(stem: &str) -> bool {
    stem.contains('~')
}

/// A data source name for a field: the field's own name where RRD allows it and
/// it is free, else what is left of it and a hash. `taken` says which are not free.
pub(crate) fn data_source_name(field: &str, taken: impl Fn(&str) -> bool) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let plain = (1..=DS_NAME_MAX).contains(&field.len()) && field.chars().all(allowed);
    if plain && !taken(field) {
        return field.into();
    }
    let kept: String = field
        .chars()
        .take(10)
        .map(|c| if allowed(c) { c } else { '_' })
        .collect();
    let mut salt: u32 = 0;
    loop {
        let hash = fnv1a_128(format!("{salt}{field}").as_bytes()) as u32;
        let name = format!("{kept}_{hash:08x}");
        if !taken(&name) {
            return name;
        }
        salt += 1;
    }
}

fn fnv1a_128(bytes: &[u8]) -> u128 {
    let basis = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    bytes.iter().fold(basis, |hash: u128, byte| {
        (hash ^ u128::from(*byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
    })
}
