use std::fmt;

use rem_time::{Span, Timestamp};

use super::evaluate::{Given, Value};
use super::expression::{Expression, Index, Node};
use super::lexer::Measure;
use super::recent::RecentSeries;
use super::watch::SoFar;
use super::{LevelState, Levels, Sample, Source, Truth};

/// An expression with the values it saw, as a tree. Its text is one line, such as
/// `duration = 72ms > 50ms: true`.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// This part as it is written.
    pub text: String,
    /// What it came to, in the unit of what it is compared with.
    pub value: String,
    /// For a condition, whether it held.
    pub truth: Option<Truth>,
    /// What it consists of.
    pub parts: Vec<Explanation>,
    /// With the values in it.
    line: String,
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.line)
    }
}

/// A level with what it saw, for a page and for the text of an alert. Its text is
/// one line, such as `slow: duration = 72ms > 50ms: true, 3 of the last 10 match, 2 needed`.
#[derive(Clone, Debug, PartialEq)]
pub struct LevelExplanation {
    /// The level.
    pub level: String,
    /// Whether it matches.
    pub matches: Truth,
    /// The condition that is looked at: `when`, or `clear` while it matches.
    pub condition: Explanation,
    /// Whether that is `clear`.
    pub is_clearing: bool,
    /// How far its window is.
    pub window: String,
}

impl fmt::Display for LevelExplanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clear = if self.is_clearing { "clear " } else { "" };
        let Self {
            level,
            condition,
            window,
            ..
        } = self;
        write!(f, "{level}: {clear}{condition}, {window}")
    }
}

impl Levels {
    /// Every level of a group with the values it sees in `sample`, to be asked for
    /// after the [`step`](Self::step) of that sample; empty if there is no such group.
    pub fn explain(
        &self,
        group: usize,
        state: &LevelState,
        sample: &Sample<'_>,
        source: &dyn Source,
        now: Timestamp,
    ) -> Vec<LevelExplanation> {
        let Some(group) = self.groups.get(group) else {
            return Vec::new();
        };
        let given = Given {
            sampled: state.sampled,
            recent: state.recent.as_deref().map(|recent| RecentSeries {
                keep: &self.keep,
                recent,
            }),
            ..Given::plain(sample, source, now)
        };
        let members = group.members.clone();
        members
            .filter_map(|at| self.explain_level(at, state, &given))
            .collect()
    }

    fn explain_level(
        &self,
        at: usize,
        state: &LevelState,
        given: &Given<'_>,
    ) -> Option<LevelExplanation> {
        let (level, rule, watch) = (&self.levels[at], &self.rules[at], state.watches.get(at)?);
        let is_clearing = watch.is_clearing();
        let (condition, window, memory) = match (&level.clear, is_clearing) {
            (Some((condition, window)), true) => (condition, window, &watch.clear),
            _ => (&level.when, &level.window, &watch.when),
        };
        let needs = rule.needs(is_clearing);
        let window = match (memory.so_far(needs), window.samples(), window.time()) {
            (SoFar::Samples(_, 0), Some((need, of)), _) => {
                format!("no sample counted yet, {need} of {of} needed")
            }
            (SoFar::Samples(matches, seen), Some((need, of)), _) if seen < of => {
                format!("{matches} of the first {seen} match, {need} of {of} needed")
            }
            (SoFar::Samples(matches, _), Some((need, of)), _) => {
                format!("{matches} of the last {of} match, {need} needed")
            }
            (SoFar::Time(held), _, Some((need, of))) if need == of => {
                format!("held for {}, {need} needed", rounded(held))
            }
            (SoFar::Time(held), _, Some((need, of))) => {
                format!("held for {} of the last {of}, {need} needed", rounded(held))
            }
            _ => window.to_string(),
        };
        Some(LevelExplanation {
            level: level.name.to_string(),
            matches: watch.truth(),
            condition: condition.explain_given(given),
            is_clearing,
            window,
        })
    }
}

/// To whole seconds where that says enough.
fn rounded(span: Span) -> Span {
    match span >= Span::from_seconds(10) {
        true => Span::from_seconds(span.as_seconds()),
        false => Span::from_millis(span.as_millis()),
    }
}

