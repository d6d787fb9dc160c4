//! One interpreter: its start, its calls, its end.

mod talk;

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::Duration;

use rustix::process::Signal;
use tokio::time::{Instant, Sleep, sleep_until};

use self::talk::{FORGED, Heard};
use super::channel::Channel;
use super::frame::{HEADER, Inbox, begin, finish, write_json};
use super::memory::Memory;
use super::message::{Failing, Returning, Setup, Traces, write_call};
use super::{Call, Called, Failure, Output, PythonOptions, Reload, Returned};
use crate::drain::Drain;
use crate::group::Group;
use crate::run::{VANISH, after};
use crate::start::{Started, Stdin, start};
use crate::{End, Host, NoHost, Program, StartError};

/// Fetches the program of the worker from its standard input.
const STUB: &str = include_str!("worker/stub.py");
/// The program of the worker: one module in four files.
const WORKER: &str = concat!(
    include_str!("worker/channel.py"),
    include_str!("worker/guard.py"),
    include_str!("worker/scripts.py"),
    include_str!("worker/main.py"),
);
/// How long a worker that closed its channel may take to end by itself.
const CLOSING: Duration = Duration::from_secs(1);
/// How many calls may pass before a look at the memory of a worker; one call
/// that takes longer than [`LONG`] is followed by a look in any case.
const CALLS_BETWEEN_LOOKS: u64 = 64;
const LONG: Duration = Duration::from_millis(5);

/// What a call came to.
pub(super) type Outcome = Result<Called, (Failure, Output)>;

/// Whether a worker is fit for another call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    Keep,
    Replace,
}

#[derive(Debug)]
pub(super) struct Worker {
    group: Group,
    channel: Channel,
    stdout: Drain,
    stderr: Drain,
    inbox: Inbox,
    outgoing: Vec<u8>,
    written: usize,
    /// Rings at the deadline of a call or before it; setting it anew at each
    /// call would cost more than the call.
    alarm: Pin<Box<Sleep>>,
    memory: Memory,
    runs: u64,
}

impl Worker {
    /// Starts an interpreter and waits until it is ready for calls.
    pub(super) async fn start(options: &PythonOptions) -> Result<Self, Failure> {
        let program = Program::new(&options.interpreter)
            .args(["-B", "-c", STUB, "rem-script-worker"])
            .envs(options.env.iter().cloned())
            .cwd(&options.cwd);
        let refused = |source| {
            Failure::Start(StartError::Spawn {
                program: options.interpreter.clone(),
                source,
            })
        };
        let (ours, theirs) = Channel::pair().map_err(refused)?;
        // The channel is the worker's standard input for a moment: so no other
        // program started at the same time can inherit it.
        let started = start(&program, Stdin::Given(theirs)).map_err(Failure::Start)?;
        let mut worker = Self::around(started, ours, options).map_err(refused)?;
        worker.greet(options).map_err(refused)?;
        let deadline = after(Instant::now(), options.start_deadline);
        match worker.talk(deadline, &NoHost, options).await {
            Heard::Message(b'y') => {
                worker.inbox.pop();
                Ok(worker)
            }
            heard => {
                let end = worker.end(&heard, options.grace).await;
                let stderr = worker.stderr.take().text().trim_end().to_owned();
                Err(Failure::NoPython { end, stderr })
            }
        }
    }

    pub(super) fn pid(&self) -> u32 {
        self.group.leader().as_raw_nonzero().get().unsigned_abs()
    }

    /// Whether an idle worker is of no use any more.
    pub(super) fn has_ended(&self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        self.group.poll_end(&mut cx).is_ready()
    }

    /// One call; afterwards the worker is idle, or ended and to be replaced.
    pub(super) async fn call(
        &mut self,
        call: &Call<'_>,
        host: &dyn Host,
        options: &PythonOptions,
    ) -> (Outcome, After) {
        if let Err(failure) = self.write_request(call, options.message_max) {
            return (Err((failure, Output::default())), After::Keep);
        }
        let began = Instant::now();
        let heard = self.talk(after(began, call.deadline), host, options).await;
        let heard = match heard {
            Heard::Message(kind) => match self.understand(kind, options) {
                Ok((outcome, traces)) => {
                    self.inbox.pop();
                    return self.settle(outcome, traces, began, options).await;
                }
                Err(message) => Heard::Garbled(message),
            },
            heard => heard,
        };
        let end = self.end(&heard, options.grace).await;
        let failure = match heard {
            Heard::Deadline => Failure::TimedOut {
                after: call.deadline,
            },
            Heard::TooBig(bytes) => Failure::TooBig {
                what: "result",
                bytes,
                max: options.message_max,
            },
            Heard::Garbled(message) => Failure::NotJson { message },
            Heard::Gone | Heard::Message(_) => Failure::Died { end },
        };
        (Err((failure, self.output(began))), After::Replace)
    }

