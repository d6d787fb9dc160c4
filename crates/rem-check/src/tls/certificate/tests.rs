use proptest::prelude::*;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};

use super::*;

fn certificate(year: i32) -> Vec<u8> {
    let mut params = CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
    params.not_after = date_time_ymd(year, 3, 1);
    let key = KeyPair::generate().unwrap();
    params.self_signed(&key).unwrap().der().to_vec()
}

#[test]
fn the_end_is_read_in_both_ways_it_is_written() {
    // Up to 2049 with two digits of the year, then with four.
    for year in [2029, 2049, 2050, 2120] {
        let expected: Timestamp = format!("{year}-03-01T00:00:00Z").parse().unwrap();
        assert_eq!(
            Certificate::ends(&certificate(year)),
            Some(expected),
            "{year}"
        );
    }
}

#[test]
fn a_certificate_without_an_end_ends_with_time() {
    for year in [2300, 4096, 9999] {
        let never = Certificate::ends(&certificate(year));
        assert_eq!(never, Some(Timestamp::from_nanos(i64::MAX)), "{year}");
    }
}

#[test]
fn a_certificate_that_is_cut_off_is_none() {
    let whole = certificate(2029);
    for length in 0..whole.len() {
        assert_eq!(Certificate::ends(&whole[..length]), None, "{length}");
    }
}

#[test]
fn names_key_and_issuer_are_read() {
    let found = Certificate::parse(&certificate(2029)).unwrap();
    assert_eq!(found.names, ["a.example"]);
    assert_eq!(
        (found.key.as_str(), found.key_bits),
        ("ECDSA P-256", Some(256))
    );
    assert!(found.is_self_issued);
    assert_eq!(found.subject, found.issuer);
    assert!(found.begins < found.ends);

    let mut params = CertificateParams::new(vec!["192.0.2.7".to_owned(), "2001:db8::7".to_owned()]);
    let params = params.as_mut().unwrap();
    let key = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, "tab\there");
    let der = params.self_signed(&key).unwrap().der().to_vec();
    let found = Certificate::parse(&der).unwrap();
    assert_eq!(found.names, ["192.0.2.7", "2001:db8::7"]);
    assert_eq!(
        (found.key.as_str(), found.subject.as_str()),
        ("Ed25519", "tab\\there")
    );
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(0u8..=255, 0..200)) {
        let _ = Certificate::ends(&bytes);
        let _ = Certificate::parse(&bytes);
    }

    #[test]
    fn no_changed_byte_makes_it_panic(place in 0usize..300, byte in 0u8..=255) {
        use std::sync::OnceLock;
        static WHOLE: OnceLock<Vec<u8>> = OnceLock::new();
        let mut bytes = WHOLE.get_or_init(|| certificate(2029)).clone();
        let place = place % bytes.len();
        bytes[place] = byte;
        let _ = Certificate::ends(&bytes);
        let _ = Certificate::parse(&bytes);
    }
}
