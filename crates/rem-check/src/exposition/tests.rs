use proptest::prelude::*;

use super::{Format, LINE_BYTES_MAX, Parser};

/// `name{label=value} value@time family`, one per sample; or the error.
fn read(text: &[u8], format: Format, pieces: usize) -> String {
    let mut seen = Vec::new();
    let mut parser = Parser::new(format);
    let mut note = |sample: &super::Sample<'_>| {
        let labels = sample
            .labels()
            .map(|(name, value)| format!("{name}={value}"));
        let labels = labels.collect::<Vec<_>>().join(",");
        let at = sample.at().map_or(String::new(), |at| format!("@{at}"));
        let counter = if sample.is_counter() { " counter" } else { "" };
        let (name, value) = (sample.name(), sample.value());
        seen.push(format!("{name}{{{labels}}} {value}{at}{counter}"));
    };
    let mut outcome = Ok(());
    for piece in text.chunks(pieces.max(1)) {
        outcome = outcome.and_then(|()| parser.feed(piece, &mut note));
    }
    let outcome = outcome.and_then(|()| parser.finish(&mut note));
    if let Err(error) = outcome {
        seen.push(error.to_string());
    }
    seen.join("\n")
}

#[track_caller]
fn check(text: &str, expected: &str) {
    for pieces in [1, 3, 1_000_000] {
        assert_eq!(
            read(text.as_bytes(), Format::Text, pieces),
            expected,
            "{text}"
        );
    }
}

#[track_caller]
fn check_open(text: &str, expected: &str) {
    assert_eq!(
        read(text.as_bytes(), Format::OpenMetrics, 5),
        expected,
        "{text}"
    );
}

#[test]
fn samples_have_names_labels_values_and_times() {
    check("a 1\n", "a{} 1");
    check("a 1", "a{} 1");
    check("a{} 1\n", "a{} 1");
    check("a{b=\"c\"} 1\n", "a{b=c} 1");
    check(
        "a{b=\"c\",d=\"e\",} 1.5 1700000000123\n",
        "a{b=c,d=e} 1.5@1700000000.123",
    );
    check(
        "  a\t{ b = \"c\" , d=\"e\" }\t-1e3   -5 \r\n",
        "a{b=c,d=e} -1000@-0.005",
    );
    check("a:b_9 0x\n", "line 1: a value that is no number: \"0x\"");
    check(
        "a +Inf\nb -Inf\nc NaN\nd Inf\n",
        "a{} inf\nb{} -inf\nc{} NaN\nd{} inf",
    );
    check("\n\n# a comment\n#\n# HELP a b\n#EOF\na 1\n", "a{} 1");
}

