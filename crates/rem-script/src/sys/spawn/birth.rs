//! The birth of a child that borrows our memory, and its life before `execve`.

use std::ffi::{c_char, c_int, c_void};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::ptr;

use rustix::process::Pid;

/// The number of the last signal.
const SIGNALS_MAX: c_int = 64;

/// All that the child reads and writes of its parent.
pub(super) struct Child {
    pub(super) path: *const c_char,
    /// Null where it starts where we are.
    pub(super) cwd: *const c_char,
    pub(super) arguments: *const *const c_char,
    pub(super) environment: *const *const c_char,
    pub(super) stdio: [RawFd; 3],
    /// Why it could not be executed; 0 if it is.
    pub(super) errno: c_int,
}

/// A way to run a child that shares our memory until it executes or ends: its number
/// comes back, and its pidfd in the last argument.
pub(super) type Bear = fn(&mut [MaybeUninit<u128>], &mut Child, &mut RawFd) -> io::Result<c_int>;

/// The cheapest way that this kernel knows.
pub(super) fn bear(
    stack: &mut [MaybeUninit<u128>],
    child: &mut Child,
    pidfd: &mut RawFd,
) -> io::Result<c_int> {
    match clear::bear(stack, child, pidfd) {
        Err(error) if is_unknown(&error) => bear_masked(stack, child, pidfd),
        pid => pid,
    }
}

/// Has a child born that way, and takes what watches it.
pub(super) fn born(
    bear: Bear,
    stack: &mut [MaybeUninit<u128>],
    child: &mut Child,
) -> io::Result<(Pid, OwnedFd)> {
    let mut pidfd: RawFd = -1;
    let pid = bear(stack, child, &mut pidfd)?;
    let pid = Pid::from_raw(pid).ok_or_else(|| io::Error::from(io::ErrorKind::Other))?;
    // SAFETY: the kernel has just opened it for us, and nobody else knows it.
    Ok((pid, unsafe { OwnedFd::from_raw_fd(pidfd) }))
}

/// Whether the kernel, or who confines us, does not know the call or a flag of it.
fn is_unknown(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::ENOSYS | libc::EINVAL | libc::EPERM)
    )
}

/// With handlers reset by the kernel: none of ours can run in the child.
#[cfg(target_arch = "x86_64")]
pub(super) mod clear {
    use std::arch::asm;
    use std::ffi::c_int;
    use std::io;
    use std::mem::MaybeUninit;
    use std::os::fd::RawFd;
    use std::ptr;

    use super::{Child, begin_clear};

    /// As <linux/sched.h> has it; libc's constant is an int, which it does not fit.
    const CLONE_CLEAR_SIGHAND: u64 = 0x1_0000_0000;

    pub(in super::super) fn bear(
        stack: &mut [MaybeUninit<u128>],
        child: &mut Child,
        pidfd: &mut RawFd,
    ) -> io::Result<c_int> {
        let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD;
        // SAFETY: plain integers, for which zero is a value.
        let mut wanted: libc::clone_args = unsafe { std::mem::zeroed() };
        wanted.flags = u64::from(flags.unsigned_abs()) | CLONE_CLEAR_SIGHAND;
        wanted.pidfd = ptr::from_mut(pidfd) as u64;
        wanted.exit_signal = u64::from(libc::SIGCHLD.unsigned_abs());
        wanted.stack = stack.as_mut_ptr() as u64;
        wanted.stack_size = size_of_val(stack) as u64;
        let result: i64;
        // SAFETY: the stack is aligned, large enough for `begin`, and lent for as
        // long as the child has our memory: CLONE_VFORK holds this thread up until
        // the child executes or ends, and so keeps `child` and what it points to
        // alive too. The child starts behind the system call on the top of that
        // stack, calls `begin_clear`, which never returns, and so touches nothing
        // of this frame. It has none of our signal handlers from its first
        // instruction on. The registers that a system call may change are said
        // to be; the pidfd is written to a live integer.
        unsafe {
            asm!(
                "syscall",
                "test rax, rax",
                "jnz 2f",
                "xor ebp, ebp",
                "mov rdi, r13",
                "call r12",
                "ud2",
                "2:",
                inlateout("rax") libc::SYS_clone3 => result,
                in("rdi") &raw const wanted,
                in("rsi") size_of::<libc::clone_args>(),
                in("r12") begin_clear as extern "C" fn(*mut Child) -> !,
                in("r13") ptr::from_mut(child),
                lateout("rcx") _,
                lateout("r11") _,
            );
        }
        match c_int::try_from(result) {
            Ok(pid) if 0 < pid => Ok(pid),
            Ok(error) => Err(io::Error::from_raw_os_error(-error)),
            Err(_) => Err(io::ErrorKind::Other.into()),
        }
    }
}

