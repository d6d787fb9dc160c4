use std::sync::Arc;

use rem_time::{Span, Timestamp};

use crate::episode::{EpisodeId, SupersedeReason, Timer, Urgency};

/// One message to one user, whatever carries it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Message {
    /// The same on every attempt: Message-ID and Idempotency-Key.
    pub id: Arc<str>,
    /// The episode and the message's number in it; none for a digest and for
    /// messages about no alert (a notice of a shift, a self-test).
    pub about: Option<(EpisodeId, u32)>,
    /// Who it is for.
    pub user: Arc<str>,
    /// The service it is about; the first message of each service goes first.
    pub service: Arc<str>,
    /// How urgent; none for a note, which is never superseded.
    pub urgency: Option<Urgency>,
    /// Which of the user's contacts, from 0.
    pub contact: u32,
    /// The messages a digest carries; empty for a plain one.
    pub carries: Vec<Arc<str>>,
    /// When it was made.
    pub made: Timestamp,
    /// Attempts begun; only grows.
    pub attempts: u32,
    /// Attempts that failed on this contact.
    pub failures: u32,
    /// Where it stands.
    pub state: State,
}

/// Where a message stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Waits to be sent, not before an instant.
    Queued {
        /// That instant.
        not_before: Timestamp,
    },
    /// Somebody is sending it.
    Leased(Lease),
    /// A contact took it.
    Sent {
        /// When.
        at: Timestamp,
        /// What the contact's side calls it.
        provider: Arc<str>,
    },
    /// It is known to have arrived.
    Delivered {
        /// When.
        at: Timestamp,
    },
    /// It failed for now.
    RetryWait {
        /// Until it is tried again.
        timer: Timer,
    },
    /// Another message says the same: its fate is this one's.
    Bundled {
        /// The id of that message.
        into: Arc<str>,
    },
    /// It was no longer wanted.
    Superseded {
        /// When.
        at: Timestamp,
        /// Why.
        why: SupersedeReason,
    },
    /// No contact of the user works.
    Unreachable {
        /// When the last one broke.
        at: Timestamp,
    },
}

/// The right to send, for a time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lease {
    /// Who sends.
    pub node: Arc<str>,
    /// Grows with every lease: answers of an older one are known as late.
    pub epoch: u32,
    /// Until when; then the sender counts as crashed.
    pub timer: Timer,
}

/// What happened to a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A node begins to send it. Ignored unless it waits and its time has come.
    Lease {
        /// Who.
        node: Arc<str>,
        /// For how long.
        lasts: Span,
    },
    /// The contact took it, or the message that carries it. Counts from a late
    /// sender as well: it did arrive.
    Accepted {
        /// What the contact's side calls it.
        provider: Arc<str>,
    },
    /// It arrived.
    Delivered,
    /// It failed and may succeed later.
    Temporary {
        /// The attempt's [`Lease::epoch`].
        epoch: u32,
    },
    /// This contact can never take it.
    Permanent {
        /// The attempt's [`Lease::epoch`].
        epoch: u32,
        /// What the contact's side said.
        error: Arc<str>,
    },
    /// It is part of another message now. Ignored while it is being sent.
    Bundle {
        /// The id of that message.
        into: Arc<str>,
    },
    /// The message that carries it reaches no contact. Ignored unless bundled.
    Abandoned,
    /// It is no longer wanted. Ignored by notes and by what has been sent.
    Supersede {
        /// Why.
        why: SupersedeReason,
    },
    /// Time has passed.
    Wake,
}

/// What must happen now, in the same commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A contact is broken: mark it, tell the user by another one, tell the admins.
    ContactBroken {
        /// Which contact, from 0.
        contact: u32,
        /// What the contact's side said.
        error: Arc<str>,
    },
    /// No contact of the user works: the next role is to be paged early.
    Unreachable,
}

/// What a message has to know beside itself.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The user's contacts in order, whether each works.
    pub contacts: &'a [bool],
    /// Spreads the retries: any number, another one on every node.
    pub seed: u64,
}

/// The longest wait before the second attempt.
pub const RETRY_FIRST: Span = Span::from_seconds(5);
/// The longest wait before any attempt.
pub const RETRY_MAX: Span = Span::from_seconds(300);

