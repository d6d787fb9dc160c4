//! The one task that changes the core, writes what changed, and sends.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rem_notify::{Post, Refusal};
use rem_time::{Clock, Span, Timestamp};
use tokio::sync::{broadcast, mpsc};
use tokio::time::Instant;

use crate::core::{DeskCore, News, Sending};
use crate::desk::{Parts, TaskList};
use crate::outbox::Outcome;
use crate::store::{Pending, Store};
use crate::token::TokenKey;

/// Commands and outcomes that go into one commit.
const BATCH_MAX: usize = 512;
/// Messages on their way at the same time, to all contacts together.
pub const SENDS_AT_ONCE_MAX: usize = 256;
/// The wall clock is looked at at least this often: it may have been set.
const LOOK_AT_CLOCK_EVERY: Duration = Duration::from_secs(5);
/// How long a disk that refuses is left alone.
const WRITE_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// How long a task list may take.
const TASKS_DEADLINE: Duration = Duration::from_secs(30);
/// Beyond its deadline a send is given up by us.
const SEND_MARGIN: Duration = Duration::from_secs(2);
/// Changes that wait for a disk that refuses. Beyond this lines of timelines are
/// dropped; what is open and what is to be sent never is.
const PENDING_MAX: usize = 200_000;

/// Something is done to the core; what it returns answers whoever asked, once
/// that is durable.
pub(crate) type Command = Box<dyn FnOnce(&mut DeskCore, Timestamp) -> Answer + Send>;
pub(crate) type Answer = Box<dyn FnOnce(Result<(), NotDurable>) + Send>;

/// The disk refused. What was asked for counts until the next restart.
#[derive(Clone, Debug, thiserror::Error)]
#[error(transparent)]
pub struct NotDurable(unidist::Error);

/// What came of one attempt.
struct Came {
    no: u64,
    attempt: u32,
    kind: &'static str,
    outcome: Outcome,
    took: Span,
}

pub(crate) struct Driver {
    core: Arc<Mutex<DeskCore>>,
    store: Store,
    post: Arc<dyn Post>,
    tasks: Option<Arc<dyn TaskList>>,
    clock: Arc<dyn Clock>,
    key: TokenKey,
    inbox: mpsc::Receiver<Command>,
    came: mpsc::Receiver<Came>,
    comes: mpsc::Sender<Came>,
    news: broadcast::Sender<News>,
    rechecks: mpsc::Sender<Arc<str>>,
    health: Arc<Mutex<Option<(Timestamp, String)>>>,
    pending: Pending,
    sending: usize,
}

impl Driver {
    pub(crate) fn new(
        core: Arc<Mutex<DeskCore>>,
        store: Store,
        parts: &Parts,
        inbox: mpsc::Receiver<Command>,
        news: broadcast::Sender<News>,
        rechecks: mpsc::Sender<Arc<str>>,
        health: Arc<Mutex<Option<(Timestamp, String)>>>,
    ) -> Self {
        let (comes, came) = mpsc::channel(SENDS_AT_ONCE_MAX);
        Self {
            core,
            store,
            post: parts.post.clone(),
            tasks: parts.tasks.clone(),
            clock: parts.clock.clone(),
            key: parts.key.clone(),
            inbox,
            came,
            comes,
            news,
            rechecks,
            health,
            pending: Pending::new(),
            sending: 0,
        }
    }

    pub(crate) async fn run(mut self) {
        let mut commands = Vec::with_capacity(BATCH_MAX);
        let mut outcomes = Vec::with_capacity(SENDS_AT_ONCE_MAX);
        loop {
            let (closed, leased) = {
                let mut answers = Vec::with_capacity(commands.len());
                let (sendings, changes, closing) = {
                    let mut core = self.core.lock();
                    let now = self.clock.now();
                    core.wake(now);
                    for command in commands.drain(..) {
                        answers.push((command as Command)(&mut core, now));
                    }
                    for came in outcomes.drain(..) {
                        let Came {
                            no,
                            attempt,
                            kind,
                            outcome,
                            took,
                        } = came;
                        self.sending -= 1;
                        *core.attempts.entry((kind, outcome.word())).or_default() += 1;
                        core.came(no, attempt, &outcome, took, now);
                    }
                    let room = SENDS_AT_ONCE_MAX - self.sending;
                    let sendings = match core.closing {
                        true => Vec::new(),
                        false => core.lease(room, &self.key, now),
                    };
                    core.drain(&mut self.pending);
                    (sendings, core.take_changes(), core.closing)
                };
                let durable = self.commit().await;
                for answer in answers {
                    answer(durable.clone());
                }
                for node in changes.rechecks {
                    // An engine that does not listen finds the node in its next round.
                    let _ = self.rechecks.try_send(node);
                }
                for news in changes.news {
                    // Nobody may be listening.
                    let _ = self.news.send(news);
                }
                (closing, sendings)
            };
            for sending in leased {
                self.send(sending);
            }
            if closed && self.sending == 0 {
                return;
            }
            let until = self.next_look();
            tokio::select! {
                biased;
                came = self.came.recv() => outcomes.extend(came),
                got = self.inbox.recv_many(&mut commands, BATCH_MAX) => {
                    if got == 0 {
                        // Nobody holds the desk any more.
                        return;
                    }
                }
                () = tokio::time::sleep_until(until) => {}
            }
            while outcomes.len() < SENDS_AT_ONCE_MAX
                && let Ok(came) = self.came.try_recv()
            {
                outcomes.push(came);
            }
            while commands.len() < BATCH_MAX
                && let Ok(command) = self.inbox.try_recv()
            {
                commands.push(command);
            }
        }
    }

