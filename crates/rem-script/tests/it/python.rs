//! Calls of scripts that behave.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rem_script::{Call, Failure, NoHost, PoolState, PythonOptions, PythonPool, Reload, Returned};
use serde_json::{Map, Value, json};

use crate::rig::{Rig, among_others, value};

async fn call_value(pool: &PythonPool, script: &Path) -> Value {
    value(&pool.call(&Call::new(script), &NoHost).await.unwrap())
}

#[tokio::test]
async fn a_script_of_2010_runs_unchanged() {
    let _guard = among_others().await;
    let rig = Rig::new();
    let script = rig.write(
        "simplest.py",
        "import random\n\
         def ProcessBlock(pipe_data, block, request_state, input_data, tag=None, cwd=None, env=None, block_parent=None):\n\
         \x20 data = {'random': random.randint(99, 99), 'tag': tag, 'cwd': cwd, 'env': env}\n\
         \x20 data['in'] = [pipe_data['a'], block['b'], request_state['c'], input_data['d'], block_parent['e']]\n\
         \x20 return data\n",
    );
    let call = Call {
        positional: &[
            &json!({"a": 1}),
            &json!({"b": 2}),
            &json!({"c": 3}),
            &json!({"d": 4}),
        ],
        named: &[
            ("tag", &"run"),
            ("cwd", &"/tmp"),
            ("env", &Value::Null),
            ("block_parent", &json!({"e": 5})),
        ],
        ..Call::new(&script)
    };
    let called = rig.pool.call(&call, &NoHost).await.unwrap();
    let expected =
        json!({"random": 99, "tag": "run", "cwd": "/tmp", "env": null, "in": [1, 2, 3, 4, 5]});
    assert_eq!(value(&called), expected);
    assert!(called.set.is_empty() && called.removed.is_empty());
    assert!(called.stdout.is_empty() && called.stderr.is_empty());
}

#[tokio::test]
async fn what_a_script_does_to_its_pipe_data_comes_back() {
    let _guard = among_others().await;
    let rig = Rig::new();
    let before =
        json!({"keep": [1, {"x": 2}], "deep": {"list": [1]}, "gone": 1, "one": 1, "same": 3});
    let body = "pipe_data['deep']['list'].append(2)\n\
                del pipe_data['gone']\n\
                pipe_data['one'] = True\n\
                pipe_data['new'] = {'y': None}\n\
                pipe_data['same'] = 3";
    let mut called = rig.body(body, before.clone()).await.unwrap();
    assert_eq!(value(&called), Value::Null);
    assert_eq!(
        Value::Object(called.set.clone()),
        json!({"deep": {"list": [1, 2]}, "one": true, "new": {"y": null}})
    );
    assert_eq!(called.removed, ["gone"]);
    let Value::Object(mut pipe_data) = before else {
        unreachable!()
    };
    called.apply_to(&mut pipe_data);
    assert_eq!(
        Value::Object(pipe_data),
        json!({"keep": [1, {"x": 2}], "deep": {"list": [1, 2]}, "one": true, "new": {"y": null}, "same": 3})
    );
}

#[tokio::test]
async fn looking_at_pipe_data_and_keeping_parts_of_it_is_no_change() {
    let _guard = among_others().await;
    let rig = Rig::new();
    let pipe_data = json!({"a": {"state": "some_state"}, "b": ["some_state"], "n": 1.5});
    let body = "global kept\n\
                kept = [pipe_data['a'], sys.intern(pipe_data['b'][0]), dict(pipe_data)]\n\
                pipe_data['b'][0] = sys.intern('some_' + 'state')\n\
                pipe_data['n'] = float('1.5')";
    let called = rig.body(body, pipe_data).await.unwrap();
    assert!(
        called.set.is_empty() && called.removed.is_empty(),
        "{called:?}"
    );
}

