use std::sync::Arc;

use rem_alert::level::{Action, Level, Levels, Subject};
use rem_time::Span;

/// The levels of one monitor, sorted by what they look at.
///
/// A group of levels that asks for no reading (`status != ok`) judges the monitor as
/// a whole. One that asks for readings judges every part that has one of them: each
/// mount, each row. With `per:` in the file only the parts, without it the whole
/// where the whole has such a reading.
#[derive(Clone, Debug, Default)]
pub struct MonitorLevels {
    pub(super) whole: Levels,
    pub(super) parts: Levels,
    /// Readings that levels ask for.
    pub(super) fields: Vec<Arc<str>>,
    /// Readings of which the file says that they are counts: their series has rates.
    pub(super) counts: Vec<Arc<str>>,
    pub(super) only_parts: bool,
}

/// What a monitor's levels are wrong in together.
pub use rem_alert::level::CompileError;

impl MonitorLevels {
    /// Sorts the levels of a monitor that looks every `every`; `only_parts` if the file
    /// says `per:`.
    pub fn compile(
        levels: Vec<Level>,
        every: Span,
        only_parts: bool,
    ) -> Result<Self, CompileError> {
        let asks = |level: &Level| reads(level).any(|field| field != DURATION);
        let mut names: Vec<Arc<str>> = Vec::new();
        for level in levels.iter().filter(|level| asks(level)) {
            names.push(Arc::clone(&level.name));
        }
        let (parts, whole): (Vec<Level>, Vec<Level>) = levels
            .into_iter()
            .partition(|level| names.contains(&level.name));
        let mut fields: Vec<Arc<str>> = parts
            .iter()
            .flat_map(reads)
            .filter(|field| *field != DURATION)
            .map(Arc::from)
            .collect();
        fields.sort();
        fields.dedup();
        let stand = Span::from_nanos(every.as_nanos().saturating_mul(3));
        Ok(Self {
            whole: Levels::compile(whole)?.standing_for(stand),
            parts: Levels::compile(parts)?.standing_for(stand),
            fields,
            counts: Vec::new(),
            only_parts,
        })
    }

    /// The same levels, where the file says of these readings that they are counts.
    #[must_use]
    pub fn counting(self, counts: Vec<Arc<str>>) -> Self {
        Self { counts, ..self }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.whole.levels().is_empty() && self.parts.levels().is_empty()
    }

    /// The alerts that they set; a name may come more than once.
    pub fn alerts(&self) -> impl Iterator<Item = &Arc<str>> {
        let actions = self.all().flat_map(|level| &level.actions);
        actions.filter_map(|action| match action {
            Action::Alert(alert) => Some(alert),
            Action::State { .. } | Action::Trigger(_) => None,
        })
    }

    /// Every level.
    pub fn all(&self) -> impl Iterator<Item = &Level> {
        self.whole.levels().iter().chain(self.parts.levels())
    }
}

/// How long a look took: every monitor has that.
pub(super) const DURATION: &str = "duration";

fn reads(level: &Level) -> impl Iterator<Item = &str> {
    let clear = level.clear.iter().map(|(when, _)| when);
    let all = std::iter::once(&level.when).chain(clear);
    all.flat_map(|expression| {
        let plain = expression.fields().map(|(field, _)| field);
        let over_time = expression
            .aggregates()
            .filter_map(|aggregate| match &aggregate.subject {
                Subject::Field(field) => Some(&**field),
                Subject::State(_) => None,
            });
        plain.chain(over_time).collect::<Vec<_>>()
    })
}
