use std::sync::Arc;

use rem_alert::level::{
    Action, Expression, ExpressionError, LEVELS_MAX, Level, UnknownAs, Window, WindowError,
};
use rem_yaml::{At, Located, MapReader, Problem, Problems, Value};

use crate::config::Interface;
use crate::name::{self, AlertName, JobName};
use crate::template::{Becomes, NoAddress, Subject, Template};

use super::check::{template, try_out};

/// The levels of a monitor, before they are filled in for a machine.
#[derive(Clone, Debug)]
pub(crate) struct LevelDrafts {
    pub(crate) drafts: Vec<LevelDraft>,
    /// The levels, where they are the same on every machine.
    shared: Option<Arc<[Level]>>,
}

/// One level as it is written.
#[derive(Clone, Debug)]
pub(crate) struct LevelDraft {
    pub(crate) name: Located<Arc<str>>,
    pub(crate) when: Written,
    pub(crate) window: Window,
    pub(crate) clear: Option<(Written, Window)>,
    pub(crate) unknown: UnknownAs,
    pub(crate) alert: Option<Located<AlertName>>,
    pub(crate) trigger: Option<Located<JobName>>,
    pub(crate) sets: Vec<StateDraft>,
}

/// A state as it is set.
#[derive(Clone, Debug)]
pub(crate) struct StateDraft {
    pub(crate) state: Located<Arc<str>>,
    pub(crate) value: Written,
    pub(crate) otherwise: Option<Written>,
}

/// An expression, or one that has yet to be filled in.
#[derive(Clone, Debug)]
pub(crate) enum Written {
    Same(Expression),
    Filled(Wanted, Located<Template>),
}

/// What an expression has to be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wanted {
    Condition,
    Value,
}

pub(super) fn read(
    at: Option<At<'_>>,
    interfaces: &[Interface],
    problems: &mut Problems,
) -> LevelDrafts {
    let entries = at.as_ref().and_then(|at| at.entries(problems));
    let mut drafts = Vec::new();
    for (key, at) in entries.unwrap_or_default() {
        if let Some(why) = name::refusal(key.value) {
            problems.add(key.problem(why).help("choose another name"));
        }
        let name = key.clone().map(Arc::from);
        let before = drafts.len();
        match at.node().as_seq() {
            None => drafts.extend(level(&name, &at, interfaces, problems)),
            Some([]) => problems.add(at.problem("no level").help("write {when: …}")),
            Some(_) => {
                let items = at.items(problems).unwrap_or_default();
                let read = |item: &At<'_>| level(&name, item, interfaces, problems);
                let group: Vec<Option<LevelDraft>> = items.iter().map(read).collect();
                if group.iter().any(Option::is_none) {
                    continue;
                }
                drafts.extend(group.into_iter().flatten());
            }
        }
        let group = &drafts[before..];
        if !group.is_empty() && group.iter().all(LevelDraft::does_nothing) {
            let problem = key.problem(format!("the level {} does nothing", key.value));
            problems
                .add(problem.help("add `alert: …`, `trigger: …` or `set: {state: …, value: …}`"));
        }
    }
    if drafts.len() > LEVELS_MAX
        && let Some(at) = at
    {
        let message = format!("{} levels, at most {LEVELS_MAX} are allowed", drafts.len());
        problems.add(at.problem(message));
    }
    LevelDrafts::new(drafts)
}

/// Levels that belong to no monitor, as they are written below its `levels:`. Nothing
/// in them can be filled in.
pub fn read_levels(at: &At<'_>, problems: &mut Problems) -> Option<Arc<[Level]>> {
    let before = problems.len();
    let drafts = read(Some(at.clone()), &[], problems);
    if before < problems.len() {
        return None;
    }
    if drafts.shared.is_none() {
        let problem = at.problem("nothing here is filled in for a machine");
        problems.add(problem.help("write what stands in braces as it is for one"));
    }
    drafts.shared
}

