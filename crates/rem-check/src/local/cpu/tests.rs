use std::time::Duration;

use super::*;

fn ticks(busy: u64, idle: u64) -> Ticks {
    [busy, 0, 0, idle, 0, 0, 0, 0, 0, 0]
}

fn looks(before: &str, now: &str) -> Looks<Vec<Cpu>> {
    Looks {
        before: parse_stat(before, true).unwrap(),
        now: parse_stat(now, true).unwrap(),
        apart: Duration::from_secs(1),
    }
}

fn value(finding: &Finding, group: Option<&str>, field: &str) -> Option<f64> {
    let mut readings = finding.readings.iter();
    let reading = readings.find(|r| r.group.as_deref() == group && r.field == field);
    reading.unwrap().value
}

#[test]
fn a_captured_machine_has_its_sum_and_its_cores() {
    let text = include_str!("../../../tests/fixtures/vm/stat");
    assert_eq!(parse_stat(text, false).unwrap().len(), 1);
    let cpus = parse_stat(text, true).unwrap();
    let names: Vec<Option<&str>> = cpus.iter().map(|cpu| cpu.core.as_deref()).collect();
    assert_eq!(names, [None, Some("cpu0"), Some("cpu1")]);
}

#[test]
fn shares_are_percent_of_the_time_that_passed() {
    let before = "cpu 100 0 50 1000 10 0 0 0 0 0\ncpu0 100 0 50 1000 10 0 0 0 0 0\n";
    let now = "cpu 130 0 60 1050 20 0 0 0 0 0\ncpu0 130 0 60 1050 20 0 0 0 0 0\n";
    let finding = finding(&looks(before, now));
    assert_eq!(finding.verdict, Verdict::Ok);
    assert_eq!(finding.message, "40.0% used");
    for group in [None, Some("cpu0")] {
        assert_eq!(value(&finding, group, "user"), Some(30.0));
        assert_eq!(value(&finding, group, "system"), Some(10.0));
        assert_eq!(value(&finding, group, "idle"), Some(50.0));
        assert_eq!(value(&finding, group, "iowait"), Some(10.0));
        assert_eq!(value(&finding, group, "used"), Some(40.0));
    }
}

#[test]
fn a_guest_is_not_counted_twice() {
    let before = [0; 10];
    let now = [60, 0, 0, 40, 0, 0, 0, 0, 50, 0];
    let [used, user, .., guest] = shares(&before, &now).unwrap();
    assert_eq!((used, user, guest), (60.0, 10.0, 50.0));
}

#[test]
fn an_idle_count_that_steps_back_a_little_is_no_reset() {
    let shares = shares(&ticks(10, 1000), &ticks(30, 995)).unwrap();
    assert_eq!(shares[0], 100.0);
}

#[test]
fn counters_that_started_anew_are_unknown_for_that_round() {
    assert_eq!(shares(&ticks(10, 1000), &ticks(9, 1010)), None);
    assert_eq!(shares(&ticks(10, 1000), &ticks(20, 0)), None);
    let finding = finding(&looks("cpu 9 9 9 9 9\n", "cpu 1 1 1 1 1\n"));
    assert_eq!(finding.verdict, Verdict::Unknown);
    assert!(finding.readings.iter().all(|r| r.value.is_none()));
}

#[test]
fn a_core_that_was_just_put_in_is_unknown_and_the_machine_is_not() {
    let finding = finding(&looks("cpu 1 1 1 1\n", "cpu 2 2 2 2\ncpu7 0 0 0 1\n"));
    assert_eq!(finding.verdict, Verdict::Ok);
    assert_eq!(value(&finding, Some("cpu7"), "used"), None);
}

#[test]
fn no_time_between_two_looks_is_unknown_not_zero() {
    assert_eq!(shares(&ticks(1, 1), &ticks(1, 1)), None);
}

#[test]
fn an_old_kernel_with_four_counters_is_read() {
    let cpus = parse_stat("cpu  1 2 3 4\n", false).unwrap();
    assert_eq!(cpus[0].ticks, [1, 2, 3, 4, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn broken_files_are_refused_with_their_line() {
    for (text, message) in [
        ("", "stat:1: expected a line that starts with cpu"),
        (
            "cpu0 1 2 3 4\n",
            "stat:1: expected a line that starts with cpu",
        ),
        ("cpu 1 2 3\n", "stat:1: expected at least four counters"),
        ("cpu 1 2 3 4\ncpu0 1 x 3 4\n", "stat:2: expected counters"),
        ("cpu", "stat:1: expected a name and counters"),
    ] {
        assert_eq!(parse_stat(text, true).unwrap_err().to_string(), message);
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_run_looks_twice_and_the_next_goes_on_from_there() {
    let folder = tempfile::tempdir().unwrap();
    let write = |text: &str| std::fs::write(folder.path().join("stat"), text).unwrap();
    write("cpu 0 0 0 100\n");
    let cpu = LocalCpu::new(Root {
        proc: folder.path().into(),
        sys: folder.path().into(),
    });
    let first = async {
        // While the check waits for its second look.
        tokio::time::sleep(Duration::from_millis(100)).await;
        write("cpu 10 0 0 110\n");
    };
    let (report, ()) = tokio::join!(cpu.run(Timestamp::EPOCH), first);
    assert_eq!(report.value(None, "used"), Some(50.0));
    assert_eq!(report.took, Span::from_millis(250));

    tokio::time::advance(Duration::from_secs(10)).await;
    write("cpu 20 0 0 140\n");
    let report = cpu.run(Timestamp::EPOCH).await;
    assert_eq!(report.value(None, "used"), Some(25.0));
    assert_eq!(report.took, Span::ZERO);
}

#[tokio::test]
async fn a_proc_that_is_not_there_is_unknown_with_the_reason() {
    let cpu = LocalCpu::new(Root {
        proc: "/nowhere".into(),
        sys: "/nowhere".into(),
    });
    let report = cpu.run(Timestamp::EPOCH).await;
    assert_eq!(report.verdict, Verdict::Unknown);
    assert_eq!(report.message, "cannot read /nowhere/stat: no such file");
}
