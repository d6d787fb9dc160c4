use std::sync::Arc;

use rem_time::Timestamp;

use super::expression::{Arithmetic, Call, Comparison, Expression, Index, Node, Operands};
use super::pattern;
use super::recent::RecentSeries;
use super::{Aggregate, Sample, Source, StateValue, Status, Truth};

/// Everything an expression may look at.
pub(super) struct Given<'a> {
    pub(super) sample: &'a Sample<'a>,
    /// When the newest sample that came was taken.
    pub(super) sampled: Option<Timestamp>,
    pub(super) source: &'a dyn Source,
    pub(super) recent: Option<RecentSeries<'a>>,
    /// States set a moment ago, which the source does not know yet.
    pub(super) set: &'a [(Arc<str>, Option<StateValue>)],
    pub(super) now: Timestamp,
}

/// What a part comes to.
pub(super) enum Value<'a> {
    Unknown,
    Number(f64),
    Text(&'a str),
    Shared(Arc<str>),
    Status(Status),
    Truth(Truth),
}

impl<'a> Given<'a> {
    pub(super) fn plain(sample: &'a Sample<'a>, source: &'a dyn Source, now: Timestamp) -> Self {
        Self {
            sample,
            sampled: Some(sample.at),
            source,
            recent: None,
            set: &[],
            now,
        }
    }

    fn age(&self) -> Option<f64> {
        self.sampled.map(|at| self.now.since(at).as_secs_f64())
    }

    pub(super) fn state(&self, name: &str) -> Option<StateValue> {
        let value = match self.set.iter().rev().find(|(set, _)| **set == *name) {
            Some((_, value)) => value.clone(),
            None => self.source.state(name),
        };
        value.filter(|value| !matches!(value, StateValue::Number(number) if !number.is_finite()))
    }

    pub(super) fn state_number(&self, name: &str) -> Option<f64> {
        match self.state(name)? {
            StateValue::Number(number) => Some(number),
            StateValue::Text(_) => None,
        }
    }

    fn aggregate(&self, aggregate: &Aggregate) -> Option<f64> {
        let recent = self.recent.as_ref();
        if let Some(result) = recent.and_then(|recent| recent.whole(aggregate, self.now)) {
            return result;
        }
        let stored = self.source.aggregate(aggregate, self.now);
        stored
            .filter(|value| value.is_finite())
            .or_else(|| recent.and_then(|recent| recent.part(aggregate, self.now)))
    }
}

impl Expression {
    pub(super) fn truth_given(&self, given: &Given<'_>) -> Truth {
        self.truth_of(self.root(), given)
    }

    pub(super) fn value_given(&self, given: &Given<'_>) -> Option<StateValue> {
        match self.value_of(self.root(), given) {
            Value::Unknown => None,
            Value::Number(number) => Some(StateValue::Number(number)),
            Value::Text(text) => Some(StateValue::Text(text.into())),
            Value::Shared(text) => Some(StateValue::Text(text)),
            Value::Status(status) => Some(StateValue::Text(status.word().into())),
            Value::Truth(truth) => truth.into(),
        }
    }

    pub(super) fn truth_of(&self, index: Index, given: &Given<'_>) -> Truth {
        match self.node(index) {
            Node::Truth(truth) => (*truth).into(),
            Node::Not(of) => !self.truth_of(*of, given),
            Node::And(parts) => {
                let mut truth = Truth::True;
                for part in parts {
                    truth = truth.and(self.truth_of(*part, given));
                    if truth.is_false() {
                        break;
                    }
                }
                truth
            }
            Node::Or(parts) => {
                let mut truth = Truth::False;
                for part in parts {
                    truth = truth.or(self.truth_of(*part, given));
                    if truth.is_true() {
                        break;
                    }
                }
                truth
            }
            Node::Compare(operands, comparison, a, b) => {
                self.compare(*operands, *comparison, *a, *b, given)
            }
            Node::Contains(a, b) => {
                let (a, b) = (self.value_of(*a, given), self.value_of(*b, given));
                match (a.text(), b.text()) {
                    (Some(a), Some(b)) => a.contains(b).into(),
                    _ => Truth::Unknown,
                }
            }
            Node::Matches(a, pattern) => {
                let a = self.value_of(*a, given);
                a.text().map(|text| pattern::fits(pattern, text)).into()
            }
            Node::IsUnknown { of, not } => {
                let is_unknown = match self.value_of(*of, given) {
                    Value::Unknown | Value::Status(Status::Unknown) => true,
                    Value::Truth(truth) => !truth.is_known(),
                    Value::Number(_) | Value::Text(_) | Value::Shared(_) | Value::Status(_) => {
                        false
                    }
                };
                (is_unknown != *not).into()
            }
            Node::Number { .. }
            | Node::Text(_)
            | Node::Word(_)
            | Node::Status
            | Node::Message
            | Node::Age
            | Node::Field(_)
            | Node::State(_)
            | Node::Series(_)
            | Node::Negate(_)
            | Node::Arithmetic(..)
            | Node::Call(..) => Truth::Unknown,
        }
    }

