use std::collections::BTreeMap;
use std::time::Duration;

use rem_time::Timestamp;
use serde::Serialize;
use unidist::{Bucket, Consistent, State, Then};

use super::money::Money;
use super::price::PriceBook;
use super::record::Record;
use crate::kind::Kind;
use crate::listing::Listing;
use crate::name::Id;
use crate::resource::{Resource, Tags};
use crate::scope::Scope;

/// Records of one commit.
const BATCH_MAX: usize = 256;
/// A writer that was not heard of for so long is taken for dead.
const LEASE: Duration = Duration::from_secs(10);

/// What the ledger could not do.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} the ledger of costs")]
pub struct CostError {
    doing: &'static str,
    source: unidist::Error,
}

fn failed(doing: &'static str) -> impl FnOnce(unidist::Error) -> CostError {
    move |source| CostError { doing, source }
}

/// What was there, since when, until when, at what price; also what is gone. It knows
/// what it was shown: the more often [`Ledger::observe`], the closer the bill. A cloud
/// that says when a thing was made is believed; its end is when it was first missed
/// in a listing that [proves](Listing::is_proof) it.
#[derive(Clone, Debug)]
pub struct Ledger {
    bucket: Bucket<Consistent>,
    records: State<Consistent, Record>,
}

/// What things cost in a window.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bill {
    /// The currency of all amounts.
    pub currency: String,
    /// Its begin.
    pub from: Timestamp,
    /// Its end.
    pub to: Timestamp,
    /// The sum of what is known.
    pub amount: Money,
    /// What all that is there now costs an hour.
    pub hourly: Money,
    /// How many things have no price for some of the window.
    pub unknown: usize,
    /// What was there, by scope, kind and id.
    pub lines: Vec<Line>,
}

/// One thing of a bill.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// Where.
    pub scope: Scope,
    /// What sort of thing.
    pub kind: Kind,
    /// Which.
    pub id: Id,
    /// What people call it.
    pub name: Option<String>,
    /// Its size, or the cloud's word for its sort.
    pub sort: Option<String>,
    /// What it costs an hour now; nothing where nobody knows.
    pub hourly: Option<Money>,
    /// What it cost in the window, as far as is known.
    pub amount: Money,
    /// Whether some of the window has no price.
    pub unknown: bool,
    /// When it was seen to be gone.
    pub gone: Option<Timestamp>,
    /// Its tags, as they were last.
    pub tags: Tags,
}

impl Ledger {
    /// In a bucket that may have other things in it.
    pub fn new(bucket: Bucket<Consistent>) -> Self {
        Self {
            records: bucket.state(),
            bucket,
        }
    }

    /// Takes down what a listing shows. One that is not proof ends nothing.
    ///
    /// # Errors
    /// If the ledger cannot be read or written.
    pub async fn observe(
        &self,
        scope: &Scope,
        kind: Kind,
        listing: &Listing<Resource>,
        book: &PriceBook,
    ) -> Result<(), CostError> {
        let lock = self.bucket.lock("cost").lease(LEASE);
        let guard = lock.acquire().await.map_err(failed("lock"))?;
        let prefix = format!("cost/{scope}/{kind}/");
        let mut known = self.all(&prefix).await?;
        let at = listing.observed_at;
        let mut changed = BTreeMap::new();
        for item in &listing.items {
            let hourly = book.hourly(&scope.megavisor, item);
            let key = format!("{prefix}{}", item.id());
            let record = match known.remove(&key) {
                Some(before) => {
                    let mut after = before.clone();
                    after.seen(item, hourly, at);
                    if after == before {
                        continue;
                    }
                    after
                }
                None => {
                    let mut fresh = Record::new(scope, item, hourly, at);
                    fresh.seen(item, hourly, at);
                    fresh
                }
            };
            changed.insert(key, record);
        }
        if listing.is_proof() {
            for (key, mut record) in known {
                if record.gone.is_none() {
                    record.is_gone(at);
                    changed.insert(key, record);
                }
            }
        }
        let changes: Vec<_> = changed
            .iter()
            .map(|(key, record)| Then::Put(key, record))
            .collect();
        for batch in changes.chunks(BATCH_MAX) {
            let written = self.records.txn(&[], batch).await;
            written.map_err(failed("write"))?;
        }
        drop(guard);
        Ok(())
    }

    async fn all(&self, prefix: &str) -> Result<BTreeMap<String, Record>, CostError> {
        let keys = self.records.keys(prefix).await.map_err(failed("read"))?;
        let mut found = BTreeMap::new();
        for key in keys {
            let kept = self.records.get(&key).await.map_err(failed("read"))?;
            if let Some(kept) = kept {
                found.insert(key, kept.value);
            }
        }
        Ok(found)
    }

