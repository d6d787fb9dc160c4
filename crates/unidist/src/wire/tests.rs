use super::*;
use proptest::prelude::*;

proptest! {
    #[test]
    fn numbers_come_back_as_they_went(a: u64, b: i64, c: u32) {
        let bytes = (a, (b, c)).to_bytes();
        prop_assert_eq!(<(u64, (i64, u32))>::from_bytes(&bytes), Ok((a, (b, c))));
    }

    #[test]
    fn collections_come_back_as_they_went(
        map: BTreeMap<u32, Vec<i64>>, hash: HashMap<u64, Option<bool>>
    ) {
        let bytes = (map.clone(), hash.clone()).to_bytes();
        prop_assert_eq!(<(BTreeMap<_, _>, HashMap<_, _>)>::from_bytes(&bytes), Ok((map, hash)));
    }

    #[test]
    fn noise_is_refused_or_read_and_never_panics(bytes: Vec<u8>) {
        let _ = <(BTreeMap<String, Vec<Option<i64>>>, (bool, Arc<[u8]>))>::from_bytes(&bytes);
    }
}

#[test]
fn a_forged_count_asks_for_no_memory() {
    let mut bytes = u64::MAX.to_bytes();
    bytes.push(1);
    assert_eq!(Vec::<u64>::from_bytes(&bytes), Err(Malformed));
}

#[test]
fn bytes_left_over_are_refused() {
    assert_eq!(bool::from_bytes(&[1, 1]), Err(Malformed));
}
