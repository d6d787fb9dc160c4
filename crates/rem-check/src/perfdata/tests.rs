use proptest::prelude::*;

use super::{parse, write};
use crate::{Bounds, Kind, Reading, Threshold, Unit};

/// `label value unit`, joined by `; `; `!why` for what is refused.
#[track_caller]
fn check(text: &str, expected: &str) {
    let said = parse(text);
    let readings = said.readings.iter().map(|reading| {
        let kind = match reading.kind {
            Kind::Gauge => "",
            Kind::Counter => " counter",
        };
        format!("{reading}{kind}")
    });
    let refused = said
        .refused
        .iter()
        .map(|refused| format!("!{}", refused.why));
    let found: Vec<String> = readings.chain(refused).collect();
    assert_eq!(found.join("; "), expected, "{text:?}");
}

#[test]
fn items_are_separated_by_any_blanks() {
    check("", "");
    check("   ", "");
    check("test=123456", "test 123456");
    check("testA=123456 testB=123456", "testA 123456; testB 123456");
    check("  a=1\t b=2\n\nc=3  ", "a 1; b 2; c 3");
    check("a=1\r\nb=2", "a 1; b 2");
}

#[test]
fn labels_are_quoted_where_they_hold_blanks_equals_signs_or_quotes() {
    check("'hello world'=1", "hello world 1");
    check("'hello'=1", "hello 1");
    check("'it''s'=1 b=2", "it's 1; b 2");
    check("''''=1", "' 1");
    check("'a=b'=1", "a=b 1");
    check("'foo;bar|baz'=1", "foo;bar|baz 1");
    check(r"'C:\ %'=5% C:\=3", r"C:\ % 5 %; C:\ 3");
    check("it's=1", "it's 1");
    check("/var=2643MB;5948;5958;0;5968", "/var 2643000000 B");
    check("größe=1 '空き'=2", "größe 1; 空き 2");
}

#[test]
fn what_is_no_item_is_refused_and_its_neighbours_are_read() {
    check("a=1 junk b=2", "a 1; b 2; !a word without an equals sign");
    check("=1 a=2", "a 2; !a value without a label");
    check("''=1 a=2", "a 2; !a value without a label");
    check("'open=1 a=2", "a 2; !a quote that is not closed");
    check("'a'b=1 c=2", "c 2; !a label without an equals sign");
    check("a= b=2", "b 2; !a value that is no number");
    check("a=; b=2", "b 2; !a value that is no number");
    check("a=;1;2 b=2", "b 2; !a value that is no number");
    check("a=x b=2", "b 2; !a value that is no number");
    check(
        "a=- b=.",
        "!a value that is no number; !a value that is no number",
    );
    check("a=\"1\"", "!a value that is no number");
    check("a==1", "!a value that is no number");
}

#[test]
fn a_number_that_is_not_all_understood_is_refused() {
    let strange = "!a number with something strange behind it";
    for text in [
        "a=1,5",
        "a=1.5,5",
        "a=123_456",
        "a=1.2.3",
        "a=0x10",
        "a=1-2",
        "a=1:2",
        "a=12ms3",
    ] {
        check(text, strange);
    }
    check("a=1thisunitisfartoolongtobeone", strange);
}

#[test]
fn numbers_have_signs_points_and_exponents() {
    check("a=-1.5 b=+1.5 c=.5 d=5.", "a -1.5; b 1.5; c 0.5; d 5");
    check("a=1.1e10 b=1.1E+3 c=1e-2", "a 11000000000; b 1100; c 0.01");
    check("a=007", "a 7");
    check("a=1e999", "a unknown");
    check("a=1e", "a 1 e");
}

#[test]
fn what_is_no_number_on_purpose_is_unknown() {
    check(
        "a=U b=U;1;2 c=nan d=-inf e=1",
        "a unknown; b unknown; c unknown; d unknown; e 1",
    );
}

#[test]
fn units_become_base_units_and_unknown_ones_stay() {
    check(
        "a=10ms b=3us c=2s d=5% e=1KB",
        "a 0.01 s; b 0.000003 s; c 2 s; d 5 %; e 1000 B",
    );
    check(
        "a=1KiB b=2MiB c=1TB d=1PB",
        "a 1024 B; b 2097152 B; c 1000000000000 B; d 1000000000000000 B",
    );
    check("a=2m b=2h c=1d", "a 120 s; b 7200 s; c 1 d");
    check(
        "a=230V b=3500mA c=21°C d=5foo",
        "a 230 V; b 3.5 A; c 21 °C; d 5 foo",
    );
    check("a=1B b=2b", "a 1 B; b 2 b");
    check("rate=5/s", "rate 5 1/s");
}

#[test]
fn the_unit_c_is_a_counter() {
    check("errors=17c;10;20 b=1", "errors 17 counter; b 1");
}

#[test]
fn the_prefix_of_check_multi_names_the_following_items_too() {
    check(
        "web::check_http::time=1s size=2B db::check_tcp::time=3s",
        "web::check_http::time 1 s; web::size 2 B; db::check_tcp::time 3 s",
    );
    check("a=1 x::b=2 c=3", "a 1; x::b 2; x::c 3");
}