#[tokio::test]
async fn returning_the_pipe_data_itself_does_not_send_it_twice() {
    let _guard = among_others().await;
    let rig = Rig::new();
    let body = "pipe_data['n'] += 1\nreturn pipe_data";
    let called = rig.body(body, json!({"n": 1, "other": "x"})).await.unwrap();
    assert_eq!(called.returned, Returned::PipeData);
    assert_eq!(Value::Object(called.set), json!({"n": 2}));
}

#[tokio::test]
async fn values_that_json_lacks_come_as_the_nearest_it_has() {
    let _guard = among_others().await;
    let rig = Rig::new();
    for (body, expected) in [
        ("return b'caf\\xc3\\xa9'", json!("café")),
        (
            "import datetime\nreturn datetime.date(2010, 8, 18)",
            json!("2010-08-18"),
        ),
        ("return {3}", json!([3])),
        ("return (1, 2)", json!([1, 2])),
        (
            "return [1.5, float('nan'), {'x': float('inf')}]",
            json!([1.5, null, {"x": null}]),
        ),
        ("return {1: 'one'}", json!({"1": "one"})),
        ("return 'caf\\u00e9 \\U0001F600'", json!("café 😀")),
        (
            "return 'a\\ud800 \\\\ud800 \\U0001F600'",
            json!("a\u{fffd} \\ud800 😀"),
        ),
        ("return 2**80", json!(1.2089258196146292e24)),
        ("return None", json!(null)),
    ] {
        assert_eq!(rig.value(body).await, expected, "{body}");
    }
}

#[tokio::test]
async fn what_is_printed_belongs_to_its_own_call() {
    let _guard = among_others().await;
    let rig = Rig::new();
    let body = "print('one', 'two')\n\
                sys.stderr.write('no newline')\n\
                os.system('echo from a program; echo bad >&2')\n\
                sys.stdout.buffer.write(b'bytes')\n\
                print('!', end='')";
    for _ in 0..20 {
        let called = rig.body(body, json!({})).await.unwrap();
        assert_eq!(called.stdout.text(), "one two\nfrom a program\nbytes!");
        assert_eq!(called.stderr.text(), "bad\nno newline");
        let silent = rig.body("pass", json!({})).await.unwrap();
        assert!(silent.stdout.is_empty() && silent.stderr.is_empty());
    }
}

#[tokio::test]
async fn edits_are_live_and_an_unchanged_script_stays() {
    let _guard = among_others().await;
    let rig = Rig::new();
    let source = |n: u32| {
        format!(
            "calls = 0\ndef ProcessBlock():\n  global calls\n  calls += 1\n  return [{n}, calls]\n"
        )
    };
    let script = rig.write("s.py", &source(1));
    assert_eq!(call_value(&rig.pool, &script).await, json!([1, 1]));
    assert_eq!(call_value(&rig.pool, &script).await, json!([1, 2]));
    // Of the same size, at once.
    rig.write("s.py", &source(2));
    assert_eq!(call_value(&rig.pool, &script).await, json!([2, 1]));
    // Replaced as editors do.
    let new = rig.write("s.new", &source(3));
    std::fs::rename(new, &script).unwrap();
    assert_eq!(call_value(&rig.pool, &script).await, json!([3, 1]));
    assert_eq!(rig.pool.state().started, 1);
}

#[tokio::test]
async fn a_helper_module_beside_a_script_is_live_too_and_its_folders_own() {
    let _guard = among_others().await;
    let rig = Rig::new();
    let main = "import helper\ndef ProcessBlock():\n  from pack import late\n  return [helper.X, late.Y]\n";
    let (a, b) = (rig.write("a/main.py", main), rig.write("b/main.py", main));
    rig.write("a/helper.py", "X = 'a'\n");
    rig.write("b/helper.py", "X = 'b'\n");
    rig.write("a/pack/__init__.py", "");
    rig.write("b/pack/__init__.py", "");
    rig.write("a/pack/late.py", "Y = 'a'\n");
    rig.write("b/pack/late.py", "Y = 'b'\n");
    for _ in 0..3 {
        assert_eq!(call_value(&rig.pool, &a).await, json!(["a", "a"]));
        assert_eq!(call_value(&rig.pool, &b).await, json!(["b", "b"]));
    }
    rig.write("a/helper.py", "X = 'c'\n");
    rig.write("b/pack/late.py", "Y = 'd'\n");
    assert_eq!(call_value(&rig.pool, &a).await, json!(["c", "a"]));
    assert_eq!(call_value(&rig.pool, &b).await, json!(["b", "d"]));
    assert!(!rig.folder.path().join("a/__pycache__").exists());
}

