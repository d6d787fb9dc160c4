use serde_json::{Map, Value, json};

use super::*;

#[track_caller]
#[allow(clippy::needless_pass_by_value)]
fn check(path: &str, expected: Option<Value>) {
    let data = json!({
        "load": {"short": 4, "5": "five"},
        "hosts": ["a", "b", {"name": "c"}],
        "chosen": {"key": "short", "index": 1},
        "run_thread.simplest": {"state": "running"},
    });
    let none = Map::new();
    let scope = Scope {
        siblings: &none,
        pipe_data: data.as_object().unwrap(),
        input_data: &none,
        request_state: &none,
    };
    let path: Path = path.parse().unwrap();
    assert_eq!(scope.find(&path).cloned(), expected, "{path}");
}

#[test]
fn keys_lead_into_maps() {
    check("load.short", Some(json!(4)));
    check("load", Some(json!({"short": 4, "5": "five"})));
    check("load.short.deeper", None);
    check("nothing", None);
}

#[test]
fn numbers_address_items_of_lists_and_keys_of_maps() {
    check("hosts.0", Some(json!("a")));
    check("hosts.-1.name", Some(json!("c")));
    check("hosts.-3", Some(json!("a")));
    check("hosts.-4", None);
    check("hosts.3", None);
    check("hosts.name", None);
    check("load.5", Some(json!("five")));
}

#[test]
fn a_path_in_parentheses_gives_the_key() {
    check("load.(chosen.key)", Some(json!(4)));
    check("hosts.(chosen.index)", Some(json!("b")));
    check("(\"run_thread.simplest\").state", Some(json!("running")));
    check("load.(nothing)", None);
}

#[test]
fn the_nearest_scope_with_the_whole_path_wins() {
    let siblings = json!({"a": {"near": 1}});
    let pipe = json!({"a": {"near": 2, "far": 3}, "b": 4});
    let input = json!({"b": 5, "c": 6});
    let request = json!({"c": 7, "user": "ann"});
    let scope = Scope {
        siblings: siblings.as_object().unwrap(),
        pipe_data: pipe.as_object().unwrap(),
        input_data: input.as_object().unwrap(),
        request_state: request.as_object().unwrap(),
    };
    let find = |path: &str| scope.find(&path.parse().unwrap()).cloned();
    assert_eq!(find("a.near"), Some(json!(1)));
    assert_eq!(find("a.far"), Some(json!(3)));
    assert_eq!(find("b"), Some(json!(4)));
    assert_eq!(find("c"), Some(json!(6)));
    assert_eq!(find("user"), Some(json!("ann")));
    assert_eq!(find("input_data.b"), Some(json!(5)));
    assert_eq!(find("request_state.c"), Some(json!(7)));
}
