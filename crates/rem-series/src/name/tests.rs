use proptest::prelude::*;

use super::*;

#[test]
fn plain_names_stay_and_others_are_escaped() {
    for (name, stem) in [
        ("web-1_load.x", "web-1_load.x"),
        ("disk//dev/sda", "disk%2F%2Fdev%2Fsda"),
        ("..", "%2E."),
        (".hidden", "%2Ehidden"),
        ("a%2Fb", "a%252Fb"),
        ("ä~", "%C3%A4%7E"),
    ] {
        assert_eq!(file_stem(name), stem);
        assert_eq!(series_of(stem).as_deref(), Some(name));
    }
}

#[test]
fn a_foreign_file_is_no_series() {
    for stem in ["", "a b", "%2f", "%zz", "%2", "a%", ".x", "%41", "%FF"] {
        assert_eq!(series_of(stem), None, "{stem}");
    }
}

#[test]
fn long_names_are_cut_and_still_differ() {
    let (one, two) = (
        format!("{}1", "/".repeat(300)),
        format!("{}2", "/".repeat(300)),
    );
    let (one, two) = (file_stem(&one), file_stem(&two));
    assert_ne!(one, two);
    assert!(one.len() <= STEM_BYTES_MAX && is_cut(&one));
    assert_eq!(series_of(&one), None);
}

#[test]
fn sources_keep_plain_field_names_and_never_collide() {
    let mut taken: Vec<String> = Vec::new();
    for field in [
        "read",
        "read bytes",
        "read/bytes",
        "",
        "ünïcödé",
        "x".repeat(40).as_str(),
        "read",
    ] {
        let name = data_source_name(field, |name| taken.iter().any(|t| t == name));
        assert!((1..=DS_NAME_MAX).contains(&name.len()), "{name}");
        assert!(
            name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'),
            "{name}"
        );
        assert!(!taken.contains(&name));
        taken.push(name);
    }
    assert_eq!(taken[0], "read");
}

proptest! {
    #[test]
    fn every_name_is_one_safe_file_name_and_comes_back(name in ".{1,60}") {
        let stem = file_stem(&name);
        prop_assert!(!stem.starts_with('.') && !stem.contains('/') && stem.len() <= STEM_BYTES_MAX);
        if !is_cut(&stem) {
            prop_assert_eq!(series_of(&stem), Some(name));
        }
    }
}
