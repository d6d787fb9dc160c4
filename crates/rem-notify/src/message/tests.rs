use super::*;

fn page(n: usize) -> Outgoing {
    let at = Timestamp::from_seconds(1_282_114_491);
    let subject = format!("web-{n} does not answer");
    let mut page = Outgoing::new(format!("e{n}.1"), Kind::Page, subject, "why\nand how", at);
    page.tag = Some(format!("T-{n}"));
    page
}

#[test]
fn a_digest_lists_every_message_and_tells_the_first_in_full() {
    let pages: Vec<Outgoing> = (0..10_000).map(page).collect();
    let digest = Outgoing::digest("d.1", &pages, pages[0].at);
    assert_eq!(digest.subject, "10000 messages: web-0 does not answer");
    assert_eq!(digest.kind, Kind::Digest);
    assert_eq!(digest.text.matches(" does not answer\n").count(), 10_000);
    assert_eq!(
        digest.text.matches("  and how\n").count(),
        Outgoing::TOLD_MAX
    );
    assert!(
        digest
            .text
            .starts_with("* [REM T-0] web-0 does not answer\n  why\n  and how\n")
    );
    assert!(digest.text.len() < 1 << 20, "a mail holds it");
    assert_eq!(digest.json["alerts"].as_array().unwrap().len(), 10_000);
}

#[test]
fn a_digest_makes_noise_if_one_of_its_messages_does() {
    let mut low = page(1);
    low.urgency = Urgency::Low;
    let urgency = |messages: &[Outgoing]| Outgoing::digest("d.1", messages, low.at).urgency;
    assert_eq!(urgency(&[low.clone(), low.clone()]), Urgency::Low);
    assert_eq!(urgency(&[low.clone(), page(2)]), Urgency::Normal);
}

#[test]
fn a_digest_of_alerts_has_all_of_their_alerts() {
    let mut two = page(1);
    two.json = json!({"alerts": [{"labels": {"a": "1"}}, {"labels": {"a": "2"}}]});
    let digest = Outgoing::digest("d.1", &[two, page(2)], page(1).at);
    let alerts = digest.json["alerts"].as_array().unwrap();
    assert_eq!(alerts.len(), 3);
    assert_eq!(alerts[2]["labels"]["alertname"], "e2.1");
}
