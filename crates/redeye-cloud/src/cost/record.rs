use rem_time::Timestamp;
use serde::{Deserialize, Serialize};

use super::money::Money;
use crate::kind::Kind;
use crate::name::Id;
use crate::resource::{Lifecycle, Resource, Tags};
use crate::scope::Scope;

/// Times of different prices that are kept of one thing; older ones become one sum.
const STRETCHES_MAX: usize = 200;

/// One thing that costs or has cost something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) scope: Scope,
    pub(super) kind: Kind,
    pub(super) id: Id,
    #[serde(default)]
    pub(super) name: Option<String>,
    #[serde(default)]
    pub(super) sort: Option<String>,
    #[serde(default)]
    pub(super) tags: Tags,
    pub(super) stretches: Vec<Stretch>,
    /// When it was first seen to be no longer there.
    #[serde(default)]
    pub(super) gone: Option<Timestamp>,
}

/// A time in which it cost the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Stretch {
    pub(super) from: Timestamp,
    /// Nothing while it lasts.
    #[serde(default)]
    pub(super) to: Option<Timestamp>,
    /// Nothing where nobody knows.
    #[serde(default)]
    pub(super) hourly: Option<Money>,
}

/// What a thing cost in a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Spent {
    pub(super) amount: Money,
    /// Whether for some of the time nobody knows.
    pub(super) unknown: bool,
    pub(super) was_there: bool,
}

impl Record {
    pub(super) fn new(
        scope: &Scope,
        item: &Resource,
        hourly: Option<Money>,
        at: Timestamp,
    ) -> Self {
        // It was there before anybody looked.
        let from = created(item).filter(|created| *created < at).unwrap_or(at);
        let mut record = Self {
            scope: scope.clone(),
            kind: item.kind(),
            id: item.id().clone(),
            name: None,
            sort: None,
            tags: Tags::new(),
            stretches: vec![Stretch {
                from,
                to: None,
                hourly,
            }],
            gone: None,
        };
        record.describe(item);
        record
    }

    fn describe(&mut self, item: &Resource) {
        let (name, sort) = match item {
            Resource::Instance(one) => (&one.name, one.size.as_ref().map(ToString::to_string)),
            Resource::Volume(one) => (&one.name, one.sort.clone()),
            Resource::Snapshot(one) => (&one.name, None),
            _ => (&None, None),
        };
        self.name = name.clone();
        self.sort = sort;
        self.tags = item.tags().cloned().unwrap_or_default();
    }

    /// It is there at `at` and costs this.
    pub(super) fn seen(&mut self, item: &Resource, hourly: Option<Money>, at: Timestamp) {
        self.describe(item);
        if matches!(item, Resource::Instance(one) if one.lifecycle == Lifecycle::Terminated) {
            self.is_gone(at);
            return;
        }
        if self.gone.take().is_some() {
            // An id that comes back was not gone.
            self.stretches.push(Stretch {
                from: at,
                to: None,
                hourly,
            });
        }
        match self.stretches.last_mut() {
            Some(last) if last.hourly == hourly && last.to.is_none() => {}
            Some(last) if at <= last.from => last.hourly = hourly,
            last => {
                if let Some(last) = last {
                    last.to.get_or_insert(at);
                }
                self.stretches.push(Stretch {
                    from: at,
                    to: None,
                    hourly,
                });
            }
        }
        self.shorten();
    }

    /// It is not there at `at`.
    pub(super) fn is_gone(&mut self, at: Timestamp) {
        if self.gone.is_some() {
            return;
        }
        self.gone = Some(at);
        if let Some(last) = self.stretches.last_mut() {
            last.to.get_or_insert(at.max(last.from));
        }
    }

    /// The two oldest become one of the same sum.
    fn shorten(&mut self) {
        while STRETCHES_MAX < self.stretches.len() {
            let first = self.stretches.remove(0);
            let Some(second) = self.stretches.first_mut() else {
                return;
            };
            let to = second.to.unwrap_or(second.from);
            let sum: Option<Money> = [(&first, first.to), (&*second, Some(to))]
                .into_iter()
                .map(|(one, to)| {
                    let lasted = to.unwrap_or(one.from).since(one.from);
                    one.hourly.map(|hourly| hourly.for_hours_of(lasted))
                })
                .sum();
            let lasted = to.since(first.from).as_seconds();
            second.from = first.from;
            second.hourly = sum.map(|sum| sum.times(3_600).part(1, lasted.max(1)));
        }
    }

