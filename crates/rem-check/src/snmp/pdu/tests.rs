use proptest::prelude::*;

use super::*;

fn oid(text: &str) -> Oid {
    text.parse().unwrap()
}

#[test]
fn a_request_is_what_net_snmp_sends() {
    // snmpget -v2c -c public HOST 1.3.6.1.2.1.1.3.0, request id 1.
    let packet = write_community(1, "public", Ask::Get, 1, &[oid("sysUpTime.0")]);
    let expected =
        b"\x30\x26\x02\x01\x01\x04\x06public\xa0\x19\x02\x01\x01\x02\x01\x00\x02\x01\x00\
        \x30\x0e\x30\x0c\x06\x08\x2b\x06\x01\x02\x01\x01\x03\x00\x05\x00";
    assert_eq!(packet, expected);
    assert_eq!(peek(&packet), Ok((1, 1)));
}

#[test]
fn an_answer_is_read() {
    let packet =
        b"\x30\x29\x02\x01\x01\x04\x06public\xa2\x1c\x02\x02\x30\x39\x02\x01\x00\x02\x01\x00\
        \x30\x10\x30\x0e\x06\x08\x2b\x06\x01\x02\x01\x01\x03\x00\x43\x02\x01\x00";
    let answer = Answer {
        is_report: false,
        id: 12_345,
        status: 0,
        index: 0,
        bindings: vec![(oid("sysUpTime.0"), Value::Ticks(256))],
    };
    assert_eq!(read_community(packet), Ok(answer));
    assert_eq!(peek(packet), Ok((1, 12_345)));
    for length in 0..packet.len() {
        assert!(read_community(&packet[..length]).is_err(), "{length}");
    }
}

#[test]
fn a_request_is_no_answer() {
    let packet = write_community(1, "public", Ask::Bulk(20), 1, &[oid("ifName")]);
    assert_eq!(read_community(&packet), Err(Malformed("answer")));
}

proptest! {
    #[test]
    fn hostile_packets_are_refused_without_harm(packet: Vec<u8>) {
        let _ = peek(&packet);
        let _ = read_community(&packet);
    }

    #[test]
    fn damaged_answers_are_read_or_refused(at in 0_usize..46, byte: u8) {
        let mut packet = b"\x30\x2c\x02\x01\x01\x04\x06public\xa2\x1f\x02\x02\x30\x39\x02\x01\x00\x02\x01\x00\
            \x30\x13\x30\x11\x06\x08\x2b\x06\x01\x02\x01\x01\x03\x00\x44\x05\x9f\x78\x04\x00\x00".to_vec();
        let at = at % packet.len();
        packet[at] = byte;
        let _ = peek(&packet);
        let _ = read_community(&packet);
    }
}
