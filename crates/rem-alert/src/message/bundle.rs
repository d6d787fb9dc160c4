use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use rem_time::{Span, Timestamp};

use super::machine::Message;
use crate::episode::{EpisodeId, Urgency};

/// How messages to one contact are spread and bundled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttle {
    /// How long the first message waits for others to join it.
    pub window: Span,
    /// The least time between two messages to one contact, and for a page between
    /// two pages. A person who was not paged for that long gets the first page
    /// after `window` alone.
    pub gap: Span,
    /// The most messages one digest lists; more make a second digest at once.
    pub digest_max: usize,
}

/// What is remembered of a contact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Pace {
    /// When something last left for it.
    pub last: Option<Timestamp>,
    /// When a page last did: a page does not wait because of a note.
    pub paged: Option<Timestamp>,
    /// Digests made for it so far.
    pub digests: u64,
}

/// What leaves for one contact now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bundle {
    /// What to send, in this order.
    pub send: Vec<Bundled>,
    /// When to ask again, if messages are left waiting.
    pub next: Option<Timestamp>,
}

/// One thing to send. Numbers are positions in the list that was passed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bundled {
    /// A message as it is. It says what the `same` ones said before it, too.
    Single {
        /// The message.
        message: usize,
        /// Older messages about the same episode.
        same: Vec<usize>,
    },
    /// One new message that lists many.
    Digest {
        /// Its number among the contact's digests: its id is to be made of it.
        number: u64,
        /// The newest message of each episode, the first of each service in front.
        lists: Vec<usize>,
        /// Older messages about the same episodes.
        same: Vec<usize>,
    },
}

impl Default for Throttle {
    /// Half a second to gather, a minute between messages, 2,500 lines a digest.
    fn default() -> Self {
        Self {
            window: Span::from_millis(500),
            gap: Span::from_seconds(60),
            digest_max: 2_500,
        }
    }
}

/// What leaves now of the messages that wait for one contact.
///
/// Pass every message of the contact that waits, ready or not, and whose episode
/// still wants it. The caller makes a message of each digest (with what it
/// [carries](Message::carries)), moves the listed and the older ones into it
/// ([`Event::Bundle`](super::Event::Bundle)), leases it, and keeps `pace`.
///
/// What was tried before leaves as it is, so that every attempt has the same id;
/// its back-off is throttle enough.
pub fn bundle(
    messages: &[&Message],
    pace: &mut Pace,
    throttle: Throttle,
    now: Timestamp,
) -> Bundle {
    let (order, mut older) = in_order(messages);
    let (tried, fresh): (Vec<usize>, Vec<usize>) = order
        .into_iter()
        .partition(|place| messages[*place].attempts > 0 || !messages[*place].carries.is_empty());
    let mut bundle = Bundle::default();
    for message in tried {
        if messages[message].is_ready(now) {
            let same = std::mem::take(&mut older[message]);
            bundle.send.push(Bundled::Single { message, same });
        } else {
            bundle.ask_at(messages[message].next_wakeup());
        }
    }
    let (fresh, early): (Vec<usize>, Vec<usize>) = fresh
        .into_iter()
        .partition(|place| messages[*place].is_ready(now));
    for place in early {
        bundle.ask_at(messages[place].next_wakeup());
    }
    let is_page = |place: &usize| messages[*place].urgency == Some(Urgency::Page);
    let made = |place: &usize| messages[*place].made;
    let any = Pace::ready(pace.last, fresh.iter().map(made), throttle, now);
    let pages = fresh.iter().filter(|place| is_page(place)).map(made);
    let page = Pace::ready(pace.paged, pages, throttle, now);
    match any.into_iter().chain(page).min() {
        Some(ready) if ready <= now => {
            for lists in fresh.chunks(throttle.digest_max.max(1)) {
                bundle.send.push(pace.pack(lists, &mut older));
            }
            if fresh.iter().any(is_page) {
                pace.paged = Some(now);
            }
        }
        ready => bundle.ask_at(ready),
    }
    if !bundle.send.is_empty() {
        pace.last = Some(now);
    }
    bundle
}

impl Pace {
    /// When messages made at these instants may leave.
    fn ready(
        last: Option<Timestamp>,
        made: impl Iterator<Item = Timestamp>,
        throttle: Throttle,
        now: Timestamp,
    ) -> Option<Timestamp> {
        // A clock that was set back: neither wait begins in the future.
        let gathered = made.min()?.min(now) + throttle.window;
        let spaced = last.map(|last| last.min(now) + throttle.gap);
        Some(spaced.map_or(gathered, |spaced| spaced.max(gathered)))
    }

    fn pack(&mut self, lists: &[usize], older: &mut [Vec<usize>]) -> Bundled {
        let same = lists
            .iter()
            .flat_map(|place| std::mem::take(&mut older[*place]))
            .collect();
        match lists {
            [message] => Bundled::Single {
                message: *message,
                same,
            },
            _ => {
                self.digests = self.digests.saturating_add(1);
                Bundled::Digest {
                    number: self.digests,
                    lists: lists.to_vec(),
                    same,
                }
            }
        }
    }
}

impl Bundle {
    fn ask_at(&mut self, at: Option<Timestamp>) {
        self.next = match (self.next, at) {
            (Some(next), Some(at)) => Some(next.min(at)),
            (next, at) => next.or(at),
        };
    }
}

/// The newest message of each episode in the order to send, and for each the
/// older ones that it replaces. A message about no
/// episode stands for itself, and so does every note.
fn in_order(messages: &[&Message]) -> (Vec<usize>, Vec<Vec<usize>>) {
    let mut older = vec![Vec::new(); messages.len()];
    let mut newest: HashMap<&EpisodeId, usize> = HashMap::new();
    let mut order = Vec::with_capacity(messages.len());
    for (place, message) in messages.iter().enumerate() {
        let page = message.about.as_ref().filter(|_| message.urgency.is_some());
        let Some((episode, number)) = page else {
            order.push(place);
            continue;
        };
        match newest.entry(episode) {
            Entry::Vacant(slot) => {
                slot.insert(place);
            }
            Entry::Occupied(mut slot) => {
                let kept = *slot.get();
                let is_newer = messages[kept]
                    .about
                    .as_ref()
                    .is_none_or(|(_, n)| n < number);
                let (newer, old) = if is_newer {
                    (place, kept)
                } else {
                    (kept, place)
                };
                let mut moved = std::mem::take(&mut older[old]);
                moved.push(old);
                older[newer].append(&mut moved);
                slot.insert(newer);
            }
        }
    }
    order.extend(newest.into_values());
    let mut services = HashSet::new();
    order.sort_unstable_by_key(|place| (messages[*place].made, *place));
    let mut ranked: Vec<(u8, usize)> = order
        .into_iter()
        .map(|place| {
            let message = messages[place];
            let rank = match message.urgency {
                Some(Urgency::Page) if services.insert(&message.service) => 0,
                Some(Urgency::Page) => 1,
                None => 2,
                Some(Urgency::Low) => 3,
            };
            (rank, place)
        })
        .collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    (ranked.into_iter().map(|(_, place)| place).collect(), older)
}
