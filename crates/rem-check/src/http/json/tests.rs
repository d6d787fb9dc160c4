use proptest::prelude::*;
use serde_json::json;

use super::*;

fn body() -> Value {
    json!({
        "status": "up",
        "load": 0.5,
        "ready": true,
        "note": null,
        "queue": {"mail in": [3, 1, 4], "text": "17.5"},
        "nodes": [{"name": "web-1"}, {"name": "web-2"}],
    })
}

#[track_caller]
fn defect(test: &str) -> Option<String> {
    test.parse::<JsonTest>().unwrap().defect(&body())
}

#[test]
fn values_that_are_as_wanted_have_no_defect() {
    for test in [
        "$",
        "$.note",
        "$.status == up",
        "$.status==\"up\"",
        "$.status != down",
        "$.status > a",
        "$.load < 1",
        "$.load <= 0.5",
        "$.load >= 0.50",
        "$.load == 5e-1",
        "$.ready == true",
        "$.note == null",
        "$.queue['mail in'][0] == 3",
        "$.queue[\"mail in\"][-1] == 4",
        "$.queue['mail in'] == [3, 1, 4.0]",
        "$.queue['mail in'] contains 1.0",
        "$.queue contains text",
        "$.status contains p",
        "$.nodes[1].name =~ \"^web-[0-9]+$\"",
        "$.nodes[1].name =~ ^web",
        "$.nodes[1].name !~ ^db",
        "  $.load>0  ",
    ] {
        // Nested lists are compared as they were written.
        let expected = test
            .contains("4.0")
            .then(|| "$.queue['mail in'] is [3,1,4], wanted == [3, 1, 4.0]".to_owned());
        assert_eq!(defect(test), expected, "{test}");
    }
}

#[test]
fn a_defect_says_what_is_there_and_what_was_wanted() {
    for (test, expected) in [
        ("$.status == down", "$.status is \"up\", wanted == down"),
        ("$.load>1", "$.load is 0.5, wanted >1"),
        ("$.load > up", "$.load is 0.5, wanted > up"),
        ("$.note > 1", "$.note is null, wanted > 1"),
        ("$.nodes[2].name", "$.nodes[2].name is not in the body"),
        ("$.nodes[-3]", "$.nodes[-3] is not in the body"),
        ("$.nodes.name", "$.nodes.name is not in the body"),
        (
            "$.queue['mail in'] contains 9",
            "$.queue['mail in'] is [3,1,4], wanted contains 9",
        ),
        ("$.ready contains x", "$.ready is true, wanted contains x"),
    ] {
        assert_eq!(defect(test).as_deref(), Some(expected), "{test}");
    }
}

#[test]
fn a_long_value_is_cut_for_the_message() {
    let test: JsonTest = "$ == 1".parse().unwrap();
    let value = Value::String("é".repeat(1000));
    let message = test.defect(&value).unwrap();
    assert!(
        message.len() < 200 && message.contains("…, wanted == 1"),
        "{message}"
    );
}

#[test]
fn numbers_are_what_can_be_counted() {
    for (path, expected) in [
        ("$.load", Some(0.5)),
        ("$.ready", Some(1.0)),
        ("$.note", None),
        ("$.status", None),
        ("$.queue.text", Some(17.5)),
        ("$.nodes", Some(2.0)),
        ("$.queue", Some(2.0)),
        ("$.missing", None),
    ] {
        let path: JsonPath = path.parse().unwrap();
        assert_eq!(path.number(&body()), expected, "{path}");
    }
}

#[test]
fn a_mistake_says_where_it_is() {
    for (test, offset, why) in [
        ("status == up", 0, "a path begins with $"),
        ("$..a", 2, "a name is missing"),
        ("$.a[x]", 4, "not a place in a list"),
        ("$.a[0", 5, "] is missing"),
        ("$['a", 2, "a quote is not closed"),
        (
            "$.a = 1",
            4,
            "expected one of == != < <= > >= =~ !~ contains",
        ),
        ("$.a ==", 6, "a value is missing"),
        ("$.a == {", 7, "not a JSON value"),
        ("$.a =~ (", 7, "not a regular expression: (: unclosed group"),
    ] {
        let error = test.parse::<JsonTest>().unwrap_err();
        assert_eq!((error.offset, error.why.as_str()), (offset, why), "{test}");
    }
    let error = "$.a b".parse::<JsonPath>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the path ends here, at character 4 of $.a b"
    );
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "[$.\\[\\]'\"a-c0-9=<>!~ é-]{0,20}") {
        if let Ok(test) = text.parse::<JsonTest>() {
            let _ = test.defect(&body());
            prop_assert_eq!(test.to_string().parse::<JsonTest>(), Ok(test));
        }
    }
}
