//! The real command on the examples and on files that are not in order.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../examples/simplest")
        .canonicalize()
        .unwrap()
}

fn procblock(folder: &Path, args: &[&str]) -> Output {
    command(folder, args).output().unwrap()
}

fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_procblock"));
    command.args(args).current_dir(folder).stdin(Stdio::null());
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The monitor of the examples, quick enough for a test.
fn quick_monitor(folder: &Path) {
    for name in ["simplest.py", "simplest_monitor.yaml"] {
        let content = fs::read_to_string(examples().join(name)).unwrap();
        let content = content
            .replace("cache: 5", "cache: 1")
            .replace("interval: 5", "interval: 1");
        let content = content.replace("interval: 10", "interval: 1");
        let content = content.replace(
            "longrunning: true",
            "longrunning: true\n  pidfile: simplest.pid",
        );
        fs::write(folder.join(name), content).unwrap();
    }
}

/// What a program prints on standard error, line by line as it comes.
struct Running {
    child: Child,
    stderr: BufReader<std::process::ChildStderr>,
    told: Vec<String>,
}

impl Running {
    fn start(folder: &Path, args: &[&str]) -> Self {
        let mut command = command(folder, args);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Self {
            child,
            stderr,
            told: Vec::new(),
        }
    }

    /// Reads on until a line with this text has come `times` times.
    fn until(&mut self, part: &str, times: usize) {
        let seen = |told: &[String]| told.iter().filter(|line| line.contains(part)).count();
        while seen(&self.told) < times {
            let mut line = String::new();
            let read = self.stderr.read_line(&mut line).unwrap();
            assert!(read > 0, "ended before it told {part}: {:#?}", self.told);
            self.told.push(line);
        }
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    fn end(mut self) -> (i32, String, String) {
        let mut rest = String::new();
        self.stderr.read_to_string(&mut rest).unwrap();
        let output = self.child.wait_with_output().unwrap();
        let told = self.told.concat() + &rest;
        (output.status.code().unwrap(), text(&output.stdout), told)
    }
}

#[test]
fn the_simplest_block_prints_its_result() {
    let folder = tempfile::tempdir().unwrap();
    let file = examples().join("simplest.yaml");
    let output = procblock(folder.path(), &[file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    let run = result["run"].as_object().unwrap();
    let keys: Vec<&str> = run.keys().map(String::as_str).collect();
    assert_eq!(keys, ["__duration", "__start_time", "args", "random"]);
    assert!(run["random"].as_u64().unwrap() <= 100);
    assert!(run["__duration"].as_f64().unwrap() > 0.0);
    assert!(run["__start_time"].as_f64().unwrap() > 1e9);
    assert_eq!(run["args"], serde_json::json!([]));
}

#[test]
fn the_simplest_monitor_keeps_draws_and_stops_when_told() {
    for signal in [rustix::process::Signal::INT, rustix::process::Signal::TERM] {
        let folder = tempfile::tempdir().unwrap();
        quick_monitor(folder.path());
        let mut monitor = Running::start(folder.path(), &["simplest_monitor.yaml"]);
        monitor.until("sample stored in simplest.rrd", 3);
        assert!(folder.path().join("simplest.pid").exists());
        monitor.signal(signal);
        let (code, printed, told) = monitor.end();
        assert_eq!(code, 0, "{told}");
        let result: Value = serde_json::from_str(&printed).unwrap();
        let shown = result["run"]["run_thread.simplest"].as_str().unwrap();
        assert_eq!(
            shown,
            "simplest: Is Running: True  Scripts: ['simplest.py']"
        );
        for line in [
            "procblock: run thread starts: simplest",
            "procblock: waiting for the first result of run thread: simplest",
            "procblock: stopping, SIG",
            "procblock: lock released: __running",
            "procblock: run thread stops, its lock was released: simplest",
        ] {
            assert!(told.contains(line), "{line} is missing in:\n{told}");
        }
        let rrd = fs::read(folder.path().join("simplest.rrd")).unwrap();
        assert_eq!(&rrd[..3], b"RRD");
        let png = fs::read(folder.path().join("simplest.png")).unwrap();
        assert_eq!(&png[1..4], b"PNG");
        assert!(!folder.path().join("simplest.pid").exists());
    }
}

#[test]
fn a_script_that_runs_is_stopped_in_its_midst() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("slow.yaml"),
        "run:\n  - shell: echo began >&2; kill -INT $PPID; sleep 600\n",
    )
    .unwrap();
    let began = Instant::now();
    let output = procblock(folder.path(), &["slow.yaml"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(began.elapsed() < Duration::from_secs(30));
    assert_eq!(text(&output.stdout), "");
}

#[test]
fn options_and_arguments_are_those_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let yaml = "__usage:\n  name: disks\n  info: how full disks are\n  args:\n    - {name: disk, info: the disk, required: true}\n  options:\n    limit: {letter: l, type: number, info: percent, default: 80}\n    verbose: {letter: v, type: flag}\nif limit > 85:\n  strict: false\n  else:\n    strict: true\n__return_tag: seen\nrun:\n  - shell: echo $disk $limit $verbose\nseen:\n  __priority: 900\n  template: '{{ output }}'\n";
    fs::write(folder.path().join("disks.yaml"), yaml).unwrap();
    let run = |args: &[&str]| {
        let args: Vec<&str> = ["--json", "disks.yaml"]
            .iter()
            .chain(args)
            .copied()
            .collect();
        let output = procblock(folder.path(), &args);
        (
            output.status.code().unwrap(),
            text(&output.stdout),
            text(&output.stderr),
        )
    };
    assert_eq!(
        run(&["-l", "90", "/var"]).1,
        "{\"template\":\"/var 90 false\\n\"}\n"
    );
    assert_eq!(
        run(&["/", "--verbose"]).1,
        "{\"template\":\"/ 80 true\\n\"}\n"
    );
    let (code, printed, _) = run(&["--help"]);
    assert_eq!(code, 0);
    assert!(
        printed.contains("Usage: procblock disks.yaml [options] <disk>"),
        "{printed}"
    );
    assert!(
        printed.contains("-l, --limit <number>     percent [default: 80]"),
        "{printed}"
    );
    let (code, _, told) = run(&["--limti", "3", "/"]);
    assert_eq!(code, 2);
    assert!(
        told.starts_with("procblock: unknown option --limti, did you mean --limit?"),
        "{told}"
    );
    assert_eq!(run(&[]).0, 2);
}

#[test]
fn a_failed_run_says_why_and_exits_1() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("boom.py"),
        "def ProcessBlock(*a, **k):\n    return 1 / 0\n",
    )
    .unwrap();
    fs::write(
        folder.path().join("boom.yaml"),
        "run:\n  - script: boom.py\n",
    )
    .unwrap();
    let output = procblock(folder.path(), &["boom.yaml"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stdout), "");
    let told = text(&output.stderr);
    assert!(
        told.starts_with(
            "boom.yaml:2:5: run item 1 (script: boom.py): ZeroDivisionError: division by zero\n"
        ),
        "{told}"
    );
    assert!(told.contains("line 2"), "{told}");
}

