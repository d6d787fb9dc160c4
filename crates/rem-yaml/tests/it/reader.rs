use std::net::{IpAddr, SocketAddr};
use std::num::{NonZeroU16, NonZeroUsize};
use std::path::PathBuf;

use rem_time::Span;
use rem_yaml::{At, FromYaml, KeyPath, Located, Percent, Problems, parse, suggest};

/// Reads `v: …` as `T` and expects these words about it.
#[track_caller]
fn refused<T: FromYaml>(value: &str, expected: &[&str]) {
    let node = parse("f", format!("v: {value}\n")).unwrap();
    let mut problems = Problems::new();
    let mut map = At::root(&node).map(&mut problems).unwrap();
    assert!(
        map.required::<T>("v", &mut problems).is_none(),
        "{value} was read"
    );
    let text = problems.to_string();
    let found: Vec<&str> = text
        .lines()
        .map(|line| {
            line.trim_start_matches("f:1:4: ")
                .trim_start_matches("  help: ")
        })
        .collect();
    assert_eq!(found, expected, "{value}");
}

#[track_caller]
fn accepted<T: FromYaml>(value: &str) -> T {
    let node = parse("f", format!("v: {value}\n")).unwrap();
    let mut problems = Problems::new();
    let at = At::new(node.get("v").unwrap(), KeyPath::root());
    let read = at.read(&mut problems);
    problems.into_result(read).unwrap()
}

#[test]
fn spans_have_units() {
    assert_eq!(accepted::<Span>("1h30m"), Span::from_seconds(5400));
    assert_eq!(accepted::<Span>("0"), Span::ZERO);
    let wanted = "v: expected a span of time such as 5m, found ";
    refused::<Span>(
        "5",
        &[&format!("{wanted}the number 5"), "add a unit: 5s, 5m or 5h"],
    );
    refused::<Span>(
        "1.5",
        &[
            &format!("{wanted}the number 1.5"),
            "add a unit: 1.5s, 1.5m or 1.5h",
        ],
    );
    refused::<Span>("-5", &[&format!("{wanted}the number -5")]);
    refused::<Span>("soon", &[&format!("{wanted}the text \"soon\"")]);
    refused::<Span>(
        "5 fortnights",
        &[
            &format!("{wanted}the text \"5 fortnights\""),
            "unknown unit fortnights: use ns, us, ms, s, m, h, d, w or y",
        ],
    );
    refused::<Span>("[5m]", &[&format!("{wanted}a list")]);
    refused::<Span>("~", &[&format!("{wanted}nothing")]);
}

#[test]
fn percentages_have_their_sign_and_bounds() {
    assert_eq!(accepted::<Percent>("20%").as_share(), 0.2);
    assert_eq!(accepted::<Percent>("99.9 %").to_string(), "99.9%");
    refused::<Percent>(
        "20",
        &[
            "v: expected a percentage such as 20%, found the number 20",
            "write 20%",
        ],
    );
    refused::<Percent>("120%", &["v: 120% is above 100%"]);
    refused::<Percent>("-1%", &["v: -1% is below 0%"]);
    refused::<Percent>(
        "inf%",
        &["v: expected a percentage such as 20%, found the text \"inf%\""],
    );
}

#[test]
fn whole_numbers_say_their_bounds() {
    assert_eq!(accepted::<u16>("65535"), 65535);
    assert_eq!(accepted::<NonZeroUsize>("1").get(), 1);
    assert_eq!(accepted::<i64>("-3"), -3);
    refused::<u16>(
        "70000",
        &["v: expected a whole number from 0 to 65535, found the number 70000"],
    );
    refused::<NonZeroU16>(
        "0",
        &["v: expected a whole number from 1 to 65535, found the number 0"],
    );
    refused::<u64>(
        "-1",
        &["v: expected a whole number of at least 0, found the number -1"],
    );
    refused::<i64>("1.5", &["v: expected a whole number, found the number 1.5"]);
    refused::<u8>(
        "'5'",
        &[
            "v: expected a whole number from 0 to 255, found the text \"5\"",
            "without quotes: 5",
        ],
    );
}

#[test]
fn booleans_are_true_or_false() {
    assert!(accepted::<bool>("true"));
    refused::<bool>(
        "no",
        &[
            "v: expected true or false, found the text \"no\"",
            "write false",
        ],
    );
    refused::<bool>(
        "True",
        &[
            "v: expected true or false, found the text \"True\"",
            "write true",
        ],
    );
    refused::<bool>("1", &["v: expected true or false, found the number 1"]);
}

#[test]
fn text_that_looks_like_something_else_needs_quotes() {
    assert_eq!(accepted::<String>("\"1.10\""), "1.10");
    refused::<String>(
        "1.10",
        &["v: expected text, found the number 1.1", "put it in quotes"],
    );
    refused::<String>(
        "5",
        &[
            "v: expected text, found the number 5",
            "put it in quotes: \"5\"",
        ],
    );
    refused::<String>(
        "{machine}",
        &[
            "v: expected text, found a map",
            "text that starts with { needs quotes",
        ],
    );
    refused::<PathBuf>("''", &["v: expected a path, found an empty text"]);
}

