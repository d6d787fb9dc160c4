//! One line of an exposition.

use super::Format;
use super::sample::{Parsed, Place, Type};

/// The most labels that one sample may have.
const LABELS_MAX: usize = 256;

/// How much of what is wrong is quoted, in characters.
const QUOTED_CHARS_MAX: usize = 60;

/// What a line is about.
#[derive(Debug)]
pub(super) enum Line<'a> {
    /// A comment, a help text or nothing.
    Nothing,
    End,
    Type(&'a str, Type),
    Unit(&'a str, &'a str),
    /// It is in the [`Parsed`].
    Sample,
}

pub(super) fn parse<'a>(
    line: &'a str,
    format: Format,
    parsed: &mut Parsed,
) -> Result<Line<'a>, String> {
    let line = match format {
        Format::Text => line.trim_ascii_end(),
        Format::OpenMetrics => line,
    };
    let start = line.trim_start_matches([' ', '\t']);
    match start.as_bytes().first() {
        None if format == Format::OpenMetrics => Err("an empty line".into()),
        None => Ok(Line::Nothing),
        Some(b'#') => comment(line, start, format),
        Some(_) => sample(line, format, parsed).map(|()| Line::Sample),
    }
}

fn comment<'a>(line: &'a str, start: &'a str, format: Format) -> Result<Line<'a>, String> {
    if format == Format::OpenMetrics && line == "# EOF" {
        return Ok(Line::End);
    }
    let blanks = [' ', '\t'];
    let Some(rest) = start[1..].strip_prefix(blanks) else {
        return Ok(Line::Nothing);
    };
    let rest = rest.trim_start_matches(blanks);
    let (word, rest) = rest.split_once(blanks).unwrap_or((rest, ""));
    if !matches!(word, "TYPE" | "UNIT") {
        return Ok(Line::Nothing);
    }
    let rest = rest.trim_start_matches(blanks);
    let (family, value) = match rest.strip_prefix('"') {
        // A quoted family; what is escaped in it stays as it is written.
        Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
        None => rest.split_once(blanks).unwrap_or((rest, "")),
    };
    let value = value.trim_matches(blanks);
    match word {
        "UNIT" => Ok(Line::Unit(family, value)),
        _ => match Type::parse(value) {
            Some(kind) if !family.is_empty() => Ok(Line::Type(family, kind)),
            Some(_) => Err("a type without a name".into()),
            None => Err(format!("no such type: {}", quoted(value))),
        },
    }
}

/// `name{label="value"} 1.5 1700000000 # {trace="x"} 1`
fn sample(line: &str, format: Format, parsed: &mut Parsed) -> Result<(), String> {
    parsed.labels.clear();
    parsed.unescaped.clear();
    parsed.at = None;
    let mut cursor = Cursor { line, at: 0 };
    cursor.skip_blanks();
    let start = cursor.at;
    cursor.skip_name();
    let mut has_name = cursor.at > start;
    if has_name {
        parsed.name = Place::Line(start..cursor.at);
    }
    cursor.skip_blanks();
    if cursor.peek() == Some(b'{') {
        labels(&mut cursor, parsed, &mut has_name)?;
    }
    if !has_name {
        return Err(format!("a name is expected: {}", quoted(&line[start..])));
    }
    cursor.skip_blanks();
    parsed.value = cursor.number("a value")?;
    cursor.skip_blanks();
    if !matches!(cursor.peek(), None | Some(b'#')) {
        let at = cursor.at;
        let time = cursor.number("a time")?;
        parsed.at = match format {
            Format::OpenMetrics => Some(time),
            Format::Text
                if line[at..cursor.at]
                    .bytes()
                    .all(|b| b.is_ascii_digit() || b == b'-') =>
            {
                Some(time / 1000.0)
            }
            Format::Text => {
                let text = quoted(&line[at..cursor.at]);
                return Err(format!("a time in milliseconds is expected: {text}"));
            }
        };
        cursor.skip_blanks();
    }
    match cursor.peek() {
        None => Ok(()),
        Some(b'#') if format == Format::OpenMetrics => exemplar(&mut cursor, parsed),
        Some(_) => Err(format!(
            "the end of the line is expected: {}",
            quoted(&line[cursor.at..])
        )),
    }
}

/// Read and left out: `# {trace_id="x"} 0.67 1700000000`
fn exemplar(cursor: &mut Cursor<'_>, parsed: &mut Parsed) -> Result<(), String> {
    cursor.at += 1;
    cursor.skip_blanks();
    if cursor.peek() != Some(b'{') {
        return Err("an exemplar without labels".into());
    }
    let own = parsed.labels.len();
    let mut has_name = true;
    labels(cursor, parsed, &mut has_name)?;
    parsed.labels.truncate(own);
    cursor.skip_blanks();
    cursor.number("an exemplar's value")?;
    cursor.skip_blanks();
    if cursor.peek().is_some() {
        cursor.number("an exemplar's time")?;
        cursor.skip_blanks();
    }
    match cursor.peek() {
        None => Ok(()),
        Some(_) => Err("something behind an exemplar".into()),
    }
}

