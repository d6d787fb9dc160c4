//! What a program begins with, and that no start forks: a fork copies the page
//! tables of the whole process, which takes 20 ms in one of 1 GB.
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

/// Which signals a process ignores and which it blocks, as its status says.
fn signals(status: &str) -> (u64, u64) {
    let mask = |name| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        u64::from_str_radix(line.unwrap().trim(), 16).unwrap()
    };
    (mask("SigIgn:"), mask("SigBlk:"))
}

#[tokio::test]
async fn a_program_begins_with_no_signal_blocked_and_none_that_rust_ignores() {
    let _guard = among_others().await;
    let pipe = 1 << (libc::SIGPIPE - 1);
    // SAFETY: the set is a live local, for which zero is a value, and only
    // this thread's mask is changed.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigaddset(&raw mut set, libc::SIGUSR2);
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut());
    }
    let ours = std::fs::read_to_string("/proc/thread-self/status").unwrap();
    let (our_ignored, our_blocked) = signals(&ours);
    assert!(our_ignored & pipe != 0 && our_blocked & (1 << (libc::SIGUSR2 - 1)) != 0);
    let finished = run(&Program::new("cat").arg("/proc/self/status"))
        .await
        .unwrap();
    let theirs = finished.stdout.text();
    assert_eq!(signals(&theirs), (our_ignored & !pipe, 0));
    // Nor was our mask changed by the start.
    let ours = std::fs::read_to_string("/proc/thread-self/status").unwrap();
    assert_eq!(signals(&ours), (our_ignored, our_blocked));
}

#[tokio::test]
async fn a_program_inherits_no_descriptor_of_ours() {
    let _guard = among_others().await;
    // What whoever started the tests left open is passed on, as ever.
    let open = std::fs::read_dir("/proc/self/fdinfo").unwrap().flatten();
    let expected = open.filter(|fd| {
        let info = std::fs::read_to_string(fd.path()).unwrap_or_default();
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
        let flags = flags.and_then(|text| i32::from_str_radix(text.trim(), 8).ok());
        flags.is_some_and(|flags| flags & libc::O_CLOEXEC == 0)
    });
    // And the one that ls reads the folder by.
    let expected = expected.count() + 1;
    let finished = run(&Program::new("ls").arg("/proc/self/fd")).await.unwrap();
    let text = finished.stdout.text().into_owned();
    assert_eq!(text.lines().count(), expected, "{text}");
}
