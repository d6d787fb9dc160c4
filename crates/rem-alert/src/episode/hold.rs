use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use rem_time::Timestamp;

use super::recurrence::Repeats;
use super::state::Hold;

/// All holds there are: what people forced and what was planned.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Holds {
    /// In any order.
    pub plans: Vec<HoldPlan>,
}

/// One hold: what it covers, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct HoldPlan {
    /// Its name, unique among all holds.
    pub id: Arc<str>,
    /// A known problem or a maintenance window.
    pub kind: HoldKind,
    /// All of them must match. None: everything is covered.
    pub covers: Vec<Matcher>,
    /// When.
    pub when: When,
    /// Who said so.
    pub by: Arc<str>,
    /// Why.
    pub why: Arc<str>,
}

/// What a hold is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HoldKind {
    /// A known problem.
    Forced,
    /// A maintenance window.
    Maintenance,
}

/// When a hold holds.
#[derive(Clone, Debug, PartialEq)]
pub enum When {
    /// Once.
    Once {
        /// From this instant.
        from: Timestamp,
        /// Until before this one.
        until: Timestamp,
    },
    /// Again and again, by a clock on a wall.
    Repeats(Repeats),
}

/// What a hold is compared with. A key may be there several times: a machine
/// serves two services.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// `machine`, `service`, `location`, `alert`, `monitor` and any other label.
    pub labels: Vec<(Arc<str>, Arc<str>)>,
}

/// `key = value`, `key != value` or `key in place`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Matcher {
    /// The label.
    pub key: Arc<str>,
    /// How it is compared.
    pub op: MatcherOp,
    /// With what; `*` stands for any text and `?` for one character.
    pub value: Arc<str>,
}

/// How a label is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MatcherOp {
    /// One of the label's values looks like it. A label that is not there is empty.
    Is,
    /// None of them does.
    IsNot,
    /// One of them is it or a place below it: `eu/fra` holds `eu/fra/rack-4`,
    /// not `eu/frankfurt`. Not a pattern.
    In,
}

/// A text that is not a [`Matcher`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a matcher such as `machine = web-*`, `service != web` or `location in eu/fra`: {text}"
)]
pub struct ParseMatcherError {
    text: String,
}

/// What holds a subject at an instant.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Held {
    /// The forced hold that ends last.
    pub forced: Option<Hold>,
    /// The maintenance window that ends last.
    pub maintenance: Option<Hold>,
    /// When to ask again: the next begin or end of any hold that covers the subject.
    pub next_change: Option<Timestamp>,
}

impl Holds {
    /// What holds `subject` at `now`: until when, by whom and why.
    pub fn held(&self, subject: &Subject, now: Timestamp) -> Held {
        let mut held = Held::default();
        for plan in self.plans.iter().filter(|plan| plan.covers(subject)) {
            let (live, change) = plan.when.at(now);
            if let Some(change) = change {
                held.next_change = Some(held.next_change.map_or(change, |next| next.min(change)));
            }
            let Some(until) = live else { continue };
            let slot = match plan.kind {
                HoldKind::Forced => &mut held.forced,
                HoldKind::Maintenance => &mut held.maintenance,
            };
            if slot.as_ref().is_none_or(|hold| hold.until < until) {
                *slot = Some(Hold {
                    until,
                    by: Arc::clone(&plan.by),
                    why: Arc::clone(&plan.why),
                });
            }
        }
        held
    }

    /// The next begin or end of any hold, whatever it covers.
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        self.plans
            .iter()
            .filter_map(|plan| plan.when.at(now).1)
            .min()
    }

    /// Forgets holds that can never hold again, and returns them.
    pub fn drop_over(&mut self, now: Timestamp) -> Vec<HoldPlan> {
        let (live, over) = std::mem::take(&mut self.plans)
            .into_iter()
            .partition(|plan| plan.when.at(now) != (None, None));
        self.plans = live;
        over
    }
}

