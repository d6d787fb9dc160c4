use serde_json::{Map, json};

use super::*;

fn decide(text: &str) -> Result<bool, String> {
    let data = json!({
        "boing": "up", "count": 5, "ratio": 2.5, "name": "web 1", "nothing": null,
        "on": true, "off": false, "zero": 0, "blank": "", "no_items": [],
        "hosts": ["a", "b"], "disk": {"root": {"used": 91}, "5": "five"},
        "chosen": {"disk": "root", "flag": "on"}, "notes": "not in use", "island": 1,
    });
    let none = Map::new();
    let scope = Scope {
        siblings: &none,
        pipe_data: data.as_object().unwrap(),
        input_data: &none,
        request_state: &none,
    };
    let condition: Condition = text.parse().map_err(|e: ConditionError| e.to_string())?;
    condition.holds(&scope).map_err(|e| e.to_string())
}

#[track_caller]
fn holds(text: &str) {
    assert_eq!(decide(text), Ok(true), "{text}");
}

#[track_caller]
fn fails(text: &str) {
    assert_eq!(decide(text), Ok(false), "{text}");
}

#[track_caller]
fn refused(text: &str, message: &str) {
    assert_eq!(decide(text), Err(message.into()), "{text}");
}

#[test]
fn values_compare_with_names_and_literals() {
    holds("boing == \"up\"");
    holds("boing == 'up'");
    holds("name == \"web 1\"");
    holds("\"web 1\" == name");
    holds("count == 5");
    holds("count == 5.0");
    fails("count == \"5\"");
    holds("count != \"5\"");
    holds("count > 4");
    holds("count>=5");
    fails("count < 5");
    holds("count <= 5 ");
    holds("ratio < count");
    holds("-1 < zero");
    holds("on == true");
    holds("off == False");
    holds("nothing == null");
    holds("\"abc\" < \"abd\"");
    holds("disk.root.used > 90");
    holds("hosts.-1 == \"b\"");
    holds("hosts == [\"a\", 'b']");
}

#[test]
fn members_are_found_in_lists_maps_and_texts() {
    holds("\"a\" in hosts");
    fails("\"c\" in hosts");
    holds("\"c\" not in hosts");
    fails("\"a\" not in hosts");
    holds("hosts has \"a\"");
    holds("hosts hasno \"c\"");
    fails("hosts hasno \"a\"");
    holds("disk has \"root\"");
    holds("disk has 5");
    holds("boing has \"u\"");
    holds("boing in [\"up\", \"down\"]");
    holds("missing not in hosts");
    holds("missing hasno 1");
    fails("missing has 1");
}

#[test]
fn emptiness_covers_missing_null_and_no_content() {
    holds("missing is empty");
    holds("nothing is empty");
    holds("blank is empty");
    holds("no_items is empty");
    fails("zero is empty");
    holds("hosts is not empty");
    fails("missing.deep is not empty");
}

#[test]
fn words_join_conditions_by_the_usual_rank() {
    holds("on or off and off");
    fails("(on or off) and off");
    holds("not off and on");
    holds("not (off or zero)");
    holds("not not on");
    fails("on and not (count > 4 or boing == \"down\")");
    holds("count > 4 and boing == \"up\" and hosts has \"a\"");
    holds("notes == \"not in use\" and island == 1");
}

#[test]
fn a_term_alone_is_true_unless_it_holds_nothing() {
    holds("on");
    holds("(on)");
    holds("boing");
    fails("zero");
    fails("missing");
    fails("blank");
    fails("no_items");
}

#[test]
fn parentheses_before_a_dot_or_an_operator_look_up_the_key() {
    holds("disk.(chosen.disk).used == 91");
    holds("(chosen.flag) == true");
    holds("(chosen.disk).used is empty");
    fails("(chosen.flag) == \"on\"");
}

#[test]
fn a_missing_name_equals_nothing_and_has_no_order() {
    fails("missing == null");
    fails("missing == missing");
    holds("missing != 5");
    fails("missing > 5");
    fails("missing <= 5");
}

#[test]
fn an_order_between_kinds_is_an_error_not_false() {
    refused(
        "10 > \"a\"",
        "cannot tell whether 10 > \"a\": only two numbers or two texts have an order",
    );
    refused(
        "count in 5",
        "cannot tell whether 5 in 5: only a list, a map or a text has members",
    );
}

#[test]
fn faults_name_their_character() {
    refused("", "a value or a name is missing, at character 1");
    refused(
        "count = 5",
        "unknown operator =, equality is ==, at character 7",
    );
    refused("count === 5", "unknown operator ===, at character 7");
    refused("count >", "a value or a name is missing, at character 8");
    refused(
        "count is 5",
        "after \"is\" comes \"empty\" or \"not empty\", at character 10",
    );
    refused("(count > 5", "a closing ) is missing, at character 11");
    refused(
        "boing == \"up",
        "the closing \" is missing, at character 10",
    );
    refused("a..b == 1", "a name is missing at the dot, at character 3");
    refused(
        "count 5",
        "an operator is expected, found: 5, at character 7",
    );
    refused(
        "and count",
        "a value is missing before \"and\", at character 1",
    );
    refused(
        "count like 5",
        "an operator is expected, found: like 5, at character 7",
    );
    refused(
        "count == 5)",
        "an operator is expected, found: ), at character 11",
    );
    refused(
        "boing in [up]",
        "a list holds values only, not names: write \"up\", at character 11",
    );
}

#[test]
fn deep_nesting_is_refused_without_a_crash() {
    for opener in ["(", "not ", "a.(", "["] {
        let text = format!("{}a", opener.repeat(100_000));
        assert!(text.parse::<Condition>().is_err(), "{opener}");
    }
}

#[test]
fn paths_are_listed_with_those_inside() {
    let condition: Condition = "a.(b.c).d > 1 and not e".parse().unwrap();
    let paths: Vec<&str> = condition.paths().iter().map(|p| p.as_str()).collect();
    assert_eq!(paths, ["a.(b.c).d", "b.c", "e"]);
}