impl Expression {
    /// The expression with the values it sees.
    pub fn explain(&self, sample: &Sample<'_>, source: &dyn Source, now: Timestamp) -> Explanation {
        self.explain_given(&Given::plain(sample, source, now))
    }

    pub(super) fn explain_given(&self, given: &Given<'_>) -> Explanation {
        let root = self.root();
        self.part(root, given, self.measure(root))
    }

    fn part(&self, index: Index, given: &Given<'_>, measure: Measure) -> Explanation {
        let node = self.node(index);
        let children = self.children(index);
        // What is compared is shown in one unit.
        let inner = match node {
            Node::Compare(_, _, a, b) => combined(self.measure(*a), self.measure(*b)),
            Node::And(_) | Node::Or(_) | Node::Not(_) => Measure::Plain,
            _ => measure,
        };
        let parts: Vec<Explanation> = children
            .iter()
            .map(|child| self.part(*child, given, inner_measure(self, *child, inner)))
            .collect();
        let text = self.text_of(index);
        let value = self.value_of(index, given);
        let truth = match value {
            Value::Truth(truth) => Some(truth),
            _ => None,
        };
        let shown = show(&value, measure);
        let line = match node {
            Node::Number { .. } | Node::Text(_) | Node::Word(_) | Node::Truth(_) => text.clone(),
            Node::Status
            | Node::Message
            | Node::Age
            | Node::Field(_)
            | Node::State(_)
            | Node::Series(_) => format!("{text} = {shown}"),
            Node::Negate(_) | Node::Arithmetic(..) | Node::Call(..) => {
                let with = |part: &Explanation| part.line.clone();
                let sources: Vec<String> = self.leaves(&parts).map(with).collect();
                match sources.is_empty() {
                    true => format!("{text} = {shown}"),
                    false => format!("{text} = {shown} ({})", sources.join(", ")),
                }
            }
            Node::Compare(_, comparison, ..) => match &parts[..] {
                [a, b] => format!("{} {} {}: {shown}", a.line, comparison.sign(), b.line),
                _ => text.clone(),
            },
            Node::Contains(..) => match &parts[..] {
                [a, b] => format!("{} contains {}: {shown}", a.line, b.line),
                _ => text.clone(),
            },
            Node::Matches(_, pattern) => {
                let a = parts.first().map(|a| &*a.line).unwrap_or_default();
                let pattern = super::expression::quoted(pattern);
                format!("{a} matches {pattern}: {shown}")
            }
            Node::IsUnknown { not, .. } => {
                let a = parts.first().map(|a| &*a.line).unwrap_or_default();
                let is = if *not { "is not unknown" } else { "is unknown" };
                format!("{a} {is}: {shown}")
            }
            Node::Not(_) => {
                let a = parts.first().map(|a| &*a.line).unwrap_or_default();
                format!("not ({a}): {shown}")
            }
            Node::And(_) => joined(&parts, " and ", &shown),
            Node::Or(_) => joined(&parts, " or ", &shown),
        };
        Explanation {
            text,
            value: shown,
            truth,
            parts,
            line,
        }
    }

