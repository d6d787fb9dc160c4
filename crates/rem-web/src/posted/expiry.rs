use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use rem_desk::{Desk, DeskError, Report};
use rem_monitor::Running;
use rem_time::{Clock, Span, Timestamp};

use super::alert::{Heard, RECEIVED, RECEIVED_HERE};

/// Alerts whose end is awaited; a program that posts more is told to come later.
const AWAITED_MAX: usize = 200_000;
/// How often ends are looked for.
const LOOK_EVERY: Span = Span::from_seconds(1);
/// Alerts that are cleared in one durable commit.
const BATCH_MAX: usize = 2_048;
/// How long alerts that were open before a restart may take to be posted again.
const AFTER_RESTART: Span = Span::from_seconds(300);

/// Posted alerts end by themselves, unless they are posted again.
#[derive(Debug, Default)]
pub(crate) struct Expiry(Mutex<Awaited>);

type Key = (Arc<str>, Arc<str>);

#[derive(Debug, Default)]
struct Awaited {
    ends: HashMap<Key, Timestamp>,
    /// No end comes before this.
    first: Option<Timestamp>,
}

impl Awaited {
    fn put(&mut self, key: Key, until: Timestamp) {
        self.first = Some(self.first.map_or(until, |first| first.min(until)));
        self.ends.insert(key, until);
    }

    /// Takes those out that are over.
    fn over(&mut self, now: Timestamp) -> Vec<Key> {
        if self.first.is_none_or(|first| now < first) {
            return Vec::new();
        }
        let over = self.ends.extract_if(|_, until| *until <= now);
        let over: Vec<Key> = over.take(BATCH_MAX).map(|(key, _)| key).collect();
        self.first = self.ends.values().min().copied();
        over
    }
}

impl Expiry {
    /// Awaits the ends of what the desk has kept, and clears what is over, until
    /// nobody posts any more. Must be called within a tokio runtime.
    pub(crate) fn start(running: &Running) -> Arc<Self> {
        let expiry = Arc::new(Self::default());
        let clock = Arc::clone(running.engine.clock());
        expiry.remember(&running.desk, clock.now());
        tokio::spawn(sweep(Arc::downgrade(&expiry), running.desk.clone(), clock));
        expiry
    }

    /// Alerts of before a restart have to be posted again.
    fn remember(&self, desk: &Desk, now: Timestamp) {
        let mut awaited = self.0.lock();
        for open in desk.overview().alerts {
            let ours = open
                .labels
                .get(RECEIVED)
                .is_some_and(|by| &**by == RECEIVED_HERE);
            if ours {
                awaited.put((open.id.alert, open.id.subject), now + AFTER_RESTART);
            }
        }
    }

    /// Awaits the ends of what fires. Refused where there are too many.
    pub(super) fn expect(&self, heard: &[Heard], now: Timestamp) -> Result<(), String> {
        let mut awaited = self.0.lock();
        if AWAITED_MAX < awaited.ends.len() + heard.len() {
            return Err(format!(
                "{AWAITED_MAX} posted alerts are open; come again later"
            ));
        }
        for heard in heard {
            let key = (heard.report.alert.clone(), heard.report.subject.clone());
            match now < heard.until {
                true => awaited.put(key, heard.until),
                false => {
                    awaited.ends.remove(&key);
                }
            }
        }
        Ok(())
    }

    fn put_back(&self, keys: Vec<Key>, now: Timestamp) {
        let mut awaited = self.0.lock();
        for key in keys {
            // It may have been posted again meanwhile.
            if !awaited.ends.contains_key(&key) {
                awaited.put(key, now);
            }
        }
    }
}

async fn sweep(expiry: Weak<Expiry>, desk: Desk, clock: Arc<dyn Clock>) {
    loop {
        tokio::time::sleep(LOOK_EVERY.as_duration()).await;
        let Some(expiry) = expiry.upgrade() else {
            return;
        };
        loop {
            let now = clock.now();
            let over = expiry.0.lock().over(now);
            if over.is_empty() {
                break;
            }
            let clears = |(alert, subject): &Key| Report::clears(alert, subject, now);
            match desk.report(over.iter().map(clears).collect()).await {
                Ok(()) => {}
                Err(DeskError::Closed) => return,
                Err(error) => {
                    tracing::error!(error = %rem_monitor::chain(&error), "posted alerts not ended");
                    expiry.put_back(over, now);
                    break;
                }
            }
        }
    }
}
