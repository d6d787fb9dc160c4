//! Ids and texts as they may stand in a header.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};

#[cfg(test)]
mod tests;

/// A longer id is cut and told apart by its SHA-256.
const ID_MAX: usize = 160;

/// `id` in letters that a `Message-ID` and an HTTP header may hold: what may
/// not is written `=3A`. The same for the same id, different for different ones.
pub(crate) fn id(id: &str) -> String {
    let mut wire = String::with_capacity(id.len() + 16);
    let bytes = id.as_bytes();
    for (at, &byte) in bytes.iter().enumerate() {
        // A dot may neither begin nor end the name nor follow a dot.
        let dot = byte == b'.' && at > 0 && at + 1 < bytes.len() && bytes[at - 1] != b'.';
        if byte.is_ascii_alphanumeric() || b"!#$%&'*+-/?^_`{|}~".contains(&byte) || dot {
            wire.push(char::from(byte));
        } else {
            let _ = write!(wire, "={byte:02X}");
        }
    }
    if wire.is_empty() {
        wire.push_str("=00");
    }
    if wire.len() > ID_MAX {
        let hash = hex(digest(&SHA256, id.as_bytes()).as_ref());
        wire.truncate(ID_MAX - 33);
        let whole = wire.trim_end_matches('.').len();
        wire.truncate(whole);
        wire.push('-');
        wire.push_str(&hash[..32]);
    }
    wire
}

/// What [`id`] was made from, unless it was cut.
pub(crate) fn id_back(wire: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(wire.len());
    let mut rest = wire.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        if byte != b'=' {
            bytes.push(byte);
            rest = after;
            continue;
        }
        let digits = std::str::from_utf8(after.get(..2)?).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &after[2..];
    }
    String::from_utf8(bytes).ok()
}

/// One line: control characters become spaces, at most `max` bytes.
pub(crate) fn one_line(text: &str, max: usize) -> String {
    let line: String = text
        .chars()
        .map(|letter| if is_break(letter) { ' ' } else { letter })
        .collect();
    cut(line.trim(), max)
}

/// Text of several lines without other control characters.
pub(crate) fn lines(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let keep = |letter: &char| matches!(letter, '\n' | '\t') || !letter.is_control();
    text.chars().filter(keep).collect()
}

/// `text` as a header's value: as it is if it is ASCII, otherwise as words of
/// RFC 2047.
pub(crate) fn encoded_word(text: &str) -> String {
    if text.bytes().all(|byte| (32..127).contains(&byte)) && !text.contains("=?") {
        return text.to_owned();
    }
    format!("=?UTF-8?B?{}?=", STANDARD.encode(text))
}

/// At most `max` bytes; what was cut ends with `…`.
pub(crate) fn cut(text: &str, max: usize) -> String {
    if text.len() <= max {
        return text.to_owned();
    }
    let mut end = max.saturating_sub('…'.len_utf8());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &text[..end])
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// `text` inside HTML.
pub(crate) fn html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

fn is_break(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}')
}
