use anyhow::{Context, bail, ensure};
use rem_alert::shift::{self, Edit, EditId, Feed, Range, RoleId, UserId, ical};
use rem_command::Exit;
use rem_config::Config;
use rem_time::{LocalTime, Span, Timestamp, Zone};
use serde_json::{Value, json};

use crate::arguments::{Calendar, Shifts};
use crate::file;

/// What is listed unless told.
const LISTED: Span = Span::from_seconds(28 * 86_400);

/// The calendar as a file alone says it: nobody has changed anything at run time.
pub(super) struct Offline {
    calendar: shift::Calendar,
    zone: Zone,
    now: Timestamp,
}

impl Offline {
    /// Reads it. `Err`: the file is wrong, which was told.
    pub(super) fn read(asked: &Calendar, now: Timestamp) -> anyhow::Result<Result<Self, Exit>> {
        let file = asked.file.as_deref().context("no file was given")?;
        let zone = asked.zone.as_deref().map(str::parse).transpose();
        let config = match file::load(file) {
            Ok(config) => config,
            Err(exit) => return Ok(Err(exit)),
        };
        Ok(Ok(Self {
            calendar: config.calendar(vacations(&config)),
            zone: zone?.unwrap_or_else(Zone::utc),
            now,
        }))
    }

    pub(super) fn on_call(&self, role: Option<&str>, at: Option<&str>) -> anyhow::Result<Value> {
        let at = self.time(at)?.unwrap_or(self.now);
        let roles: Vec<RoleId> = match role {
            Some(role) => vec![self.role(role)?],
            None => self
                .calendar
                .roles()
                .iter()
                .map(|role| role.id.clone())
                .collect(),
        };
        let roles = roles.iter().map(|role| {
            let until = self.calendar.next_change(role, at);
            let next = until.map(|until| names(&self.calendar.on_call(role, until)));
            json!({
                "role": role.as_str(),
                "now": names(&self.calendar.on_call(role, at)),
                "until": until.map(|until| self.zone.show(until)),
                "next": next.unwrap_or_default(),
            })
        });
        Ok(json!({ "at": self.zone.show(at), "roles": roles.collect::<Vec<_>>() }))
    }

    pub(super) fn shifts(&self, asked: &Shifts) -> anyhow::Result<Value> {
        let range = self.range(asked)?;
        let shifts = match self.whose(asked)? {
            Feed::Role(role) => self.calendar.shifts(&role, range),
            Feed::User(user) => self.calendar.shifts_of(&user, range),
        };
        let shift = |shift: &shift::Shift| {
            json!({
                "role": shift.role.as_str(),
                "user": shift.user.as_str(),
                "from": self.zone.show(shift.from),
                "until": self.zone.show(shift.to),
            })
        };
        Ok(shifts.iter().map(shift).collect())
    }

    pub(super) fn ics(&self, asked: &Shifts) -> anyhow::Result<String> {
        let (feed, range) = (self.whose(asked)?, self.range(asked)?);
        // The same file makes the same text.
        Ok(ical(
            &self.calendar,
            &feed,
            range,
            Timestamp::from_seconds(0),
        ))
    }

    fn range(&self, asked: &Shifts) -> anyhow::Result<Range> {
        let from = self.time(asked.from.as_deref())?.unwrap_or(self.now);
        let until = self.time(asked.until.as_deref())?.unwrap_or(from + LISTED);
        let range = Range::new(from, until);
        ensure!(!range.is_empty(), "--until has to come after --from");
        Ok(range)
    }

    fn whose(&self, asked: &Shifts) -> anyhow::Result<Feed> {
        match (&asked.role, &asked.user) {
            (Some(role), _) => Ok(Feed::Role(self.role(role)?)),
            (None, Some(user)) if self.calendar.users().contains_key(user.as_str()) => {
                Ok(Feed::User(user.as_str().into()))
            }
            (None, Some(user)) => {
                let known = self.calendar.users().keys().map(UserId::as_str);
                bail!("there is no user {user}{}", meant(user, known))
            }
            (None, None) => bail!("say a role or a user"),
        }
    }

    fn role(&self, name: &str) -> anyhow::Result<RoleId> {
        let role = RoleId::from(name);
        let known = self.calendar.roles().iter().map(|role| role.id.as_str());
        ensure!(
            self.calendar.role(&role).is_some(),
            "there is no role {name}{}",
            meant(name, known)
        );
        Ok(role)
    }

    /// RFC 3339, or what a clock on the wall shows.
    fn time(&self, text: Option<&str>) -> anyhow::Result<Option<Timestamp>> {
        let Some(text) = text else { return Ok(None) };
        if text == "now" {
            return Ok(Some(self.now));
        }
        if let Ok(at) = text.parse() {
            return Ok(Some(at));
        }
        let local: LocalTime = text.parse().with_context(|| {
            format!("not a time such as 2026-12-01T02:00:00Z or '2026-12-01 02:00': {text}")
        })?;
        Ok(Some(self.zone.resolve(local)))
    }
}

fn meant<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    match rem_yaml::suggest(name, known) {
        Some(meant) => format!("; did you mean {meant}?"),
        None => String::new(),
    }
}

fn names(users: &[UserId]) -> Vec<String> {
    users.iter().map(ToString::to_string).collect()
}

fn vacations(config: &Config) -> Vec<Edit> {
    let changes = config.vacations().zip(1..);
    let edit = |(change, number)| Edit {
        id: EditId(number),
        author: UserId::from("file"),
        at: Timestamp::from_seconds(0),
        reason: String::new(),
        change,
        withdrawn: None,
    };
    changes.map(edit).collect()
}
