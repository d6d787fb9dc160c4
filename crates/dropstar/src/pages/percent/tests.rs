use serde_json::{Map, Value, json};

use super::render;

#[track_caller]
fn check(text: &str, expected: &str) {
    let data: Map<String, Value> = serde_json::from_value(
        json!({"name": "ann", "load": {"one": 0.5}, "list": ["a"], "html": "<b>"}),
    )
    .unwrap();
    assert_eq!(render(text, &data, true), expected);
}

#[test]
fn keys_become_their_values() {
    check(
        "hello %(name)s, load %(load.one)s, %(list.0)s",
        "hello ann, load 0.5, a",
    );
    check("%(list)s", "[&quot;a&quot;]");
}

#[test]
fn a_missing_key_is_shown_and_not_an_error() {
    check("[%(nobody)s]", "[--(nobody)s--]");
    check("[%(load.two)s]", "[--(load.two)s--]");
}

#[test]
fn other_percent_signs_stay() {
    check(
        "width: 100%; 50%% %(name %d %",
        "width: 100%; 50% %(name %d %",
    );
}

#[test]
fn values_are_escaped_unless_the_page_says_otherwise() {
    check("%(html)s", "&lt;b&gt;");
    let data: Map<String, Value> = serde_json::from_value(json!({"html": "<b>"})).unwrap();
    assert_eq!(render("%(html)s", &data, false), "<b>");
}
