use serde_json::json;

use super::*;

#[test]
fn maps_within_maps_are_series_of_their_own() {
    let output = json!({
        "sda": { "read": 1, "write": 2.5 },
        "sdb": { "read": null, "part": { "1": { "used": 3 } } },
        "count": 2
    });
    let groups = groups("disk", &output);
    let expected = [
        ("disk", vec![("count", Some(2.0))]),
        ("disk/sda", vec![("read", Some(1.0)), ("write", Some(2.5))]),
        ("disk/sdb", vec![("read", None)]),
        ("disk/sdb/part/1", vec![("used", Some(3.0))]),
    ];
    let read = groups.series.iter();
    let read: Vec<_> = read
        .map(|group| (group.name.as_str(), group.values()))
        .collect();
    assert_eq!(read, expected);
    assert!(groups.left_out.is_empty());
}

#[test]
fn odd_values_are_read_or_named() {
    let output = json!({ "up": true, "n": " 7 ", "who": "ann", "list": [1, "x"], "": 5 });
    let groups = groups("s", &output);
    assert_eq!(
        groups.series[0].values(),
        [("up", Some(1.0)), ("n", Some(7.0))]
    );
    assert_eq!(groups.series[1].name, "s/list");
    assert_eq!(groups.series[1].values(), [("0", Some(1.0))]);
    assert_eq!(groups.left_out, ["s/who", "s/list/1", "s/"]);
}

#[test]
fn one_bare_number_is_a_value() {
    let groups = groups("s", &json!(5));
    assert_eq!(groups.series[0].values(), [("value", Some(5.0))]);
}
