use super::PluginOutput;

/// `text / long / labels`
#[track_caller]
fn check(output: &str, text: &str, long: &[&str], labels: &[&str]) {
    let said = PluginOutput::parse(output);
    let found: Vec<&str> = said
        .perfdata
        .readings
        .iter()
        .map(|r| r.field.as_str())
        .collect();
    assert_eq!(
        (said.text.as_str(), found.as_slice()),
        (text, labels),
        "{output}"
    );
    assert_eq!(said.long, long, "{output}");
}

#[test]
fn a_line_is_text_and_performance_data() {
    check("OK - fine\n", "OK - fine", &[], &[]);
    check("OK - fine | a=1 b=2\n", "OK - fine", &[], &["a", "b"]);
    check("OK|a=1", "OK", &[], &["a"]);
    check("|a=1", "", &[], &["a"]);
    check("", "", &[], &[]);
    check("\n\n late | a=1\r\n", "late", &[], &["a"]);
}

#[test]
fn a_bar_without_an_equals_sign_behind_it_is_text() {
    check("OK a | b\n", "OK a | b", &[], &[]);
    check("x=1 | y\nmore | a=1", "x=1 | y", &["more"], &["a"]);
}

#[test]
fn performance_data_go_on_behind_a_later_bar_to_the_end() {
    check(
        "DISK OK | /=1\nroot fine\nvar fine | /var=2\n/srv=3 /opt=4\n/tmp=5",
        "DISK OK",
        &["root fine", "var fine"],
        &["/", "/var", "/srv", "/opt", "/tmp"],
    );
}

#[test]
fn bars_on_every_line_are_understood_too() {
    check(
        "2 of 2 ok |a=1\n[1] web ok |b=2\n[2] db: state = up\n[3] more",
        "2 of 2 ok",
        &["[1] web ok", "[2] db: state = up", "[3] more"],
        &["a", "b"],
    );
}

#[test]
fn a_prefix_of_check_multi_reaches_over_lines() {
    check("OK|x::a=1\n|b=2", "OK", &[], &["x::a", "x::b"]);
}
