use rem_command::Exit;
use rem_time::Timestamp;
use serde_json::{Value, json};

use super::super::show::Show;
use super::found;

fn show() -> Show {
    Show {
        colour: false,
        now: Timestamp::from_seconds(1_795_000_000),
    }
}

fn monitor(id: &str, state: &str) -> Value {
    json!({"id": id, "state": state, "since": 1_794_999_940.0, "message": "said so"})
}

fn alert(number: u64, display: &str, held_by: Option<&str>, hides: u64) -> Value {
    json!({
        "number": number, "alert": "down", "subject": format!("machine:m{number}"),
        "display": display, "said": "Explained", "held_by": held_by, "hides": hides,
        "opened": "2026-11-18T10:26:40Z", "message": "no answer", "owner": null, "told": ["ann"],
    })
}

#[test]
fn root_causes_stand_above_what_they_hide_and_before_what_is_only_bad() {
    let monitors = json!([
        monitor("a/b/c", "ok"),
        monitor("a/b/warm", "warning"),
        monitor("a/b/dead", "critical")
    ]);
    let alerts = json!({"total": 3, "alerts": [
        alert(3, "held", Some("machine:m2"), 0), alert(1, "communicating", None, 0),
        alert(2, "communicating", None, 1),
    ]});
    let answer = found(&monitors, &alerts, &Value::Null, false, &show());
    let order: Vec<usize> = [
        "machine:m2 ",
        "machine:m1 ",
        "machine:m3 ",
        "a/b/dead",
        "a/b/warm",
    ]
    .iter()
    .map(|text| {
        answer
            .text
            .find(text)
            .unwrap_or_else(|| panic!("{text}:\n{}", answer.text))
    })
    .collect();
    assert!(order.is_sorted(), "{}", answer.text);
    assert!(!answer.text.contains("a/b/c"));
    assert_eq!(answer.exit, Exit::Failed);
    assert_eq!(answer.value["counts"]["held"], 1);
}

#[test]
fn nothing_wrong_is_one_line_and_done() {
    let monitors = json!([monitor("a/b/c", "ok"), monitor("a/b/new", "pending")]);
    let alerts = json!({"total": 0, "alerts": [], "not_durable": null});
    let answer = found(&monitors, &alerts, &json!({"ok": true}), false, &show());
    assert_eq!(
        answer.text,
        "2 monitors: 1 ok, 0 critical, 0 warning, 0 unknown, 1 pending; 0 alerts, 0 held\n"
    );
    assert_eq!(answer.exit, Exit::Done);
}

#[test]
fn a_file_that_was_refused_and_a_full_disk_are_problems() {
    let none = json!({"total": 0, "alerts": []});
    let config =
        json!({"ok": false, "at": "2026-11-18T10:00:00Z", "error": "monitor.yaml:3:1: no\nmore"});
    let answer = found(&json!([]), &none, &config, false, &show());
    assert_eq!(answer.exit, Exit::Failed);
    assert!(
        answer.text.contains("as it was: monitor.yaml:3:1: no\n"),
        "{}",
        answer.text
    );
    let full = json!({"total": 0, "alerts": [], "not_durable": {"since": "x", "why": "disk full"}});
    let answer = found(&json!([]), &full, &Value::Null, false, &show());
    assert_eq!(answer.exit, Exit::Failed);
    assert!(answer.text.contains("disk full"));
}
