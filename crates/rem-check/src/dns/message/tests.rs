use hickory_proto::op::{MessageType, OpCode, ResponseCode};
use hickory_proto::rr::Record;
use proptest::prelude::*;

use super::*;

fn question(name: &str, kind: DnsKind) -> Question {
    Question::new(&DnsOptions::new(name, kind)).unwrap()
}

fn answer_to(question: &Question, records: &[(u32, RData)]) -> Vec<u8> {
    let mut message = Message::from_vec(&question.bytes(7)).unwrap();
    message.metadata.message_type = MessageType::Response;
    message.metadata.authoritative = true;
    let name = message.queries[0].name.clone();
    for (ttl, data) in records {
        message.add_answer(Record::from_rdata(name.clone(), *ttl, data.clone()));
    }
    message.to_vec().unwrap()
}

#[test]
fn a_question_is_one_question_with_room_for_the_answer() {
    let message =
        Message::from_vec(&question("www.Example.com", DnsKind::Mx).bytes(0x1234)).unwrap();
    assert_eq!(message.metadata.id, 0x1234);
    assert_eq!(message.metadata.op_code, OpCode::Query);
    assert!(message.metadata.recursion_desired);
    assert_eq!(message.queries.len(), 1);
    assert_eq!(message.queries[0].query_type, RecordType::MX);
    assert_eq!(message.edns.unwrap().max_payload(), UDP_BYTES_MAX);
}

#[test]
fn an_address_is_asked_for_by_its_reversed_name() {
    let asked = question("192.0.2.7", DnsKind::Ptr);
    let message = Message::from_vec(&asked.bytes(1)).unwrap();
    assert_eq!(
        message.queries[0].name.to_string(),
        "7.2.0.192.in-addr.arpa."
    );
}

#[test]
fn names_that_dns_cannot_carry_are_refused() {
    for name in ["", "a..b", &"a".repeat(64), &"a.".repeat(200)] {
        let error = Question::new(&DnsOptions::new(name, DnsKind::A));
        assert!(matches!(error, Err(DnsError::Name(_))), "{name}");
    }
}

#[test]
fn only_records_of_the_wanted_kind_count() {
    let asked = question("a.example", DnsKind::A);
    let cname = RData::CNAME(hickory_proto::rr::rdata::CNAME(
        "b.example.".parse().unwrap(),
    ));
    let packet = answer_to(
        &asked,
        &[
            (30, cname),
            (300, RData::A("192.0.2.1".parse().unwrap())),
            (60, RData::A("192.0.2.2".parse().unwrap())),
        ],
    );
    assert!(answers(&packet, asked.asked()) && id_of(&packet) == Some(7));
    let answer = parse(&packet, DnsKind::A).unwrap();
    assert_eq!(answer.records, ["192.0.2.1", "192.0.2.2"]);
    assert_eq!((answer.ttl, answer.is_authoritative), (Some(60), true));
}

#[test]
fn an_answer_to_another_question_is_none() {
    let (asked, other) = (
        question("a.example", DnsKind::A),
        question("b.example", DnsKind::A),
    );
    let kind = question("a.example", DnsKind::Aaaa);
    let capital = question("A.EXAMPLE", DnsKind::A);
    assert!(!answers(&answer_to(&other, &[]), asked.asked()));
    assert!(!answers(&answer_to(&kind, &[]), asked.asked()));
    assert!(answers(&answer_to(&capital, &[]), asked.asked()));
    // A question is not an answer.
    assert_eq!(id_of(&asked.bytes(7)), None);
    // A refusal may leave the question out, good news may not.
    let mut message = Message::response(7, OpCode::Query);
    assert!(!answers(&message.to_vec().unwrap(), asked.asked()));
    message.metadata.response_code = ResponseCode::FormErr;
    assert!(answers(&message.to_vec().unwrap(), asked.asked()));
}

#[test]
fn records_are_compared_without_regard_to_how_they_are_written() {
    use DnsKind::{A, Aaaa, Caa, Mx, Ns, Soa, Srv, Txt};
    for (kind, record, expected) in [
        (A, " 192.0.2.1 ", Some("192.0.2.1")),
        (A, "192.0.2", None),
        (Aaaa, "2001:DB8:0::1", Some("2001:db8::1")),
        (Ns, "NS1.Example.com.", Some("ns1.example.com")),
        (Mx, "10  Mail.example.com.", Some("10 mail.example.com")),
        (Mx, "mail.example.com", None),
        (Mx, "0 .", Some("0 .")),
        (
            Srv,
            "0 5 5060 sip.example.com.",
            Some("0 5 5060 sip.example.com"),
        ),
        (Txt, "\"v=spf1 -all\"", Some("v=spf1 -all")),
        (Txt, "CaSe", Some("CaSe")),
        (Caa, "0 Issue \"ca.example\"", Some("0 issue ca.example")),
        (Caa, "0 issue", None),
        (
            Soa,
            "ns1.a. admin.a. 1 2 3 4 5",
            Some("ns1.a admin.a 1 2 3 4 5"),
        ),
    ] {
        assert_eq!(normal(kind, record).as_deref(), expected, "{kind} {record}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(0u8..=255, 0..600)) {
        let _ = (id_of(&bytes), is_truncated(&bytes), answers(&bytes, b"\x01a\0\0\x01\0\x01"));
        for kind in [DnsKind::A, DnsKind::Soa, DnsKind::Txt, DnsKind::Caa] {
            let _ = parse(&bytes, kind);
        }
    }

    #[test]
    fn no_changed_byte_makes_it_panic(place in 0usize..1000, byte in 0u8..=255) {
        let asked = question("a.example", DnsKind::Txt);
        let txt = hickory_proto::rr::rdata::TXT::new(vec!["x".repeat(200), "y".into()]);
        let mut packet = answer_to(&asked, &[(1, RData::TXT(txt))]);
        let place = place % packet.len();
        packet[place] = byte;
        let _ = parse(&packet, DnsKind::Txt);
    }
}
