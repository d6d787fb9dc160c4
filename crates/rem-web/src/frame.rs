use dropstar::{Cookie, Request, Response, Via};
use rem_alert::episode::Display;
use rem_desk::Overview;
use rem_monitor::Running;
use rem_time::{Timestamp, Zone};
use serde::Serialize;

use crate::asked::Asked;
use crate::format::percent_encoded;

#[cfg(test)]
mod tests;

/// The cookie that remembers who acts where nobody signs in.
const BY_COOKIE: &str = "rem_by";
/// `2026-11-21T14:05:00Z`
const INSTANT_CHARS_MIN: usize = 20;
const BY_LASTS_SECONDS: u64 = 365 * 86_400;

/// What stands around every page.
#[derive(Debug, Serialize)]
pub(crate) struct Frame {
    /// Which entry of the navigation is this page.
    pub(crate) here: &'static str,
    /// Open alerts that nobody has answered and nothing explains.
    pub(crate) problems: usize,
    /// The last reload failed: when, and what is wrong in the file.
    pub(crate) reload_failed: Option<Note>,
    /// The desk cannot write: since when, and why.
    pub(crate) not_durable: Option<Note>,
    /// Who may act: empty where people sign in.
    pub(crate) users: Vec<String>,
    /// Who acts, or acted last from this browser.
    pub(crate) me: Option<String>,
    /// What was just done, by a form.
    pub(crate) done: Option<&'static str>,
    /// The wall that times are shown on.
    pub(crate) zone: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct Note {
    pub(crate) at: When,
    pub(crate) text: String,
}

/// A point in time for a page.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct When {
    /// For programs, RFC 3339.
    pub(crate) iso: String,
    /// On the wall of whoever looks: `Mon 2 Nov, 14:05`.
    pub(crate) local: String,
    /// `5 min ago`, `in 2 h`.
    pub(crate) said: String,
}

/// Shows times to one person.
#[derive(Clone, Debug)]
pub(crate) struct Wall {
    pub(crate) zone: Zone,
    pub(crate) now: Timestamp,
}

impl Wall {
    pub(crate) fn when(&self, at: Timestamp) -> When {
        When {
            iso: at.to_string(),
            local: self.local(at),
            said: said(at, self.now),
        }
    }

    /// `Mon 2 Nov, 14:05`, with the year where it is another one.
    pub(crate) fn local(&self, at: Timestamp) -> String {
        let local = self.zone.local(at);
        let (date, time) = (local.date(), local.time());
        let day = capital(&date.weekday().name()[..3]);
        let month = month_name(date.month());
        let year = match date.year() == self.zone.local(self.now).date().year() {
            true => String::new(),
            false => format!(" {}", date.year()),
        };
        let (hour, minute) = (time.hour(), time.minute());
        format!(
            "{day} {} {}{year}, {hour:02}:{minute:02}",
            date.day(),
            &month[..3]
        )
    }

    /// `Mon 2 Nov, 14:05:30`.
    pub(crate) fn exact(&self, at: Timestamp) -> String {
        let second = self.zone.local(at).time().second();
        format!("{}:{second:02}", self.local(at))
    }

    /// A text for people: instants in it are shown on this wall too.
    pub(crate) fn say(&self, text: &str) -> String {
        let words = text.split(' ').map(|word| {
            let bare = word.trim_end_matches([',', ':', ';', ')']);
            let rest = &word[bare.len()..];
            let front = bare.len() - bare.trim_start_matches('(').len();
            // Shorter ones are numbers that happen to be dates.
            match bare[front..].parse::<Timestamp>() {
                Ok(at) if bare.len() - front >= INSTANT_CHARS_MIN => {
                    format!("{}{}{rest}", &bare[..front], self.local(at))
                }
                _ => word.to_owned(),
            }
        });
        words.collect::<Vec<_>>().join(" ")
    }

    /// As a form's field wants it: `2026-11-21T14:05`.
    pub(crate) fn field(&self, at: Timestamp) -> String {
        let local = self.zone.local(at);
        let time = local.time();
        format!("{}T{:02}:{:02}", local.date(), time.hour(), time.minute())
    }
}

pub(crate) fn capital(word: &str) -> String {
    let mut chars = word.chars();
    let first = chars.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(chars).collect()
}

pub(crate) fn month_name(month: u8) -> &'static str {
    const NAMES: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    NAMES
        .get(usize::from(month.max(1)) - 1)
        .copied()
        .unwrap_or("")
}

