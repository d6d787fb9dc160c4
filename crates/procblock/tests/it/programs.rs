use procblock::Call;
use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn a_program_of_any_language_reads_and_writes_json() {
    let world = World::new();
    world.program(
        "add.sh",
        "#!/bin/sh\nread input\ncase $input in *'\"n\":4'*) echo '{\"sum\": 9}';; *) echo \"$input\";; esac\n",
    );
    let block = world.block("run:\n  - script: add.sh\n");
    let result = world
        .engine
        .process(&block, Call::new().data("n", 4))
        .await
        .unwrap();
    assert_eq!(result["run"]["sum"], json!(9));
}

#[tokio::test]
async fn arguments_are_rendered_and_an_interpreter_can_be_named() {
    let world = World::new();
    world.file("args.txt", "echo '{\"args\": \"'$1,$2'\"}'\n");
    let items = "- set: {disk: /var, limit: 90}\n- script: args.txt\n  interpreter: sh\n  args: ['{{ disk }}', '%(limit)s']\n";
    assert_eq!(world.run(items).await.unwrap()["args"], json!("/var,90"));
    world.file("plain.sh", "echo 1\n");
    let failure = world.failure("- script: plain.sh\n").await;
    assert_eq!(
        failure,
        "block.yaml:2:5: run item 1 (script: plain.sh): not executable, chmod +x it or name an interpreter: plain.sh"
    );
}

#[tokio::test]
async fn output_is_read_in_the_way_it_looks() {
    let world = World::new();
    world.program("out.sh", "#!/bin/sh\nprintf \"$1\"\n");
    let cases = [
        (r#"{\n "a": 1}\n"#, json!({"a": 1})),
        (r#"starting\n{"a": 2}\n"#, json!({"a": 2})),
        (
            r"load=4.5\nname=web 1\nup=true\nn=-3\n",
            json!({"load": 4.5, "name": "web 1", "up": true, "n": -3}),
        ),
        (r"all is well\n", json!({"output": "all is well"})),
        ("", json!({})),
    ];
    for (printed, expected) in cases {
        let yaml = format!("run:\n  - script: out.sh\n    args: ['{printed}']\n");
        let result = world.process(&yaml).await.unwrap();
        let mut run = result["run"].as_object().unwrap().clone();
        run.retain(|key, _| !key.starts_with("__"));
        assert_eq!(serde_json::Value::Object(run), expected, "{printed}");
    }
}

#[tokio::test]
async fn output_can_be_said_to_be_something() {
    let world = World::new();
    world.program("out.sh", "#!/bin/sh\nprintf \"$1\"\n");
    let item = |printed: &str, parse: &str| {
        format!("- script: out.sh\n  args: ['{printed}']\n  {parse}\n")
    };
    let lines = r#"{"a": 1}\n{"b": 2}\n"#;
    let run = world.run(&item(lines, "parse: jsonl")).await.unwrap();
    assert_eq!((&run["a"], &run["b"]), (&json!(1), &json!(2)));
    let run = world
        .run(&item("up 3 days", "pattern: 'up (?P<days>[0-9]+) days'"))
        .await
        .unwrap();
    assert_eq!(run["days"], json!(3));
    let run = world.run(&item("a=1", "parse: text")).await.unwrap();
    assert_eq!(run["output"], json!("a=1"));
    for (printed, parse, reason) in [
        (
            "oops",
            "parse: json",
            "output: not JSON, expected value at line 1 column 1: oops",
        ),
        (
            "[1]",
            "parse: json",
            "output: a JSON object is expected, found [1]",
        ),
        (
            "a=1\\noops",
            "parse: kv",
            "output: not a line of the form key=value: oops",
        ),
        (
            "down",
            "pattern: 'up (?P<days>[0-9]+)'",
            "output: the pattern is not found in: down",
        ),
        ("\\377\\376", "parse: auto", "output: not text in UTF-8"),
    ] {
        let failure = world.failure(&item(printed, parse)).await;
        assert_eq!(
            failure,
            format!("block.yaml:2:5: run item 1 (script: out.sh): {reason}")
        );
    }
}

#[tokio::test]
async fn values_reach_a_shell_by_its_environment_only() {
    let world = World::new();
    let evil = "$(touch hacked); `touch hacked` '; touch hacked #";
    let items = format!(
        "- set: {{host: \"{evil}\", PATH: /evil, LD_PRELOAD: x, http_proxy: y, deep: {{a: 1}}}}\n\
         - shell: 'echo \"$host|$PROCBLOCK_HOST|$PATH|$LD_PRELOAD|$http_proxy|$deep|$PROCBLOCK_TAG\"'\n"
    );
    let run = world.run(&items).await.unwrap();
    let path = "/usr/local/bin:/usr/bin:/bin";
    assert_eq!(
        run["output"],
        json!(format!("{evil}|{evil}|{path}|||{{\"a\":1}}|run\n"))
    );
    assert!(!world.path().join("hacked").exists());
}

#[tokio::test]
async fn a_shell_collects_its_status_and_output() {
    let world = World::new();
    let items = "- shell: echo one; exit 3\n- shell: echo two; echo bad >&2\n";
    let run = world.run(items).await.unwrap();
    assert_eq!(run["status"], json!([3, 0]));
    assert_eq!(
        (&run["output"], &run["output_error"]),
        (&json!("one\ntwo\n"), &json!("bad\n"))
    );
    let told = "run item 1 (shell: echo one; exit 3) ended with exit status 3".to_owned();
    assert!(
        world.told.lines().contains(&told),
        "{:?}",
        world.told.lines()
    );
}

#[tokio::test]
async fn a_shell_can_insist_on_success_of_all_its_parts() {
    let world = World::new();
    let plain = "- shell: {cmd: 'false | true', check: true}\n";
    assert_eq!(world.run(plain).await.unwrap()["status"], json!([0]));
    let strict = "- shell: {cmd: 'false | true', check: true, pipefail: true}\n";
    assert_eq!(
        world.failure(strict).await,
        "block.yaml:2:5: run item 1 (shell: false | true): exit status 1"
    );
}