    pub(super) fn hourly_now(&self) -> Option<Money> {
        self.stretches.last().and_then(|last| last.hourly)
    }

    /// What it cost from `from` to `to`.
    pub(super) fn spent(&self, from: Timestamp, to: Timestamp) -> Spent {
        let mut spent = Spent::default();
        for stretch in &self.stretches {
            let begins = stretch.from.max(from);
            let ends = stretch.to.unwrap_or(to).min(to);
            if ends <= begins {
                continue;
            }
            spent.was_there = true;
            match stretch.hourly {
                Some(hourly) => spent.amount += hourly.for_hours_of(ends.since(begins)),
                None => spent.unknown = true,
            }
        }
        spent
    }
}

fn created(item: &Resource) -> Option<Timestamp> {
    match item {
        Resource::Instance(one) => one.created,
        Resource::Volume(one) => one.created,
        Resource::Snapshot(one) => one.taken,
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rem_time::Span;

    use super::*;
    use crate::resource::{Instance, Power};

    fn at(hours: u64) -> Timestamp {
        Timestamp::from_seconds(1_800_000_000) + Span::from_seconds(hours * 3_600)
    }

    fn money(text: &str) -> Option<Money> {
        text.parse().ok()
    }

    fn machine(lifecycle: Lifecycle) -> Resource {
        let mut one = Instance::new("m-1".parse().unwrap(), Power::On, lifecycle);
        one.created = Some(at(0));
        Resource::Instance(one)
    }

    fn record() -> Record {
        let scope: Scope = "ec2/main/eu-1".parse().unwrap();
        Record::new(&scope, &machine(Lifecycle::Active), money("1"), at(2))
    }

    fn amount(record: &Record, from: u64, to: u64) -> String {
        let spent = record.spent(at(from), at(to));
        format!("{}{}", spent.amount, if spent.unknown { "?" } else { "" })
    }

    #[test]
    fn a_machine_costs_from_when_it_was_made_until_it_is_gone() {
        let mut record = record();
        assert_eq!(amount(&record, 0, 10), "10.00");
        assert_eq!(amount(&record, 5, 6), "1.00");
        record.seen(&machine(Lifecycle::Active), money("0"), at(4));
        record.seen(&machine(Lifecycle::Active), money("2"), at(6));
        assert_eq!(amount(&record, 0, 8), "8.00", "4 on, 2 off, 2 larger");
        record.seen(&machine(Lifecycle::Terminated), money("0"), at(7));
        record.is_gone(at(9));
        assert_eq!(record.gone, Some(at(7)));
        assert_eq!(amount(&record, 0, 100), "6.00");
        assert!(!record.spent(at(8), at(100)).was_there);
    }

    #[test]
    fn a_time_without_a_price_is_said_to_be_unknown() {
        let mut record = record();
        record.seen(&machine(Lifecycle::Active), None, at(4));
        record.seen(&machine(Lifecycle::Active), money("1"), at(5));
        assert_eq!(amount(&record, 0, 8), "7.00?");
        assert_eq!(amount(&record, 5, 8), "3.00");
    }

    #[test]
    fn what_comes_back_costs_again() {
        let mut record = record();
        record.is_gone(at(3));
        record.seen(&machine(Lifecycle::Active), money("1"), at(5));
        assert_eq!(record.gone, None);
        assert_eq!(amount(&record, 0, 6), "4.00");
    }

    #[test]
    fn a_machine_that_changes_all_day_keeps_its_sum() {
        let mut record = record();
        for hour in 3..1_000 {
            let price = if hour % 2 == 0 { "1" } else { "3" };
            record.seen(&machine(Lifecycle::Active), money(price), at(hour));
        }
        assert!(record.stretches.len() <= STRETCHES_MAX);
        // 3 hours at 1, then 997 hours that begin with 3 and end with 3.
        let spent = record.spent(at(0), at(1_000)).amount.as_nanos() as f64 / 1e9;
        assert!(
            (spent - (3.0 + 499.0 * 3.0 + 498.0)).abs() < 1e-3,
            "{spent}"
        );
    }
}
