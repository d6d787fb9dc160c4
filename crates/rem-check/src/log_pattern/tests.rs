use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

use rem_time::Timestamp;
use tempfile::TempDir;

use super::{LogError, LogOptions, LogPattern, LogPosition, LogRule};
use crate::{Check, Report, Verdict};

struct Log {
    folder: TempDir,
    path: PathBuf,
}

impl Log {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.log");
        Self { folder, path }
    }

    fn add(&self, text: impl AsRef<[u8]>) -> &Self {
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(&self.path);
        file.unwrap().write_all(text.as_ref()).unwrap();
        self
    }

    fn rename(&self, to: &str) {
        fs::rename(&self.path, self.folder.path().join(to)).unwrap();
    }

    fn check(&self, position: Option<LogPosition>) -> LogPattern {
        LogPattern::new(self.options(), position).unwrap()
    }

    fn options(&self) -> LogOptions {
        LogOptions {
            from_start: true,
            ..LogOptions::new(&self.path, vec![LogRule::new("error", "ERROR")])
        }
    }
}

async fn run(check: &LogPattern) -> Report {
    check.run(Timestamp::EPOCH).await
}

/// How many lines matched of how many.
async fn counts(check: &LogPattern) -> (f64, f64) {
    let report = run(check).await;
    let matches = report.value(Some("error"), "matches");
    (matches.unwrap(), report.value(None, "lines").unwrap())
}

#[tokio::test]
async fn only_new_lines_count_and_the_last_one_is_quoted() {
    let log = Log::new();
    log.add("ERROR old\n");
    let options = LogOptions {
        from_start: false,
        ..log.options()
    };
    let check = LogPattern::new(options, None).unwrap();
    assert_eq!(run(&check).await.message, "no match in 0 new lines");
    log.add("fine\nERROR one\nERROR two\r\nERROR half");
    let report = run(&check).await;
    assert_eq!(
        (report.verdict, report.message.as_str()),
        (Verdict::Critical, "2 × error: ERROR two")
    );
    assert_eq!(report.value(None, "bytes"), Some(26.0));
    log.add(" and the rest\n");
    assert_eq!(
        run(&check).await.message,
        "1 × error: ERROR half and the rest"
    );
    assert_eq!(run(&check).await.message, "no match in 0 new lines");
}

#[tokio::test]
async fn a_position_that_was_kept_goes_on_where_it_was() {
    let log = Log::new();
    log.add("ERROR 1\n");
    let check = log.check(None);
    assert_eq!(check.position(), None);
    assert_eq!(counts(&check).await, (1.0, 1.0));
    let kept = check.position().unwrap().to_string();
    log.add("ERROR 2\n");
    let check = log.check(Some(kept.parse().unwrap()));
    assert_eq!(counts(&check).await, (1.0, 1.0));
    assert!("1:2:3".parse::<LogPosition>().is_err() && "".parse::<LogPosition>().is_err());
}

#[tokio::test]
async fn a_file_that_was_renamed_is_read_to_its_end_first() {
    let log = Log::new();
    log.add("ERROR 1\n");
    let check = log.check(None);
    counts(&check).await;
    let kept = check.position();
    log.add("ERROR 2\n").rename("app.log.1");
    log.add("ERROR 3\nfine\n");
    assert_eq!(counts(&check).await, (2.0, 3.0));
    assert_eq!(counts(&check).await, (0.0, 0.0));
    // As after a restart of ours: the file is found by its number.
    assert_eq!(counts(&log.check(kept)).await, (2.0, 3.0));
}

#[tokio::test]
async fn what_a_program_still_writes_to_the_renamed_file_counts() {
    let log = Log::new();
    log.add("ERROR 1\n");
    let check = log.check(None);
    let mut old = OpenOptions::new().append(true).open(&log.path).unwrap();
    counts(&check).await;
    log.rename("app.log.1");
    log.add("ERROR 2\n");
    assert_eq!(counts(&check).await, (1.0, 1.0));
    old.write_all(b"ERROR 3\n").unwrap();
    assert_eq!(counts(&check).await, (1.0, 1.0));
}

#[tokio::test]
async fn between_two_files_the_old_one_is_read() {
    let log = Log::new();
    log.add("fine\n");
    let check = log.check(None);
    counts(&check).await;
    log.add("ERROR 1\n").rename("app.log.1");
    assert_eq!(counts(&check).await, (1.0, 1.0));
    log.add("ERROR 2\n");
    assert_eq!(counts(&check).await, (1.0, 1.0));
}