fn said(at: Timestamp, now: Timestamp) -> String {
    let (span, is_past) = match at <= now {
        true => (now.since(at), true),
        false => (at.since(now), false),
    };
    let text = match span.as_seconds() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7_200 => format!("{} min", seconds / 60),
        seconds @ 7_200..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} d", seconds / 86_400),
    };
    match is_past {
        true => format!("{text} ago"),
        false => format!("in {text}"),
    }
}

impl Frame {
    pub(crate) fn new(
        here: &'static str,
        running: &Running,
        request: &Request,
        overview: &Overview,
    ) -> (Self, Wall) {
        let calendar = running.desk.calendar();
        let signs_in = request.caller().via() != Via::Nothing;
        let me = match signs_in {
            true => Some(request.caller().name().to_owned()),
            false => remembered(request).filter(|me| calendar.users().contains_key(me.as_str())),
        };
        let user = me.as_ref().and_then(|me| calendar.users().get(me.as_str()));
        // Most sites live on one wall: that of the first user, where nobody is known.
        let user = user.or_else(|| calendar.users().values().next());
        let wanted = Asked::by_request(request).zone("zone").ok().flatten();
        let zone = wanted.unwrap_or_else(|| user.map_or_else(Zone::utc, |user| user.zone.clone()));
        let wall = Wall {
            zone,
            now: running.engine.clock().now(),
        };
        let reload = running.reload.last();
        let failed = reload.and_then(|last| Some((last.at, last.result.err()?)));
        let note = |(at, text)| Note {
            at: wall.when(at),
            text,
        };
        let users = calendar.users().keys().map(ToString::to_string);
        let frame = Self {
            here,
            problems: overview
                .alerts
                .iter()
                .filter(|alert| is_problem(alert.display))
                .count(),
            reload_failed: failed.map(note),
            not_durable: overview.not_durable.clone().map(note),
            users: if signs_in {
                Vec::new()
            } else {
                users.collect()
            },
            me,
            done: request.arg("done").and_then(done),
            zone: wall.zone.name().to_owned(),
        };
        (frame, wall)
    }
}

/// Whether somebody has to do something about it.
pub(crate) fn is_problem(display: Display) -> bool {
    match display {
        Display::Communicating | Display::Settling | Display::RecoveredUnacked => true,
        Display::Idle
        | Display::Held(_)
        | Display::Snoozed
        | Display::Acknowledged
        | Display::Clearing => false,
    }
}

/// What a page says after a form; the address may only choose among these.
fn done(word: &str) -> Option<&'static str> {
    Some(match word {
        "snooze" => "Snoozed.",
        "ack" => "Acknowledged: quiet until it is over.",
        "take" => "It is yours now.",
        "comment" => "The comment is in the timeline.",
        "escalate" => "The next of the ladder is told.",
        "reassign" => "Somebody else has it now.",
        "hold" => "On hold.",
        "hold-end" => "The hold has ended.",
        "override" => "The shift has changed hands.",
        "shift" => "The shift is yours.",
        "vacation" => "Others have the shifts of that time.",
        "withdraw" => "The change is taken back.",
        "offer" => "The offer is made, and the other is told.",
        "accept" => "The shifts have changed hands.",
        "decline" => "The offer is off.",
        "push" => "The result is taken in.",
        "test" => "The test messages are on their way.",
        "reload" => "The file was read again.",
        "check" => "It is being looked at.",
        _ => return None,
    })
}

/// Goes on to the page that a form came from, and remembers who acted.
pub(crate) fn back(request: &Request, fallback: &str, done: &str) -> Response {
    let back = request
        .arg("back")
        .filter(|back| back.starts_with("/system_monitor/"));
    let back = back.unwrap_or(fallback);
    let (bare, anchor) = back.split_once('#').unwrap_or((back, ""));
    let (path, query) = bare.split_once('?').unwrap_or((bare, ""));
    let mut pairs: Vec<&str> = query.split('&').collect();
    pairs.retain(|pair| !pair.is_empty() && !pair.starts_with("done="));
    let done = format!("done={done}");
    pairs.push(&done);
    let anchor = match anchor {
        "" => String::new(),
        anchor => format!("#{anchor}"),
    };
    let response = Response::redirect(&format!("{path}?{}{anchor}", pairs.join("&")));
    match request.arg("by").filter(|by| !by.is_empty()) {
        Some(by) => {
            let cookie = Cookie::new(BY_COOKIE, percent_encoded(by))
                .seconds(BY_LASTS_SECONDS)
                .secure(request.is_tls());
            response.with_cookie(&cookie)
        }
        None => response,
    }
}

fn remembered(request: &Request) -> Option<String> {
    let value = request.cookie(BY_COOKIE)?;
    Some(crate::format::percent_decoded(value))
}
