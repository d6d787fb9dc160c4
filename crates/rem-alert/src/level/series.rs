use super::error::ExpressionError;
use super::lexer::{Token, lex};

/// Most samples one written series may have.
pub const SERIES_SAMPLES_MAX: usize = 100_000;

/// Reads a series as a test writes it: numbers with their units, `_` for unknown,
/// `x3` to have the one before three times, and `+` or `-` a step for each of them.
///
/// ```
/// use rem_alert::level::parse_series;
///
/// let series = parse_series("20ms x2 _ 70ms 1+2 x3")?;
/// assert_eq!(series, [Some(0.02), Some(0.02), None, Some(0.07), Some(1.0), Some(3.0), Some(5.0)]);
/// # Ok::<(), rem_alert::level::ExpressionError>(())
/// ```
pub fn parse_series(text: &str) -> Result<Vec<Option<f64>>, ExpressionError> {
    let mut series: Vec<Option<f64>> = Vec::new();
    // The item that `x` repeats: its first value and its step.
    let mut item: Option<(Option<f64>, f64)> = None;
    for (at, word) in words(text) {
        let full = || {
            let message = format!("a series has at most {SERIES_SAMPLES_MAX} samples");
            ExpressionError::new(at, message)
        };
        if let Some(times) = word.strip_prefix('x') {
            let times = times.parse::<usize>().ok().filter(|times| *times > 0);
            let (Some(times), Some((value, step))) = (times, item.take()) else {
                return Err(
                    ExpressionError::new(at, format!("nothing to repeat: {word}"))
                        .help("as in 20ms x3"),
                );
            };
            if times > SERIES_SAMPLES_MAX - series.len() {
                return Err(full());
            }
            for i in 1..times {
                series.push(value.map(|value| value + step * i as f64));
            }
            continue;
        }
        if series.len() == SERIES_SAMPLES_MAX {
            return Err(full());
        }
        let (value, step) = match word {
            "_" => (None, 0.0),
            number => {
                let (value, step) = number_and_step(number, at)?;
                (Some(value), step)
            }
        };
        series.push(value);
        item = Some((value, step));
    }
    Ok(series)
}

fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let words = text.split(|c: char| c.is_whitespace() || c == ',');
    let start = text.as_ptr() as usize;
    words
        .filter(|word| !word.is_empty())
        .map(move |word| (word.as_ptr() as usize - start, word))
}

fn number_and_step(word: &str, at: usize) -> Result<(f64, f64), ExpressionError> {
    let mut numbers = Vec::new();
    let mut sign = None;
    let shift = |error: ExpressionError| ExpressionError {
        offset: error.offset + at,
        ..error
    };
    for lexed in lex(word).map_err(shift)? {
        match (lexed.token, sign) {
            (Token::Number(number, _), None) => numbers.push(number),
            (Token::Number(number, _), Some("-")) => numbers.push(-number),
            (Token::Number(number, _), Some(_)) => numbers.push(number),
            (Token::Sign(next @ ("+" | "-")), None) => {
                sign = Some(next);
                continue;
            }
            (Token::End, None) => break,
            _ => {
                numbers.clear();
                break;
            }
        }
        sign = None;
    }
    match numbers[..] {
        [value] => Ok((value, 0.0)),
        [value, step] => Ok((value, step)),
        _ => Err(ExpressionError::new(at, format!("not a sample: {word}"))
            .help("as in 20ms, _, or 1+2 x3")),
    }
}