#[tokio::test]
async fn reload_always_imports_at_each_call() {
    let _guard = among_others().await;
    let rig = Rig::with(
        PythonOptions::default()
            .workers_max(1)
            .reload(Reload::Always),
    );
    let script = rig.write(
        "s.py",
        "n = []\ndef ProcessBlock():\n  n.append(1)\n  return len(n)\n",
    );
    for _ in 0..3 {
        assert_eq!(call_value(&rig.pool, &script).await, json!(1));
    }
}

#[tokio::test]
async fn folder_and_environment_are_those_of_the_call_and_do_not_leak() {
    let _guard = among_others().await;
    let rig = Rig::new();
    let script = rig.write(
        "s.py",
        "import os, subprocess\n\
         def ProcessBlock():\n\
         \x20 seen = [os.getcwd(), os.environ.get('COLOUR'), subprocess.run('echo $COLOUR', shell=True, capture_output=True, text=True).stdout]\n\
         \x20 os.chdir('/usr'); os.environ['LEAK'] = 'x'; os.environ.pop('PATH')\n\
         \x20 return seen\n",
    );
    let call = Call {
        cwd: Some(Path::new("/tmp")),
        env: &[("COLOUR", "red")],
        ..Call::new(&script)
    };
    let called = rig.pool.call(&call, &NoHost).await.unwrap();
    assert_eq!(value(&called), json!(["/tmp", "red", "red\n"]));
    let after = "return [os.getcwd(), sorted(os.environ)]";
    // LC_CTYPE is what the interpreter itself sets in a clean environment.
    assert_eq!(rig.value(after).await, json!(["/", ["LC_CTYPE", "PATH"]]));
    assert_eq!(rig.pool.state().started, 1);
}

#[tokio::test]
async fn big_arguments_and_results_pass_whole() {
    let _guard = among_others().await;
    let rig = Rig::new();
    let text = "x".repeat(3_000_000);
    let called = rig
        .body(
            "pipe_data['t'] += 'y'\nreturn len(pipe_data['t'])",
            json!({"t": text}),
        )
        .await
        .unwrap();
    assert_eq!(value(&called), json!(3_000_001));
    assert_eq!(called.set["t"].as_str().unwrap().len(), 3_000_001);
    assert_eq!(rig.value("return 1").await, json!(1));
    assert_eq!(rig.pool.state().started, 1);
}

#[tokio::test]
async fn workers_are_shared_up_to_the_limit() {
    let _guard = among_others().await;
    let rig = Arc::new(Rig::with(PythonOptions::default().workers_max(2)));
    let calls: Vec<_> = (0..20)
        .map(|n| {
            let rig = rig.clone();
            tokio::spawn(async move {
                let pipe_data = json!({"n": n});
                let called = rig.body("return pipe_data['n'] * 2", pipe_data).await;
                assert_eq!(value(&called.unwrap()), json!(n * 2));
            })
        })
        .collect();
    for call in calls {
        call.await.unwrap();
    }
    let state = rig.pool.state();
    assert_eq!(
        state,
        PoolState {
            idle: 2,
            busy: 0,
            started: 2
        }
    );
}

