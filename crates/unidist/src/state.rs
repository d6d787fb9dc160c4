use std::marker::PhantomData;
use std::time::Duration;

use rem_time::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ack::{Ack, Revision};
use crate::bucket::{Consistency, Consistent, Raw, from_body, to_body, unexpected};
use crate::core::{Change, Command, Condition, Happened, Kept, Name, Reply};
use crate::error::{Error, Result};
use crate::live::Wait;
use crate::lock::Guard;

/// The keys of a bucket, each with a value of type `T` and a revision.
#[derive(Clone, Debug)]
pub struct State<M, T> {
    raw: Raw,
    of: PhantomData<fn() -> (M, T)>,
}

/// A value as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versioned<T> {
    /// The value.
    pub value: T,
    /// The write that made it.
    pub rev: Revision,
    /// When it was written.
    pub at: Timestamp,
    /// When it ends; `None`: never.
    pub until: Option<Timestamp>,
}

/// A change of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event<T> {
    /// The write that made it.
    pub rev: Revision,
    /// When.
    pub at: Timestamp,
    /// The key.
    pub key: String,
    /// What happened to it.
    pub what: What<T>,
}

/// What happened to a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What<T> {
    /// It has this value now.
    Put(T),
    /// It was deleted.
    Deleted,
    /// Its time was over.
    Expired,
}

