use dropstar::{Failure, Request, Response};
use rem_alert::shift::{Calendar, Change, Range, RoleId, Shift, UserId};
use rem_monitor::Running;
use rem_time::{Date, TimeOfDay, Timestamp};
use serde::Serialize;

use super::on_call::{Changes, Form};
use crate::asked::{known_role, known_user};
use crate::format::percent_encoded;
use crate::frame::{Frame, Wall, month_name};
use crate::trouble::Trouble;
use crate::view::ShiftJson;

#[cfg(test)]
mod tests;

/// Stretches of one day that are shown; an hourly rotation has 24.
const DAY_SHOWN_MAX: usize = 24;

/// `/system_monitor/calendar?role=…&month=2026-11`, or `user=…`
#[derive(Debug, Serialize)]
struct Page {
    frame: Frame,
    title: String,
    /// What the month is of.
    role: Option<String>,
    user: Option<String>,
    month: String,
    month_said: String,
    previous: String,
    next: String,
    this: String,
    feed: String,
    weeks: Vec<Vec<Day>>,
    gaps: usize,
    changes: Changes,
    form: Form,
}

/// One day, with who is on call.
#[derive(Debug, Serialize)]
struct Day {
    date: String,
    day: u8,
    weekday: String,
    /// Whether it belongs to the month, not only to one of its weeks.
    is_inside: bool,
    is_today: bool,
    stretches: Vec<Stretch>,
    more: usize,
    /// Who is on vacation.
    away: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Stretch {
    /// Whose, or in which role, as the month is of a role or a user; nobody in a gap.
    who: Option<String>,
    /// `09:00–18:00`; empty for the whole day.
    time: String,
    why: String,
    is_edited: bool,
    /// Which of the six colours; the name is there too.
    colour: usize,
}

pub(crate) async fn show(running: Running, request: Request) -> Result<Response, Failure> {
    let overview = running.desk.overview();
    let (frame, wall) = Frame::new("calendar", &running, &request, &overview);
    let calendar = running.desk.calendar();
    let whose = whose(&calendar, &request, &frame).map_err(Trouble::page)?;
    let first = month(&request, &wall)?;
    let (role, user) = match &whose {
        Some(Whose::Role(role)) => (Some(role.to_string()), None),
        Some(Whose::User(user)) => (None, Some(user.to_string())),
        None => (None, None),
    };
    let days = days(&calendar, whose.as_ref(), first, &wall);
    let gaps = days
        .iter()
        .flatten()
        .filter(|day| day.is_inside && day.stretches.iter().any(|one| one.who.is_none()))
        .count();
    let of = match (&role, &user) {
        (Some(role), _) => format!("role={}", percent_encoded(role)),
        (None, Some(user)) => format!("user={}", percent_encoded(user)),
        (None, None) => String::new(),
    };
    let link = |month: Date| {
        let (year, month) = (month.year(), month.month());
        format!("/system_monitor/calendar?{of}&month={year:04}-{month:02}")
    };
    let name = role.clone().or_else(|| user.clone());
    let page = Page {
        title: match &name {
            Some(name) => format!("Calendar of {name}"),
            None => "Calendar".into(),
        },
        month: format!("{:04}-{:02}", first.year(), first.month()),
        month_said: format!("{} {}", month_name(first.month()), first.year()),
        previous: link(first.add_months(-1)),
        next: link(first.add_months(1)),
        this: link(first_of(wall.zone.local(wall.now).date())),
        feed: format!("/oncall.ics?{of}"),
        weeks: days,
        gaps,
        changes: Changes::new(&running, &calendar, &wall, |names| {
            name.as_ref().is_none_or(|name| names.contains(name))
        }),
        form: Form::new(&calendar, &wall),
        frame,
        role,
        user,
    };
    Ok(Response::view("monitor/calendar.html", page))
}

enum Whose {
    Role(RoleId),
    User(UserId),
}

/// The role or user of the address; else the first role there is.
fn whose(calendar: &Calendar, request: &Request, frame: &Frame) -> Result<Option<Whose>, Trouble> {
    let arg = |name: &str| request.arg(name).filter(|value| !value.is_empty());
    // The form has one list for both.
    let (role, user) = match arg("of") {
        Some(of) => (of.strip_prefix("role:"), of.strip_prefix("user:")),
        None => (arg("role"), arg("user")),
    };
    if let Some(role) = role {
        return known_role(calendar, role).map(|role| Some(Whose::Role(role)));
    }
    if let Some(user) = user {
        known_user(calendar, user)?;
        return Ok(Some(Whose::User(user.into())));
    }
    let me = frame.me.as_deref();
    let mine = me.and_then(|me| {
        let mut roles = calendar.roles().iter();
        roles.find(|role| role.members().iter().any(|member| member.as_str() == me))
    });
    let role = mine.or_else(|| calendar.roles().first());
    Ok(role.map(|role| Whose::Role(role.id.clone())))
}

/// The first day of the month that is asked for.
fn month(request: &Request, wall: &Wall) -> Result<Date, Failure> {
    match request.arg("month").filter(|month| !month.is_empty()) {
        None => Ok(first_of(wall.zone.local(wall.now).date())),
        Some(text) => format!("{text}-01").parse().map_err(|_| {
            Failure::bad_request(format!("month has to look like 2026-11, not {text}"))
        }),
    }
}

fn first_of(day: Date) -> Date {
    day.add_days(1 - i64::from(day.day()))
}

/// The weeks of a month, Monday to Sunday.
fn days(calendar: &Calendar, whose: Option<&Whose>, first: Date, wall: &Wall) -> Vec<Vec<Day>> {
    let begin = first.add_days(-i64::from(first.weekday().index()));
    let last = first.add_months(1).add_days(-1);
    let weeks = (i64::from(last.days() - begin.days()) / 7 + 1).clamp(1, 6);
    let start = |day: Date| wall.zone.resolve(day.at(TimeOfDay::MIDNIGHT));
    let range = Range::new(start(begin), start(begin.add_days(weeks * 7)));
    let shifts = match whose {
        Some(Whose::Role(role)) => calendar.shifts(role, range),
        Some(Whose::User(user)) => calendar.shifts_of(user, range),
        None => Vec::new(),
    };
    let gaps = match whose {
        Some(Whose::Role(role)) => calendar.gaps(role, range),
        Some(Whose::User(_)) | None => Vec::new(),
    };
    let is_of_role = matches!(whose, Some(Whose::Role(_)));
    let today = wall.zone.local(wall.now).date();
    let day = |date: Date| {
        let of_day = Range::new(start(date), start(date.add_days(1)));
        let mut found: Vec<(Timestamp, Stretch)> = shifts
            .iter()
            .filter_map(|shift| stretch(calendar, shift, of_day, is_of_role, wall))
            .collect();
        found.extend(gaps.iter().filter_map(|gap| {
            let shared = gap.shared(&of_day)?;
            let stretch = Stretch {
                who: None,
                time: time(shared, of_day, wall),
                why: String::new(),
                is_edited: false,
                colour: 0,
            };
            Some((shared.from, stretch))
        }));
        found.sort_by_key(|(from, _)| *from);
        let more = found.len().saturating_sub(DAY_SHOWN_MAX);
        found.truncate(DAY_SHOWN_MAX);
        Day {
            date: date.to_string(),
            day: date.day(),
            weekday: crate::frame::capital(&date.weekday().name()[..3]),
            is_inside: date.month() == first.month(),
            is_today: date == today,
            stretches: found.into_iter().map(|(_, stretch)| stretch).collect(),
            more,
            away: away(calendar, whose, of_day),
        }
    };
    (0..weeks)
        .map(|week| {
            (0..7)
                .map(|at| day(begin.add_days(week * 7 + at)))
                .collect()
        })
        .collect()
}

fn stretch(
    calendar: &Calendar,
    shift: &Shift,
    day: Range,
    is_of_role: bool,
    wall: &Wall,
) -> Option<(Timestamp, Stretch)> {
    let shared = Range::new(shift.from, shift.to).shared(&day)?;
    let told = ShiftJson::from(shift);
    let place = match is_of_role {
        true => calendar.users().keys().position(|user| *user == shift.user),
        false => calendar
            .roles()
            .iter()
            .position(|role| role.id == shift.role),
    };
    let stretch = Stretch {
        who: Some(if is_of_role { told.user } else { told.role }),
        time: time(shared, day, wall),
        is_edited: told.edit.is_some(),
        why: told.why,
        colour: place.unwrap_or(0) % 6 + 1,
    };
    Some((shared.from, stretch))
}

/// When in a day, empty for all of it.
fn time(range: Range, day: Range, wall: &Wall) -> String {
    if range == day {
        return String::new();
    }
    let clock = |at: Timestamp| {
        let time = wall.zone.local(at).time();
        format!("{:02}:{:02}", time.hour(), time.minute())
    };
    let until = match range.to == day.to {
        true => "24:00".to_owned(),
        false => clock(range.to),
    };
    format!("{}–{until}", clock(range.from))
}

/// Whose vacation a day is, of those whom the month is about.
fn away(calendar: &Calendar, whose: Option<&Whose>, day: Range) -> Vec<String> {
    let concerned = |user: &UserId| match whose {
        Some(Whose::Role(role)) => calendar
            .role(role)
            .is_some_and(|role| role.members().contains(user)),
        Some(Whose::User(other)) => user == other,
        None => false,
    };
    let live = calendar
        .edits()
        .iter()
        .filter(|edit| edit.withdrawn.is_none());
    let mut away: Vec<String> = live
        .filter_map(|edit| match &edit.change {
            Change::Vacation { user, range } if range.shared(&day).is_some() && concerned(user) => {
                Some(user.to_string())
            }
            _ => None,
        })
        .collect();
    away.sort();
    away.dedup();
    away
}
