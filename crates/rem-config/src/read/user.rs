use rem_alert::shift::{self, NoticeWishes, Range, Weekly};
use rem_time::{Span, Timestamp, Weekday, Zone};
use rem_yaml::{At, Located, MapReader, Problems};

use crate::listener::{Role as Right, Token, TokenSource, User};
use crate::name::UserName;
use crate::people::{Person, RIGHT_DEFAULT};

use super::contact::{self, Whose};
use super::when::{self, AtTime};
use super::{account, written};

/// How long before a shift a notice may be.
const NOTICE_MAX: Span = Span::from_seconds(60 * 86_400);

pub(super) fn read(
    name: &Located<UserName>,
    at: &At<'_>,
    problems: &mut Problems,
) -> Option<Person> {
    let mut map = at.map(problems)?;
    let full_name: Option<String> = map.optional("name", problems);
    let phone: Option<String> = map.optional("phone", problems);
    let zone = when::zone(map.get("zone"), problems);
    let notices = notices(map.get("notice"), problems);
    let whose = Whose {
        user: Some(name.value.as_str()),
        full_name: full_name.as_deref(),
        phone: phone.as_deref(),
    };
    let contacts = contact::list(map.get("contacts"), whose, problems);
    let known_zone = zone.clone().unwrap_or_else(Zone::utc);
    let vacations = vacations(map.get("vacation"), &known_zone, problems);
    let right = match map.get("role") {
        Some(at) => account::right(&at, problems).unwrap_or(RIGHT_DEFAULT),
        None => RIGHT_DEFAULT,
    };
    let (sign_in, token) = sign_in(name, right, &mut map, problems);
    map.finish(problems);
    let mut user = shift::User::new(name.value.as_str());
    user.zone = zone?;
    user.notices = notices?;
    Some(Person {
        name: name.value.clone(),
        full_name,
        phone,
        right,
        user,
        contacts,
        vacations,
        sign_in,
        token,
        place: name.place.clone(),
        written: written(at),
    })
}

/// A list of times before a shift, or a map that says more.
fn notices(at: Option<At<'_>>, problems: &mut Problems) -> Option<NoticeWishes> {
    let mut wishes = NoticeWishes::default();
    let Some(at) = at else { return Some(wishes) };
    if at.node().as_map().is_none() {
        wishes.before = before(&at, problems)?;
        return Some(wishes);
    }
    let mut map = at.map(problems)?;
    if let Some(at) = map.get("before") {
        wishes.before = before(&at, problems).unwrap_or_default();
    }
    wishes.on = map.with_default("on", wishes.on, problems);
    wishes.off = map.with_default("off", wishes.off, problems);
    if let Some(at) = map.get("weekly") {
        wishes.weekly = weekly(&at, problems);
    }
    map.finish(problems);
    Some(wishes)
}

fn before(at: &At<'_>, problems: &mut Problems) -> Option<Vec<Span>> {
    let spans: Vec<Located<Span>> = at.read(problems)?;
    for span in &spans {
        if span.value > NOTICE_MAX {
            let message = format!("{} before a shift is above {NOTICE_MAX}", span.value);
            problems.add(
                span.problem(message)
                    .help(format!("write {NOTICE_MAX} or less")),
            );
        }
    }
    Some(spans.into_iter().map(|span| span.value).collect())
}

/// `mon 08:00`, or `none`.
fn weekly(at: &At<'_>, problems: &mut Problems) -> Option<Weekly> {
    let text = at.node().as_str();
    if text == Some("none") {
        return None;
    }
    let parsed = text.and_then(AtTime::parse);
    let one: Option<(Weekday, _)> = parsed.and_then(|at| match at.days[..] {
        [day] => Some((day, at.time)),
        _ => None,
    });
    if one.is_none() {
        problems.add(at.expected("a time of the week such as mon 08:00, or none"));
    }
    one.map(|(day, time)| Weekly { day, time })
}

fn vacations(at: Option<At<'_>>, zone: &Zone, problems: &mut Problems) -> Vec<Range> {
    let mut all: Vec<(Range, Located<()>)> = Vec::new();
    for item in super::items(at, problems) {
        let Some(range) = vacation(&item, zone, problems) else {
            continue;
        };
        let overlapping = all.iter().find(|(other, _)| other.shared(&range).is_some());
        if let Some((_, other)) = overlapping {
            let message = format!("overlaps the vacation at {}", other.place);
            problems.add(item.problem(message).help("make one of the two"));
            continue;
        }
        all.push((range, item.located(())));
    }
    all.into_iter().map(|(range, _)| range).collect()
}

fn vacation(at: &At<'_>, zone: &Zone, problems: &mut Problems) -> Option<Range> {
    let mut map = at.map(problems)?;
    let (from, until) = (map.get("from"), map.get("until"));
    for key in ["from", "until"] {
        if !map.has(key) {
            let help = format!("add `{key}: 2026-12-24`");
            problems.add(map.missing(key).help(help));
        }
    }
    map.finish(problems);
    let (from, until): (Timestamp, Timestamp) = when::stretch(from, until, zone, problems)?;
    Some(Range::new(from, until))
}

/// With what somebody signs in, and with what their programs call.
fn sign_in(
    name: &Located<UserName>,
    right: Right,
    map: &mut MapReader<'_>,
    problems: &mut Problems,
) -> (Option<User>, Option<Token>) {
    let hash = map
        .get("password_hash")
        .and_then(|at| account::password_hash(&at, problems));
    let secret = map.optional("token", problems).map(TokenSource::Secret);
    let sum = map
        .get("token_hash")
        .and_then(|at| account::token_hash(&at, problems))
        .map(TokenSource::Sha256);
    if map.has("token")
        && let (Some(_), Some(at)) = (&sum, map.get("token_hash"))
    {
        let problem = at.problem("both token and token_hash");
        problems.add(problem.help("keep one of the two"));
    }
    if let Some(at) = map.get("password") {
        // Without what was found: it is the password.
        let problem = at.problem("a password does not belong here, only its hash");
        problems.add(problem.help(account::HASH_HELP));
    }
    let can_sign_in = hash.is_some() || secret.is_some() || sum.is_some();
    if can_sign_in && name.value.as_str().contains(':') {
        let message = "who signs in has a name without colons";
        problems.add(name.problem(message).help("choose another name"));
    }
    let mut place = |key| match map.get(key) {
        Some(at) => at.located(()),
        None => name.clone().map(|_| ()),
    };
    let user = hash.map(|password_hash| User {
        name: name.value.to_string(),
        password_hash,
        roles: vec![right],
        place: place("password_hash"),
    });
    let key = if secret.is_some() {
        "token"
    } else {
        "token_hash"
    };
    let token = secret.or(sum).map(|source| Token {
        name: name.value.to_string(),
        source,
        roles: vec![right],
        place: place(key),
    });
    (user, token)
}
