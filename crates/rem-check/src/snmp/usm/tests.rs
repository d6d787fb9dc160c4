use proptest::prelude::*;

use super::super::value::Value;
use super::*;

const ENGINE: &[u8] = b"\x80\x00\x1f\x88engine";

fn keys(auth: bool, privacy: bool) -> Keys {
    let hash = SnmpHash::Sha1;
    let stretched = [5; 20];
    let cipher = SnmpCipher::Aes128;
    Keys {
        auth: auth.then(|| (hash, hash.localize(&stretched, ENGINE))),
        privacy: privacy.then(|| (cipher, cipher.key(hash, &stretched, ENGINE))),
    }
}

fn security(keys: &Keys) -> Security<'_> {
    Security {
        engine: ENGINE,
        clock: Clock {
            boots: 3,
            seconds: 400,
        },
        user: "ann",
        context: "",
        keys,
    }
}

/// An answer, or a report, that says 7.
fn answered(tag: u8) -> Vec<u8> {
    let mut to = Writer::default();
    to.integer(7);
    to.oid(&"sysServices.0".parse().unwrap());
    to.wrap(ber::SEQUENCE, 0);
    to.wrap(ber::SEQUENCE, 0);
    to.integer(0);
    to.integer(0);
    to.integer(42);
    to.wrap(tag, 0);
    to.element(ber::OCTETS, b"");
    to.element(ber::OCTETS, ENGINE);
    to.wrap(ber::SEQUENCE, 0);
    to.finish()
}

fn sealed(keys: &Keys, tag: u8) -> Vec<u8> {
    seal_scoped(security(keys), 9, 42, answered(tag)).unwrap()
}

const LEVELS: [(bool, bool); 3] = [(false, false), (true, false), (true, true)];

#[test]
fn what_is_sealed_is_opened() {
    for (auth, privacy) in LEVELS {
        let keys = keys(auth, privacy);
        let opened = open(security(&keys), &sealed(&keys, 0xa2)).unwrap();
        assert_eq!(opened.engine, ENGINE);
        assert_eq!(opened.clock, security(&keys).clock);
        assert_eq!(opened.is_signed, auth);
        assert_eq!(opened.answer.id, 42);
        assert_eq!(opened.answer.bindings[0].1, Value::Integer(7));
    }
}

#[test]
fn an_answer_must_be_as_secure_as_the_request() {
    for wanted in LEVELS {
        for sent in LEVELS {
            let packet = sealed(&keys(sent.0, sent.1), 0xa2);
            let opened = open(security(&keys(wanted.0, wanted.1)), &packet);
            let expected = match wanted == sent {
                true => None,
                false => Some(Doubt::Level),
            };
            assert_eq!(opened.err(), expected, "{wanted:?} {sent:?}");
        }
    }
}

#[test]
fn only_a_report_may_be_unsigned() {
    let report = sealed(&keys(false, false), 0xa8);
    let keys = keys(true, true);
    let opened = open(security(&keys), &report).unwrap();
    assert!(opened.answer.is_report && !opened.is_signed);
}

#[test]
fn no_bit_of_a_signed_answer_can_be_changed() {
    let keys = keys(true, true);
    let packet = sealed(&keys, 0xa2);
    for bit in 0..packet.len() * 8 {
        let mut changed = packet.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(open(security(&keys), &changed).is_err(), "{bit}");
    }
}

#[test]
fn answers_of_others_are_told_apart() {
    let known = keys(true, false);
    let packet = sealed(&known, 0xa2);
    let other = Security {
        user: "bob",
        ..security(&known)
    };
    assert_eq!(open(other, &packet), Err(Doubt::User));
    let other = Security {
        engine: b"another",
        ..security(&known)
    };
    assert_eq!(open(other, &packet), Err(Doubt::Engine));
    let other = Keys {
        auth: Some((SnmpHash::Sha1, vec![1; 20])),
        privacy: None,
    };
    assert_eq!(open(security(&other), &packet), Err(Doubt::Digest));
}

#[test]
fn reasons_of_refusal_are_counters() {
    let report = |oid: &str| Answer {
        is_report: true,
        id: 0,
        status: 0,
        index: 0,
        bindings: vec![(oid.parse().unwrap(), Value::Counter(1))],
    };
    let refusal = |oid: &str| Refusal::of(&report(oid));
    assert_eq!(refusal("1.3.6.1.6.3.15.1.1.2.0"), Refusal::TimeWindow);
    assert_eq!(refusal("1.3.6.1.6.3.15.1.1.5.0"), Refusal::Digest);
    assert_eq!(refusal("1.3.6.1.6.3.15.1.1.9.0"), Refusal::Other);
    assert_eq!(refusal("1.3.6.1.6.3.12.1.5.0"), Refusal::Context);
    assert_eq!(refusal("1.3.6.1.2.1.1.3.0"), Refusal::Other);
}

proptest! {
    #[test]
    fn hostile_packets_are_refused_without_harm(packet: Vec<u8>) {
        prop_assert!(open(security(&keys(true, true)), &packet).is_err());
    }

    #[test]
    fn damaged_packets_are_read_or_refused(at: usize, byte: u8, cut: usize, level in 0_usize..3) {
        let (auth, privacy) = LEVELS[level];
        let keys = keys(auth, privacy);
        let mut packet = sealed(&keys, 0xa2);
        let at = at % packet.len();
        packet[at] = byte;
        packet.truncate(packet.len() - cut % 3);
        let _ = open(security(&keys), &packet);
    }
}
