use std::sync::Arc;

use rem_alert::level::{CompileError, Level};
use rem_check::{Reading, Report, Unit, Verdict};
use rem_config::{MachineName, MonitorId, MonitorName, PackageName};
use rem_time::{Span, Timestamp};

use super::Happened;
use crate::agenda::Rate;
use crate::judge::MonitorLevels;
use crate::places::Need;
use crate::plan::{Planned, Retry};
use crate::states::StateOwner;
use crate::telling::Telling;

/// A monitor of a simulation: everything but the check.
#[derive(Clone, Debug)]
pub struct Staged {
    pub(super) id: MonitorId,
    pub(super) every: Span,
    place: Option<Span>,
    pub(super) retry: Option<Retry>,
    pub(super) fresh: Option<Span>,
    pub(super) need: Need,
    pub(super) levels: Arc<MonitorLevels>,
    pub(super) telling: Telling,
}

/// Why there is no such monitor.
#[derive(Debug, thiserror::Error)]
pub enum StagedError {
    /// Not three names with slashes between them.
    #[error("not the id of a monitor such as web-01/apache/http: {0}")]
    Id(String),
    /// Its levels are wrong together.
    #[error("wrong levels")]
    Levels(#[from] CompileError),
}

/// What a look finds.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// How it goes.
    pub verdict: Verdict,
    /// What it says.
    pub message: String,
    /// The numbers.
    pub readings: Vec<Reading>,
    /// How long it takes; [`Span::MAX`] never ends.
    pub takes: Span,
}

impl Staged {
    /// A monitor such as `web-01/apache/http` that looks at a fixed rate, at the same
    /// place in its interval as in the engine. Nothing judges what it finds.
    ///
    /// # Errors
    /// If this is not the id of a monitor.
    pub fn new(id: &str, every: Span) -> Result<Self, StagedError> {
        let wrong = || StagedError::Id(id.to_owned());
        let mut names = id.splitn(3, '/');
        let mut name = || names.next().ok_or_else(wrong);
        let machine = MachineName::new(name()?).map_err(|_| wrong())?;
        let package = PackageName::new(name()?).map_err(|_| wrong())?;
        let monitor = MonitorName::new(name()?).map_err(|_| wrong())?;
        Ok(Self {
            id: MonitorId::new(&machine, &package, &monitor),
            every,
            place: None,
            retry: None,
            fresh: None,
            telling: Telling {
                owners: vec![
                    StateOwner::Package(machine.clone(), package),
                    StateOwner::Machine(machine.clone()),
                    StateOwner::Site,
                ],
                ..Telling::default()
            },
            need: Need {
                kind: "simulated",
                target: machine,
            },
            levels: Arc::default(),
        })
    }

    /// The monitor of a plan.
    pub fn of(planned: &Planned) -> Self {
        Self {
            id: planned.monitor.id.clone(),
            every: planned.monitor.every,
            place: None,
            retry: planned.retry,
            fresh: match planned.look {
                crate::plan::Look::Looks(_) => None,
                crate::plan::Look::Waits { fresh } => Some(fresh),
            },
            need: Need {
                kind: planned.monitor.check.kind(),
                target: planned.monitor.machine.clone(),
            },
            levels: Arc::clone(&planned.levels),
            telling: planned.telling.clone(),
        }
    }

    /// Looks so long after each full interval, the first time included.
    #[must_use]
    pub fn at(self, place: Span) -> Self {
        Self {
            place: Some(place),
            ..self
        }
    }

    /// Looks again soon after a look that was not ok.
    #[must_use]
    pub fn retrying(self, retry: Retry) -> Self {
        Self {
            retry: Some(retry),
            ..self
        }
    }

    /// Does not look itself; without news for so long nothing is known.
    #[must_use]
    pub fn passive(self, fresh: Span) -> Self {
        Self {
            fresh: Some(fresh),
            ..self
        }
    }

    /// Levels judge what it finds.
    ///
    /// # Errors
    /// If the levels are wrong together.
    pub fn judged_by(self, levels: Vec<Level>) -> Result<Self, StagedError> {
        let levels = MonitorLevels::compile(levels, self.every, false)?;
        Ok(self.judged_as(Arc::new(levels)))
    }

    /// Levels that other monitors have as well.
    #[must_use]
    pub fn judged_as(self, levels: Arc<MonitorLevels>) -> Self {
        Self { levels, ..self }
    }

    /// How its alerts are told.
    #[must_use]
    pub fn told_by(self, change: impl FnOnce(&mut Telling)) -> Self {
        let mut telling = self.telling.clone();
        change(&mut telling);
        Self { telling, ..self }
    }

    /// Its id.
    pub fn id(&self) -> &str {
        self.id.as_str()
    }

    pub(super) fn rate(&self) -> Rate {
        match self.place {
            None => Rate::of(self.id.as_str(), self.every),
            Some(place) => Rate {
                every: self.every,
                place,
                soon: self.every,
            },
        }
    }

    pub(super) fn same_time_as(&self, other: &Self) -> bool {
        (self.every, self.place, self.retry, self.fresh)
            == (other.every, other.place, other.retry, other.fresh)
    }

    pub(super) fn alert(
        &self,
        alert: &Arc<str>,
        part: Option<&Arc<str>>,
        firing: bool,
    ) -> Vec<Happened> {
        let subjects = self.telling.subjects_of(&self.id, alert, part).into_iter();
        let happened = subjects.map(|subject| Happened::Alert {
            alert: Arc::clone(alert),
            subject,
            firing,
        });
        happened.collect()
    }
}

impl Default for Finding {
    fn default() -> Self {
        Self {
            verdict: Verdict::Ok,
            message: String::new(),
            readings: Vec::new(),
            takes: Span::ZERO,
        }
    }
}

impl Finding {
    /// All is well.
    pub fn ok() -> Self {
        Self::default()
    }

    /// It does not what it should.
    pub fn critical(message: &str) -> Self {
        Self::of(Verdict::Critical, message)
    }

    /// Any verdict, with what it says.
    pub fn of(verdict: Verdict, message: &str) -> Self {
        Self {
            verdict,
            message: message.to_owned(),
            ..Self::default()
        }
    }

    /// With a number.
    #[must_use]
    pub fn reading(mut self, field: &str, value: f64) -> Self {
        self.readings.push(Reading::gauge(field, value, Unit::One));
        self
    }

    /// Found after so long.
    #[must_use]
    pub fn taking(self, takes: Span) -> Self {
        Self { takes, ..self }
    }

    pub(super) fn report(&self, at: Timestamp) -> Report {
        Report {
            at,
            took: self.takes,
            verdict: self.verdict,
            message: self.message.clone(),
            readings: self.readings.clone(),
        }
    }
}
