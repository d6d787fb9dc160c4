use std::collections::{BTreeMap, BTreeSet};

use rem_time::{Span, TimeOfDay, Timestamp, Weekday};

use super::{Calendar, Range, RoleId, Spell, User, UserId};

#[cfg(test)]
mod tests;

/// How far ahead the weekly list looks: two years.
const WEEKLY_AHEAD: Span = Span::from_seconds(2 * 366 * 86_400);
/// How many shifts the weekly list has.
const WEEKLY_SHIFTS: usize = 3;
/// How long before a shift a notice can be wished.
const BEFORE_MAX: Span = Span::from_seconds(60 * 86_400);
const DAY: Span = Span::from_seconds(86_400);

/// Which notices somebody wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoticeWishes {
    /// How long before they go on call, each; at most 60 days, longer counts as that.
    pub before: Vec<Span>,
    /// When they go on call.
    pub on: bool,
    /// When they go off.
    pub off: bool,
    /// A list of their next three shifts.
    pub weekly: Option<Weekly>,
}

/// When the weekly list is due, on the wall of the user's zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weekly {
    /// The day.
    pub day: Weekday,
    /// The time.
    pub time: TimeOfDay,
}

/// A notice and when it is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// When.
    pub at: Timestamp,
    /// To whom.
    pub user: UserId,
    /// What about.
    pub notice: Notice,
}

/// What somebody is told about their shifts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// They will be on call.
    Before {
        /// In this role, from then.
        role: RoleId,
        /// When it begins.
        from: Timestamp,
        /// How long before that the notice is due.
        ahead: Span,
    },
    /// They are on call from now: the hand-over.
    On {
        /// In this role.
        role: RoleId,
        /// Who was before them; nobody after a gap.
        before: Vec<UserId>,
    },
    /// They are on call no more.
    Off {
        /// In this role.
        role: RoleId,
        /// Who is now; nobody in a gap.
        next: Vec<UserId>,
    },
    /// The next shifts of the week's list, at most three, cut off after two years. May
    /// be empty.
    Weekly {
        /// The shifts, the soonest first; one that is under way is among them.
        spells: Vec<Spell>,
    },
}

/// What a change of the calendar means for one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alteration {
    /// Whose shifts.
    pub user: UserId,
    /// In each role that is altered for them.
    pub roles: Vec<Altered>,
}

/// What a change means in one role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Altered {
    /// The role.
    pub role: RoleId,
    /// When they are on call and were not to be.
    pub gained: Vec<Range>,
    /// When they are not on call and were to be.
    pub lost: Vec<Range>,
}

impl Default for NoticeWishes {
    /// A day and an hour before, at the beginning, at the end, and on Monday at 08:00.
    fn default() -> Self {
        Self {
            before: vec![DAY, Span::from_seconds(3_600)],
            on: true,
            off: true,
            weekly: TimeOfDay::new(8, 0, 0).map(|time| Weekly {
                day: Weekday::Monday,
                time,
            }),
        }
    }
}

/// The notices due after one instant up to and including another, the earliest first.
///
/// Asked late, after a day without power say, it leaves out what no longer helps: a
/// notice ahead of a shift that has begun or that a nearer notice repeats, the
/// beginning of a shift that is over, and all weekly lists but the last.
pub fn notices(calendar: &Calendar, after: Timestamp, until: Timestamp) -> Vec<Due> {
    if until <= after {
        return Vec::new();
    }
    let wished = calendar
        .users()
        .values()
        .flat_map(|user| &user.notices.before);
    let ahead = wished.copied().fold(Span::ZERO, Span::max).min(BEFORE_MAX);
    let nanosecond = Span::from_nanos(1);
    let spells = calendar.spells(Range::new(after, until + ahead + nanosecond));
    let mut due = Vec::new();
    for spell in &spells {
        if let Some(user) = calendar.users().get(&spell.user) {
            due.extend(spell_notices(calendar, user, spell, (after, until)));
        }
    }
    for user in calendar.users().values() {
        if let Some(at) = last_weekly(user, after, until) {
            let spells = next_spells(calendar, &user.id, at);
            due.push(Due {
                at,
                user: user.id.clone(),
                notice: Notice::Weekly { spells },
            });
        }
    }
    due.sort_by(|a, b| (a.at, &a.user).cmp(&(b.at, &b.user)));
    due
}

/// When the next notice after an instant is due, or an earlier instant at which it is
/// worth asking again: at most eight days later.
pub fn next_notice(calendar: &Calendar, after: Timestamp) -> Timestamp {
    let mut from = after;
    for days in [1, 7] {
        let until = from + Span::from_seconds(days * DAY.as_seconds());
        let due = each_notice(calendar, from, until);
        if let Some(at) = due {
            return at;
        }
        from = until;
    }
    from
}

