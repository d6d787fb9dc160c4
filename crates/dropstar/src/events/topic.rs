use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use indexmap::IndexMap;
use tokio::time::Instant;

use super::stream::Wake;
use super::{Event, HubLimits, frame};

/// One topic: what was sent lately, what waits for the next frame, who listens.
#[derive(Debug, Default)]
pub(super) struct Topic {
    ring: VecDeque<(u64, Bytes)>,
    ring_bytes: usize,
    /// The newest event that has left the ring.
    gone: u64,
    waiting: IndexMap<String, Event>,
    /// More waited for one frame than may wait; it was all dropped.
    lost: bool,
    next_frame: Option<Instant>,
    listeners: HashMap<u64, Arc<Wake>>,
}

impl Topic {
    /// Queues the event; `true` if a frame may go out at once.
    pub(super) fn queue(&mut self, event: Event, now: Instant, limits: &HubLimits) -> bool {
        self.waiting.insert(frame::coalescing_key(&event), event);
        if self.waiting.len() > limits.waiting {
            self.waiting.clear();
            self.lost = true;
        }
        self.next_frame.is_none_or(|at| at <= now)
    }

    pub(super) fn listeners(&self) -> usize {
        self.listeners.len()
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.lost || !self.waiting.is_empty()
    }

    pub(super) fn next_frame(&self) -> Option<Instant> {
        self.next_frame.filter(|_| self.is_waiting())
    }

    /// Moves what waits into the ring and wakes the listeners.
    pub(super) fn send(
        &mut self,
        name: &str,
        epoch: &str,
        last_id: &mut u64,
        now: Instant,
        limits: &HubLimits,
    ) {
        if std::mem::take(&mut self.lost) {
            // An event that nobody can get any more: listeners are told to resync.
            *last_id += 1;
            self.gone = *last_id;
            self.ring.clear();
            self.ring_bytes = 0;
        }
        for (_, event) in std::mem::take(&mut self.waiting) {
            *last_id += 1;
            let bytes = frame::encode(&format!("{epoch}-{last_id}"), name, &event);
            self.ring_bytes += bytes.len();
            self.ring.push_back((*last_id, bytes));
        }
        while self.ring.len() > limits.kept || self.ring_bytes > limits.kept_bytes {
            let Some((id, bytes)) = self.ring.pop_front() else {
                break;
            };
            self.ring_bytes -= bytes.len();
            self.gone = self.gone.max(id);
        }
        self.next_frame = Some(now + limits.frame_every);
        self.wake();
    }

    pub(super) fn wake(&self) {
        for listener in self.listeners.values() {
            listener.wake();
        }
    }

    /// The first event after `seen`, or that some were missed.
    pub(super) fn after(&self, seen: u64) -> Next<'_> {
        if seen < self.gone {
            return Next::Missed {
                newest: self.newest(),
            };
        }
        let at = self.ring.partition_point(|(id, _)| *id <= seen);
        match self.ring.get(at) {
            Some((id, bytes)) => Next::Event(*id, bytes),
            None => Next::Nothing,
        }
    }

    pub(super) fn listen(&mut self, id: u64, wake: Arc<Wake>) {
        self.listeners.insert(id, wake);
    }

    pub(super) fn leave(&mut self, id: u64) {
        self.listeners.remove(&id);
    }

    /// Nothing was ever published here.
    pub(super) fn is_new(&self) -> bool {
        self.next_frame.is_none()
    }

    /// New, and nobody listens: only a client's question made it.
    pub(super) fn is_unused(&self) -> bool {
        self.listeners.is_empty() && self.is_new()
    }

    #[cfg(test)]
    pub(super) fn kept_bytes(&self) -> usize {
        self.ring_bytes
    }

    fn newest(&self) -> u64 {
        self.ring.back().map_or(self.gone, |(id, _)| *id)
    }
}

pub(super) enum Next<'a> {
    Nothing,
    Event(u64, &'a Bytes),
    Missed { newest: u64 },
}
