//! Damage, full disks, folders that cannot be written: said clearly, nothing made worse.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rem_series::{Error, Query, Store};

use crate::{at, clock, open, quiet, seconds, values};

fn push(store: &Store, name: &str, second: i64, value: f64) -> rem_series::Result<()> {
    store.push(name, seconds(1), at(second), &[("v", Some(value))])
}

/// A store with committed samples that are in no file, as a crash leaves it.
fn crashed(folder: &Path, samples: i64) {
    let store = open(folder);
    for second in 0..samples {
        push(&store, "s", second, second as f64).unwrap();
        // A block each.
        store.sync().unwrap();
    }
}

fn only_segment(folder: &Path) -> PathBuf {
    let files = fs::read_dir(folder.join("journal")).unwrap();
    let mut segments = files
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "journal"));
    let segment = segments.next().unwrap();
    assert_eq!(segments.next(), None);
    segment
}

#[test]
fn a_second_process_is_refused_and_told_who_has_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let error = Store::open(folder.path(), quiet(), clock()).unwrap_err();
    let expected = format!(
        "{} is in use by process {}",
        folder.path().display(),
        std::process::id()
    );
    assert_eq!(error.to_string(), expected);
    drop(store);
    open(folder.path());
}

#[test]
fn a_journal_cut_off_anywhere_gives_back_what_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    crashed(folder.path(), 5);
    let segment = only_segment(folder.path());
    let whole = fs::read(&segment).unwrap();
    for len in (0..whole.len()).step_by(7) {
        let copy = tempfile::tempdir().unwrap();
        fs::create_dir(copy.path().join("journal")).unwrap();
        let cut = copy.path().join("journal/0000000000000001.journal");
        fs::write(cut, &whole[..len]).unwrap();
        let store = open(copy.path());
        // A kill in the middle of a commit is no damage.
        assert_eq!(store.opening().damage, [] as [String; 0], "cut to {len}");
        let back = store.opening().replayed as i64;
        if back > 0 {
            let expected: Vec<_> = (0..back).map(|s| Some(s as f64)).collect();
            assert_eq!(values(&store, "s", "v", -1, back - 1), expected, "{len}");
        }
    }
}

#[test]
fn a_damaged_stretch_of_the_journal_is_named_kept_and_stepped_over() {
    let folder = tempfile::tempdir().unwrap();
    crashed(folder.path(), 5);
    let segment = only_segment(folder.path());
    let before = fs::read(&segment).unwrap();
    // In the middle of the third of five blocks, the first of which is longer.
    let block = (before.len() - before.windows(4).position(|w| w == b"RSJ1").unwrap()) / 5;
    let file = OpenOptions::new().write(true).open(&segment).unwrap();
    let second_last = before.windows(4).enumerate().filter(|(_, w)| *w == b"RSJ1");
    let starts: Vec<usize> = second_last.map(|(at, _)| at).collect();
    assert_eq!(starts.len(), 5);
    file.write_all_at(b"rubbish", starts[2] as u64 + 20)
        .unwrap();
    let damaged = fs::read(&segment).unwrap();
    assert!(block > 0);

    let store = open(folder.path());
    let opening = store.opening();
    assert_eq!(opening.replayed, 4);
    let expected = format!(
        "{}: damaged from byte {} on: {} bytes",
        segment.display(),
        starts[2],
        starts[3] - starts[2]
    );
    assert_eq!(opening.damage[0], expected);
    let known = [Some(0.0), Some(1.0), None, Some(3.0), Some(4.0)];
    let read = values(&store, "s", "v", -1, 4);
    // The second that was lost lies within the heartbeat, so that RRD bridges it.
    assert_eq!((read[0], read[1], read[4]), (known[0], known[1], known[4]));
    store.close().unwrap();
    let kept = fs::read(segment.with_extension("journal.damaged")).unwrap();
    assert_eq!(kept, damaged);
}

#[test]
fn rubbish_instead_of_a_journal_is_no_reason_not_to_start() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("journal")).unwrap();
    let segment = folder.path().join("journal/0000000000000007.journal");
    fs::write(&segment, vec![0xA5; 100_000]).unwrap();
    let store = open(folder.path());
    assert!(store.opening().damage[0].contains("damaged from byte 0 on"));
    push(&store, "s", 0, 1.0).unwrap();
    assert_eq!(values(&store, "s", "v", -1, 0), [Some(1.0)]);
}

