use serde_json::{Number, Value};

use super::{ConditionError, Expr, Operator};
use crate::path::{Path, Segment, Term};

/// Nesting of parentheses and `not`; deeper conditions are refused.
const DEPTH_MAX: usize = 64;

const KEYWORDS: [&str; 7] = ["and", "or", "not", "in", "is", "has", "hasno"];

pub(super) fn condition(text: &str) -> Result<Expr, ConditionError> {
    let mut parser = Parser::new(text);
    let expr = parser.or()?;
    parser.end()?;
    Ok(expr)
}

pub(super) fn path(text: &str) -> Result<Path, ConditionError> {
    let mut parser = Parser::new(text);
    parser.blanks();
    let path = parser.path()?;
    parser.end()?;
    Ok(path)
}

struct Parser {
    chars: Vec<char>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn new(text: &str) -> Self {
        Self {
            chars: text.chars().collect(),
            at: 0,
            depth: 0,
        }
    }

    fn or(&mut self) -> Result<Expr, ConditionError> {
        let mut sides = vec![self.and()?];
        while self.take_word("or") {
            sides.push(self.and()?);
        }
        Ok(one_or(sides, Expr::Or))
    }

    fn and(&mut self) -> Result<Expr, ConditionError> {
        let mut sides = vec![self.not()?];
        while self.take_word("and") {
            sides.push(self.not()?);
        }
        Ok(one_or(sides, Expr::And))
    }

    fn not(&mut self) -> Result<Expr, ConditionError> {
        if !self.take_word("not") {
            return self.primary();
        }
        self.deeper()?;
        let side = self.not()?;
        self.depth -= 1;
        Ok(Expr::Not(Box::new(side)))
    }

    fn primary(&mut self) -> Result<Expr, ConditionError> {
        self.blanks();
        if self.peek() == Some('(') {
            let (start, depth) = (self.at, self.depth);
            // `(a.b) == 1` and `(a.b).c` look up the key that a.b holds;
            // anything else in parentheses is a group.
            if let Ok(term) = self.term() {
                let grown = self.at;
                if self.operator()?.is_some() || self.starts_is() || self.ends_in_dot_path(start) {
                    self.at = grown;
                    return self.comparison(term);
                }
            }
            (self.at, self.depth) = (start + 1, depth);
            self.deeper()?;
            let inner = self.or()?;
            self.blanks();
            if self.peek() != Some(')') {
                return Err(self.fault("a closing ) is missing"));
            }
            self.at += 1;
            self.depth -= 1;
            return Ok(inner);
        }
        let term = self.term()?;
        self.comparison(term)
    }

    /// Whether the term just read from `start` goes on after its parenthesis.
    fn ends_in_dot_path(&self, start: usize) -> bool {
        let mut open = 0_usize;
        for at in start..self.at {
            match self.chars[at] {
                '(' => open += 1,
                ')' => {
                    open = open.saturating_sub(1);
                    if open == 0 {
                        return self.chars.get(at + 1) == Some(&'.');
                    }
                }
                _ => {}
            }
        }
        false
    }

    fn comparison(&mut self, left: Term) -> Result<Expr, ConditionError> {
        if self.take_word("is") {
            let wanted = !self.take_word("not");
            if !self.take_word("empty") {
                return Err(self.fault("after \"is\" comes \"empty\" or \"not empty\""));
            }
            return Ok(Expr::Empty { term: left, wanted });
        }
        match self.operator()? {
            Some(operator) => {
                self.blanks();
                let right = self.term()?;
                Ok(Expr::Compare(left, operator, right))
            }
            None => Ok(Expr::Truth(left)),
        }
    }

    fn starts_is(&mut self) -> bool {
        let before = self.at;
        let is = self.take_word("is");
        self.at = before;
        is
    }

    fn operator(&mut self) -> Result<Option<Operator>, ConditionError> {
        self.blanks();
        let start = self.at;
        while self.peek().is_some_and(|c| "=<>!".contains(c)) {
            self.at += 1;
        }
        if start < self.at {
            let sign: String = self.chars[start..self.at].iter().collect();
            return match sign.as_str() {
                "==" => Ok(Some(Operator::Equal)),
                "!=" => Ok(Some(Operator::NotEqual)),
                ">" => Ok(Some(Operator::Above)),
                "<" => Ok(Some(Operator::Below)),
                ">=" => Ok(Some(Operator::AtLeast)),
                "<=" => Ok(Some(Operator::AtMost)),
                _ => {
                    self.at = start;
                    let hint = if sign == "=" { ", equality is ==" } else { "" };
                    Err(self.fault(&format!("unknown operator {sign}{hint}")))
                }
            };
        }
        for (word, operator) in [
            ("in", Operator::In),
            ("hasno", Operator::HasNo),
            ("has", Operator::Has),
        ] {
            if self.take_word(word) {
                return Ok(Some(operator));
            }
        }
        let before = self.at;
        if self.take_word("not") {
            if self.take_word("in") {
                return Ok(Some(Operator::NotIn));
            }
            self.at = before;
        }
        Ok(None)
    }

