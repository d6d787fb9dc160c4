//! One operation, from wherever it is to its end.

use std::sync::Arc;
use std::time::Duration;

use rem_time::{Span, Timestamp};
use tokio::time::sleep;
use unidist::Guard;

use super::Inner;
use crate::error::{Class, CloudError};
use crate::journal::JournalError;
use crate::megavisor::Megavisor;
use crate::operation::{Operation, OperationState};
use crate::progress::{Begun, Handle, Outcome, Progress, Recovered};
use crate::request::Request;
use crate::retry::pause;

/// How long one call of a megavisor may take.
const CALL_DEADLINE: Duration = Duration::from_secs(120);
/// The longest time between two looks at something under way.
const POLL_MOST: Span = Span::from_seconds(10);
/// How often a resting target is looked at.
const REST_LOOK: Duration = Duration::from_millis(50);

/// What to do next.
enum Next {
    /// Find out what became of it, then go on.
    Recover,
    Send,
    Follow(Handle),
    End(OperationState, String),
}

/// Carries an operation out, for as long as `worker` is held. What goes wrong with the
/// journal ends the work, not the operation: somebody else takes it over.
pub(super) async fn drive(inner: Arc<Inner>, operation: Operation, worker: Guard) {
    let id = operation.request.id;
    let mut held = Vec::new();
    let work = Worker {
        inner: &inner,
        worker: &worker,
        operation,
    };
    let mut closing = inner.closing.subscribe();
    tokio::select! {
        ended = worker.run(work.run(&mut held)) => match ended {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                let why = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(%id, %error, why, "cannot go on with an operation");
            }
            Err(error) => tracing::warn!(%id, %error, "another process takes an operation over"),
        },
        // Whoever goes on with it must not have to wait until our lease ends.
        _ = closing.wait_for(|closing| *closing) => {}
    }
    for guard in held.into_iter().chain([worker]) {
        // A guard that is lost has nothing to release.
        let _ = guard.release().await;
    }
}

struct Worker<'a> {
    inner: &'a Arc<Inner>,
    worker: &'a Guard,
    operation: Operation,
}

