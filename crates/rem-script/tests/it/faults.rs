//! Scripts that fail in every way we know: their call fails with the reason,
//! everything else goes on.

use std::time::Duration;

use rem_script::{Call, End, Failure, NoHost, Program, PythonOptions, run};
use serde_json::{Value, json};

use crate::rig::{Rig, alive_in_group, among_others, assert_group_goes, rounds, value};

/// Runs a bad body between good ones; tells whether the worker was replaced.
async fn failure(rig: &Rig, body: &str) -> (Failure, bool) {
    let before = rig.worker().await;
    let deadline = Duration::from_secs(30);
    let error = rig
        .body_within(body, json!({}), deadline, &NoHost)
        .await
        .expect_err(body);
    let after = rig.worker().await;
    if before != after {
        assert_group_goes(i32::try_from(before).unwrap());
    }
    (*error.failure, before != after)
}

#[track_caller]
fn assert_raised(failure: &Failure, expected_kind: &str, expected_message: &str) {
    let Failure::Raised { kind, message, .. } = failure else {
        panic!("not raised: {failure:?}");
    };
    assert_eq!(
        (kind.as_str(), message.as_str()),
        (expected_kind, expected_message)
    );
}

#[tokio::test]
async fn an_exception_is_reported_with_the_scripts_own_frames() {
    let _guard = among_others().await;
    let rig = Rig::new();
    let body = "def inner():\n    raise ValueError('bad value')\nprint('before')\ninner()";
    let error = rig.body(body, json!({})).await.unwrap_err();
    assert_raised(&error.failure, "ValueError", "bad value");
    assert_eq!(error.output.stdout.text(), "before\n");
    let Failure::Raised { traceback, .. } = *error.failure else {
        unreachable!()
    };
    assert!(
        traceback.contains("in inner\n    raise ValueError('bad value')"),
        "{traceback}"
    );
    assert!(!traceback.contains("rem-script worker"), "{traceback}");
}

#[tokio::test]
async fn exits_and_interrupts_end_the_call_and_not_the_worker() {
    let _guard = among_others().await;
    let rig = Rig::new();
    for (body, kind, message) in [
        ("sys.exit(3)", "SystemExit", "3"),
        ("raise KeyboardInterrupt()", "KeyboardInterrupt", ""),
        (
            "def f(): return f()\nf()",
            "RecursionError",
            "maximum recursion depth exceeded",
        ),
        (
            "eval('1 +')",
            "SyntaxError",
            "invalid syntax (<string>, line 1)",
        ),
        (
            "class Odd(Exception):\n    def __str__(self): raise self\nraise Odd()",
            "ProcessBlock.<locals>.Odd",
            "its text cannot be had",
        ),
    ] {
        let (failure, replaced) = failure(&rig, body).await;
        assert_raised(&failure, kind, message);
        assert!(!replaced, "{body}");
    }
}

#[tokio::test]
async fn a_worker_that_dies_is_replaced() {
    let _guard = among_others().await;
    let rig = Rig::new();
    for (body, expected) in [
        ("os._exit(4)", End::Exited(4)),
        ("os.kill(os.getpid(), signal.SIGKILL)", End::Signaled(9)),
        ("os.kill(os.getpid(), signal.SIGSEGV)", End::Signaled(11)),
        ("os.closerange(3, 1000)", End::Exited(0)),
        // The child of a fork must not hold the channel open.
        (
            "if os.fork() == 0: time.sleep(1000)\nos._exit(5)",
            End::Exited(5),
        ),
    ] {
        let (failure, replaced) = failure(&rig, body).await;
        let Failure::Died { end } = failure else {
            panic!("{body}: {failure:?}");
        };
        assert!(
            end == expected || body.contains("closerange"),
            "{body}: {end}"
        );
        assert!(replaced, "{body}");
    }
}

#[tokio::test]
async fn a_script_that_hangs_times_out_with_what_it_printed() {
    let _guard = among_others().await;
    let rig = Rig::new();
    for body in [
        "print(os.getpid())\ntime.sleep(1000)",
        "print(os.getpid())\nwhile True: pass",
        "print(os.getpid())\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: pass",
        "print(os.getpid())\nsubprocess.run(['sleep', '1000'])",
        "print(os.getpid())\nwhile True:\n    try: time.sleep(1000)\n    except BaseException: pass",
    ] {
        rig.pool.warm().await.unwrap();
        let deadline = Duration::from_secs(1);
        let error = rig
            .body_within(body, json!({}), deadline, &NoHost)
            .await
            .unwrap_err();
        assert!(
            matches!(*error.failure, Failure::TimedOut { after } if after == deadline),
            "{error:?}"
        );
        assert_group_goes(error.output.stdout.text().trim().parse().unwrap());
        assert_eq!(rig.value("return 1").await, json!(1));
    }
}

