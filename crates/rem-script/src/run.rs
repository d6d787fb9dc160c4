//! One run of a program from start to end.

use std::future::poll_fn;
use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::process::Signal;
use tokio::io::AsyncWrite;
use tokio::net::unix::pipe::Sender;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::drain::Drain;
use crate::group::Group;
use crate::start::{Started, Stdin, start};
use crate::{End, Finished, Program, StartError};

/// How long after KILL a process may take to vanish before it is left to the
/// background: one that hangs inside the kernel must not hang its caller.
pub(crate) const VANISH: Duration = Duration::from_secs(5);

/// For how long a program's output is left in the pipes, which take 64 KiB: one
/// that ends within it, as most checks do, costs a fifth less. One that writes
/// more waits for us that long, once.
const QUIET: Duration = Duration::from_millis(20);

/// Runs a program to its end.
///
/// However it ends, nothing of its process group is left when this returns:
/// children that it left running are killed. Only what moved to a process
/// group of its own (a daemon it started) lives on. When the future is
/// dropped, the group is killed at once.
///
/// Must be called within a tokio runtime that has I/O and time enabled. The
/// calling thread is held up while the kernel starts the program, some 0.1 ms.
///
/// # Errors
/// Only for a program that could not be started; a program that fails, hangs
/// or dies is a [`Finished`] with its [`End`].
pub async fn run(program: &Program) -> Result<Finished, StartError> {
    let began = Instant::now();
    let refused = |source| StartError::Spawn {
        program: program.name.clone(),
        source,
    };
    let input = match program.stdin.as_slice() {
        [] => Stdin::Nothing,
        _ => Stdin::Pipe,
    };
    let Started {
        group,
        stdin,
        stdout,
        stderr,
    } = start(program, input)?;
    let deadline = program.deadline.map(|deadline| after(began, deadline));
    let first = deadline.map_or(began + QUIET, |deadline| deadline.min(began + QUIET));
    let mut running = Running {
        group,
        stdout: Drain::quiet(stdout, program.output_max),
        stderr: Drain::quiet(stderr, program.output_max),
        input: Input::new(stdin, &program.stdin).map_err(refused)?,
        phase: Phase::Begins,
        grace: program.grace,
        deadline,
        alarm: Some(Box::pin(sleep_until(first))),
    };
    let vanished = poll_fn(|cx| running.poll(cx)).await;
    running.stdout.read_now();
    running.stderr.read_now();
    let (end, cpu) = if vanished {
        let reaped = running.group.reap().map_err(|source| StartError::Wait {
            program: program.name.clone(),
            source,
        })?;
        let end = match (running.phase, reaped.exited) {
            (Phase::Terminated, _) => End::TimedOut { killed: false },
            (Phase::Killed, _) => End::TimedOut { killed: true },
            (Phase::Begins | Phase::Runs, Some(status)) => End::Exited(status),
            (Phase::Begins | Phase::Runs, None) => End::Signaled(reaped.signaled.unwrap_or(0)),
        };
        (end, Some(reaped.cpu))
    } else {
        tracing::warn!(program = %program.name.display(), "does not vanish after KILL");
        (End::TimedOut { killed: true }, None)
    };
    Ok(Finished {
        end,
        stdout: running.stdout.take(),
        stderr: running.stderr.take(),
        took: began.elapsed(),
        cpu,
    })
}

struct Running<'a> {
    group: Group,
    stdout: Drain,
    stderr: Drain,
    input: Input<'a>,
    phase: Phase,
    grace: Duration,
    deadline: Option<Instant>,
    /// When the present phase ends, if it does.
    alarm: Option<Pin<Box<Sleep>>>,
}

#[derive(Clone, Copy)]
enum Phase {
    /// So young that its output is left in the pipes.
    Begins,
    Runs,
    /// Past its deadline and told so by TERM.
    Terminated,
    Killed,
}

impl Running<'_> {
    /// Ready when the leader has ended (true) or would not even after KILL.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        self.input.poll(cx);
        self.stdout.poll(cx);
        self.stderr.poll(cx);
        if self.group.poll_end(cx).is_ready() {
            return Poll::Ready(true);
        }
        while let Some(alarm) = &mut self.alarm
            && alarm.as_mut().poll(cx).is_ready()
        {
            let (signal, next) = match self.phase {
                Phase::Begins => {
                    self.phase = Phase::Runs;
                    self.watch(cx);
                    match self.deadline {
                        Some(deadline) => alarm_at(&mut self.alarm, deadline),
                        None => self.alarm = None,
                    }
                    continue;
                }
                Phase::Runs => (Signal::TERM, Phase::Terminated),
                Phase::Terminated => (Signal::KILL, Phase::Killed),
                Phase::Killed => return Poll::Ready(false),
            };
            self.group.signal(signal);
            self.phase = next;
            let time = match next {
                Phase::Terminated => self.grace,
                Phase::Begins | Phase::Runs | Phase::Killed => VANISH,
            };
            alarm_at(&mut self.alarm, after(Instant::now(), time));
        }
        Poll::Pending
    }

    /// From now on the output is read as it comes.
    fn watch(&mut self, cx: &mut Context<'_>) {
        for output in [&mut self.stdout, &mut self.stderr] {
            if let Err(error) = output.watch() {
                tracing::warn!(%error, "the output of a program cannot be read");
            }
            output.poll(cx);
        }
    }
}

fn alarm_at(alarm: &mut Option<Pin<Box<Sleep>>>, time: Instant) {
    if let Some(alarm) = alarm {
        alarm.as_mut().reset(time);
    }
}

/// What the program reads, as far as it is not written yet.
struct Input<'a> {
    pipe: Option<Sender>,
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    /// Writes what the pipe takes at once, which mostly is all: then there is
    /// nothing to wait for.
    fn new(pipe: Option<OwnedFd>, bytes: &'a [u8]) -> io::Result<Self> {
        let done = Self {
            pipe: None,
            rest: &[],
        };
        let Some(pipe) = pipe else {
            return Ok(done);
        };
        let pipe = {
            rustix::io::ioctl_fionbio(&pipe, true)?;
            pipe
        };
        let rest = match rustix::io::write(&pipe, bytes) {
            Ok(written) => &bytes[written..],
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => bytes,
            Err(_) => return Ok(done),
        };
        if rest.is_empty() {
            return Ok(done);
        }
        Ok(Self {
            pipe: Some(Sender::from_owned_fd(pipe)?),
            rest,
        })
    }

    /// Writes what the program takes; once it takes no more, that is its choice.
    fn poll(&mut self, cx: &mut Context<'_>) {
        while let Some(pipe) = &mut self.pipe {
            match Pin::new(pipe).poll_write(cx, self.rest) {
                Poll::Ready(Ok(written)) => self.rest = &self.rest[written..],
                Poll::Ready(Err(_)) => self.rest = &[],
                Poll::Pending => return,
            }
            if self.rest.is_empty() {
                self.pipe = None;
            }
        }
    }
}

/// A point in time, near enough to never where the sum has none.
pub(crate) fn after(start: Instant, time: Duration) -> Instant {
    let far = || start + Duration::from_secs(30 * 365 * 86_400);
    start.checked_add(time).unwrap_or_else(far)
}
