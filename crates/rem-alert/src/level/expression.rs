use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use rem_time::Timestamp;

use super::evaluate::Given;
use super::lexer::Measure;
use super::{Aggregate, ExpressionError, Sample, Source, StateValue, Status, Subject, Truth};

mod write;

pub(super) use write::{RESERVED, quoted, write_name};

/// Longest expression in bytes; more is refused.
pub const EXPRESSION_BYTES_MAX: usize = 4096;
/// Deepest nesting; more is refused. A chain of `and` or of `or` is one level.
pub const DEPTH_MAX: usize = 100;

/// A condition or a value over the newest sample, its series and states.
///
/// | written | is |
/// |---|---|
/// | `duration`, `used_percent` | a reading of the newest sample |
/// | `` `a/b c` ``, `field("a/b c")` | a reading whose name is no bare word |
/// | `50ms`, `1h30m`, `10GiB`, `20MB/s`, `90%`, `1e3` | a number in base units: seconds, bytes, percent of 100 |
/// | `status` | `ok`, `warning`, `critical` or `unknown`; it may be compared in that order. Against anything but `unknown` a status that is unknown compares as unknown |
/// | `message` | what the check said; `message contains "x"`, `message matches "*x?"` |
/// | `state("name")` | a number or a text that a level has set |
/// | `+ - * /`, `< <= > >= == !=`, `and or not`, `( )` | as everywhere; comparisons do not chain |
/// | `x is unknown`, `x is not unknown` | never unknown itself |
/// | `avg min max sum count rate delta`, as in `avg(x, 10m)`, `avg(x, last 10)` | a [function](super::Function) over the series of a reading or of a state |
/// | `percentile(x, 95, 1h)`, `last(x, 3)` | likewise |
/// | `abs(a)`, `min(a, b, …)`, `max(a, b, …)` | of numbers; unknown if one is |
/// | `age()` | seconds since the newest sample |
///
/// `max(x, 10m)`, a name and a length of time, is the function over the series.
///
/// ```
/// use rem_alert::level::{Expression, NoSource, Sample, Status, Truth};
/// use rem_time::Timestamp;
///
/// let at = Timestamp::EPOCH;
/// let readings = [("duration", Some(0.072))];
/// let sample = Sample { at, status: Status::Ok, message: "200", readings: &readings };
///
/// let slow: Expression = "duration > 50ms".parse()?;
/// assert_eq!(slow.truth(&sample, &NoSource, at), Truth::True);
/// assert_eq!(slow.explain(&sample, &NoSource, at).to_string(), "duration = 72ms > 50ms: true");
///
/// let wrong = Expression::parse("averge(duration, 10m) > 1").unwrap_err();
/// assert_eq!((wrong.offset, wrong.help.as_deref()), (0, Some("did you mean avg?")));
/// # Ok::<(), rem_alert::level::ExpressionError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    /// Children before parents; the last is the whole.
    pub(super) nodes: Box<[Node]>,
    pub(super) names: Box<[Name]>,
    pub(super) kind: Kind,
}

/// What an expression comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// True, false or unknown: usable as a condition.
    Truth,
    /// A number.
    Number,
    /// A text.
    Text,
    /// A [`Status`].
    Status,
    /// A number or a text, as whoever sets the state likes.
    State,
}

impl Kind {
    pub(super) const fn noun(self) -> &'static str {
        match self {
            Self::Truth => "a condition",
            Self::Number => "a number",
            Self::Text => "a text",
            Self::Status => "a status",
            Self::State => "a state",
        }
    }
}

/// A field, and where it was last found in a sample: monitors of one definition
/// report the same fields in the same order, so the first guess is right.
#[derive(Debug)]
pub(super) struct Name {
    pub(super) text: Arc<str>,
    pub(super) offset: usize,
    hint: AtomicU16,
}

impl Name {
    pub(super) fn new(text: Arc<str>, offset: usize) -> Self {
        Self {
            text,
            offset,
            hint: AtomicU16::new(0),
        }
    }

    pub(super) fn find(&self, readings: &[(&str, Option<f64>)]) -> Option<f64> {
        let hint = usize::from(self.hint.load(Ordering::Relaxed));
        let value = match readings.get(hint) {
            Some((name, value)) if **name == *self.text => *value,
            _ => {
                let at = readings.iter().position(|(name, _)| **name == *self.text)?;
                let hint = u16::try_from(at).unwrap_or(0);
                self.hint.store(hint, Ordering::Relaxed);
                readings[at].1
            }
        };
        value.filter(|value| value.is_finite())
    }
}

impl Clone for Name {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.text), self.offset)
    }
}