    fn compare(
        &self,
        operands: Operands,
        comparison: Comparison,
        a: Index,
        b: Index,
        given: &Given<'_>,
    ) -> Truth {
        if operands == Operands::Numbers {
            return match (self.number_of(a, given), self.number_of(b, given)) {
                (Some(a), Some(b)) => comparison.holds(&a, &b).into(),
                _ => Truth::Unknown,
            };
        }
        let (left, right) = (self.value_of(a, given), self.value_of(b, given));
        match (&left, &right) {
            (Value::Status(left), Value::Status(right)) => {
                let asks_unknown = [a, b]
                    .iter()
                    .any(|side| matches!(self.node(*side), Node::Word(Status::Unknown)));
                let is_unknown = [left, right].contains(&&Status::Unknown);
                match is_unknown && !asks_unknown {
                    true => Truth::Unknown,
                    false => comparison.holds(left, right).into(),
                }
            }
            (Value::Number(left), Value::Number(right)) => comparison.holds(left, right).into(),
            _ => match (left.text(), right.text(), comparison) {
                (Some(left), Some(right), Comparison::Equal) => (left == right).into(),
                (Some(left), Some(right), Comparison::NotEqual) => (left != right).into(),
                _ => Truth::Unknown,
            },
        }
    }

    /// A finite number, or unknown.
    pub(super) fn number_of(&self, index: Index, given: &Given<'_>) -> Option<f64> {
        match self.node(index) {
            Node::Number { value, .. } => Some(*value),
            Node::Field(name) => self.names[usize::from(*name)].find(given.sample.readings),
            Node::State(name) => given.state_number(name),
            Node::Series(series) => given.aggregate(&series.0),
            Node::Age => given.age(),
            Node::Negate(of) => Some(-self.number_of(*of, given)?),
            Node::Arithmetic(sign, a, b) => {
                let (a, b) = (self.number_of(*a, given)?, self.number_of(*b, given)?);
                let result = match sign {
                    Arithmetic::Add => a + b,
                    Arithmetic::Subtract => a - b,
                    Arithmetic::Multiply => a * b,
                    Arithmetic::Divide => a / b,
                };
                // Division by zero and overflow have no answer.
                Some(result).filter(|result| result.is_finite())
            }
            Node::Call(call, parts) => {
                let mut result: Option<f64> = None;
                for part in parts {
                    let value = self.number_of(*part, given)?;
                    result = Some(match (call, result) {
                        (Call::Abs, _) => value.abs(),
                        (Call::Min, Some(result)) => result.min(value),
                        (Call::Max, Some(result)) => result.max(value),
                        (Call::Min | Call::Max, None) => value,
                    });
                }
                result
            }
            Node::Text(_)
            | Node::Truth(_)
            | Node::Word(_)
            | Node::Status
            | Node::Message
            | Node::Not(_)
            | Node::Compare(..)
            | Node::And(_)
            | Node::Or(_)
            | Node::Contains(..)
            | Node::Matches(..)
            | Node::IsUnknown { .. } => None,
        }
    }

    pub(super) fn value_of<'a>(&'a self, index: Index, given: &Given<'a>) -> Value<'a> {
        match self.node(index) {
            Node::Text(text) => Value::Text(text),
            Node::Message => Value::Text(given.sample.message),
            Node::Word(status) => Value::Status(*status),
            Node::Status => Value::Status(given.sample.status),
            Node::State(name) => match given.state(name) {
                Some(StateValue::Number(number)) => Value::Number(number),
                Some(StateValue::Text(text)) => Value::Shared(text),
                None => Value::Unknown,
            },
            Node::Number { .. }
            | Node::Age
            | Node::Field(_)
            | Node::Series(_)
            | Node::Negate(_)
            | Node::Arithmetic(..)
            | Node::Call(..) => self
                .number_of(index, given)
                .map_or(Value::Unknown, Value::Number),
            Node::Truth(_)
            | Node::Not(_)
            | Node::Compare(..)
            | Node::And(_)
            | Node::Or(_)
            | Node::Contains(..)
            | Node::Matches(..)
            | Node::IsUnknown { .. } => Value::Truth(self.truth_of(index, given)),
        }
    }
}

impl Value<'_> {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Shared(text) => Some(text),
            Self::Unknown | Self::Number(_) | Self::Status(_) | Self::Truth(_) => None,
        }
    }
}

impl Comparison {
    fn holds<T: PartialOrd>(self, a: &T, b: &T) -> bool {
        match self {
            Self::Equal => a == b,
            Self::NotEqual => a != b,
            Self::Less => a < b,
            Self::AtMost => a <= b,
            Self::More => a > b,
            Self::AtLeast => a >= b,
        }
    }
}
