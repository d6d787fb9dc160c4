use crate::node::Value;

/// What an unquoted word means; see the dialect in the crate's documentation.
pub(super) fn resolve(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" => return Value::Bool(true),
        "false" => return Value::Bool(false),
        _ => {}
    }
    if let Some(number) = whole_number(text) {
        return Value::Int(number);
    }
    match decimal(text) {
        Some(number) => Value::Float(number),
        None => Value::Str(text.to_owned()),
    }
}

fn whole_number(text: &str) -> Option<i64> {
    if let Some(digits) = text.strip_prefix("0x") {
        return in_radix(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return in_radix(digits, 8);
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let leading_zero = digits.len() > 1 && digits.starts_with('0');
    (plain && !leading_zero).then(|| text.parse().ok())?
}

fn in_radix(digits: &str, radix: u32) -> Option<i64> {
    let plain = digits.bytes().all(|b| b.is_ascii_hexdigit());
    plain.then(|| i64::from_str_radix(digits, radix).ok())?
}

/// `[-+]? ( [0-9]+ ( \. [0-9]* )? | \. [0-9]+ ) ( [eE] [-+]? [0-9]+ )?`, without a
/// leading zero and with a point or an exponent.
fn decimal(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let has_digits = !whole.is_empty() || fraction.is_some_and(|f| !f.is_empty());
    let leading_zero = whole.len() > 1 && whole.starts_with('0');
    let exponent_is_number = exponent.is_none_or(|e| {
        let e = e.strip_prefix(['-', '+']).unwrap_or(e);
        !e.is_empty() && digits(e)
    });
    let shaped = (fraction.is_some() || exponent.is_some())
        && has_digits
        && !leading_zero
        && digits(whole)
        && fraction.is_none_or(digits)
        && exponent_is_number;
    let number: f64 = shaped.then(|| text.parse().ok())??;
    number.is_finite().then_some(number)
}
