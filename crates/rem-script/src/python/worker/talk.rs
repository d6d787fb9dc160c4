//! The talk of one call: the request out, calls from the script answered, and
//! what it prints read meanwhile.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};

use serde::Serialize;
use serde_json::Value;
use tokio::time::Instant;

use super::Worker;
use crate::python::PythonOptions;
use crate::python::frame::{Bad, begin, finish, write_json};
use crate::python::message::FromScript;
use crate::{Host, HostFuture};

/// What is told of an answer that the worker cannot have given.
pub(super) const FORGED: &str = "the script wrote into the worker's channel";

/// Why the talk of one call is over.
pub(super) enum Heard {
    /// This kind of message is in the inbox.
    Message(u8),
    Deadline,
    /// The worker ended or closed its channel.
    Gone,
    /// It announced a message of so many bytes.
    TooBig(u64),
    /// It said something that cannot be an answer to this call.
    Garbled(String),
}

impl Worker {
    /// Writes what is to be written, answers calls from the script, and reads
    /// until there is something else to hear.
    pub(super) async fn talk(
        &mut self,
        deadline: Instant,
        host: &dyn Host,
        options: &PythonOptions,
    ) -> Heard {
        if self.alarm.deadline() > deadline {
            self.alarm.as_mut().reset(deadline);
        }
        let mut asked: Option<HostFuture<'_>> = None;
        poll_fn(|cx| self.poll_talk(cx, deadline, host, &mut asked, options)).await
    }

    fn poll_talk<'h>(
        &mut self,
        cx: &mut Context<'_>,
        deadline: Instant,
        host: &'h dyn Host,
        asked: &mut Option<HostFuture<'h>>,
        options: &PythonOptions,
    ) -> Poll<Heard> {
        loop {
            if let Some(answer) = asked
                && let Poll::Ready(answer) = answer.as_mut().poll(cx)
            {
                *asked = None;
                self.write_answer(&answer, options.message_max);
            }
            if self.poll_write(cx).is_err() {
                return Poll::Ready(Heard::Gone);
            }
            self.stdout.poll(cx);
            self.stderr.poll(cx);
            match self.inbox.poll(&mut self.channel, cx) {
                Poll::Ready(Ok(b'c')) => {
                    let parsed = serde_json::from_slice(self.inbox.json());
                    self.inbox.pop();
                    match parsed {
                        Ok(FromScript {
                            function,
                            arguments,
                        }) => *asked = Some(host.call(function, arguments)),
                        Err(error) => self.write_answer(&Err(error.to_string()), usize::MAX),
                    }
                    continue;
                }
                Poll::Ready(Ok(kind @ (b'v' | b'e' | b'y'))) => {
                    return Poll::Ready(Heard::Message(kind));
                }
                Poll::Ready(Ok(_)) => {
                    return Poll::Ready(Heard::Garbled(FORGED.to_owned()));
                }
                Poll::Ready(Err(Bad::TooBig(bytes))) => {
                    return Poll::Ready(Heard::TooBig(bytes));
                }
                Poll::Ready(Err(Bad::Closed)) => return Poll::Ready(Heard::Gone),
                Poll::Pending => {}
            }
            if self.group.poll_end(cx).is_ready() {
                return Poll::Ready(Heard::Gone);
            }
            while self.alarm.as_mut().poll(cx).is_ready() {
                if Instant::now() >= deadline {
                    return Poll::Ready(Heard::Deadline);
                }
                self.alarm.as_mut().reset(deadline);
            }
            return Poll::Pending;
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        while self.written < self.outgoing.len() {
            let rest = &self.outgoing[self.written..];
            match self.channel.poll_write(cx, rest) {
                Poll::Ready(written) => self.written += written?,
                Poll::Pending => break,
            }
        }
        Ok(())
    }

    /// Prepares the answer to a call from the script.
    fn write_answer(&mut self, answer: &Result<Value, String>, message_max: usize) {
        #[derive(Serialize)]
        #[serde(rename_all = "snake_case")]
        enum Answer<'a> {
            Value(&'a Value),
            Error(&'a str),
        }
        let out = &mut self.outgoing;
        let mut write = |answer: &Answer<'_>| {
            begin(out, b'a');
            // A Value and a string always have a form in JSON.
            let _ = write_json(out, answer);
            out.len() <= message_max
        };
        match answer {
            Ok(value) if write(&Answer::Value(value)) => {}
            Ok(_) => {
                write(&Answer::Error("the answer is above the limit of a message"));
            }
            Err(error) => {
                write(&Answer::Error(error));
            }
        }
        finish(&mut self.outgoing);
        self.written = 0;
    }
}
