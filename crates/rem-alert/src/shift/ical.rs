use std::fmt::Write;

use rem_time::{Timestamp, Zone};

use super::{Calendar, Range, RoleId, Shift, UserId, Why};

#[cfg(test)]
mod tests;

/// The longest line in octets, without its end (RFC 5545, 3.1).
const LINE_MAX: usize = 75;

/// Whose shifts a calendar file lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Feed {
    /// One person's, in all roles.
    User(UserId),
    /// A role's, of all people.
    Role(RoleId),
}

/// The calendar as iCalendar text (RFC 5545), times in UTC, for any calendar program to
/// subscribe to.
///
/// It lists whole shifts that overlap the range. The UID of an entry is made of role,
/// rotation, version and number of the shift (and where in the shift it begins, if not
/// at its beginning), so that a program recognises it whoever has it. `now` becomes
/// the entries' DTSTAMP: pass the time of the last change of the calendar for a text
/// that stays the same until the next.
pub fn ical(calendar: &Calendar, feed: &Feed, range: Range, now: Timestamp) -> String {
    let shifts = match feed {
        Feed::Role(role) => calendar.whole_shifts(role, range),
        Feed::User(user) => {
            let roles = calendar.roles().iter();
            let shifts = roles.flat_map(|role| calendar.whole_shifts(&role.id, range));
            let mut shifts: Vec<Shift> = shifts.filter(|shift| shift.user == *user).collect();
            shifts.sort_by(|a, b| (a.from, &a.role).cmp(&(b.from, &b.role)));
            shifts
        }
    };
    let name = match feed {
        Feed::User(user) => format!("On call: {user}"),
        Feed::Role(role) => format!("On call: {role}"),
    };
    let mut text = String::new();
    line(&mut text, "BEGIN:VCALENDAR");
    line(&mut text, "VERSION:2.0");
    line(&mut text, "PRODID:-//REM//on-call//EN");
    line(&mut text, "CALSCALE:GREGORIAN");
    line(&mut text, "METHOD:PUBLISH");
    line(&mut text, &format!("X-WR-CALNAME:{}", escaped(&name)));
    line(&mut text, "REFRESH-INTERVAL;VALUE=DURATION:PT1H");
    for shift in &shifts {
        let summary = match feed {
            Feed::User(_) => format!("On call: {}", shift.role),
            Feed::Role(_) => format!("{}: {}", shift.role, shift.user),
        };
        line(&mut text, "BEGIN:VEVENT");
        line(&mut text, &format!("UID:{}", uid(calendar, shift)));
        line(&mut text, &format!("DTSTAMP:{}", stamp(now)));
        line(&mut text, &format!("DTSTART:{}", stamp(shift.from)));
        line(&mut text, &format!("DTEND:{}", stamp(shift.to)));
        line(&mut text, &format!("SUMMARY:{}", escaped(&summary)));
        line(
            &mut text,
            &format!("DESCRIPTION:{}", escaped(&reason(shift))),
        );
        line(&mut text, "TRANSP:TRANSPARENT");
        line(&mut text, "END:VEVENT");
    }
    line(&mut text, "END:VCALENDAR");
    text
}

/// The same for the same piece of the calendar, and for no other.
fn uid(calendar: &Calendar, shift: &Shift) -> String {
    let role = plain(shift.role.as_str());
    let user = plain(shift.user.as_str());
    let start = stamp(shift.from);
    let of = match &shift.why {
        Why::Turn {
            rotation,
            version,
            k,
            ..
        } => {
            let layers = calendar
                .role(&shift.role)
                .map_or(&[][..], |role| &role.layers);
            let layer = layers.iter().find(|layer| layer.name() == &**rotation);
            let plan = layer.and_then(|layer| layer.versions().get(*version));
            let begins = plan.map(|version| version.plan.boundary(*k).max(version.from));
            let rotation = plain(rotation);
            match begins == Some(shift.from) {
                true => format!("{rotation}.{version}.{k}"),
                false => format!("{rotation}.{version}.{k}.{start}"),
            }
        }
        Why::Standing => format!("standing.{user}.{start}"),
        Why::Replaced { edit, .. }
        | Why::Added { edit }
        | Why::Taken { edit }
        | Why::Swapped { edit, .. } => format!("edit.{edit}.{user}.{start}"),
    };
    format!("{role}/{of}@rem")
}

fn reason(shift: &Shift) -> String {
    match &shift.why {
        Why::Turn {
            rotation,
            stands_in_for,
            ..
        } => match stands_in_for {
            Some(away) => format!("{} stands in for {away} in {rotation}", shift.user),
            None => format!("{}'s turn in {rotation}", shift.user),
        },
        Why::Standing => "on call whenever nobody else is".into(),
        Why::Replaced { edit, instead_of } => match instead_of {
            Some(other) => format!("instead of {other}, by change {edit}"),
            None => format!("by change {edit}"),
        },
        Why::Added { edit } => format!("as well, by change {edit}"),
        Why::Taken { edit } => format!("taken over, by change {edit}"),
        Why::Swapped { edit, swap } => format!("by swap {swap}, change {edit}"),
    }
}

/// One content line: folded so that no line is longer than 75 octets and no character
/// is torn, and ended by CRLF.
fn line(text: &mut String, content: &str) {
    let mut length = 0;
    for c in content.chars() {
        if length + c.len_utf8() > LINE_MAX {
            text.push_str("\r\n ");
            length = 1;
        }
        text.push(c);
        length += c.len_utf8();
    }
    text.push_str("\r\n");
}

/// A TEXT value (RFC 5545, 3.3.11). Control characters other than the line's end are
/// left out: they are not allowed.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | ';' | ',' => {
                escaped.push('\\');
                escaped.push(c);
            }
            '\n' => escaped.push_str("\\n"),
            c if c.is_control() => {}
            c => escaped.push(c),
        }
    }
    escaped
}

/// A name in a UID: letters, digits and `-` stay, all else is spelled out, so that two
/// names never become one.
fn plain(name: &str) -> String {
    let mut plain = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' => plain.push(char::from(byte)),
            _ => {
                let _ = write!(plain, "%{byte:02X}");
            }
        }
    }
    plain
}

/// A time in UTC: `20201101T063000Z`.
fn stamp(at: Timestamp) -> String {
    let local = Zone::utc().local(at);
    let (date, time) = (local.date(), local.time());
    format!(
        "{:04}{:02}{:02}T{:02}{:02}{:02}Z",
        date.year(),
        date.month(),
        date.day(),
        time.hour(),
        time.minute(),
        time.second()
    )
}