#[tokio::test]
async fn a_file_that_was_truncated_is_read_from_its_beginning() {
    let log = Log::new();
    log.add("ERROR 1\nERROR 2\n");
    let check = log.check(None);
    counts(&check).await;
    fs::write(&log.path, "ERROR 3\n").unwrap();
    assert_eq!(counts(&check).await, (1.0, 1.0));
    // Grown past the old place before anybody looked.
    fs::write(&log.path, "something else and longer\nERROR 4\n").unwrap();
    assert_eq!(counts(&check).await, (1.0, 2.0));
}

#[tokio::test]
async fn long_lines_and_any_bytes_are_taken_within_limits() {
    let log = Log::new();
    let check = log.check(None);
    let mut line = vec![0xff; 300_000];
    line.extend_from_slice(b"ERROR too far out\n");
    log.add(&line).add(b"\x00\xfe ERROR\x07 binary \xff\n");
    let report = run(&check).await;
    assert_eq!(report.value(None, "lines"), Some(2.0));
    assert_eq!(report.value(Some("error"), "matches"), Some(1.0));
    assert!(!report.message.contains(char::is_control), "{report}");
    // A line that never ends is counted once, and nothing of it is kept.
    log.add(vec![b'x'; 200_000]);
    assert_eq!(counts(&check).await, (0.0, 1.0));
    log.add(vec![b'x'; 200_000]);
    assert_eq!(counts(&check).await, (0.0, 0.0));
    log.add("\nERROR\n");
    assert_eq!(counts(&check).await, (1.0, 1.0));
}

#[tokio::test]
async fn what_is_too_much_for_one_run_is_read_in_the_next() {
    let log = Log::new();
    log.add("ERROR\n".repeat(1000));
    let options = LogOptions {
        read_bytes_max: 4000,
        line_bytes_max: 100,
        ..log.options()
    };
    let check = LogPattern::new(options, None).unwrap();
    let report = run(&check).await;
    assert_eq!(report.value(Some("error"), "matches"), Some(666.0));
    assert!(
        report.message.ends_with("(2.0 KiB are still to be read)"),
        "{report}"
    );
    assert_eq!(counts(&check).await, (334.0, 334.0));
}

#[tokio::test]
async fn the_worst_rule_gives_verdict_and_message() {
    let log = Log::new();
    log.add("WARN a\nERROR known\nERROR b\nWARN c\n");
    let mut rules = vec![
        LogRule::new("warn", "WARN"),
        LogRule::new("error", "^ERROR"),
    ];
    rules[0].verdict = Verdict::Ok;
    rules[1].verdict = Verdict::Warning;
    rules[1].except = Some("known".into());
    let check = LogPattern::new(
        LogOptions {
            rules,
            ..log.options()
        },
        None,
    )
    .unwrap();
    let report = run(&check).await;
    assert_eq!(
        (report.verdict, report.message.as_str()),
        (Verdict::Warning, "1 × error: ERROR b")
    );
    assert_eq!(report.value(Some("warn"), "matches"), Some(2.0));
}

#[tokio::test]
async fn what_cannot_be_read_is_unknown() {
    let log = Log::new();
    let report = run(&log.check(None)).await;
    assert_eq!(report.verdict, Verdict::Unknown);
    assert!(
        report.message.ends_with("app.log: no such file"),
        "{report}"
    );
    fs::create_dir(&log.path).unwrap();
    let report = run(&log.check(None)).await;
    assert!(report.message.ends_with("app.log is no file"), "{report}");
}

#[test]
fn rules_that_cannot_work_are_refused() {
    let new = |rules| LogPattern::new(LogOptions::new("x", rules), None).unwrap_err();
    assert_eq!(new(vec![]), LogError::NoRule);
    let twice = vec![LogRule::new("a", "x"), LogRule::new("a", "y")];
    assert_eq!(new(twice), LogError::Twice("a".into()));
    assert!(matches!(
        new(vec![LogRule::new("a", "(")]),
        LogError::Pattern { .. }
    ));
    let huge = LogRule::new("a", r"(\w{1000}){1000}");
    assert!(matches!(new(vec![huge]), LogError::Pattern { .. }));
}