#[test]
fn a_truncated_file_is_named_and_left_alone_and_its_samples_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    {
        let store = open(folder.path());
        push(&store, "s", 0, 1.0).unwrap();
        push(&store, "t", 0, 1.0).unwrap();
        store.close().unwrap();
    }
    let path = folder.path().join("series/s.rrd");
    let whole = fs::read(&path).unwrap();
    {
        let store = open(folder.path());
        // Known before it breaks, so that its samples are accepted.
        push(&store, "s", 1, 2.0).unwrap();
        push(&store, "t", 1, 2.0).unwrap();
        fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        let error = store.flush().unwrap_err();
        let text = format!("{error}");
        assert!(text.contains("s.rrd"), "{text}");
        // The others are not held up, and nothing was written into it.
        assert_eq!(values(&store, "t", "v", -1, 1), [Some(1.0), Some(2.0)]);
        assert_eq!(fs::read(&path).unwrap(), whole[..whole.len() / 2]);
        assert!(store.stats().flush_error.unwrap().contains("series s"));
        assert!(store.close().is_err());
    }
    // At the next start the series is refused by name, and its samples are kept aside.
    {
        let store = open(folder.path());
        let error = push(&store, "s", 2, 3.0).unwrap_err();
        assert!(matches!(&error, Error::Damaged { path: p, .. } if *p == path));
        let text = error.to_string();
        assert!(
            text.contains("is damaged and left as it is: it has"),
            "{text}"
        );
        let damage = &store.opening().damage;
        assert!(
            damage.iter().any(|line| line.contains("s.rrd")),
            "{damage:?}"
        );
        assert_eq!(values(&store, "t", "v", -1, 1), [Some(1.0), Some(2.0)]);
        store.close().unwrap();
    }
    // Whoever puts the file and the kept journal back gets everything.
    fs::write(&path, &whole).unwrap();
    for file in fs::read_dir(folder.path().join("journal")).unwrap() {
        let kept = file.unwrap().path();
        if kept.extension().is_some_and(|ending| ending == "damaged") {
            fs::rename(&kept, kept.with_extension("")).unwrap();
        }
    }
    let store = open(folder.path());
    assert_eq!(values(&store, "s", "v", -1, 1), [Some(1.0), Some(2.0)]);
}

#[test]
fn a_file_that_is_no_rrd_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let path = store.path("s");
    fs::write(&path, "not at all").unwrap();
    let error = store.series("s", seconds(1)).unwrap_err();
    let expected = format!(
        "{} is damaged and left as it is: it is not an RRD file",
        path.display()
    );
    assert_eq!(error.to_string(), expected);
    assert_eq!(fs::read(&path).unwrap(), b"not at all");
    let error = store.fetch("s", &Query::new(at(0), at(1))).unwrap_err();
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_file_that_somebody_deleted_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    push(&store, "s", 0, 1.0).unwrap();
    store.flush().unwrap();
    fs::remove_file(store.path("s")).unwrap();
    push(&store, "s", 1, 2.0).unwrap();
    // The first attempt finds out, the second one makes the file.
    assert!(store.flush().is_err());
    store.flush().unwrap();
    assert_eq!(values(&store, "s", "v", 0, 1), [Some(2.0)]);
    store.close().unwrap();
}

/// Runs one of the children below in a process of its own, which a shell starts
/// after `before`; as another user where `user` is one.
fn child(test: &str, folder: &Path, before: &str, user: Option<u32>) -> Output {
    let this = std::env::current_exe().unwrap();
    // Somewhere that every user can reach.
    let program = folder.join("program");
    fs::copy(this, &program).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new("sh");
    command
        .arg("-c")
        .arg(format!(
            "{before}; exec \"$0\" --exact faults::{test} --nocapture"
        ))
        .arg(&program)
        .env("REM_SERIES_TEST_CHILD", folder);
    if let Some(user) = user {
        command.uid(user).gid(user);
    }
    command.output().unwrap()
}

#[track_caller]
fn assert_passed(output: &Output) {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&text)
    );
}

fn folder_of_child() -> Option<PathBuf> {
    std::env::var_os("REM_SERIES_TEST_CHILD").map(Into::into)
}