/// Whose shifts from one instant to another a change of the calendar alters, and how;
/// by name. Those who are no longer in the calendar are listed too.
pub fn alterations(old: &Calendar, new: &Calendar, range: Range) -> Vec<Alteration> {
    let (old, new) = (by_user(old, range), by_user(new, range));
    let keys: BTreeSet<&(UserId, RoleId)> = old.keys().chain(new.keys()).collect();
    let none = Vec::new();
    let mut alterations: Vec<Alteration> = Vec::new();
    for key in keys {
        let (was, is) = (old.get(key).unwrap_or(&none), new.get(key).unwrap_or(&none));
        let altered = Altered {
            role: key.1.clone(),
            gained: Range::without(is, was),
            lost: Range::without(was, is),
        };
        if altered.gained.is_empty() && altered.lost.is_empty() {
            continue;
        }
        match alterations.last_mut() {
            Some(last) if last.user == key.0 => last.roles.push(altered),
            _ => alterations.push(Alteration {
                user: key.0.clone(),
                roles: vec![altered],
            }),
        }
    }
    alterations
}

fn by_user(calendar: &Calendar, range: Range) -> BTreeMap<(UserId, RoleId), Vec<Range>> {
    let mut ranges: BTreeMap<_, Vec<Range>> = BTreeMap::new();
    for spell in calendar.spells(range) {
        let key = (spell.user, spell.role);
        ranges.entry(key).or_default().push(spell.range);
    }
    ranges
}

fn spell_notices(
    calendar: &Calendar,
    user: &User,
    spell: &Spell,
    (after, until): (Timestamp, Timestamp),
) -> Vec<Due> {
    let wishes = &user.notices;
    let Range { from, to } = spell.range;
    let role = || spell.role.clone();
    let mut due = Vec::new();
    let mut push = |at: Timestamp, notice: Notice| {
        if after < at && at <= until {
            let user = user.id.clone();
            due.push(Due { at, user, notice });
        }
    };
    if from > until {
        let nearest = wishes.before.iter().map(|ahead| (*ahead).min(BEFORE_MAX));
        let reached = nearest.filter(|ahead| !ahead.is_zero() && from - *ahead <= until);
        if let Some(ahead) = reached.min() {
            let role = role();
            push(from - ahead, Notice::Before { role, from, ahead });
        }
    }
    if wishes.on && to > until {
        let before = calendar.on_call(&spell.role, from - Span::from_nanos(1));
        let role = role();
        push(from, Notice::On { role, before });
    }
    if wishes.off {
        let next = calendar.on_call(&spell.role, to);
        let role = role();
        push(to, Notice::Off { role, next });
    }
    due
}

/// The last weekly list of a user in (after, until].
fn last_weekly(user: &User, after: Timestamp, until: Timestamp) -> Option<Timestamp> {
    let weekly = user.notices.weekly?;
    let today = user.zone.local(until).date();
    let back = i64::from(today.weekday().index()) - i64::from(weekly.day.index());
    let this = today.add_days(-back.rem_euclid(7));
    [this, this.add_days(-7)]
        .into_iter()
        .map(|day| user.zone.resolve(day.at(weekly.time)))
        .find(|at| *at <= until)
        .filter(|at| *at > after)
}

fn next_spells(calendar: &Calendar, user: &UserId, at: Timestamp) -> Vec<Spell> {
    let mut span = Span::from_seconds(32 * 86_400);
    loop {
        let range = Range::new(at, at + span);
        let spells = calendar.spells(range).into_iter();
        let mut spells: Vec<Spell> = spells.filter(|spell| spell.user == *user).collect();
        // The last may be cut off.
        if spells.len() > WEEKLY_SHIFTS || span >= WEEKLY_AHEAD {
            spells.truncate(WEEKLY_SHIFTS);
            return spells;
        }
        span = Span::from_nanos(span.as_nanos() * 4).min(WEEKLY_AHEAD);
    }
}

/// The earliest notice in (after, until], no matter what a later one repeats.
fn each_notice(calendar: &Calendar, after: Timestamp, until: Timestamp) -> Option<Timestamp> {
    let mut earliest: Option<Timestamp> = None;
    let mut sooner = |at: Timestamp| {
        if after < at && at <= until && earliest.is_none_or(|earliest| at < earliest) {
            earliest = Some(at);
        }
    };
    let nanosecond = Span::from_nanos(1);
    for spell in calendar.spells(Range::new(after, until + BEFORE_MAX + nanosecond)) {
        let Some(user) = calendar.users().get(&spell.user) else {
            continue;
        };
        let Range { from, to } = spell.range;
        for ahead in &user.notices.before {
            sooner(from - (*ahead).min(BEFORE_MAX));
        }
        if user.notices.on {
            sooner(from);
        }
        if user.notices.off {
            sooner(to);
        }
    }
    for user in calendar.users().values() {
        if let Some(weekly) = user.notices.weekly {
            let today = user.zone.local(after).date();
            let ahead = i64::from(weekly.day.index()) - i64::from(today.weekday().index());
            let day = today.add_days(ahead.rem_euclid(7));
            sooner(user.zone.resolve(day.at(weekly.time)));
            sooner(user.zone.resolve(day.add_days(7).at(weekly.time)));
        }
    }
    earliest
}