fn level(
    name: &Located<Arc<str>>,
    at: &At<'_>,
    interfaces: &[Interface],
    problems: &mut Problems,
) -> Option<LevelDraft> {
    const UNKNOWN: [(&str, UnknownAs); 3] = [
        ("ignore", UnknownAs::Ignore),
        ("bad", UnknownAs::Bad),
        ("good", UnknownAs::Good),
    ];
    let mut map = at.map(problems)?;
    let when = match map.get("when") {
        Some(at) => expression(&at, Wanted::Condition, interfaces, problems),
        None => {
            let help = "add `when: duration > 50ms`";
            problems.add(map.missing("when").help(help));
            None
        }
    };
    let in_window = window(map.get("in"), problems);
    let for_window = for_window(map.get("for"), problems);
    let in_window = one_window(&map, ("in", in_window), ("for", for_window), problems);
    let clear = map
        .get("clear")
        .map(|at| expression(&at, Wanted::Condition, interfaces, problems));
    let clear_in = window(map.get("clear_in"), problems);
    let clear_for = self::for_window(map.get("clear_for"), problems);
    let clear_window = one_window(
        &map,
        ("clear_in", clear_in),
        ("clear_for", clear_for),
        problems,
    );
    for key in ["clear_in", "clear_for"] {
        if clear.is_none() && map.has(key) {
            let problem = at.problem(format!("{key} without clear"));
            problems.add(problem.help("add `clear:` with what ends it"));
        }
    }
    let unknown = match map.get("unknown") {
        Some(at) => at.one_of(&UNKNOWN, problems),
        None => Some(UnknownAs::Ignore),
    };
    let alert = map.get("alert").and_then(|at| {
        let name = super::name::<AlertName>(&at, problems)?;
        Some(at.located(name))
    });
    let trigger = map.get("trigger").and_then(|at| {
        let name = super::name::<JobName>(&at, problems)?;
        Some(at.located(name))
    });
    let sets = sets(map.get("set"), interfaces, problems);
    map.finish(problems);
    Some(LevelDraft {
        name: name.clone(),
        when: when?,
        window: in_window?,
        clear: match clear {
            Some(clear) => Some((clear?, clear_window?)),
            None => None,
        },
        unknown: unknown?,
        alert,
        trigger,
        sets: sets?,
    })
}

/// One state, or a list of them.
fn sets(
    at: Option<At<'_>>,
    interfaces: &[Interface],
    problems: &mut Problems,
) -> Option<Vec<StateDraft>> {
    let Some(at) = at else {
        return Some(Vec::new());
    };
    let items = match at.node().as_seq() {
        Some(_) => at.items(problems)?,
        None => vec![at],
    };
    let sets: Vec<Option<StateDraft>> = items
        .iter()
        .map(|at| state(at, interfaces, problems))
        .collect();
    sets.into_iter().collect()
}

fn state(at: &At<'_>, interfaces: &[Interface], problems: &mut Problems) -> Option<StateDraft> {
    let mut map = at.map(problems)?;
    let state = match map.get("state") {
        Some(at) => at
            .text(problems)
            .and_then(|text| match name::refusal(text) {
                None => Some(at.located(Arc::from(text))),
                Some(why) => {
                    problems.add(at.problem(why).help("choose another name"));
                    None
                }
            }),
        None => {
            problems.add(map.missing("state"));
            None
        }
    };
    let value = match map.get("value") {
        Some(at) => expression(&at, Wanted::Value, interfaces, problems),
        None => {
            problems.add(map.missing("value").help("add `value: 1`"));
            None
        }
    };
    let otherwise = map
        .get("otherwise")
        .map(|at| expression(&at, Wanted::Value, interfaces, problems));
    map.finish(problems);
    Some(StateDraft {
        state: state?,
        value: value?,
        otherwise: match otherwise {
            Some(otherwise) => Some(otherwise?),
            None => None,
        },
    })
}

