use super::*;

#[track_caller]
fn shows(value: f64, unit: &Unit, text: &str) {
    assert_eq!(quantity(Some(value), unit), text);
}

#[test]
fn numbers_are_shown_with_three_digits_and_a_unit() {
    shows(0.0, &Unit::Percent, "0 %");
    shows(12.345, &Unit::Percent, "12.3 %");
    shows(99.96, &Unit::Percent, "100 %");
    shows(3.2 * 1024.0 * 1024.0 * 1024.0, &Unit::Bytes, "3.2 GiB");
    shows(1023.0, &Unit::Bytes, "1023 B");
    shows(1536.0, &Unit::BytesPerSecond, "1.5 KiB/s");
    shows(0.000_042, &Unit::Seconds, "42 µs");
    shows(0.0125, &Unit::Seconds, "12.5 ms");
    shows(90.0, &Unit::Seconds, "90 s");
    shows(86_400.0, &Unit::Seconds, "24 h");
    shows(1_200.0, &Unit::PerSecond, "1.2k/s");
    shows(1_234_567.0, &Unit::One, "1.23M");
    shows(0.45, &Unit::One, "0.45");
    shows(-5.0, &Unit::Other("°C".into()), "-5 °C");
    shows(89.0, &Unit::Days, "89 d");
}

#[test]
fn what_is_unknown_is_not_zero() {
    assert_eq!(quantity(None, &Unit::Bytes), "–");
}

#[test]
fn a_percent_sign_that_is_no_code_stays() {
    assert_eq!(percent_decoded("100%25%2Fx%zz%é"), "100%/x%zz%é");
    let text = "a b/ü&=\n";
    assert_eq!(percent_decoded(&percent_encoded(text)), text);
}
