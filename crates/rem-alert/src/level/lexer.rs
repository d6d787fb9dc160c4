use super::error::{ExpressionError, did_you_mean};

/// What a number counts, for showing the other side of a comparison alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measure {
    Plain,
    Percent,
    Seconds,
    Bytes,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// Value in base units, what it counts, and whether it is a bare whole number.
    Number(f64, Measure),
    Text(String),
    /// A bare word: a field, a function, `and`, `ok` …
    Word(String),
    /// A name in backquotes: always a field.
    Name(String),
    Sign(&'static str),
    End,
}

pub(super) struct Lexed {
    pub(super) token: Token,
    pub(super) from: usize,
    pub(super) to: usize,
}

const SECONDS: [(&str, f64); 10] = [
    ("ns", 1e-9),
    ("us", 1e-6),
    ("µs", 1e-6),
    ("ms", 1e-3),
    ("s", 1.0),
    ("m", 60.0),
    ("h", 3600.0),
    ("d", 86_400.0),
    ("w", 604_800.0),
    ("y", 31_536_000.0),
];

const BYTES: [(&str, f64); 12] = [
    ("B", 1.0),
    ("kB", 1e3),
    ("KB", 1e3),
    ("MB", 1e6),
    ("GB", 1e9),
    ("TB", 1e12),
    ("PB", 1e15),
    ("KiB", 1024.0),
    ("MiB", 1_048_576.0),
    ("GiB", 1_073_741_824.0),
    ("TiB", 1_099_511_627_776.0),
    ("PiB", 1_125_899_906_842_624.0),
];

const SIGNS: [&str; 13] = [
    "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "(", ")", ",",
];

/// The tokens of a text, always with [`Token::End`] behind.
pub(super) fn lex(text: &str) -> Result<Vec<Lexed>, ExpressionError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        if c.is_whitespace() {
            at += c.len_utf8();
            continue;
        }
        let (token, length) = if c.is_ascii_digit() || (c == '.' && second_is_digit(rest)) {
            number(rest, at)?
        } else if c == '"' || c == '\'' {
            quoted(rest, at)?
        } else if c == '`' {
            name(rest, at)?
        } else if c.is_alphabetic() || c == '_' {
            let length = rest
                .find(|c: char| !c.is_alphanumeric() && c != '_' && c != '.')
                .unwrap_or(rest.len());
            (Token::Word(rest[..length].to_owned()), length)
        } else {
            sign(rest, at)?
        };
        tokens.push(Lexed {
            token,
            from: at,
            to: at + length,
        });
        at += length;
    }
    tokens.push(Lexed {
        token: Token::End,
        from: text.len(),
        to: text.len(),
    });
    Ok(tokens)
}

fn second_is_digit(rest: &str) -> bool {
    rest[1..].starts_with(|c: char| c.is_ascii_digit())
}

fn sign(rest: &str, at: usize) -> Result<(Token, usize), ExpressionError> {
    if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
        return Ok((Token::Sign(sign), sign.len()));
    }
    let wrong = |sign: &str, right: &str| {
        Err(ExpressionError::new(at, format!("unknown sign: {sign}")).help(right))
    };
    match rest.chars().next() {
        Some('=') => wrong("=", "write == to compare"),
        Some('&') => wrong("&", "write and"),
        Some('|') => wrong("|", "write or"),
        Some('!') => wrong("!", "write not"),
        Some('~') => wrong("~", "write: message matches \"*text*\""),
        Some('%') => wrong(
            "%",
            "a percent sign stands right behind its number, as in 90%",
        ),
        Some(c) => Err(ExpressionError::new(
            at,
            format!("unknown sign: {}", c.escape_default()),
        )),
        None => Err(ExpressionError::new(at, "the text ends here")),
    }
}

/// A number with its unit; `1h30m` is one number.
fn number(rest: &str, at: usize) -> Result<(Token, usize), ExpressionError> {
    let digits = digits(rest);
    let value = value(&rest[..digits], at)?;
    let behind = &rest[digits..];
    if behind.starts_with('%') {
        return Ok((Token::Number(value, Measure::Percent), digits + 1));
    }
    let unit = unit(behind);
    if unit.is_empty() {
        return Ok((Token::Number(value, Measure::Plain), digits));
    }
    let length = digits + unit.len();
    if let Some((_, factor)) = BYTES.iter().find(|(name, _)| *name == unit) {
        let token = Token::Number(finite(value * factor, at)?, Measure::Bytes);
        // `10MB/s` is a number; the field `s` divides only with a blank between.
        let behind = &rest[length..];
        let each_second = behind.starts_with("/s") && unit_like_end(&behind[2..]);
        return Ok((token, length + if each_second { 2 } else { 0 }));
    }
    if !SECONDS.iter().any(|(name, _)| *name == unit) {
        return Err(unknown_unit(unit, at + digits));
    }
    seconds(rest, at)
}

