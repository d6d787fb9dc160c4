use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rem_alert::episode::HoldPlan;
use rem_alert::shift::{Calendar, Change, EditId, Range, RoleId, Slot, Swap, SwapId, UserId};
use rem_notify::Post;
use rem_time::{Clock, Timestamp};
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::task::JoinHandle;
use unidist::{Bucket, Consistent};

use crate::actor::Actor;
use crate::core::{DeskCore, News, RecordError, Refused, Reloaded};
use crate::driver::{Command, Driver, NotDurable};
use crate::event::{Action, Evaluated, Report, Target};
use crate::outbox::Letter;
use crate::people::ShiftError;
use crate::rules::Rules;
use crate::store::Store;
use crate::token::{Grant, TokenError, TokenKey};
use crate::view::{EpisodeView, Explanation, OnCallView, Overview};

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

    /// A person does something with open alerts; tells which.
    ///
    /// # Errors
    /// If they may not, none of them is open, or the disk refuses.
    pub async fn act(
        &self,
        target: Target,
        by: &Actor,
        action: Action,
    ) -> Result<Vec<u64>, DeskError> {
        let by = by.clone();
        let done = self.change(move |core, now| core.act(&target, &by, &action, now));
        Ok(done.await??)
    }

    /// A user of the rules as an actor, with the right that they state: whoever
    /// answers by mail or by a signed link does it so.
    ///
    /// # Errors
    /// If the rules know no such user, or no longer.
    pub fn actor(&self, user: &str) -> Result<Actor, DeskError> {
        let core = self.inner.core.lock();
        match core.rules.rules.users.get(user) {
            Some(known) => Ok(Actor::new(user, known.right)),
            None => Err(Refused::NoUser(user.into()).into()),
        }
    }

    /// What a link or a reply may do: the user, and the alerts it is about that
    /// are still open.
    ///
    /// # Errors
    /// If the token is not ours or too old, or nothing of it is open any more.
    pub async fn granted(&self, token: &str) -> Result<(Grant, Target), DeskError> {
        let grant = self.inner.key.verify(token, self.inner.clock.now())?;
        let nothing = || Refused::NoEpisode(grant.about.clone());
        let target = match grant.about.strip_prefix('d') {
            None => Target::Episode(grant.about.parse().map_err(|_| nothing())?),
            Some(digest) => {
                let no: u64 = digest.parse().map_err(|_| nothing())?;
                let letters = self.letters_of_digest(no).await?;
                let numbers: Vec<u64> = letters.iter().filter_map(Letter::episode).collect();
                if numbers.is_empty() {
                    return Err(nothing().into());
                }
                Target::Episodes(numbers)
            }
        };
        Ok((grant, target))
    }

    /// Holds what a plan covers: a known problem, or maintenance, once or recurring.
    ///
    /// # Errors
    /// If they may not, it can never hold, or the disk refuses.
    pub async fn hold(&self, by: &Actor, plan: HoldPlan) -> Result<Arc<str>, DeskError> {
        let by = by.clone();
        let done = self.change(move |core, now| core.hold(&by, plan, now));
        Ok(done.await??)
    }

    /// Ends a hold.
    ///
    /// # Errors
    /// If they may not, there is no such hold, or the configuration states it, or the
    /// disk refuses.
    pub async fn end_hold(&self, id: &str, by: &Actor) -> Result<(), DeskError> {
        let (id, by) = (id.to_owned(), by.clone());
        let done = self.change(move |core, now| core.end_hold(&id, &by, now));
        Ok(done.await??)
    }

    /// All holds there are: those of people and those of the configuration.
    pub fn holds(&self) -> Vec<HoldPlan> {
        self.inner.core.lock().holds.plans.clone()
    }

    /// Changes the calendar: an override, another person as well, a vacation.
    ///
    /// # Errors
    /// If it makes no sense or `by` may not do it, or the disk refuses.
    pub async fn edit_shifts(
        &self,
        by: &Actor,
        reason: &str,
        change: Change,
    ) -> Result<EditId, DeskError> {
        let (by, reason) = (by.clone(), reason.to_owned());
        let done = self.change(move |core, now| {
            core.change_shifts(&by, now, |people, by| people.edit(by, &reason, change, now))
        });
        Ok(done.await??)
    }

    /// "I take this shift": until the role's next hand-over, or for a range.
    ///
    /// # Errors
    /// As [`Desk::edit_shifts`].
    pub async fn take_shift(
        &self,
        by: &Actor,
        role: &str,
        range: Option<Range>,
        reason: &str,
    ) -> Result<EditId, DeskError> {
        let (by, role, reason) = (by.clone(), RoleId::from(role), reason.to_owned());
        let done = self.change(move |core, now| {
            core.change_shifts(&by, now, |people, by| {
                people.take(by, &role, range, &reason, now)
            })
        });
        Ok(done.await??)
    }

    /// Takes an edit of the calendar back.
    ///
    /// # Errors
    /// As [`Desk::edit_shifts`].
    pub async fn withdraw_edit(&self, by: &Actor, id: EditId) -> Result<(), DeskError> {
        let by = by.clone();
        let done = self.change(move |core, now| {
            core.change_shifts(&by, now, |people, by| people.withdraw(id, by, now))
        });
        Ok(done.await??)
    }

    /// Offers a shift to somebody, perhaps for one of theirs. They are told.
    ///
    /// # Errors
    /// As [`Desk::edit_shifts`].
    pub async fn offer_swap(
        &self,
        by: &Actor,
        reason: &str,
        give: Slot,
        to: &str,
        want: Option<Slot>,
    ) -> Result<Swap, DeskError> {
        let (by, to, reason) = (by.clone(), UserId::from(to), reason.to_owned());
        let done = self.change(move |core, now| {
            let offer = (give, to, want);
            let swap =
                core.change_shifts(&by, now, |people, by| people.offer(by, &reason, offer, now))?;
            core.tell_of_swap(&swap, "offered", now);
            Ok::<_, ShiftError>(swap)
        });
        Ok(done.await??)
    }

    /// Accepts an offer: the shifts change hands at once.
    ///
    /// # Errors
    /// Also if one of the two no longer has what was offered.
    pub async fn accept_swap(&self, by: &Actor, id: SwapId) -> Result<Swap, DeskError> {
        let by = by.clone();
        let done = self.change(move |core, now| {
            let swap = core.change_shifts(&by, now, |people, by| people.accept(id, by, now))?;
            core.tell_of_swap(&swap, "accepted", now);
            Ok::<_, ShiftError>(swap)
        });
        Ok(done.await??)
    }

    /// Declines an offer, or takes it back.
    ///
    /// # Errors
    /// As [`Desk::edit_shifts`].
    pub async fn decline_swap(&self, by: &Actor, id: SwapId) -> Result<Swap, DeskError> {
        let by = by.clone();
        let done = self.change(move |core, now| {
            let swap = core.change_shifts(&by, now, |people, by| people.decline(id, by, now))?;
            core.tell_of_swap(&swap, "declined", now);
            Ok::<_, ShiftError>(swap)
        });
        Ok(done.await??)
    }

    /// The offers, open and over, the oldest first.
    pub fn swaps(&self) -> Vec<Swap> {
        self.inner
            .core
            .lock()
            .people
            .swaps
            .values()
            .cloned()
            .collect()
    }

    /// Who is on call in a role at an instant, past or future.
    pub fn on_call(&self, role: &str, at: Timestamp) -> Vec<Arc<str>> {
        self.inner.core.lock().people.on_call(role, at)
    }

    /// Who is on call in each role now, until when, and who then.
    pub fn on_call_now(&self) -> Vec<OnCallView> {
        let now = self.inner.clock.now();
        self.inner.core.lock().on_call_now(now)
    }

    /// The calendar as it is now: shifts, gaps, iCal.
    pub fn calendar(&self) -> Arc<Calendar> {
        self.inner.core.lock().people.calendar.clone()
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

    async fn letters_of_digest(&self, no: u64) -> Result<Vec<Letter>, DeskError> {
        let open: Option<Vec<_>> = {
            let core = self.inner.core.lock();
            let letter = core.outbox.get(no);
            letter.map(|letter| core.outbox.carried(letter).cloned().collect())
        };
        match open {
            Some(letters) => Ok(letters),
            None => crate::history::digest(&self.inner.store, no).await,
        }
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
