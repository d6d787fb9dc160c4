//! Programs are started by `posix_spawn`: a fork copies the page tables of
//! the whole process, which takes 20 ms in one of 1 GB.
#![allow(unsafe_code)]

use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use rem_script::{Program, run};

use crate::rig::{Rig, among_others};

static FORKS: AtomicU32 = AtomicU32::new(0);

extern "C" fn note_fork() {
    FORKS.fetch_add(1, Ordering::SeqCst);
}

#[tokio::test]
async fn no_way_to_run_a_program_forks() {
    let _guard = among_others().await;
    // SAFETY: the function lives for ever and only adds to an atomic.
    let failed = unsafe { libc::pthread_atfork(Some(note_fork), None, None) };
    assert_eq!(failed, 0);

    let program = Program::new("cat")
        .env("PATH", "/bin:/usr/bin")
        .env("A", "1")
        .cwd("/tmp")
        .stdin("x");
    assert!(run(&program).await.unwrap().end.is_success());
    assert!(
        run(&Program::new("/bin/true"))
            .await
            .unwrap()
            .end
            .is_success()
    );
    Rig::new().pool.warm().await.unwrap();
    assert_eq!(FORKS.load(Ordering::SeqCst), 0);

    // What would have shown a fork does show one.
    let mut forks = Command::new("/bin/true");
    // SAFETY: the closure does nothing.
    unsafe { forks.pre_exec(|| Ok(())) };
    assert!(forks.status().unwrap().success());
    assert_eq!(FORKS.load(Ordering::SeqCst), 1);
}
