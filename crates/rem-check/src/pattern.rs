use regex::bytes::{Regex, RegexBuilder};

/// How much memory a compiled pattern may take; one that needs more is refused
/// before the first run.
const COMPILED_BYTES_MAX: usize = 1024 * 1024;

/// A regular expression over bytes. Matching takes time in proportion to the
/// text, whatever the pattern and the text are.
#[derive(Clone, Debug)]
pub(crate) struct Pattern(Regex);

/// Not a regular expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a regular expression: {pattern}: {why}")]
pub struct PatternError {
    /// As it was given.
    pub pattern: String,
    /// What is wrong with it, on one line.
    pub why: String,
}

impl Pattern {
    pub(crate) fn new(pattern: &str) -> Result<Self, PatternError> {
        let compiled = RegexBuilder::new(pattern)
            .size_limit(COMPILED_BYTES_MAX)
            .build();
        compiled.map(Self).map_err(|error| {
            let text = error.to_string();
            // The rest draws the pattern with a mark below.
            let why = text.lines().last().unwrap_or(&text).trim();
            PatternError {
                pattern: pattern.to_owned(),
                why: why.trim_start_matches("error: ").to_owned(),
            }
        })
    }

    pub(crate) fn is_match(&self, text: &[u8]) -> bool {
        self.0.is_match(text)
    }

    /// Where the first match ends.
    pub(crate) fn end(&self, text: &[u8]) -> Option<usize> {
        self.0.find(text).map(|found| found.end())
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str()
    }
}
