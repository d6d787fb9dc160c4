use std::collections::VecDeque;
use std::sync::OnceLock;

use rem_time::{Span, Timestamp};

use super::{Calendar, Hours, Order, Plan, Range, Rotation};

#[cfg(test)]
mod tests;

/// How many shifts are decided in one go.
const CHUNK: usize = 256;
/// Shifts a version decides fairly; later ones go by turns. 22 years of hourly ones.
const FAIR_SHIFTS_MAX: usize = 200_000;
const DAY_SECONDS: i64 = 86_400;

/// How much a person carried, for [`Order::Fair`].
///
/// Each shift goes to whoever carried the fewest weighted hours in the days before it
/// began; between equals, to whoever was on call least recently, then to whoever is
/// listed first. Somebody who is away at any time of the shift comes last. Hours
/// count for who really had them: overrides, swaps and vacations of the role are in.
/// Every version of a rotation starts counting at zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fair {
    /// How many days back hours count, from 1 to 366.
    pub trailing_days: u16,
    /// Hours of the week that weigh more (200 %) or less (50 %) than an hour; where
    /// several overlap their differences from 100 % add up.
    pub weights: Vec<(Hours, u16)>,
}

impl Default for Fair {
    /// Four weeks, an hour is an hour.
    fn default() -> Self {
        Self {
            trailing_days: 28,
            weights: Vec::new(),
        }
    }
}

/// The weights of a plan, cut to the hours it covers.
#[derive(Debug)]
pub(crate) struct Scale {
    hours: Hours,
    extra: Vec<(Hours, i64)>,
}

impl Scale {
    pub(crate) fn of(plan: &Plan) -> Self {
        let weights = match plan.order() {
            Order::Fair(fair) => &fair.weights[..],
            Order::Turn => &[],
        };
        let extra = weights.iter().map(|(hours, percent)| {
            let hours = hours.shared(plan.hours());
            (hours, i64::from(*percent) - 100)
        });
        Self {
            extra: extra.collect(),
            hours: plan.hours().clone(),
        }
    }

    /// Weighted seconds of a range. Whole hours outside the weights are measured as
    /// they pass, the rest on the wall.
    pub(crate) fn seconds(&self, plan: &Plan, range: Range) -> i64 {
        let (from, to) = (plan.zone().local(range.from), plan.zone().local(range.to));
        let plain = match self.hours.is_always() {
            true => (range.to.as_seconds() - range.from.as_seconds()).max(0),
            false => self.hours.seconds_between(from, to),
        };
        let extra = self.extra.iter();
        let extra: i64 = extra
            .map(|(hours, percent)| hours.seconds_between(from, to) * percent / 100)
            .sum();
        (plain + extra).max(0)
    }
}

/// The decisions of one version, made when they are first asked for: what is decided
/// depends only on the calendar, never on who asked or when.
#[derive(Debug)]
pub(crate) struct FairTable {
    /// The number of the version's first shift.
    first: i64,
    chunks: Vec<OnceLock<Chunk>>,
}

#[derive(Debug)]
struct Chunk {
    /// For each shift the places of all users, who carried least first.
    orders: Vec<Box<[u16]>>,
    /// What was carried by its end.
    tally: Tally,
}

#[derive(Clone, Debug)]
struct Tally {
    /// When it began, by whom, weighted seconds; the oldest first.
    carried: VecDeque<(i64, u16, i64)>,
    totals: Vec<i64>,
    last_end: Vec<i64>,
}

impl FairTable {
    /// One for each version of a rotation; empty for those that go by turns.
    pub(crate) fn of(rotation: &Rotation) -> Vec<Self> {
        let tables = rotation.versions().iter().map(|version| {
            let fair = matches!(version.plan.order(), Order::Fair(_));
            let chunks = if fair {
                FAIR_SHIFTS_MAX.div_ceil(CHUNK)
            } else {
                0
            };
            Self {
                first: version.plan.shift_at(version.from),
                chunks: (0..chunks).map(|_| OnceLock::new()).collect(),
            }
        });
        tables.collect()
    }

