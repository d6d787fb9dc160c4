use std::os::unix::fs::PermissionsExt;

use rem_time::{Span, Timestamp};

use super::{LocalUnits, UnitsError, UnitsOptions};
use crate::{Check, Report, Verdict};

const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);

fn unit(id: &str, active: &str, sub: &str, more: &str) -> String {
    format!(
        "Id={id}\nLoadState=loaded\nActiveState={active}\nSubState={sub}\nResult=success\n{more}\n"
    )
}

/// Asks a systemctl that says this and exits so.
async fn ask(units: &[&str], says: &str, end: &str) -> Report {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("systemctl");
    std::fs::write(folder.path().join("said"), says).unwrap();
    let script = format!("#!/bin/sh\ncat {}/said\n{end}\n", folder.path().display());
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    let options = UnitsOptions {
        units: units.iter().map(|unit| (*unit).to_owned()).collect(),
        systemctl: program.to_str().unwrap().to_owned(),
        deadline: Span::from_seconds(20),
    };
    LocalUnits::new(options).unwrap().run(NOW).await
}

#[track_caller]
fn expect(report: &Report, verdict: Verdict, message: &str) {
    assert_eq!(
        (report.verdict, report.message.as_str()),
        (verdict, message)
    );
}

#[tokio::test]
async fn a_service_that_runs_has_its_numbers() {
    let more = "Type=simple\nActiveEnterTimestamp=@1699999900\nNRestarts=2\n\
                MemoryCurrent=1048576\nCPUUsageNSec=2500000000\nTasksCurrent=18446744073709551615\n";
    let report = ask(
        &["ssh"],
        &unit("ssh.service", "active", "running", more),
        "",
    )
    .await;
    expect(&report, Verdict::Ok, "ssh.service is active (running)");
    let shown: Vec<String> = report.readings.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "units 1",
            "units_failed 0",
            "ssh.service active 1",
            "ssh.service failed 0",
            "ssh.service active_seconds 100 s",
            "ssh.service restarts 2",
            "ssh.service memory 1048576 B",
            "ssh.service cpu 2.5 s",
            "ssh.service tasks unknown",
        ]
    );
}

#[tokio::test]
async fn what_is_wrong_with_a_named_unit_is_the_message() {
    let says = [
        unit("a.service", "failed", "failed", "Result=exit-code\n"),
        unit("b.service", "inactive", "dead", "Type=simple\n"),
        unit("c.service", "activating", "start", "Type=notify\n"),
        unit("d.service", "activating", "auto-restart", "Result=signal\n"),
        unit("e.service", "inactive", "dead", "Type=oneshot\n"),
        "Id=f.service\nLoadState=not-found\nActiveState=inactive\n".into(),
        unit("g.timer", "active", "waiting", ""),
    ]
    .join("\n");
    let report = ask(&["a", "b", "c", "d", "e", "f", "g.timer"], &says, "").await;
    let message = "a.service has failed (exit-code), b.service is inactive, \
                   d.service ends and is started again (signal), f.service is not there, \
                   c.service is activating (start)";
    expect(&report, Verdict::Critical, message);
    assert_eq!(report.value(None, "units_failed"), Some(1.0));
    assert_eq!(report.value(Some("b.service"), "active_seconds"), None);
}

#[tokio::test]
async fn of_a_pattern_only_what_has_failed_is_wrong() {
    let says = [
        unit("a.service", "inactive", "dead", ""),
        unit("b.service", "active", "running", ""),
    ];
    let report = ask(&["*.service"], &says.join("\n"), "").await;
    expect(&report, Verdict::Ok, "2 units, none has failed");
    let report = ask(&[], &says.join("\n"), "").await;
    assert_eq!(report.verdict, Verdict::Ok);
}

#[tokio::test]
async fn without_systemd_the_check_is_unknown_with_the_reason() {
    let why = "System has not been booted with systemd as init system (PID 1). Can't operate.";
    let report = ask(&["ssh"], "", &format!("echo \"{why}\" >&2; exit 1")).await;
    expect(
        &report,
        Verdict::Unknown,
        &format!("systemd cannot be asked: {why}"),
    );
    let options = UnitsOptions {
        systemctl: "/no/systemctl".into(),
        ..UnitsOptions::default()
    };
    let report = LocalUnits::new(options).unwrap().run(NOW).await;
    expect(
        &report,
        Verdict::Unknown,
        "systemd cannot be asked: program not found: /no/systemctl",
    );
}

#[test]
fn names_that_systemctl_would_take_for_options_are_refused() {
    for name in ["--force", "", "a b", "a\nb"] {
        let options = UnitsOptions {
            units: vec![name.into()],
            ..UnitsOptions::default()
        };
        assert_eq!(
            LocalUnits::new(options).unwrap_err(),
            UnitsError::Name(name.into())
        );
    }
}
