use rem_time::{LocalTime, Span, Timestamp, Zone};

use super::{Fair, Hours, UserId};

#[cfg(test)]
mod tests;

/// Who takes turns, how often, and at what time on which wall they hand over.
///
/// Shift `k` begins at [`boundary(k)`](Plan::boundary) and ends where shift `k + 1`
/// begins; the position is a function of time and stored nowhere.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    users: Vec<UserId>,
    every: Every,
    anchor: LocalTime,
    zone: Zone,
    align: Align,
    hours: Hours,
    order: Order,
    period: Period,
}

/// How long a shift is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Every {
    /// So many hours, from 1.
    Hours(u32),
    /// So many days of the wall clock, from 1.
    Days(u32),
    /// So many weeks of the wall clock, from 1.
    Weeks(u32),
    /// So many calendar months, from 1; a day that a month lacks is its last.
    Months(u32),
    /// These lengths in turn, for ever: four days, then three. Whole seconds, at
    /// least a minute each.
    Lengths(Vec<Span>),
}

/// What the lengths are measured on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Align {
    /// The wall clock: 24 hours from 08:00 end at 08:00, even when the clock moves.
    #[default]
    Wall,
    /// Time that passes: 24 hours are 24 hours, and the hand-over wanders over the
    /// wall when its clock moves. Not with months.
    Elapsed,
}

/// Whose turn it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Order {
    /// One after the other, as listed.
    #[default]
    Turn,
    /// Who carried least lately, see [`Fair`].
    Fair(Fair),
}

/// Why a plan cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A length of nothing, or of more than a hundred years.
    #[error("a shift must last between a minute and a hundred years")]
    Length,
    /// A custom length that is shorter than a minute or has fractions of a second.
    #[error("a custom shift must last whole seconds and at least a minute: {length}")]
    Custom {
        /// The length.
        length: Span,
    },
    /// Too many custom lengths.
    #[error("a rotation has at most {} custom lengths: {count}", Plan::LENGTHS_MAX)]
    Lengths {
        /// How many there are.
        count: usize,
    },
    /// Too many users.
    #[error("a rotation has at most {} users: {count}", Plan::USERS_MAX)]
    Users {
        /// How many there are.
        count: usize,
    },
    /// Months have no fixed length.
    #[error("months cannot be measured as elapsed time: align to the wall clock")]
    ElapsedMonths,
    /// A version starts at or before the one it follows.
    #[error("version {version} of rotation {rotation} must start after {after}: {from}")]
    Versions {
        /// The rotation.
        rotation: String,
        /// Which version, from 1 for the first.
        version: usize,
        /// Where the version before starts.
        after: Timestamp,
        /// Where this one was to start.
        from: Timestamp,
    },
}

/// The compiled lengths.
#[derive(Clone, Debug, PartialEq)]
enum Period {
    Months(i64),
    /// Offsets of the boundaries within a cycle (the first is 0) and its length.
    Seconds {
        offsets: Vec<i64>,
        cycle: i64,
    },
}

impl Plan {
    /// How many users take turns at most.
    pub const USERS_MAX: usize = 1_000;
    /// How many custom lengths a cycle has at most.
    pub const LENGTHS_MAX: usize = 366;

    /// A plan: the first of `users` begins at `anchor` on the wall of `zone`.
    pub fn new(
        users: Vec<UserId>,
        every: Every,
        anchor: LocalTime,
        zone: Zone,
    ) -> Result<Self, PlanError> {
        if users.len() > Self::USERS_MAX {
            let count = users.len();
            return Err(PlanError::Users { count });
        }
        let period = Period::new(&every)?;
        Ok(Self {
            users,
            every,
            anchor,
            zone,
            align: Align::Wall,
            hours: Hours::always(),
            order: Order::Turn,
            period,
        })
    }

    /// Measures lengths on the wall clock or as elapsed time.
    pub fn align(mut self, align: Align) -> Result<Self, PlanError> {
        if align == Align::Elapsed && matches!(self.period, Period::Months(_)) {
            return Err(PlanError::ElapsedMonths);
        }
        self.align = align;
        Ok(self)
    }

    /// Covers only these hours of the week; the rest is for lower layers, or a gap.
    /// Hand-overs stay where they are.
    #[must_use]
    pub fn only(mut self, hours: Hours) -> Self {
        self.hours = hours;
        self
    }

    /// Gives each shift to whoever carried least lately instead of by turns.
    #[must_use]
    pub fn fair(mut self, fair: Fair) -> Self {
        self.order = Order::Fair(fair);
        self
    }

    /// Who takes turns, in order.
    pub fn users(&self) -> &[UserId] {
        &self.users
    }

    /// How long shifts are.
    pub fn every(&self) -> &Every {
        &self.every
    }

    /// Where shift 0 begins.
    pub fn anchor(&self) -> LocalTime {
        self.anchor
    }

    /// On which wall.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// What lengths are measured on.
    pub fn alignment(&self) -> Align {
        self.align
    }

    /// The hours of the week that are covered.
    pub fn hours(&self) -> &Hours {
        &self.hours
    }

    /// Whose turn it is.
    pub fn order(&self) -> &Order {
        &self.order
    }

