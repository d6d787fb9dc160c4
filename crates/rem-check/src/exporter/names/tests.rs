use proptest::prelude::*;

use super::{NameGlobError, Names, matches};

#[test]
fn stars_and_question_marks() {
    for (glob, name) in [
        ("node_*", "node_load1"),
        ("*", ""),
        ("*_total", "a_total_total"),
        ("a*b*c", "aXbYbZc"),
        ("a?c", "abc"),
        ("abc", "abc"),
        ("**a", "a"),
    ] {
        assert!(matches(glob, name), "{glob} {name}");
    }
    for (glob, name) in [
        ("node_*", "go_x"),
        ("a?c", "ac"),
        ("abc", "abcd"),
        ("*x", "xy"),
        ("", "a"),
    ] {
        assert!(!matches(glob, name), "{glob} {name}");
    }
    let slow = format!("{}b", "a*".repeat(30));
    assert!(!matches(&slow, &"a".repeat(5_000)));
}

#[test]
fn without_wins_over_only() {
    let of = |only: &[&str], without: &[&str]| {
        let texts = |globs: &[&str]| {
            globs
                .iter()
                .map(|glob| (*glob).to_owned())
                .collect::<Vec<_>>()
        };
        Names::new(&texts(only), &texts(without))
    };
    let names = of(&["node_*"], &["node_cpu*"]).unwrap();
    assert!(names.take("node_load1") && !names.take("node_cpu_x") && !names.take("go_x"));
    assert!(of(&[], &[]).unwrap().take("anything"));
    assert_eq!(of(&[""], &[]).unwrap_err(), NameGlobError);
}

proptest! {
    #[test]
    fn a_glob_is_the_regular_expression_of_it(glob in "[ab*?]{0,8}", name in "[ab]{0,10}") {
        let pattern = format!("^{}$", glob.replace('*', ".*").replace('?', "."));
        let expected = regex::Regex::new(&pattern).unwrap().is_match(&name);
        prop_assert_eq!(matches(&glob, &name), expected);
    }
}
