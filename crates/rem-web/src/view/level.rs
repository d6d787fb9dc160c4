use std::sync::Arc;

use rem_alert::level::{Explanation, LevelExplanation, Truth};
use rem_monitor::LevelView;
use serde::Serialize;

/// The levels of one name, of one part of a monitor.
#[derive(Debug, Serialize)]
pub(crate) struct LevelJson {
    pub(crate) name: Arc<str>,
    pub(crate) part: Option<Arc<str>>,
    /// `true`, `false` or `unknown`.
    pub(crate) truth: &'static str,
    pub(crate) since: Option<String>,
    pub(crate) levels: Vec<ConditionJson>,
}

/// One level with what it saw.
#[derive(Debug, Serialize)]
pub(crate) struct ConditionJson {
    /// The whole in one line.
    pub(crate) line: String,
    /// The condition with its values.
    pub(crate) condition: String,
    /// As it is written.
    pub(crate) text: String,
    /// Whether `clear` is looked at, because the level matches.
    pub(crate) is_clearing: bool,
    pub(crate) window: String,
    pub(crate) matches: &'static str,
    pub(crate) parts: Vec<PartJson>,
}

/// A part of a condition.
#[derive(Debug, Serialize)]
pub(crate) struct PartJson {
    pub(crate) text: String,
    pub(crate) value: String,
    pub(crate) truth: Option<&'static str>,
    pub(crate) parts: Vec<PartJson>,
}

impl From<LevelView> for LevelJson {
    fn from(view: LevelView) -> Self {
        Self {
            name: view.name,
            part: view.part,
            truth: word(view.truth),
            since: view.since.map(|at| at.to_string()),
            levels: view.levels.iter().map(ConditionJson::from).collect(),
        }
    }
}

impl From<&LevelExplanation> for ConditionJson {
    fn from(level: &LevelExplanation) -> Self {
        Self {
            line: level.to_string(),
            condition: level.condition.to_string(),
            text: level.condition.text.clone(),
            is_clearing: level.is_clearing,
            window: level.window.clone(),
            matches: word(level.matches),
            parts: parts(&level.condition),
        }
    }
}

fn parts(of: &Explanation) -> Vec<PartJson> {
    let part = |part: &Explanation| PartJson {
        text: part.text.clone(),
        value: part.value.clone(),
        truth: part.truth.map(word),
        parts: parts(part),
    };
    of.parts.iter().map(part).collect()
}

fn word(truth: Truth) -> &'static str {
    match truth {
        Truth::True => "true",
        Truth::False => "false",
        Truth::Unknown => "unknown",
    }
}
