use rem_time::Timestamp;

use super::*;
use crate::{Link, Template};

fn page() -> Outgoing {
    let mut page = Outgoing::new(
        "web-down.1",
        Kind::Page,
        "web-01 <down> & \u{e4}",
        "line \"one\"\n@everyone",
        Timestamp::from_seconds(1_282_114_491),
    );
    page.links = vec![Link::new("ack|now", "https://rem.example.com/a?b=<c>|d")];
    page.json = json!({"value": 7});
    page
}

fn json_of(message: &Outgoing, body: &Body) -> Value {
    let made = make(message, body).unwrap();
    assert_eq!(made.content_type, "application/json");
    serde_json::from_slice(&made.bytes).unwrap()
}

#[test]
fn our_own_body_says_everything() {
    let body = json_of(&page(), &Body::Rem);
    assert_eq!(
        body,
        json!({
            "id": "web-down.1", "kind": "page", "urgency": "normal",
            "subject": "web-01 <down> & \u{e4}", "text": "line \"one\"\n@everyone",
            "at": "2010-08-18T06:54:51Z", "tag": null, "thread": null, "reply_token": null,
            "links": [{"label": "ack|now", "url": "https://rem.example.com/a?b=<c>|d"}],
            "data": {"value": 7},
        })
    );
}

#[test]
fn slack_gets_text_that_cannot_break_out_of_its_markup() {
    let body = json_of(&page(), &Body::Slack);
    assert_eq!(
        body["text"],
        "*web-01 &lt;down&gt; &amp; \u{e4}*\nline \"one\"\n@everyone\
         \n<https://rem.example.com/a?b=<c%3E%7Cd|ack/now>"
    );
}

#[test]
fn discord_rings_for_nobody_and_gets_no_more_than_it_takes() {
    let mut message = page();
    message.text = "\u{e4}".repeat(5000);
    let body = json_of(&message, &Body::Discord);
    assert_eq!(body["allowed_mentions"], json!({"parse": []}));
    let content = body["content"].as_str().unwrap();
    assert!(content.len() <= DISCORD_MAX && content.contains("https://rem.example.com/"));
}

#[test]
fn ntfy_gets_text_and_headers() {
    let made = make(&page(), &Body::Ntfy).unwrap();
    assert_eq!(made.bytes, "line \"one\"\n@everyone");
    let header = |name| {
        made.headers
            .iter()
            .find(|(known, _)| *known == name)
            .unwrap()
            .1
            .clone()
    };
    assert_eq!(header("Title"), "=?UTF-8?B?d2ViLTAxIDxkb3duPiAmIMOk?=");
    assert_eq!(header("Priority"), "5");
    assert_eq!(header("Click"), "https://rem.example.com/a?b=<c>|d");
}

#[test]
fn a_template_makes_json_whatever_the_text_holds() {
    let template = Template::new(
        r#"{"t": {{ subject }}, "n": {{ data.value }}, "l": [{% for link in links %}{{ link.url }}{% endfor %}]}"#,
        "application/json",
    );
    let made = make(&page(), &Body::Custom(template.unwrap())).unwrap();
    let value: Value = serde_json::from_slice(&made.bytes).unwrap();
    let expected = json!({
        "t": "web-01 <down> & \u{e4}", "n": 7, "l": ["https://rem.example.com/a?b=<c>|d"],
    });
    assert_eq!(value, expected);
}

#[test]
fn a_template_that_would_fail_at_night_fails_when_it_is_read() {
    for text in [
        "{{ subject",
        r#"{"t": "{{ subject }}"}"#,
        "{{ subject|nofilter }}",
        "not json",
    ] {
        let error = Template::new(text, "application/json").unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("the template cannot be read: "),
            "{error}"
        );
    }
    assert!(Template::new("{{ subject }}", "text/plain\r\nX: y").is_err());
    let endless = "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}";
    assert!(Template::new(endless, "text/plain").is_err());
}

#[test]
fn alertmanagers_body_lists_every_alert_of_a_digest() {
    let mut digest = page();
    digest.json = json!({"receiver": "ann", "alerts": [
        {"labels": {"alertname": "web-down", "machine": "web-01", "site": "a"},
         "annotations": {"summary": "s"}, "status": "firing", "starts_at": "2026-11-21T10:00:00Z",
         "url": "https://rem.example.com/1"},
        {"labels": {"alertname": "web-down", "machine": "web-02", "site": "a", "n": 3},
         "annotations": {"summary": "s"}, "status": "resolved",
         "starts_at": "2026-11-21T10:00:00Z", "ends_at": "2026-11-21T10:05:00Z"},
    ]});
    let body = json_of(&digest, &Body::Alertmanager);
    assert_eq!(body["status"], "firing");
    assert_eq!(body["receiver"], "ann");
    assert_eq!(body["groupLabels"], json!({"alertname": "web-down"}));
    assert_eq!(
        body["commonLabels"],
        json!({"alertname": "web-down", "site": "a"})
    );
    assert_eq!(body["commonAnnotations"], json!({"summary": "s"}));
    assert_eq!(body["groupKey"], "{}:{alertname=\"web-down\"}");
    assert_eq!(body["alerts"][0]["endsAt"], "0001-01-01T00:00:00Z");
    assert_eq!(body["alerts"][1]["endsAt"], "2026-11-21T10:05:00Z");
    assert_eq!(body["alerts"][1]["labels"]["n"], "3");
}

#[test]
fn a_message_without_alerts_is_an_alert_itself() {
    let mut message = page();
    message.kind = Kind::Recovery;
    for json in [
        Value::Null,
        json!([]),
        json!({"alerts": 7}),
        json!({"alerts": [7, null]}),
    ] {
        message.json = json;
        let body = json_of(&message, &Body::Alertmanager);
        assert_eq!(body["status"], "resolved");
        assert_eq!(body["alerts"][0]["labels"]["alertname"], "web-down.1");
        assert_eq!(
            body["alerts"][0]["annotations"]["summary"],
            "web-01 <down> & \u{e4}"
        );
    }
}