#[test]
fn child_on_a_full_disk() {
    let Some(folder) = folder_of_child() else {
        return;
    };
    let folder = folder.join("data");
    let store = open(&folder);
    // The file of the second series does not fit, the journal does.
    for second in 0..10 {
        push(&store, "small", second, 1.0).unwrap();
        let sample: Vec<_> = (0..50).map(|i| format!("field{i}")).collect();
        let sample: Vec<_> = sample
            .iter()
            .map(|name| (name.as_str(), Some(1.0)))
            .collect();
        store
            .push("large", seconds(1), at(second), &sample)
            .unwrap();
    }
    let error = store.flush().unwrap_err().to_string();
    assert!(
        error.starts_with("cannot create") && error.ends_with("large.rrd"),
        "{error}"
    );
    let error = store.stats().flush_error.unwrap();
    assert!(
        error.contains("series large") && error.contains("File too large"),
        "{error}"
    );
    assert_eq!(values(&store, "small", "v", -1, 9), [Some(1.0); 10]);
    assert!(!store.path("large").exists());
    // Then the journal does not either.
    let mut second = 10;
    while store.sync().is_ok() {
        for _ in 0..1000 {
            push(&store, "filler", second, 1.0).unwrap();
            second += 1;
        }
    }
    let error = store.sync().unwrap_err();
    assert!(error.to_string().contains(".journal"), "{error}");
    assert!(
        store
            .stats()
            .journal_error
            .unwrap()
            .contains("File too large")
    );
    assert!(store.stats().journal_waiting > 0 || second > 10);
    // Accepted in memory all the same, and what was written before is still good.
    push(&store, "filler", second, 1.0).unwrap();
}

#[test]
fn a_full_disk_is_named_and_costs_only_what_did_not_fit() {
    let folder = tempfile::tempdir().unwrap();
    // 1024 blocks of 512 bytes; without the signal it is an error like a full disk.
    let output = child(
        "child_on_a_full_disk",
        folder.path(),
        "trap '' XFSZ; ulimit -f 1024",
        None,
    );
    assert_passed(&output);
    let store = open(&folder.path().join("data"));
    assert_eq!(store.opening().damage, [] as [String; 0]);
    let fields = store.fetch("large", &Query::new(at(-1), at(9))).unwrap();
    assert_eq!((fields.fields.len(), fields.len()), (50, 10));
    assert_eq!(values(&store, "small", "v", -1, 9), [Some(1.0); 10]);
}

#[test]
fn child_in_a_read_only_folder() {
    let Some(folder) = folder_of_child() else {
        return;
    };
    let error = Store::open(&folder.join("data"), quiet(), clock()).unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("cannot ") && text.contains("/data/"),
        "{text}"
    );
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("Permission denied"), "{source}");
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    {
        let store = open(&data);
        push(&store, "s", 0, 1.0).unwrap();
        store.close().unwrap();
    }
    for path in [data.join("journal/undo"), data.join("lock")] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o444)).unwrap();
    }
    for path in [data.join("journal"), data.join("series"), data.clone()] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o555)).unwrap();
    }
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    // Root may write anywhere; nobody may not.
    let root = fs::metadata("/proc/self").is_ok_and(|me| {
        use std::os::unix::fs::MetadataExt;
        me.uid() == 0
    });
    let before = fs::read(data.join("series/s.rrd")).unwrap();
    let output = child(
        "child_in_a_read_only_folder",
        folder.path(),
        ":",
        root.then_some(65_534),
    );
    assert_passed(&output);
    assert_eq!(fs::read(data.join("series/s.rrd")).unwrap(), before);
    for path in [data.clone(), data.join("journal"), data.join("series")] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

#[test]
fn a_file_that_stays_unwritable_does_not_pin_the_journal_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let options = rem_series::Options {
        segment_bytes: 200,
        flush_every: rem_time::Span::from_millis(60),
        commit_window: rem_time::Span::from_millis(2),
        ..quiet()
    };
    let store = Store::open(folder.path(), options, clock()).unwrap();
    // A folder in the place of the file that is written before it gets its name.
    fs::create_dir(folder.path().join("series/.broken.rrd.new")).unwrap();
    fs::write(folder.path().join("series/.broken.rrd.new/x"), "").unwrap();
    push(&store, "broken", 0, 1.0).unwrap();
    let mut second = 0;
    crate::wait_for("old segments to go", || {
        second += 1;
        push(&store, "good", second, 1.0).unwrap();
        store.sync().unwrap();
        !folder
            .path()
            .join("journal/0000000000000001.journal")
            .exists()
    });
    drop(store);
    // What waits was carried over.
    fs::remove_dir_all(folder.path().join("series/.broken.rrd.new")).unwrap();
    let store = open(folder.path());
    assert_eq!(values(&store, "broken", "v", -1, 0), [Some(1.0)]);
}