/// Neither the place in the text nor the guess is part of what it means.
impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// Index of a child in [`Expression::nodes`].
pub(super) type Index = u16;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    Number {
        value: f64,
        measure: Measure,
        /// As it was written.
        text: Box<str>,
    },
    Text(Arc<str>),
    Truth(bool),
    Word(Status),
    Status,
    Message,
    Age,
    Field(Index),
    State(Arc<str>),
    /// The aggregate, and its span or count as it was written.
    Series(Box<(Aggregate, Box<str>)>),
    Not(Index),
    Negate(Index),
    Arithmetic(Arithmetic, Index, Index),
    Compare(Operands, Comparison, Index, Index),
    And(Box<[Index]>),
    Or(Box<[Index]>),
    Contains(Index, Index),
    Matches(Index, Arc<str>),
    IsUnknown {
        of: Index,
        not: bool,
    },
    Call(Call, Box<[Index]>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    AtMost,
    More,
    AtLeast,
}

/// What is compared, as far as the text tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operands {
    Numbers,
    Texts,
    Statuses,
    /// Two states: numbers or texts.
    States,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Abs,
    Min,
    Max,
}

impl Expression {
    /// Reads an expression of any kind.
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        super::parser::parse(text)
    }

    /// Reads an expression and refuses what is no condition.
    pub fn condition(text: &str) -> Result<Self, ExpressionError> {
        let expression = Self::parse(text)?;
        match expression.kind {
            Kind::Truth => Ok(expression),
            other => Err(ExpressionError::new(
                text.len() - text.trim_start().len(),
                format!("{} is no condition: {}", other.noun(), text.trim()),
            )
            .help(match other {
                Kind::Status => "compare it, as in status != ok",
                Kind::Text => "compare it, as in message contains \"refused\"",
                _ => "compare it, as in used_percent > 90",
            })),
        }
    }

    /// What it comes to.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Says that it looks at a reading that is none of `known`, where that is so.
    ///
    /// ```
    /// use rem_alert::level::Expression;
    ///
    /// let expression = Expression::parse("1s < duraton")?;
    /// let error = expression.unknown_field(&["duration", "code"]).unwrap();
    /// assert_eq!((error.offset, error.to_string().as_str()),
    ///     (5, "no such reading: duraton (did you mean duration?)"));
    /// # Ok::<(), rem_alert::level::ExpressionError>(())
    /// ```
    pub fn unknown_field(&self, known: &[&str]) -> Option<ExpressionError> {
        let (name, offset) = self.fields().find(|(name, _)| !known.contains(name))?;
        let error = ExpressionError::new(offset, format!("no such reading: {name}"));
        Some(error.maybe(super::error::did_you_mean(name, known)))
    }

    /// The readings it looks at, now or over time, each once, with the byte offset
    /// of the first use.
    pub fn fields(&self) -> impl Iterator<Item = (&str, usize)> {
        self.names.iter().map(|name| (&*name.text, name.offset))
    }

    /// The states it looks at, now or over time; a name may come more than once.
    pub fn states(&self) -> impl Iterator<Item = &str> {
        self.nodes.iter().filter_map(|node| match node {
            Node::State(name) => Some(&**name),
            Node::Series(series) => match &series.0.subject {
                Subject::State(name) => Some(&**name),
                Subject::Field(_) => None,
            },
            _ => None,
        })
    }

    /// The functions over series it needs.
    pub fn aggregates(&self) -> impl Iterator<Item = &Aggregate> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Series(series) => Some(&series.0),
            _ => None,
        })
    }

    /// Whether time alone, with no sample, may change it: it asks for `age()` or
    /// for a `count` over a length of time.
    pub fn follows_the_clock(&self) -> bool {
        self.nodes.iter().any(|node| match node {
            Node::Age => true,
            Node::Series(series) => matches!(
                (series.0.function, series.0.over),
                (super::Function::Count, super::Over::Span(_))
            ),
            _ => false,
        })
    }

    /// Whether it holds; unknown too if it is no condition.
    pub fn truth(&self, sample: &Sample<'_>, source: &dyn Source, now: Timestamp) -> Truth {
        self.truth_given(&Given::plain(sample, source, now))
    }

    /// What it comes to: a condition to 0 or 1, a status to its word, `None` if unknown.
    pub fn value(
        &self,
        sample: &Sample<'_>,
        source: &dyn Source,
        now: Timestamp,
    ) -> Option<StateValue> {
        self.value_given(&Given::plain(sample, source, now))
    }

    pub(super) fn node(&self, index: Index) -> &Node {
        &self.nodes[usize::from(index)]
    }

    pub(super) fn root(&self) -> Index {
        // Parsing stops at 4096 bytes, so there are fewer nodes than that.
        (self.nodes.len() - 1) as Index
    }
}

impl FromStr for Expression {
    type Err = ExpressionError;

    fn from_str(text: &str) -> Result<Self, ExpressionError> {
        Self::parse(text)
    }
}
