use serde_json::{Value, json};

use crate::{Block, Usage};

fn usage(yaml: &str) -> Usage {
    Block::parse("u.yaml", yaml).unwrap().usage().clone()
}

#[track_caller]
fn gives(yaml: &str, args: &[&str], expected: Value) {
    let parsed = usage(yaml).parse(args).map(Value::Object);
    assert_eq!(parsed, Ok(expected), "{args:?}");
}

#[track_caller]
fn refuses(yaml: &str, args: &[&str], expected: &str) {
    assert_eq!(
        usage(yaml).parse(args).unwrap_err().to_string(),
        expected,
        "{args:?}"
    );
}

const FREE: &str = "a: 1\n";
const DISKS: &str = "__usage:\n  name: disks\n  args:\n    - {name: disk, required: true}\n    - {name: mode, default: fast}\n    - {name: rest, remaining: true}\n  options:\n    limit: {letter: l, type: number, default: 80}\n    to: {letter: t}\n    verbose: {letter: v, type: flag}\n";

#[test]
fn without_usage_every_option_is_taken_and_the_rest_is_args() {
    gives(FREE, &[], json!({"args": []}));
    gives(FREE, &["a", "b"], json!({"args": ["a", "b"]}));
    gives(
        FREE,
        &["--k", "v", "-x", "5", "a", "--b"],
        json!({"k": "v", "x": "5", "args": ["a", "--b"]}),
    );
    gives(
        FREE,
        &["--flag", "--k=v", "--n", "-5"],
        json!({"flag": true, "k": "v", "n": "-5", "args": []}),
    );
    gives(FREE, &["--", "--k"], json!({"args": ["--k"]}));
}

#[test]
fn declared_options_and_arguments_have_their_names() {
    gives(
        DISKS,
        &["/", "-l", "90.5", "-v", "slow", "x", "--to", "ann", "y"],
        json!({"limit": 90.5, "verbose": true, "to": "ann", "disk": "/", "mode": "slow", "rest": ["x", "y"]}),
    );
    gives(
        DISKS,
        &["--limit=3", "/"],
        json!({"limit": 3, "disk": "/", "mode": "fast", "rest": [], "verbose": false}),
    );
}

#[test]
fn what_does_not_fit_is_refused() {
    refuses(DISKS, &[], "argument is missing: disk");
    refuses(
        DISKS,
        &["/", "--limti", "5"],
        "unknown option --limti, did you mean --limit?",
    );
    refuses(DISKS, &["/", "-x"], "unknown option -x");
    refuses(DISKS, &["/", "--limit"], "a value is missing after --limit");
    refuses(
        DISKS,
        &["/", "--limit", "much"],
        "--limit takes a number, found: much",
    );
    refuses(DISKS, &["/", "--verbose=1"], "--verbose takes no value");
    refuses(
        "__usage: {args: [one]}\n",
        &["a", "b"],
        "unexpected argument: b",
    );
}

#[test]
fn usage_is_no_part_of_the_result() {
    let block = Block::parse("u.yaml", DISKS).unwrap();
    assert!(block.usage().is_declared);
    assert_eq!(block.usage().name.as_deref(), Some("disks"));
}
