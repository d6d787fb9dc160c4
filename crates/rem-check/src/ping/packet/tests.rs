use proptest::prelude::*;

use super::*;

const ECHO: Echo = Echo {
    ident: 0x1234,
    sequence: 7,
    token: 0x0102_0304_0506_0708,
};

fn behind_ipv4_header(packet: &[u8]) -> Vec<u8> {
    let mut whole = vec![0x45];
    whole.resize(20, 0);
    whole.extend_from_slice(packet);
    whole
}

/// As a host answers.
fn reply(family: Family) -> Vec<u8> {
    let mut packet = request(family, ECHO, 56);
    packet[0] = match family {
        Family::V4 => 0,
        Family::V6 => 129,
    };
    packet
}

#[test]
fn a_reply_is_told_by_its_three_marks() {
    for (family, with_ip_header) in [(Family::V4, false), (Family::V4, true), (Family::V6, false)] {
        let packet = match with_ip_header {
            true => behind_ipv4_header(&reply(family)),
            false => reply(family),
        };
        let found = parse(family, with_ip_header, &packet);
        assert_eq!(found, Some(Incoming::Reply(ECHO)));
    }
}

#[test]
fn our_own_request_seen_on_loopback_is_no_reply() {
    assert_eq!(
        parse(Family::V4, false, &request(Family::V4, ECHO, 56)),
        None
    );
    assert_eq!(
        parse(Family::V6, false, &request(Family::V6, ECHO, 56)),
        None
    );
}

#[test]
fn a_router_that_says_no_is_understood() {
    let mut refusal = vec![3, 1, 0, 0, 0, 0, 0, 0];
    refusal.extend(behind_ipv4_header(&request(Family::V4, ECHO, 16)[..8]));
    let expected = Incoming::Refused {
        ident: ECHO.ident,
        sequence: ECHO.sequence,
        reason: Refusal::Host,
    };
    assert_eq!(parse(Family::V4, false, &refusal), Some(expected));

    let mut refusal = vec![1, 3, 0, 0, 0, 0, 0, 0];
    refusal.extend([0; 40]);
    refusal.extend(request(Family::V6, ECHO, 16));
    assert_eq!(parse(Family::V6, false, &refusal), Some(expected));
}

#[test]
fn the_checksum_of_a_whole_packet_is_zero() {
    for payload in [16, 17, 56, 1472] {
        assert_eq!(checksum(&request(Family::V4, ECHO, payload)), 0);
        assert_eq!(request(Family::V4, ECHO, payload).len(), payload + 8);
    }
}

#[test]
fn sizes_out_of_bounds_are_moved_to_the_nearer_end() {
    assert_eq!(request(Family::V4, ECHO, 0).len(), PAYLOAD_MIN + 8);
    assert_eq!(request(Family::V4, ECHO, 100_000).len(), PAYLOAD_MAX + 8);
}

proptest! {
    #[test]
    fn no_packet_makes_it_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..120),
        kind in any::<u8>(),
        header in any::<bool>(),
        v6 in any::<bool>(),
    ) {
        let family = if v6 { Family::V6 } else { Family::V4 };
        let mut packet = vec![kind];
        packet.extend(bytes);
        let _ = parse(family, header, &packet);
        let _ = parse(family, header, &behind_ipv4_header(&packet));
    }
}
