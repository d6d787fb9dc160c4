use std::sync::Arc;

use super::super::Status;
use super::super::error::{ExpressionError, did_you_mean};
use super::super::expression::{Comparison, Kind, Node, Operands};
use super::super::lexer::Token;
use super::{Parsed, Parser, Part};

impl Parser<'_> {
    /// A sum, or what two of them say of each other.
    pub(super) fn comparison(&mut self) -> Parsed<Part> {
        let a = self.sum()?;
        if let Some(comparison) = self.comparison_sign() {
            let b = self.sum()?;
            if self.comparison_sign().is_some() {
                self.at -= 1;
                return Err(self
                    .error("comparisons do not chain")
                    .help("write: 1 < x and x < 3"));
            }
            return self.compare(comparison, a, b);
        }
        if self.word("contains") {
            let b = self.sum()?;
            self.must_be_text(a)?;
            self.must_be_text(b)?;
            let node = Node::Contains(a.index, b.index);
            return self.push(node, Kind::Truth, a.from, &[a, b]);
        }
        if self.word("matches") {
            self.must_be_text(a)?;
            let Token::Text(pattern) = self.peek() else {
                return Err(self
                    .error(format!("a pattern is missing, found {}", self.found()))
                    .help("such as matches \"*refused*\": * is any text, ? one character"));
            };
            let pattern = Arc::from(&**pattern);
            self.advance();
            let node = Node::Matches(a.index, pattern);
            return self.push(node, Kind::Truth, a.from, &[a]);
        }
        if self.word("is") {
            let not = self.word("not");
            if !self.word("unknown") {
                return Err(self
                    .error(format!(
                        "unknown is missing after is, found {}",
                        self.found()
                    ))
                    .help("write == to compare"));
            }
            let node = Node::IsUnknown { of: a.index, not };
            return self.push(node, Kind::Truth, a.from, &[a]);
        }
        Ok(a)
    }

    fn comparison_sign(&mut self) -> Option<Comparison> {
        let comparison = match self.peek() {
            Token::Sign("==") => Comparison::Equal,
            Token::Sign("!=") => Comparison::NotEqual,
            Token::Sign("<") => Comparison::Less,
            Token::Sign("<=") => Comparison::AtMost,
            Token::Sign(">") => Comparison::More,
            Token::Sign(">=") => Comparison::AtLeast,
            _ => return None,
        };
        self.advance();
        Some(comparison)
    }

    fn compare(&mut self, comparison: Comparison, a: Part, b: Part) -> Parsed<Part> {
        let is_equality = matches!(comparison, Comparison::Equal | Comparison::NotEqual);
        let operands = match (a.kind, b.kind) {
            (Kind::Status, Kind::Status) => {
                let unknown = |part: Part| {
                    matches!(
                        self.nodes[usize::from(part.index)],
                        Node::Word(Status::Unknown)
                    )
                };
                if !is_equality && (unknown(a) || unknown(b)) {
                    return Err(ExpressionError::new(b.from, "unknown has no rank")
                        .help("compare with ==, or with ok, warning or critical"));
                }
                Operands::Statuses
            }
            (Kind::Number, Kind::Number | Kind::State) | (Kind::State, Kind::Number) => {
                Operands::Numbers
            }
            (Kind::State, Kind::State) => Operands::States,
            (Kind::Text, Kind::Text | Kind::State) | (Kind::State, Kind::Text) => {
                if !is_equality {
                    return Err(ExpressionError::new(a.from, "texts have no order")
                        .help("compare with ==, !=, contains or matches"));
                }
                Operands::Texts
            }
            (a_kind, b_kind) => {
                let message = format!(
                    "{} cannot be compared with {}",
                    a_kind.noun(),
                    b_kind.noun()
                );
                let error = ExpressionError::new(b.from, message);
                return Err(error.maybe(self.comparison_help(a, b)));
            }
        };
        let node = Node::Compare(operands, comparison, a.index, b.index);
        self.push(node, Kind::Truth, a.from, &[a, b])
    }

    fn comparison_help(&self, a: Part, b: Part) -> Option<String> {
        let node = |part: Part| &self.nodes[usize::from(part.index)];
        match (node(a), node(b)) {
            (Node::Status, Node::Text(word)) | (Node::Text(word), Node::Status) => {
                let known: Vec<&str> = Status::ALL.iter().map(|status| status.word()).collect();
                match known.contains(&&**word) {
                    true => Some(format!("write {word} without quotes")),
                    false => Some("a status is ok, warning, critical or unknown".to_owned()),
                }
            }
            (Node::Status, Node::Field(name)) | (Node::Field(name), Node::Status) => {
                let name = &self.names[usize::from(*name)].text;
                let known: Vec<&str> = Status::ALL.iter().map(|status| status.word()).collect();
                did_you_mean(name, &known)
                    .or_else(|| Some("a status is ok, warning, critical or unknown".to_owned()))
            }
            (_, Node::Word(Status::Unknown)) => Some("write: is unknown".to_owned()),
            (Node::State(_), Node::Word(status)) | (Node::Word(status), Node::State(_)) => {
                Some(format!("a state is a number or a text: write \"{status}\""))
            }
            _ if a.kind == Kind::Truth || b.kind == Kind::Truth => {
                Some("join conditions with and, or, not".to_owned())
            }
            _ => None,
        }
    }

    fn must_be_text(&self, part: Part) -> Parsed<()> {
        match part.kind {
            Kind::Text | Kind::State => Ok(()),
            other => Err(
                ExpressionError::new(part.from, format!("{} is no text", other.noun()))
                    .help("as in message contains \"refused\""),
            ),
        }
    }
}
