use proptest::prelude::*;
use rem_time::{Span, Timestamp};

use super::{Passive, PassiveError, Pushed};
use crate::{Kind, Verdict};

const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);

fn ours(text: &str) -> Result<Pushed, PassiveError> {
    Passive::default().json(text.as_bytes(), NOW)
}

fn icinga(text: &str) -> Result<Pushed, PassiveError> {
    Passive::default().icinga(text.as_bytes(), NOW)
}

fn nagios(line: &str) -> Result<Pushed, PassiveError> {
    Passive::default().nagios(line, NOW)
}

#[track_caller]
fn refused(outcome: Result<Pushed, PassiveError>, message: &str) {
    assert_eq!(outcome.unwrap_err().to_string(), message);
}

#[test]
fn our_json_brings_a_whole_report() {
    let pushed = ours(
        r#"{"verdict": "warning", "message": "late", "at": 1699999990.5, "ttl": "2h", "took": 3,
            "host": "db-01", "service": "backup", "source": "cron",
            "readings": {"age": "7200s", "size": 12, "ok": true, "gone": null,
                         "disk": {"/var": "12MB", "sub": {"x": 1}}}}"#,
    )
    .unwrap();
    let report = &pushed.report;
    assert_eq!(
        (report.verdict, report.message.as_str()),
        (Verdict::Warning, "late")
    );
    assert_eq!(report.at, Timestamp::from_millis(1_699_999_990_500));
    assert_eq!(report.took, Span::from_seconds(3));
    assert_eq!(
        (pushed.ttl, pushed.source.as_deref()),
        (Some(Span::from_seconds(7200)), Some("cron"))
    );
    assert_eq!(
        pushed.host.as_deref().zip(pushed.service.as_deref()),
        Some(("db-01", "backup"))
    );
    let shown: Vec<String> = report.readings.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "age 7200 s",
            "size 12",
            "ok 1",
            "gone unknown",
            "disk /var 12000000 B",
            "disk.sub x 1"
        ]
    );
    let least = ours(r#"{"verdict": "ok"}"#).unwrap().report;
    assert_eq!(
        (least.at, least.message.as_str(), least.readings.len()),
        (NOW, "ok", 0)
    );
}

#[test]
fn our_readings_may_be_a_list_with_everything() {
    let pushed = ours(
        r#"{"verdict": "ok", "readings": [
            {"field": "size", "group": "/var", "value": 5, "unit": "KB", "warning": "~:8", "critical": 9, "max": 10},
            {"field": "hits", "value": 17, "kind": "counter"},
            {"field": "gone", "value": null}]}"#,
    )
    .unwrap();
    let readings = &pushed.report.readings;
    assert_eq!(readings[0].to_string(), "/var size 5000 B");
    let bounds = readings[0].bounds.as_ref().unwrap();
    assert_eq!(bounds.warning.unwrap().to_string(), "~:8000");
    assert_eq!(
        (bounds.critical.unwrap().to_string(), bounds.max),
        ("9000".into(), Some(10_000.0))
    );
    assert_eq!((readings[1].kind, readings[2].value), (Kind::Counter, None));
}

