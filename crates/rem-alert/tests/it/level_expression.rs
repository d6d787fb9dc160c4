//! What expressions mean, and what is said about those that mean nothing.

use std::collections::HashMap;

use rem_alert::level::{
    Aggregate, DEPTH_MAX, EXPRESSION_BYTES_MAX, Expression, Kind, NoSource, Sample, Source,
    StateValue, Status, Truth,
};
use rem_time::{Span, Timestamp};

const NOW: Timestamp = Timestamp::from_seconds(1_282_114_491);

fn sample<'a>(readings: &'a [(&'a str, Option<f64>)]) -> Sample<'a> {
    Sample {
        at: NOW - Span::from_seconds(7),
        status: Status::Critical,
        message: "connection refused by 192.0.2.1:80",
        readings,
    }
}

/// States by name, and series that answer with their own text's length.
struct Site(HashMap<&'static str, StateValue>);

impl Source for Site {
    fn state(&self, name: &str) -> Option<StateValue> {
        self.0.get(name).cloned()
    }

    fn aggregate(&self, aggregate: &Aggregate, now: Timestamp) -> Option<f64> {
        assert_eq!(now, NOW);
        Some(aggregate.to_string().len() as f64)
    }
}

fn site() -> Site {
    Site(HashMap::from([
        ("mode", StateValue::from("squeeze")),
        ("cost", StateValue::from(12.5)),
        ("broken", StateValue::from(f64::NAN)),
    ]))
}

const READINGS: [(&str, Option<f64>); 7] = [
    ("duration", Some(0.072)),
    ("used_percent", Some(91.0)),
    ("free", Some(5.0 * 1024.0 * 1024.0 * 1024.0)),
    ("eth0/in bytes", Some(3.0)),
    ("gone", None),
    ("nan", Some(f64::NAN)),
    ("zero", Some(0.0)),
];

#[track_caller]
fn holds(text: &str, expected: Truth) {
    let expression = Expression::condition(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let truth = expression.truth(&sample(&READINGS), &site(), NOW);
    assert_eq!(truth, expected, "{text}");
    let again = Expression::parse(&expression.to_string()).unwrap();
    assert_eq!(again, expression, "{text} shown as {expression}");
}

#[track_caller]
fn comes_to(text: &str, expected: f64) {
    let expression = Expression::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let value = expression.value(&sample(&READINGS), &site(), NOW);
    assert_eq!(value, Some(StateValue::Number(expected)), "{text}");
}

#[track_caller]
fn refused(text: &str, at: &str, message: &str, help: &str) {
    let error = Expression::condition(text).unwrap_err();
    assert_eq!(error.message, message, "{text}");
    assert_eq!(error.help.as_deref().unwrap_or(""), help, "{text}");
    assert!(
        text[error.offset..].starts_with(at),
        "{text}: at {}",
        error.offset
    );
}

#[test]
fn numbers_carry_their_units() {
    comes_to("50ms", 0.05);
    comes_to("1h30m", 5400.0);
    comes_to("1.5h", 5400.0);
    comes_to("2w", 1_209_600.0);
    comes_to("10GiB", 10.0 * 1024.0 * 1024.0 * 1024.0);
    comes_to("10MB/s", 1e7);
    comes_to("90%", 90.0);
    comes_to("1e3", 1000.0);
    comes_to(".5", 0.5);
    comes_to("-3 - -4", 1.0);
    comes_to("7µs", 7e-6);
}

#[test]
fn arithmetic_binds_as_everywhere() {
    comes_to("1 + 2 * 3 - 4 / 2", 5.0);
    comes_to("(1 + 2) * 3", 9.0);
    comes_to("10 - 3 - 2", 5.0);
    comes_to("8 / 4 / 2", 1.0);
    comes_to("-(1 + 2)", -3.0);
    comes_to("abs(-4) + min(3, 1, 2) + max(1, 5)", 10.0);
    comes_to("age()", 7.0);
}

#[test]
fn readings_are_found_under_any_name() {
    holds("duration > 50ms", Truth::True);
    holds("used_percent >= 91%", Truth::True);
    holds("free < 10GiB", Truth::True);
    holds("`eth0/in bytes` == 3", Truth::True);
    holds("field(\"eth0/in bytes\") != 3", Truth::False);
    holds("duration*1000 > 71", Truth::True);
}

#[test]
fn what_is_unknown_is_neither_zero_nor_false() {
    holds("gone > 1", Truth::Unknown);
    holds("not (gone > 1)", Truth::Unknown);
    holds("never_heard_of == 0", Truth::Unknown);
    holds("nan < 1 or nan >= 1", Truth::Unknown);
    holds("1 / zero > 5", Truth::Unknown);
    holds("1e308 * 10 > 5", Truth::Unknown);
    holds("min(gone, 1) < 5", Truth::Unknown);
    holds("state(\"nobody set it\") == 0", Truth::Unknown);
    holds("state(\"broken\") == 0", Truth::Unknown);
    holds("gone > 1 and duration > 1s", Truth::False);
    holds("gone > 1 or duration > 50ms", Truth::True);
    holds("gone > 1 and duration > 50ms", Truth::Unknown);
    holds("gone is unknown and duration is not unknown", Truth::True);
    holds("(gone > 1) is unknown", Truth::True);
}

#[test]
fn a_status_that_is_unknown_answers_only_to_unknown() {
    holds("status != ok", Truth::True);
    holds("status == critical", Truth::True);
    holds("status >= warning", Truth::True);
    holds("status == unknown", Truth::False);
    let missing = Sample::missing(NOW);
    let truth = |text| {
        Expression::condition(text)
            .unwrap()
            .truth(&missing, &NoSource, NOW)
    };
    assert_eq!(truth("status != ok"), Truth::Unknown);
    assert_eq!(truth("status >= warning"), Truth::Unknown);
    assert_eq!(truth("status == unknown"), Truth::True);
    assert_eq!(truth("status != unknown"), Truth::False);
    assert_eq!(truth("status is unknown"), Truth::True);
}

#[test]
fn messages_and_states_are_texts() {
    holds("message contains \"refused\"", Truth::True);
    holds("message contains 'Refused'", Truth::False);
    holds("message matches \"connection * by *:8?\"", Truth::True);
    holds("message matches \"refused\"", Truth::False);
    holds("state(\"mode\") == \"squeeze\"", Truth::True);
    holds("state(\"mode\") != \"squeeze\"", Truth::False);
    holds("state(\"mode\") contains \"que\"", Truth::True);
    holds("state(\"mode\") > 5", Truth::Unknown);
    holds("state(\"cost\") > 5", Truth::True);
    holds("state(\"cost\") == state(\"cost\")", Truth::True);
    holds("state(\"cost\") == state(\"mode\")", Truth::Unknown);
}

#[test]
fn functions_over_series_ask_the_source() {
    comes_to("avg(duration, 10m)", "avg(duration, 10m)".len() as f64);
    comes_to(
        "percentile(duration, 95, 1h)",
        "percentile(duration, 95, 1h)".len() as f64,
    );
    comes_to("last(duration, 3)", "last(duration, 3)".len() as f64);
    comes_to("max(duration, 600s)", "max(duration, 10m)".len() as f64);
    comes_to("max(zero, last 5)", "max(zero, last 5)".len() as f64);
    comes_to("rate(\"ads\", 1h)", "rate(ads, 1h)".len() as f64);
    comes_to(
        "avg(state(\"cost\"), 1d)",
        "avg(state(\"cost\"), 1d)".len() as f64,
    );
    holds("state(\"cost\") > rate(\"ads\", 1h)", Truth::False);
    holds("delta(`a b`, 5m) + sum(x, 1h) > count(x, 10m)", Truth::True);
}

#[test]
fn an_expression_tells_what_it_looks_at() {
    let text = "b > 1 and a > avg(c, 5m) and b < state(\"s\") + avg(state(\"t\"), 1h)";
    let expression = Expression::parse(text).unwrap();
    let fields: Vec<_> = expression.fields().collect();
    assert_eq!(fields, [("b", 0), ("a", 10), ("c", 18)]);
    assert_eq!(expression.states().collect::<Vec<_>>(), ["s", "t"]);
    assert_eq!(expression.aggregates().count(), 2);
    assert!(!expression.follows_the_clock());
    assert!(Expression::parse("age() > 5m").unwrap().follows_the_clock());
    assert_eq!(Expression::parse("message").unwrap().kind(), Kind::Text);
    assert_eq!(Expression::parse("status").unwrap().kind(), Kind::Status);
}

#[test]
fn mistakes_have_a_place_and_a_way_out() {
    refused(
        "",
        "",
        "an expression is missing",
        "such as duration > 50ms",
    );
    refused("duration >", "", "a value is missing, found the end", "");
    refused(
        "agv(x, 5m) > 1",
        "agv",
        "unknown function: agv",
        "did you mean avg?",
    );
    refused(
        "average(x, 5m) > 1",
        "average",
        "unknown function: average",
        "did you mean avg?",
    );
    refused(
        "duration > 50mss",
        "mss",
        "unknown unit: mss",
        "did you mean ms?",
    );
    refused("x = 5", "=", "unknown sign: =", "write == to compare");
    refused("a > 1 && b > 2", "&&", "unknown sign: &", "write and");
    refused(
        "1 < x < 3",
        "< 3",
        "comparisons do not chain",
        "write: 1 < x and x < 3",
    );
    refused(
        "status == \"ok\"",
        "\"ok\"",
        "a status cannot be compared with a text",
        "write ok without quotes",
    );
    refused(
        "status == citical",
        "citical",
        "a status cannot be compared with a number",
        "did you mean critical?",
    );
    refused(
        "used_percent",
        "used",
        "a number is no condition: used_percent",
        "compare it, as in used_percent > 90",
    );
    refused(
        "  warning",
        "warning",
        "warning stands alone",
        "write: status == warning",
    );
    refused(
        "duration > 5 adn x > 1",
        "adn",
        "unexpected: adn",
        "did you mean and?",
    );
    refused(
        "(duration > 5",
        "",
        ") is missing to close the parenthesis, found the end",
        "",
    );
    refused(
        "duration > 5)",
        ")",
        "unexpected: )",
        "there is no ( for it",
    );
    refused(
        "message > \"a\"",
        "message",
        "texts have no order",
        "compare with ==, !=, contains or matches",
    );
    refused(
        "avg(x, 10) > 1",
        "10",
        "10 has no unit",
        "write avg(x, 10m) or avg(x, last 10)",
    );
    refused(
        "percentile(x, 101, 1h) > 1",
        "101",
        "a percentage from 0 to 100 is missing, found 101",
        "write percentile(x, 95, 1h)",
    );
    refused(
        "message contains \"x",
        "\"x",
        "this text has no closing quote",
        "",
    );
    refused(
        "x and y > 1",
        "x",
        "a number is no condition",
        "compare it, as in used_percent > 90",
    );
    refused(
        "status > unknown",
        "unknown",
        "unknown has no rank",
        "compare with ==, or with ok, warning or critical",
    );
    refused(
        "x == unknown",
        "unknown",
        "a number cannot be compared with a status",
        "write: is unknown",
    );
    refused(
        "x > 1 in 5",
        "in",
        "unexpected: in",
        "the window stands in its own key: `in:`",
    );
    refused(
        "x > 5 % 3",
        "% 3",
        "unknown sign: %",
        "a percent sign stands right behind its number, as in 90%",
    );
    refused(
        "x > 1m1h",
        "1m1h",
        "units go from the largest to the smallest, each once",
        "as in 1h30m",
    );
}

#[test]
fn depth_and_length_have_limits() {
    for open in ["(", "not ", "-", "abs("] {
        let deep = open.repeat(DEPTH_MAX + 1) + "1";
        let error = Expression::parse(&deep).unwrap_err();
        assert_eq!(error.message, "nested deeper than 100 levels", "{open}");
    }
    let sum = vec!["a"; DEPTH_MAX + 2].join("+");
    assert!(Expression::parse(&sum).is_err());
    let chain = vec!["a>1"; 400].join(" or ");
    assert!(
        Expression::parse(&chain).is_ok(),
        "a chain of or is one level"
    );
    let long = "é".repeat(EXPRESSION_BYTES_MAX);
    let error = Expression::parse(&long).unwrap_err();
    assert!(long.is_char_boundary(error.offset));
}

#[track_caller]
fn explained(text: &str, expected: &str) {
    let expression = Expression::parse(text).unwrap();
    let explanation = expression.explain(&sample(&READINGS), &site(), NOW);
    assert_eq!(explanation.to_string(), expected);
}

#[test]
fn an_explanation_shows_the_values_in_the_units_of_the_rule() {
    explained("duration > 50ms", "duration = 72ms > 50ms: true");
    explained("free < 10GiB", "free = 5GiB < 10GiB: true");
    explained("used_percent > 90%", "used_percent = 91% > 90%: true");
    explained("used_percent > 90", "used_percent = 91 > 90: true");
    explained("gone > 1s", "gone = unknown > 1s: unknown");
    explained("age() > 5m", "age() = 7s > 5m: false");
    explained(
        "duration > 50ms and status != ok",
        "(duration = 72ms > 50ms: true) and (status = critical != ok: true): true",
    );
    explained(
        "not message contains \"x\"",
        "not (message = \"connection refused by 192.0.2.1:80\" contains \"x\": false): true",
    );
    explained(
        "duration * 2 + 1s > 1s",
        "duration * 2 + 1s = 1.144s (duration = 72ms) > 1s: true",
    );
    explained(
        "state(\"mode\") == \"x\"",
        "state(\"mode\") = \"squeeze\" == \"x\": false",
    );
    explained("duration", "duration = 0.072");
    explained(
        "avg(duration, 10m) > 1",
        "avg(duration, 10m) = 18 > 1: true",
    );
}

#[test]
fn an_explanation_is_a_tree_for_a_page() {
    let expression = Expression::parse("duration > 50ms or gone > 1").unwrap();
    let whole = expression.explain(&sample(&READINGS), &NoSource, NOW);
    assert_eq!(whole.truth, Some(Truth::True));
    let [slow, gone] = &whole.parts[..] else {
        panic!("two parts: {whole:?}");
    };
    assert_eq!(
        (&*slow.text, slow.truth),
        ("duration > 50ms", Some(Truth::True))
    );
    assert_eq!(
        (&*slow.parts[0].text, &*slow.parts[0].value),
        ("duration", "72ms")
    );
    assert_eq!(
        (&*gone.parts[0].value, gone.truth),
        ("unknown", Some(Truth::Unknown))
    );
}
