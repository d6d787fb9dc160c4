use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(text: &str, message: Option<&str>, readings: &[&str]) {
    let said = parse(text);
    let found: Vec<String> = said.readings.iter().map(ToString::to_string).collect();
    assert_eq!(found, readings, "{text}");
    assert_eq!(said.message.as_deref(), message, "{text}");
    assert_eq!(said.broken, None, "{text}");
}

#[test]
fn a_json_object_becomes_readings_and_objects_within_are_groups() {
    check(
        r#"{"users": 3, "up": true, "load": "0.5", "lost": null, "note": "fine",
            "sda": {"temperature": 41, "smart": {"errors": 0}}, "list": [1]}"#,
        None,
        &[
            "users 3",
            "up 1",
            "load 0.5",
            "lost unknown",
            "sda temperature 41",
            "sda.smart errors 0",
        ],
    );
}

#[test]
fn lines_become_readings_in_base_units() {
    check(
        "all is well\nlatency=12.5ms\nfree = 2 GiB\nused=80%\nspeed=3 widgets\nlost=U\nbye",
        Some("all is well"),
        &[
            "latency 0.0125 s",
            "free 2147483648 B",
            "used 80 %",
            "speed 3 widgets",
            "lost unknown",
        ],
    );
}

#[test]
fn a_message_may_stand_before_the_object() {
    check(
        "3 users\nextra=1\n{\"users\": 3}\n",
        Some("3 users"),
        &["extra 1", "users 3"],
    );
}

#[test]
fn a_sentence_with_an_equals_sign_is_a_message() {
    check(
        "error=could not connect",
        Some("error=could not connect"),
        &[],
    );
    check("x=1 and that is all", Some("x=1 and that is all"), &[]);
    check("=5", Some("=5"), &[]);
}

#[test]
fn exponents_and_signs_are_numbers_and_letters_are_not() {
    check(
        "a=-1e3\nb=+.5\nc=1e\nd=nan",
        Some("d=nan"),
        &["a -1000", "b 0.5", "c 1 e"],
    );
}

#[test]
fn an_object_that_is_none_says_why() {
    let said = parse("{\"users\": }");
    let why = said.broken.unwrap();
    assert!(
        why.starts_with("its output is not JSON: expected value at line 1"),
        "{why}"
    );
}

#[test]
fn a_message_is_one_line_of_bounded_length() {
    let said = parse(&format!("a\u{7}b{}", "ü".repeat(1000)));
    let message = said.message.unwrap();
    assert!(message.starts_with("a b"));
    assert_eq!(message.chars().count(), MESSAGE_CHARS_MAX + 1);
}

proptest! {
    #[test]
    fn no_output_makes_it_panic(text in "(?s).{0,200}") {
        parse(&text);
    }

    #[test]
    fn every_number_survives(value in any::<f64>().prop_filter("finite", |v| v.is_finite())) {
        let said = parse(&format!("x={value:e}"));
        prop_assert_eq!(said.readings[0].value, Some(value));
    }
}
