use super::*;

#[track_caller]
fn writes(value: f64, expected: &str) {
    let mut text = String::new();
    write_number(&mut text, value);
    assert_eq!(text, expected);
}

#[test]
fn numbers_keep_five_digits_and_no_more() {
    writes(0.0, "0");
    writes(1.0, "1");
    writes(12.3456789, "12.346");
    writes(0.000123456, "0.00012346");
    writes(1_234_567.0, "1234567");
    writes(-2.5, "-2.5");
    writes(100.0, "100");
    writes(1e300, "1.0000e300");
    writes(f64::NAN, "null");
    writes(f64::INFINITY, "null");
}

#[test]
fn what_is_written_is_json() {
    let rows = Rows {
        start: Timestamp::from_seconds(100),
        step: Span::from_seconds(10),
        fields: vec!["b".into(), "a".into()],
        values: vec![1.0, 2.0, f64::NAN, 4.5],
    };
    let mut text = String::new();
    write_series(
        &mut text,
        "disk[/\"x\"]",
        &["gone".into(), "a".into(), "b".into()],
        &rows,
    );
    let json: serde_json::Value = serde_json::from_str(&format!("{{{text}}}")).unwrap();
    let series = &json["disk[/\"x\"]"];
    assert_eq!(series["start"], 100);
    assert_eq!(series["step"], 10.0);
    assert_eq!(
        series["fields"],
        serde_json::json!({"a": [2, 4.5], "b": [1, null]})
    );
}
