use proptest::prelude::*;

use super::{Bounds, Threshold, ThresholdError};

#[track_caller]
fn check(text: &str, good: &[f64], bad: &[f64]) {
    let threshold: Threshold = text.parse().unwrap();
    for value in good {
        assert!(!threshold.is_bad(*value), "{text} of {value}");
    }
    for value in bad {
        assert!(threshold.is_bad(*value), "{text} of {value}");
    }
}

#[test]
fn a_range_is_bad_outside_and_with_an_at_sign_inside() {
    check("10", &[0.0, 5.0, 10.0], &[-0.1, 10.1]);
    check("10:", &[10.0, 1e30], &[9.9]);
    check(":10", &[0.0, 10.0], &[-1.0, 11.0]);
    check("~:10", &[-1e30, 10.0], &[10.1]);
    check("10:20", &[10.0, 15.0, 20.0], &[9.9, 20.1]);
    check("@10:20", &[9.9, 20.1], &[10.0, 15.0, 20.0]);
    check("@~:0", &[0.1], &[0.0, -5.0]);
    check("-2:-1", &[-1.5], &[0.0, -3.0]);
    check("1e3", &[1000.0], &[1001.0]);
    check("~:", &[0.0, -1e300], &[]);
    check("-5", &[], &[-6.0, -5.0, 0.0, 1.0]);
}

#[test]
fn what_is_no_range_is_refused_with_its_text() {
    for text in [
        "", "@", "a", "1:b", "~", "1,5", "inf", "1:2:3", "nan:1", " 1", "@@1:2",
    ] {
        let error = text.parse::<Threshold>().unwrap_err();
        assert_eq!(error, ThresholdError::Malformed(text.into()));
    }
    let error = "2:1".parse::<Threshold>().unwrap_err();
    assert_eq!(error, ThresholdError::Reversed("2:1".into()));
}

#[test]
fn bounds_follow_their_reading_into_its_base_unit() {
    let bounds = Bounds {
        warning: Some("~:10".parse().unwrap()),
        critical: None,
        min: Some(0.0),
        max: Some(20.0),
    };
    let scaled = bounds.scaled(1024.0);
    assert_eq!(scaled.warning.unwrap().to_string(), "~:10240");
    assert_eq!((scaled.min, scaled.max), (Some(0.0), Some(20480.0)));
    assert!(Bounds::default().is_empty() && !scaled.is_empty());
}

fn end() -> impl Strategy<Value = f64> {
    prop_oneof![
        -1e6..1e6_f64,
        Just(f64::INFINITY),
        Just(0.0),
        any::<i32>().prop_map(f64::from)
    ]
}

proptest! {
    #[test]
    fn a_threshold_reads_back_as_it_was_written(a in end(), b in end(), bad_inside: bool, open: bool) {
        let from = if open { f64::NEG_INFINITY } else { a.min(b) };
        prop_assume!(from.is_finite() || open);
        let threshold = Threshold { from, to: a.max(b), bad_inside };
        prop_assert_eq!(threshold.to_string().parse::<Threshold>().unwrap(), threshold);
    }

    #[test]
    fn no_text_breaks_the_reader(text in "[@~:0-9.eE+-]{0,12}|.{0,12}") {
        let _ = text.parse::<Threshold>();
    }
}
