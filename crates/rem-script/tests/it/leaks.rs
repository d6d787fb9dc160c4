//! Nothing is left of many runs: no descriptor, no child, no zombie.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rem_script::{Call, End, NoHost, Program, PythonOptions, PythonPool, run};
use rustix::process::{WaitId, WaitIdOptions, waitid};

use crate::rig::{ALONE, rounds, wait_for};

/// What the open descriptors lead to. Not those of event loops: runtimes of
/// other tests may have one already while they wait for their turn.
fn descriptors() -> BTreeSet<PathBuf> {
    let open = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    let targets = open.filter_map(|fd| std::fs::read_link(fd.path()).ok());
    targets
        .filter(|target| {
            let target = target.to_string_lossy();
            !target.contains("[event") && !target.ends_with("/fd")
        })
        .collect()
}

fn has_children() -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    // Without any child, dead or alive, this is an error.
    waitid(WaitId::All, options).is_ok()
}

#[tokio::test]
async fn thousands_of_runs_leave_no_descriptor_and_no_zombie() {
    let _alone = ALONE.write().await;
    run(&Program::new("/bin/true")).await.unwrap();
    wait_for("earlier tests' children are gone", || !has_children());
    let before = descriptors();

    let each = rounds(500, 25_000);
    let lanes: Vec<_> = (0..4)
        .map(|lane| {
            tokio::spawn(async move {
                for n in 0..each {
                    let program = match (lane + n) % 50 {
                        0 => Program::new("/no/such/program"),
                        1 => Program::shell("sleep 1000 & echo x"),
                        2 => Program::new("cat").stdin("y"),
                        3 => Program::new("sleep")
                            .arg("1000")
                            .deadline(Duration::from_millis(1)),
                        _ => Program::new("/bin/true"),
                    };
                    let end = run(&program).await.map(|finished| finished.end);
                    match (lane + n) % 50 {
                        0 => assert!(end.is_err()),
                        3 => assert_eq!(end.unwrap(), End::TimedOut { killed: false }),
                        _ => assert_eq!(end.unwrap(), End::Exited(0)),
                    }
                    if n % 50 == 49 {
                        // Given up half-way.
                        let hangs = Program::new("sleep").arg("1000");
                        let _ = tokio::time::timeout(Duration::ZERO, run(&hangs)).await;
                    }
                }
            })
        })
        .collect();
    for lane in lanes {
        lane.await.unwrap();
    }
    while has_children() {
        tokio::task::yield_now().await;
    }
    assert_eq!(descriptors(), before);
}

#[tokio::test]
async fn workers_leave_no_descriptor_and_no_zombie() {
    let _alone = ALONE.write().await;
    run(&Program::new("/bin/true")).await.unwrap();
    wait_for("earlier tests' children are gone", || !has_children());
    let before = descriptors();

    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("s.py");
    std::fs::write(
        &script,
        "import os\ndef ProcessBlock(how):\n    os._exit(1) if how else 0\n",
    )
    .unwrap();
    for _ in 0..rounds(3, 200) {
        let options = PythonOptions::default().workers_max(3).runs_max(2);
        let pool = Arc::new(PythonPool::new(options));
        let calls: Vec<_> = (0..9)
            .map(|n| {
                let (pool, script) = (pool.clone(), script.clone());
                tokio::spawn(async move {
                    let call = Call {
                        positional: &[&(n % 3)],
                        ..Call::new(&script)
                    };
                    pool.call(&call, &NoHost).await.is_ok()
                })
            })
            .collect();
        let mut good = 0;
        for call in calls {
            good += u32::from(call.await.unwrap());
        }
        assert_eq!(good, 3);
    }
    while has_children() {
        tokio::task::yield_now().await;
    }
    assert_eq!(descriptors(), before);
}
