use std::collections::BTreeMap;

use rem_time::Span;

use crate::kind::Kind;

/// How a reader wants its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// From the cache while it is young, else from the cloud, else from the cache.
    #[default]
    Usual,
    /// As [`Mode::Usual`], but kept answers count as young up to this age.
    MaxAge(Span),
    /// What is kept, whatever its age; the cloud is not asked.
    Cached,
    /// From the cloud; what is kept, with a warning, if the cloud does not answer.
    Fresh,
    /// From the cloud, or not at all.
    StrictFresh,
}

/// How long answers count as young, and how patient readers are.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// How long a listing of a kind is young, where it differs from
    /// [`Policy::usual_ttl`].
    pub ttl: BTreeMap<Kind, Span>,
    /// How long instances are young while something is being done to some of them.
    pub busy_ttl: Span,
    /// Beyond its youth a listing is still an answer for this many times as long,
    /// while a newer one is fetched.
    pub stale_factor: u32,
    /// How long a usual reader waits for the cloud.
    pub read_deadline: Span,
    /// How long one who wants it fresh waits.
    pub fresh_deadline: Span,
    /// Failures in a row after which a scope is left alone for a while.
    pub failures_max: u32,
    /// How long it is left alone at first; doubled each time.
    pub alone_first: Span,
    /// How long it is left alone at the most.
    pub alone_most: Span,
    /// A listing that has lost more than this many items, and more than
    /// [`Policy::loss_share`] of them, is not believed at once.
    pub loss_count: usize,
    /// See [`Policy::loss_count`]; a share of one.
    pub loss_share: f64,
    /// How much later a second listing must say the same.
    pub confirm_after: Span,
    /// How long an expected state is shown when no listing shows it.
    pub expect_for: Span,
    /// Older listings carry a warning.
    pub ancient: Span,
}

const SECOND: u64 = 1;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

impl Default for Policy {
    fn default() -> Self {
        Self {
            ttl: BTreeMap::new(),
            busy_ttl: Span::from_seconds(15 * SECOND),
            stale_factor: 2,
            read_deadline: Span::from_seconds(3 * SECOND),
            fresh_deadline: Span::from_seconds(30 * SECOND),
            failures_max: 3,
            alone_first: Span::from_seconds(5 * SECOND),
            alone_most: Span::from_seconds(MINUTE),
            loss_count: 3,
            loss_share: 0.2,
            confirm_after: Span::from_seconds(30 * SECOND),
            expect_for: Span::from_seconds(5 * MINUTE),
            ancient: Span::from_seconds(7 * DAY),
        }
    }
}

impl Policy {
    /// How long a kind is young unless [`field@Policy::ttl`] says otherwise: what changes by
    /// itself a minute, what people change ten, what a provider changes a day.
    pub fn usual_ttl(kind: Kind) -> Span {
        Span::from_seconds(match kind {
            Kind::Instance | Kind::Volume | Kind::FloatingIp | Kind::LoadBalancer => MINUTE,
            Kind::Snapshot | Kind::Capacity => MINUTE,
            Kind::Image | Kind::KeyPair | Kind::Firewall => 10 * MINUTE,
            Kind::Region | Kind::Zone | Kind::Size => DAY,
        })
    }

    /// How long a listing is young, spread by up to a tenth so that those that came
    /// together do not end together; `busy` while something is being done.
    pub(super) fn ttl(&self, kind: Kind, busy: bool, spread: u64) -> Span {
        let usual = *self.ttl.get(&kind).unwrap_or(&Self::usual_ttl(kind));
        let ttl = match busy && kind == Kind::Instance {
            true => usual.min(self.busy_ttl),
            false => usual,
        };
        let tenths = 900 + spread % 201;
        Span::from_nanos((u128::from(ttl.as_nanos()) * u128::from(tenths) / 1_000) as u64)
    }

    /// How long a reader waits for the cloud.
    pub(super) fn deadline(&self, mode: Mode) -> Span {
        match mode {
            Mode::Usual | Mode::MaxAge(_) | Mode::Cached => self.read_deadline,
            Mode::Fresh | Mode::StrictFresh => self.fresh_deadline,
        }
    }

    /// Whether a listing has lost so much that it is not believed at once.
    pub(super) fn is_suspect(&self, before: usize, lost: usize, now: usize) -> bool {
        let share = (self.loss_share * before as f64).ceil() as usize;
        lost > self.loss_count.max(share) || (now == 0 && 0 < lost)
    }
}
