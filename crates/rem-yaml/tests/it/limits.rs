use std::fmt::Write as _;

use rem_yaml::{
    DEPTH_MAX, FILE_BYTES_MAX, KeyPath, PROBLEMS_KEPT_MAX, Place, Problem, Problems, parse,
};

#[track_caller]
fn refused(bytes: impl AsRef<[u8]>) -> String {
    let problems = parse("f", bytes).unwrap_err();
    problems.to_string().lines().next().unwrap().to_owned()
}

/// Ten aliases of ten aliases of …, `levels` times.
fn bomb(levels: usize, leaf: &str) -> String {
    let mut text = format!("a0: &a0 {leaf}\n");
    for level in 1..=levels {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        writeln!(text, "a{level}: &a{level} [{aliases}]").unwrap();
    }
    text
}

#[test]
fn an_alias_bomb_is_refused_without_unfolding_it() {
    assert_eq!(
        refused(bomb(30, "x")),
        "f:7:40: a6[6]: more than 1000000 values in one file, aliases unfolded"
    );
}

#[test]
fn an_alias_bomb_of_long_text_is_refused() {
    let leaf = "x".repeat(100_000);
    assert_eq!(
        refused(bomb(30, &leaf)),
        "f:4:30: a3[4]: more than 64 MiB of text in one file, aliases unfolded"
    );
}

#[test]
fn a_bomb_of_merge_keys_is_refused() {
    let mut text = "a0: &a0 {k: x}\n".to_owned();
    for level in 1..=30 {
        let entries: Vec<String> = (0..10)
            .map(|key| format!("k{key}: {{<<: *a{}}}", level - 1))
            .collect();
        writeln!(text, "a{level}: &a{level} {{{}}}", entries.join(", ")).unwrap();
    }
    assert!(refused(text).contains("more than 1000000 values"));
}

#[test]
fn an_alias_of_itself_is_refused() {
    assert_eq!(
        refused("a: &a [*a]\n"),
        "f:1:8: a[0]: an alias of the value it is part of"
    );
}

#[test]
fn deep_nesting_is_refused() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(parse("f", nested(DEPTH_MAX)).is_ok());
    let too_deep = "more than 100 lists and maps within each other";
    assert_eq!(
        refused(nested(DEPTH_MAX + 1)),
        format!("f:1:101: {too_deep}")
    );
    assert!(refused("[".repeat(100_000)).contains(too_deep));
    assert!(refused("- ".repeat(100_000)).contains(too_deep));
    let block: String = (0..200).map(|i| format!("{}a:\n", " ".repeat(i))).collect();
    assert!(refused(block).contains(too_deep));
}

#[test]
fn nesting_that_aliases_add_up_counts() {
    let half = "[".repeat(60) + &"]".repeat(60);
    let text = format!("a: &a {half}\nb: {}*a{}\n", "[".repeat(50), "]".repeat(50));
    assert!(refused(text).contains("more than 100 lists and maps"));
}

#[test]
fn a_long_file_is_refused() {
    assert_eq!(
        refused(vec![b'#'; FILE_BYTES_MAX + 1]),
        "f: longer than 16 MiB"
    );
}

#[test]
fn twenty_thousand_machines_are_read() {
    let mut text = "machines:\n".to_owned();
    for n in 0..20_000 {
        writeln!(
            text,
            "  web-{n:05}: {{address: 192.0.2.{}, tags: [a, b]}}",
            n % 256
        )
        .unwrap();
    }
    let node = parse("f", text).unwrap();
    assert_eq!(
        node.get("machines").unwrap().as_map().unwrap().len(),
        20_000
    );
}

#[test]
fn a_large_map_is_merged_in_time() {
    let entries: Vec<String> = (0..50_000).map(|key| format!("k{key}: 1")).collect();
    let text = format!("a: &a {{{}}}\nb: {{<<: *a, k7: 2}}\n", entries.join(", "));
    let node = parse("f", text).unwrap();
    let merged = node.get("b").unwrap().as_map().unwrap();
    assert_eq!(merged.len(), 50_000);
    assert_eq!(merged.keys().next(), Some("k0"));
}

#[test]
fn a_long_list_of_problems_ends_with_how_many_more() {
    let mut problems = Problems::new();
    for line in 1..=PROBLEMS_KEPT_MAX + 5 {
        let place = Place::new("f", line as u32, 1);
        problems.add(Problem::new(&place, &KeyPath::root(), "wrong"));
    }
    let text = problems.to_string();
    assert_eq!(text.lines().count(), 101);
    assert_eq!(text.lines().last(), Some("and 9905 more"));
    assert_eq!(problems.len(), PROBLEMS_KEPT_MAX + 5);
}

#[test]
fn the_same_problem_reached_twice_is_listed_once() {
    let mut problems = Problems::new();
    for line in [2, 1, 2] {
        problems.add(Problem::new(
            &Place::new("f", line, 1),
            &KeyPath::root(),
            "wrong",
        ));
    }
    assert_eq!(problems.to_string(), "f:1:1: wrong\nf:2:1: wrong");
}
