use std::fmt;

use super::super::Aggregate;
use super::{Arithmetic, Call, Comparison, Expression, Index, Node};

/// The expression in its plainest form; reading it again gives an equal one.
impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, self.root(), 0)
    }
}

impl Node {
    /// How tightly it binds; a child that binds looser than its place needs parentheses.
    fn binds(&self) -> u8 {
        match self {
            Self::Or(_) => 1,
            Self::And(_) => 2,
            Self::Not(_) => 3,
            Self::Compare(..) | Self::Contains(..) | Self::Matches(..) | Self::IsUnknown { .. } => {
                4
            }
            Self::Arithmetic(Arithmetic::Add | Arithmetic::Subtract, ..) => 5,
            Self::Arithmetic(..) => 6,
            Self::Negate(_) => 7,
            _ => 8,
        }
    }
}

impl Expression {
    /// The text of one part.
    pub(in crate::level) fn text_of(&self, index: Index) -> String {
        struct Part<'a>(&'a Expression, Index);
        impl fmt::Display for Part<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.write(f, self.1, 0)
            }
        }
        Part(self, index).to_string()
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, index: Index, place: u8) -> fmt::Result {
        let node = self.node(index);
        if node.binds() < place {
            f.write_str("(")?;
            self.write(f, index, 0)?;
            return f.write_str(")");
        }
        match node {
            Node::Number { text, .. } => f.write_str(text),
            Node::Text(text) => f.write_str(&quoted(text)),
            Node::Truth(truth) => write!(f, "{truth}"),
            Node::Word(status) => f.write_str(status.word()),
            Node::Status => f.write_str("status"),
            Node::Message => f.write_str("message"),
            Node::Age => f.write_str("age()"),
            Node::Field(name) => write_name(f, &self.names[usize::from(*name)].text),
            Node::State(name) => write!(f, "state({})", quoted(name)),
            Node::Series(series) => write_series(f, &series.0, &series.1),
            Node::Not(of) => {
                f.write_str("not ")?;
                self.write(f, *of, 3)
            }
            Node::Negate(of) => {
                f.write_str("-")?;
                self.write(f, *of, 7)
            }
            Node::Arithmetic(sign, a, b) => {
                self.write(f, *a, node.binds())?;
                write!(f, " {} ", sign.sign())?;
                self.write(f, *b, node.binds() + 1)
            }
            Node::Compare(_, comparison, a, b) => {
                self.write(f, *a, 5)?;
                write!(f, " {} ", comparison.sign())?;
                self.write(f, *b, 5)
            }
            Node::And(parts) => self.join(f, parts, " and ", 3),
            Node::Or(parts) => self.join(f, parts, " or ", 2),
            Node::Contains(a, b) => {
                self.write(f, *a, 5)?;
                f.write_str(" contains ")?;
                self.write(f, *b, 5)
            }
            Node::Matches(a, pattern) => {
                self.write(f, *a, 5)?;
                write!(f, " matches {}", quoted(pattern))
            }
            Node::IsUnknown { of, not } => {
                self.write(f, *of, 5)?;
                f.write_str(if *not {
                    " is not unknown"
                } else {
                    " is unknown"
                })
            }
            Node::Call(call, parts) => {
                write!(f, "{}(", call.name())?;
                self.join(f, parts, ", ", 0)?;
                f.write_str(")")
            }
        }
    }

    fn join(
        &self,
        f: &mut fmt::Formatter<'_>,
        parts: &[Index],
        between: &str,
        place: u8,
    ) -> fmt::Result {
        for (i, part) in parts.iter().enumerate() {
            if i > 0 {
                f.write_str(between)?;
            }
            self.write(f, *part, place)?;
        }
        Ok(())
    }
}

impl Arithmetic {
    pub(in crate::level) const fn sign(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
        }
    }
}

impl Comparison {
    pub(in crate::level) const fn sign(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::More => ">",
            Self::AtLeast => ">=",
        }
    }
}

impl Call {
    pub(in crate::level) const fn name(self) -> &'static str {
        match self {
            Self::Abs => "abs",
            Self::Min => "min",
            Self::Max => "max",
        }
    }
}

fn write_series(f: &mut fmt::Formatter<'_>, aggregate: &Aggregate, over: &str) -> fmt::Result {
    // The aggregate's own text has its span normalised; here it stays as written.
    let text = aggregate.to_string();
    let head = text.rfind(", ").map_or(&*text, |at| &text[..at]);
    write!(f, "{head}, {over})")
}

/// Words that mean something else than a field.
pub(in crate::level) const RESERVED: [&str; 15] = [
    "and", "or", "not", "is", "true", "false", "ok", "warning", "critical", "unknown", "status",
    "message", "contains", "matches", "last",
];

/// A field as an expression names it.
pub(in crate::level) fn write_name(f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
    let is_word = name.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || c == '_' || c == '.')
        && !RESERVED.contains(&name);
    if is_word {
        f.write_str(name)
    } else if name.is_empty() || name.contains('`') {
        write!(f, "field({})", quoted(name))
    } else {
        write!(f, "`{name}`")
    }
}

pub(in crate::level) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
