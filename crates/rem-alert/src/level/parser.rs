use super::Status;
use super::error::{ExpressionError, did_you_mean};
use super::expression::{
    Arithmetic, DEPTH_MAX, EXPRESSION_BYTES_MAX, Expression, Index, Kind, Name, Node, RESERVED,
};
use super::lexer::{Lexed, Token, lex};

mod call;
mod compare;

type Parsed<T> = Result<T, ExpressionError>;

pub(super) fn parse(text: &str) -> Parsed<Expression> {
    if text.len() > EXPRESSION_BYTES_MAX {
        let mut offset = EXPRESSION_BYTES_MAX;
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        let message = format!("an expression is at most {EXPRESSION_BYTES_MAX} bytes long");
        return Err(ExpressionError::new(offset, message)
            .help("let one level set a state and another read it with state(\"name\")"));
    }
    let mut parser = Parser {
        text,
        tokens: lex(text)?,
        at: 0,
        depth: 0,
        nodes: Vec::new(),
        names: Vec::new(),
    };
    if matches!(parser.peek(), Token::End) {
        return Err(parser
            .error("an expression is missing")
            .help("such as duration > 50ms"));
    }
    let whole = parser.any()?;
    if !matches!(parser.peek(), Token::End) {
        return Err(parser.unexpected_behind());
    }
    if let Node::Word(status) = parser.nodes[usize::from(whole.index)] {
        let message = format!("{status} stands alone");
        return Err(
            ExpressionError::new(whole.from, message).help(format!("write: status == {status}"))
        );
    }
    Ok(Expression {
        nodes: parser.nodes.into(),
        names: parser.names.into(),
        kind: whole.kind,
    })
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Lexed>,
    at: usize,
    /// How deep the parser itself is.
    depth: usize,
    nodes: Vec<Node>,
    names: Vec<Name>,
}

/// A part that has been read.
#[derive(Clone, Copy)]
struct Part {
    index: Index,
    kind: Kind,
    /// Where it starts in the text.
    from: usize,
    /// How many levels it has.
    depth: usize,
}