#[tokio::test]
async fn a_worker_is_replaced_after_its_number_of_calls() {
    let _guard = among_others().await;
    let rig = Rig::with(PythonOptions::default().workers_max(1).runs_max(3));
    let mut workers = Vec::new();
    for _ in 0..7 {
        workers.push(rig.worker().await);
    }
    workers.dedup();
    assert_eq!(workers.len(), 3, "{workers:?}");
}

#[tokio::test]
async fn a_worker_that_grew_is_replaced() {
    let _guard = among_others().await;
    let rig = Rig::with(PythonOptions::default().workers_max(1).rss_max(60 << 20));
    let first = rig.worker().await;
    let grown = "global kept\nkept = b'x' * 100_000_000\ntime.sleep(0.02)";
    rig.body(grown, json!({})).await.unwrap();
    assert_ne!(rig.worker().await, first);
}

#[tokio::test]
async fn a_pool_can_be_warmed_and_says_what_it_holds() {
    let _guard = among_others().await;
    let rig = Rig::new();
    assert_eq!(
        rig.pool.state(),
        PoolState {
            idle: 0,
            busy: 0,
            started: 0
        }
    );
    rig.pool.warm().await.unwrap();
    rig.pool.warm().await.unwrap();
    assert_eq!(
        rig.pool.state(),
        PoolState {
            idle: 1,
            busy: 0,
            started: 1
        }
    );
    let pid = i64::from(rig.pool.idle_pids()[0]);
    assert_eq!(rig.worker().await, pid);
}

#[tokio::test]
async fn an_interpreter_that_is_none_is_told_apart() {
    let _guard = among_others().await;
    let pool = PythonPool::new(PythonOptions::default().interpreter("no-such-python"));
    assert!(matches!(pool.warm().await, Err(Failure::Start(_))));
    let pool = PythonPool::new(PythonOptions::default().interpreter("/bin/sh"));
    let failure = pool.warm().await.unwrap_err();
    assert!(matches!(failure, Failure::NoPython { .. }), "{failure:?}");
    let hangs = PythonOptions::default()
        .interpreter("/usr/bin/tail")
        .start_deadline(Duration::from_millis(50));
    assert!(PythonPool::new(hangs).warm().await.is_err());
}

#[tokio::test]
async fn any_function_can_be_called_with_anything_that_serializes() {
    let _guard = among_others().await;
    let rig = Rig::new();
    let script = rig.write(
        "s.py",
        "def area(w, h, *, unit):\n  return f'{w * h} {unit}'\n",
    );
    let call = Call {
        function: "area",
        positional: &[&3_u8, &2.5_f32],
        named: &[("unit", &"m2")],
        ..Call::new(&script)
    };
    let called = rig.pool.call(&call, &NoHost).await.unwrap();
    assert_eq!(value(&called), json!("7.5 m2"));
    let pipe_data: Map<String, Value> = Map::new();
    let unset = Call {
        positional: &[&pipe_data],
        ..call
    };
    let error = rig.pool.call(&unset, &NoHost).await.unwrap_err();
    assert!(
        matches!(*error.failure, Failure::Raised { .. }),
        "{error:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_on_many_threads_keep_their_output_apart() {
    let _guard = among_others().await;
    let rig = Arc::new(Rig::with(PythonOptions::default().workers_max(2)));
    let lanes: Vec<_> = (0..4)
        .map(|lane| {
            let rig = rig.clone();
            tokio::spawn(async move {
                for n in 0..100 {
                    let pipe_data = json!({"text": format!("{lane} {n}")});
                    let called = rig
                        .body("print(pipe_data['text'])\nreturn 1", pipe_data)
                        .await;
                    assert_eq!(called.unwrap().stdout.text(), format!("{lane} {n}\n"));
                }
                let body = "os.system('echo ' + pipe_data['text'])";
                let called = rig.body(body, json!({"text": lane.to_string()})).await;
                assert_eq!(called.unwrap().stdout.text(), format!("{lane}\n"));
            })
        })
        .collect();
    for lane in lanes {
        lane.await.unwrap();
    }
}
