use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use futures_util::task::AtomicWaker;
use tokio::time::{Instant, Sleep};

use super::frame;
use super::hub::{Shared, State};
use super::topic::{Next, Topic};

const TOPIC_BYTES_MAX: usize = 128;

/// One client's place in the topics it listens to: a stream of frames in the
/// format of `text/event-stream`, which never ends by itself.
#[derive(Debug)]
pub struct Subscription {
    shared: Arc<Shared>,
    id: u64,
    wake: Arc<Wake>,
    /// Each topic and the newest event of it that this client has.
    places: Vec<(Arc<str>, u64)>,
    /// Topics of which the client has to be told that it missed events.
    missed: Vec<Arc<str>>,
    greeted: bool,
    heartbeat: Pin<Box<Sleep>>,
}

#[derive(Debug, Default)]
pub(super) struct Wake(AtomicWaker);

impl Wake {
    pub(super) fn wake(&self) {
        self.0.wake();
    }
}

impl Subscription {
    pub(super) fn start<'a>(
        shared: &Arc<Shared>,
        topics: impl IntoIterator<Item = &'a str>,
        since: Option<&str>,
    ) -> Self {
        let names: BTreeSet<&str> = topics
            .into_iter()
            .filter(|name| !name.is_empty() && name.len() <= TOPIC_BYTES_MAX)
            .take(shared.limits.topics_per_client)
            .collect();
        let wake = Arc::new(Wake::default());
        let mut state = shared.state.lock();
        state.last_listener += 1;
        let id = state.last_listener;
        let known = since.map(|id| shared.number(id));
        let seen = known.flatten().unwrap_or(state.last_id);
        let mut places = Vec::with_capacity(names.len());
        for name in names {
            let name: Arc<str> = name.into();
            let topic = state.topics.entry(name.clone()).or_default();
            topic.listen(id, wake.clone());
            places.push((name, seen));
        }
        drop(state);
        // An id of an earlier run says nothing: everything may have been missed.
        let missed = match known {
            Some(None) => places.iter().map(|(name, _)| name.clone()).collect(),
            Some(Some(_)) | None => Vec::new(),
        };
        Self {
            shared: shared.clone(),
            id,
            wake,
            places,
            missed,
            greeted: false,
            heartbeat: Box::pin(tokio::time::sleep(shared.limits.heartbeat)),
        }
    }

    /// The next frame that is there already.
    fn next_frame(&mut self) -> Option<Bytes> {
        if let Some(name) = self.missed.pop() {
            return Some(frame::resync(&name));
        }
        let state = self.shared.state.lock();
        let mut oldest: Option<(usize, u64, &Bytes)> = None;
        for (place, (name, seen)) in self.places.iter().enumerate() {
            match state.topics.get(name).map(|topic| topic.after(*seen)) {
                None | Some(Next::Nothing) => {}
                Some(Next::Missed { newest }) => {
                    let (name, seen) = &mut self.places[place];
                    *seen = newest;
                    return Some(frame::resync(name));
                }
                Some(Next::Event(id, bytes)) => {
                    if oldest.is_none_or(|(_, other, _)| id < other) {
                        oldest = Some((place, id, bytes));
                    }
                }
            }
        }
        let (place, id, bytes) = oldest?;
        let bytes = bytes.clone();
        self.places[place].1 = id;
        Some(bytes)
    }
}

impl Stream for Subscription {
    type Item = Bytes;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let this = &mut *self;
        if !this.greeted {
            this.greeted = true;
            // Proxies and browsers see at once that the stream stands.
            return Poll::Ready(Some(Bytes::from_static(b": connected\nretry: 2000\n\n")));
        }
        // Registered before looking, so that nothing published in between is missed.
        this.wake.0.register(context.waker());
        let silence = this.shared.limits.heartbeat;
        if let Some(frame) = this.next_frame() {
            this.heartbeat.as_mut().reset(Instant::now() + silence);
            return Poll::Ready(Some(frame));
        }
        match this.heartbeat.as_mut().poll(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) => {
                this.heartbeat.as_mut().reset(Instant::now() + silence);
                Poll::Ready(Some(Bytes::from_static(b":\n\n")))
            }
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        let State { topics, .. } = &mut *state;
        for (name, _) in &self.places {
            if let Some(topic) = topics.get_mut(name) {
                topic.leave(self.id);
                if Topic::is_unused(topic) {
                    topics.remove(name);
                }
            }
        }
    }
}
