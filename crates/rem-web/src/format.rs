use rem_monitor::Unit;

#[cfg(test)]
mod tests;

/// A number with its unit as a page shows it: three significant digits, scaled to
/// a readable size (`3.2 GiB`, `12.5 ms`, `1.2k/s`), and `–` for what is unknown.
pub(crate) fn quantity(value: Option<f64>, unit: &Unit) -> String {
    let Some(value) = value else {
        return "–".into();
    };
    match unit {
        Unit::Seconds => seconds(value),
        Unit::Bytes => scaled(
            value,
            1024.0,
            &["B", "KiB", "MiB", "GiB", "TiB", "PiB"],
            " ",
        ),
        Unit::BytesPerSecond => scaled(
            value,
            1024.0,
            &["B/s", "KiB/s", "MiB/s", "GiB/s", "TiB/s", "PiB/s"],
            " ",
        ),
        Unit::PerSecond => scaled(value, 1000.0, &["/s", "k/s", "M/s", "G/s"], ""),
        Unit::Days => format!("{} d", digits(value)),
        Unit::Percent => format!("{} %", digits(value)),
        Unit::One => scaled(value, 1000.0, &["", "k", "M", "G", "T"], ""),
        Unit::Other(symbol) => {
            format!(
                "{} {symbol}",
                scaled(value, 1000.0, &["", "k", "M", "G", "T"], "")
            )
        }
    }
}

/// A length of time in the largest unit that leaves a readable number.
pub(crate) fn seconds(value: f64) -> String {
    let size = value.abs();
    let (factor, unit) = match size {
        0.0 => (1.0, "s"),
        s if s < 1e-3 => (1e6, "µs"),
        s if s < 1.0 => (1e3, "ms"),
        s if s < 120.0 => (1.0, "s"),
        s if s < 7_200.0 => (1.0 / 60.0, "min"),
        s if s < 172_800.0 => (1.0 / 3_600.0, "h"),
        _ => (1.0 / 86_400.0, "d"),
    };
    format!("{} {unit}", digits(value * factor))
}

fn scaled(value: f64, base: f64, names: &[&str], gap: &str) -> String {
    let mut scaled = value;
    let mut step = 0;
    while scaled.abs() >= base && step + 1 < names.len() {
        scaled /= base;
        step += 1;
    }
    let gap = if names[step].is_empty() { "" } else { gap };
    format!("{}{gap}{}", digits(scaled), names[step])
}

fn digits(value: f64) -> String {
    let size = value.abs();
    if size >= 100.0 || value.fract() == 0.0 {
        return format!("{value:.0}");
    }
    let text = if size >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    };
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Fit for an address.
pub(crate) fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// The text behind `%2F` and its like; a `%` that begins no code stays.
pub(crate) fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, others)) = rest.split_first() {
        let code = (*first == b'%')
            .then(|| others.get(..2))
            .flatten()
            .and_then(|code| std::str::from_utf8(code).ok())
            .and_then(|code| u8::from_str_radix(code, 16).ok());
        match code {
            Some(code) => {
                bytes.push(code);
                rest = &others[2..];
            }
            None => {
                bytes.push(*first);
                rest = others;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