fn expression(
    at: &At<'_>,
    wanted: Wanted,
    interfaces: &[Interface],
    problems: &mut Problems,
) -> Option<Written> {
    let number = match &at.node().value {
        Value::Int(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        _ => None,
    };
    let text = match &number {
        Some(number) => number,
        None => at.text(problems)?,
    };
    if text.contains(['{', '}']) {
        let template = template(at, interfaces, problems)?;
        let fits = try_out(at, &template.value, Becomes::Text, problems, |text| {
            wanted
                .parse(text)
                .map(drop)
                .map_err(|error| match error.help {
                    Some(help) => format!("{} ({help})", error.message),
                    None => error.message,
                })
        });
        return fits.then_some(Written::Filled(wanted, template));
    }
    match wanted.parse(text) {
        Ok(expression) => Some(Written::Same(expression)),
        Err(ExpressionError {
            offset,
            message,
            help,
        }) => {
            let place = at.node().place_in(offset);
            problems.add(Problem::new(&place, at.path(), message).maybe_help(help));
            None
        }
    }
}

/// `Some(None)` where nothing is written.
type MaybeWindow = Option<Option<Window>>;

fn window(at: Option<At<'_>>, problems: &mut Problems) -> MaybeWindow {
    let Some(at) = at else { return Some(None) };
    let text = at.text(problems)?;
    parse_window(&at, text, text, problems).map(Some)
}

/// The length of time behind `for`.
fn for_window(at: Option<At<'_>>, problems: &mut Problems) -> MaybeWindow {
    let Some(at) = at else { return Some(None) };
    let _: rem_time::Span = at.read(problems)?;
    let text = at.text(problems)?;
    parse_window(&at, text, &format!("for {text}"), problems).map(Some)
}

fn parse_window(at: &At<'_>, written: &str, text: &str, problems: &mut Problems) -> Option<Window> {
    const FORMS: &str = "write `5 of last 5`, `20% of last 10`, `20% of 10m` or `for 5m`";
    let error = match text.parse() {
        Ok(window) => return Some(window),
        Err(error) => error,
    };
    let wrong = match &error {
        WindowError::Form { text }
        | WindowError::Samples { text }
        | WindowError::Percent { text }
        | WindowError::Span { text } => written.find(text.as_str()).unwrap_or(0),
        WindowError::Never { .. } => 0,
    };
    let message = match error {
        WindowError::Form { text } => format!("not a window: {text}"),
        other => other.to_string(),
    };
    let place = at.node().place_in(wrong);
    problems.add(Problem::new(&place, at.path(), message).help(FORMS));
    None
}

fn one_window(
    map: &MapReader<'_>,
    (one, in_window): (&str, MaybeWindow),
    (other, for_window): (&str, MaybeWindow),
    problems: &mut Problems,
) -> Option<Window> {
    if map.has(one) && map.has(other) {
        let problem = map.at().problem(format!("both {one} and {other}"));
        problems.add(problem.help("keep one of them"));
        return None;
    }
    Some(in_window?.or(for_window?).unwrap_or(Window::LAST))
}

impl Wanted {
    fn parse(self, text: &str) -> Result<Expression, ExpressionError> {
        match self {
            Self::Condition => Expression::condition(text),
            Self::Value => Expression::parse(text),
        }
    }
}

impl LevelDraft {
    fn does_nothing(&self) -> bool {
        self.alert.is_none() && self.trigger.is_none() && self.sets.is_empty()
    }

    fn expressions(&self) -> impl Iterator<Item = &Written> {
        let clear = self.clear.iter().map(|(when, _)| when);
        let values = self
            .sets
            .iter()
            .flat_map(|set| std::iter::once(&set.value).chain(&set.otherwise));
        std::iter::once(&self.when).chain(clear).chain(values)
    }

    /// The states it looks at, as far as they are known before it is filled in.
    pub(crate) fn reads(&self) -> impl Iterator<Item = &str> {
        self.expressions().flat_map(|written| {
            let same = match written {
                Written::Same(expression) => Some(expression.states()),
                Written::Filled(..) => None,
            };
            same.into_iter().flatten()
        })
    }

    /// Makes the level, with what turns a text into an expression.
    fn level(
        &self,
        fill: &impl Fn(&Written) -> Result<Expression, Problem>,
    ) -> Result<Level, Problem> {
        let mut level = Level::new(self.name.value.clone(), fill(&self.when)?)
            .within(self.window)
            .counting_unknown(self.unknown);
        if let Some((when, window)) = &self.clear {
            level = level.clearing(fill(when)?, *window);
        }
        if let Some(alert) = &self.alert {
            level = level.doing(Action::Alert(alert.value.as_str().into()));
        }
        for set in &self.sets {
            level = level.doing(Action::State {
                name: set.state.value.clone(),
                value: fill(&set.value)?,
                otherwise: set.otherwise.as_ref().map(fill).transpose()?,
            });
        }
        if let Some(trigger) = &self.trigger {
            level = level.doing(Action::Trigger(trigger.value.as_str().into()));
        }
        Ok(level)
    }
}

impl LevelDrafts {
    fn new(drafts: Vec<LevelDraft>) -> Self {
        let is_same = drafts
            .iter()
            .flat_map(LevelDraft::expressions)
            .all(|written| matches!(written, Written::Same(_)));
        let same = |written: &Written| match written {
            Written::Same(expression) => Ok(expression.clone()),
            Written::Filled(_, template) => Err(template.problem("not filled in")),
        };
        let levels = || -> Result<Arc<[Level]>, Problem> {
            drafts.iter().map(|draft| draft.level(&same)).collect()
        };
        let shared = is_same.then(|| levels().ok()).flatten();
        Self { drafts, shared }
    }

    /// The levels for one machine.
    pub(crate) fn fill(&self, subject: Subject<'_>) -> Result<Arc<[Level]>, Problem> {
        if let Some(shared) = &self.shared {
            return Ok(Arc::clone(shared));
        }
        let fill = |written: &Written| match written {
            Written::Same(expression) => Ok(expression.clone()),
            Written::Filled(wanted, template) => {
                let machine = &subject.machine.name;
                let text = template.value.fill(subject, Becomes::Text);
                let text = text.map_err(|NoAddress| {
                    let message =
                        format!("the machine {machine} has no address, which is needed here");
                    let help = format!("add `address:` to {machine} under machines");
                    template.problem(message).help(help)
                })?;
                wanted.parse(&text).map_err(|error| {
                    template
                        .problem(format!("for {machine}: {}", error.message))
                        .maybe_help(error.help)
                })
            }
        };
        self.drafts.iter().map(|draft| draft.level(&fill)).collect()
    }
}
