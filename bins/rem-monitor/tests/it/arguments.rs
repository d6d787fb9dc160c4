//! Help, completions and what needs no monitor.

use std::process::Stdio;

use crate::site::{Site, free_port};

/// Every verb with its words, each of which has a help of its own with an example.
const VERBS: &[&[&str]] = &[
    &["status"],
    &["check"],
    &["explain"],
    &["look"],
    &["levels"],
    &["alerts"],
    &["alert"],
    &["ack"],
    &["snooze"],
    &["comment"],
    &["take"],
    &["reassign"],
    &["escalate"],
    &["hold", "add"],
    &["hold", "list"],
    &["hold", "end"],
    &["silence", "add"],
    &["oncall"],
    &["oncall", "shifts"],
    &["oncall", "ics"],
    &["oncall", "override"],
    &["oncall", "take"],
    &["oncall", "vacation"],
    &["oncall", "edits"],
    &["oncall", "withdraw"],
    &["swap", "list"],
    &["swap", "offer"],
    &["swap", "accept"],
    &["swap", "decline"],
    &["push"],
    &["contacts", "test"],
    &["contacts", "broken"],
    &["reload"],
    &["states"],
    &["jobs"],
    &["mail-reply"],
    &["hash-password"],
    &["completions"],
];

#[test]
fn every_verb_has_a_help_with_an_example_and_takes_output_json() {
    let site = Site::new();
    for verb in VERBS {
        let ran = site.run(&[verb, &["--help"][..]].concat()).ends(0);
        let ran = ran.says("Examples:").says("--output <FORMAT>");
        let name = verb.last().unwrap();
        let example = match *name {
            "mail-reply" => "rem-monitor mail-reply".to_owned(),
            _ => format!("rem-monitor {}", verb.join(" ")),
        };
        let example = example.replace("silence add", "hold add");
        assert!(ran.out.contains(&example), "{example}: {}", ran.out);
    }
    site.run(&["--help"]).ends(0).says("Exit codes: 0 done");
}

#[test]
fn completions_know_every_verb() {
    let site = Site::new();
    for shell in ["bash", "zsh", "fish"] {
        let ran = site.run(&["completions", shell]).ends(0);
        for word in VERBS.iter().map(|verb| verb.last().unwrap()) {
            assert!(ran.out.contains(word), "{shell} does not know {word}");
        }
    }
}

#[test]
fn mistakes_in_the_arguments_are_exit_code_2() {
    let site = Site::new();
    for wrong in [
        &[][..],
        &["snooze", "12", "soon"],
        &["push", "a/b/c"],
        &["push", "a/b/c", "--exit-status", "9"],
        &["hold", "add", "--match", "machine = a"],
        &[
            "hold",
            "add",
            "--match",
            "machine = a",
            "--why",
            "x",
            "--weekly",
            "sun 02:00",
        ],
        &["oncall", "shifts"],
        &["status", "--url", "localhost:2001"],
        &["status", "--token", "abc"],
        &["status", "--token", "env:NOT_THERE_AT_ALL"],
        &["status", "--output", "xml"],
        &["status", "--log", "=="],
    ] {
        let ran = site.run(wrong).ends(2);
        assert_eq!(ran.out, "", "{wrong:?}");
        assert!(!ran.err.is_empty(), "{wrong:?}");
    }
}

#[test]
fn nobody_there_is_exit_code_3_and_says_where_it_looked() {
    let site = Site::new();
    let url = format!("http://127.0.0.1:{}", free_port());
    let ask: &[&str] = &["--url", &url];
    for verb in [
        &["status"][..],
        &["look", "a/b/c"],
        &["levels", "a/b/c"],
        &["alerts"],
        &["alert", "1"],
        &["explain", "1"],
        &["ack", "1"],
        &["snooze", "1", "10m"],
        &["comment", "1", "x"],
        &["take", "1"],
        &["reassign", "1", "bob"],
        &["escalate", "1"],
        &["hold", "list"],
        &["hold", "end", "h1"],
        &["oncall"],
        &["oncall", "edits"],
        &["oncall", "ics", "web"],
        &["swap", "list"],
        &["push", "a/b/c", "--exit-status", "0"],
        &["contacts", "test"],
        &["reload"],
        &["states"],
        &["jobs"],
    ] {
        let ran = site.run(&[verb, ask].concat()).ends(3);
        let words = format!("no monitor answers at {url}: connection refused; is it running?");
        ran.says(&words);
    }
}

#[test]
fn who_is_asked_comes_from_the_file_here_or_from_the_environment() {
    let port = free_port();
    let site = Site::with(&format!(
        "listen: [{{http: \"0.0.0.0:{port}\", auth: none}}]\n"
    ));
    let words = format!("no monitor answers at http://127.0.0.1:{port}");
    site.run(&["status"]).ends(3).says(&words);
    let mut command = site.command(&["status"]);
    command.env("REM_MONITOR_URL", "http://127.0.0.1:1/");
    let output = command.output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("at http://127.0.0.1:1:"));
}

#[test]
fn a_reader_who_has_seen_enough_is_no_failure() {
    let site = Site::new();
    let mut command = site.command(&["completions", "zsh"]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = command
        .stdout(writer)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
}

#[test]
fn a_password_becomes_a_hash_and_an_empty_one_is_refused() {
    let site = Site::new();
    let ran = site.piped(&["hash-password"], "correct horse\n").ends(0);
    assert!(ran.out.starts_with("$argon2id$"), "{ran:?}");
    site.piped(&["hash-password"], "\n")
        .ends(1)
        .says("the password is empty");
}

#[test]
fn check_lists_mistakes_for_people_and_for_programs() {
    let site = Site::with("machnes: {}\n");
    site.run(&["check", "monitor.yaml"])
        .ends(2)
        .says("monitor.yaml:1:1: ");
    for json in [&["--output", "json"][..], &["--json"]] {
        let ran = site
            .run(&[&["check", "monitor.yaml"], json].concat())
            .ends(2);
        assert_eq!(ran.json()[0]["place"], "monitor.yaml:1:1", "{ran:?}");
    }
    site.write("monitor.yaml", "site: acme\n");
    let ran = site.run(&["check", "monitor.yaml"]).ends(0);
    assert_eq!(ran.out, "monitor.yaml: 0 monitors on 0 machines\n");
    assert_eq!(
        site.run(&["check", "monitor.yaml", "--json"]).ends(0).out,
        "[]\n"
    );
}
