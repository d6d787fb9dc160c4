//! Runs of programs that behave, and of some that do not.

use std::time::{Duration, Instant};

use rem_script::{End, Finished, Program, run};

use crate::rig::{among_others, assert_group_goes};

async fn shell(command: &str) -> Finished {
    run(&Program::shell(command)).await.unwrap()
}

fn number(finished: &Finished) -> i32 {
    finished.stdout.text().trim().parse().unwrap()
}

#[tokio::test]
async fn exit_signal_and_time_out_are_told_apart() {
    let _guard = among_others().await;
    assert_eq!(shell("exit 0").await.end, End::Exited(0));
    assert_eq!(shell("exit 7").await.end, End::Exited(7));
    assert_eq!(shell("kill -9 $$").await.end, End::Signaled(9));
    assert_eq!(shell("kill -TERM $$").await.end, End::Signaled(15));
    let hangs = Program::shell("exec sleep 1000").deadline(Duration::from_millis(50));
    let finished = run(&hangs).await.unwrap();
    assert_eq!(finished.end, End::TimedOut { killed: false });
    assert!(finished.took < Duration::from_secs(30));
}

#[tokio::test]
async fn both_streams_are_captured_apart() {
    let _guard = among_others().await;
    let finished = shell("echo out; echo err >&2").await;
    assert_eq!(finished.stdout.bytes(), b"out\n");
    assert_eq!(finished.stderr.bytes(), b"err\n");
}

#[tokio::test]
async fn a_program_that_ignores_term_is_killed_after_the_grace_time() {
    let _guard = among_others().await;
    let program = Program::shell("trap '' TERM; echo $$; while :; do sleep 1000; done")
        .deadline(Duration::from_secs(1))
        .grace(Duration::from_millis(100));
    let finished = run(&program).await.unwrap();
    assert_eq!(finished.end, End::TimedOut { killed: true });
    assert_group_goes(number(&finished));
}

#[tokio::test]
async fn children_left_running_end_with_the_run() {
    let _guard = among_others().await;
    let began = Instant::now();
    // They hold the pipe open, which must not hang the run.
    let finished = shell("sleep 1000 & (sleep 1000 & sleep 1000) & echo $$").await;
    assert_eq!(finished.end, End::Exited(0));
    assert!(began.elapsed() < Duration::from_secs(30));
    assert_group_goes(number(&finished));
}

#[tokio::test]
async fn a_daemon_that_left_the_group_neither_hangs_the_run_nor_dies_with_it() {
    let _guard = among_others().await;
    let finished = shell("setsid sh -c 'echo $$; exec sleep 1000' & read x").await;
    assert_eq!(finished.end, End::Exited(1));
    let finished = shell("setsid sleep 1000 & echo $!").await;
    let daemon = rustix_pid(number(&finished));
    // The shell may have been faster than setsid; then it went with the group.
    let _ = rustix::process::kill_process(daemon, rustix::process::Signal::KILL);
}

fn rustix_pid(pid: i32) -> rustix::process::Pid {
    rustix::process::Pid::from_raw(pid).unwrap()
}

#[tokio::test]
async fn input_reaches_the_program_and_ends() {
    let _guard = among_others().await;
    let finished = run(&Program::new("cat").stdin("hello")).await.unwrap();
    assert_eq!(finished.stdout.bytes(), b"hello");
    // More than pipes hold, in both directions at once.
    let input: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
    let program = Program::new("cat").stdin(input.clone()).output_max(4 << 20);
    let finished = run(&program).await.unwrap();
    assert!(finished.stdout.bytes() == input, "came back changed");
}

#[tokio::test]
async fn a_program_that_does_not_read_its_input_is_fine() {
    let _guard = among_others().await;
    let input = vec![b'x'; 3_000_000];
    let never = Program::new("true").stdin(input.clone());
    assert_eq!(run(&never).await.unwrap().end, End::Exited(0));
    let a_little = Program::shell("head -c 1").stdin(input);
    assert_eq!(run(&a_little).await.unwrap().stdout.bytes(), b"x");
}

#[tokio::test]
async fn the_environment_is_what_was_given_and_no_more() {
    let _guard = among_others().await;
    let finished = run(&Program::new("env")).await.unwrap();
    let path = format!("PATH={}\n", rem_script::DEFAULT_PATH);
    assert_eq!(finished.stdout.text(), path);
    let program = Program::new("/usr/bin/env")
        .env("A", "1")
        .env("PATH", "/x")
        .env("A", "2");
    let finished = run(&program).await.unwrap();
    let mut lines: Vec<_> = finished.stdout.text().lines().map(str::to_owned).collect();
    lines.sort();
    assert_eq!(lines, ["A=2", "PATH=/x"]);
}

#[tokio::test]
async fn it_runs_in_the_folder_given() {
    let _guard = among_others().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("here"), "yes").unwrap();
    let program = Program::new("cat").arg("here").cwd(folder.path());
    assert_eq!(run(&program).await.unwrap().stdout.bytes(), b"yes");
}

#[tokio::test]
async fn cpu_time_and_duration_are_those_of_the_program() {
    let _guard = among_others().await;
    let busy = "i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done";
    let finished = shell(busy).await;
    let cpu = finished.cpu.unwrap();
    assert!(cpu > Duration::from_millis(1), "{cpu:?}");
    assert!(cpu <= finished.took + Duration::from_millis(20), "{cpu:?}");
}

#[tokio::test]
async fn dropping_the_run_ends_its_process_group() {
    let _guard = among_others().await;
    let folder = tempfile::tempdir().unwrap();
    let note = folder.path().join("pid");
    let program = Program::shell("sleep 1000 & echo $$ > pid.new; mv pid.new pid; sleep 1000")
        .cwd(folder.path());
    let started = async {
        while !note.exists() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::select! {
        finished = run(&program) => panic!("ended by itself: {finished:?}"),
        () = started => {}
    }
    let group = std::fs::read_to_string(&note)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    assert_group_goes(group);
}