    /// What was spent from `from` to `to`, also on what is gone.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub async fn bill(
        &self,
        from: Timestamp,
        to: Timestamp,
        book: &PriceBook,
    ) -> Result<Bill, CostError> {
        let records = self.all("cost/").await?;
        let lines = records.into_values().filter_map(|record| {
            let spent = record.spent(from, to);
            spent.was_there.then_some(Line {
                hourly: match record.gone {
                    Some(_) => Some(Money::ZERO),
                    None => record.hourly_now(),
                },
                amount: spent.amount,
                unknown: spent.unknown,
                gone: record.gone,
                scope: record.scope,
                kind: record.kind,
                id: record.id,
                name: record.name,
                sort: record.sort,
                tags: record.tags,
            })
        });
        let mut bill = Bill {
            currency: book.currency.clone(),
            from,
            to,
            amount: Money::ZERO,
            hourly: Money::ZERO,
            unknown: 0,
            lines: lines.collect(),
        };
        bill.add_up();
        Ok(bill)
    }
}

impl Bill {
    /// Of some of the things alone.
    pub fn retain(&mut self, keep: impl FnMut(&Line) -> bool) {
        self.lines.retain(keep);
        self.add_up();
    }

    fn add_up(&mut self) {
        let lines = &self.lines;
        self.amount = lines.iter().map(|line| line.amount).sum();
        self.hourly = lines.iter().filter_map(|line| line.hourly).sum();
        self.unknown = lines.iter().filter(|line| line.unknown).count();
    }
}

#[cfg(test)]
mod tests {
    use rem_time::Span;
    use unidist::{BucketSpec, Unidist};

    use super::*;
    use crate::error::{Class, CloudError};
    use crate::resource::{Instance, Lifecycle, Power};

    fn at(hours: u64) -> Timestamp {
        Timestamp::from_seconds(1_800_000_000) + Span::from_seconds(hours * 3_600)
    }

    fn machines(ids: &[&str]) -> Vec<Resource> {
        let one = |id: &&str| Instance::new(id.parse().unwrap(), Power::On, Lifecycle::Active);
        ids.iter().map(one).map(Resource::Instance).collect()
    }

    #[tokio::test]
    async fn what_is_gone_stays_on_the_bill_and_what_nobody_saw_goes_on() {
        let unidist = Unidist::memory();
        let bucket = unidist.consistent("costs", BucketSpec::default()).unwrap();
        let ledger = Ledger::new(bucket);
        let book: PriceBook = serde_json::from_str(
            r#"{"currency": "EUR", "megavisors": {"ec2": {"instance": {"*": 2}}}}"#,
        )
        .unwrap();
        let scope: Scope = "ec2/main/eu-1".parse().unwrap();
        let see = async |listing: Listing<Resource>| {
            ledger
                .observe(&scope, Kind::Instance, &listing, &book)
                .await
                .unwrap();
        };
        see(Listing::live(machines(&["a", "b"]), at(0))).await;
        see(Listing::live(machines(&["a", "b"]), at(1))).await;
        // A page that did not come ends nothing.
        let broken = CloudError::new(Class::Unavailable, "list instances", "reset");
        see(Listing::partial(machines(&["a"]), at(2), broken)).await;
        see(Listing::live(machines(&["a"]), at(3))).await;
        let bill = ledger.bill(at(0), at(10), &book).await.unwrap();
        let lines: Vec<_> = bill
            .lines
            .iter()
            .map(|line| (line.id.as_str(), line.amount.to_string(), line.gone))
            .collect();
        let expected = vec![
            ("a", "20.00".to_owned(), None),
            ("b", "6.00".to_owned(), Some(at(3))),
        ];
        assert_eq!(lines, expected);
        assert_eq!(
            (bill.amount.to_string(), bill.hourly.to_string()),
            ("26.00".into(), "2.00".into())
        );
        let later = ledger.bill(at(4), at(5), &book).await.unwrap();
        assert_eq!(later.lines.len(), 1, "b is of the past");
        let others: PriceBook =
            serde_json::from_str(r#"{"currency": "EUR", "megavisors": {}}"#).unwrap();
        ledger
            .observe(
                &scope,
                Kind::Instance,
                &Listing::live(machines(&["a"]), at(10)),
                &others,
            )
            .await
            .unwrap();
        let bill = ledger.bill(at(0), at(11), &others).await.unwrap();
        assert_eq!((bill.unknown, bill.amount.to_string()), (1, "26.00".into()));
    }
}
