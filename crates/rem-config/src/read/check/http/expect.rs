//! What must be true of an answer.

use super::*;

/// What is expected, before it is filled in.
pub(super) struct Expected {
    pub(super) status: StatusCodes,
    pub(super) contains: Option<String>,
    pub(super) assertions: Vec<Draft>,
}

/// An assertion before it is filled in.
pub(super) enum Draft {
    Same(HttpAssertion),
    Header(String, Located<Template>),
    FinalUrl(Located<Template>),
}

impl Expected {
    pub(super) fn success() -> Self {
        Self {
            status: StatusCodes::success(),
            contains: None,
            assertions: Vec::new(),
        }
    }
}

impl Draft {
    pub(super) fn fill(&self, fill: &Fill<'_>) -> Result<HttpAssertion, Problem> {
        Ok(match self {
            Self::Same(assertion) => assertion.clone(),
            Self::Header(name, value) => {
                HttpAssertion::HeaderEquals(name.clone(), fill.text(value)?)
            }
            Self::FinalUrl(url) => HttpAssertion::FinalUrl(fill.url(url)?),
        })
    }
}

pub(super) fn read(at: &At<'_>, scene: Scene<'_>, problems: &mut Problems) -> Option<Expected> {
    let mut map = at.map(problems)?;
    let status = match map.get("status") {
        Some(at) => status(&at, problems),
        None => Some(StatusCodes::success()),
    };
    let mut assertions = Vec::new();
    let mut all =
        |key: &'static str, make: fn(String) -> HttpAssertion, problems: &mut Problems| {
            let at = map.get(key)?;
            let items = match at.node().as_str() {
                Some(_) => vec![at],
                None => at.items(problems)?,
            };
            let texts: Vec<Option<String>> = items
                .iter()
                .map(|item| text_to_find(item, problems))
                .collect();
            let texts: Option<Vec<String>> = texts.into_iter().collect();
            let drafts = texts?.into_iter().map(make).map(Draft::Same);
            assertions.extend(drafts);
            Some(())
        };
    // A text that stands alone is `contains`, which every check of HTTP has.
    all("body", HttpAssertion::BodyContains, problems);
    all("body_lacks", HttpAssertion::BodyLacks, problems);
    all("body_matches", HttpAssertion::BodyMatches, problems);
    all("body_matches_not", HttpAssertion::BodyMatchesNot, problems);
    all("json", HttpAssertion::Json, problems);
    all("url_matches", HttpAssertion::FinalUrlMatches, problems);
    if let Some(at) = map.get("url") {
        let url = filled(&at, scene.interfaces, Becomes::Url, problems, url::check);
        assertions.extend(url.map(Draft::FinalUrl));
    }
    let headers = map.get("headers").and_then(|at| at.entries(problems));
    for (name, at) in headers.unwrap_or_default() {
        assertions.extend(header(&name, &at, scene, problems));
    }
    map.finish(problems);
    let first = assertions
        .iter()
        .position(|draft| matches!(draft, Draft::Same(HttpAssertion::BodyContains(_))));
    let contains = first.map(|first| assertions.remove(first));
    Some(Expected {
        status: status?,
        contains: match contains {
            Some(Draft::Same(HttpAssertion::BodyContains(text))) => Some(text),
            _ => None,
        },
        assertions,
    })
}

/// A value, `true` and `false` for being there, or `{matches: …}`.
fn header(
    name: &Located<&str>,
    at: &At<'_>,
    scene: Scene<'_>,
    problems: &mut Problems,
) -> Option<Draft> {
    let header = name.value.to_owned();
    match &at.node().value {
        Value::Bool(true) => Some(Draft::Same(HttpAssertion::HeaderPresent(header))),
        Value::Bool(false) => Some(Draft::Same(HttpAssertion::HeaderAbsent(header))),
        Value::Map(_) => {
            let mut map = at.map(problems)?;
            let pattern = match map.get("matches") {
                Some(at) => text_to_find(&at, problems),
                None => {
                    problems.add(map.missing("matches"));
                    None
                }
            };
            map.finish(problems);
            Some(Draft::Same(HttpAssertion::HeaderMatches(header, pattern?)))
        }
        _ => Some(Draft::Header(
            header,
            template(at, scene.interfaces, problems)?,
        )),
    }
}

fn status(at: &At<'_>, problems: &mut Problems) -> Option<StatusCodes> {
    let items = match at.node().as_seq() {
        Some([]) => {
            problems.add(at.problem("no status is expected").help("write 200-299"));
            return None;
        }
        Some(_) => at.items(problems)?,
        None => vec![at.clone()],
    };
    let ranges: Vec<Option<(u16, u16)>> = items.iter().map(|at| range(at, problems)).collect();
    ranges
        .into_iter()
        .collect::<Option<_>>()
        .map(StatusCodes::new)
}

fn range(at: &At<'_>, problems: &mut Problems) -> Option<(u16, u16)> {
    let text = match &at.node().value {
        Value::Int(code) => code.to_string(),
        Value::Str(text) => text.clone(),
        _ => {
            problems.add(at.expected("a status code such as 200 or a range such as 200-299"));
            return None;
        }
    };
    match StatusCodes::range(&text) {
        Ok(range) => Some(range),
        Err(message) => {
            problems.add(at.problem(message));
            None
        }
    }
}