#[test]
fn labels_may_hold_anything_with_escapes() {
    check(
        r#"a{b="x\"y\\z\nw",c="}{,="} 1"#,
        "a{b=x\"y\\z\nw,c=}{,=} 1",
    );
    check(r#"a{b="\q"} 1"#, "a{b=\\q} 1");
    check("a{b=\"größe\"} 1", "a{b=größe} 1");
    check("a{b=\"\"} 1", "a{b=} 1");
}

#[test]
fn names_in_quotes_may_be_any_text() {
    check(r#"{"my.metric","a.b"="x"} 1"#, "my.metric{a.b=x} 1");
    check(r#"{"my \"m\""} 1"#, "my \"m\"{} 1");
    check(
        "# TYPE \"my.m\" counter\n{\"my.m\"} 1\n",
        "my.m{} 1 counter",
    );
    check(r#"a{"b"} 1"#, "line 1: a label without a value: \"b\"");
    check(
        r#"{a="b"} 1"#,
        "line 1: a name is expected: \"{a=\\\"b\\\"} 1\"",
    );
}

#[test]
fn the_type_of_a_family_reaches_its_samples() {
    check(
        "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_sum 2\nh_count 3\nh_other 4\n",
        "h_bucket{le=1} 1 counter\nh_sum{} 2 counter\nh_count{} 3 counter\nh_other{} 4",
    );
    check(
        "# TYPE s summary\ns{quantile=\"0.5\"} 1\ns_sum 2\ns_count 3\n",
        "s{quantile=0.5} 1\ns_sum{} 2 counter\ns_count{} 3 counter",
    );
    check(
        "# TYPE a counter\n# TYPE b gauge\na 1\nb 2\na_total 3\n",
        "a{} 1 counter\nb{} 2\na_total{} 3 counter",
    );
    check("# TYPE a_total counter\na_total 1\n", "a_total{} 1 counter");
    check("x_total 1\n# TYPE y untyped\ny 2\n", "x_total{} 1\ny{} 2");
    check("# TYPE a nonsense\n", "line 1: no such type: \"nonsense\"");
}

#[test]
fn a_broken_line_is_named_with_its_number() {
    for (line, what) in [
        ("a", "a value is missing"),
        ("a{b=\"c\"", "the line ends within its labels"),
        ("a{b=\"c} 1", "the line ends within quotes"),
        ("a{b=\"c\\", "the line ends within quotes"),
        ("a{b=c} 1", "a text in double quotes is expected: \"c} 1\""),
        ("a{b} 1", "a label without a value: \"b\""),
        (
            "a{b=\"1\" c=\"2\"} 1",
            "a comma or a brace is expected: \"c=\\\"2\\\"} 1\"",
        ),
        ("a{b=\"1\",b=\"2\"} 1", "a label for the second time: \"b\""),
        ("a{,} 1", "a label's name is expected: \",} 1\""),
        (
            "a{1=\"2\"} 1",
            "a label's name is expected: \"1=\\\"2\\\"} 1\"",
        ),
        ("a 1 x", "a time that is no number: \"x\""),
        ("a 1 1.5", "a time in milliseconds is expected: \"1.5\""),
        ("a 1 2 3", "the end of the line is expected: \"3\""),
        ("a 1,5", "a value that is no number: \"1,5\""),
        ("1a 1", "a name is expected: \"1a 1\""),
        ("<html>", "a name is expected: \"<html>\""),
        ("a{{{{ 1", "a label's name is expected: \"{{{ 1\""),
    ] {
        check(
            &format!("ok 1\n{line}\nok 2\n"),
            &format!("ok{{}} 1\nline 2: {what}"),
        );
    }
}

#[test]
fn bytes_that_are_no_text_are_named() {
    assert_eq!(
        read(b"a 1\nb{c=\"\xff\"} 1\n", Format::Text, 4),
        "a{} 1\nline 2: it is not UTF-8"
    );
}

#[test]
fn a_line_without_end_is_not_kept() {
    let mut parser = Parser::new(Format::Text);
    let piece = vec![b'a'; 64 * 1024];
    let error = loop {
        if let Err(error) = parser.feed(&piece, &mut |_| panic!("a sample")) {
            break error;
        }
        assert!(parser.partial.len() <= LINE_BYTES_MAX);
    };
    assert_eq!(error.to_string(), "line 1: it is longer than 256.0 KiB");
    assert_eq!(parser.feed(b"a 1\n", &mut |_| {}), Err(error));
}

#[test]
fn families_without_end_are_not_all_kept() {
    let mut parser = Parser::new(Format::Text);
    for n in 0..200_000 {
        let line = format!("# TYPE {}{n} counter\n", "x".repeat(200));
        parser.feed(line.as_bytes(), &mut |_| {}).unwrap();
    }
    assert!(parser.families.bytes <= super::FAMILIES_BYTES_MAX);
    assert!(parser.families.known.len() < 50_000);
}

#[test]
fn braces_without_end_are_refused_at_the_first() {
    let text = format!("a{}", "{".repeat(100_000));
    let error = read(text.as_bytes(), Format::Text, 7_000);
    assert!(
        error.starts_with("line 1: a label's name is expected"),
        "{error}"
    );
    let labels: Vec<String> = (0..300).map(|n| format!("l{n}=\"1\"")).collect();
    let text = format!("a{{{}}} 1\n", labels.join(","));
    assert_eq!(
        read(text.as_bytes(), Format::Text, 10_000),
        "line 1: more than 256 labels"
    );
}

#[test]
fn openmetrics_says_where_it_ends() {
    check_open(
        "# TYPE a counter\na_total 1\n# EOF\n",
        "a_total{} 1 counter",
    );
    check_open("a 1\n# EOF", "a{} 1");
    check_open(
        "a 1\n",
        "a{} 1\nline 1: the text ends without # EOF, so a part of it is missing",
    );
    check_open("# EOF\na 1\n", "line 2: there is something behind # EOF");
    check_open("a 1\n\n# EOF\n", "a{} 1\nline 2: an empty line");
}

#[test]
fn openmetrics_has_times_in_seconds_units_and_exemplars() {
    check_open("a 1 1700000000.5\n# EOF\n", "a{} 1@1700000000.5");
    check_open(
        "# TYPE h histogram\nh_bucket{le=\"1\"} 3 # {trace_id=\"x,}\"} 0.67 1.5\n# EOF\n",
        "h_bucket{le=1} 3 counter",
    );
    check_open(
        "# TYPE h gaugehistogram\nh_gcount 3\n# TYPE i info\ni_info{v=\"1\"} 1\n# EOF\n",
        "h_gcount{} 3\ni_info{v=1} 1",
    );
    check_open("a 1 # x\n# EOF\n", "line 1: an exemplar without labels");
    check(
        "a 1 # {a=\"b\"} 1\n",
        "line 1: the end of the line is expected: \"# {a=\\\"b\\\"} 1\"",
    );
}

proptest! {
    #[test]
    fn the_size_of_the_pieces_changes_nothing(
        text in "([ab_{}\",=#\\\\ 0-9eT.+-]{0,20}\n){0,6}|(# TYPE a counter\n|a\\{b=\"c\"\\} 1\n|a_total 2\n){0,8}",
        pieces in 1usize..20,
    ) {
        let whole = read(text.as_bytes(), Format::Text, usize::MAX);
        prop_assert_eq!(read(text.as_bytes(), Format::Text, pieces), whole);
        let whole = read(text.as_bytes(), Format::OpenMetrics, usize::MAX);
        prop_assert_eq!(read(text.as_bytes(), Format::OpenMetrics, pieces), whole);
    }

    #[test]
    fn no_bytes_break_it(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read(&bytes, Format::Text, 50);
        read(&bytes, Format::OpenMetrics, 50);
    }

    #[test]
    fn a_label_comes_back_as_it_went(value in "(?s).{0,30}") {
        let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let text = format!("a{{b=\"{escaped}\"}} 1\n");
        prop_assert_eq!(read(text.as_bytes(), Format::Text, 9), format!("a{{b={value}}} 1"));
    }
}
