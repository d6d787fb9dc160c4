//! Modules that the embedding program gives to scripts, and their calls back.

use std::time::Duration;

use rem_script::{Failure, FakeHost, Host, HostFuture, PythonOptions};
use serde_json::{Value, json};

use crate::rig::{Rig, among_others, value};

const ONE_DAY: Duration = Duration::from_secs(86_400);

fn unidist() -> PythonOptions {
    PythonOptions::default()
        .workers_max(1)
        .module(
            "unidist.sharedstate",
            "import _rem\n\
             def Get(bucket, name):\n  return _rem.call('state.get', [bucket, name])\n",
        )
        .module(
            "unidist.log",
            "from .sharedstate import Get\nfrom unidist import *\n",
        )
}

#[tokio::test]
async fn an_injected_package_calls_the_host() {
    let _guard = among_others().await;
    let rig = Rig::with(unidist());
    let host = FakeHost::answering(Ok(json!({"cpu": 0.5})));
    let body = "from unidist import sharedstate, log\n\
                import unidist.log\n\
                a = sharedstate.Get('host', 'web1')\n\
                b = unidist.log.Get('host', 'web2')\n\
                return [a['cpu'], b]";
    let called = rig
        .body_within(body, json!({}), ONE_DAY, &host)
        .await
        .unwrap();
    assert_eq!(value(&called), json!([0.5, {"cpu": 0.5}]));
    let calls = host.calls();
    assert_eq!(calls[0], ("state.get".to_owned(), json!(["host", "web1"])));
    assert_eq!(calls.len(), 2);
}

#[tokio::test]
async fn a_refusal_is_an_exception_in_the_script() {
    let _guard = among_others().await;
    let rig = Rig::with(unidist());
    let host = FakeHost::answering(Err("no quorum".to_owned()));
    let body = "import _rem\ntry: _rem.call('x')\nexcept _rem.Error as e: return str(e)";
    let called = rig
        .body_within(body, json!({}), ONE_DAY, &host)
        .await
        .unwrap();
    assert_eq!(value(&called), json!("no quorum"));

    let uncaught = "from unidist import sharedstate\nsharedstate.Get('a', 'b')";
    let error = rig.body(uncaught, json!({})).await.unwrap_err();
    let Failure::Raised {
        message, traceback, ..
    } = &*error.failure
    else {
        panic!("{error:?}");
    };
    assert_eq!(message, "nothing answers this call: state.get");
    assert!(
        traceback.contains("return _rem.call('state.get', [bucket, name])"),
        "{traceback}"
    );
    assert_eq!(rig.pool.state().started, 1);
}

/// Answers when it is asked the second time, having let others run.
struct Slow;

impl Host for Slow {
    fn call(&self, _: String, arguments: Value) -> HostFuture<'_> {
        Box::pin(async move {
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            Ok(arguments)
        })
    }
}

/// Never answers.
struct Silent;

impl Host for Silent {
    fn call(&self, _: String, _: Value) -> HostFuture<'_> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn the_script_waits_for_an_answer_but_not_past_its_deadline() {
    let _guard = among_others().await;
    let rig = Rig::new();
    let body = "import _rem\nreturn [_rem.call('x', n) for n in range(50)]";
    let called = rig
        .body_within(body, json!({}), ONE_DAY, &Slow)
        .await
        .unwrap();
    assert_eq!(value(&called).as_array().unwrap().len(), 50);
    let soon = Duration::from_millis(100);
    let error = rig
        .body_within(body, json!({}), soon, &Silent)
        .await
        .unwrap_err();
    assert!(
        matches!(*error.failure, Failure::TimedOut { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn threads_of_a_script_may_call_while_it_runs_and_not_after() {
    let _guard = among_others().await;
    let rig = Rig::new();
    let body = "import _rem, threading\n\
                seen = []\n\
                def ask(n):\n    seen.append(_rem.call('x', n))\n\
                threads = [threading.Thread(target=ask, args=(n,)) for n in range(20)]\n\
                for t in threads: t.start()\n\
                for t in threads: t.join()\n\
                return sorted(seen)";
    let called = rig
        .body_within(body, json!({}), ONE_DAY, &Slow)
        .await
        .unwrap();
    assert_eq!(value(&called), json!((0..20).collect::<Vec<_>>()));
    let late = "import _rem, threading\n\
                def late():\n    while True:\n        _rem.call('late', 1)\n\
                threading.Thread(target=late, daemon=True).start()\n\
                return 1";
    for _ in 0..5 {
        let called = rig
            .body_within(late, json!({}), ONE_DAY, &Slow)
            .await
            .unwrap();
        assert_eq!(value(&called), json!(1));
    }
}

#[tokio::test]
async fn big_answers_pass_and_calls_above_the_limit_are_refused() {
    let _guard = among_others().await;
    let rig = Rig::with(PythonOptions::default().workers_max(1).message_max(2 << 20));
    let host = FakeHost::answering(Ok(json!("x".repeat(1 << 20))));
    let body = "import _rem\nreturn len(_rem.call('x'))";
    let called = rig
        .body_within(body, json!({}), ONE_DAY, &host)
        .await
        .unwrap();
    assert_eq!(value(&called), json!(1 << 20));

    let host = FakeHost::answering(Ok(json!("x".repeat(3 << 20))));
    let error = rig
        .body_within(body, json!({}), ONE_DAY, &host)
        .await
        .unwrap_err();
    assert!(
        matches!(&*error.failure, Failure::Raised { kind, .. } if kind == "Rem.Error"),
        "{error:?}"
    );
    let body = "import _rem\nreturn _rem.call('x', 'y' * 3_000_000)";
    let error = rig
        .body_within(body, json!({}), ONE_DAY, &host)
        .await
        .unwrap_err();
    assert!(
        matches!(&*error.failure, Failure::Raised { kind, .. } if kind == "Rem.Error"),
        "{error:?}"
    );
    assert_eq!(rig.pool.state().started, 1);
}
