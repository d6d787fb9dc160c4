//! Numbers as librrd reads them.

use std::io::Write as _;

use crate::Kind;

/// A value in the form its source takes; librrd would refuse the whole update for
/// a counter with a fraction.
pub(super) fn write_value(text: &mut Vec<u8>, kind: Kind, value: f64) {
    let whole = value.round();
    match kind {
        _ if !value.is_finite() => text.push(b'U'),
        Kind::Gauge | Kind::Absolute => write_real(text, value),
        Kind::Counter if (0.0..9e18).contains(&whole) => write_whole(text, whole as i64),
        Kind::Counter if (0.0..1.8e19).contains(&whole) => {
            // Writing into memory cannot fail.
            let _ = write!(text, "{}", whole as u64);
        }
        Kind::Derive if whole.abs() < 9e18 => write_whole(text, whole as i64),
        Kind::Counter | Kind::Derive => text.push(b'U'),
    }
}

/// The shortest text that is read as the same number. Numbers of up to six decimals
/// go through whole ones, five times as fast as the general way.
fn write_real(text: &mut Vec<u8>, value: f64) {
    const SCALE: f64 = 1e6;
    let scaled = (value * SCALE).round();
    let same = scaled.abs() < 9e15 && (scaled / SCALE).to_bits() == value.to_bits();
    if same {
        let scaled = scaled as i64;
        let (whole, mut rest) = (scaled / SCALE as i64, (scaled % SCALE as i64).abs());
        if value.is_sign_negative() && whole == 0 {
            text.push(b'-');
        }
        write_whole(text, whole);
        if rest != 0 {
            text.push(b'.');
        }
        let mut digit = SCALE as i64 / 10;
        while rest != 0 {
            text.push(b'0' + (rest / digit) as u8);
            rest %= digit;
            digit /= 10;
        }
        return;
    }
    let size = value.abs();
    // Writing into memory cannot fail.
    let _ = match size != 0.0 && !(1e-5..1e15).contains(&size) {
        true => write!(text, "{value:e}"),
        false => write!(text, "{value}"),
    };
}

pub(super) fn write_whole(text: &mut Vec<u8>, value: i64) {
    let mut digits = [0; 20];
    let mut from = digits.len();
    let mut rest = value.unsigned_abs();
    loop {
        from -= 1;
        digits[from] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        text.push(b'-');
    }
    text.extend_from_slice(&digits[from..]);
}
