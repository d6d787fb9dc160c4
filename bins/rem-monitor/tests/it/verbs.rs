//! What each verb asks, and what it makes of the answer.

use serde_json::{Value, json};

use crate::fake::Fake;
use crate::site::{Ran, Site};

/// Runs a verb against somebody who gives this answer; what was asked.
#[track_caller]
fn asks(arguments: &[&str], answer: Value) -> (Value, Ran) {
    let site = Site::new();
    let fake = Fake::answering(1, move |_| Ok(answer.clone()));
    let ran = site.run(&[arguments, &["--url", &fake.url]].concat());
    let ran = ran.ends(0);
    let call = fake.asked().remove(0);
    (json!([call["method"], call["params"]]), ran)
}

#[test]
fn what_people_do_with_alerts_is_asked_with_their_name() {
    let done = json!({"done": [12]});
    for (arguments, call, said) in [
        (
            &["ack", "12", "--comment", "on it"][..],
            json!(["alert.ack", {"id": "12", "comment": "on it", "by": "ann"}]),
            "#12: acknowledged\n",
        ),
        (
            &["ack", "12", "13"],
            json!(["alert.ack", {"id": ["12", "13"], "by": "ann"}]),
            "#12: acknowledged\n",
        ),
        (
            &["snooze", "12", "60m", "--by", "bob"],
            json!(["alert.snooze", {"id": "12", "for": "1h", "by": "bob"}]),
            "#12: quiet for 1h\n",
        ),
        (
            &["comment", "12", "20 minutes"],
            json!(["alert.comment", {"id": "12", "comment": "20 minutes", "by": "ann"}]),
            "#12: remark added\n",
        ),
        (
            &["take", "12"],
            json!(["alert.take", {"id": "12", "by": "ann"}]),
            "#12: taken\n",
        ),
        (
            &["reassign", "12", "bob"],
            json!(["alert.reassign", {"id": "12", "user": "bob", "by": "ann"}]),
            "#12: bob has it\n",
        ),
        (
            &["escalate", "12"],
            json!(["alert.escalate", {"id": "12", "by": "ann"}]),
            "#12: escalated\n",
        ),
    ] {
        let (asked, ran) = asks(arguments, done.clone());
        assert_eq!((asked, ran.out.as_str()), (call, said), "{arguments:?}");
    }
}

#[test]
fn holds_are_asked_for_as_they_are_said() {
    let (asked, ran) = asks(
        &[
            "silence",
            "add",
            "--match",
            "machine = db-*",
            "--for",
            "2h",
            "--weekly",
            "sun 02:00",
            "--zone",
            "Europe/Berlin",
            "--why",
            "backups",
        ],
        json!({"id": "h1"}),
    );
    let wanted = json!({
        "match": "machine = db-*", "for": "2h", "weekly": "sun 02:00",
        "zone": "Europe/Berlin", "why": "backups", "by": "ann",
    });
    assert_eq!(asked, json!(["hold.add", wanted]));
    assert_eq!(ran.out, "h1\n");
    let (asked, _) = asks(&["hold", "end", "h1"], json!({"ended": "h1"}));
    assert_eq!(asked, json!(["hold.end", {"id": "h1", "by": "ann"}]));
}

#[test]
fn shifts_are_asked_for_as_they_are_said() {
    let edit = json!({"id": 7});
    for (arguments, call) in [
        (
            &[
                "oncall",
                "override",
                "web",
                "bob",
                "--until",
                "2026-12-01 18:00",
                "--as-well",
            ][..],
            json!(["oncall.override", {"role": "web", "user": "bob", "until": "2026-12-01 18:00", "as_well": true, "by": "ann"}]),
        ),
        (
            &["oncall", "take", "web", "--reason", "ill"],
            json!(["oncall.take", {"role": "web", "reason": "ill", "by": "ann"}]),
        ),
        (
            &["oncall", "vacation", "--until", "2026-12-01 18:00"],
            json!(["oncall.vacation", {"until": "2026-12-01 18:00", "by": "ann"}]),
        ),
        (
            &["oncall", "withdraw", "7"],
            json!(["oncall.withdraw", {"id": 7, "by": "ann"}]),
        ),
        (
            &[
                "swap",
                "offer",
                "web",
                "--to",
                "bob",
                "--until",
                "2026-12-01 18:00",
            ],
            json!(["swap.offer", {"role": "web", "to": "bob", "until": "2026-12-01 18:00", "by": "ann"}]),
        ),
        (
            &["swap", "accept", "3"],
            json!(["swap.accept", {"id": 3, "by": "ann"}]),
        ),
        (
            &["swap", "decline", "3"],
            json!(["swap.decline", {"id": 3, "by": "ann"}]),
        ),
    ] {
        assert_eq!(asks(arguments, edit.clone()).0, call, "{arguments:?}");
    }
}

