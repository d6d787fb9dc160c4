use super::*;

#[track_caller]
fn number(tag: u8, content: &[u8], expected: Option<f64>) {
    let value = Value::read(tag, content).unwrap();
    assert_eq!(value.number(true), expected, "{value:?}");
}

#[test]
fn every_sort_of_number_is_one() {
    number(0x02, &[0xff], Some(-1.0));
    number(0x41, &[0, 0xff, 0xff, 0xff, 0xff], Some(4_294_967_295.0));
    number(0x42, &[5], Some(5.0));
    number(0x43, &[0x30, 0x39], Some(123.45));
    number(
        0x46,
        &[0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        Some(u64::MAX as f64),
    );
    number(0x47, &[7], Some(7.0));
    number(0x05, &[], None);
    number(0x06, &[0x2b], None);
    number(0x40, &[192, 0, 2, 1], None);
    for missing in [0x80, 0x81, 0x82] {
        number(missing, &[], None);
    }
}

#[test]
fn wrapped_numbers_are_unwrapped() {
    let quarter = 0.25_f32.to_be_bytes();
    number(0x44, &[&[0x9f, 0x78, 4], &quarter[..]].concat(), Some(0.25));
    let quarter = 0.25_f64.to_be_bytes();
    number(0x44, &[&[0x9f, 0x79, 8], &quarter[..]].concat(), Some(0.25));
    number(0x44, &[0x9f, 0x76, 1, 9], Some(9.0));
    number(0x44, &[0x9f, 0x7a, 1, 0xf7], Some(-9.0));
    number(0x44, &[0x9f, 0x7b, 1, 9], Some(9.0));
    let infinite = f32::INFINITY.to_be_bytes();
    number(0x44, &[&[0x9f, 0x78, 4], &infinite[..]].concat(), None);
    for opaque in [
        &[][..],
        &[0x9f],
        &[0x9f, 0x78],
        &[0x9f, 0x78, 4, 0],
        &[1, 2, 3, 4],
    ] {
        number(0x44, opaque, None);
    }
}

#[test]
fn a_text_can_be_a_number() {
    number(0x04, b"0.25", Some(0.25));
    number(0x04, b" 42\r\n\0", Some(42.0));
    for text in ["", "4 2", "nan", "inf", "42 C", "\u{fc}"] {
        number(0x04, text.as_bytes(), None);
    }
    let text = Value::read(0x04, b"42").unwrap();
    assert_eq!(text.number(false), None);
}

#[test]
fn values_of_a_wrong_size_are_refused() {
    for (tag, content) in [
        (0x02, &[][..]),
        (0x02, &[0; 9]),
        (0x40, &[1, 2, 3]),
        (0x41, &[1, 0, 0, 0, 0]),
        (0x46, &[1, 0, 0, 0, 0, 0, 0, 0, 0]),
        (0x30, &[]),
        (0xa2, &[]),
    ] {
        assert!(Value::read(tag, content).is_err(), "{tag:#x}");
    }
}

#[test]
fn only_counters_are_counts() {
    let kind = |tag| Value::read(tag, &[1]).unwrap().kind();
    assert_eq!((kind(0x41), kind(0x46)), (Kind::Counter, Kind::Counter));
    for tag in [0x02, 0x04, 0x42, 0x43] {
        assert_eq!(kind(tag), Kind::Gauge);
    }
}

#[test]
fn rows_are_called_by_text_or_by_its_bytes() {
    let label = |text: &[u8]| Value::read(0x04, text).unwrap().label();
    assert_eq!(label(b"eth0\0").as_deref(), Some("eth0"));
    assert_eq!(label(b" \0"), None);
    assert_eq!(label(b""), None);
    assert_eq!(label(&[0, 0x1b, 0x21, 9]).as_deref(), Some("00:1b:21:09"));
    assert_eq!(label(&[0xff]).as_deref(), Some("ff"));
    assert!(label(&[b'x'; 5000]).unwrap().len() <= 255);
    assert!(label(&[0xff; 5000]).unwrap().len() <= 255);
}
