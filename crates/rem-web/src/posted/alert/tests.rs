use super::*;

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn alert(json: &str) -> Alert {
    serde_json::from_str(json).unwrap()
}

fn heard(json: &str) -> Heard {
    alert(json).heard(NOW).unwrap()
}

#[test]
fn an_alert_without_an_end_fires_for_five_minutes() {
    let heard = heard(r#"{"labels": {"alertname": "HighLoad", "instance": "web-01:9100"}}"#);
    assert!(heard.report.firing);
    assert_eq!(heard.until, NOW + Span::from_seconds(300));
    assert_eq!(&*heard.report.alert, "HighLoad");
    assert_eq!(
        &*heard.report.subject,
        "machine:web-01#instance=web-01:9100"
    );
    assert_eq!(heard.report.message, "HighLoad");
    assert_eq!(
        heard.report.labels.get("machine").map(|m| &**m),
        Some("web-01")
    );
}

#[test]
fn an_end_that_has_come_clears_it() {
    let heard = heard(
        r#"{"labels": {"alertname": "A"}, "startsAt": "2026-01-01T00:00:00Z",
            "endsAt": "2026-01-01T01:00:00+01:00"}"#,
    );
    assert!(!heard.report.firing);
    assert_eq!(heard.report.at.to_string(), "2026-01-01T00:00:00Z");
    assert_eq!(&*heard.report.subject, "labels:");
}

#[test]
fn the_year_one_is_no_end() {
    let json = r#"{"labels": {"alertname": "A"}, "endsAt": "0001-01-01T00:00:00Z"}"#;
    assert!(heard(json).report.firing);
}

#[test]
fn other_labels_are_another_alert_however_long_they_are() {
    let of = |value: &str| {
        let json = format!(r#"{{"labels": {{"alertname": "A", "x": "{value}"}}}}"#);
        heard(&json).report.subject
    };
    let long = "ö".repeat(1_000);
    assert_ne!(of(&format!("{long}a")), of(&format!("{long}b")));
    assert!(of(&long).len() <= SUBJECT_MAX);
    assert_eq!(&*of("short"), "labels:x=short");
}

#[test]
fn a_url_as_instance_is_no_machine() {
    let heard = heard(r#"{"labels": {"alertname": "A", "instance": "https://a.example.com/x"}}"#);
    assert_eq!(
        &*heard.report.subject,
        "labels:instance=https://a.example.com/x"
    );
}

#[test]
fn a_name_that_would_break_an_id_is_changed() {
    let heard = heard(r##"{"labels": {"alertname": "a@b#c"}}"##);
    assert_eq!(&*heard.report.alert, "a_b_c");
}

#[test]
fn the_webhook_says_what_is_over() {
    let json = |status: &str| {
        format!(
            r#"{{"status": "{status}", "labels": {{"alertname": "A"}},
                "annotations": {{"summary": "it burns", "runbook_url": "https://wiki"}},
                "startsAt": "2026-01-01T00:00:00Z", "endsAt": "0001-01-01T00:00:00Z",
                "generatorURL": "http://prometheus/graph", "fingerprint": "1234"}}"#
        )
    };
    let fires = alert(&json("firing")).heard_by_webhook(NOW).unwrap();
    assert!(fires.report.firing);
    assert_eq!(fires.report.message, "it burns");
    assert_eq!(fires.report.values.len(), 2);
    let over = alert(&json("resolved")).heard_by_webhook(NOW).unwrap();
    assert!(!over.report.firing);
    let wrong = alert(&json("odd")).heard_by_webhook(NOW).unwrap_err();
    assert_eq!(wrong, "status is firing or resolved, not odd");
}

#[test]
fn what_is_missing_or_too_long_is_named() {
    let error = |json: &str| alert(json).heard(NOW).unwrap_err();
    assert_eq!(
        error(r#"{"labels": {"x": "y"}}"#),
        "the label alertname is missing"
    );
    assert_eq!(
        error(r#"{"labels": {"alertname": "A"}, "endsAt": "soon"}"#),
        "endsAt is no RFC 3339 time: soon"
    );
    let long = "x".repeat(VALUE_MAX + 1);
    assert_eq!(
        error(&format!(
            r#"{{"labels": {{"alertname": "A", "x": "{long}"}}}}"#
        )),
        "x in labels has at most 4096 bytes"
    );
}