    /// The instant at which shift `k` begins and shift `k - 1` ends. Shift 0 begins
    /// at the anchor; earlier ones have negative numbers.
    pub fn boundary(&self, k: i64) -> Timestamp {
        match self.align {
            Align::Wall => self.zone.resolve(self.local_boundary(k)),
            Align::Elapsed => {
                let start = self.zone.resolve(self.anchor).as_seconds();
                Timestamp::from_seconds(start.saturating_add(self.period.seconds_to(k)))
            }
        }
    }

    /// The number of the shift that holds an instant. Where several begin at once,
    /// because the wall clock skipped them, the last.
    pub fn shift_at(&self, at: Timestamp) -> i64 {
        match self.align {
            Align::Wall => self.shift_shown(self.zone.latest(at)),
            Align::Elapsed => {
                let start = self.zone.resolve(self.anchor).as_seconds();
                self.period.count(at.as_seconds().saturating_sub(start))
            }
        }
    }

    /// The same by the latest the wall clock has shown.
    fn shift_shown(&self, local: LocalTime) -> i64 {
        let Period::Months(months) = self.period else {
            return self
                .period
                .count(local.seconds().saturating_sub(self.anchor.seconds()));
        };
        let month = |local: LocalTime| {
            let date = local.date();
            i64::from(date.year()) * 12 + i64::from(date.month())
        };
        let guess = (month(local) - month(self.anchor)).div_euclid(months);
        guess - i64::from(local < self.local_boundary(guess))
    }

    fn local_boundary(&self, k: i64) -> LocalTime {
        match self.period {
            Period::Months(months) => self.anchor.add_months(k.saturating_mul(months)),
            Period::Seconds { .. } => self.anchor.add_seconds(self.period.seconds_to(k)),
        }
    }

    /// Whether the plan covers an instant, and by which shift. Cheaper than asking
    /// for both.
    pub(crate) fn covering(&self, at: Timestamp) -> Option<i64> {
        let shown = self.zone.latest(at);
        if !self.hours.is_always() && !self.hours.contains(shown) {
            return None;
        }
        Some(match self.align {
            Align::Wall => self.shift_shown(shown),
            Align::Elapsed => self.shift_at(at),
        })
    }

    /// The next instant after `at` at which a shift or its hours begin or end.
    pub(crate) fn next_edge(&self, at: Timestamp) -> Timestamp {
        let boundary = self.boundary(self.shift_at(at).saturating_add(1));
        match self.hours.next_edge(self.zone.latest(at)) {
            Some(edge) => boundary.min(self.zone.resolve(edge)),
            None => boundary,
        }
    }

    /// By turns: the place in the list of who holds shift `k`, or stands in as the
    /// `nth` after them.
    pub(crate) fn turn(&self, k: i64, nth: usize) -> usize {
        let count = self.users.len().max(1) as i64;
        (k.rem_euclid(count) + nth as i64).rem_euclid(count) as usize
    }
}

impl Period {
    fn new(every: &Every) -> Result<Self, PlanError> {
        const CENTURY: i64 = 36_525 * 86_400;
        let seconds = |count: u32, unit: i64| {
            let cycle = i64::from(count) * unit;
            let offsets = vec![0];
            match (1..=CENTURY).contains(&cycle) {
                true => Ok(Self::Seconds { offsets, cycle }),
                false => Err(PlanError::Length),
            }
        };
        match every {
            Every::Hours(count) => seconds(*count, 3_600),
            Every::Days(count) => seconds(*count, 86_400),
            Every::Weeks(count) => seconds(*count, 7 * 86_400),
            Every::Months(count) => match (1..=1_200).contains(count) {
                true => Ok(Self::Months(i64::from(*count))),
                false => Err(PlanError::Length),
            },
            Every::Lengths(lengths) => {
                if lengths.len() > Plan::LENGTHS_MAX {
                    let count = lengths.len();
                    return Err(PlanError::Lengths { count });
                }
                let (mut offsets, mut cycle) = (Vec::new(), 0i64);
                for length in lengths {
                    let whole = Span::from_seconds(length.as_seconds()) == *length;
                    if !whole || length.as_seconds() < 60 {
                        return Err(PlanError::Custom { length: *length });
                    }
                    offsets.push(cycle);
                    cycle = cycle.saturating_add_unsigned(length.as_seconds());
                }
                match (1..=CENTURY).contains(&cycle) {
                    true => Ok(Self::Seconds { offsets, cycle }),
                    false => Err(PlanError::Length),
                }
            }
        }
    }

    /// Seconds from the anchor to boundary `k`.
    fn seconds_to(&self, k: i64) -> i64 {
        match self {
            Self::Seconds { offsets, cycle } => {
                let count = offsets.len() as i64;
                let within = offsets[k.rem_euclid(count) as usize];
                k.div_euclid(count)
                    .saturating_mul(*cycle)
                    .saturating_add(within)
            }
            Self::Months(_) => 0,
        }
    }

    /// Which shift holds so many seconds after the anchor.
    fn count(&self, seconds: i64) -> i64 {
        match self {
            Self::Seconds { offsets, cycle } => {
                let rest = seconds.rem_euclid(*cycle);
                let within = match offsets.len() {
                    1 => 0,
                    _ => offsets.partition_point(|offset| *offset <= rest) - 1,
                };
                seconds.div_euclid(*cycle) * offsets.len() as i64 + within as i64
            }
            Self::Months(_) => 0,
        }
    }
}