    /// When the loop has to turn although nothing came.
    fn next_look(&self) -> Instant {
        let now = self.clock.now();
        let next = self.core.lock().next_wakeup();
        let mut wait = next.map_or(LOOK_AT_CLOCK_EVERY, |at| at.since(now).as_duration());
        if self.sending == SENDS_AT_ONCE_MAX {
            // Somebody has to come back first.
            wait = wait.max(Duration::from_millis(50));
        }
        if !self.pending.is_empty() {
            wait = wait.clamp(Duration::from_millis(50), WRITE_AGAIN_AFTER);
        }
        Instant::now() + wait.min(LOOK_AT_CLOCK_EVERY)
    }

    async fn commit(&mut self) -> Result<(), NotDurable> {
        if self.pending.is_empty() {
            return Ok(());
        }
        match self.store.commit(&mut self.pending).await {
            Ok(()) => {
                if let Some((since, _)) = self.health.lock().take() {
                    tracing::warn!(%since, "the alert desk can write again");
                }
                Ok(())
            }
            Err(error) => {
                let mut health = self.health.lock();
                let since = health.as_ref().map(|(since, _)| *since);
                if since.is_none() {
                    tracing::error!(%error, "the alert desk cannot write; it goes on from memory");
                }
                *health = Some((since.unwrap_or_else(|| self.clock.now()), describe(&error)));
                drop(health);
                if PENDING_MAX < self.pending.len() {
                    self.pending.retain(|key, _| !key.starts_with("t/"));
                }
                Err(NotDurable(error))
            }
        }
    }

    fn send(&mut self, sending: Sending) {
        self.sending += 1;
        let attempt = attempt(self.post.clone(), self.tasks.clone(), sending);
        let comes = self.comes.clone();
        tokio::spawn(async move {
            let came = attempt.await;
            // The desk was closed meanwhile: it is sent again when it is opened.
            let _ = comes.send(came).await;
        });
    }
}

/// One attempt; whatever happens, it has an outcome.
async fn attempt(post: Arc<dyn Post>, tasks: Option<Arc<dyn TaskList>>, sending: Sending) -> Came {
    let Sending {
        no,
        attempt,
        contact,
        mut message,
        tasks: role,
        user,
        deadline,
    } = sending;
    let began = Instant::now();
    let kind = contact.kind();
    let deadline = deadline.as_duration();
    let work = async move {
        if let (Some(role), Some(tasks)) = (role, tasks) {
            let list = tokio::time::timeout(TASKS_DEADLINE, tasks.of(&role, &user)).await;
            let list = match list {
                Ok(Ok(list)) => list,
                Ok(Err(why)) => format!("no task list: {why}"),
                Err(_) => "no task list: it took too long".into(),
            };
            message.text.push_str("\ntasks:\n");
            message.text.push_str(&list);
        }
        tokio::time::timeout(
            deadline + SEND_MARGIN,
            post.send(&message, &contact, deadline),
        )
        .await
    };
    // In a task of its own: a post that panics must not take its outcome with it.
    let outcome = match tokio::spawn(work).await {
        Ok(Ok(Ok(sent))) => Outcome::Taken {
            answer: match sent.provider_id {
                Some(id) => format!("{} ({id})", sent.detail),
                None => sent.detail,
            },
        },
        Ok(Ok(Err(error))) => match error.kind {
            Refusal::Temporary => Outcome::Later {
                why: error.text,
                after: error.retry_after.map(Span::from),
            },
            Refusal::Permanent => Outcome::Never { why: error.text },
        },
        Ok(Err(_)) => Outcome::Later {
            why: format!("no answer within {}", Span::from(deadline)),
            after: None,
        },
        Err(_) => Outcome::Later {
            why: "the sender failed".into(),
            after: None,
        },
    };
    Came {
        no,
        attempt,
        kind,
        outcome,
        took: Span::from(began.elapsed()),
    }
}

fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text.push_str(": ");
        text.push_str(&source.to_string());
        next = source.source();
    }
    text
}
