use proptest::prelude::*;

use super::*;

const FIXTURES: [&str; 5] = [
    include_str!("../../tests/fixtures/vm/stat"),
    include_str!("../../tests/fixtures/vm/meminfo"),
    include_str!("../../tests/fixtures/vm/diskstats"),
    include_str!("../../tests/fixtures/vm/net_dev"),
    include_str!("../../tests/fixtures/vm/mountinfo"),
];

/// Every parser with a text that need not be its own.
fn parse_all(text: &str) {
    let _ = cpu::parse_stat(text, true);
    let _ = load::parse_loadavg(text);
    let _ = memory::parse_meminfo(text);
    let _ = diskio::parse_diskstats(text);
    let _ = network::parse_net_dev(text);
    if let Ok(mounts) = mounts::parse_mountinfo(text) {
        mounts::real(&mounts);
    }
}

proptest! {
    #[test]
    fn no_text_makes_a_parser_panic(text in "(?s).{0,300}") {
        parse_all(&text);
    }

    #[test]
    fn no_damage_to_a_real_file_makes_a_parser_panic(
        fixture in 0..FIXTURES.len(),
        place in any::<prop::sample::Index>(),
        damage in prop_oneof!["[-0-9 :\n\\\\]{0,25}", Just(u64::MAX.to_string())],
    ) {
        let mut text = FIXTURES[fixture].to_owned();
        let place = place.index(text.len());
        text.insert_str(place, &damage);
        parse_all(&text);
        text.truncate(place);
        parse_all(&text);
    }

    #[test]
    fn a_rate_is_never_negative(before in any::<[u64; 3]>(), now in any::<[u64; 3]>()) {
        if let Some(rates) = per_second(&before, &now, Duration::from_secs(1)) {
            prop_assert!(rates.iter().all(|rate| *rate >= 0.0));
        }
    }
}

#[test]
fn two_looks_at_the_same_instant_have_no_rate() {
    assert_eq!(per_second(&[1], &[2], Duration::ZERO), None);
}

#[test]
fn sizes_are_told_as_people_read_them() {
    assert_eq!(bytes(10), "10 B");
    assert_eq!(bytes(64 * 1024), "64.0 KiB");
    assert_eq!(bytes(3 << 40), "3.0 TiB");
    assert_eq!(bytes(u64::MAX), "16384.0 PiB");
}
