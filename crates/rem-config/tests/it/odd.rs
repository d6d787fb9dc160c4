//! Whatever is written, it is read or refused, and nothing panics.

use proptest::prelude::*;
use rem_config::{Config, diff, explain, load_with};
use rem_yaml::Loader;

fn samples() -> [&'static str; 2] {
    [
        include_str!("../alerting.yaml"),
        include_str!("../checks.yaml"),
    ]
}

const ODD: [&str; 22] = [
    "",
    "~",
    "0",
    "-1",
    "1e999",
    "99999999999999999999",
    "''",
    "\"\"",
    "[]",
    "{}",
    "[[]]",
    "{a: b}",
    "[a, a]",
    "true",
    "é",
    "'{'",
    "'}}{{'",
    "\"\\u0000\"",
    "18446744073709551615s",
    "9999-12-31",
    "'0001-01-01T00:00'",
    "all",
];

fn read(yaml: &str) -> Option<Config> {
    let files = [("monitor.yaml", yaml), ("ca.pem", "")];
    load_with(Loader::from_memory(files), "monitor.yaml").ok()
}

/// Reads it, and asks for everything that can be asked.
fn use_all(yaml: &str) {
    let Some(config) = read(yaml) else { return };
    for name in config.monitors().iter().map(|monitor| monitor.id.as_str()) {
        assert!(explain(&config, name).is_ok());
    }
    for name in config.alerts().map(|alert| alert.name.as_str()) {
        assert!(explain(&config, name).is_ok());
    }
    assert!(diff(&config, &config).is_empty());
    let _ = config.calendar(Vec::new());
}

#[test]
fn the_samples_themselves_are_fine() {
    for sample in samples() {
        assert!(read(sample).is_some());
    }
}

/// Every value of every line, by something odd.
#[test]
fn an_odd_value_anywhere_is_read_or_refused() {
    for sample in samples() {
        let ends = |from: usize| {
            let rest = &sample[from..];
            from + rest.find([',', '}', ']', '\n']).unwrap_or(rest.len())
        };
        let values = sample.match_indices(": ").map(|(at, _)| at + 2);
        for (number, from) in values.enumerate() {
            let odd = ODD[number % ODD.len()];
            use_all(&format!(
                "{}{odd}{}",
                &sample[..from],
                &sample[ends(from)..]
            ));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn a_file_with_a_piece_replaced_is_read_or_refused(
        which in 0..2_usize,
        from in 0.0..1.0_f64,
        length in 0..40_usize,
        odd in prop_oneof![proptest::sample::select(ODD.to_vec()).prop_map(String::from), "\\PC{0,12}"],
    ) {
        let sample = samples()[which];
        let mut from = (from * sample.len() as f64) as usize;
        while !sample.is_char_boundary(from) { from -= 1; }
        let mut to = (from + length).min(sample.len());
        while !sample.is_char_boundary(to) { to -= 1; }
        let to = to.max(from);
        use_all(&format!("{}{odd}{}", &sample[..from], &sample[to..]));
    }
}
