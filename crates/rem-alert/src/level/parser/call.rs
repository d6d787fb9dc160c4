use std::sync::Arc;

use rem_time::Span;

use super::super::error::{ExpressionError, nearest};
use super::super::expression::{Call, Kind, Node, RESERVED};
use super::super::lexer::{Measure, Token};
use super::super::window::WINDOW_SAMPLES_MAX;
use super::super::{Aggregate, Function, Over, Subject};
use super::{Parsed, Parser, Part};

/// Every name that may stand before a parenthesis.
const FUNCTIONS: [&str; 13] = [
    "avg",
    "min",
    "max",
    "sum",
    "count",
    "rate",
    "delta",
    "percentile",
    "last",
    "age",
    "state",
    "field",
    "abs",
];

/// What other languages call them.
const OTHER_WORDS: [(&str, &str); 10] = [
    ("average", "avg"),
    ("mean", "avg"),
    ("minimum", "min"),
    ("maximum", "max"),
    ("quantile", "percentile"),
    ("increase", "delta"),
    ("avg_over_time", "avg"),
    ("max_over_time", "max"),
    ("min_over_time", "min"),
    ("nodata", "age"),
];

impl Parser<'_> {
    /// What stands behind the name of a function.
    pub(super) fn call(&mut self, function: &str, from: usize) -> Parsed<Part> {
        self.expect("(", "after the function")?;
        match function {
            "age" => {
                self.expect(")", "because age() takes nothing")?;
                self.push(Node::Age, Kind::Number, from, &[])
            }
            "state" => {
                let name = self.quoted_name("state")?;
                self.expect(")", "after the name of the state")?;
                self.push(Node::State(name), Kind::State, from, &[])
            }
            "field" => {
                let name = self.quoted_name("field")?;
                self.expect(")", "after the name of the reading")?;
                self.field(&name, from)
            }
            "abs" => {
                let of = self.any()?;
                self.must_be_number(of)?;
                self.expect(")", "because abs(x) takes one number")?;
                let node = Node::Call(Call::Abs, [of.index].into());
                self.push(node, Kind::Number, from, &[of])
            }
            "min" if !self.is_series() => self.arguments(Call::Min, from),
            "max" if !self.is_series() => self.arguments(Call::Max, from),
            "avg" => self.series(Function::Avg, from),
            "min" => self.series(Function::Min, from),
            "max" => self.series(Function::Max, from),
            "sum" => self.series(Function::Sum, from),
            "count" => self.series(Function::Count, from),
            "rate" => self.series(Function::Rate, from),
            "delta" => self.series(Function::Delta, from),
            "percentile" => self.series(Function::Percentile(0.0), from),
            "last" => self.series(Function::Last, from),
            unknown => {
                let words = FUNCTIONS
                    .iter()
                    .chain(OTHER_WORDS.iter().map(|(word, _)| word));
                let words: Vec<&str> = words.copied().collect();
                let help = match nearest(unknown, &words) {
                    Some(word) => {
                        let ours = OTHER_WORDS.iter().find(|(other, _)| *other == word);
                        let ours = ours.map_or(word, |(_, ours)| ours);
                        format!("did you mean {ours}?")
                    }
                    None => format!("known are {}", FUNCTIONS.join(", ")),
                };
                Err(ExpressionError::new(from, format!("unknown function: {unknown}")).help(help))
            }
        }
    }

    fn quoted_name(&mut self, function: &str) -> Parsed<Arc<str>> {
        let name = match self.peek() {
            Token::Text(name) | Token::Name(name) => Arc::from(&**name),
            _ => {
                return Err(self
                    .error(format!("a name is missing, found {}", self.found()))
                    .help(format!("write {function}(\"name\")")));
            }
        };
        self.advance();
        Ok(name)
    }

    fn arguments(&mut self, call: Call, from: usize) -> Parsed<Part> {
        let mut parts = Vec::new();
        loop {
            let part = self.any()?;
            self.must_be_number(part)?;
            parts.push(part);
            if !self.sign(",") {
                break;
            }
        }
        self.expect(")", "after the last number")?;
        let children = parts.iter().map(|part| part.index).collect();
        self.push(Node::Call(call, children), Kind::Number, from, &parts)
    }

    /// Whether the arguments at hand are a series and a part of it: `x, 10m` or `x, last 5`.
    fn is_series(&self) -> bool {
        let token = |ahead: usize| self.tokens.get(self.at + ahead).map(|lexed| &lexed.token);
        let word = |ahead: usize, wanted: &[&str]| matches!(token(ahead), Some(Token::Word(word)) if wanted.contains(&&**word));
        let sign = |ahead, wanted| matches!(token(ahead), Some(Token::Sign(s)) if *s == wanted);
        let subject = match token(0) {
            Some(Token::Word(_)) if word(0, &["state", "field"]) && sign(1, "(") => 4,
            Some(Token::Word(_) | Token::Name(_) | Token::Text(_)) => 1,
            _ => return false,
        };
        let is_span = matches!(token(subject + 1), Some(Token::Number(_, Measure::Seconds)))
            && sign(subject + 2, ")");
        // `last(x, 2)` in that place is a number of its own.
        let is_count = word(subject + 1, &["last"]) && !sign(subject + 2, "(");
        sign(subject, ",") && (is_span || is_count)
    }

    fn series(&mut self, mut function: Function, from: usize) -> Parsed<Part> {
        let name = function.name();
        let example = match function {
            Function::Percentile(_) => "write percentile(x, 95, 1h)".to_owned(),
            Function::Last => "write last(x, 3)".to_owned(),
            _ => format!("write {name}(x, 10m) or {name}(x, last 10)"),
        };
        let subject = self.subject(&example)?;
        if matches!(function, Function::Last) && matches!(self.peek(), Token::Sign(")")) {
            self.advance();
            return self.finish_series(function, subject, (Over::Samples(1), "1".into()), from);
        }
        self.comma(&example)?;
        if matches!(function, Function::Percentile(_)) {
            function = Function::Percentile(self.percent(&example)?);
            self.comma(&example)?;
        }
        let over = self.over(function, &example)?;
        self.expect(")", "after the function's last argument")?;
        self.finish_series(function, subject, over, from)
    }

    fn finish_series(
        &mut self,
        function: Function,
        subject: Subject,
        (over, text): (Over, Box<str>),
        from: usize,
    ) -> Parsed<Part> {
        let aggregate = Aggregate {
            function,
            subject,
            over,
        };
        let node = Node::Series(Box::new((aggregate, text)));
        self.push(node, Kind::Number, from, &[])
    }

    fn comma(&mut self, example: &str) -> Parsed<()> {
        if self.sign(",") {
            return Ok(());
        }
        Err(self
            .error(format!(", is missing, found {}", self.found()))
            .help(example))
    }

    fn subject(&mut self, example: &str) -> Parsed<Subject> {
        let from = self.offset();
        let lexed = self.peek().clone();
        let is_call = matches!(
            self.tokens.get(self.at + 1).map(|lexed| &lexed.token),
            Some(Token::Sign("("))
        );
        let subject = match lexed {
            Token::Word(word) if is_call && (word == "state" || word == "field") => {
                self.advance();
                self.advance();
                let name = self.quoted_name(&word)?;
                self.expect(")", "after the name")?;
                if word == "state" {
                    return Ok(Subject::State(name));
                }
                self.named(&name, from);
                return Ok(Subject::Field(name));
            }
            Token::Word(word) if !is_call && !RESERVED.contains(&&*word) => word,
            Token::Name(name) | Token::Text(name) => name,
            _ => {
                let message = format!("the name of a series is missing, found {}", self.found());
                return Err(self.error(message).help(example));
            }
        };
        self.advance();
        self.named(&subject, from);
        Ok(Subject::Field(subject.into()))
    }

    fn percent(&mut self, example: &str) -> Parsed<f64> {
        match self.peek() {
            Token::Number(percent, Measure::Plain | Measure::Percent)
                if (0.0..=100.0).contains(percent) =>
            {
                let percent = *percent;
                self.advance();
                Ok(percent)
            }
            _ => Err(self
                .error(format!(
                    "a percentage from 0 to 100 is missing, found {}",
                    self.found()
                ))
                .help(example)),
        }
    }

    fn over(&mut self, function: Function, example: &str) -> Parsed<(Over, Box<str>)> {
        let is_last = matches!(function, Function::Last);
        let by_count = self.word("last") || is_last;
        let lexed = &self.tokens[self.at];
        let result = match lexed.token {
            Token::Number(count, Measure::Plain)
                if by_count
                    && count.fract() == 0.0
                    && (1.0..=f64::from(WINDOW_SAMPLES_MAX)).contains(&count) =>
            {
                let text = match is_last {
                    true => count.to_string(),
                    false => format!("last {count}"),
                };
                (Over::Samples(count as u16), text.into())
            }
            Token::Number(seconds, Measure::Seconds) if !by_count => {
                let span = Span::from_secs_f64(seconds);
                if span.is_zero() {
                    return Err(self.error("no time at all").help(example));
                }
                let text = self.text[lexed.from..lexed.to].into();
                (Over::Span(span), text)
            }
            Token::Number(..) if by_count => {
                let message = format!("not a number of samples from 1 to {WINDOW_SAMPLES_MAX}");
                return Err(self.error(message).help(example));
            }
            Token::Number(_, Measure::Plain) => {
                let message = format!("{} has no unit", self.found());
                return Err(self.error(message).help(example));
            }
            _ => {
                let message = format!("a length of time is missing, found {}", self.found());
                return Err(self.error(message).help(example));
            }
        };
        self.advance();
        Ok(result)
    }
}