#[tokio::test]
async fn a_result_that_is_no_json_or_too_big_fails_alone() {
    let _guard = among_others().await;
    let rig = Rig::with(PythonOptions::default().workers_max(1).message_max(1 << 20));
    for body in [
        "a = []\na.append(a)\nreturn a",
        "return {(1, 2): 3}",
        "class Odd:\n    def __str__(self): raise ValueError('no text')\nreturn Odd()",
        "return 10**5000",
    ] {
        let (failure, replaced) = failure(&rig, body).await;
        assert!(
            matches!(failure, Failure::NotJson { .. }),
            "{body}: {failure:?}"
        );
        assert!(!replaced, "{body}");
    }
    let (too_big, _) = failure(&rig, "return 'x' * 20_000_000").await;
    assert!(
        matches!(
            too_big,
            Failure::TooBig {
                what: "result",
                bytes: 20_000_000..,
                ..
            }
        ),
        "{too_big:?}"
    );

    let error = rig
        .body("pass", json!({"t": "x".repeat(2 << 20)}))
        .await
        .unwrap_err();
    assert!(
        matches!(
            *error.failure,
            Failure::TooBig {
                what: "arguments",
                ..
            }
        ),
        "{error:?}"
    );
    assert_eq!(rig.value("return 1").await, json!(1));
}

#[tokio::test]
async fn garbage_on_the_channel_ends_the_worker_alone() {
    let _guard = among_others().await;
    let rig = Rig::new();
    let send = |bytes: &str| {
        format!(
            "import socket\nfor fd in range(200, 210):\n    try: socket.socket(fileno=fd).sendall({bytes})\n    except OSError: pass\ntime.sleep(1000)"
        )
    };
    for bytes in [
        "b'hello, world'",
        "b'\\x02\\0\\0\\0v{'",
        "b'\\x02\\0\\0\\0??'",
        "b'\\x03\\0\\0\\0v{}'",
        "b'\\xff' * 100",
    ] {
        let (failure, replaced) = failure(&rig, &send(bytes)).await;
        let told = matches!(failure, Failure::NotJson { .. } | Failure::TooBig { .. });
        assert!(told && replaced, "{bytes}: {failure:?}, {replaced}");
    }
}

#[tokio::test]
async fn a_flood_of_output_neither_blocks_nor_fills_the_memory() {
    let _guard = among_others().await;
    let rig = Rig::new();
    let body = "line = 'x' * 65535\nfor _ in range(800): print(line)\nprint('end')\nreturn 1";
    let called = rig.body(body, json!({})).await.unwrap();
    assert_eq!(value(&called), json!(1));
    assert_eq!(called.stdout.total(), 800 * 65536 + 4);
    assert_eq!(called.stdout.bytes().len(), Program::OUTPUT_MAX);
    assert!(called.stdout.text().ends_with("x\nend\n"));

    let flood = Program::shell("head -c 50000000 /dev/zero; echo end");
    let finished = run(&flood).await.unwrap();
    assert_eq!(finished.stdout.total(), 50_000_004);
    assert_eq!(finished.stdout.bytes().len(), Program::OUTPUT_MAX);
    assert!(finished.stdout.tail().ends_with(b"end\n"));

    let endless = Program::shell("exec cat /dev/zero").deadline(Duration::from_millis(100));
    let finished = run(&endless).await.unwrap();
    assert_eq!(finished.end, End::TimedOut { killed: false });
}

#[tokio::test]
async fn threads_and_processes_left_running_end_with_their_worker() {
    let _guard = among_others().await;
    let rig = Rig::new();
    for body in [
        "import threading\nthreading.Thread(target=time.sleep, args=(1000,), daemon=True).start()",
        "if os.fork() == 0: time.sleep(1000)",
        "subprocess.Popen(['sleep', '1000'])",
        "os.system('sleep 1000 &')",
    ] {
        let first = rig.worker().await;
        rig.body(body, json!({})).await.unwrap();
        assert_ne!(rig.worker().await, first, "{body}");
        assert_group_goes(i32::try_from(first).unwrap());
    }
}

#[tokio::test]
async fn processes_that_end_in_time_leave_the_worker_warm() {
    let _guard = among_others().await;
    let rig = Rig::new();
    let first = rig.worker().await;
    let body = "subprocess.run(['true'])\npid = os.fork()\nif pid == 0: return 'twice'\nos.waitpid(pid, 0)\nreturn 'once'";
    for _ in 0..3 {
        assert_eq!(rig.value(body).await, json!("once"));
    }
    assert_eq!(rig.worker().await, first);
}

