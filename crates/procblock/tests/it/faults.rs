//! Scripts that misbehave: their run fails with the reason, all else goes on.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::world::{World, wait_for};

/// After a fault the same engine still runs scripts and programs.
async fn goes_on(world: &World) {
    world.script("fine.py", "return {'fine': True}");
    let run = world
        .run("- script: fine.py\n- shell: echo ok\n")
        .await
        .unwrap();
    assert_eq!(
        (&run["fine"], &run["output"]),
        (&json!(true), &json!("ok\n"))
    );
}

#[tokio::test]
async fn a_script_that_hangs_is_ended_at_its_time() {
    let world = World::new();
    world.script("hang.py", "import time\ntime.sleep(600)");
    let began = Instant::now();
    assert_eq!(
        world.failure("- script: hang.py\n  timeout: 0.2\n").await,
        "block.yaml:2:5: run item 1 (script: hang.py): timed out after 200ms"
    );
    let failure = world.failure("- shell: sleep 600\n  timeout: 0.2\n").await;
    assert!(
        failure.starts_with("block.yaml:2:5: run item 1 (shell: sleep 600): timed out after"),
        "{failure}"
    );
    assert!(began.elapsed() < Duration::from_secs(20));
    goes_on(&world).await;
}

#[tokio::test]
async fn a_script_that_floods_its_output_is_cut_not_waited_for() {
    let world = World::new();
    world.program(
        "flood.sh",
        "#!/bin/sh\nhead -c 3000000 /dev/zero | tr '\\0' x\n",
    );
    assert_eq!(
        world.failure("- script: flood.sh\n").await,
        "block.yaml:2:5: run item 1 (script: flood.sh): output: 3000000 bytes were written, 1951424 above the limit"
    );
    world.script("print.py", "print('x' * 3000000)\nreturn {'printed': True}");
    assert_eq!(
        world.run("- script: print.py\n").await.unwrap()["printed"],
        json!(true)
    );
    world.script("big.py", "return {'big': 'x' * 20000000}");
    let failure = world.failure("- script: big.py\n").await;
    assert!(
        failure.contains("output: the result of 200000"),
        "{failure}"
    );
    goes_on(&world).await;
}

#[tokio::test]
async fn children_that_a_program_leaves_behind_end_with_it() {
    let world = World::new();
    world.program(
        "fork.sh",
        "#!/bin/sh\nsleep 600 & echo '{\"child\": '$!'}'\n",
    );
    let began = Instant::now();
    let run = world.run("- script: fork.sh\n").await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(20));
    let child = format!("/proc/{}/stat", run["child"]);
    // Gone, or a zombie that nobody here has to wait for.
    wait_for("the child is gone", || {
        std::fs::read_to_string(&child).map_or(true, |stat| stat.contains(") Z "))
    })
    .await;
    goes_on(&world).await;
}

#[tokio::test]
async fn a_script_that_dies_by_a_signal_says_so() {
    let world = World::new();
    world.program("dies.sh", "#!/bin/sh\necho about to die >&2\nkill -9 $$\n");
    assert_eq!(
        world.failure("- script: dies.sh\n").await,
        "block.yaml:2:5: run item 1 (script: dies.sh): ended by signal 9: about to die"
    );
    world.script("dies.py", "import os\nos.kill(os.getpid(), 9)");
    assert_eq!(
        world.failure("- script: dies.py\n").await,
        "block.yaml:2:5: run item 1 (script: dies.py): the python worker died, ended by signal 9"
    );
    world.script("exits.py", "import sys\nsys.exit(3)");
    let failure = world.failure("- script: exits.py\n").await;
    assert!(failure.contains("SystemExit: 3"), "{failure}");
    goes_on(&world).await;
}

#[tokio::test]
async fn a_program_that_fails_says_its_code_and_what_it_complained_of() {
    let world = World::new();
    world.program("fails.sh", "#!/bin/sh\necho no such disk >&2\nexit 4\n");
    assert_eq!(
        world.failure("- script: fails.sh\n").await,
        "block.yaml:2:5: run item 1 (script: fails.sh): exit status 4: no such disk"
    );
    world.program("missing.sh", "#!/no/such/interpreter\n");
    let failure = world.failure("- script: missing.sh\n").await;
    assert_eq!(
        failure,
        "block.yaml:2:5: run item 1 (script: missing.sh): bad interpreter /no/such/interpreter of missing.sh"
    );
    goes_on(&world).await;
}

#[tokio::test]
async fn a_result_that_is_no_data_fails() {
    let world = World::new();
    world.script("circle.py", "d = {}\nd['d'] = d\nreturn d");
    let failure = world.failure("- script: circle.py\n").await;
    assert!(
        failure.contains("run item 1 (script: circle.py): "),
        "{failure}"
    );
    world.file("broken.py", "def ProcessBlock(:\n");
    let failure = world.failure("- script: broken.py\n").await;
    assert!(failure.contains("broken.py:1: "), "{failure}");
    goes_on(&world).await;
}

#[tokio::test]
async fn one_failing_thread_does_not_touch_another() {
    let world = World::new();
    world.script("bad.py", "raise ValueError('on purpose')");
    world.script("good.py", "return {'good': 1}");
    let bad = "run:\n  - script: bad.py\n    cache: 0.05\n    thread_id: bad\n";
    let good = "run:\n  - script: good.py\n    cache: 0.05\n    thread_id: good\n";
    let error = world.process(bad).await.unwrap_err().to_string();
    assert!(
        error.contains("run thread bad: ") && error.contains("ValueError: on purpose"),
        "{error}"
    );
    assert_eq!(world.process(good).await.unwrap()["run"]["good"], json!(1));
    wait_for("both ran again and again", || {
        ["bad", "good"]
            .iter()
            .all(|id| world.engine.thread(id).unwrap().runs >= 3)
    })
    .await;
    let (bad, good) = (
        world.engine.thread("bad").unwrap(),
        world.engine.thread("good").unwrap(),
    );
    assert!(bad.failures >= 3 && bad.is_running && good.failures == 0);
    world.engine.shutdown().await;
}
