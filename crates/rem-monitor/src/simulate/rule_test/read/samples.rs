use rem_alert::level::{ExpressionError, SERIES_SAMPLES_MAX, parse_series};
use rem_check::{Reading, Report, Unit, Verdict};
use rem_time::{Span, Timestamp};
use rem_yaml::{At, Problems, Value, suggest};

use crate::simulate::rule_test::START;

/// The numbers of one field of a part.
type Column = (Option<String>, String, Vec<Option<f64>>);

/// The reports that a test is about.
pub(super) fn samples(
    status: Option<&At<'_>>,
    series: Option<&At<'_>>,
    every: Span,
    at: &At<'_>,
    problems: &mut Problems,
) -> Option<Vec<Report>> {
    let before = problems.len();
    let verdicts = match status {
        Some(at) => Some(verdicts(at, problems)?),
        None => None,
    };
    let mut columns: Vec<Column> = Vec::new();
    for (name, at) in series
        .and_then(|at| at.entries(problems))
        .unwrap_or_default()
    {
        if let Value::Map(_) = at.node().value {
            let part = name.value.to_owned();
            for (field, at) in at.entries(problems).unwrap_or_default() {
                let values = column(&at, problems).unwrap_or_default();
                columns.push((Some(part.clone()), field.value.to_owned(), values));
            }
            continue;
        }
        let values = column(&at, problems).unwrap_or_default();
        columns.push((None, name.value.to_owned(), values));
    }
    if before < problems.len() {
        return None;
    }
    let of_series = columns.iter().map(|(_, _, values)| values.len()).max();
    let of_status = verdicts.as_ref().map(Vec::len);
    let count = of_series.max(of_status).unwrap_or(0);
    if count == 0 {
        let problem = at.problem("there are no samples");
        problems.add(problem.help("add `series: {used_percent: 80 x3 92 x5}` or `status: ok x3`"));
        return None;
    }
    let reports = (0..count).map(|sample| {
        let readings = columns.iter().filter_map(|(part, field, values)| {
            let value = values.get(sample)?;
            let mut reading = Reading::gauge(field, value.unwrap_or(0.0), Unit::One);
            reading.value = *value;
            reading.group.clone_from(part);
            Some(reading)
        });
        let verdict = match &verdicts {
            None => Some(Verdict::Ok),
            Some(verdicts) => verdicts.get(sample).copied().flatten(),
        };
        let readings: Vec<Reading> = readings.collect();
        // `_` as a status: nobody looked.
        verdict.map(|verdict| Report {
            at: time(every, sample),
            took: Span::ZERO,
            verdict,
            message: String::new(),
            readings,
        })
    });
    Some(reports.flatten().collect())
}

fn time(every: Span, sample: usize) -> Timestamp {
    START + Span::from_nanos(every.as_nanos().saturating_mul(sample as u64))
}

fn column(at: &At<'_>, problems: &mut Problems) -> Option<Vec<Option<f64>>> {
    let number = match &at.node().value {
        Value::Int(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        _ => None,
    };
    let text = match &number {
        Some(number) => number,
        None => at.text(problems)?,
    };
    match parse_series(&repeats_apart(text)) {
        Ok(series) => Some(series),
        Err(ExpressionError { message, help, .. }) => {
            problems.add(at.problem(message).maybe_help(help));
            None
        }
    }
}

/// `85x3` is `85 x3`.
fn repeats_apart(text: &str) -> String {
    let words = text
        .split_whitespace()
        .map(|word| match word.rsplit_once('x') {
            Some((value, times))
                if !value.is_empty()
                    && !times.is_empty()
                    && times.bytes().all(|b| b.is_ascii_digit()) =>
            {
                format!("{value} x{times}")
            }
            _ => word.to_owned(),
        });
    words.collect::<Vec<_>>().join(" ")
}

/// `ok x3 critical x4 _`.
fn verdicts(at: &At<'_>, problems: &mut Problems) -> Option<Vec<Option<Verdict>>> {
    const WORDS: [&str; 4] = ["ok", "warning", "critical", "unknown"];
    let text = repeats_apart(at.text(problems)?);
    let mut all: Vec<Option<Verdict>> = Vec::new();
    for word in text.split_whitespace() {
        let times = word
            .strip_prefix('x')
            .and_then(|times| times.parse::<usize>().ok());
        if let (Some(times), Some(last)) = (times, all.last().copied()) {
            if SERIES_SAMPLES_MAX < all.len().saturating_add(times) {
                let message = format!("at most {SERIES_SAMPLES_MAX} samples are allowed");
                problems.add(at.problem(message));
                return None;
            }
            all.extend(std::iter::repeat_n(last, times.saturating_sub(1)));
            continue;
        }
        all.push(match word {
            "ok" => Some(Verdict::Ok),
            "warning" => Some(Verdict::Warning),
            "critical" => Some(Verdict::Critical),
            "unknown" => Some(Verdict::Unknown),
            "_" => None,
            other => {
                let near = suggest(other, WORDS);
                let help = near.map_or("write `ok x3 critical x4 _`".into(), |near| {
                    format!("did you mean {near}?")
                });
                problems.add(at.problem(format!("not a status: {other}")).help(help));
                return None;
            }
        });
    }
    Some(all)
}