    /// The places of the users in the order they are asked for shift `k`; `None`
    /// where it goes by turns.
    pub(crate) fn order(
        &self,
        calendar: &Calendar,
        role: usize,
        (layer, version, k): (usize, usize, i64),
    ) -> Option<&[u16]> {
        if self.chunks.is_empty() {
            return None;
        }
        let place = usize::try_from(k.checked_sub(self.first)?).ok()?;
        let wanted = place / CHUNK;
        let chunk = self.chunks.get(wanted)?;
        if chunk.get().is_none() {
            // Each needs the tally of the one before.
            let from = (0..wanted)
                .rev()
                .find(|earlier| self.chunks[*earlier].get().is_some())
                .map_or(0, |earlier| earlier + 1);
            for missing in from..=wanted {
                let before = missing.checked_sub(1).and_then(|n| self.chunks[n].get());
                let first = self.first + (missing * CHUNK) as i64;
                self.chunks[missing]
                    .get_or_init(|| decide(calendar, role, (layer, version, first), before));
            }
        }
        chunk.get().map(|chunk| &*chunk.orders[place % CHUNK])
    }
}

fn decide(
    calendar: &Calendar,
    role: usize,
    (layer, version, first): (usize, usize, i64),
    before: Option<&Chunk>,
) -> Chunk {
    let rotation = &calendar.roles()[role].layers[layer];
    let plan = &rotation.versions()[version].plan;
    let begins = rotation.versions()[version].from;
    let ends = rotation.version_end(version);
    let ends = ends.unwrap_or(Timestamp::from_nanos(i64::MAX));
    let trailing = match plan.order() {
        Order::Fair(fair) => i64::from(fair.trailing_days.clamp(1, 366)) * DAY_SECONDS,
        Order::Turn => 0,
    };
    let scale = Scale::of(plan);
    let count = plan.users().len();
    let mut tally = before.map_or_else(|| Tally::new(count), |chunk| chunk.tally.clone());
    let mut orders = Vec::with_capacity(CHUNK);
    for k in first..first.saturating_add(CHUNK as i64) {
        let whole = Range::new(
            plan.boundary(k).max(begins),
            plan.boundary(k.saturating_add(1)).min(ends),
        );
        tally.forget(whole.from.as_seconds().saturating_sub(trailing));
        let mut order: Vec<u16> = (0..count as u16).collect();
        order.sort_by_cached_key(|place| {
            let user = usize::from(*place);
            let away = calendar.is_away_in(&plan.users()[user], whole);
            (away, tally.totals[user], tally.last_end[user], *place)
        });
        if !whole.is_empty() {
            carry(calendar, role, (plan, &scale), whole, &order, &mut tally);
        }
        orders.push(order.into_boxed_slice());
    }
    Chunk { orders, tally }
}

/// Books a shift on who really has it.
fn carry(
    calendar: &Calendar,
    role: usize,
    (plan, scale): (&Plan, &Scale),
    whole: Range,
    order: &[u16],
    tally: &mut Tally,
) {
    let mut from = whole.from;
    let cuts = calendar.edit_cuts(role, whole).iter().copied();
    for to in cuts.chain([whole.to]) {
        let users = plan.users();
        let mut order = order.iter().map(|place| &users[usize::from(*place)]);
        let holder = order.find(|user| !calendar.is_away(user, from));
        let holder = holder.map(|user| (user, super::calendar::Cause::Standing));
        let piece = Range::new(from, to);
        for (user, _) in calendar.moved(role, from, holder.into_iter().collect()) {
            if let Some(place) = users.iter().position(|other| other == user) {
                tally.add(piece, place, scale.seconds(plan, piece));
            }
        }
        from = to;
    }
}

impl Tally {
    fn new(users: usize) -> Self {
        Self {
            carried: VecDeque::new(),
            totals: vec![0; users],
            last_end: vec![i64::MIN; users],
        }
    }

    fn forget(&mut self, before: i64) {
        while let Some((from, user, seconds)) = self.carried.front().copied() {
            if from >= before {
                break;
            }
            self.totals[usize::from(user)] -= seconds;
            self.carried.pop_front();
        }
    }

    fn add(&mut self, piece: Range, user: usize, seconds: i64) {
        self.carried
            .push_back((piece.from.as_seconds(), user as u16, seconds));
        self.totals[user] += seconds;
        self.last_end[user] = piece.to.as_seconds();
    }
}

impl Scale {
    pub(crate) fn span(&self, plan: &Plan, range: Range) -> Span {
        Span::from_seconds(self.seconds(plan, range).unsigned_abs())
    }
}
