/// A text that is not an expression, with the place of the mistake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}{}", .help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default())]
pub struct ExpressionError {
    /// Where the mistake starts, in bytes from the start of the text; always on
    /// the border of a character and at most the length of the text.
    pub offset: usize,
    /// What is wrong.
    pub message: String,
    /// What to write instead, where that can be guessed.
    pub help: Option<String>,
}

impl ExpressionError {
    pub(super) fn new(offset: usize, message: impl Into<String>) -> Self {
        Self {
            offset,
            message: message.into(),
            help: None,
        }
    }

    pub(super) fn help(self, help: impl Into<String>) -> Self {
        Self {
            help: Some(help.into()),
            ..self
        }
    }

    pub(super) fn maybe(self, help: Option<String>) -> Self {
        Self { help, ..self }
    }
}

/// `did you mean avg?`, if one of the known words is close to what was written.
pub(super) fn did_you_mean(written: &str, known: &[&str]) -> Option<String> {
    nearest(written, known).map(|word| format!("did you mean {word}?"))
}

/// The known word that is closest to what was written, if one is close.
pub(super) fn nearest<'a>(written: &str, known: &[&'a str]) -> Option<&'a str> {
    // Far longer than any word we know: not a slip of the pen.
    if written.len() > 40 {
        return None;
    }
    let lower = written.to_lowercase();
    let (distance, word) = known
        .iter()
        .map(|word| (distance(&lower, &word.to_lowercase()), word))
        .min_by_key(|(distance, _)| *distance)?;
    let near = (written.chars().count() / 3).max(1);
    (distance <= near).then_some(*word)
}

/// Insertions, deletions, replacements and swaps of neighbours between two words.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = above[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(above[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}
