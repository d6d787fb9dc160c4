use rem_time::{Span, TimeOfDay, Timestamp, Weekday, Zone};

/// A window that comes again, by the clock on the wall of a zone. It begins at
/// the first instant the wall shows `at`, or at the first instant after it when
/// that time is skipped, and lasts `lasts` of real time.
#[derive(Clone, Debug, PartialEq)]
pub struct Repeats {
    /// On which days.
    pub days: Days,
    /// When it begins.
    pub at: TimeOfDay,
    /// How long it lasts; longer than [`LASTS_MAX`] counts as that.
    pub lasts: Span,
    /// Whose wall.
    pub zone: Zone,
    /// No window begins before this.
    pub from: Option<Timestamp>,
    /// No window begins at or after this.
    pub until: Option<Timestamp>,
}

/// The days on which a window begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Days {
    /// Every day.
    Daily,
    /// These days of every week.
    Weekly(Vec<Weekday>),
    /// This day of every month; in a month without it, its last. Counts from 1.
    Monthly(u8),
}

/// The longest window that repeats.
pub const LASTS_MAX: Span = Span::from_seconds(31 * 86_400);

/// Days between now and the next begin: two months cover every pattern.
const LOOK_AHEAD_DAYS: i64 = 64;

impl Repeats {
    /// Until when it holds if it holds at `now`, and when that next changes.
    pub fn at(&self, now: Timestamp) -> (Option<Timestamp>, Option<Timestamp>) {
        let lasts = self.lasts.min(LASTS_MAX);
        if lasts.is_zero() {
            return (None, None);
        }
        // A day more on both sides: the zone's day is not ours.
        let back = (lasts.as_seconds() / 86_400) as i64 + 2;
        let today = self.zone.local(now).date();
        let (mut until, mut next) = (None::<Timestamp>, None::<Timestamp>);
        for day in -back..=LOOK_AHEAD_DAYS {
            let date = today.add_days(day);
            if !self.days.include(date) {
                continue;
            }
            let begin = self.zone.resolve(date.at(self.at));
            if self.from.is_some_and(|from| begin < from)
                || self.until.is_some_and(|until| until <= begin)
            {
                continue;
            }
            if now < begin {
                next = Some(begin);
                break;
            }
            if now < begin + lasts {
                until = Some(until.map_or(begin + lasts, |other| other.max(begin + lasts)));
            }
        }
        if next.is_none() && until.is_none() {
            next = self.first_after_pause(now);
        }
        let change = match (until, next) {
            (Some(until), Some(next)) => Some(until.min(next)),
            (until, next) => until.or(next),
        };
        (until, change)
    }

    /// The plan lies in the future: look from its first instant.
    fn first_after_pause(&self, now: Timestamp) -> Option<Timestamp> {
        let from = self.from.filter(|from| now < *from)?;
        let first = self.zone.local(from).date();
        (-1..=LOOK_AHEAD_DAYS)
            .map(|day| first.add_days(day))
            .filter(|date| self.days.include(*date))
            .map(|date| self.zone.resolve(date.at(self.at)))
            .find(|begin| from <= *begin)
            .filter(|begin| self.until.is_none_or(|until| *begin < until))
    }
}

impl Days {
    fn include(&self, date: rem_time::Date) -> bool {
        match self {
            Self::Daily => true,
            Self::Weekly(days) => days.contains(&date.weekday()),
            Self::Monthly(day) => {
                date.day() == *day || (date.day() < *day && date.add_days(1).day() == 1)
            }
        }
    }
}