#[tokio::test]
async fn a_worker_killed_while_idle_costs_no_call() {
    let _guard = among_others().await;
    let rig = Rig::new();
    for _ in 0..rounds(5, 500) {
        let worker = i32::try_from(rig.worker().await).unwrap();
        let pid = rustix::process::Pid::from_raw(worker).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        while !alive_in_group(worker).is_empty() {
            tokio::task::yield_now().await;
        }
        tokio::task::yield_now().await;
        assert_eq!(rig.value("return 1").await, json!(1));
    }
}

#[tokio::test]
async fn a_call_given_up_ends_its_worker() {
    let _guard = among_others().await;
    let rig = Rig::new();
    let worker = rig.worker().await;
    let hangs = rig.body("time.sleep(1000)", json!({}));
    let given_up = tokio::time::timeout(Duration::from_millis(50), hangs).await;
    assert!(given_up.is_err());
    assert_group_goes(i32::try_from(worker).unwrap());
    assert_eq!(rig.value("return 1").await, json!(1));
}

#[tokio::test]
async fn one_workers_trouble_is_no_trouble_for_another() {
    let _guard = among_others().await;
    let rig = Rig::with(PythonOptions::default().workers_max(2));
    let bad = async {
        for _ in 0..rounds(5, 500) {
            let error = rig.body("os.abort()", json!({})).await.unwrap_err();
            assert!(matches!(
                *error.failure,
                Failure::Died {
                    end: End::Signaled(6)
                }
            ));
        }
    };
    let good = async {
        for n in 0..200 {
            let called = rig.body("return pipe_data['n']", json!({"n": n})).await;
            assert_eq!(value(&called.unwrap()), json!(n));
        }
    };
    tokio::join!(bad, good);
}

#[tokio::test]
async fn broken_scripts_are_told_apart() {
    let _guard = among_others().await;
    let rig = Rig::new();
    let call = async |name: &str| -> Failure {
        let script = rig.folder.path().join(name);
        let error = rig
            .pool
            .call(&Call::new(&script), &NoHost)
            .await
            .unwrap_err();
        *error.failure
    };
    assert!(matches!(call("missing.py").await, Failure::NoScript { .. }));
    rig.write("empty.py", "ProcessBlock = 3\n");
    assert!(matches!(call("empty.py").await, Failure::NoFunction));
    rig.write("raises.py", "import no_such_module\n");
    assert_raised(
        &call("raises.py").await,
        "ModuleNotFoundError",
        "No module named 'no_such_module'",
    );

    for (source, expected_line, is_python_2) in [
        ("x = 1\nprint 'hello'\n", 2, true),
        ("try:\n  pass\nexcept Exception, e:\n  pass\n", 3, true),
        ("if 1 <> 2: pass\n", 1, true),
        ("raise ValueError, 'x'\n", 1, true),
        ("mode = 0755\n", 1, true),
        ("def f(:\n", 1, false),
    ] {
        rig.write("old.py", source);
        let failure = call("old.py").await;
        let Failure::SyntaxError {
            file, line, hint, ..
        } = &failure
        else {
            panic!("{source}: {failure:?}");
        };
        assert!(file.ends_with("old.py"));
        assert_eq!(
            (*line, hint.is_some()),
            (expected_line, is_python_2),
            "{source}: {failure}"
        );
    }
    // Mended, it works.
    rig.write("old.py", "def ProcessBlock(): return 1\n");
    let called = rig
        .pool
        .call(&Call::new(&rig.folder.path().join("old.py")), &NoHost)
        .await;
    assert_eq!(value(&called.unwrap()), json!(1));
    assert_eq!(rig.pool.state().started, 1);
}

#[tokio::test]
async fn a_script_cannot_spoil_the_worker_for_others() {
    let _guard = among_others().await;
    let rig = Rig::new();
    for body in [
        "sys.path = None",
        "sys.path.clear()",
        "sys.stdout = None",
        "sys.stdout.close()",
        "os.close(0); os.close(1); os.close(2)",
        "import builtins\nos.stat = None",
        "os.chdir('/proc/self')",
        "signal.alarm(0)",
        "import socket\nsocket.setdefaulttimeout(0.001)",
    ] {
        rig.body(body, json!({})).await.unwrap();
        let called = rig.body("print('x')\nreturn 1", json!({})).await.unwrap();
        assert_eq!(value(&called), json!(1), "{body}");
        assert_eq!(called.stdout.text(), "x\n", "{body}");
    }
    assert_eq!(rig.pool.state().started, 1);
    assert_eq!(rig.value("return None").await, Value::Null);
}