impl Parser<'_> {
    fn peek(&self) -> &Token {
        &self.tokens[self.at].token
    }

    fn offset(&self) -> usize {
        self.tokens[self.at].from
    }

    fn advance(&mut self) {
        // The last token is the end, and stays.
        self.at = (self.at + 1).min(self.tokens.len() - 1);
    }

    fn error(&self, message: impl Into<String>) -> ExpressionError {
        ExpressionError::new(self.offset(), message)
    }

    fn word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Token::Word(written) if written == word);
        if found {
            self.advance();
        }
        found
    }

    fn sign(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Token::Sign(written) if *written == sign);
        if found {
            self.advance();
        }
        found
    }

    fn expect(&mut self, sign: &str, after: &str) -> Parsed<()> {
        if self.sign(sign) {
            return Ok(());
        }
        Err(self.error(format!("{sign} is missing {after}, found {}", self.found())))
    }

    /// The present token for a message.
    fn found(&self) -> String {
        let lexed = &self.tokens[self.at];
        match lexed.token {
            Token::End => "the end".to_owned(),
            _ => {
                let text = &self.text[lexed.from..lexed.to];
                match text.chars().count() > 40 {
                    true => text.chars().take(40).chain(['…']).collect(),
                    false => text.to_owned(),
                }
            }
        }
    }

    fn unexpected_behind(&self) -> ExpressionError {
        let error = self.error(format!("unexpected: {}", self.found()));
        match self.peek() {
            Token::Word(word) => {
                let known = ["and", "or", "is", "contains", "matches"];
                let help = match &**word {
                    "AND" | "OR" => Some(format!("write {}", word.to_lowercase())),
                    "not" => Some("write and not, or: is not unknown".to_owned()),
                    "in" | "for" => Some("the window stands in its own key: `in:`".to_owned()),
                    _ => did_you_mean(word, &known),
                };
                error.maybe(help.or_else(|| Some("and, or, or a comparison may follow".to_owned())))
            }
            Token::Sign(")") => error.help("there is no ( for it"),
            _ => error.help("and, or, or a comparison may follow"),
        }
    }

    fn push(&mut self, node: Node, kind: Kind, from: usize, children: &[Part]) -> Parsed<Part> {
        let deepest = children.iter().map(|child| child.depth).max().unwrap_or(0);
        let depth = deepest + 1;
        if depth > DEPTH_MAX {
            return Err(too_deep(from));
        }
        let index = self.nodes.len() as Index;
        self.nodes.push(node);
        Ok(Part {
            index,
            kind,
            from,
            depth,
        })
    }

    /// Runs `read` one level deeper.
    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= DEPTH_MAX {
            return Err(too_deep(self.offset()));
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    fn any(&mut self) -> Parsed<Part> {
        self.deeper(Self::or)
    }

    fn or(&mut self) -> Parsed<Part> {
        self.chain("or", Self::and, Node::Or)
    }

    fn and(&mut self) -> Parsed<Part> {
        self.chain("and", Self::not, Node::And)
    }

    fn chain(
        &mut self,
        word: &str,
        read: fn(&mut Self) -> Parsed<Part>,
        node: fn(Box<[Index]>) -> Node,
    ) -> Parsed<Part> {
        let first = read(self)?;
        let mut parts = vec![first];
        while self.word(word) {
            parts.push(read(self)?);
        }
        if parts.len() == 1 {
            return Ok(first);
        }
        for part in &parts {
            self.must_be_condition(*part)?;
        }
        let children = parts.iter().map(|part| part.index).collect();
        self.push(node(children), Kind::Truth, first.from, &parts)
    }

    fn not(&mut self) -> Parsed<Part> {
        let from = self.offset();
        if !self.word("not") {
            return self.comparison();
        }
        let of = self.deeper(Self::not)?;
        self.must_be_condition(of)?;
        self.push(Node::Not(of.index), Kind::Truth, from, &[of])
    }

    fn must_be_condition(&self, part: Part) -> Parsed<()> {
        match part.kind {
            Kind::Truth => Ok(()),
            other => Err(ExpressionError::new(
                part.from,
                format!("{} is no condition", other.noun()),
            )
            .help("compare it, as in used_percent > 90")),
        }
    }

    fn must_be_number(&self, part: Part) -> Parsed<()> {
        match part.kind {
            Kind::Number | Kind::State => Ok(()),
            other => Err(ExpressionError::new(
                part.from,
                format!("{} is no number", other.noun()),
            )),
        }
    }

    fn sum(&mut self) -> Parsed<Part> {
        let mut a = self.product()?;
        loop {
            let sign = match self.peek() {
                Token::Sign("+") => Arithmetic::Add,
                Token::Sign("-") => Arithmetic::Subtract,
                _ => return Ok(a),
            };
            self.advance();
            let b = self.product()?;
            a = self.arithmetic(sign, a, b)?;
        }
    }

    fn product(&mut self) -> Parsed<Part> {
        let mut a = self.negated()?;
        loop {
            let sign = match self.peek() {
                Token::Sign("*") => Arithmetic::Multiply,
                Token::Sign("/") => Arithmetic::Divide,
                _ => return Ok(a),
            };
            self.advance();
            let b = self.negated()?;
            a = self.arithmetic(sign, a, b)?;
        }
    }

    fn arithmetic(&mut self, sign: Arithmetic, a: Part, b: Part) -> Parsed<Part> {
        self.must_be_number(a)?;
        self.must_be_number(b)?;
        let node = Node::Arithmetic(sign, a.index, b.index);
        self.push(node, Kind::Number, a.from, &[a, b])
    }

    fn negated(&mut self) -> Parsed<Part> {
        let from = self.offset();
        if !self.sign("-") {
            return self.primary();
        }
        let of = self.deeper(Self::negated)?;
        self.must_be_number(of)?;
        self.push(Node::Negate(of.index), Kind::Number, from, &[of])
    }

    fn primary(&mut self) -> Parsed<Part> {
        let from = self.offset();
        let to = self.tokens[self.at].to;
        match self.peek().clone() {
            Token::Number(value, measure) => {
                self.advance();
                let text = self.text[from..to].into();
                let node = Node::Number {
                    value,
                    measure,
                    text,
                };
                self.push(node, Kind::Number, from, &[])
            }
            Token::Text(text) => {
                self.advance();
                self.push(Node::Text(text.into()), Kind::Text, from, &[])
            }
            Token::Name(name) => {
                self.advance();
                self.field(&name, from)
            }
            Token::Sign("(") => {
                self.advance();
                let inner = self.any()?;
                self.expect(")", "to close the parenthesis")?;
                Ok(Part { from, ..inner })
            }
            Token::Word(word) => {
                self.advance();
                match matches!(self.peek(), Token::Sign("(")) {
                    true => self.call(&word, from),
                    false => self.bare(&word, from),
                }
            }
            Token::Sign("-") => self.negated(),
            Token::Sign(_) | Token::End => {
                Err(self.error(format!("a value is missing, found {}", self.found())))
            }
        }
    }

    fn bare(&mut self, word: &str, from: usize) -> Parsed<Part> {
        if let Some(status) = Status::ALL.iter().find(|status| status.word() == word) {
            return self.push(Node::Word(*status), Kind::Status, from, &[]);
        }
        match word {
            "status" => self.push(Node::Status, Kind::Status, from, &[]),
            "message" => self.push(Node::Message, Kind::Text, from, &[]),
            "true" => self.push(Node::Truth(true), Kind::Truth, from, &[]),
            "false" => self.push(Node::Truth(false), Kind::Truth, from, &[]),
            reserved if RESERVED.contains(&reserved) => {
                let message = format!("a value is missing, found {reserved}");
                Err(ExpressionError::new(from, message)
                    .help(format!("a reading of that name is written `{reserved}`")))
            }
            name => self.field(name, from),
        }
    }

    /// The place of a reading among those the expression looks at.
    fn named(&mut self, name: &str, from: usize) -> usize {
        let known = self.names.iter().position(|known| &*known.text == name);
        known.unwrap_or_else(|| {
            self.names.push(Name::new(name.into(), from));
            self.names.len() - 1
        })
    }

    fn field(&mut self, name: &str, from: usize) -> Parsed<Part> {
        let at = self.named(name, from);
        self.push(Node::Field(at as Index), Kind::Number, from, &[])
    }
}

fn too_deep(offset: usize) -> ExpressionError {
    ExpressionError::new(offset, format!("nested deeper than {DEPTH_MAX} levels"))
        .help("let one level set a state and another read it with state(\"name\")")
}
