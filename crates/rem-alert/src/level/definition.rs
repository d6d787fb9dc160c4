use std::fmt;
use std::sync::Arc;

use super::{Expression, Window};

/// What an operator wants to know about, and what to do then.
///
/// Levels of one name on one monitor are a group: only when all of them match,
/// each does its own actions.
#[derive(Clone, Debug, PartialEq)]
pub struct Level {
    /// Its name, which is the name of its group.
    pub name: Arc<str>,
    /// The condition; it has to be a [`Kind::Truth`](super::Kind::Truth).
    pub when: Expression,
    /// How often it must hold.
    pub window: Window,
    /// What ends a match. Without it the match ends when the window no longer
    /// matches. With it the window is not looked at while the level matches, and
    /// both windows start empty when the level begins or ends to match.
    pub clear: Option<(Expression, Window)>,
    /// What a sample counts as that leaves the condition unknown.
    pub unknown: UnknownAs,
    /// What to do while the group matches.
    pub actions: Vec<Action>,
}

/// What a sample counts as that leaves a condition unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum UnknownAs {
    /// As nothing: it takes no place in any window.
    #[default]
    Ignore,
    /// As one on which `when` holds and `clear` does not.
    Bad,
    /// As one on which `clear` holds and `when` does not.
    Good,
}

impl fmt::Display for UnknownAs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ignore => "ignore",
            Self::Bad => "bad",
            Self::Good => "good",
        })
    }
}

/// What a level does while its group matches.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Keeps an alert on, from the first match to the last.
    Alert(Arc<str>),
    /// Keeps a state at a value, computed anew with each sample.
    State {
        /// The state.
        name: Arc<str>,
        /// Its value while the group matches.
        value: Expression,
        /// Its value while the group does not; 0 if nobody says. While a group has
        /// seen nothing yet, its states are left alone.
        otherwise: Option<Expression>,
    },
    /// Runs a job, once each time the group begins to match.
    Trigger(Arc<str>),
}

impl Level {
    /// A level on the newest sample alone, that ignores what is unknown and does nothing.
    pub fn new(name: impl Into<Arc<str>>, when: Expression) -> Self {
        Self {
            name: name.into(),
            when,
            window: Window::LAST,
            clear: None,
            unknown: UnknownAs::Ignore,
            actions: Vec::new(),
        }
    }

    /// The same level in another window.
    #[must_use]
    pub fn within(self, window: Window) -> Self {
        Self { window, ..self }
    }

    /// The same level with a condition to clear.
    #[must_use]
    pub fn clearing(self, when: Expression, window: Window) -> Self {
        Self {
            clear: Some((when, window)),
            ..self
        }
    }

    /// The same level with a word about samples that are unknown.
    #[must_use]
    pub fn counting_unknown(self, unknown: UnknownAs) -> Self {
        Self { unknown, ..self }
    }

    /// The same level with one more action.
    #[must_use]
    pub fn doing(mut self, action: Action) -> Self {
        self.actions.push(action);
        self
    }

    /// The states it looks at, in its conditions and in the values it sets; a
    /// name may come more than once.
    pub fn reads(&self) -> impl Iterator<Item = &str> {
        let clear = self.clear.iter().map(|(when, _)| when);
        let values = self.actions.iter().flat_map(|action| match action {
            Action::State {
                value, otherwise, ..
            } => [Some(value), otherwise.as_ref()],
            Action::Alert(_) | Action::Trigger(_) => [None, None],
        });
        [&self.when]
            .into_iter()
            .chain(clear)
            .chain(values.flatten())
            .flat_map(Expression::states)
    }

    /// The states it sets.
    pub fn sets(&self) -> impl Iterator<Item = &str> {
        self.actions.iter().filter_map(|action| match action {
            Action::State { name, .. } => Some(&**name),
            Action::Alert(_) | Action::Trigger(_) => None,
        })
    }

    /// All its expressions.
    pub(super) fn expressions(&self) -> impl Iterator<Item = &Expression> {
        let clear = self.clear.iter().map(|(when, _)| when);
        let values = self.actions.iter().flat_map(|action| match action {
            Action::State {
                value, otherwise, ..
            } => [Some(value), otherwise.as_ref()],
            Action::Alert(_) | Action::Trigger(_) => [None, None],
        });
        [&self.when]
            .into_iter()
            .chain(clear)
            .chain(values.flatten())
    }

    /// Equal for equal levels, now and after a restart; differs for others as
    /// surely as 64 bits can.
    pub fn fingerprint(&self) -> u64 {
        let mut hash = Fnv::default();
        hash.text(&self.name);
        hash.text(&self.when.to_string());
        hash.text(&self.window.to_string());
        if let Some((when, window)) = &self.clear {
            hash.text("clear");
            hash.text(&when.to_string());
            hash.text(&window.to_string());
        }
        hash.text(&self.unknown.to_string());
        for action in &self.actions {
            match action {
                Action::Alert(name) => {
                    hash.text("alert");
                    hash.text(name);
                }
                Action::State {
                    name,
                    value,
                    otherwise,
                } => {
                    hash.text("state");
                    hash.text(name);
                    hash.text(&value.to_string());
                    hash.text(
                        &otherwise
                            .as_ref()
                            .map(Expression::to_string)
                            .unwrap_or_default(),
                    );
                }
                Action::Trigger(job) => {
                    hash.text("trigger");
                    hash.text(job);
                }
            }
        }
        hash.0
    }
}

/// FNV-1a. The standard library's hashes may change with its version.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn text(&mut self, text: &str) {
        // The length keeps "ab" + "c" apart from "a" + "bc".
        let length = (text.len() as u64).to_le_bytes();
        for byte in text.bytes().chain(length) {
            self.0 ^= u64::from(byte);
            self.0 = self.0.wrapping_mul(0x0100_0000_01b3);
        }
    }
}
