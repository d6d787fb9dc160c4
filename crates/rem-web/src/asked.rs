use std::fmt::Display;
use std::str::FromStr;

use dropstar::{Call, Caller, Request, Role, Via};
use rem_alert::shift::{Calendar, RoleId, UserId};
use rem_desk::{Actor, Desk, Right};
use rem_time::{LocalTime, Span, Timestamp, Zone};
use serde_json::{Map, Value};

use crate::trouble::Trouble;

/// What a caller sent, by name: the parameters of a method or the fields of a form.
/// A field that is empty counts as not sent: a form sends all it has.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    params: Map<String, Value>,
    caller: Caller,
}

impl Asked {
    /// A call, whose parameters have names.
    pub(crate) fn by_call(call: Call) -> Result<Self, Trouble> {
        let params = match call.params {
            Value::Null => Map::new(),
            Value::Object(map) => map,
            Value::Array(list) if list.is_empty() => Map::new(),
            _ => {
                return Err(Trouble::Invalid(format!(
                    "{} takes its parameters by name, as an object",
                    call.method
                )));
            }
        };
        let caller = call.caller;
        Ok(Self { params, caller })
    }

    /// A form, or an address with a query.
    pub(crate) fn by_request(request: &Request) -> Self {
        Self {
            params: request.args().clone(),
            caller: request.caller().clone(),
        }
    }

    /// The same with another field.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.params.insert(name.into(), value.into());
        self
    }

    pub(crate) fn params(&self) -> &Map<String, Value> {
        &self.params
    }

    pub(crate) fn caller(&self) -> &Caller {
        &self.caller
    }

    pub(crate) fn value(&self, name: &str) -> Option<&Value> {
        self.params.get(name).filter(|value| !value.is_null())
    }

    /// A text; numbers are taken as written.
    pub(crate) fn text(&self, name: &str) -> Result<Option<String>, Trouble> {
        let text = match self.value(name) {
            None => return Ok(None),
            Some(Value::String(text)) => text.trim().to_owned(),
            Some(Value::Number(number)) => number.to_string(),
            Some(_) => return Err(Trouble::Invalid(format!("{name} has to be a text"))),
        };
        Ok((!text.is_empty()).then_some(text))
    }

    pub(crate) fn wanted(&self, name: &str) -> Result<String, Trouble> {
        self.text(name)?.ok_or_else(|| missing(name))
    }

    /// Something that is written as a text of its own kind.
    pub(crate) fn parsed<T: FromStr>(&self, name: &str) -> Result<Option<T>, Trouble>
    where
        T::Err: Display,
    {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        let wrong = |error: T::Err| Trouble::Invalid(format!("{name}: {error}"));
        text.parse().map(Some).map_err(wrong)
    }

    pub(crate) fn span(&self, name: &str) -> Result<Option<Span>, Trouble> {
        self.parsed(name)
    }

    pub(crate) fn number(&self, name: &str) -> Result<Option<u64>, Trouble> {
        let text = self.text(name)?;
        let number = text.map(|text| {
            let number = text.parse::<u64>();
            number.map_err(|_| Trouble::Invalid(format!("{name} has to be a number, not {text}")))
        });
        number.transpose()
    }

    /// `true` for a box that is ticked.
    pub(crate) fn truth(&self, name: &str) -> Result<bool, Trouble> {
        match self.value(name) {
            None => Ok(false),
            Some(Value::Bool(truth)) => Ok(*truth),
            Some(Value::String(text)) => match text.as_str() {
                "true" | "on" | "yes" | "1" => Ok(true),
                "" | "false" | "off" | "no" | "0" => Ok(false),
                _ => Err(Trouble::Invalid(format!(
                    "{name} has to be true or false, not {text}"
                ))),
            },
            Some(_) => Err(Trouble::Invalid(format!("{name} has to be true or false"))),
        }
    }

    /// An instant: RFC 3339, seconds since 1970, `now`, or what a clock on the wall
    /// of `zone` shows.
    pub(crate) fn time(
        &self,
        name: &str,
        zone: &Zone,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, Trouble> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        if text == "now" {
            return Ok(Some(now));
        }
        if let Ok(at) = text.parse::<Timestamp>() {
            return Ok(Some(at));
        }
        if let Ok(seconds) = text.parse::<f64>() {
            return Ok(Some(Timestamp::from_secs_f64(seconds)));
        }
        match text.parse::<LocalTime>() {
            Ok(local) => Ok(Some(zone.resolve(local))),
            Err(_) => Err(Trouble::Invalid(format!(
                "{name} has to be a time such as 2026-12-01T02:00:00Z, not {text}"
            ))),
        }
    }

    /// The zone that local times are meant in.
    pub(crate) fn zone(&self, name: &str) -> Result<Option<Zone>, Trouble> {
        self.parsed(name)
    }

    /// Who does it: the account that is signed in, with its role here as its right;
    /// where nobody signs in, the user that `by` names, with the right of the file.
    pub(crate) fn by(&self, desk: &Desk) -> Result<Actor, Trouble> {
        if self.caller.via() != Via::Nothing {
            let right = match self.caller.role() {
                None | Some(Role::Viewer) => Right::Viewer,
                Some(Role::Operator) => Right::Operator,
                Some(Role::Admin) => Right::Admin,
            };
            return Ok(Actor::new(self.caller.name(), right));
        }
        let Some(by) = self.text("by")? else {
            return Err(Trouble::Invalid(
                "by is missing: nobody signs in here, so say which user does this".into(),
            ));
        };
        let calendar = desk.calendar();
        known_user(&calendar, &by)?;
        Ok(desk.actor(&by)?)
    }
}

/// A user of the file.
pub(crate) fn known_user(calendar: &Calendar, name: &str) -> Result<(), Trouble> {
    match calendar.users().contains_key(name) {
        true => Ok(()),
        false => {
            let known = calendar.users().keys().map(UserId::as_str);
            Err(Trouble::unknown("user", name, known))
        }
    }
}

/// A role of the file.
pub(crate) fn known_role(calendar: &Calendar, name: &str) -> Result<RoleId, Trouble> {
    let id = RoleId::from(name);
    match calendar.role(&id) {
        Some(_) => Ok(id),
        None => {
            let known = calendar.roles().iter().map(|role| role.id.as_str());
            Err(Trouble::unknown("role", name, known))
        }
    }
}

pub(crate) fn missing(name: &str) -> Trouble {
    Trouble::Invalid(format!("{name} is missing"))
}
