use hyper::header::{HeaderMap, HeaderName};
use serde_json::Value;

use super::options::{HttpAssertion, HttpError};
use super::url::Url;
use super::{JsonReading, JsonTest};
use crate::Reading;
use crate::local::bytes;
use crate::pattern::Pattern;

/// What an answer is judged by.
#[derive(Debug)]
pub(super) struct Said<'a> {
    pub(super) url: &'a Url,
    pub(super) headers: &'a HeaderMap,
    /// Unpacked.
    pub(super) body: &'a [u8],
    /// Whether that is all of it.
    pub(super) is_complete: bool,
}

/// An assertion that is ready to be asked.
#[derive(Debug)]
pub(super) enum Assertion {
    Contains(Vec<u8>),
    Lacks(Vec<u8>),
    Matches(Pattern),
    MatchesNot(Pattern),
    Present(HeaderName),
    Absent(HeaderName),
    Equals(HeaderName, String),
    HeaderMatches(HeaderName, Pattern),
    Json(JsonTest),
    FinalUrl(Url),
    FinalUrlMatches(Pattern),
}

impl Assertion {
    pub(super) fn new(assertion: &HttpAssertion) -> Result<Self, HttpError> {
        let named = |name: &str| {
            HeaderName::from_bytes(name.as_bytes()).map_err(|_| HttpError::Header(name.into()))
        };
        let filled = |text: &Vec<u8>| match text.is_empty() {
            true => Err(HttpError::EmptyContains),
            false => Ok(text.clone()),
        };
        let url = |text: &str| {
            Url::parse(text).map_err(|why| HttpError::Url {
                url: text.to_owned(),
                why,
            })
        };
        Ok(match assertion {
            HttpAssertion::BodyContains(text) => Self::Contains(filled(text)?),
            HttpAssertion::BodyLacks(text) => Self::Lacks(filled(text)?),
            HttpAssertion::BodyMatches(pattern) => Self::Matches(Pattern::new(pattern)?),
            HttpAssertion::BodyMatchesNot(pattern) => Self::MatchesNot(Pattern::new(pattern)?),
            HttpAssertion::HeaderPresent(name) => Self::Present(named(name)?),
            HttpAssertion::HeaderAbsent(name) => Self::Absent(named(name)?),
            HttpAssertion::HeaderEquals(name, value) => Self::Equals(named(name)?, value.clone()),
            HttpAssertion::HeaderMatches(name, pattern) => {
                Self::HeaderMatches(named(name)?, Pattern::new(pattern)?)
            }
            HttpAssertion::Json(test) => Self::Json(test.clone()),
            HttpAssertion::FinalUrl(text) => Self::FinalUrl(url(text)?),
            HttpAssertion::FinalUrlMatches(pattern) => {
                Self::FinalUrlMatches(Pattern::new(pattern)?)
            }
        })
    }

    /// Why the answer is not as wanted; `None` if it is. `json` is the body.
    pub(super) fn defect(&self, said: &Said<'_>, json: &Result<Value, String>) -> Option<String> {
        match self {
            Self::Contains(text) => (!has(said.body, text)).then(|| {
                let text = String::from_utf8_lossy(text);
                format!("the {} does not contain {text:?}", said.place())
            }),
            Self::Lacks(text) => has(said.body, text).then(|| {
                let text = String::from_utf8_lossy(text);
                format!("the body contains {text:?}")
            }),
            Self::Matches(pattern) => (!pattern.is_match(said.body)).then(|| {
                let pattern = pattern.as_str();
                format!("the {} does not match {pattern:?}", said.place())
            }),
            Self::MatchesNot(pattern) => pattern
                .is_match(said.body)
                .then(|| format!("the body matches {:?}", pattern.as_str())),
            Self::Present(name) => {
                (!said.headers.contains_key(name)).then(|| format!("the header {name} is missing"))
            }
            Self::Absent(name) => said
                .headers
                .contains_key(name)
                .then(|| format!("the header {name} is there")),
            Self::Equals(name, wanted) => {
                said.header(name, &format!("wanted {wanted:?}"), |value| {
                    value == wanted.as_bytes()
                })
            }
            Self::HeaderMatches(name, pattern) => {
                let wanted = format!("which does not match {:?}", pattern.as_str());
                said.header(name, &wanted, |value| pattern.is_match(value))
            }
            Self::Json(test) => match json {
                Ok(json) => test.defect(json),
                Err(reason) => Some(reason.clone()),
            },
            Self::FinalUrl(wanted) => {
                (said.url != wanted).then(|| format!("it ended at {}, not at {wanted}", said.url))
            }
            Self::FinalUrlMatches(pattern) => {
                let url = said.url.to_string();
                let is_match = pattern.is_match(url.as_bytes());
                let pattern = pattern.as_str();
                (!is_match).then(|| format!("it ended at {url}, which does not match {pattern:?}"))
            }
        }
    }

    pub(super) fn needs_json(&self) -> bool {
        matches!(self, Self::Json(_))
    }
}

impl Said<'_> {
    /// The body as JSON, or why it is none.
    pub(super) fn json(&self) -> Result<Value, String> {
        if !self.is_complete {
            let limit = bytes(self.body.len() as u64);
            return Err(format!(
                "the body is longer than {limit}, too long to read as JSON"
            ));
        }
        serde_json::from_slice(self.body).map_err(|error| format!("the body is not JSON: {error}"))
    }

    fn place(&self) -> String {
        match self.is_complete {
            true => "body".to_owned(),
            false => format!("first {} of the body", bytes(self.body.len() as u64)),
        }
    }

    fn header(
        &self,
        name: &HeaderName,
        wanted: &str,
        is_good: impl Fn(&[u8]) -> bool,
    ) -> Option<String> {
        let mut values = self.headers.get_all(name).iter();
        let Some(first) = self.headers.get(name) else {
            return Some(format!("the header {name} is missing"));
        };
        if values.any(|value| is_good(value.as_bytes())) {
            return None;
        }
        let first = excerpt(first.as_bytes());
        Some(format!("the header {name} is \"{first}\", {wanted}"))
    }
}

/// The numbers that were asked for; unknown where the body has none.
pub(super) fn numbers(readings: &[JsonReading], json: &Result<Value, String>) -> Vec<Reading> {
    let number = |reading: &JsonReading| {
        let json = json.as_ref().ok()?;
        reading.path.number(json)
    };
    readings
        .iter()
        .map(|reading| Reading::gauge(&*reading.field, number(reading), reading.unit.clone()))
        .collect()
}

fn has(body: &[u8], text: &[u8]) -> bool {
    body.windows(text.len()).any(|part| part == text)
}

/// A value short enough for a message.
fn excerpt(value: &[u8]) -> String {
    const EXCERPT_MAX: usize = 60;
    let start = &value[..value.len().min(EXCERPT_MAX)];
    String::from_utf8_lossy(start).escape_debug().to_string()
}
