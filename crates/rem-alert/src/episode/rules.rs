use std::sync::Arc;

use rem_time::{Span, Timestamp};

/// How one alert behaves: shared by all of its episodes.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// How long an alert with parents waits before the first page. `None`: one
    /// interval of the parents' monitors. An alert without parents never waits.
    pub settle: Option<Span>,
    /// How long the alert must stay clear before the episode is over.
    pub clear_delay: Span,
    /// Whom to page, in order. Empty: the fallback contact of the site.
    pub ladder: Vec<Step>,
    /// Time between two pages where no step says otherwise. Below one second
    /// counts as one second.
    pub repeat: Span,
    /// The longest pause between two rounds of the ladder. The pause is never
    /// shorter than `every` of the last step allows, even if that is longer.
    pub round_gap_max: Span,
    /// A complete acknowledgement lasts this long. `None`: until the end.
    pub ack_max: Option<Span>,
    /// Which acknowledgements do not survive a clear and a new fire.
    pub refire_overrides: RefireOverrides,
    /// What an alert does that is over and was never acknowledged.
    pub after_clear: AfterClear,
    /// A fault built in on purpose, so that the model check proves it can fail.
    #[cfg(test)]
    pub(crate) mutant: Option<super::tests::Mutant>,
}

/// One step of a ladder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The role whose on-call users are paged.
    pub role: Arc<str>,
    /// How often it is paged before the next step; zero counts as one.
    pub tries: u32,
    /// Time between two tries. Below one second counts as one second.
    pub every: Span,
    /// Not before this long after the round began. Until then the step before
    /// goes on being paged; a step whose role is empty is not waited for.
    pub after: Span,
}

/// Which acknowledgements a new fire inside the clear delay overrides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RefireOverrides {
    /// A snooze; a complete acknowledgement stays.
    #[default]
    Snooze,
    /// Both.
    Any,
}

/// What an alert does that is over and was never acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AfterClear {
    /// It goes on paging until somebody acknowledges.
    Page,
    /// It writes after 1 h, 2 h, 4 h … at most 24 h, until somebody acknowledges.
    #[default]
    Low,
    /// It is over.
    Stop,
}

/// Who is on call: the host's answer, asked only when a page is due.
pub trait Roster {
    /// The users on call for `role` at `at`; empty when nobody is.
    fn on_call(&self, role: &str, at: Timestamp) -> Vec<Arc<str>>;
}

impl<F: Fn(&str, Timestamp) -> Vec<Arc<str>>> Roster for F {
    fn on_call(&self, role: &str, at: Timestamp) -> Vec<Arc<str>> {
        self(role, at)
    }
}

impl Default for Rules {
    /// Pages the site's fallback every 5 minutes; clear after 10 quiet minutes.
    fn default() -> Self {
        Self {
            settle: None,
            clear_delay: Span::from_seconds(600),
            ladder: Vec::new(),
            repeat: Span::from_seconds(300),
            round_gap_max: Span::from_seconds(1800),
            ack_max: None,
            refire_overrides: RefireOverrides::default(),
            after_clear: AfterClear::default(),
            #[cfg(test)]
            mutant: None,
        }
    }
}

impl Rules {
    /// The longest time a talking alert stays without a page, beside waiting
    /// for the `after` of a step that is longer still.
    pub fn gap_max(&self) -> Span {
        self.ladder
            .iter()
            .map(|step| step.every)
            .fold(self.repeat.max(self.round_gap_max), Ord::max)
            .max(Span::from_seconds(1))
    }
}

impl Step {
    /// A step without `after`.
    pub fn new(role: impl Into<Arc<str>>, tries: u32, every: Span) -> Self {
        Self {
            role: role.into(),
            tries,
            every,
            after: Span::ZERO,
        }
    }

    /// The same, not before `after` of the round.
    #[must_use]
    pub fn after(mut self, after: Span) -> Self {
        self.after = after;
        self
    }
}