#[test]
fn a_pushed_result_is_asked_to_be_taken_as_a_plugin_says_it() {
    let (asked, ran) = asks(
        &[
            "push",
            "a/b/c",
            "--exit-status",
            "2",
            "--message",
            "down | t=1s",
        ],
        json!(true),
    );
    let wanted =
        json!({"id": "a/b/c", "exit_status": 2, "plugin_output": "down | t=1s", "by": "ann"});
    assert_eq!(asked, json!(["monitor.push", wanted]));
    assert_eq!(ran.out, "taken\n");
}

#[test]
fn what_the_monitor_refuses_is_told_apart_from_what_was_said_wrong() {
    for (code, exit) in [
        (404, 1),
        (409, 1),
        (-32_003, 1),
        (503, 1),
        (-32_602, 2),
        (-32_601, 1),
    ] {
        let site = Site::new();
        let fake = Fake::answering(1, move |_| Err((code, "there is no alert 12")));
        let ran = site.run(&["ack", "12", "--url", &fake.url]).ends(exit);
        let words = match code {
            -32_601 => "does not know alert.ack: is it older than this command?",
            _ => "rem-monitor: there is no alert 12\n",
        };
        ran.says(words);
    }
}

#[test]
fn a_look_waits_for_what_it_finds() {
    let site = Site::new();
    let calls = std::sync::atomic::AtomicU32::new(0);
    let fake = Fake::answering(4, move |call| {
        let number = calls.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Ok(match call["method"].as_str() {
            Some("monitor.check_now") => json!(true),
            // The third answer is still the old one.
            _ => json!({"id": "a/b/c", "at": if number < 3 { 1.0 } else { 2.0 },
                "state": "critical", "message": "refused", "readings": []}),
        })
    });
    let ran = site.run(&["look", "a/b/c", "--url", &fake.url]).ends(1);
    assert!(ran.out.contains("a/b/c    critical"), "{ran:?}");
    assert_eq!(fake.asked().len(), 4);
}

const REPLY: &str = "From: Ann <ann@example.com>\nTo: rem+t0ken@example.com\n\
    Subject: Re: [REM 7F3K-19] web-01 does not answer\n\nack 30\n";

#[test]
fn a_mail_is_kept_by_the_mail_server_only_when_nobody_has_seen_it() {
    let site = Site::new();
    let nobody = ["mail-reply", "--url", "http://127.0.0.1:1"];
    site.piped(&nobody, REPLY)
        .ends(75)
        .says("no monitor answers");
    let holiday = "From: bob@example.com\nTo: rem+t@example.com\nAuto-Submitted: auto-replied\n\
        Subject: away\n\nI am away\n";
    for no_reply in [
        holiday,
        "",
        "not a mail at all",
        "From: x@example.com\n\nhello\n",
    ] {
        site.piped(&nobody, no_reply)
            .ends(0)
            .says("the mail is dropped");
    }
    for (answer, exit) in [
        (Ok(json!({"done": "ann: 30m"})), 0),
        (Err((403, "no")), 0),
        (Err((503, "disk")), 75),
    ] {
        let fake = Fake::answering(1, move |_| answer.clone());
        site.piped(&["mail-reply", "--url", &fake.url], REPLY)
            .ends(exit);
        assert_eq!(fake.asked()[0]["method"], "alert.reply");
    }
}

#[test]
fn what_a_machine_says_cannot_write_on_the_screen() {
    let hostile = json!([{"owner": "m", "name": "s\u{1b}[2J", "value": "\u{1b}]0;x\u{7}"}]);
    let (_, ran) = asks(&["states"], hostile);
    assert!(
        !ran.out.contains('\u{1b}') && !ran.out.contains('\u{7}'),
        "{ran:?}"
    );
}