impl HoldPlan {
    /// Whether it covers the subject, at any time.
    pub fn covers(&self, subject: &Subject) -> bool {
        self.covers.iter().all(|matcher| matcher.matches(subject))
    }
}

impl When {
    /// Until when it holds if it holds at `now`, and when that next changes.
    pub fn at(&self, now: Timestamp) -> (Option<Timestamp>, Option<Timestamp>) {
        match self {
            Self::Once { from, until } if now < *from && from < until => (None, Some(*from)),
            Self::Once { from, until } if *from <= now && now < *until => {
                (Some(*until), Some(*until))
            }
            Self::Once { .. } => (None, None),
            Self::Repeats(repeats) => repeats.at(now),
        }
    }
}

impl Subject {
    /// One more label.
    #[must_use]
    pub fn label(mut self, key: impl Into<Arc<str>>, value: impl Into<Arc<str>>) -> Self {
        self.labels.push((key.into(), value.into()));
        self
    }
}

impl Matcher {
    /// Whether the subject has such a label.
    pub fn matches(&self, subject: &Subject) -> bool {
        let mut values = subject
            .labels
            .iter()
            .filter(|(key, _)| *key == self.key)
            .map(|(_, value)| &**value)
            .peekable();
        let absent = values.peek().is_none();
        match self.op {
            MatcherOp::Is if absent => glob(&self.value, ""),
            MatcherOp::IsNot if absent => !glob(&self.value, ""),
            MatcherOp::Is => values.any(|value| glob(&self.value, value)),
            MatcherOp::IsNot => !values.any(|value| glob(&self.value, value)),
            MatcherOp::In => values.any(|value| is_under(&self.value, value)),
        }
    }
}

impl FromStr for Matcher {
    type Err = ParseMatcherError;

    fn from_str(text: &str) -> Result<Self, ParseMatcherError> {
        let split = |separator: &str, op| {
            text.split_once(separator)
                .map(|(key, value)| (key.trim(), op, value.trim()))
        };
        // `!=` before `=`; ` in ` only where neither stands, a value may hold the word.
        let found = split("!=", MatcherOp::IsNot)
            .or_else(|| split("=", MatcherOp::Is))
            .or_else(|| split(" in ", MatcherOp::In))
            .filter(|(key, ..)| {
                !key.is_empty()
                    && key
                        .chars()
                        .all(|c| c.is_alphanumeric() || "-_.".contains(c))
            });
        let (key, op, value) = found.ok_or_else(|| ParseMatcherError { text: text.into() })?;
        Ok(Self {
            key: key.into(),
            op,
            value: value.trim_matches('"').into(),
        })
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let op = match self.op {
            MatcherOp::Is => "=",
            MatcherOp::IsNot => "!=",
            MatcherOp::In => "in",
        };
        write!(f, "{} {op} {}", self.key, self.value)
    }
}

fn is_under(place: &str, value: &str) -> bool {
    let place = place.trim_end_matches('/');
    value
        .strip_prefix(place)
        .is_some_and(|rest| rest.is_empty() || place.is_empty() || rest.starts_with('/'))
}

/// Greedy with one point to return to: linear in practice, never exponential.
fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p + 1, t));
                p += 1;
            }
            Some(b'?') => {
                p += 1;
                t += char_len(text[t]);
            }
            Some(byte) if *byte == text[t] => {
                p += 1;
                t += 1;
            }
            Some(_) | None => match &mut star {
                Some((back, taken)) => {
                    *taken += 1;
                    (p, t) = (*back, *taken);
                }
                None => return false,
            },
        }
    }
    pattern[p.min(pattern.len())..]
        .iter()
        .all(|byte| *byte == b'*')
}

fn char_len(first: u8) -> usize {
    match first {
        0xF0.. => 4,
        0xE0.. => 3,
        0xC0.. => 2,
        _ => 1,
    }
}
