use std::time::{Duration, Instant};

use procblock::{Call, StageKind};
use serde_json::json;

use crate::world::{World, wait_for};

const COUNT: &str =
    "from unidist import sharedcounter\nreturn {'n': sharedcounter.GetIncrement('runs')}";

#[tokio::test]
async fn many_read_what_one_thread_runs() {
    let world = World::new();
    world.script("count.py", COUNT);
    let block =
        world.block("run:\n  - script: count.py\n    cache: 3600\n    thread_id: counter\n");
    for _ in 0..20 {
        let result = world.engine.process(&block, Call::new()).await.unwrap();
        assert_eq!(result["run"]["n"], json!(1));
        assert_eq!(
            result["run"]["run_thread.counter"],
            json!("counter: Is Running: True  Scripts: ['count.py']")
        );
    }
    let info = world.engine.thread("counter").unwrap();
    assert_eq!((info.runs, info.failures, info.is_running), (1, 0, true));
    world.engine.shutdown().await;
    let lines = world.told.lines();
    for line in [
        "run thread starts: counter",
        "waiting for the first result of run thread: counter",
        "run thread stops, its lock was released: counter",
    ] {
        assert_eq!(
            lines.iter().filter(|told| *told == line).count(),
            1,
            "{line}: {lines:?}"
        );
    }
    assert!(!world.engine.thread("counter").unwrap().is_running);
    let refused = world.engine.process(&block, Call::new()).await.unwrap_err();
    assert!(refused.to_string().ends_with("the engine is shutting down"));
}

#[tokio::test]
async fn a_thread_runs_at_its_interval_and_keeps_its_history() {
    let world = World::new();
    world.script("count.py", COUNT);
    let yaml = "run:\n  - script: count.py\n    cache: counter\n    interval: 0.02\n    history: 3\n    timeseries collect:\n      group counters:\n        n: n\n";
    world.process(yaml).await.unwrap();
    wait_for("five runs", || {
        world.engine.thread("counter").unwrap().runs >= 5
    })
    .await;
    world.engine.shutdown().await;
    let info = world.engine.thread("counter").unwrap();
    assert_eq!(info.history.len(), 3);
    let newest = info.history[0].output.as_ref().unwrap()["n"]
        .as_u64()
        .unwrap();
    let second = info.history[1].output.as_ref().unwrap()["n"]
        .as_u64()
        .unwrap();
    assert_eq!((newest, newest - second), (info.runs, 1));
    assert_eq!(
        (info.stages[0].kind, info.stages[1].kind),
        (StageKind::End, StageKind::Begin)
    );
    let samples = world.told.samples();
    assert_eq!(samples.len() as u64, info.runs);
    assert_eq!(samples[0], "counters [(\"n\", Some(1.0))]");
}

#[tokio::test]
async fn slow_runs_do_not_pile_up() {
    let world = World::new();
    let yaml = "run:\n  - shell: sleep 0.12\n    cache: 0.05\n    thread_id: slow\n";
    let began = Instant::now();
    world.process(yaml).await.unwrap();
    wait_for("three runs", || {
        world.engine.thread("slow").unwrap().runs >= 3
    })
    .await;
    // Every second or third beat is left out: none starts before its beat.
    assert!(began.elapsed() >= Duration::from_millis(3 * 120));
    world.engine.shutdown().await;
}

#[tokio::test]
async fn a_thread_with_a_duration_ends_by_itself_and_starts_again_when_asked() {
    let world = World::new();
    world.script("count.py", COUNT);
    let yaml =
        "run:\n  - script: count.py\n    cache: 0.02\n    thread_id: brief\n    duration: 0.05\n";
    world.process(yaml).await.unwrap();
    wait_for("the thread has ended", || {
        !world.engine.thread("brief").unwrap().is_running
    })
    .await;
    let ended = world.told.lines();
    assert!(
        ended.contains(&"run thread stops, its time is over: brief".to_owned()),
        "{ended:?}"
    );
    world.process(yaml).await.unwrap();
    assert!(
        world
            .told
            .lines()
            .iter()
            .filter(|l| *l == "run thread starts: brief")
            .count()
            == 2
    );
    world.engine.shutdown().await;
}

#[tokio::test]
async fn releasing_the_lock_ends_the_threads_and_frees_who_waits() {
    let world = World::new();
    world.script("count.py", COUNT);
    world.script(
        "stop.py",
        "from unidist import sharedlock\nreturn {'was': sharedlock.Release('__running')}",
    );
    world
        .process("run:\n  - script: count.py\n    cache: 0.02\n    thread_id: t\n")
        .await
        .unwrap();
    let waiting = tokio::spawn({
        let engine = world.engine.clone();
        async move { engine.until_released().await }
    });
    assert_eq!(
        world.run("- script: stop.py\n").await.unwrap()["was"],
        json!(true)
    );
    waiting.await.unwrap();
    wait_for("the thread has ended", || {
        !world.engine.thread("t").unwrap().is_running
    })
    .await;
}

