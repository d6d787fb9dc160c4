use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use crate::path::{Path, Scope, Term};

mod compare;
pub(crate) use compare::equal;
mod parse;
#[cfg(test)]
mod tests;

/// A condition, the part of an `if` tag after the word: `load.short > 4 and not muted`.
///
/// * operators: `==` `!=` `>` `<` `>=` `<=`, `in` and `not in` (left is a member
///   of right), `has` and `hasno` (right is a member of left), `is empty`,
///   `is not empty`; joined by `and`, `or`, `not` and parentheses;
/// * a term is a number, `"text"`, `'text'`, `true`, `false`, `null`, a list
///   `["a", 1]`, or a dotted [`Path`]; a term alone is true unless it is
///   missing, `null`, `false`, zero or empty;
/// * `(a.b)` before a dot or an operator is looked up and its value used as the
///   key; other parentheses group;
/// * a name that does not exist is unequal to everything and neither above nor
///   below anything;
/// * an order between values of different kinds (`10 > "a"`) is an error.
///
/// ```
/// use procblock::{Condition, Scope};
/// use serde_json::{Map, json};
///
/// let pipe = json!({"load": {"short": 4.5}});
/// let none = Map::new();
/// let scope = Scope {
///     siblings: &none,
///     pipe_data: pipe.as_object().unwrap(),
///     input_data: &none,
///     request_state: &none,
/// };
/// let condition: Condition = "load.short > 4 and muted is empty".parse()?;
/// assert_eq!(condition.holds(&scope), Ok(true));
/// # Ok::<(), procblock::ConditionError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    text: String,
    root: Expr,
}

/// Why a text is not a condition (or a path).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}, at character {}", .offset + 1)]
pub struct ConditionError {
    /// Characters before the fault.
    pub offset: usize,
    /// What is wrong there.
    pub message: String,
}

/// An order was asked for between values that have none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot tell whether {left} {operator} {right}: {reason}")]
pub struct CompareError {
    left: Box<str>,
    operator: &'static str,
    right: Box<str>,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq)]
enum Expr {
    Or(Vec<Expr>),
    And(Vec<Expr>),
    Not(Box<Expr>),
    Truth(Term),
    Compare(Term, Operator, Term),
    Empty { term: Term, wanted: bool },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Above,
    Below,
    AtLeast,
    AtMost,
    In,
    NotIn,
    Has,
    HasNo,
}

impl Condition {
    /// Decides the condition on the data in `scope`.
    ///
    /// # Errors
    /// Two values are compared for order that have none, such as a number and a text.
    pub fn holds(&self, scope: &Scope<'_>) -> Result<bool, CompareError> {
        self.root.holds(scope)
    }

    /// The condition as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Every path the condition looks up.
    pub fn paths(&self) -> Vec<&Path> {
        let mut paths = Vec::new();
        self.root.visit(&mut |term| {
            if let Term::Path(path) = term {
                path.visit(&mut |path| paths.push(path));
            }
        });
        paths
    }

    /// Whether it uses `in`, whose sides the 2010 program had exchanged.
    pub fn uses_in(&self) -> bool {
        self.root.uses_in()
    }
}

impl FromStr for Condition {
    type Err = ConditionError;

    fn from_str(text: &str) -> Result<Self, ConditionError> {
        Ok(Self {
            text: text.trim().into(),
            root: parse::condition(text)?,
        })
    }
}

impl FromStr for Path {
    type Err = ConditionError;

    fn from_str(text: &str) -> Result<Self, ConditionError> {
        parse::path(text)
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl Expr {
    fn holds(&self, scope: &Scope<'_>) -> Result<bool, CompareError> {
        match self {
            Self::Or(sides) => {
                for side in sides {
                    if side.holds(scope)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Self::And(sides) => {
                for side in sides {
                    if !side.holds(scope)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Self::Not(side) => Ok(!side.holds(scope)?),
            Self::Truth(term) => Ok(scope.value(term).is_some_and(is_true)),
            Self::Compare(left, operator, right) => {
                compare::compare(scope.value(left), *operator, scope.value(right))
            }
            Self::Empty { term, wanted } => {
                Ok(scope.value(term).is_none_or(compare::is_empty) == *wanted)
            }
        }
    }

    fn visit<'a>(&'a self, see: &mut dyn FnMut(&'a Term)) {
        match self {
            Self::Or(sides) | Self::And(sides) => {
                for side in sides {
                    side.visit(see);
                }
            }
            Self::Not(side) => side.visit(see),
            Self::Truth(term) | Self::Empty { term, .. } => see(term),
            Self::Compare(left, _, right) => {
                see(left);
                see(right);
            }
        }
    }

    fn uses_in(&self) -> bool {
        match self {
            Self::Or(sides) | Self::And(sides) => sides.iter().any(Self::uses_in),
            Self::Not(side) => side.uses_in(),
            Self::Compare(_, operator, _) => {
                matches!(operator, Operator::In | Operator::NotIn)
            }
            Self::Truth(_) | Self::Empty { .. } => false,
        }
    }
}

impl Operator {
    fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Above => ">",
            Self::Below => "<",
            Self::AtLeast => ">=",
            Self::AtMost => "<=",
            Self::In => "in",
            Self::NotIn => "not in",
            Self::Has => "has",
            Self::HasNo => "hasno",
        }
    }
}

fn is_true(value: &Value) -> bool {
    match value {
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::Null | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            !compare::is_empty(value)
        }
    }
}