#[test]
fn addresses_are_parsed() {
    assert_eq!(accepted::<SocketAddr>("127.0.0.1:2001").port(), 2001);
    assert!(accepted::<SocketAddr>("'[::1]:80'").is_ipv6());
    assert!(accepted::<IpAddr>("2001:db8::1").is_ipv6());
    refused::<SocketAddr>(
        "127.0.0.1:70000",
        &["v: expected a port from 0 to 65535, found 70000"],
    );
    refused::<SocketAddr>(
        "2001",
        &[
            "v: expected an address and port such as 127.0.0.1:2001 or [::1]:2001, found the number 2001",
        ],
    );
    refused::<IpAddr>(
        "192.0.2.300",
        &[
            "v: expected an address such as 192.0.2.1 or 2001:db8::1, found the text \"192.0.2.300\"",
        ],
    );
}

#[test]
fn a_list_is_read_to_its_end() {
    assert_eq!(accepted::<Vec<u8>>("[1, 2]"), [1, 2]);
    refused::<Vec<u8>>(
        "5",
        &["v: expected a list, found the number 5", "write [5]"],
    );
    let node = parse("f", "v: [x, 1, 2.5]\n").unwrap();
    let mut problems = Problems::new();
    let at = At::new(node.get("v").unwrap(), KeyPath::root().key("v"));
    assert!(at.read::<Vec<u8>>(&mut problems).is_none());
    assert_eq!(
        problems.to_string(),
        "f:1:5: v[0]: expected a whole number from 0 to 255, found the text \"x\"\n\
         f:1:11: v[2]: expected a whole number from 0 to 255, found the number 2.5"
    );
}

#[test]
fn one_word_of_a_list() {
    let read = |yaml: &str| {
        let node = parse("f", yaml).unwrap();
        let mut problems = Problems::new();
        let choices = [("GAUGE", 1), ("COUNTER", 2), ("DERIVE", 3)];
        let read = At::root(&node).one_of(&choices, &mut problems);
        problems
            .into_result(read)
            .map_err(|problems| problems.to_string())
    };
    assert_eq!(read("COUNTER"), Ok(2));
    assert_eq!(
        read("guage"),
        Err("f:1:1: expected GAUGE, COUNTER or DERIVE, found the text \"guage\"\n  help: did you mean GAUGE?".into())
    );
    assert_eq!(
        read("5"),
        Err("f:1:1: expected GAUGE, COUNTER or DERIVE, found the number 5".into())
    );
}

#[track_caller]
fn map_problems(yaml: &str, expected: &str) {
    let node = parse("f", yaml).unwrap();
    let mut problems = Problems::new();
    if let Some(mut map) = At::root(&node).map(&mut problems) {
        let _: Option<String> = map.required("address", &mut problems);
        let _: Option<u16> = map.optional("port", &mut problems);
        let _: Span = map.with_default("every", Span::from_seconds(1), &mut problems);
        map.finish(&mut problems);
    }
    assert_eq!(problems.to_string(), expected);
}

#[test]
fn unknown_keys_are_refused_with_the_likely_or_the_known_ones() {
    map_problems("address: a\nport:\n", "");
    map_problems(
        "address: a\nprot: 1\n",
        "f:2:1: prot: unknown key prot\n  help: did you mean port?",
    );
    map_problems(
        "address: a\ncolour: red\n",
        "f:2:1: colour: unknown key colour\n  help: known keys: address, every, port",
    );
}

#[test]
fn a_missing_key_is_asked_for() {
    map_problems(
        "port: 1\n",
        "f:1:1: address is missing\n  help: add `address: …`",
    );
    map_problems(
        "adress: a\n",
        "f:1:1: address is missing\n  help: rename adress\n\
         f:1:1: adress: unknown key adress\n  help: did you mean address?",
    );
}

#[test]
fn something_else_than_a_map() {
    map_problems(
        "- a\n",
        "f:1:1: expected a map, found a list\n  help: write `key: value` lines here",
    );
}

#[test]
fn every_mistake_of_a_map_is_shown() {
    map_problems(
        "address: 5\nport: x\nevery: 3\nspeed: 1\n",
        "f:1:10: address: expected text, found the number 5\n  help: put it in quotes: \"5\"\n\
         f:2:7: port: expected a whole number from 0 to 65535, found the text \"x\"\n\
         f:3:8: every: expected a span of time such as 5m, found the number 3\n  help: add a unit: 3s, 3m or 3h\n\
         f:4:1: speed: unknown key speed\n  help: known keys: address, every, port",
    );
}

#[test]
fn a_value_can_remember_its_place() {
    let node = parse("f", "a:\n  - b\n").unwrap();
    let mut problems = Problems::new();
    let mut map = At::root(&node).map(&mut problems).unwrap();
    let read: Vec<Located<String>> = map.required("a", &mut problems).unwrap();
    assert_eq!(
        read[0].problem("no such machine").to_string(),
        "f:2:5: a[0]: no such machine"
    );
}

#[test]
fn key_paths_quote_what_would_be_misread() {
    let path = KeyPath::root()
        .key("machines")
        .key("web 1.example")
        .item(2)
        .key("a-b");
    assert_eq!(path.to_string(), "machines.\"web 1.example\"[2].a-b");
}

#[test]
fn suggestions_forgive_typing_mistakes_only() {
    let keys = ["machines", "packages", "services", "site"];
    assert_eq!(suggest("machnies", keys), Some("machines"));
    assert_eq!(suggest("SITE", keys), Some("site"));
    assert_eq!(suggest("service", keys), Some("services"));
    assert_eq!(suggest("alerts", keys), None);
    assert_eq!(suggest("x", keys), None);
    assert_eq!(suggest(&"x".repeat(1_000_000), keys), None);
}