/// `{a="b",c="d",}`, or with the sample's name: `{"my.name",a="b"}`.
fn labels(cursor: &mut Cursor<'_>, parsed: &mut Parsed, has_name: &mut bool) -> Result<(), String> {
    let own = parsed.labels.len();
    cursor.at += 1;
    let mut is_first = true;
    loop {
        cursor.skip_blanks();
        match cursor.peek() {
            Some(b'}') => {
                cursor.at += 1;
                return Ok(());
            }
            None => return Err("the line ends within its labels".into()),
            Some(_) => {}
        }
        let name = match cursor.peek() {
            Some(b'"') => cursor.quoted(&mut parsed.unescaped)?,
            _ => {
                let start = cursor.at;
                cursor.skip_name();
                if cursor.at == start {
                    let rest = quoted(&cursor.line[start..]);
                    return Err(format!("a label's name is expected: {rest}"));
                }
                Place::Line(start..cursor.at)
            }
        };
        cursor.skip_blanks();
        match cursor.peek() {
            Some(b'=') => {
                cursor.at += 1;
                cursor.skip_blanks();
                let value = cursor.quoted(&mut parsed.unescaped)?;
                let text = parsed.text(cursor.line, &name);
                let mut own = parsed.labels[own..].iter();
                if own.any(|(other, _)| parsed.text(cursor.line, other) == text) {
                    return Err(format!("a label for the second time: {}", quoted(text)));
                }
                if parsed.labels.len() >= LABELS_MAX {
                    return Err(format!("more than {LABELS_MAX} labels"));
                }
                parsed.labels.push((name, value));
            }
            Some(b',' | b'}') if is_first && !*has_name && is_quoted(cursor.line, &name) => {
                parsed.name = name;
                *has_name = true;
            }
            _ => {
                let text = quoted(parsed.text(cursor.line, &name));
                return Err(format!("a label without a value: {text}"));
            }
        }
        is_first = false;
        cursor.skip_blanks();
        match cursor.peek() {
            Some(b',') => cursor.at += 1,
            Some(b'}') => {}
            Some(_) => {
                let rest = quoted(&cursor.line[cursor.at..]);
                return Err(format!("a comma or a brace is expected: {rest}"));
            }
            None => return Err("the line ends within its labels".into()),
        }
    }
}

fn is_quoted(line: &str, name: &Place) -> bool {
    match name {
        Place::Unescaped(_) => true,
        Place::Line(range) => line[..range.start].ends_with('"'),
    }
}

struct Cursor<'a> {
    line: &'a str,
    at: usize,
}

impl Cursor<'_> {
    fn peek(&self) -> Option<u8> {
        self.line.as_bytes().get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    /// Letters, digits, `_` and `:`; the first one is no digit.
    fn skip_name(&mut self) {
        if self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            return;
        }
        let rest = &self.line.as_bytes()[self.at..];
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':');
        let length = rest.iter().position(|byte| !is_name(byte));
        self.at += length.unwrap_or(rest.len());
    }

    /// A text in double quotes.
    fn quoted(&mut self, unescaped: &mut String) -> Result<Place, String> {
        if self.peek() != Some(b'"') {
            let rest = quoted(&self.line[self.at..]);
            return Err(format!("a text in double quotes is expected: {rest}"));
        }
        let start = self.at + 1;
        let unclosed = || "the line ends within quotes".to_owned();
        let rest = &self.line.as_bytes()[start..];
        let length = memchr::memchr2(b'"', b'\\', rest).ok_or_else(unclosed)?;
        if rest[length] == b'"' {
            self.at = start + length + 1;
            return Ok(Place::Line(start..start + length));
        }
        let from = unescaped.len();
        let mut letters = self.line[start..].char_indices();
        while let Some((at, c)) = letters.next() {
            match c {
                '"' => {
                    self.at = start + at + 1;
                    return Ok(Place::Unescaped(from..unescaped.len()));
                }
                '\\' => match letters.next() {
                    Some((_, 'n')) => unescaped.push('\n'),
                    Some((_, c @ ('"' | '\\'))) => unescaped.push(c),
                    // As Prometheus reads it: kept as it is.
                    Some((_, c)) => unescaped.extend(['\\', c]),
                    None => return Err(unclosed()),
                },
                c => unescaped.push(c),
            }
        }
        Err(unclosed())
    }

    fn number(&mut self, what: &str) -> Result<f64, String> {
        let rest = &self.line[self.at..];
        let end = rest.find([' ', '\t']).unwrap_or(rest.len());
        let word = &rest[..end];
        self.at += end;
        match word.parse() {
            Ok(number) => Ok(number),
            Err(_) if word.is_empty() => Err(format!("{what} is missing")),
            Err(_) => Err(format!("{what} that is no number: {}", quoted(word))),
        }
    }
}

fn quoted(text: &str) -> String {
    let start: String = text.chars().take(QUOTED_CHARS_MAX).collect();
    format!("{start:?}")
}
