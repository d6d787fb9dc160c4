use rem_yaml::{Node, Value, parse};
use serde_json::json;

fn read(yaml: &str) -> Node {
    parse("f.yaml", yaml).unwrap()
}

#[track_caller]
fn check(yaml: &str, expected: &serde_json::Value) {
    assert_eq!(&read(yaml).to_json(), expected, "{yaml}");
}

#[test]
fn only_true_and_false_are_booleans() {
    check(
        "[true, false, no, off, Yes, True]",
        &json!([true, false, "no", "off", "Yes", "True"]),
    );
}

#[test]
fn nothing_is_null() {
    check(
        "a:\nb: ~\nc: null\nd: ''\n",
        &json!({"a": null, "b": null, "c": null, "d": ""}),
    );
}

#[test]
fn whole_numbers_are_plain_decimal_hexadecimal_or_octal() {
    check(
        "[0, -7, +5, 0x1F, 0o17, 9223372036854775807]",
        &json!([0, -7, 5, 31, 15, i64::MAX]),
    );
}

#[test]
fn numbers_that_programs_disagree_about_are_text() {
    check(
        "[017, 1_000, 08.5, 9223372036854775808, 0xg, 1e999, .inf, .nan, 1.2.3, '5', \"6\", 12:30]",
        &json!([
            "017",
            "1_000",
            "08.5",
            "9223372036854775808",
            "0xg",
            "1e999",
            ".inf",
            ".nan",
            "1.2.3",
            "5",
            "6",
            "12:30"
        ]),
    );
}

#[test]
fn decimals_have_a_point_or_an_exponent() {
    check(
        "[1.5, -.5, 2., 1e3, 1.5E-2]",
        &json!([1.5, -0.5, 2.0, 1000.0, 0.015]),
    );
}

#[test]
fn keys_are_text_as_written() {
    check(
        "80: http\ntrue: yes\n1_0: x\n'a b': y\n",
        &json!({"80": "http", "true": "yes", "1_0": "x", "a b": "y"}),
    );
}

#[test]
fn keys_keep_the_order_of_the_file() {
    let node = read("z: 1\na: 2\nm: 3\n");
    let keys: Vec<&str> = node.as_map().unwrap().keys().collect();
    assert_eq!(keys, ["z", "a", "m"]);
}

#[test]
fn merge_keys_fill_in_what_is_not_written() {
    check(
        "base: &base {every: 10s, port: 80}\nfast: &fast {every: 1s}\n\
         one:\n  <<: *base\n  port: 81\ntwo:\n  <<: [*fast, *base]\n",
        &json!({
            "base": {"every": "10s", "port": 80},
            "fast": {"every": "1s"},
            "one": {"every": "10s", "port": 81},
            "two": {"every": "1s", "port": 80},
        }),
    );
}

#[test]
fn a_quoted_merge_key_is_a_key() {
    check("'<<': 1\n", &json!({"<<": 1}));
}

#[test]
fn the_str_tag_makes_text() {
    check(
        "[!!str 5, ! 6, !!int 7, !!float 8]",
        &json!(["5", "6", 7, 8.0]),
    );
}

#[test]
fn block_text_keeps_its_lines() {
    check(
        "a: |\n  x\n  y\nb: >\n  x\n  y\n",
        &json!({"a": "x\ny\n", "b": "x y\n"}),
    );
}

#[test]
fn a_byte_order_mark_is_not_content() {
    check("\u{FEFF}a: 1\n", &json!({"a": 1}));
}

#[test]
fn windows_line_ends_are_line_ends() {
    check("a: 1\r\nb: x\r\n", &json!({"a": 1, "b": "x"}));
    assert_eq!(read("a: 1\r\nb: x\r\n").get("b").unwrap().at.line, 2);
}

#[test]
fn every_value_and_key_knows_its_place() {
    let node = read("a:\n  - x\n  - {b: 1}\n");
    let place = |node: &Node| node.at.to_string();
    assert_eq!(place(&node), "f.yaml:1:1");
    assert_eq!(place(node.lookup(["a", "0"]).unwrap()), "f.yaml:2:5");
    assert_eq!(place(node.lookup(["a", "1", "b"]).unwrap()), "f.yaml:3:9");
    let entry = node.as_map().unwrap().entry("a").unwrap();
    assert_eq!(entry.key_at.to_string(), "f.yaml:1:1");
    assert_eq!(entry.node.at.to_string(), "f.yaml:2:3");
}

#[test]
fn columns_count_characters() {
    let node = read("straße: [ü, x]\n");
    let x = node.lookup(["straße", "1"]).unwrap();
    assert_eq!(x.at.to_string(), "f.yaml:1:13");
}

#[test]
fn an_alias_is_where_it_is_used_and_knows_where_it_is_defined() {
    let node = read("a: &a {x: 1}\nb: *a\n");
    let b = node.get("b").unwrap();
    assert_eq!(b.at.to_string(), "f.yaml:2:4");
    assert_eq!(b.defined.as_ref().unwrap().to_string(), "f.yaml:1:7");
    assert_eq!(b.get("x").unwrap().at.to_string(), "f.yaml:1:11");
}

#[test]
fn nodes_are_equal_when_they_say_the_same() {
    assert_eq!(read("a: 1\nb: [x]\n"), read("# moved\nb:\n  - x\na: 1\n"));
    assert_ne!(read("a: 1\n"), read("a: '1'\n"));
}

#[test]
fn looking_up_what_is_not_there_finds_nothing() {
    let node = read("a: [1]\n");
    assert!(node.lookup(["a", "1"]).is_none());
    assert!(node.lookup(["a", "0", "x"]).is_none());
    assert!(node.get("b").is_none());
    assert!(matches!(node.lookup([]).unwrap().value, Value::Map(_)));
}

#[test]
fn the_place_of_a_letter_is_told_where_the_text_stands_as_it_is() {
    let yaml = "plain: abc def   # x\nfolded: >-\n  abc\n  def\nquoted: 'äbc def'\ndouble: \"abc def\"\nescaped: \"a\\tc def\"\ntwo: 'it''s it'\nanchor: &a abc def\nalias: *a\nflow: {x: abc def}\nlines: abc\n  def\n";
    let node = parse("f", yaml).unwrap();
    let place = |path: &[&str]| {
        let node = node.lookup(path.iter().copied()).unwrap();
        let at = node.as_str().unwrap().rfind(['d', 'i']).unwrap();
        let place = node.place_in(at);
        (place.line, place.column)
    };
    assert_eq!(place(&["plain"]), (1, 12));
    assert_eq!(place(&["quoted"]), (5, 14));
    assert_eq!(place(&["double"]), (6, 14));
    assert_eq!(place(&["anchor"]), (9, 16));
    assert_eq!(place(&["flow", "x"]), (11, 15));
    // Where it does not, the place of the text is.
    assert_eq!(place(&["folded"]), (3, 3));
    assert_eq!(place(&["escaped"]), (7, 10));
    assert_eq!(place(&["two"]), (8, 6));
    assert_eq!(place(&["alias"]), (10, 8));
    assert_eq!(place(&["lines"]), (12, 8));
}