#[test]
fn what_is_wrong_with_our_json_is_said_with_its_key() {
    refused(ours("[]"), "not a JSON object: it is another value");
    assert!(matches!(ours("{"), Err(PassiveError::Json(_))));
    refused(ours("{}"), "verdict is missing");
    refused(
        ours(r#"{"verdict": "fine"}"#),
        "verdict: expected ok, warning, critical or unknown, found: \"fine\"",
    );
    refused(
        ours(r#"{"verdict": "ok", "readngs": {}}"#),
        "unknown key: readngs",
    );
    refused(
        ours(r#"{"verdict": "ok", "readings": {"a": {"b": "x"}}}"#),
        "readings.a.b: expected a number, a text such as 12.5ms, or null, found: \"x\"",
    );
    refused(
        ours(r#"{"verdict": "ok", "readings": {"a": "1 b=2"}}"#),
        "readings.a: expected a number, a text such as 12.5ms, or null, found: \"1 b=2\"",
    );
    refused(
        ours(r#"{"verdict": "ok", "readings": [{"field": "a", "valeu": 1}]}"#),
        "unknown key: readings[0].valeu",
    );
    refused(
        ours(r#"{"verdict": "ok", "readings": [{"field": "a"}, {"field": "a"}]}"#),
        "readings: expected each name once, found: \"a\"",
    );
    refused(
        ours(r#"{"verdict": "ok", "ttl": 0}"#),
        "ttl: expected a time from 1s to 31d, found: 0",
    );
    refused(
        ours(r#"{"verdict": "ok", "at": 1700003600}"#),
        "its time is 1h ahead of ours",
    );
    assert!(matches!(
        ours(r#"{"verdict": "ok", "at": 5}"#),
        Err(PassiveError::TooOld(_))
    ));
    let deep = format!("{}1{}", r#"{"a":"#.repeat(60), "}".repeat(60));
    let outcome = ours(&format!(r#"{{"verdict": "ok", "readings": {deep}}}"#));
    assert!(
        outcome
            .unwrap_err()
            .to_string()
            .contains("no deeper groups")
    );
    assert!(ours(&"[".repeat(100_000)).is_err());
}

#[test]
fn there_is_an_end_to_what_is_taken() {
    let limits = Passive {
        bytes_max: 60,
        readings_max: 2,
        ..Passive::default()
    };
    refused(
        limits.json(&[b' '; 61], NOW),
        "the result is longer than 60 bytes: 61",
    );
    let three = r#"{"verdict":"ok","readings":{"a":1,"b":2,"c":3}}"#;
    refused(
        limits.json(three.as_bytes(), NOW),
        "there are more than 2 readings",
    );
}

#[test]
fn icinga_pushes_are_understood() {
    let pushed = icinga(
        r#"{"type": "Service", "service": "db-01!backup", "exit_status": 2, "pretty": true,
            "plugin_output": "CRIT - late", "performance_data": ["age=7200s;60;120", "'a b'=1c"],
            "ttl": 300, "check_source": "probe-3", "check_command": ["x"],
            "execution_start": 1699999990, "execution_end": 1699999992.5}"#,
    )
    .unwrap();
    assert_eq!(
        pushed.host.as_deref().zip(pushed.service.as_deref()),
        Some(("db-01", "backup"))
    );
    let report = &pushed.report;
    assert_eq!(
        (report.verdict, report.message.as_str()),
        (Verdict::Critical, "CRIT - late")
    );
    assert_eq!(report.took, Span::from_millis(2500));
    assert_eq!(
        report.readings[0]
            .bounds
            .as_ref()
            .unwrap()
            .warning
            .unwrap()
            .to_string(),
        "60"
    );
    assert_eq!(report.readings[1].kind, Kind::Counter);
    assert_eq!(pushed.ttl, Some(Span::from_seconds(300)));
    let text =
        r#"{"exit_status": 0, "plugin_output": "ok|x=1\nmore", "performance_data": "a=1 b=2"}"#;
    let report = icinga(text).unwrap().report;
    assert_eq!((report.readings.len(), report.at), (2, NOW));
    let report = icinga(r#"{"exit_status": 0.0, "plugin_output": "ok|x=1"}"#)
        .unwrap()
        .report;
    assert_eq!(
        (report.message.as_str(), report.value(None, "x")),
        ("ok", Some(1.0))
    );
}

#[test]
fn what_is_wrong_with_an_icinga_push_is_said() {
    refused(icinga(r#"{"plugin_output": ""}"#), "exit_status is missing");
    refused(icinga(r#"{"exit_status": 1}"#), "plugin_output is missing");
    refused(
        icinga(r#"{"exit_status": 4, "plugin_output": ""}"#),
        "exit_status: expected 0, 1, 2 or 3, found: 4",
    );
    refused(
        icinga(r#"{"exit_status": 0, "plugin_output": "", "performance_data": [1]}"#),
        "performance_data: expected texts such as load=1;2;3, found: [1]",
    );
    refused(
        icinga(r#"{"exit_status": 0, "plugin_output": "", "performance_data": ["a=1,5"]}"#),
        "performance_data: expected label=value, found: \"a=1,5\"",
    );
}

#[test]
fn lines_for_nagios_are_understood() {
    let line =
        "[1699999990] PROCESS_SERVICE_CHECK_RESULT;db-01;backup;1;late; very|age=7200s\\nmore\n";
    let pushed = nagios(line).unwrap();
    assert_eq!(
        pushed.host.as_deref().zip(pushed.service.as_deref()),
        Some(("db-01", "backup"))
    );
    assert_eq!(pushed.report.message, "late; very");
    assert_eq!(pushed.report.verdict, Verdict::Warning);
    assert_eq!(pushed.report.at, Timestamp::from_seconds(1_699_999_990));
    assert_eq!(pushed.report.value(None, "age"), Some(7200.0));
    let down = nagios("[1699999990] PROCESS_HOST_CHECK_RESULT;db-01;1;no ping").unwrap();
    assert_eq!(
        (down.report.verdict, down.service),
        (Verdict::Critical, None)
    );
    let silent = nagios("[1699999990] PROCESS_SERVICE_CHECK_RESULT;h;s;3").unwrap();
    assert_eq!(silent.report.message, "unknown, and it did not say why");
}

#[test]
fn what_is_wrong_with_a_line_is_said() {
    let is_none = "not a check result of Nagios' external commands: ";
    let no_time = format!("{is_none}it does not start with [seconds since 1970]");
    refused(nagios("PROCESS_SERVICE_CHECK_RESULT;h;s;0;x"), &no_time);
    refused(nagios("[x] PROCESS_SERVICE_CHECK_RESULT;h;s;0;x"), &no_time);
    refused(
        nagios("[1] SHUTDOWN"),
        &format!("{is_none}there is no ; behind the command"),
    );
    refused(
        nagios("[1] ADD_COMMENT;x"),
        &format!("{is_none}it is another command"),
    );
    let start = "[1699999990] PROCESS_SERVICE_CHECK_RESULT;";
    refused(nagios(&format!("{start};s;0;x")), "the host is missing");
    refused(nagios(&format!("{start}h")), "the host is missing");
    refused(nagios(&format!("{start}h;s")), "the service is missing");
    refused(
        nagios(&format!("{start}h;s;7;x")),
        "status: expected 0, 1, 2 or 3, found: \"7\"",
    );
    let old = nagios("[99] PROCESS_SERVICE_CHECK_RESULT;h;s;0;x");
    assert!(matches!(old, Err(PassiveError::TooOld(_))));
}

proptest! {
    #[test]
    fn no_text_breaks_the_readers(text in r#"[\[\]{}":;,a-z0-9 .|=-]{0,60}|.{0,60}"#) {
        let _ = (ours(&text), icinga(&text), nagios(&text));
        let _ = ours(&format!(r#"{{"verdict": "ok", "readings": {text}}}"#));
        let _ = nagios(&format!("[1699999990] PROCESS_SERVICE_CHECK_RESULT;{text}"));
    }
}
