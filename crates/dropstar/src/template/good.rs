use std::path::PathBuf;

use minijinja::Environment;

use super::{Sources, set_syntax};

/// Where a template is wrong, and how.
pub(crate) struct Mistake {
    pub(crate) line: u32,
    pub(crate) column: u32,
    pub(crate) message: String,
}

/// What keeps a text from being a template, if anything.
pub(crate) fn mistake(name: &str, text: &str) -> Option<Mistake> {
    let mut environment = Environment::new();
    set_syntax(&mut environment);
    let error = environment.template_from_named_str(name, text).err()?;
    let line = error.line().unwrap_or(1);
    let before = error.range().and_then(|range| text.get(..range.start));
    let column = before.map_or(1, |before| {
        let line = before.rsplit('\n').next().unwrap_or("");
        line.chars().count() + 1
    });
    let message = match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    Some(Mistake {
        line: u32::try_from(line).unwrap_or(u32::MAX),
        column: u32::try_from(column).unwrap_or(u32::MAX),
        message,
    })
}

impl Sources {
    /// What was read, unless it is no template and an earlier version was one.
    /// Without an earlier one, whoever renders gets to know what is wrong.
    pub(super) fn newest_good(&self, path: PathBuf, name: &str, text: String) -> String {
        let mut good = self.good.lock();
        let Some(mistake) = mistake(name, &text) else {
            good.insert(path, text.clone());
            return text;
        };
        let Some(last) = good.get(&path) else {
            return text;
        };
        tracing::warn!(
            "edit not taken, the last good version stays: {}:{}:{}: {}",
            path.display(),
            mistake.line,
            mistake.column,
            mistake.message
        );
        last.clone()
    }
}
