//! How a page says what it looks like.

use std::path::{Component, Path, PathBuf};

use procblock::{Condition, Scope};
use rem_yaml::{At, Place, Problem, Problems};
use serde_json::{Map, Value};

use super::place::{beside, does_not_exist};
use crate::template::mistake;

/// The template of a page, or one of several.
#[derive(Debug)]
pub(super) struct PageTemplate {
    pub(super) source: Source,
    /// Used only where this holds.
    condition: Option<Condition>,
}

#[derive(Debug)]
pub(super) enum Source {
    /// By the name that the package's templates know it by.
    Jinja(String),
    /// Jinja written into the package file.
    Text(String),
    /// `%(key)s`, read at each request.
    Percent { path: PathBuf, escape: bool },
}

/// The first whose condition holds.
pub(super) fn choose<'a>(
    templates: &'a [PageTemplate],
    data: &Map<String, Value>,
) -> Result<Option<&'a Source>, procblock::CompareError> {
    let scope = Scope::of(data);
    for template in templates {
        let holds = match &template.condition {
            Some(condition) => condition.holds(&scope)?,
            None => true,
        };
        if holds {
            return Ok(Some(&template.source));
        }
    }
    Ok(None)
}

/// `{path: …}`, a text, or a list of `{path, if}` whose last has no condition.
pub(super) fn read(
    at: &At<'_>,
    folder: &Path,
    problems: &mut Problems,
) -> Option<Vec<PageTemplate>> {
    if at.node().as_seq().is_none() {
        return Some(vec![one(at, folder, problems)?]);
    }
    let items = at.items(problems)?;
    let read: Vec<Option<PageTemplate>> =
        items.iter().map(|at| one(at, folder, problems)).collect();
    let templates: Vec<PageTemplate> = read.into_iter().collect::<Option<_>>()?;
    let Some((last, others)) = templates.split_last() else {
        problems.add(at.problem("no template").help("write {path: page.html}"));
        return None;
    };
    if let Some(index) = others
        .iter()
        .position(|template| template.condition.is_none())
        && let Some(next) = items.get(index + 1)
    {
        let problem = next.problem("never used: the template before has no condition");
        problems.add(problem.help("add `if:` to the one before, or remove one of the two"));
        return None;
    }
    if last.condition.is_some() {
        let problem = at.problem("the last template has a condition too");
        problems.add(problem.help("end with one without `if:`, for all other cases"));
        return None;
    }
    Some(templates)
}

fn one(at: &At<'_>, folder: &Path, problems: &mut Problems) -> Option<PageTemplate> {
    if let Some(text) = at.node().as_str() {
        if let Some(mistake) = mistake("template", text) {
            problems.add(at.problem(format!(
                "line {} of this template: {}",
                mistake.line, mistake.message
            )));
            return None;
        }
        return Some(PageTemplate {
            source: Source::Text(text.into()),
            condition: None,
        });
    }
    let mut map = at.map(problems)?;
    let condition = map.get("if").map(|at| {
        at.parse_with(problems, |text| {
            text.parse::<Condition>()
                .map_err(|error| format!("condition: {error}"))
        })
    });
    let formats = [("jinja", false), ("percent", true)];
    let format = map.get("format").map(|at| at.one_of(&formats, problems));
    let escape = map.with_default("escape", true, problems);
    let file = match map.get("path") {
        Some(at) => {
            let is_percent = format == Some(Some(true));
            file(&at, folder, is_percent, problems)
        }
        None => {
            problems.add(map.missing("path").help("add `path: page.html`"));
            None
        }
    };
    let is_percent = match format {
        Some(format) => format?,
        None => false,
    };
    if map.has("escape") && !is_percent {
        problems.add(
            at.problem("escape is for format: percent")
                .help("in Jinja write {{ value|safe }}"),
        );
    }
    map.finish(problems);
    let (path, name) = file?;
    Some(PageTemplate {
        source: match is_percent {
            true => Source::Percent { path, escape },
            false => Source::Jinja(name),
        },
        condition: match condition {
            Some(condition) => Some(condition?),
            None => None,
        },
    })
}

/// The file, and its name below the folder of the package.
fn file(
    at: &At<'_>,
    folder: &Path,
    is_percent: bool,
    problems: &mut Problems,
) -> Option<(PathBuf, String)> {
    let path = beside(at, problems)?;
    let name = path
        .strip_prefix(folder)
        .ok()
        .and_then(|path| path.to_str());
    let is_inside = path.components().all(|part| part != Component::ParentDir);
    let Some(name) = name.filter(|_| is_inside).map(str::to_owned) else {
        let problem = at.problem("a template lies in the package's folder or below");
        problems.add(problem.help("write its path without / at the start and without .."));
        return None;
    };
    let Ok(text) = std::fs::read_to_string(&path) else {
        problems.add(does_not_exist(at, "template", &path));
        return None;
    };
    if let Some(mistake) = mistake(&name, &text).filter(|_| !is_percent) {
        let place = Place::new(path.display().to_string(), mistake.line, mistake.column);
        problems.add(Problem::new(&place, at.path(), mistake.message));
        return None;
    }
    Some((path, name))
}