impl Message {
    /// A message that waits to be sent at once.
    pub fn new(id: impl Into<Arc<str>>, user: impl Into<Arc<str>>, now: Timestamp) -> Self {
        Self {
            id: id.into(),
            about: None,
            user: user.into(),
            service: Arc::from(""),
            urgency: None,
            contact: 0,
            carries: Vec::new(),
            made: now,
            attempts: 0,
            failures: 0,
            state: State::Queued { not_before: now },
        }
    }

    /// Whether nothing can happen to it any more, but that it is known to have arrived.
    pub fn is_over(&self) -> bool {
        match self.state {
            State::Sent { .. }
            | State::Delivered { .. }
            | State::Superseded { .. }
            | State::Unreachable { .. } => true,
            State::Queued { .. }
            | State::Leased(_)
            | State::RetryWait { .. }
            | State::Bundled { .. } => false,
        }
    }

    /// Whether it may be leased now. Ask whether its episode still wants it
    /// ([`Episode::is_live`](crate::episode::Episode::is_live)) as well.
    pub fn is_ready(&self, now: Timestamp) -> bool {
        match &self.state {
            State::Queued { not_before } => *not_before <= now,
            State::RetryWait { timer } => timer.is_over(now) || now < timer.from,
            State::Leased(lease) => lease.timer.is_over(now),
            State::Sent { .. }
            | State::Delivered { .. }
            | State::Bundled { .. }
            | State::Superseded { .. }
            | State::Unreachable { .. } => false,
        }
    }

    /// The next instant at which time alone changes something.
    pub fn next_wakeup(&self) -> Option<Timestamp> {
        match &self.state {
            State::Queued { not_before } => Some(*not_before),
            State::Leased(lease) => Some(lease.timer.until),
            State::RetryWait { timer } => Some(timer.until),
            State::Sent { .. }
            | State::Delivered { .. }
            | State::Bundled { .. }
            | State::Superseded { .. }
            | State::Unreachable { .. } => None,
        }
    }

    /// What `event` changes at `now`; whether the state is another one.
    pub fn step(
        &mut self,
        event: &Event,
        now: Timestamp,
        context: Context<'_>,
        effects: &mut Vec<Effect>,
    ) -> bool {
        let expired = self.expire(now, context);
        let changed = match event {
            Event::Lease { node, lasts } => self.lease(node, *lasts, now, context, effects),
            Event::Accepted { provider } => self.accepted(provider, now),
            Event::Delivered => self.delivered(now),
            Event::Temporary { epoch } => {
                let ours = self.is_leased_as(*epoch);
                if ours {
                    self.retry_later(now, context);
                }
                ours
            }
            Event::Permanent { epoch, error } => {
                let ours = self.is_leased_as(*epoch);
                if ours {
                    effects.push(Effect::ContactBroken {
                        contact: self.contact,
                        error: Arc::clone(error),
                    });
                    self.next_contact(self.contact.saturating_add(1), now, context, effects);
                }
                ours
            }
            Event::Bundle { into } => self.bundle_into(into),
            Event::Abandoned => self.abandoned(now, effects),
            Event::Supersede { why } => self.supersede(*why, now),
            Event::Wake => false,
        };
        expired || changed
    }

    /// A lease that ran out is a sender that crashed: it may have sent it or not.
    fn expire(&mut self, now: Timestamp, context: Context<'_>) -> bool {
        match &mut self.state {
            State::Leased(lease) if lease.timer.is_over(now) => {
                self.retry_later(now, context);
                true
            }
            State::Leased(lease) => lease.timer.rebase(now),
            State::RetryWait { timer } => timer.rebase(now),
            State::Queued { .. }
            | State::Sent { .. }
            | State::Delivered { .. }
            | State::Bundled { .. }
            | State::Superseded { .. }
            | State::Unreachable { .. } => false,
        }
    }

    fn lease(
        &mut self,
        node: &Arc<str>,
        lasts: Span,
        now: Timestamp,
        context: Context<'_>,
        effects: &mut Vec<Effect>,
    ) -> bool {
        if !self.is_ready(now) {
            return false;
        }
        if !context.works(self.contact) {
            self.next_contact(0, now, context, effects);
            if !self.is_ready(now) {
                return true;
            }
        }
        self.attempts = self.attempts.saturating_add(1);
        self.state = State::Leased(Lease {
            node: Arc::clone(node),
            epoch: self.attempts,
            timer: Timer::new(now, lasts),
        });
        true
    }

