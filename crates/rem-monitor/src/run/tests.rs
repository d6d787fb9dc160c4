use super::*;

#[track_caller]
fn finds(result: &Value, verdict: Verdict, message: &str, readings: &[&str]) {
    let (found_verdict, found_message, found) = found(&json!({ "run": result }));
    assert_eq!((found_verdict, found_message.as_str()), (verdict, message));
    assert_eq!(
        found.iter().map(ToString::to_string).collect::<Vec<_>>(),
        readings
    );
}

#[test]
fn every_number_is_a_reading_with_no_further_word() {
    finds(
        &json!({"red": 3, "blue": 2.5, "note": "x", "on": true, "__duration": 0.1, "args": []}),
        Verdict::Ok,
        "3 values",
        &["red 3", "blue 2.5", "on 1"],
    );
}

#[test]
fn dictionaries_within_are_groups() {
    finds(
        &json!({"sda": {"read": 1, "part": {"size": 2}}, "total": 3}),
        Verdict::Ok,
        "3 values",
        &["sda read 1", "sda/part size 2", "total 3"],
    );
}

#[test]
fn a_script_may_judge_itself() {
    let own = json!({"verdict": "warning", "message": "queue is long", "queue": 12});
    finds(&own, Verdict::Warning, "queue is long", &["queue 12"]);
    finds(
        &json!({"verdict": "purple"}),
        Verdict::Unknown,
        "0 values",
        &[],
    );
}

#[test]
fn what_is_no_dictionary_is_unknown() {
    let (verdict, message, _) = found(&json!({"run": 5}));
    assert_eq!(
        (verdict, message.as_str()),
        (Verdict::Unknown, "the run gave no dictionary")
    );
}
