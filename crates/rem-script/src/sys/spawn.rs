//! Starting a program as `posix_spawn` does it, without what that costs more.
//!
//! `posix_spawn` gives each child a stack from the kernel, whose pages fault in
//! one by one, and resets every signal whether or not somebody handles it. Both
//! together cost as much as the rest of a start. Here the calling thread lends
//! the child a stack that it keeps, the kernel resets all signals in the one
//! call that makes the child, and the pidfd comes with it.

mod birth;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::ffi::{CStr, OsStr, c_char};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::ptr;

use rustix::io::fcntl_dupfd_cloexec;
use rustix::process::Pid;

use self::birth::{Bear, Child, bear, born, bury};

/// What a child needs between its birth and `execve`: some frames of libc.
const STACK_BYTES: usize = 32 << 10;

/// What to execute, and what it begins with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Execution<'a> {
    pub(crate) path: &'a OsStr,
    pub(crate) cwd: Option<&'a OsStr>,
    /// The first one is the name it is called by.
    pub(crate) arguments: &'a [&'a OsStr],
    pub(crate) environment: &'a [(&'a OsStr, &'a OsStr)],
    /// Input, output and errors.
    pub(crate) stdio: [BorrowedFd<'a>; 3],
}

/// Starts it as the leader of its own process group, with every signal that
/// this process handles at its default and none blocked. Returns once it
/// executes; an error is that of the first step that failed.
pub(crate) fn spawn(execution: &Execution<'_>) -> io::Result<(Pid, OwnedFd)> {
    SCRATCH.with_borrow_mut(|scratch| scratch.spawn(execution, bear))
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = const { RefCell::new(Scratch::new()) };
}

/// What the starts of one thread use again and again.
struct Scratch {
    stack: Vec<MaybeUninit<u128>>,
    /// Every text with its zero byte.
    text: Vec<u8>,
    starts: Vec<usize>,
    pointers: Vec<*const c_char>,
}

impl Scratch {
    const fn new() -> Self {
        Self {
            stack: Vec::new(),
            text: Vec::new(),
            starts: Vec::new(),
            pointers: Vec::new(),
        }
    }

    fn spawn(&mut self, execution: &Execution<'_>, bear: Bear) -> io::Result<(Pid, OwnedFd)> {
        self.write_texts(execution)?;
        let [stdin, stdout, stderr] = execution.stdio;
        // The child puts them at 0 to 2, one after the other, so none of them
        // may be there yet.
        let lifted = [stdin, stdout, stderr].map(|fd| match fd.as_raw_fd() {
            ..3 => fcntl_dupfd_cloexec(fd, 3).map(Some),
            _ => Ok(None),
        });
        let mut stdio = execution.stdio.map(|fd| fd.as_raw_fd());
        let mut kept = Vec::new();
        for (fd, lifted) in stdio.iter_mut().zip(lifted) {
            if let Some(lifted) = lifted? {
                *fd = lifted.as_raw_fd();
                kept.push(lifted);
            }
        }
        let count = execution.arguments.len();
        let mut child = Child {
            path: self.pointers[0],
            cwd: execution.cwd.map_or(ptr::null(), |_| self.pointers[1]),
            arguments: self.pointers[2..].as_ptr(),
            environment: self.pointers[2 + count + 1..].as_ptr(),
            stdio,
            errno: 0,
        };
        self.stack
            .resize(STACK_BYTES / size_of::<u128>(), MaybeUninit::uninit());
        let (pid, pidfd) = born(bear, &mut self.stack, &mut child)?;
        if child.errno != 0 {
            bury(pid);
            return Err(io::Error::from_raw_os_error(child.errno));
        }
        Ok((pid, pidfd))
    }

    /// Path, folder, arguments, null, environment, null.
    fn write_texts(&mut self, execution: &Execution<'_>) -> io::Result<()> {
        self.text.clear();
        self.starts.clear();
        self.pointers.clear();
        self.add(&[execution.path])?;
        self.add(&[execution.cwd.unwrap_or_default()])?;
        for argument in execution.arguments {
            self.add(&[argument])?;
        }
        for (name, value) in execution.environment {
            self.add(&[name, OsStr::new("="), value])?;
        }
        // Only now, as the text moves while it grows.
        let first_of_environment = 2 + execution.arguments.len();
        for (index, start) in self.starts.iter().enumerate() {
            if index == first_of_environment {
                self.pointers.push(ptr::null());
            }
            self.pointers.push(self.text[*start..].as_ptr().cast());
        }
        if execution.environment.is_empty() {
            self.pointers.push(ptr::null());
        }
        self.pointers.push(ptr::null());
        Ok(())
    }

    fn add(&mut self, parts: &[&OsStr]) -> io::Result<()> {
        let start = self.text.len();
        self.starts.push(start);
        for part in parts {
            self.text.extend_from_slice(part.as_bytes());
        }
        self.text.push(0);
        match CStr::from_bytes_with_nul(&self.text[start..]) {
            Ok(_) => Ok(()),
            Err(_) => {
                let why = "nul byte found in a path, an argument or the environment";
                Err(io::Error::new(io::ErrorKind::InvalidInput, why))
            }
        }
    }
}
