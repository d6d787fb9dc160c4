use redeye_cloud::{Class, CloudError, Power};
use regex::Regex;
use serde::Deserialize;
use serde_json::Value;

/// Exit codes with a meaning; every other one is a failure.
///
/// | code | meaning |
/// |---|---|
/// | 0 | done |
/// | 10 | it was so already, nothing changed |
/// | 11 | begun: look with `query`, or call again |
/// | 3 | there is no such thing |
/// | 4 | not in this state |
/// | 64 | what was asked makes no sense |
/// | 69 | not reached |
/// | 73 | no room |
/// | 75 | not now, try again |
/// | 77 | not allowed |
pub(crate) const CODES: [(i32, Code); 10] = [
    (0, Code::Done),
    (10, Code::Already),
    (11, Code::Begun),
    (3, Code::Class(Class::NotFound)),
    (4, Code::Class(Class::Conflict)),
    (64, Code::Class(Class::Invalid)),
    (69, Code::Class(Class::Unavailable)),
    (73, Code::Class(Class::NoCapacity)),
    (75, Code::Class(Class::Throttled)),
    (77, Code::Class(Class::Denied)),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    Done,
    Already,
    Begun,
    Class(Class),
}

/// What a function has said.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Said {
    pub(crate) code: Code,
    /// Its last line, if that was JSON.
    pub(crate) json: Option<Value>,
    /// All that it printed, without secrets.
    pub(crate) text: String,
}

/// The JSON that a function that does something may print as its last line.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Told {
    pub(crate) changed: Option<bool>,
    pub(crate) ids: Vec<redeye_cloud::Id>,
    pub(crate) note: Option<String>,
    pub(crate) secret: Option<String>,
    /// Kept, and given back when it is called again.
    pub(crate) state: Value,
}

impl Code {
    pub(crate) fn of(exit: i32) -> Self {
        let found = CODES.iter().find(|(code, _)| *code == exit);
        found.map_or(Self::Class(Class::Failed), |(_, code)| *code)
    }
}

impl Said {
    /// From what was printed.
    pub(crate) fn new(code: Code, text: String) -> Self {
        let last = text.lines().rev().find(|line| !line.trim().is_empty());
        let json = last.and_then(|line| serde_json::from_str::<Value>(line.trim()).ok());
        let json = json
            .or_else(|| serde_json::from_str(text.trim()).ok())
            .filter(|value| value.is_object() || value.is_array());
        Self { code, json, text }
    }

    /// The error, if it is one.
    pub(crate) fn error(&self, doing: &str, stderr: &str) -> Option<CloudError> {
        let Code::Class(class) = self.code else {
            return None;
        };
        let told = self
            .json
            .as_ref()
            .and_then(|json| json.get("error")?.as_str());
        let said = [told.unwrap_or_default(), stderr.trim(), self.text.trim()];
        let message = said.into_iter().find(|text| !text.is_empty());
        let message = message.unwrap_or("it said nothing");
        Some(CloudError::new(class, doing, last_lines(message, 5)))
    }

    /// What a query found: from its JSON, else by the patterns.
    pub(crate) fn power(&self, matches: &[(Power, Regex)]) -> Power {
        let told = self
            .json
            .as_ref()
            .and_then(|json| json.get("power")?.as_str());
        match told {
            Some("on") => return Power::On,
            Some("off") => return Power::Off,
            Some(_) => return Power::Unknown,
            None => {}
        }
        let found = matches
            .iter()
            .find(|(_, pattern)| pattern.is_match(&self.text));
        found.map_or(Power::Unknown, |(power, _)| *power)
    }

    /// What a function that does something has told.
    pub(crate) fn told(&self, doing: &str) -> Result<Told, CloudError> {
        let Some(json) = &self.json else {
            return Ok(Told::default());
        };
        Told::deserialize(json).map_err(|why| {
            let message = format!("its last line is not what was expected: {why}");
            CloudError::new(Class::Protocol, doing, message)
        })
    }
}

/// The last lines of a text, as programs put the reason there.
fn last_lines(text: &str, most: usize) -> String {
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let from = lines.len().saturating_sub(most);
    lines[from..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_is_the_answer_if_it_is_json() {
        let said = Said::new(Code::Done, "starting\n{\"power\": \"on\"}\n\n".into());
        assert_eq!(said.power(&[]), Power::On);
        let plain = Said::new(Code::Done, "Chassis Power is off\n".into());
        let matches = [
            (Power::On, Regex::new("is on").unwrap()),
            (Power::Off, Regex::new("is off").unwrap()),
        ];
        assert_eq!(plain.power(&matches), Power::Off);
        assert_eq!(
            plain.power(&matches[..1]),
            Power::Unknown,
            "never off by default"
        );
        let whole = Said::new(Code::Done, "[\n1,\n2\n]\n".into());
        assert!(whole.json.is_some_and(|json| json.is_array()));
    }

    #[test]
    fn codes_have_classes_and_the_reason_is_what_stderr_ends_with() {
        for (code, meaning) in CODES {
            assert_eq!(Code::of(code), meaning);
        }
        let said = Said::new(Code::of(1), "x\n".into());
        let error = said
            .error("start of web-1", "a\nb\nc\nd\ne\nwrong password\n")
            .unwrap();
        assert_eq!(error.class, Class::Failed);
        assert_eq!(error.message, "b\nc\nd\ne\nwrong password");
        assert!(
            Said::new(Code::of(10), String::new())
                .error("x", "")
                .is_none()
        );
    }
}