#[test]
fn of_two_items_with_one_label_the_first_counts() {
    check("a=1 a=2 b=3", "a 1; b 3; !a label for the second time");
}

#[test]
fn there_is_an_end_to_what_is_taken() {
    let many: Vec<String> = (0..super::READINGS_MAX + 50)
        .map(|n| format!("l{n}=1"))
        .collect();
    let said = parse(&many.join(" "));
    assert_eq!(
        (said.readings.len(), said.refused_count),
        (super::READINGS_MAX, 50)
    );
    assert_eq!(said.refused.len(), 20);
    let long = format!("{}=x", "l".repeat(1_000_000));
    assert!(parse(&long).refused[0].text.len() < 100);
}

/// `warning critical min max`, `-` for none.
#[track_caller]
fn check_bounds(text: &str, expected: &str) {
    let said = parse(text);
    assert_eq!(said.refused, [], "{text}");
    let bounds = said.readings[0].bounds.clone().unwrap_or_default();
    let range = |range: Option<Threshold>| range.map_or("-".into(), |range| range.to_string());
    let end = |end: Option<f64>| end.map_or("-".into(), |end| end.to_string());
    let found = [
        range(bounds.warning),
        range(bounds.critical),
        end(bounds.min),
        end(bounds.max),
    ];
    assert_eq!(found.join(" "), expected, "{text}");
}

#[test]
fn thresholds_are_kept_with_their_reading() {
    check_bounds("a=1", "- - - -");
    check_bounds("a=1;", "- - - -");
    check_bounds("a=1;;;;", "- - - -");
    check_bounds("a=1;;;;;;;", "- - - -");
    check_bounds("a=1;2", "2 - - -");
    check_bounds("a=1;;3;", "- 3 - -");
    check_bounds("a=1;2;3;0;10", "2 3 0 10");
    check_bounds("a=1;2;3;-5;1e3", "2 3 -5 1000");
    check_bounds("a=1;10:20;@10:20", "10:20 @10:20 - -");
    check_bounds("a=1;~:10;10:", "~:10 10: - -");
    check_bounds("a=1;@~:5;@5:", "@~:5 @5: - -");
    check_bounds("a=1;foo;3;bar;9", "- 3 - 9");
    check_bounds("a=1;2,5;3", "- 3 - -");
    check_bounds("a=U;1;2;0;", "1 2 0 -");
}

#[test]
fn thresholds_are_in_the_unit_of_their_reading() {
    check_bounds("a=10ms;20;30;0;100", "0.02 0.03 0 0.1");
    check_bounds("a=10ms;20ms;10ms:30ms;0ms;100ms", "0.02 0.01:0.03 0 0.1");
    check_bounds("a=1KB;~:2;@3:4;;", "~:2000 @3000:4000 - -");
    check_bounds("a=5%;80%;90%", "80 90 - -");
    check_bounds("a=7c;10;20", "10 20 - -");
}

fn reading() -> impl Strategy<Value = Reading> {
    let unit = prop_oneof![
        Just(Unit::One),
        Just(Unit::Seconds),
        Just(Unit::Bytes),
        Just(Unit::Percent),
        Just(Unit::PerSecond),
        Just(Unit::BytesPerSecond),
        Just(Unit::Days),
        Just(Unit::Other("rpm".into())),
    ];
    let end = || proptest::option::of(-1e12..1e12_f64);
    let range = || {
        let ends = (end(), end(), any::<bool>());
        proptest::option::of(ends.prop_map(|(from, to, bad_inside)| {
            let from = from.unwrap_or(f64::NEG_INFINITY);
            let to = to.unwrap_or(f64::INFINITY);
            Threshold {
                from: from.min(to),
                to: from.max(to),
                bad_inside,
            }
        }))
    };
    let label = "[^:]{1,12}|[a-z' =|;]{1,8}";
    let value = proptest::option::of(any::<f64>().prop_filter("finite", |v| v.is_finite()));
    let bounds = (range(), range(), end(), end());
    (label, value, unit, any::<bool>(), bounds).prop_map(
        |(label, value, unit, is_counter, (warning, critical, min, max))| {
            let reading = match (is_counter, value) {
                (true, Some(_)) => Reading::counter(label, value, Unit::One),
                (_, None) => Reading::gauge(label, None, Unit::One),
                (false, _) => Reading::gauge(label, value, unit),
            };
            reading.bounded(Bounds {
                warning,
                critical,
                min,
                max,
            })
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_is_read_back_as_it_was(readings in prop::collection::vec(reading(), 0..6)) {
        let mut unique: Vec<Reading> = Vec::new();
        for reading in readings {
            if unique.iter().all(|other| other.field != reading.field) {
                unique.push(reading);
            }
        }
        let text = write(&unique);
        let said = parse(&text);
        prop_assert_eq!(said.refused_count, 0, "{}: {:?}", text, said.refused);
        prop_assert_eq!(said.readings, unique, "{}", text);
    }

    #[test]
    fn no_text_breaks_the_reader(text in "[a-c'=;:@~|0-9.,eUc% \\n]{0,60}|.{0,60}") {
        let said = parse(&text);
        for reading in said.readings {
            prop_assert!(reading.value.is_none_or(f64::is_finite));
            prop_assert!(!reading.field.is_empty());
        }
    }
}