fn unit_like_end(behind: &str) -> bool {
    !behind.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '('))
}

/// Seconds, from one or more numbers with falling units.
fn seconds(rest: &str, at: usize) -> Result<(Token, usize), ExpressionError> {
    let (mut total, mut length, mut before) = (0.0, 0, f64::INFINITY);
    loop {
        let behind = &rest[length..];
        let digits = digits(behind);
        let unit = unit(&behind[digits..]);
        if digits == 0 {
            break;
        }
        let Some((_, factor)) = SECONDS.iter().find(|(name, _)| *name == unit) else {
            return Err(unknown_unit(unit, at + length + digits));
        };
        if *factor >= before {
            let message = "units go from the largest to the smallest, each once";
            return Err(ExpressionError::new(at, message).help("as in 1h30m"));
        }
        before = *factor;
        // Dividing by a whole number is exact where a tenth is not: 50ms is 0.05.
        let seconds = value(&behind[..digits], at)?;
        total += match *factor < 1.0 {
            true => seconds / (1.0 / factor).round(),
            false => seconds * factor,
        };
        length += digits + unit.len();
    }
    Ok((Token::Number(finite(total, at)?, Measure::Seconds), length))
}

fn unknown_unit(unit: &str, at: usize) -> ExpressionError {
    if unit.is_empty() {
        return ExpressionError::new(at, "a number without its unit").help("as in 1h30m");
    }
    let mut known: Vec<&str> = vec!["%"];
    known.extend(SECONDS.iter().map(|(name, _)| *name));
    known.extend(BYTES.iter().map(|(name, _)| *name));
    let usual = "known are %, ns us ms s m h d w y, B kB MB GB TB PB, KiB MiB GiB TiB PiB";
    let help = did_you_mean(unit, &known).unwrap_or_else(|| usual.to_owned());
    ExpressionError::new(at, format!("unknown unit: {unit}")).help(help)
}

/// How many bytes of digits, with fraction and exponent, stand in front.
fn digits(text: &str) -> usize {
    let run = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let mut length = run(text);
    if text[length..].starts_with('.') {
        let fraction = run(&text[length + 1..]);
        if length + fraction > 0 {
            length += 1 + fraction;
        }
    }
    if length > 0 && text[length..].starts_with(['e', 'E']) {
        let behind = &text[length + 1..];
        let sign = usize::from(behind.starts_with(['+', '-']));
        let exponent = run(&behind[sign..]);
        if exponent > 0 {
            length += 1 + sign + exponent;
        }
    }
    length
}

fn unit(text: &str) -> &str {
    let length = text
        .find(|c: char| !c.is_alphabetic() && c != '_')
        .unwrap_or(text.len());
    &text[..length]
}

fn value(digits: &str, at: usize) -> Result<f64, ExpressionError> {
    let value = digits
        .parse()
        .map_err(|_| ExpressionError::new(at, format!("not a number: {digits}")))?;
    finite(value, at)
}

fn finite(value: f64, at: usize) -> Result<f64, ExpressionError> {
    match value.is_finite() {
        true => Ok(value),
        false => Err(ExpressionError::new(at, "this number is too large")),
    }
}

fn quoted(rest: &str, at: usize) -> Result<(Token, usize), ExpressionError> {
    let mut text = String::new();
    let mut characters = rest.char_indices();
    let quote = characters.next().map(|(_, c)| c);
    while let Some((i, c)) = characters.next() {
        if Some(c) == quote {
            return Ok((Token::Text(text), i + 1));
        }
        if c != '\\' {
            text.push(c);
            continue;
        }
        match characters.next() {
            Some((_, 'n')) => text.push('\n'),
            Some((_, 't')) => text.push('\t'),
            Some((_, c @ ('\\' | '"' | '\''))) => text.push(c),
            Some((_, c)) => {
                let message = format!("unknown escape: \\{}", c.escape_default());
                return Err(ExpressionError::new(at + i, message)
                    .help("write \\\\ for one backslash; also \\n, \\t, \\\" and \\'"));
            }
            None => break,
        }
    }
    Err(ExpressionError::new(at, "this text has no closing quote"))
}

fn name(rest: &str, at: usize) -> Result<(Token, usize), ExpressionError> {
    match rest[1..].find('`') {
        None => Err(ExpressionError::new(
            at,
            "this name has no closing backquote",
        )),
        Some(0) => Err(ExpressionError::new(at, "an empty name")),
        Some(length) => Ok((Token::Name(rest[1..=length].to_owned()), length + 2)),
    }
}
