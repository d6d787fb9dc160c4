use proptest::prelude::*;

use super::*;
use crate::Kind;

#[track_caller]
fn check(kind: Kind, value: f64, expected: &str) {
    let mut text = Vec::new();
    write_value(&mut text, kind, value);
    assert_eq!(String::from_utf8_lossy(&text), expected);
}

#[test]
fn values_are_written_as_their_kind_takes_them() {
    check(Kind::Gauge, 67.5, "67.5");
    check(Kind::Gauge, -0.0, "-0");
    check(Kind::Gauge, 1e300, "1e300");
    check(Kind::Gauge, -1.5e-9, "-1.5e-9");
    check(Kind::Gauge, f64::NAN, "U");
    check(Kind::Gauge, 0.1, "0.1");
    check(Kind::Gauge, -0.000001, "-0.000001");
    check(Kind::Gauge, 1.0 / 3.0, "0.3333333333333333");
    check(Kind::Gauge, -1_282_114_800.25, "-1282114800.25");
    check(Kind::Absolute, 2.5, "2.5");
    check(Kind::Counter, 2.5, "3");
    check(Kind::Counter, -1.0, "U");
    check(Kind::Counter, 1e300, "U");
    check(Kind::Counter, 9_007_199_254_740_991.0, "9007199254740991");
    check(Kind::Derive, -2.4, "-2");
    check(Kind::Derive, f64::NEG_INFINITY, "U");
}

#[test]
fn only_other_archives_are_a_change() {
    let header = Header::read(Path::new("/nowhere"));
    assert!(header.is_err());
    let archives = crate::default_archives();
    assert_eq!(archive_text(&archives[0]), "RRA:AVERAGE:0.5:1:86400");
}

proptest! {
    #[test]
    fn every_number_is_written_as_one_that_reads_the_same(
        value in prop_oneof![any::<f64>(), (-1e9..1e9).prop_map(|v: f64| (v * 1e3).round() / 1e3)]
    ) {
        prop_assume!(value.is_finite());
        let mut text = Vec::new();
        write_value(&mut text, Kind::Gauge, value);
        let read: f64 = String::from_utf8_lossy(&text).parse().unwrap_or(f64::NAN);
        prop_assert_eq!(read.to_bits(), value.to_bits());
    }

    #[test]
    fn whole_numbers_are_written_whole(value: i64) {
        let mut text = Vec::new();
        write_whole(&mut text, value);
        prop_assert_eq!(String::from_utf8_lossy(&text), value.to_string());
    }
}