#[tokio::test]
async fn a_thread_that_will_not_end_is_ended_after_the_grace_time() {
    let world = World::new();
    world.script(
        "slow.py",
        "import time\nopen('began', 'w').close()\ntime.sleep(600)",
    );
    let block = world
        .block("run:\n  - script: slow.py\n    cache: 5\n    thread_id: stuck\n    timeout: 600\n");
    let waiting = tokio::spawn({
        let (engine, call) = (world.engine.clone(), Call::new().cwd(world.path()));
        async move { engine.process(&block, call).await.map(|_| ()) }
    });
    let began = world.path().join("began");
    wait_for("the script runs", || began.exists()).await;
    world.engine.shutdown().await;
    assert!(
        world
            .told
            .lines()
            .contains(&"run thread stops, ended after the grace time: stuck".to_owned())
    );
    let error = waiting.await.unwrap().unwrap_err().to_string();
    assert!(
        error.ends_with("run thread stuck: it ended without a result"),
        "{error}"
    );
}

#[tokio::test]
async fn simultaneous_chains_start_at_once_or_are_joined() {
    let world = World::new();
    let chains = "  a:\n    - shell: sleep 0.2\n    - set: {from: a}\n  b:\n    - shell: sleep 0.2\n    - set: {from: b}\n";
    let began = Instant::now();
    let result = world
        .process(&format!("run simultaneous:\n{chains}  __join: true\n"))
        .await
        .unwrap();
    assert!(began.elapsed() >= Duration::from_millis(200));
    assert_eq!(result["run simultaneous"]["a"]["from"], json!("a"));
    assert_eq!(result["run simultaneous"]["b"]["from"], json!("b"));

    let yaml = "__return_tag: _thread_handler\nrun_simultaneous:\n  a:\n    - shell: 'until [ -e go ]; do sleep 0.01; done'\n    - set: {from: again}\n";
    assert_eq!(world.process(yaml).await.unwrap(), json!(["a"]));
    assert!(world.engine.thread("a").unwrap().is_running);
    world.file("go", "");
    wait_for("the chain has ended", || {
        !world.engine.thread("a").unwrap().is_running
    })
    .await;
    let latest = world.engine.thread("a").unwrap().latest.unwrap().unwrap();
    assert_eq!(latest["from"], json!("again"));
}

#[tokio::test]
async fn scripts_see_the_threads() {
    let world = World::new();
    world.script("count.py", COUNT);
    world.script(
        "look.py",
        "from unidist import sharedstate\nt = sharedstate.Get('threads', 'seen')\nreturn {'t': [t['is_running'], t['success'], t['output']], 'none': sharedstate.Get('threads', 'no')}",
    );
    let run = world
        .run("- script: count.py\n  cache: 3600\n  thread_id: seen\n- script: look.py\n")
        .await
        .unwrap();
    assert_eq!(run["t"], json!([true, true, {"n": 1}]));
    assert_eq!(run["none"], json!(null));
    world.engine.shutdown().await;
}

#[tokio::test]
async fn one_name_is_one_thread() {
    let world = World::new();
    let yaml = "run:\n  - shell: echo 1\n    cache: 60\n    thread_id: same\n  - shell: echo 2\n    cache: 60\n    thread_id: same\n";
    let error = world.process(yaml).await.unwrap_err().to_string();
    assert!(
        error.contains("run thread same: another item has this name: "),
        "{error}"
    );
    world.engine.shutdown().await;
}

#[tokio::test]
async fn an_edited_block_changes_what_its_thread_runs() {
    let world = World::new();
    let yaml = "run:\n  - shell: echo old\n    cache: 0.02\n    thread_id: edited\n";
    assert_eq!(
        world.process(yaml).await.unwrap()["run"]["output"],
        json!("old\n")
    );
    world.process(&yaml.replace("old", "new")).await.unwrap();
    wait_for("the new command runs", || {
        let latest = world
            .engine
            .thread("edited")
            .unwrap()
            .latest
            .unwrap()
            .unwrap();
        latest["output"] == json!("new\n")
    })
    .await;
    world.engine.shutdown().await;
}

#[tokio::test]
async fn one_series_for_each_disk() {
    let world = World::new();
    let yaml = "disks:\n  sda: {used: 10}\n  sdb: {used: '20.5', name: x}\ntimeseries collect:\n  group: disk\n  per: disks\n  fields:\n    used: {type: GAUGE}\n    free:\n";
    world.process(yaml).await.unwrap();
    assert_eq!(
        world.told.samples(),
        [
            "disk/sda [(\"used\", Some(10.0)), (\"free\", None)]",
            "disk/sdb [(\"used\", Some(20.5)), (\"free\", None)]"
        ]
    );
}

#[tokio::test]
async fn engines_on_one_store_share_states_and_the_lock_that_keeps_them_running() {
    let store = unidist::Unidist::memory();
    let first = World::with(|options| options.unidist(store.clone()));
    let second = World::with(|options| options.unidist(store.clone()));
    first.script(
        "set.py",
        "from unidist import sharedstate\nsharedstate.Set('b', 'k', [1, 2])",
    );
    second.script(
        "get.py",
        "from unidist import sharedstate\nreturn {'k': sharedstate.Get('b', 'k')}",
    );
    first.run("- script: set.py\n").await.unwrap();
    assert_eq!(
        second.run("- script: get.py\n").await.unwrap()["k"],
        json!([1, 2])
    );

    let ticking = "run:\n  - shell: echo 1\n    cache: 0.02\n    thread_id: t\n";
    first.process(ticking).await.unwrap();
    second.process(ticking).await.unwrap();
    first.engine.shutdown().await;
    // The second one looks after the lock once a second.
    wait_for("the other engine's thread has ended", || {
        !second.engine.thread("t").unwrap().is_running
    })
    .await;
}
