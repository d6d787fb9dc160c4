use std::collections::VecDeque;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use rem_time::{Span, Timestamp};

use crate::ack::Ack;
use crate::bucket::{Consistency, Consistent, Raw, unexpected};
use crate::core::{Command, Name, Reply};
use crate::error::{Error, Result};
use crate::live::{BucketKey, Wait};
use crate::unidist::Desk;

/// Values kept of one counter to tell its rate; the oldest go first.
const SAMPLES_KEPT: usize = 1024;

/// A number that is counted up and down.
///
/// [`Counter::add`] is quick: it adds in this process, and the sum is handed in
/// when somebody asks for the value, at [`Counter::commit`], or soon after.
/// What must be certain when it returns uses [`Counter::commit`] after it, or
/// [`Counter::fetch_add`].
#[derive(Clone, Debug)]
pub struct Counter<M> {
    raw: Raw,
    cell: Arc<Cell>,
    mode: PhantomData<M>,
}

/// What this process added to a counter and has not handed in yet.
#[derive(Debug)]
pub(crate) struct Cell {
    added: AtomicI64,
    pub(crate) key: Arc<BucketKey>,
    name: Name,
    /// Held while a sum is on its way, so that a commit waits for it.
    on_its_way: tokio::sync::Mutex<()>,
    samples: Mutex<VecDeque<(Timestamp, i64)>>,
}

impl Cell {
    pub(crate) fn new(key: Arc<BucketKey>, name: &str) -> Self {
        Self {
            added: AtomicI64::new(0),
            key,
            name: name.into(),
            on_its_way: tokio::sync::Mutex::new(()),
            samples: Mutex::default(),
        }
    }

    pub(crate) fn is_dirty(&self) -> bool {
        self.added.load(Ordering::Relaxed) != 0
    }

    /// Empties the cell into a command.
    pub(crate) fn take_all(&self) -> (Arc<BucketKey>, Command) {
        let name = self.name.clone();
        let n = self.added.swap(0, Ordering::AcqRel);
        (self.key.clone(), Command::CounterAdd { name, n })
    }

    /// Hands in the sum. `None`: there was nothing to hand in.
    pub(crate) async fn flush(&self, desk: &Desk) -> Result<Option<Ack>> {
        let _turn = self.on_its_way.lock().await;
        let n = self.added.swap(0, Ordering::AcqRel);
        if n == 0 {
            return Ok(None);
        }
        let mut taken = Taken {
            cell: self,
            n: Some(n),
        };
        let name = self.name.clone();
        let add = Command::CounterAdd { name, n };
        match desk.ask(&self.key, None, &add, Wait::No).await {
            Ok((_, ack)) => {
                taken.n = None;
                Ok(Some(ack))
            }
            // It may have been applied: adding it again could count it twice.
            Err(error @ Error::Indeterminate { .. }) => {
                taken.n = None;
                Err(error)
            }
            Err(error) => Err(error),
        }
    }
}

/// A sum that goes back into the cell unless it arrived.
struct Taken<'a> {
    cell: &'a Cell,
    n: Option<i64>,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if let Some(n) = self.n {
            self.cell.added.fetch_add(n, Ordering::AcqRel);
        }
    }
}

impl<M: Consistency> Counter<M> {
    pub(crate) fn new(raw: Raw, name: &str) -> Self {
        let cell = raw.desk.cell(&raw.key, name);
        Self {
            raw,
            cell,
            mode: PhantomData,
        }
    }

    /// The counter's name.
    pub fn name(&self) -> &str {
        &self.cell.name
    }

    /// Adds `n`, which may be negative, in memory; see above for when it is certain.
    pub fn add(&self, n: i64) {
        if self.cell.added.fetch_add(n, Ordering::Relaxed) == 0 {
            self.raw.desk.mark_dirty();
        }
    }

    /// Makes everything that this process added so far as durable as the bucket.
    ///
    /// # Errors
    /// What the backend reports; what was not handed in is kept for the next time.
    pub async fn commit(&self) -> Result<Ack> {
        match self.cell.flush(&self.raw.desk).await? {
            Some(ack) => Ok(ack),
            None => {
                let name = self.cell.name.clone();
                let read = self
                    .raw
                    .ask(&Command::CounterGet { name }, Wait::No)
                    .await?;
                Ok(read.1)
            }
        }
    }

    /// The value now, with everything this process added.
    ///
    /// # Errors
    /// What the backend reports.
    pub async fn value(&self) -> Result<i64> {
        self.cell.flush(&self.raw.desk).await?;
        let name = self.cell.name.clone();
        match self.raw.read(Command::CounterGet { name }).await? {
            Reply::Number { value } => {
                self.sample(value);
                Ok(value)
            }
            other => Err(unexpected(&other)),
        }
    }

    /// How fast the counter grew lately, per second, from the values that this
    /// process has seen within `window`; every look at the counter is one.
    /// A value below the one before counts as a new start from zero.
    /// `None`: there is nothing older to compare with.
    ///
    /// # Errors
    /// As [`Counter::value`].
    pub async fn rate(&self, window: Duration) -> Result<Option<f64>> {
        self.value().await?;
        let samples = self.cell.samples.lock();
        let Some((now, _)) = samples.back().copied() else {
            return Ok(None);
        };
        let window = Span::from_nanos(u64::try_from(window.as_nanos()).unwrap_or(u64::MAX));
        let outside = samples.partition_point(|(at, _)| window < now.since(*at));
        let mut grown = 0.0;
        let mut before: Option<(Timestamp, i64)> = None;
        for (at, value) in samples.iter().skip(outside).copied() {
            if let Some((_, last)) = before {
                let step = if value < last {
                    value.max(0)
                } else {
                    value.saturating_sub(last)
                };
                grown += step as f64;
            }
            before = Some((at, value));
        }
        let since = samples.get(outside).map_or(now, |(at, _)| *at);
        let seconds = now.since(since).as_secs_f64();
        Ok((0.0 < seconds).then(|| grown / seconds))
    }

    fn sample(&self, value: i64) {
        let now = self.raw.desk.now();
        let mut samples = self.cell.samples.lock();
        if samples.back().is_some_and(|(at, _)| *at == now) {
            samples.pop_back();
        }
        if SAMPLES_KEPT <= samples.len() {
            samples.pop_front();
        }
        samples.push_back((now, value));
    }
}

impl Counter<Consistent> {
    /// Adds `n` and returns the value before: unique numbers, and exact counts.
    ///
    /// # Errors
    /// What the backend reports.
    pub async fn fetch_add(&self, n: i64) -> Result<i64> {
        self.cell.flush(&self.raw.desk).await?;
        let name = self.cell.name.clone();
        self.number(Command::CounterAdd { name, n }).await
    }

    /// Sets the value and returns the one before.
    ///
    /// # Errors
    /// What the backend reports.
    pub async fn get_set(&self, value: i64) -> Result<i64> {
        self.cell.flush(&self.raw.desk).await?;
        let name = self.cell.name.clone();
        self.number(Command::CounterSwap { name, value }).await
    }

    /// Sets the value.
    ///
    /// # Errors
    /// What the backend reports.
    pub async fn set(&self, value: i64) -> Result<Ack> {
        self.cell.flush(&self.raw.desk).await?;
        let name = self.cell.name.clone();
        let swap = Command::CounterSwap { name, value };
        Ok(self.raw.write(swap).await?.1)
    }

    async fn number(&self, command: Command) -> Result<i64> {
        match self.raw.write(command).await?.0 {
            Reply::Number { value } => Ok(value),
            other => Err(unexpected(&other)),
        }
    }
}