    /// The named values a number is made of, each once.
    fn leaves<'a>(&self, parts: &'a [Explanation]) -> impl Iterator<Item = &'a Explanation> {
        let mut leaves: Vec<&Explanation> = Vec::new();
        let mut rest: Vec<&Explanation> = parts.iter().rev().collect();
        while let Some(part) = rest.pop() {
            if !part.parts.is_empty() {
                rest.extend(part.parts.iter().rev());
            } else if part.line != part.text && !leaves.iter().any(|leaf| leaf.text == part.text) {
                leaves.push(part);
            }
        }
        leaves.into_iter()
    }

    fn children(&self, index: Index) -> Vec<Index> {
        match self.node(index) {
            Node::Not(of) | Node::Negate(of) | Node::Matches(of, _) => vec![*of],
            Node::IsUnknown { of, .. } => vec![*of],
            Node::Arithmetic(_, a, b) | Node::Compare(_, _, a, b) | Node::Contains(a, b) => {
                vec![*a, *b]
            }
            Node::And(parts) | Node::Or(parts) | Node::Call(_, parts) => parts.to_vec(),
            Node::Number { .. }
            | Node::Text(_)
            | Node::Truth(_)
            | Node::Word(_)
            | Node::Status
            | Node::Message
            | Node::Age
            | Node::Field(_)
            | Node::State(_)
            | Node::Series(_) => Vec::new(),
        }
    }

    /// What a number counts, as far as its literals tell.
    fn measure(&self, index: Index) -> Measure {
        match self.node(index) {
            Node::Number { measure, .. } => *measure,
            Node::Age => Measure::Seconds,
            Node::Negate(of) => self.measure(*of),
            // A product is of one kind only by accident.
            Node::Arithmetic(sign, a, b) if matches!(sign.sign(), "+" | "-") => {
                combined(self.measure(*a), self.measure(*b))
            }
            Node::Call(_, parts) => parts
                .iter()
                .map(|part| self.measure(*part))
                .fold(Measure::Plain, combined),
            _ => Measure::Plain,
        }
    }
}

fn combined(a: Measure, b: Measure) -> Measure {
    match a {
        Measure::Plain => b,
        _ => a,
    }
}

/// The unit a child is shown in: that of its place, but for the factors of a product.
fn inner_measure(expression: &Expression, child: Index, place: Measure) -> Measure {
    match expression.node(child) {
        Node::Age => Measure::Seconds,
        Node::Number { measure, .. } => *measure,
        _ => place,
    }
}

fn joined(parts: &[Explanation], between: &str, shown: &str) -> String {
    let parts: Vec<String> = parts
        .iter()
        .map(|part| format!("({})", part.line))
        .collect();
    format!("{}: {shown}", parts.join(between))
}

fn show(value: &Value<'_>, measure: Measure) -> String {
    match value {
        Value::Unknown => "unknown".to_owned(),
        Value::Number(number) => show_number(*number, measure),
        Value::Text(text) => super::expression::quoted(&shortened(text)),
        Value::Shared(text) => super::expression::quoted(&shortened(text)),
        Value::Status(status) => status.to_string(),
        Value::Truth(truth) => truth.to_string(),
    }
}

/// Most characters of a text that an explanation shows.
const SHOWN_MAX: usize = 120;

fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Four digits are enough to see why; the unit is the largest that leaves a whole one.
fn show_number(number: f64, measure: Measure) -> String {
    const SECONDS: [(f64, &str); 7] = [
        (86_400.0, "d"),
        (3600.0, "h"),
        (60.0, "m"),
        (1.0, "s"),
        (1e-3, "ms"),
        (1e-6, "us"),
        (1e-9, "ns"),
    ];
    const BYTES: [(f64, &str); 6] = [
        (1_125_899_906_842_624.0, "PiB"),
        (1_099_511_627_776.0, "TiB"),
        (1_073_741_824.0, "GiB"),
        (1_048_576.0, "MiB"),
        (1024.0, "KiB"),
        (1.0, "B"),
    ];
    let units: &[(f64, &str)] = match measure {
        Measure::Plain => return digits(number),
        Measure::Percent => return format!("{}%", digits(number)),
        Measure::Seconds => &SECONDS,
        Measure::Bytes => &BYTES,
    };
    let base = if measure == Measure::Seconds {
        "s"
    } else {
        "B"
    };
    let size = number.abs();
    match units.iter().find(|(factor, _)| size >= *factor * 0.999_95) {
        Some((factor, unit)) => format!("{}{unit}", digits(number / factor)),
        None => format!("{}{base}", digits(number)),
    }
}

fn digits(number: f64) -> String {
    let size = number.abs();
    if size != 0.0 && !(1e-4..1e15).contains(&size) {
        return format!("{number:.3e}");
    }
    let decimals = match size {
        size if size >= 1000.0 => 1,
        size if size >= 100.0 => 2,
        size if size >= 1.0 => 3,
        _ => 6,
    };
    let text = format!("{number:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}