impl Worker<'_> {
    fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    fn request(&self) -> &Request {
        &self.operation.request
    }

    /// Any number, another one each time.
    fn chance(&self, failures: u32) -> u64 {
        let text = format!("{}{failures}{}", self.request().id, self.now().as_nanos());
        u64::from(crc32c::crc32c(text.as_bytes())) << 8
    }

    async fn run(mut self, held: &mut Vec<Guard>) -> Result<(), JournalError> {
        let request = self.request().clone();
        let found = self
            .inner
            .megavisor(&request.scope, Some(self.operation.version))
            .cloned();
        let megavisor = match found {
            Ok(megavisor) => megavisor,
            Err(error) => {
                let sent = !matches!(self.operation.state, OperationState::Accepted);
                let state = match sent {
                    true => OperationState::Stuck {
                        why: error.to_string(),
                    },
                    false => OperationState::Failed {
                        error: error.clone(),
                    },
                };
                return self.end(state, error.to_string()).await;
            }
        };
        let targets = request.action.targets();
        *held = self.inner.journal.hold(&request.scope, &targets).await?;
        let at_once = megavisor.info().at_once;
        let permits = self.inner.permits(&request.scope, at_once);
        // The semaphore is never closed.
        let _permit = permits.acquire_owned().await;

        let mut next = match &self.operation.state {
            OperationState::Accepted => Next::Send,
            OperationState::Sending => Next::Recover,
            OperationState::Running { handle, .. } => Next::Follow(handle.clone()),
            _ => return Ok(()),
        };
        loop {
            next = match next {
                Next::Send => self.send(&megavisor).await?,
                Next::Recover => self.recover(&megavisor).await?,
                Next::Follow(handle) => self.follow(&megavisor, handle).await?,
                Next::End(state, text) => return self.end(state, text).await,
            };
        }
    }

    /// Writes the operation down as it is now.
    async fn write(&self) -> Result<(), JournalError> {
        self.inner.journal.write(&self.operation, self.worker).await
    }

    /// Takes over what others wrote: that somebody wants it stopped.
    async fn read(&mut self) -> Result<Option<String>, JournalError> {
        let kept = self.inner.journal.get(self.request().id).await?;
        self.operation.cancel = kept.cancel;
        if self.operation.lines.len() < kept.lines.len() {
            self.operation.lines = kept.lines;
        }
        Ok(self.operation.cancel.clone())
    }

    /// A call of the cloud failed.
    fn count(&self, error: &CloudError) {
        let mut tally = self.inner.tally.lock();
        let key = (self.request().scope.clone(), error.class);
        *tally.errors.entry(key).or_default() += 1;
    }

    fn is_late(&self) -> bool {
        self.request().deadline <= self.now()
    }

    fn late(&self, what: &str) -> Next {
        let doing = self.request().action.verb().to_string();
        let error = CloudError::new(
            Class::Unavailable,
            doing,
            format!("the deadline passed {what}"),
        );
        let text = error.message.clone();
        Next::End(OperationState::Failed { error }, text)
    }

    /// Sends the request, again while that may help.
    async fn send(&mut self, megavisor: &Arc<dyn Megavisor>) -> Result<Next, JournalError> {
        let mut failures = 0;
        loop {
            if let Some(by) = self.read().await? {
                let why = format!("{by} stopped it before it was sent");
                return Ok(Next::End(
                    OperationState::Cancelled { why: why.clone() },
                    why,
                ));
            }
            if self.is_late() {
                return Ok(self.late("before it was sent"));
            }
            let request = self.request().clone();
            let targets = request.action.targets();
            let rest = megavisor.info().rest;
            if !rest.is_zero() {
                while self.inner.journal.rests(&request.scope, &targets).await? {
                    sleep(REST_LOOK).await;
                }
            }
            let now = self.now();
            self.operation.sent += 1;
            let text = match self.operation.sent {
                1 => "sending".to_owned(),
                times => format!("sending, for the {times}. time"),
            };
            self.operation.turn(OperationState::Sending, text, now);
            self.write().await?;
            let cache = &self.inner.cache;
            cache.write_begins(&request.scope, &request.action, request.id);
            let begun = tokio::time::timeout(CALL_DEADLINE, megavisor.begin(&request)).await;
            if !rest.is_zero() {
                let rest = rest.as_duration();
                self.inner
                    .journal
                    .rest(&request.scope, &targets, rest)
                    .await?;
            }
            let error = match begun {
                Ok(Ok(begun)) => return self.begun(begun).await,
                Ok(Err(error)) => error,
                Err(_) => CloudError::unclear(
                    request.action.verb().to_string(),
                    "no answer within two minutes",
                ),
            };
            self.count(&error);
            match error.class {
                Class::Unclear => {
                    let now = self.now();
                    self.operation.say(error.to_string(), now);
                    self.write().await?;
                    return Ok(Next::Recover);
                }
                class if class.passes() => {
                    failures += 1;
                    self.wait_out(&error, failures).await?;
                }
                _ => {
                    let text = error.to_string();
                    return Ok(Next::End(OperationState::Failed { error }, text));
                }
            }
        }
    }

    /// Says what went wrong, and lets some time pass.
    async fn wait_out(&mut self, error: &CloudError, failures: u32) -> Result<(), JournalError> {
        let now = self.now();
        self.operation.say(error.to_string(), now);
        self.write().await?;
        let pause = pause(failures, error.retry_after, self.chance(failures));
        // A wait beyond the deadline is of no use.
        let left = self.request().deadline.since(self.now());
        sleep(pause.min(left).as_duration()).await;
        Ok(())
    }

    async fn begun(&mut self, begun: Begun) -> Result<Next, JournalError> {
        match begun {
            Begun::Done(outcome) => Ok(done(outcome)),
            Begun::Running(handle) => {
                // Before anything else: what was made must not be lost.
                let ids: Vec<&str> = handle.ids.iter().map(crate::name::Id::as_str).collect();
                let text = match ids[..] {
                    [] => "under way".to_owned(),
                    _ => format!("under way: {}", ids.join(", ")),
                };
                let state = OperationState::Running {
                    handle: handle.clone(),
                    note: None,
                    percent: None,
                };
                let now = self.now();
                self.operation.turn(state, text, now);
                self.write().await?;
                Ok(Next::Follow(handle))
            }
        }
    }

    /// Finds out what became of something that may have been sent.
    async fn recover(&mut self, megavisor: &Arc<dyn Megavisor>) -> Result<Next, JournalError> {
        let mut failures = 0;
        loop {
            let request = self.request().clone();
            let found = tokio::time::timeout(CALL_DEADLINE, megavisor.recover(&request)).await;
            let error = match found {
                Ok(Ok(Recovered::SendAgain)) => {
                    let now = self.now();
                    self.operation.say("nothing of it was done so far", now);
                    return Ok(Next::Send);
                }
                Ok(Ok(Recovered::Adopt(begun))) => return self.begun(begun).await,
                Ok(Ok(Recovered::Stuck(why))) => {
                    return Ok(Next::End(OperationState::Stuck { why: why.clone() }, why));
                }
                Ok(Err(error)) => error,
                Err(_) => CloudError::new(
                    Class::Unavailable,
                    request.action.verb().to_string(),
                    "no answer within two minutes",
                ),
            };
            self.count(&error);
            let gives_up = !(error.class.passes() || error.class == Class::Unclear);
            if gives_up || self.is_late() {
                let why = format!("it may have been sent, and nobody can say: {error}");
                return Ok(Next::End(OperationState::Stuck { why: why.clone() }, why));
            }
            failures += 1;
            self.wait_out(&error, failures).await?;
        }
    }

    /// Follows something that is under way to its end.
    async fn follow(
        &mut self,
        megavisor: &Arc<dyn Megavisor>,
        handle: Handle,
    ) -> Result<Next, JournalError> {
        let mut handle = handle;
        let mut failures = 0;
        let mut wait = handle.poll_after;
        loop {
            let left = self.request().deadline.since(self.now());
            sleep(wait.min(left).as_duration()).await;
            if let Some(by) = self.read().await? {
                return self.stop(megavisor, &handle, &by).await;
            }
            let request = self.request().clone();
            let polled = megavisor.poll(&request, &handle);
            let polled = tokio::time::timeout(CALL_DEADLINE, polled).await;
            match polled {
                Ok(Ok(Progress::Done(outcome))) => return Ok(done(outcome)),
                Ok(Ok(Progress::Failed(error))) => {
                    self.count(&error);
                    let text = error.to_string();
                    return Ok(Next::End(OperationState::Failed { error }, text));
                }
                Ok(Ok(Progress::Running {
                    handle: newer,
                    note,
                    percent,
                })) => {
                    failures = 0;
                    let slower = Span::from_nanos(wait.as_nanos().saturating_mul(3) / 2);
                    wait = slower.min(POLL_MOST).max(newer.poll_after);
                    self.progress(&newer, note, percent).await?;
                    handle = newer;
                }
                Ok(Err(error)) if !error.class.passes() => {
                    self.count(&error);
                    let text = error.to_string();
                    return Ok(Next::End(OperationState::Failed { error }, text));
                }
                Ok(Err(error)) => {
                    self.count(&error);
                    failures += 1;
                    self.wait_out(&error, failures).await?;
                }
                Err(_) => failures += 1,
            }
            if self.is_late() {
                return Ok(self.late("while it was under way"));
            }
        }
    }

    async fn progress(
        &mut self,
        handle: &Handle,
        note: Option<String>,
        percent: Option<u8>,
    ) -> Result<(), JournalError> {
        let state = OperationState::Running {
            handle: handle.clone(),
            note: note.clone(),
            percent,
        };
        if state == self.operation.state {
            return Ok(());
        }
        let now = self.now();
        self.operation.state = state;
        self.operation.changed = now;
        if let Some(note) = note {
            self.operation.say(note, now);
        }
        self.write().await
    }

    async fn stop(
        &mut self,
        megavisor: &Arc<dyn Megavisor>,
        handle: &Handle,
        by: &str,
    ) -> Result<Next, JournalError> {
        let request = self.request().clone();
        let stopped = megavisor.cancel(&request, handle);
        let stopped = tokio::time::timeout(CALL_DEADLINE, stopped).await;
        let why = match stopped {
            Ok(Ok(())) => format!("{by} stopped it; what was done of it stays"),
            Ok(Err(error)) => format!("{by} stopped following it; the cloud goes on: {error}"),
            Err(_) => format!("{by} stopped following it; the cloud did not answer"),
        };
        Ok(Next::End(
            OperationState::Cancelled { why: why.clone() },
            why,
        ))
    }

    /// Writes the end down, before anybody else may touch the targets.
    async fn end(&mut self, state: OperationState, text: String) -> Result<(), JournalError> {
        let request = self.request().clone();
        let well = matches!(state, OperationState::Done { .. });
        let name = state.name();
        if let OperationState::Done { outcome } = &state
            && let Some(secret) = &outcome.secret
        {
            self.inner.secrets.lock().insert(request.id, secret.clone());
        }
        if matches!(state, OperationState::Stuck { .. }) {
            self.inner.journal.close(&self.operation).await?;
        }
        let cache = &self.inner.cache;
        cache.write_ends(&request.scope, &request.action, request.id, well);
        let now = self.now();
        self.operation.turn(state, text, now);
        self.write().await?;
        let mut tally = self.inner.tally.lock();
        let ended = tally.ended.entry((request.scope.clone(), name));
        *ended.or_default() += 1;
        Ok(())
    }
}

fn done(outcome: Outcome) -> Next {
    let ids: Vec<&str> = outcome.ids.iter().map(crate::name::Id::as_str).collect();
    let text = match (outcome.changed, ids.is_empty()) {
        (false, _) => "it was so already".to_owned(),
        (true, true) => "done".to_owned(),
        (true, false) => format!("done: {}", ids.join(", ")),
    };
    Next::End(OperationState::Done { outcome }, text)
}
