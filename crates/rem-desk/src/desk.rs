use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rem_notify::Post;
use rem_time::{Clock, Timestamp};
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::task::JoinHandle;
use unidist::{Bucket, Consistent};

use crate::core::{DeskCore, News, RecordError, Refused, Reloaded};
use crate::driver::{Command, Driver, NotDurable};
use crate::event::{Evaluated, Report};
use crate::people::ShiftError;
use crate::rules::Rules;
use crate::store::Store;
use crate::token::{TokenError, TokenKey};
use crate::view::{EpisodeView, Explanation, Overview};

mod answers;
mod shifts;

/// Commands that wait for the desk; more make their callers wait.
const COMMANDS_QUEUED_MAX: usize = 1_024;
/// News that a slow subscriber may lag behind before it misses some.
const NEWS_KEPT_MAX: usize = 1_024;
/// Nodes to be looked at that wait for the engine; more are asked for again later.
const RECHECKS_QUEUED_MAX: usize = 65_536;

/// What a desk works with.
#[derive(Clone)]
pub struct Parts {
    /// Where everything is kept. Nobody else writes to it.
    pub bucket: Bucket<Consistent>,
    /// How messages leave.
    pub post: Arc<dyn Post>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// What signs the links in messages.
    pub key: TokenKey,
    /// What is run at a hand-over.
    pub tasks: Option<Arc<dyn TaskList>>,
}

/// What whoever takes over a role has to know.
pub trait TaskList: Send + Sync {
    /// The task list of a role, or why there is none; asked for when its shift begins.
    fn of<'a>(&'a self, role: &'a str, user: &'a str) -> TaskOutput<'a>;
}

/// What [`TaskList::of`] returns, boxed so that it can be a trait object.
pub type TaskOutput<'a> =
    std::pin::Pin<Box<dyn Future<Output = Result<String, String>> + Send + 'a>>;

