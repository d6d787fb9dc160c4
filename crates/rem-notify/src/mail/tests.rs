use mailparse::{MailHeaderMap, ParsedMail};
use rem_time::Timestamp;

use super::*;
use crate::Contact;

fn page() -> Outgoing {
    let mut page = Outgoing::new(
        "web-down/web 01#12.3",
        Kind::Page,
        "web-01 antwortet nicht: \u{e4}\u{1f514}",
        "apache/http: no answer for 30 s\n.\nFrom here on \u{fc}berall",
        Timestamp::from_seconds(1_282_114_491),
    );
    page.tag = Some("7F3K-19".into());
    page.reply_token = Some("t0k.en".into());
    page.thread = Some("web-down/web 01#12".into());
    page.links = vec![
        Link::new("acknowledge", "https://rem.example.com/a?x=1&y=2"),
        Link::new("trap", "javascript:alert(1)"),
    ];
    page
}

fn smtp() -> Smtp {
    let smtp = Smtp::new("smtp://localhost", "REM <rem@example.com>").unwrap();
    smtp.reply_to("rem+{token}@example.com").unwrap()
}

fn composed(message: &Outgoing) -> Vec<u8> {
    let Contact::Mail(to) = Contact::mail("Ann \u{c4}hnlich <ann@example.com>").unwrap() else {
        unreachable!()
    };
    compose(message, &to, &smtp()).unwrap()
}

#[track_caller]
fn header(mail: &ParsedMail<'_>, name: &str) -> String {
    let all = mail.headers.get_all_values(name);
    assert_eq!(all.len(), 1, "{name} is there once: {all:?}");
    all[0].clone()
}

#[test]
fn a_page_has_the_headers_that_mail_programs_and_replies_need() {
    let bytes = composed(&page());
    assert!(bytes.is_ascii(), "it passes every server as it is");
    let mail = mailparse::parse_mail(&bytes).unwrap();
    assert_eq!(
        header(&mail, "Subject"),
        "[REM 7F3K-19] web-01 antwortet nicht: \u{e4}\u{1f514}"
    );
    assert_eq!(header(&mail, "From"), "REM <rem@example.com>");
    assert_eq!(header(&mail, "To"), "Ann \u{c4}hnlich <ann@example.com>");
    assert_eq!(header(&mail, "Reply-To"), "rem+t0k=2Een@example.com");
    assert_eq!(header(&mail, "Date"), "Wed, 18 Aug 2010 06:54:51 +0000");
    assert_eq!(
        header(&mail, "Message-ID"),
        "<rem1.t0k=2Een.web-down/web=2001#12.3@example.com>"
    );
    let thread = "<rem0.web-down/web=2001#12@example.com>";
    assert_eq!(header(&mail, "In-Reply-To"), thread);
    assert_eq!(header(&mail, "References"), thread);
    assert_eq!(header(&mail, "Auto-Submitted"), "auto-generated");
    assert_eq!(header(&mail, "X-REM-Id"), page().wire_id());
    assert_eq!(header(&mail, "X-REM-Kind"), "page");
    assert_eq!(header(&mail, "Importance"), "high");
}

#[test]
fn it_reads_the_same_as_text_and_as_html() {
    let bytes = composed(&page());
    let mail = mailparse::parse_mail(&bytes).unwrap();
    assert_eq!(mail.ctype.mimetype, "multipart/alternative");
    let [plain, html] = mail.subparts.as_slice() else {
        panic!("two parts");
    };
    let text = plain.get_body().unwrap();
    assert!(text.starts_with("apache/http: no answer for 30 s\r\n.\r\nFrom here on \u{fc}berall"));
    assert!(text.contains("acknowledge: https://rem.example.com/a?x=1&y=2"));
    assert!(text.contains("[rem:t0k.en]"));
    let html = html.get_body().unwrap();
    assert!(html.contains("From here on \u{fc}berall"));
    assert!(html.contains("<a href=\"https://rem.example.com/a?x=1&amp;y=2\">acknowledge</a>"));
    assert!(
        !html.contains("javascript:"),
        "a link goes to a page or nowhere"
    );
}

#[test]
fn every_attempt_is_the_same_mail_to_the_byte() {
    assert_eq!(composed(&page()), composed(&page()));
}

#[test]
fn text_of_a_monitored_machine_cannot_add_headers() {
    let evil = "x\r\nBcc: eve@example.com\r\n\r\nbody";
    let mut message = page();
    message.subject = evil.into();
    message.id = evil.into();
    message.tag = Some(evil.into());
    message.thread = Some(evil.into());
    message.reply_token = Some(evil.into());
    message.links = vec![Link::new(evil, evil)];
    let bytes = composed(&message);
    let mail = mailparse::parse_mail(&bytes).unwrap();
    assert!(mail.headers.get_first_value("Bcc").is_none());
    assert_eq!(mail.subparts.len(), 2);
}

#[test]
fn html_of_a_monitored_machine_is_text() {
    let mut message = page();
    message.text = "<script>alert(1)</script>".into();
    let bytes = composed(&message);
    let mail = mailparse::parse_mail(&bytes).unwrap();
    let html = mail.subparts[1].get_body().unwrap();
    assert!(html.contains("&lt;script&gt;"), "{html}");
}

#[test]
fn a_digest_of_a_thousand_alerts_is_one_mail_with_short_lines() {
    let mut message = page();
    message.kind = Kind::Digest;
    message.text = (0..1000)
        .map(|n| format!("machine-{n}: down {}\n", "x".repeat(n)))
        .collect();
    let bytes = composed(&message);
    assert!(
        bytes
            .split(|byte| *byte == b'\n')
            .all(|line| line.len() <= 998)
    );
    let mail = mailparse::parse_mail(&bytes).unwrap();
    let text = mail.subparts[0].get_body().unwrap();
    assert!(text.len() < TEXT_MAX + 1000, "cut at a limit");
    assert!(text.starts_with("machine-0: down"));
}

#[test]
fn a_message_before_time_began_or_after_it_ends_has_a_date() {
    for seconds in [i64::MIN / 1_000_000_000, i64::MAX / 1_000_000_000] {
        let mut message = page();
        message.at = Timestamp::from_seconds(seconds);
        composed(&message);
    }
}

#[test]
fn without_a_token_nobody_is_told_to_answer() {
    let mut message = page();
    message.reply_token = None;
    message.urgency = Urgency::Low;
    let bytes = composed(&message);
    let mail = mailparse::parse_mail(&bytes).unwrap();
    assert_eq!(
        header(&mail, "Message-ID"),
        "<rem0.web-down/web=2001#12.3@example.com>"
    );
    assert_eq!(header(&mail, "Importance"), "low");
    assert!(mail.headers.get_first_value("Reply-To").is_none());
    assert!(
        !mail.subparts[0]
            .get_body()
            .unwrap()
            .contains("answer this mail")
    );
}
