use rem_time::{Span, Timestamp};

use super::{Plugin, PluginCompat, PluginError, PluginOptions};
use crate::{Check, Report, Verdict};

fn shell(script: &str) -> PluginOptions {
    PluginOptions::new(["/bin/sh", "-c", script])
}

async fn run(options: PluginOptions) -> Report {
    Plugin::new(options).unwrap().run(Timestamp::EPOCH).await
}

#[track_caller]
fn expect(report: &Report, verdict: Verdict, message: &str) {
    assert_eq!(
        (report.verdict, report.message.as_str()),
        (verdict, message)
    );
}

#[tokio::test]
async fn the_exit_status_is_the_verdict() {
    for (status, verdict) in [
        (0, Verdict::Ok),
        (1, Verdict::Warning),
        (2, Verdict::Critical),
        (3, Verdict::Unknown),
    ] {
        let report = run(shell(&format!("echo 'so it is | a=1;2;3'; exit {status}"))).await;
        expect(&report, verdict, "so it is");
        assert_eq!(report.value(None, "a"), Some(1.0));
        let bounds = report.readings[0].bounds.as_ref().unwrap();
        assert!(bounds.warning.unwrap().is_bad(2.5) && !bounds.critical.unwrap().is_bad(2.5));
    }
}

#[tokio::test]
async fn any_other_end_is_unknown_or_as_nagios_has_it_critical() {
    let ends = [
        ("echo hm; exit 4", "exit status 4: hm"),
        ("exit 255", "exit status 255"),
        ("exit 126", "exit status 126: not executable"),
        (
            "echo 'x: not found' >&2; exit 127",
            "exit status 127: command not found: x: not found",
        ),
        ("echo half; kill -9 $$", "ended by signal 9 (KILL): half"),
    ];
    for (script, message) in ends {
        expect(&run(shell(script)).await, Verdict::Unknown, message);
        let mut options = shell(script);
        options.compat = PluginCompat::Nagios;
        expect(&run(options).await, Verdict::Critical, message);
    }
    let report = run(PluginOptions::new(["/no/such/plugin"])).await;
    expect(
        &report,
        Verdict::Unknown,
        "program not found: /no/such/plugin",
    );
}

#[tokio::test]
async fn what_does_not_end_is_ended_with_all_it_started() {
    let mut options = shell("echo 'begun | a=1'; sleep 1000 & sleep 1000");
    options.deadline = Span::from_millis(300);
    let report = run(options).await;
    expect(&report, Verdict::Unknown, "not done within 300ms: begun");
    assert_eq!(report.value(None, "a"), Some(1.0));

    let mut options = shell("trap '' TERM; while :; do sleep 1000; done");
    options.deadline = Span::from_millis(300);
    options.compat = PluginCompat::Nagios;
    let report = run(options).await;
    expect(
        &report,
        Verdict::Critical,
        "not done within 300ms, and had to be killed",
    );
}

#[tokio::test]
async fn a_plugin_without_output_is_quoted_from_its_complaints() {
    let report = run(shell("echo 'no such option' >&2; exit 3")).await;
    expect(&report, Verdict::Unknown, "no such option");
    expect(
        &run(shell("exit 2")).await,
        Verdict::Critical,
        "critical, and it did not say why",
    );
    let report = run(shell("printf '\\377\\000bad | a=1\\n'")).await;
    assert_eq!(
        (report.verdict, report.value(None, "a")),
        (Verdict::Ok, Some(1.0))
    );
}

#[tokio::test]
async fn readings_that_are_left_out_are_said() {
    let report = run(shell("echo 'OK | a=1 b=1,5 c=x d=2'")).await;
    let message = "OK (2 readings left out: a number with something strange behind it: \"b=1,5\")";
    expect(&report, Verdict::Ok, message);
    assert_eq!(report.readings.len(), 2);
}

#[tokio::test]
async fn output_without_end_is_cut_and_no_number_is_cut_in_two() {
    let script = "i=0; echo 'OK | first=1'; echo '|'; \
                  while [ $i -lt 20000 ]; do echo x$i=123456; i=$((i+1)); done";
    let report = run(shell(script)).await;
    assert_eq!(report.verdict, Verdict::Ok);
    assert!(
        report
            .message
            .starts_with("OK (it wrote more than 64.0 KiB"),
        "{report}"
    );
    assert_eq!(report.value(None, "first"), Some(1.0));

    let line =
        "i=0; printf 'OK |'; while [ $i -lt 20000 ]; do printf ' x%s=123456' $i; i=$((i+1)); done";
    let report = run(shell(line)).await;
    assert!(report.readings.len() > 1000);
    assert!(
        report
            .readings
            .iter()
            .all(|reading| reading.value == Some(123_456.0))
    );
}

#[tokio::test]
async fn a_command_line_needs_no_shell() {
    let options =
        PluginOptions::parse("/bin/echo 'all  is' well '|' \"a b=1\" \"'c d'=2%;3\"").unwrap();
    let report = run(options).await;
    assert!(
        report
            .message
            .starts_with("all  is well (1 readings left out"),
        "{report}"
    );
    assert_eq!(report.value(None, "c d"), Some(2.0));
    let error = PluginOptions::parse("check_x | grep y").unwrap_err();
    assert!(matches!(error, PluginError::Words { .. }));
    assert_eq!(
        Plugin::new(shell("a\0b")).unwrap_err(),
        PluginError::ZeroByte("a\0b".into())
    );
    let error = Plugin::new(PluginOptions::new::<String>([])).unwrap_err();
    assert_eq!(error, PluginError::EmptyCommand);
}
