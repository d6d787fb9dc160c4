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
        assert_eq!(ends(&certificate(year)), Some(expected), "{year}");
    }
}

#[test]
fn a_certificate_without_an_end_ends_with_time() {
    let never = ends(&certificate(9999));
    assert_eq!(never, Some(Timestamp::from_nanos(i64::MAX)));
}

#[test]
fn a_certificate_that_is_cut_off_is_none() {
    let whole = certificate(2029);
    for length in 0..whole.len() {
        assert_eq!(ends(&whole[..length]), None, "{length}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = ends(&bytes);
    }

    #[test]
    fn no_changed_byte_makes_it_panic(place in 0usize..300, byte in any::<u8>()) {
        use std::sync::OnceLock;
        static WHOLE: OnceLock<Vec<u8>> = OnceLock::new();
        let mut bytes = WHOLE.get_or_init(|| certificate(2029)).clone();
        let place = place % bytes.len();
        bytes[place] = byte;
        let _ = ends(&bytes);
    }
}