#[cfg(not(target_arch = "x86_64"))]
pub(super) mod clear {
    use std::ffi::c_int;
    use std::io;
    use std::mem::MaybeUninit;
    use std::os::fd::RawFd;

    pub(in super::super) fn bear(
        _stack: &mut [MaybeUninit<u128>],
        _child: &mut super::Child,
        _pidfd: &mut RawFd,
    ) -> io::Result<c_int> {
        Err(io::Error::from_raw_os_error(libc::ENOSYS))
    }
}

/// For kernels before 5.5, other processors, and confinements that refuse `clone3`.
pub(super) fn bear_masked(
    stack: &mut [MaybeUninit<u128>],
    child: &mut Child,
    pidfd: &mut RawFd,
) -> io::Result<c_int> {
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | libc::SIGCHLD;
    // A handler of ours must not run in the child, which has our memory.
    let masked = Masked::all();
    // SAFETY: as for the other way. The child only makes system calls through
    // functions of libc that are safe between vfork and exec, takes no lock and
    // allocates nothing. It shares this thread's errno, which we read only if
    // there is no child.
    let pid = unsafe {
        libc::clone(
            begin,
            stack.as_mut_ptr_range().end.cast(),
            flags,
            ptr::from_mut(child).cast(),
            ptr::from_mut(pidfd),
        )
    };
    let error = io::Error::last_os_error();
    drop(masked);
    if pid < 0 { Err(error) } else { Ok(pid) }
}

/// The child's whole life before the program, where it still has our handlers.
extern "C" fn begin(child: *mut c_void) -> c_int {
    // SAFETY: called on the addresses of live locals, in a child that shares
    // nothing of the kernel's signal table with us; all structures are plain
    // integers for which zero is a value.
    unsafe {
        for signal in 1..=SIGNALS_MAX {
            let mut action: libc::sigaction = std::mem::zeroed();
            // Two of them are libc's own: those it refuses to show.
            if libc::sigaction(signal, ptr::null(), &raw mut action) != 0 {
                continue;
            }
            let is_default = action.sa_sigaction == libc::SIG_DFL;
            if !is_default && action.sa_sigaction != libc::SIG_IGN {
                let default: libc::sigaction = std::mem::zeroed();
                libc::sigaction(signal, &raw const default, ptr::null_mut());
            }
        }
    }
    begin_clear(child.cast())
}

/// The child's whole life before the program.
extern "C" fn begin_clear(child: *mut Child) -> ! {
    // SAFETY: `bear` passes a live Child that it does not look at meanwhile;
    // its pointers are to texts that end in zero bytes and to lists of them
    // that end in null, or null for no folder. What is called is async-signal-
    // safe, and all structures are plain integers for which zero is a value.
    unsafe {
        // Rust's runtime ignores it, which programs do not expect.
        let default: libc::sigaction = std::mem::zeroed();
        libc::sigaction(libc::SIGPIPE, &raw const default, ptr::null_mut());
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
pub(super) fn bury(pid: Pid) {
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