    fn term(&mut self) -> Result<Term, ConditionError> {
        self.blanks();
        match self.peek() {
            None => Err(self.fault("a value or a name is missing")),
            Some(quote @ ('"' | '\'')) => Ok(Term::Literal(Value::String(self.quoted(quote)?))),
            Some('[') => self.list(),
            Some(_) => {
                let start = self.at;
                while self.peek().is_some_and(|c| is_word(c) || c == '.') {
                    self.at += 1;
                }
                let word: String = self.chars[start..self.at].iter().collect();
                if self.peek() != Some('(')
                    && let Some(literal) = literal(&word)
                {
                    return Ok(Term::Literal(literal));
                }
                self.at = start;
                if KEYWORDS.contains(&word.as_str()) {
                    return Err(self.fault(&format!("a value is missing before \"{word}\"")));
                }
                self.path().map(Term::Path)
            }
        }
    }

    fn list(&mut self) -> Result<Term, ConditionError> {
        self.at += 1;
        self.deeper()?;
        let mut items = Vec::new();
        loop {
            self.blanks();
            if self.peek() == Some(']') {
                self.at += 1;
                self.depth -= 1;
                return Ok(Term::Literal(Value::Array(items)));
            }
            let start = self.at;
            match self.term()? {
                Term::Literal(value) => items.push(value),
                Term::Path(path) => {
                    self.at = start;
                    return Err(self.fault(&format!(
                        "a list holds values only, not names: write \"{path}\""
                    )));
                }
            }
            self.blanks();
            match self.peek() {
                Some(',') => self.at += 1,
                Some(']') => {}
                _ => return Err(self.fault("a closing ] is missing")),
            }
        }
    }

    fn path(&mut self) -> Result<Path, ConditionError> {
        let start = self.at;
        let mut segments = Vec::new();
        loop {
            if self.peek() == Some('(') {
                self.at += 1;
                self.deeper()?;
                let term = self.term()?;
                self.blanks();
                if self.peek() != Some(')') {
                    return Err(self.fault("a closing ) is missing"));
                }
                self.at += 1;
                self.depth -= 1;
                segments.push(Segment::Inner(Box::new(term)));
            } else {
                let from = self.at;
                while self.peek().is_some_and(is_word) {
                    self.at += 1;
                }
                if from == self.at {
                    return Err(match self.peek() {
                        Some(c) if c != '.' && !c.is_whitespace() => {
                            self.fault(&format!("a value or a name is missing before {c}"))
                        }
                        Some(_) | None => self.fault("a name is missing at the dot"),
                    });
                }
                segments.push(Segment::Key(self.chars[from..self.at].iter().collect()));
            }
            if self.peek() != Some('.') {
                let text = self.chars[start..self.at].iter().collect();
                return Ok(Path::new(text, segments));
            }
            self.at += 1;
        }
    }

    fn quoted(&mut self, quote: char) -> Result<String, ConditionError> {
        let start = self.at;
        self.at += 1;
        let mut text = String::new();
        while let Some(c) = self.peek() {
            self.at += 1;
            match c {
                c if c == quote => return Ok(text),
                '\\' if self
                    .peek()
                    .is_some_and(|next| next == quote || next == '\\') =>
                {
                    text.extend(self.peek());
                    self.at += 1;
                }
                c => text.push(c),
            }
        }
        self.at = start;
        Err(self.fault(&format!("the closing {quote} is missing")))
    }

    fn take_word(&mut self, word: &str) -> bool {
        self.blanks();
        let end = self.at + word.len();
        let matches = self
            .chars
            .get(self.at..end)
            .is_some_and(|found| found.iter().copied().eq(word.chars()));
        let ends = self.chars.get(end).is_none_or(|&c| !is_word(c) && c != '.');
        if matches && ends {
            self.at = end;
        }
        matches && ends
    }

    fn end(&mut self) -> Result<(), ConditionError> {
        self.blanks();
        if self.at == self.chars.len() {
            return Ok(());
        }
        let rest: String = self.chars[self.at..].iter().take(30).collect();
        Err(self.fault(&format!("an operator is expected, found: {rest}")))
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    fn deeper(&mut self) -> Result<(), ConditionError> {
        self.depth += 1;
        match self.depth > DEPTH_MAX {
            true => Err(self.fault(&format!("nested deeper than {DEPTH_MAX}"))),
            false => Ok(()),
        }
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn fault(&self, message: &str) -> ConditionError {
        ConditionError {
            offset: self.at,
            message: message.into(),
        }
    }
}

fn one_or(mut sides: Vec<Expr>, many: fn(Vec<Expr>) -> Expr) -> Expr {
    match (sides.len(), sides.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            sides.extend(last);
            many(sides)
        }
    }
}

fn is_word(c: char) -> bool {
    !c.is_whitespace() && !"\"'()[],=<>!.".contains(c)
}

fn literal(word: &str) -> Option<Value> {
    match word {
        "true" | "True" => return Some(Value::Bool(true)),
        "false" | "False" => return Some(Value::Bool(false)),
        "null" | "None" | "none" => return Some(Value::Null),
        _ => {}
    }
    let digits = word.strip_prefix(['-', '+']).unwrap_or(word);
    if !digits.starts_with(|c: char| c.is_ascii_digit()) || digits.ends_with('.') {
        return None;
    }
    if let Ok(number) = word.parse::<i64>() {
        return Some(Value::from(number));
    }
    let number: f64 = word.parse().ok()?;
    Number::from_f64(number).map(Value::Number)
}