/// What the desk could not do.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// It was not done.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// It was not done.
    #[error(transparent)]
    Shift(#[from] ShiftError),
    /// It counts for now, and would be forgotten by a restart: the disk refuses it.
    /// Ask again; asking twice does no harm.
    #[error("not durable: the disk of the alert desk refuses to write")]
    NotDurable(#[from] NotDurable),
    /// What was kept cannot be read.
    #[error("cannot read what the alert desk has kept")]
    Read(#[source] unidist::Error),
    /// What was kept is not understood.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The link of a message opens nothing.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The desk is closed.
    #[error("the alert desk is closed")]
    Closed,
}

/// The alert desk: takes alerts, and tells people until somebody answers.
///
/// Whatever it says "done" to survives `kill -9`. Cheap to clone.
#[derive(Clone)]
pub struct Desk {
    inner: Arc<Inner>,
}

struct Inner {
    core: Arc<Mutex<DeskCore>>,
    commands: mpsc::Sender<Command>,
    clock: Arc<dyn Clock>,
    key: TokenKey,
    store: Store,
    news: broadcast::Sender<News>,
    rechecks: Mutex<Option<mpsc::Receiver<Arc<str>>>>,
    health: Arc<Mutex<Option<(Timestamp, String)>>>,
    driver: Mutex<Option<JoinHandle<()>>>,
}

/// Nodes the desk wants looked at at once, each with its own words: an alert
/// waits for them.
#[derive(Debug)]
pub struct Rechecks(mpsc::Receiver<Arc<str>>);

impl Rechecks {
    /// The next node; `None` when the desk is closed.
    pub async fn next(&mut self) -> Option<Arc<str>> {
        self.0.recv().await
    }
}

impl Desk {
    /// Opens the desk as it was, and begins to send what is due.
    ///
    /// # Errors
    /// If what was kept cannot be read.
    pub async fn open(parts: Parts, rules: Rules) -> Result<Self, DeskError> {
        let store = Store::new(&parts.bucket);
        let now = parts.clock.now();
        let records = store.read_all().await.map_err(DeskError::Read)?;
        let core = DeskCore::restore(rules, &records, now)?;
        drop(records);
        let core = Arc::new(Mutex::new(core));
        let (commands, inbox) = mpsc::channel(COMMANDS_QUEUED_MAX);
        let (news, _) = broadcast::channel(NEWS_KEPT_MAX);
        let (asked, rechecks) = mpsc::channel(RECHECKS_QUEUED_MAX);
        let health = Arc::new(Mutex::new(None));
        let driver = Driver::new(
            core.clone(),
            store.clone(),
            &parts,
            inbox,
            news.clone(),
            asked,
            health.clone(),
        );
        let driver = tokio::spawn(driver.run());
        let inner = Inner {
            core,
            commands,
            clock: parts.clock,
            key: parts.key,
            store,
            news,
            rechecks: Mutex::new(Some(rechecks)),
            health,
            driver: Mutex::new(Some(driver)),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Does something to the core, and answers when it is durable.
    async fn change<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut DeskCore, Timestamp) -> T + Send + 'static,
    ) -> Result<T, DeskError> {
        let (done, answer) = oneshot::channel();
        let command: Command = Box::new(move |core, now| {
            let value = change(core, now);
            Box::new(move |durable: Result<(), NotDurable>| {
                // Whoever asked may have gone away meanwhile.
                let _ = done.send(durable.map(|()| value));
            })
        });
        let sent = self.inner.commands.send(command).await;
        sent.map_err(|_| DeskError::Closed)?;
        Ok(answer.await.map_err(|_| DeskError::Closed)??)
    }

    /// Alerts fire or are clear. Saying the same again changes nothing.
    ///
    /// # Errors
    /// [`DeskError::NotDurable`] if the disk refuses; the alerts count all the same.
    pub async fn report(&self, reports: Vec<Report>) -> Result<(), DeskError> {
        self.change(move |core, now| {
            for report in &reports {
                core.report(report, now);
            }
        })
        .await
    }

    /// Nodes were looked at. Report what their levels decided before this.
    ///
    /// # Errors
    /// As [`Desk::report`].
    pub async fn evaluated(&self, looked: Vec<Evaluated>) -> Result<(), DeskError> {
        {
            // Nearly always nobody waits for it.
            let core = self.inner.core.lock();
            if !looked.iter().any(|one| core.waits_for(&one.node)) {
                return Ok(());
            }
        }
        self.change(move |core, now| {
            for one in &looked {
                core.evaluated(one, now);
            }
        })
        .await
    }

    /// The nodes to look at at once. There is one such stream: the first who asks has it.
    pub fn rechecks(&self) -> Option<Rechecks> {
        self.inner.rechecks.lock().take().map(Rechecks)
    }

    /// Everything at a glance.
    pub fn overview(&self) -> Overview {
        let now = self.inner.clock.now();
        let mut overview = self.inner.core.lock().overview(now);
        overview.not_durable = self.inner.health.lock().clone();
        overview
    }

    /// Why an alert's subject is held, and what it hides. `None`: the dependency
    /// graph has no such node.
    pub fn explain(&self, subject: &str) -> Option<Explanation> {
        self.inner.core.lock().explanation(subject)
    }

    /// An alert with its timeline, open or over, by its number.
    ///
    /// # Errors
    /// If what was kept cannot be read.
    pub async fn episode(&self, number: u64) -> Result<Option<EpisodeView>, DeskError> {
        let found = {
            let core = self.inner.core.lock();
            core.open_view(number)
        };
        crate::history::episode(&self.inner.store, &self.inner.core, number, found).await
    }

    /// The numbers of the newest episodes that are over, the newest first.
    pub fn closed(&self, most: usize) -> Vec<u64> {
        let core = self.inner.core.lock();
        core.closed
            .iter()
            .rev()
            .take(most)
            .map(|closed| closed.number)
            .collect()
    }

    /// Works by other rules from now on. Whatever they do not change is left alone;
    /// alerts that are no longer configured are closed, with a note.
    ///
    /// # Errors
    /// If the disk refuses.
    pub async fn reload(&self, rules: Rules) -> Result<Reloaded, DeskError> {
        self.change(move |core, now| core.reload(rules, now)).await
    }

    /// What changes from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<News> {
        self.inner.news.subscribe()
    }

    /// The messages that are not yet taken over, with the attempts made.
    pub fn attempts(&self) -> Vec<(u64, u32)> {
        let core = self.inner.core.lock();
        let letters = core.outbox.letters();
        letters
            .map(|letter| (letter.no, letter.message.attempts))
            .collect()
    }

    /// Attempts to send since the desk was opened: the kind of contact (`mail`,
    /// `webhook`, `script`), what came of them (`sent`, `retry`, `failed`), how many.
    pub fn attempts_made(&self) -> Vec<(&'static str, &'static str, u64)> {
        let core = self.inner.core.lock();
        let attempts = core.attempts.iter();
        attempts
            .map(|((kind, outcome), number)| (*kind, *outcome, *number))
            .collect()
    }

    /// A self-test came back with its token, by whatever way; tells the kind of
    /// contact. Asking twice does no harm.
    ///
    /// # Errors
    /// If the token is not ours, too old, or of no self-test, or the disk refuses.
    pub async fn arrived(&self, token: &str) -> Result<Arc<str>, DeskError> {
        let grant = self.inner.key.verify(token, self.inner.clock.now())?;
        let done = self.change(move |core, now| core.arrived(&grant.about, now));
        Ok(done.await??)
    }

    /// Tests the loop contacts and the broken ones now.
    ///
    /// # Errors
    /// If the disk refuses.
    pub async fn test_contacts(&self) -> Result<(), DeskError> {
        self.change(DeskCore::test_contacts).await
    }

    /// Looks at what time has changed. Only needed with a clock that is moved by hand.
    ///
    /// # Errors
    /// If the disk refuses.
    pub async fn tick(&self) -> Result<(), DeskError> {
        self.change(|_, _| ()).await
    }

    /// Waits for the messages that are on their way, at most `grace`, and ends.
    /// Everything else goes on when the desk is opened again.
    pub async fn close(&self, grace: Duration) {
        let Some(driver) = self.inner.driver.lock().take() else {
            return;
        };
        let (done, closed) = oneshot::channel();
        let command: Command = Box::new(move |core, _| {
            core.closing = true;
            Box::new(move |_| {
                let _ = done.send(());
            })
        });
        if self.inner.commands.send(command).await.is_ok() {
            let _ = closed.await;
        }
        let abort = driver.abort_handle();
        if tokio::time::timeout(grace, driver).await.is_err() {
            abort.abort();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(driver) = self.driver.lock().take() {
            driver.abort();
        }
    }
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").finish_non_exhaustive()
    }
}
