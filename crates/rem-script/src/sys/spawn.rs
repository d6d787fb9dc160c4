//! Starting a program as `posix_spawn` does it, without what that costs more.
//!
//! `posix_spawn` gives each child a stack from the kernel, whose pages fault in
//! one by one, and resets every signal whether or not somebody handles it. Both
//! together cost as much as the rest of a start. Here the calling thread lends
//! the child a stack that it keeps, and the pidfd comes with the child.

use std::cell::RefCell;
use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::ptr;

use rustix::io::fcntl_dupfd_cloexec;
use rustix::process::Pid;

/// What a child needs between its birth and `execve`: some frames of libc.
const STACK_BYTES: usize = 32 << 10;

/// The number of the last signal.
const SIGNALS_MAX: c_int = 64;

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
    SCRATCH.with_borrow_mut(|scratch| scratch.spawn(execution))
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

/// All that the child reads and writes of its parent.
struct Child {
    path: *const c_char,
    cwd: *const c_char,
    arguments: *const *const c_char,
    environment: *const *const c_char,
    stdio: [RawFd; 3],
    /// Why it could not be executed; 0 if it is.
    errno: c_int,
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

    fn spawn(&mut self, execution: &Execution<'_>) -> io::Result<(Pid, OwnedFd)> {
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
        let (pid, pidfd) = bear(&mut self.stack, &mut child)?;
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

/// Runs [`begin`] in a child that shares our memory, until it executes or ends.
fn bear(stack: &mut [MaybeUninit<u128>], child: &mut Child) -> io::Result<(Pid, OwnedFd)> {
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | libc::SIGCHLD;
    let mut pidfd: RawFd = -1;
    // A handler of ours must not run in the child, which has our memory.
    let masked = Masked::all();
    // SAFETY: the stack is aligned, large enough for `begin`, and lent for as
    // long as the child has our memory: CLONE_VFORK holds this thread up until
    // the child executes or ends, and so keeps `child` and what it points to
    // alive too. The child only makes system calls through functions of libc
    // that are safe between vfork and exec, takes no lock and allocates
    // nothing. It shares this thread's errno, which we read only if there is
    // no child. The pidfd is written to a live integer.
    let pid = unsafe {
        libc::clone(
            begin,
            stack.as_mut_ptr_range().end.cast(),
            flags,
            ptr::from_mut(child).cast(),
            &raw mut pidfd,
        )
    };
    let error = io::Error::last_os_error();
    drop(masked);
    let Some(pid) = Pid::from_raw(pid.max(0)) else {
        return Err(error);
    };
    // SAFETY: the kernel has just opened it for us, and nobody else knows it.
    Ok((pid, unsafe { OwnedFd::from_raw_fd(pidfd) }))
}

/// The child's whole life before the program.
extern "C" fn begin(child: *mut c_void) -> c_int {
    let child = child.cast::<Child>();
    // SAFETY: `bear` passes a live Child that it does not look at meanwhile;
    // its pointers are to texts that end in zero bytes and to lists of them
    // that end in null, or null for no folder. What is called is async-signal-
    // safe, and all structures are plain integers for which zero is a value.
    unsafe {
        for signal in 1..=SIGNALS_MAX {
            let mut action: libc::sigaction = std::mem::zeroed();
            // Two of them are libc's own: those it refuses to show.
            if libc::sigaction(signal, ptr::null(), &raw mut action) != 0 {
                continue;
            }
            // Rust's runtime ignores it, which programs do not expect.
            let is_ignored = action.sa_sigaction == libc::SIG_IGN && signal != libc::SIGPIPE;
            if action.sa_sigaction != libc::SIG_DFL && !is_ignored {
                let default: libc::sigaction = std::mem::zeroed();
                libc::sigaction(signal, &raw const default, ptr::null_mut());
            }
        }
        let is_ready = libc::setpgid(0, 0) == 0
            && libc::dup2((*child).stdio[0], 0) == 0
            && libc::dup2((*child).stdio[1], 1) == 1
            && libc::dup2((*child).stdio[2], 2) == 2
            && ((*child).cwd.is_null() || libc::chdir((*child).cwd) == 0);
        if is_ready {
            let none: libc::sigset_t = std::mem::zeroed();
            libc::sigprocmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut());
            libc::execve((*child).path, (*child).arguments, (*child).environment);
        }
        (*child).errno = *libc::__errno_location();
        libc::_exit(127)
    }
}

/// Takes the status of a child that did not come to execute anything.
fn bury(pid: Pid) {
    // SAFETY: a null pointer means that the status is of no interest.
    while unsafe { libc::waitpid(pid.as_raw_nonzero().get(), ptr::null_mut(), 0) } == -1
        && io::Error::last_os_error().kind() == io::ErrorKind::Interrupted
    {}
}

/// This thread takes no signal until this is dropped.
struct Masked(libc::sigset_t);

impl Masked {
    fn all() -> Self {
        // SAFETY: sets of signals are plain integers, for which zero is a
        // value, and both pointers are to live locals.
        unsafe {
            let (mut all, mut before): (libc::sigset_t, libc::sigset_t) = std::mem::zeroed();
            libc::sigfillset(&raw mut all);
            libc::pthread_sigmask(libc::SIG_BLOCK, &raw const all, &raw mut before);
            Self(before)
        }
    }
}

impl Drop for Masked {
    fn drop(&mut self) {
        // SAFETY: the pointer is to the set that was in force before.
        unsafe {
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.0, ptr::null_mut());
        }
    }
}