#[test]
fn every_mistake_of_a_file_is_listed_and_exits_2() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("bad.yaml"),
        "if a = 1: {}\nrun:\n  - scrpt: a.py\n",
    )
    .unwrap();
    let expected = "bad.yaml:1:6: \"if a = 1\": condition: unknown operator =, equality is ==\nbad.yaml:3:5: run[0].scrpt: unknown run verb: scrpt\n  help: did you mean script?\n";
    for args in [&["bad.yaml"][..], &["check", "bad.yaml"]] {
        let output = procblock(folder.path(), args);
        assert_eq!(
            (output.status.code(), text(&output.stderr)),
            (Some(2), expected.to_owned())
        );
        assert_eq!(text(&output.stdout), "");
    }
    let output = procblock(folder.path(), &["gone.yaml"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(procblock(folder.path(), &[]).status.code(), Some(2));
}

#[test]
fn check_runs_nothing_and_knows_missing_scripts() {
    let folder = tempfile::tempdir().unwrap();
    let good = examples().join("simplest.yaml");
    let monitor = examples().join("simplest_monitor.yaml");
    let (good, monitor) = (good.to_str().unwrap(), monitor.to_str().unwrap());
    let output = procblock(folder.path(), &["check", good, monitor]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stdout), format!("{good}: ok\n{monitor}: ok\n"));
    fs::write(
        folder.path().join("missing.yaml"),
        "run:\n  - shell: touch ran\n  - script: gone.py\n",
    )
    .unwrap();
    let output = procblock(folder.path(), &["check", "missing.yaml"]);
    assert_eq!(output.status.code(), Some(2));
    let told = text(&output.stderr);
    assert!(
        told.starts_with("missing.yaml:3:13: run[1].script: script does not exist: "),
        "{told}"
    );
    assert!(!folder.path().join("ran").exists());
}

#[test]
fn help_and_completions_are_there() {
    let folder = tempfile::tempdir().unwrap();
    let help = procblock(folder.path(), &["--help"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(text(&help.stdout).contains("Examples:"));
    let bash = procblock(folder.path(), &["completions", "bash"]);
    assert!(text(&bash.stdout).contains("_procblock()"));
}
