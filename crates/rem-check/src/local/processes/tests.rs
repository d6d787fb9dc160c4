use rem_time::Timestamp;

use super::{LocalProcesses, ProcessesError, ProcessesOptions, Stat, is_named, parse_stat};
use crate::{Check, Report, Root, Verdict};

fn root() -> (tempfile::TempDir, Root) {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("uptime", "1000.50 2000.00\n");
    let stat = |pid: u32, name: &str, ticks: u64, threads: u64, started: u64, pages: u64| {
        let text = format!(
            "{pid} ({name}) S 1 1 1 0 -1 0 0 0 0 0 {ticks} 5 0 0 20 0 {threads} 0 {started} 99 {pages} 0\n"
        );
        write(&format!("{pid}/stat"), &text);
    };
    stat(10, "web", 100, 4, 10_000, 50);
    write("10/cmdline", "/usr/bin/web\0--port\080\0");
    write("10/fd/0", "");
    write("10/fd/1", "");
    stat(11, "web", 200, 1, 60_000, 10);
    write("11/cmdline", "/usr/bin/web\0--port\081\0");
    write("11/fd/0", "");
    stat(12, "odd) S (name", 1, 1, 90_000, 1);
    write("12/cmdline", "");
    write("12/fd/0", "");
    write("self/stat", "not a process");
    let root = Root {
        proc: folder.path().into(),
        sys: folder.path().into(),
    };
    (folder, root)
}

async fn look(options: ProcessesOptions) -> Report {
    let (_folder, root) = root();
    LocalProcesses::new(root, options)
        .unwrap()
        .run(Timestamp::EPOCH)
        .await
}

#[tokio::test(start_paused = true)]
async fn processes_of_one_name_are_added_up() {
    let report = look(ProcessesOptions::named("web")).await;
    assert_eq!(
        (report.verdict, report.message.as_str()),
        (Verdict::Ok, "2 processes named web")
    );
    let page = rustix::param::page_size() as f64;
    let expected = [
        ("count", 2.0),
        ("cpu", 0.0),
        ("memory", 60.0 * page),
        ("threads", 5.0),
        ("fds", 3.0),
        ("oldest", 900.5),
    ];
    for (field, value) in expected {
        assert_eq!(report.value(None, field), Some(value), "{field}");
    }
}

#[tokio::test(start_paused = true)]
async fn too_few_and_too_many_are_critical() {
    let report = look(ProcessesOptions::named("db")).await;
    let message = "0 processes named db, expected at least 1";
    assert_eq!(
        (report.verdict, report.message.as_str()),
        (Verdict::Critical, message)
    );
    assert_eq!(report.value(None, "oldest"), None);
    let options = ProcessesOptions {
        min: 0,
        max: Some(1),
        ..ProcessesOptions::named("web")
    };
    let report = look(options).await;
    let message = "2 processes named web, expected at most 1";
    assert_eq!(
        (report.verdict, report.message.as_str()),
        (Verdict::Critical, message)
    );
    let report = look(ProcessesOptions {
        min: 0,
        max: Some(0),
        ..ProcessesOptions::named("db")
    })
    .await;
    assert_eq!(report.verdict, Verdict::Ok);
}

#[tokio::test(start_paused = true)]
async fn a_pattern_is_about_the_whole_command_line() {
    let with = |pattern: &str| ProcessesOptions {
        pattern: Some(pattern.into()),
        ..ProcessesOptions::default()
    };
    let report = look(with("--port 81$")).await;
    assert_eq!(report.message, "1 process matching --port 81$");
    assert_eq!(
        look(ProcessesOptions::default()).await.value(None, "count"),
        Some(3.0)
    );
    let user = ProcessesOptions {
        user: Some("4294967294".into()),
        ..ProcessesOptions::named("web")
    };
    assert_eq!(look(user).await.verdict, Verdict::Critical);
}

#[test]
fn options_that_cannot_work_are_refused() {
    let new = |options| LocalProcesses::new(Root::default(), options).unwrap_err();
    let pattern = ProcessesOptions {
        pattern: Some("(".into()),
        ..ProcessesOptions::default()
    };
    assert!(matches!(new(pattern), ProcessesError::Pattern { .. }));
    let user = ProcessesOptions {
        user: Some("no-such-user".into()),
        ..ProcessesOptions::default()
    };
    assert_eq!(new(user), ProcessesError::User("no-such-user".into()));
    let count = ProcessesOptions {
        min: 2,
        max: Some(1),
        ..ProcessesOptions::default()
    };
    assert_eq!(new(count), ProcessesError::Count { min: 2, max: 1 });
}

#[test]
fn names_may_be_strange_and_long() {
    let line = "12 (odd) S (name) S 1 1 1 0 -1 0 0 0 0 0 7 5 0 0 20 0 3 0 90 99 -1 0";
    let expected = Stat {
        comm: "odd) S (name".into(),
        ticks: 12,
        threads: 3,
        started: 90,
        pages: 0,
    };
    assert_eq!(parse_stat(line), Some(expected));
    for broken in ["", "12 (x", "12 (x) S", ") (", "1 () S a b c"] {
        assert_eq!(parse_stat(broken), None, "{broken}");
    }
    assert!(is_named(
        "prometheus-node-exporter",
        "prometheus-node",
        b"/usr/bin/prometheus-node-exporter\0"
    ));
    assert!(!is_named(
        "prometheus-node-exporter",
        "prometheus-node",
        b"/usr/bin/prometheus-node-other\0"
    ));
    assert!(
        is_named("kworker", "kworker", b"")
            && is_named("größe-xyz-größe-x", "größe-xyz-gr\u{fffd}", b"")
    );
}

#[tokio::test]
async fn this_test_finds_itself() {
    let me = std::env::current_exe().unwrap();
    let options = ProcessesOptions::named(me.file_name().unwrap().to_str().unwrap());
    let report = LocalProcesses::new(Root::default(), options)
        .unwrap()
        .run(Timestamp::EPOCH)
        .await;
    assert_eq!(report.verdict, Verdict::Ok, "{report}");
    assert!(report.value(None, "memory").unwrap() > 100_000.0);
    assert!(report.value(None, "fds").unwrap() >= 3.0 && report.value(None, "oldest").is_some());
}
