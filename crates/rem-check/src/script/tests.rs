use super::*;

fn script(shell: &str) -> Script {
    let options = ScriptOptions {
        deadline: Span::from_seconds(30),
        ..ScriptOptions::new(["/bin/sh", "-c", shell])
    };
    Script::new(options).unwrap()
}

#[track_caller]
fn check(report: &crate::Report, verdict: Verdict, message: &str) {
    assert_eq!(
        (report.verdict, report.message.as_str()),
        (verdict, message)
    );
}

async fn run(shell: &str) -> crate::Report {
    script(shell).run(Timestamp::EPOCH).await
}

#[tokio::test]
async fn the_exit_status_is_the_verdict() {
    for (status, verdict) in [
        (0, Verdict::Ok),
        (1, Verdict::Warning),
        (2, Verdict::Critical),
        (3, Verdict::Unknown),
    ] {
        let report = run(&format!("echo so it is; exit {status}")).await;
        check(&report, verdict, "so it is");
    }
    check(&run("exit 77").await, Verdict::Unknown, "exit status 77");
}

#[tokio::test]
async fn numbers_become_readings_with_the_time_it_took() {
    let report = run("echo ok; echo users=3; echo 'latency=5ms'").await;
    check(&report, Verdict::Ok, "ok");
    assert_eq!(report.value(None, "users"), Some(3.0));
    assert_eq!(report.value(None, "latency"), Some(0.005));
    assert!(report.value(None, "script_duration").unwrap() > 0.0);
    let report = run(r#"echo '{"sda": {"temperature": 41}}'"#).await;
    assert_eq!(report.value(Some("sda"), "temperature"), Some(41.0));
    check(&report, Verdict::Ok, "1 reading");
}

#[tokio::test]
async fn a_failure_without_a_word_is_quoted_from_standard_error() {
    let report = run("echo no disk >&2; exit 2").await;
    check(&report, Verdict::Critical, "no disk");
    check(
        &run("exit 2").await,
        Verdict::Critical,
        "critical, and it did not say why",
    );
}

#[tokio::test]
async fn a_signal_is_unknown_with_its_name() {
    check(
        &run("kill -9 $$").await,
        Verdict::Unknown,
        "ended by signal 9 (KILL)",
    );
}

#[tokio::test]
async fn a_program_that_takes_too_long_is_ended_and_what_it_said_stays() {
    let options = ScriptOptions {
        deadline: Span::from_seconds(1),
        ..ScriptOptions::new(["/bin/sh", "-c", "echo so far; echo x=1; exec sleep 600"])
    };
    let report = Script::new(options).unwrap().run(Timestamp::EPOCH).await;
    check(&report, Verdict::Unknown, "not done within 1s: so far");
    assert_eq!(report.value(None, "x"), Some(1.0));
    assert!(report.took < Span::from_seconds(60));
}

#[tokio::test]
async fn a_program_that_is_not_there_says_so() {
    let options = ScriptOptions::new(["/nowhere/check"]);
    let report = Script::new(options).unwrap().run(Timestamp::EPOCH).await;
    check(
        &report,
        Verdict::Unknown,
        "program not found: /nowhere/check",
    );
}

#[tokio::test]
async fn content_with_itself_but_no_json_is_unknown() {
    let report = run("echo '{oops'").await;
    assert_eq!(report.verdict, Verdict::Unknown);
    assert!(
        report
            .message
            .starts_with("its output is not JSON: key must be")
    );
}

#[tokio::test]
async fn garbage_is_survived_and_cut() {
    let report = run("head -c 1000000 /dev/urandom; exit 1").await;
    assert_eq!(report.verdict, Verdict::Warning);
    assert!(
        report.message.contains("it wrote more than 256.0 KiB"),
        "{}",
        report.message
    );
    let report = run("i=0; while [ $i -lt 12000 ]; do echo v$i=1; i=$((i+1)); done").await;
    assert_eq!(report.readings.len(), READINGS_MAX + 2);
    assert!(report.message.contains("2000 readings past 10000 left out"));
}

#[test]
fn an_empty_command_is_refused() {
    let none = ScriptOptions::new(Vec::<String>::new());
    assert_eq!(Script::new(none).unwrap_err(), ScriptError::EmptyCommand);
}
