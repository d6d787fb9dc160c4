use super::*;

const RULES: &str = r#"
levels:
  disk-full: {when: used_percent > 90, in: 3 of last 3, alert: disk-full}
  down:
    - {when: status != ok, for: 2m, alert: web-down, trigger: restart}
  busy: {when: used_percent > 50, set: {state: busy, value: 1, otherwise: 0}}
tests:
"#;

fn test(tests: &str) -> Result<RuleReport, Problems> {
    let text = format!("{RULES}{tests}");
    rule_test(Path::new("rules.yaml"), || {
        Loader::from_memory([("rules.yaml", text.as_str())])
    })
}

#[track_caller]
fn report(tests: &str) -> String {
    test(tests)
        .unwrap_or_else(|problems| panic!("{problems}"))
        .to_string()
}

#[test]
fn a_test_passes_when_everything_goes_as_written_and_nothing_else_does() {
    let report = report(
        r#"
  a disk that fills up:
    every: 1m
    series: {used_percent: "80 85x3 92 x5 40"}
    expect:
      - at 5m: alert disk-full is off
      - at 6m: alert disk-full is on
        because: used_percent = 92
      - at 6m: state busy = 1
      - at 9m: state busy = 0
      - at 9m: alert disk-full is off
      - nothing else
  an outage:
    every: 30s
    status: ok x2 critical x10
    expect:
      - at 2m59s: alert web-down is off
      - at 3m: alert web-down is on
      - at 3m: job restart starts
      - nothing else
"#,
    );
    assert_eq!(
        report,
        "pass  a disk that fills up (5 lines)\npass  an outage (3 lines)\n2 tests, 0 failed"
    );
}

#[test]
fn a_failure_tells_its_place_what_happened_and_what_the_condition_saw() {
    let report = report(
        r#"
  too soon:
    series: {used_percent: 80 92 x5}
    expect:
      - at 2m: alert disk-full is on
"#,
    );
    assert_eq!(
        report,
        "FAIL  too soon\n\
         rules.yaml:12:9: at 2m: alert disk-full is on\n  \
         but: it is off\n  \
         saw: disk-full: used_percent = 92 > 90: true, 2 of the last 3 match, 3 needed\n\
         1 tests, 1 failed"
    );
}

#[test]
fn what_nobody_expected_is_a_failure_where_nothing_else_was_to_happen() {
    let report = test(
        r#"
  quiet:
    series: {used_percent: 95 x5}
    expect: [nothing else]
"#,
    )
    .unwrap();
    let line = report.tests[0].first_difference().unwrap();
    assert_eq!(
        (line.at, &*line.instead),
        ("2m".parse().unwrap(), "alert disk-full is on")
    );
}

#[test]
fn parts_are_judged_by_themselves() {
    let report = report(
        r#"
  one mount:
    series: {/var: {used_percent: 95 x5}, /: {used_percent: 20 x5}}
    expect:
      - at 4m: alert disk-full of /var is on
      - at 4m: alert disk-full of / is off
"#,
    );
    assert!(report.starts_with("pass"), "{report}");
}

#[test]
fn mistakes_have_a_place_and_help() {
    let problems = test(
        r#"
  wrong:
    evry: 1m
    series: {used_percent: "80 85 xx"}
    status: fine
    expect:
      - at noon: alert disk-full is on
      - at 1m: the disk is full
  unknown:
    status: ok
    expect: [{at 1m: alert disk-ful is on}]
"#,
    );
    let problems = problems.unwrap_err().to_string();
    for wanted in [
        "rules.yaml:10:5: tests.wrong.evry: unknown key evry",
        "rules.yaml:12:13: tests.wrong.status: not a status: fine",
        "rules.yaml:14:9: ",
        "not an expectation: the disk is full",
        "no level has the alert disk-ful\n  help: did you mean disk-full?",
    ] {
        assert!(problems.contains(wanted), "no `{wanted}` in:\n{problems}");
    }
}
