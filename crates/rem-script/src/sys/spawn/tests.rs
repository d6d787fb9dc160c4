use std::fs::File;
use std::io::Read;
use std::os::fd::AsFd;

use rustix::pipe::{PipeFlags, pipe_with};

use super::*;

/// What a program wrote and how it ended, born that way.
#[track_caller]
fn ran(bear: Bear, path: &str, arguments: &[&str]) -> io::Result<(String, Option<i32>)> {
    let nothing = File::open("/dev/null").unwrap();
    let (read, write) = pipe_with(PipeFlags::CLOEXEC).unwrap();
    let arguments: Vec<&OsStr> = arguments.iter().map(OsStr::new).collect();
    let execution = Execution {
        path: OsStr::new(path),
        cwd: Some(OsStr::new("/tmp")),
        arguments: &arguments,
        environment: &[(OsStr::new("NAME"), OsStr::new("value"))],
        stdio: [nothing.as_fd(), write.as_fd(), write.as_fd()],
    };
    let (pid, _pidfd) = SCRATCH.with_borrow_mut(|scratch| scratch.spawn(&execution, bear))?;
    drop(write);
    let mut text = String::new();
    File::from(read).read_to_string(&mut text).unwrap();
    let waited = rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::empty());
    let (_, status) = waited.unwrap().unwrap();
    Ok((text, status.exit_status()))
}

#[test]
fn a_child_begins_the_same_with_and_without_the_newer_call() {
    let script = "grep -E '^Sig(Ign|Blk|Cgt)' /proc/self/status; echo $NAME; pwd; exit 7";
    let both = [bear as Bear, birth::bear_masked]
        .map(|bear| ran(bear, "/bin/sh", &["sh", "-c", script]).unwrap());
    assert_eq!(both[0], both[1]);
    let (text, status) = &both[0];
    assert!(text.ends_with("value\n/tmp\n"), "{text}");
    assert_eq!(*status, Some(7));
}

#[test]
fn either_call_tells_why_a_program_cannot_be_executed() {
    for bear in [bear as Bear, birth::bear_masked] {
        let error = ran(bear, "/no/such/program", &["x"]).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENOENT));
    }
}

#[test]
#[cfg(target_arch = "x86_64")]
fn this_kernel_knows_the_newer_call() {
    let ran = ran(birth::clear::bear, "/bin/true", &["true"]);
    assert_eq!(ran.unwrap().1, Some(0));
}