/// What has to hold for a transaction to be made.
#[derive(Clone, Debug)]
pub enum If<'a> {
    /// The key was written last by this revision.
    Revision(&'a str, Revision),
    /// There is no such key.
    Absent(&'a str),
    /// There is such a key.
    Present(&'a str),
    /// The lock is still held.
    Held(&'a Guard),
}

/// What a transaction does.
#[derive(Clone, Debug)]
pub enum Then<'a, T> {
    /// Writes a value.
    Put(&'a str, &'a T),
    /// Writes a value that ends after a time.
    PutFor(&'a str, &'a T, Duration),
    /// Deletes a key.
    Delete(&'a str),
}

impl<M: Consistency, T: Serialize + DeserializeOwned> State<M, T> {
    pub(crate) fn new(raw: Raw) -> Self {
        Self {
            raw,
            of: PhantomData,
        }
    }

    /// The value of a key. `None`: there is none, or its time is over.
    ///
    /// # Errors
    /// [`Error::Value`] if it is no `T`.
    pub async fn get(&self, key: &str) -> Result<Option<Versioned<T>>> {
        let get = Command::StateGet { key: key.into() };
        match self.raw.read(get).await? {
            Reply::Value { value } => value.map(|kept| versioned(key, &kept)).transpose(),
            other => Err(unexpected(&other)),
        }
    }

    /// Writes a value, whatever was there.
    ///
    /// # Errors
    /// What the backend reports.
    pub async fn put(&self, key: &str, value: &T) -> Result<Ack> {
        self.commit(Vec::new(), vec![put(key, value, None)?]).await
    }

    /// Writes a value that ends after `ttl`, unless it is written or touched again.
    ///
    /// # Errors
    /// What the backend reports.
    pub async fn put_for(&self, key: &str, value: &T, ttl: Duration) -> Result<Ack> {
        self.commit(Vec::new(), vec![put(key, value, Some(ttl))?])
            .await
    }

    /// Lets a key end after `ttl` from now, without writing its value again.
    ///
    /// # Errors
    /// [`Error::Conflict`] at revision 0 if there is no such key.
    pub async fn touch(&self, key: &str, ttl: Duration) -> Result<Ack> {
        let exists = Condition::Exists { key: key.into() };
        let touch = Change::Touch {
            key: key.into(),
            ttl: nanos(ttl),
        };
        self.commit(vec![exists], vec![touch]).await
    }

    /// Deletes a key; it may be absent.
    ///
    /// # Errors
    /// What the backend reports.
    pub async fn delete(&self, key: &str) -> Result<Ack> {
        self.commit(Vec::new(), vec![Change::Delete { key: key.into() }])
            .await
    }

    /// The keys that begin with `prefix`, in order.
    ///
    /// # Errors
    /// What the backend reports.
    pub async fn keys(&self, prefix: &str) -> Result<Vec<String>> {
        let prefix = prefix.into();
        match self.raw.read(Command::StateKeys { prefix }).await? {
            Reply::Keys { keys } => Ok(keys.iter().map(ToString::to_string).collect()),
            other => Err(unexpected(&other)),
        }
    }

    /// The changes of the keys that begin with `prefix`, after revision `after`,
    /// in order and without a gap. To begin with what is there now, take the
    /// revision first ([`State::revision`]) and read the keys after it.
    pub fn watch(&self, prefix: &str, after: Revision) -> Watch<T> {
        Watch {
            raw: self.raw.clone(),
            prefix: prefix.into(),
            after,
            ready: Vec::new(),
            of: PhantomData,
        }
    }

    /// The state of the bucket now.
    ///
    /// # Errors
    /// What the backend reports.
    pub async fn revision(&self) -> Result<Revision> {
        let key = "".into();
        Ok(self
            .raw
            .ask(&Command::StateGet { key }, Wait::No)
            .await?
            .1
            .rev)
    }

    /// Up to `n` of the newest changes of one key that are still kept, oldest first.
    ///
    /// # Errors
    /// [`Error::Value`] if one of them is no `T`.
    pub async fn history(&self, key: &str, n: usize) -> Result<Vec<Event<T>>> {
        let mut after = Revision(0);
        let mut found = Vec::new();
        loop {
            match self.events(key, after, Wait::No).await {
                Ok((events, upto)) => {
                    let more = !events.is_empty() && after < upto;
                    found.extend(events.into_iter().filter(|event| event.key == key));
                    after = upto;
                    if !more {
                        break;
                    }
                }
                Err(Error::Compacted { oldest }) => after = oldest,
                Err(error) => return Err(error),
            }
        }
        Ok(found.split_off(found.len().saturating_sub(n)))
    }

    async fn events(
        &self,
        prefix: &str,
        after: Revision,
        wait: Wait,
    ) -> Result<(Vec<Event<T>>, Revision)> {
        events(&self.raw, &prefix.into(), after, wait).await
    }

    async fn commit(&self, conditions: Vec<Condition>, changes: Vec<Change>) -> Result<Ack> {
        let txn = Command::StateTxn {
            conditions,
            changes,
        };
        Ok(self.raw.write(txn).await?.1)
    }
}

impl<T: Serialize + DeserializeOwned> State<Consistent, T> {
    /// Writes a value if the key is still at revision `rev`.
    ///
    /// # Errors
    /// [`Error::Conflict`] with the revision it has.
    pub async fn put_if(&self, key: &str, value: &T, rev: Revision) -> Result<Ack> {
        let is = revision_is(key, rev);
        self.commit(vec![is], vec![put(key, value, None)?]).await
    }

    /// Writes a value if there is no such key.
    ///
    /// # Errors
    /// [`Error::Conflict`] with the revision it has.
    pub async fn create(&self, key: &str, value: &T) -> Result<Ack> {
        self.put_if(key, value, Revision(0)).await
    }

    /// Deletes a key if it is still at revision `rev`.
    ///
    /// # Errors
    /// [`Error::Conflict`] with the revision it has.
    pub async fn delete_if(&self, key: &str, rev: Revision) -> Result<Ack> {
        let is = revision_is(key, rev);
        self.commit(vec![is], vec![Change::Delete { key: key.into() }])
            .await
    }

    /// Writes what `change` makes of the value that is there, again until
    /// nobody else wrote in between. `None` from `change` leaves it as it is.
    ///
    /// # Errors
    /// What the backend reports.
    pub async fn update(
        &self,
        key: &str,
        mut change: impl FnMut(Option<&T>) -> Option<T>,
    ) -> Result<Option<Ack>> {
        loop {
            let old = self.get(key).await?;
            let rev = old.as_ref().map_or(Revision(0), |old| old.rev);
            let Some(new) = change(old.as_ref().map(|old| &old.value)) else {
                return Ok(None);
            };
            match self.put_if(key, &new, rev).await {
                Err(Error::Conflict { .. }) => {}
                result => return result.map(Some),
            }
        }
    }

    /// Writes a value if `guard` still holds its lock, which is of the same bucket.
    ///
    /// # Errors
    /// [`Error::LeaseLost`] if it does not; nothing was written.
    pub async fn put_fenced(&self, key: &str, value: &T, guard: &Guard) -> Result<Ack> {
        let held = held(guard);
        self.commit(vec![held], vec![put(key, value, None)?]).await
    }

    /// Does all of `then` if all of `when` holds, in one step.
    ///
    /// # Errors
    /// [`Error::Conflict`] or [`Error::LeaseLost`] for the first condition that
    /// does not hold; nothing was written.
    pub async fn txn(&self, when: &[If<'_>], then: &[Then<'_, T>]) -> Result<Ack> {
        let conditions = when.iter().map(|condition| match condition {
            If::Revision(key, rev) => revision_is(key, *rev),
            If::Absent(key) => revision_is(key, Revision(0)),
            If::Present(key) => Condition::Exists { key: (*key).into() },
            If::Held(guard) => held(guard),
        });
        let changes: Result<Vec<_>> = then
            .iter()
            .map(|change| match change {
                Then::Put(key, value) => put(key, value, None),
                Then::PutFor(key, value, ttl) => put(key, value, Some(*ttl)),
                Then::Delete(key) => Ok(Change::Delete { key: (*key).into() }),
            })
            .collect();
        self.commit(conditions.collect(), changes?).await
    }
}

/// The changes of some keys as they come.
#[derive(Debug)]
pub struct Watch<T> {
    raw: Raw,
    prefix: Name,
    after: Revision,
    ready: Vec<Event<T>>,
    of: PhantomData<fn() -> T>,
}

/// Changes that a watch asks for at a time.
const WATCH_BATCH: u64 = 256;

impl<T: DeserializeOwned> Watch<T> {
    /// The next change; waits until there is one.
    ///
    /// # Errors
    /// [`Error::Compacted`] if changes between are no longer kept: read the keys
    /// anew, and watch from the revision before that.
    pub async fn next(&mut self) -> Result<Event<T>> {
        loop {
            if let Some(event) = self.ready.pop() {
                return Ok(event);
            }
            let (events, upto) = events(&self.raw, &self.prefix, self.after, Wait::Forever).await?;
            self.ready = events;
            self.ready.reverse();
            self.after = upto;
        }
    }
}

async fn events<T: DeserializeOwned>(
    raw: &Raw,
    prefix: &Name,
    after: Revision,
    wait: Wait,
) -> Result<(Vec<Event<T>>, Revision)> {
    let ask = Command::StateEvents {
        prefix: prefix.clone(),
        after,
        n: WATCH_BATCH,
    };
    match raw.ask(&ask, wait).await?.0 {
        Reply::Events { events, upto } => {
            let events: Result<Vec<_>> = events.iter().map(event).collect();
            Ok((events?, upto))
        }
        other => Err(unexpected(&other)),
    }
}

fn event<T: DeserializeOwned>(happened: &Happened) -> Result<Event<T>> {
    let what = match (&happened.body, happened.expired) {
        (Some(body), _) => What::Put(from_body(&happened.key, body)?),
        (None, true) => What::Expired,
        (None, false) => What::Deleted,
    };
    Ok(Event {
        rev: happened.rev,
        at: Timestamp::from_nanos(happened.at),
        key: happened.key.to_string(),
        what,
    })
}

fn versioned<T: DeserializeOwned>(key: &str, kept: &Kept) -> Result<Versioned<T>> {
    Ok(Versioned {
        value: from_body(key, &kept.body)?,
        rev: kept.rev,
        at: Timestamp::from_nanos(kept.at),
        until: kept.until.map(Timestamp::from_nanos),
    })
}

fn put<T: Serialize>(key: &str, value: &T, ttl: Option<Duration>) -> Result<Change> {
    Ok(Change::Put {
        key: key.into(),
        body: to_body(key, value)?,
        ttl: ttl.map(nanos),
    })
}

fn revision_is(key: &str, rev: Revision) -> Condition {
    Condition::RevisionIs {
        key: key.into(),
        rev,
    }
}

fn held(guard: &Guard) -> Condition {
    Condition::LockHeld {
        lock: guard.name().into(),
        token: guard.token(),
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