    fn accepted(&mut self, provider: &Arc<str>, now: Timestamp) -> bool {
        match self.state {
            State::Leased(_)
            | State::RetryWait { .. }
            | State::Queued { .. }
            | State::Bundled { .. } => {
                self.state = State::Sent {
                    at: now,
                    provider: Arc::clone(provider),
                };
                true
            }
            State::Sent { .. }
            | State::Delivered { .. }
            | State::Superseded { .. }
            | State::Unreachable { .. } => false,
        }
    }

    fn delivered(&mut self, now: Timestamp) -> bool {
        match self.state {
            State::Leased(_) | State::RetryWait { .. } | State::Sent { .. } => {
                self.state = State::Delivered { at: now };
                true
            }
            State::Queued { .. }
            | State::Delivered { .. }
            | State::Bundled { .. }
            | State::Superseded { .. }
            | State::Unreachable { .. } => false,
        }
    }

    fn is_leased_as(&self, epoch: u32) -> bool {
        matches!(&self.state, State::Leased(lease) if lease.epoch == epoch)
    }

    fn retry_later(&mut self, now: Timestamp, context: Context<'_>) {
        self.failures = self.failures.saturating_add(1);
        let most = RETRY_FIRST
            .as_nanos()
            .saturating_mul(1_u64.checked_shl(self.failures - 1).unwrap_or(u64::MAX))
            .min(RETRY_MAX.as_nanos());
        let wait = Span::from_nanos(context.random(&self.id, self.attempts) % (most + 1));
        self.state = State::RetryWait {
            timer: Timer::new(now, wait.max(RETRY_LEAST)),
        };
    }

    /// The first contact from `from` on that works, at once.
    fn next_contact(
        &mut self,
        from: u32,
        now: Timestamp,
        context: Context<'_>,
        effects: &mut Vec<Effect>,
    ) {
        let broken = self.contact;
        let others = from..u32::try_from(context.contacts.len()).unwrap_or(u32::MAX);
        // A contact before this one may have been mended meanwhile.
        let next = others
            .chain(0..from)
            .find(|contact| *contact != broken && context.works(*contact));
        self.failures = 0;
        match next {
            Some(contact) => {
                self.contact = contact;
                self.state = State::Queued { not_before: now };
            }
            None => {
                self.state = State::Unreachable { at: now };
                effects.push(Effect::Unreachable);
            }
        }
    }

    fn bundle_into(&mut self, into: &Arc<str>) -> bool {
        match self.state {
            State::Queued { .. } | State::RetryWait { .. } => {
                self.state = State::Bundled {
                    into: Arc::clone(into),
                };
                true
            }
            State::Leased(_)
            | State::Sent { .. }
            | State::Delivered { .. }
            | State::Bundled { .. }
            | State::Superseded { .. }
            | State::Unreachable { .. } => false,
        }
    }

    fn abandoned(&mut self, now: Timestamp, effects: &mut Vec<Effect>) -> bool {
        let bundled = matches!(self.state, State::Bundled { .. });
        if bundled {
            self.state = State::Unreachable { at: now };
            effects.push(Effect::Unreachable);
        }
        bundled
    }

    fn supersede(&mut self, why: SupersedeReason, now: Timestamp) -> bool {
        let waits = match self.state {
            State::Queued { .. } | State::RetryWait { .. } | State::Bundled { .. } => true,
            // It may be on its way: its answer decides.
            State::Leased(_)
            | State::Sent { .. }
            | State::Delivered { .. }
            | State::Superseded { .. }
            | State::Unreachable { .. } => false,
        };
        if waits && self.urgency.is_some() {
            self.state = State::Superseded { at: now, why };
        }
        waits && self.urgency.is_some()
    }
}

/// No retry is sooner than this.
const RETRY_LEAST: Span = Span::from_seconds(1);

impl Context<'_> {
    fn works(&self, contact: u32) -> bool {
        self.contacts
            .get(contact as usize)
            .copied()
            .unwrap_or(false)
    }

    /// The same for the same attempt of the same message.
    fn random(&self, id: &str, attempt: u32) -> u64 {
        let mut state = self.seed ^ (u64::from(attempt) << 32);
        for byte in id.bytes() {
            state = splitmix(state ^ u64::from(byte));
        }
        splitmix(state)
    }
}

fn splitmix(state: u64) -> u64 {
    let z = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