    /// After an answer: collects what was printed and decides whether the
    /// worker stays.
    async fn settle(
        &mut self,
        outcome: Result<Returning, Failure>,
        traces: Traces,
        began: Instant,
        options: &PythonOptions,
    ) -> (Outcome, After) {
        if traces.printed || traces.spawned {
            self.stdout.read_now();
            self.stderr.read_now();
        }
        let took = began.elapsed();
        let look = took > LONG || self.runs.is_multiple_of(CALLS_BETWEEN_LOOKS);
        let worn = traces.threads
            || self.runs >= options.runs_max
            || (traces.spawned && self.memory.others_in_group())
            || (look && self.memory.resident() > options.rss_max);
        if worn {
            self.kill().await;
        }
        let after = if worn { After::Replace } else { After::Keep };
        let outcome = match outcome {
            Ok(returning) => Ok(Called {
                returned: if returning.same {
                    Returned::PipeData
                } else {
                    Returned::Value(returning.value)
                },
                set: returning.set,
                removed: returning.removed,
                stdout: self.stdout.take(),
                stderr: self.stderr.take(),
                took,
            }),
            Err(failure) => Err((failure, self.output(began))),
        };
        (outcome, after)
    }

    fn around(started: Started, ours: Channel, options: &PythonOptions) -> io::Result<Self> {
        Ok(Self {
            memory: Memory::of(started.group.leader())?,
            group: started.group,
            channel: ours,
            stdout: Drain::new(started.stdout, options.output_max)?,
            stderr: Drain::new(started.stderr, options.output_max)?,
            inbox: Inbox::new(options.message_max),
            outgoing: Vec::new(),
            written: 0,
            alarm: Box::pin(sleep_until(Instant::now())),
            runs: 0,
        })
    }

    /// Prepares the first message: the worker's program and its settings.
    fn greet(&mut self, options: &PythonOptions) -> io::Result<()> {
        let mut setup = Vec::new();
        begin(&mut setup, b'i');
        let settings = Setup {
            modules: &options.modules,
            message_max: options.message_max,
            always: options.reload == Reload::Always,
        };
        write_json(&mut setup, &settings)?;
        finish(&mut setup);
        self.outgoing.clear();
        let length = u32::try_from(WORKER.len()).unwrap_or(u32::MAX);
        self.outgoing.extend_from_slice(&length.to_le_bytes());
        self.outgoing.extend_from_slice(WORKER.as_bytes());
        self.outgoing.append(&mut setup);
        self.written = 0;
        Ok(())
    }

    fn write_request(&mut self, call: &Call<'_>, message_max: usize) -> Result<(), Failure> {
        let out = &mut self.outgoing;
        begin(out, b'r');
        self.written = 0;
        self.runs += 1;
        write_call(out, self.runs, call).map_err(Failure::Arguments)?;
        let bytes = out.len() - HEADER;
        if bytes > message_max {
            return Err(Failure::TooBig {
                what: "arguments",
                bytes: bytes as u64,
                max: message_max,
            });
        }
        finish(out);
        Ok(())
    }

    /// What the message in the inbox says, if it is an answer to this call.
    fn understand(
        &self,
        kind: u8,
        options: &PythonOptions,
    ) -> Result<(Result<Returning, Failure>, Traces), String> {
        let json = self.inbox.json();
        let (id, traces, outcome) = if kind == b'v' {
            let returning: Returning = serde_json::from_slice(json).map_err(|e| e.to_string())?;
            (returning.id, returning.traces, Ok(returning))
        } else {
            let failing: Failing = serde_json::from_slice(json).map_err(|e| e.to_string())?;
            let (id, traces) = (failing.id, failing.traces);
            (id, traces, Err(failing.into_failure(options)))
        };
        if id != self.runs {
            return Err(FORGED.to_owned());
        }
        Ok((outcome, traces))
    }

    /// Ends a worker that is of no use any more, and tells how it ended.
    async fn end(&mut self, heard: &Heard, grace: Duration) -> End {
        let patience = match heard {
            Heard::Deadline => {
                self.group.signal(Signal::TERM);
                grace
            }
            Heard::Gone => CLOSING,
            Heard::TooBig(_) | Heard::Garbled(_) | Heard::Message(_) => Duration::ZERO,
        };
        let killed = !self.wait_end(patience).await;
        if killed {
            self.group.signal(Signal::KILL);
            self.wait_end(VANISH).await;
        }
        let reaped = self.group.reap();
        self.stdout.read_now();
        self.stderr.read_now();
        match (heard, reaped) {
            (Heard::Deadline, _) => End::TimedOut { killed },
            (_, Ok(reaped)) => match (reaped.exited, reaped.signaled) {
                (Some(status), _) => End::Exited(status),
                (None, signal) => End::Signaled(signal.unwrap_or(0)),
            },
            (_, Err(_)) => End::Signaled(Signal::KILL.as_raw()),
        }
    }

    async fn kill(&mut self) {
        self.group.signal(Signal::KILL);
        if self.wait_end(VANISH).await {
            let _ = self.group.reap();
        }
    }

    /// Waits for the end of the leader, and reads what it writes meanwhile.
    async fn wait_end(&mut self, patience: Duration) -> bool {
        let ended = poll_fn(|cx| {
            self.stdout.poll(cx);
            self.stderr.poll(cx);
            self.group.poll_end(cx)
        });
        tokio::time::timeout(patience, ended).await.is_ok()
    }

    fn output(&mut self, began: Instant) -> Output {
        Output {
            stdout: self.stdout.take(),
            stderr: self.stderr.take(),
            took: began.elapsed(),
        }
    }
}
