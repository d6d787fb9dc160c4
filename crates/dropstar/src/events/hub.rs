use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::topic::Topic;
use super::{Event, Subscription};
use crate::encoding::{hex, random};

/// How much a hub keeps and how often it speaks.
#[derive(Clone, Copy, Debug)]
pub struct HubLimits {
    /// Shortest time between two frames of a topic. What is published in between
    /// waits, and of one key only the newest is sent.
    pub frame_every: Duration,
    /// Events that wait for one frame of a topic; at the limit they are dropped
    /// and listeners are told to load their page anew.
    pub waiting: usize,
    /// Events kept of each topic for clients that come back; the oldest go first.
    pub kept: usize,
    /// Bytes of events kept of each topic; the oldest go first.
    pub kept_bytes: usize,
    /// Topics that ever had an event; an event of one more is dropped and logged.
    pub topics: usize,
    /// Topics one client may listen to; further ones are left out.
    pub topics_per_client: usize,
    /// Silence after which a client gets a comment that keeps proxies awake.
    pub heartbeat: Duration,
}

impl Default for HubLimits {
    fn default() -> Self {
        Self {
            frame_every: Duration::from_millis(500),
            waiting: 1_024,
            kept: 512,
            kept_bytes: 1 << 20,
            topics: 10_000,
            topics_per_client: 64,
            heartbeat: Duration::from_secs(15),
        }
    }
}

/// Where events of the program meet the clients that listen. Clones share it.
///
/// No client has a queue: each has a place in the topics' rings of recent events.
/// A client that reads too slowly, or comes back too late, falls out of the ring
/// and is sent the event `resync` with the topic's name; its page then loads
/// itself anew. So a thousand sleeping clients cost no more than their sockets.
#[derive(Clone, Debug)]
pub struct Hub {
    pub(super) shared: Arc<Shared>,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) limits: HubLimits,
    /// Sets this run's event ids apart from those of an earlier one.
    epoch: String,
    pub(super) state: Mutex<State>,
    later: Arc<Notify>,
    flushing: AtomicBool,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) topics: BTreeMap<Arc<str>, Topic>,
    pub(super) last_id: u64,
    pub(super) last_listener: u64,
    /// Topics that ever had an event.
    published: usize,
}

impl Default for Hub {
    fn default() -> Self {
        Self::new()
    }
}

impl Hub {
    /// A hub with the usual limits.
    pub fn new() -> Self {
        Self::with(HubLimits::default())
    }

    /// A hub with limits of its own.
    pub fn with(limits: HubLimits) -> Self {
        Self {
            shared: Arc::new(Shared {
                limits,
                epoch: hex(&random::<4>()),
                state: Mutex::default(),
                later: Arc::default(),
                flushing: AtomicBool::new(false),
            }),
        }
    }

    /// Sends an event to everybody who listens to `topic`: at once, or with the
    /// topic's next frame. Never waits, and may be called from any thread.
    pub fn publish(&self, topic: &str, event: Event) {
        let now = Instant::now();
        let limits = &self.shared.limits;
        let mut state = self.shared.state.lock();
        let state = &mut *state;
        if !state.topics.contains_key(topic) {
            state.topics.insert(topic.into(), Topic::default());
        }
        let Some(entry) = state.topics.get_mut(topic) else {
            return;
        };
        if entry.is_new() {
            if state.published >= limits.topics {
                tracing::warn!(topic, max = limits.topics, "event dropped: too many topics");
                if entry.is_unused() {
                    state.topics.remove(topic);
                }
                return;
            }
            state.published += 1;
        }
        if entry.queue(event, now, limits) {
            entry.send(topic, &self.shared.epoch, &mut state.last_id, now, limits);
        } else {
            self.shared.later.notify_one();
        }
    }

    /// How many listen to `topic` now. Whoever has to work for an event may leave it
    /// while nobody would get it.
    pub fn listeners(&self, topic: &str) -> usize {
        let state = self.shared.state.lock();
        state.topics.get(topic).map_or(0, Topic::listeners)
    }

    /// The id of the newest event. A page rendered now gives it as `since` when it
    /// starts to listen, and so misses nothing in between.
    pub fn position(&self) -> String {
        let state = self.shared.state.lock();
        self.shared.id(state.last_id)
    }

    /// Listens to some topics, from the event after `since` on (a last event id or
    /// a [`Hub::position`]), or from now on.
    ///
    /// # Panics
    /// Panics outside of a tokio runtime.
    pub fn subscribe<'a>(
        &self,
        topics: impl IntoIterator<Item = &'a str>,
        since: Option<&str>,
    ) -> Subscription {
        self.keep_flushing();
        Subscription::start(&self.shared, topics, since)
    }

    /// One task for all topics and clients sends what had to wait. It sleeps
    /// without a timer while nothing waits.
    fn keep_flushing(&self) {
        if self.shared.flushing.swap(true, Ordering::AcqRel) {
            return;
        }
        let weak = Arc::downgrade(&self.shared);
        tokio::spawn(async move {
            // Cleared also when the runtime goes away, so that another may take over.
            let _cleared = OnDrop(weak.clone());
            while let Some(shared) = weak.upgrade() {
                let later = shared.later.clone();
                let next = shared.flush(Instant::now());
                // The hub's end wakes the task, which must not keep the hub alive.
                drop(shared);
                match next {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => later.notified().await,
                }
            }
        });
    }
}

struct OnDrop(std::sync::Weak<Shared>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        if let Some(shared) = self.0.upgrade() {
            shared.flushing.store(false, Ordering::Release);
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.later.notify_one();
    }
}

impl Shared {
    pub(super) fn id(&self, number: u64) -> String {
        format!("{}-{number}", self.epoch)
    }

    /// The number in an event id of this run.
    pub(super) fn number(&self, id: &str) -> Option<u64> {
        let (epoch, number) = id.rsplit_once('-')?;
        (epoch == self.epoch).then(|| number.parse().ok())?
    }

    /// Sends every frame that is due; says when the next one is.
    fn flush(&self, now: Instant) -> Option<Instant> {
        let mut state = self.state.lock();
        let State {
            topics, last_id, ..
        } = &mut *state;
        let mut next: Option<Instant> = None;
        for (name, topic) in topics.iter_mut() {
            let Some(at) = topic.next_frame() else {
                continue;
            };
            if at <= now {
                topic.send(name, &self.epoch, last_id, now, &self.limits);
            } else {
                next = Some(next.map_or(at, |next| next.min(at)));
            }
        }
        next
    }
}
