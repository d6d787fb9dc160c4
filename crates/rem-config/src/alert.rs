use rem_alert::episode::{Rules, Step};
use rem_time::Span;
use rem_yaml::{Located, Place};

use crate::config::Written;
use crate::name::{AlertName, RoleName};

/// Pages of one step before the next, where nobody says.
pub const TRIES_DEFAULT: u32 = 3;

/// Time between two pages, where nobody says.
pub const REPEAT_DEFAULT: Span = Span::from_seconds(300);

/// How one alert behaves, whatever it is about.
#[derive(Clone, Debug)]
pub struct Alert {
    /// Its name.
    pub name: AlertName,
    /// What it is called in messages, with `{machine}`, `{message}` and whatever else
    /// a report has to be filled in by whoever writes the message.
    pub title: String,
    /// How bad it is, for people and webhooks: `critical` unless told.
    pub severity: String,
    /// What it is about.
    pub subject: AlertSubject,
    /// What to do about it, or where that is written.
    pub notes: Option<String>,
    /// Whom it tells instead of the owners of the service.
    pub owners: Option<Vec<Owner>>,
    /// When it pages, waits and ends; the ladder in it is empty.
    pub rules: Rules,
    /// Where it is written; where a level names it if nothing is.
    pub place: Place,
    pub(crate) written: Written,
}

/// What an alert is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AlertSubject {
    /// The monitor whose level names it.
    #[default]
    Monitor,
    /// Its machine.
    Machine,
    /// The services that brought it there.
    Service,
}

/// One step of those who are told, in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Owner {
    /// Who; it exists.
    pub role: Located<RoleName>,
    /// How often before the next step; [`TRIES_DEFAULT`] unless told.
    pub tries: u32,
    /// Time between two tries; the alert's `repeat` unless told.
    pub every: Option<Span>,
    /// Not before so long after the round began.
    pub after: Span,
}

impl Alert {
    /// What an alert does that is only named.
    pub(crate) fn unwritten(name: AlertName, place: Place) -> Self {
        Self {
            title: format!("{name}: {{subject}}"),
            name,
            severity: "critical".into(),
            subject: AlertSubject::Monitor,
            notes: None,
            owners: None,
            rules: Self::rules_default(),
            place,
            written: Vec::new(),
        }
    }

    /// How an alert behaves of which nothing is said: it pages as soon as every
    /// parent was looked at.
    pub(crate) fn rules_default() -> Rules {
        Rules {
            settle: Some(Span::ZERO),
            repeat: REPEAT_DEFAULT,
            ..Rules::default()
        }
    }

    /// Whether both behave alike, wherever that is written.
    pub fn same_as(&self, other: &Self) -> bool {
        self.name == other.name
            && self.title == other.title
            && self.severity == other.severity
            && self.subject == other.subject
            && self.notes == other.notes
            && self.owners == other.owners
            && self.rules == other.rules
    }
}

impl AlertSubject {
    /// As it is written: `monitor`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Monitor => "monitor",
            Self::Machine => "machine",
            Self::Service => "service",
        }
    }
}

impl Owner {
    /// As a step of a ladder, with the time between tries where nobody says.
    pub fn step(&self, repeat: Span) -> Step {
        let every = self.every.unwrap_or(repeat);
        Step::new(self.role.value.as_str(), self.tries, every).after(self.after)
    }
}
