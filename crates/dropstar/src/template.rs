use std::collections::HashMap;
use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, ErrorKind, context};
use parking_lot::{Mutex, RwLock};
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use crate::assets::Assets;
use crate::static_files::content_type;

mod good;
#[cfg(test)]
mod tests;

pub(crate) use good::mistake;

/// Instructions one rendering may take; a loop without end becomes an error.
const FUEL_MAX: u64 = 5_000_000;
/// How old the knowledge about changed files may get.
const CHECK_EVERY: Duration = Duration::from_millis(500);

const EMBEDDED: &[(&str, &str)] = &[
    ("base.html", include_str!("../templates/base.html")),
    ("macros.html", include_str!("../templates/macros.html")),
    ("failure.html", include_str!("../templates/failure.html")),
    ("sign_in.html", include_str!("../templates/sign_in.html")),
];

/// Jinja templates: from folders, from the program, and dropstar's own
/// `base.html`, `macros.html`, `sign_in.html` and `failure.html`, which a
/// template of the same name replaces. What they print is escaped for HTML.
///
/// A file that changes is read again; an edit that is no template leaves the last
/// good version in place and is logged with its line. Every template knows `csrf_token`,
/// `csp_nonce`, `caller`, `path`, `site`, `request_id` (which win over data of the
/// same names) and the function `asset(name)`.
#[derive(Clone)]
pub struct Templates {
    shared: Arc<Shared>,
}

struct Shared {
    sources: Arc<Sources>,
    environment: RwLock<Environment<'static>>,
    checked: Mutex<Instant>,
    check_every: Duration,
}

#[derive(Default)]
struct Sources {
    folders: Vec<PathBuf>,
    own: HashMap<String, String>,
    assets: Assets,
    /// Files looked for so far, and when each was last changed if it is there.
    seen: Mutex<HashMap<PathBuf, Option<SystemTime>>>,
    /// What was last read of each file and was in order.
    good: Mutex<HashMap<PathBuf, String>>,
}

/// Why a template could not be rendered.
#[derive(Debug, Error)]
#[error("cannot render template {name}: {why}")]
pub struct TemplateError {
    name: String,
    why: String,
}

impl Default for Templates {
    fn default() -> Self {
        Self::new()
    }
}

impl Templates {
    /// dropstar's own templates alone.
    pub fn new() -> Self {
        Self::over(Sources::default(), CHECK_EVERY)
    }

    /// Adds a folder; of several, the first that has a template wins.
    pub fn folder(self, path: impl Into<PathBuf>) -> Self {
        let mut sources = self.sources();
        sources.folders.push(path.into());
        Self::over(sources, self.shared.check_every)
    }

    /// Adds a template that is part of the program. Folders win over it.
    pub fn embedded(self, name: impl Into<String>, source: impl Into<String>) -> Self {
        let mut sources = self.sources();
        sources.own.insert(name.into(), source.into());
        Self::over(sources, self.shared.check_every)
    }

    /// Adds a file that pages refer to as `asset("name")`: a style sheet, a script, an
    /// image. It is served below `/assets/` by every site with these templates, under
    /// an address that browsers keep for ever. Its name says its content type.
    pub fn asset(self, name: impl Into<String>, content: &'static [u8]) -> Self {
        let mut sources = self.sources();
        let name = name.into();
        let (content_type, _) = content_type(Path::new(&name));
        sources.assets.add(name, content_type, content);
        Self::over(sources, self.shared.check_every)
    }

    pub(crate) fn assets(&self) -> &Assets {
        &self.shared.sources.assets
    }

    /// How often to look for changed files at most; every half second unless told.
    pub fn check_every(self, time: Duration) -> Self {
        Self::over(self.sources(), time)
    }

    /// Renders a template.
    pub fn render(&self, name: &str, data: impl Serialize) -> Result<String, TemplateError> {
        self.render_value(name, minijinja::Value::from(Serde(data)))
    }

    pub(crate) fn render_page(
        &self,
        name: &str,
        data: &Value,
        page: &impl Serialize,
    ) -> Result<String, TemplateError> {
        let data = match data {
            Value::Object(_) => minijinja::Value::from(Serde(data)),
            other => context! { data => minijinja::Value::from(Serde(other)) },
        };
        let page = minijinja::Value::from(Serde(page));
        self.render_value(name, context! { ..page, ..data })
    }

    /// Like a template's file, but the text is at hand.
    pub(crate) fn render_page_text(
        &self,
        text: &str,
        data: &Value,
        page: &impl Serialize,
    ) -> Result<String, TemplateError> {
        const NAME: &str = "page.html";
        self.forget_changed();
        let page = minijinja::Value::from(Serde(page));
        let data = minijinja::Value::from(Serde(data));
        let environment = self.shared.environment.read();
        environment
            .render_named_str(NAME, text, context! { ..page, ..data })
            .map_err(|error| TemplateError {
                name: NAME.into(),
                why: format!("{error:#}"),
            })
    }

    fn render_value(&self, name: &str, data: minijinja::Value) -> Result<String, TemplateError> {
        self.forget_changed();
        let problem = |error: minijinja::Error| TemplateError {
            name: name.to_owned(),
            why: format!("{error:#}"),
        };
        let environment = self.shared.environment.read();
        let template = environment.get_template(name).map_err(problem)?;
        template.render(data).map_err(problem)
    }

    /// Whether a template of this name can be found.
    pub fn has(&self, name: &str) -> bool {
        self.shared.environment.read().get_template(name).is_ok()
    }

    fn forget_changed(&self) {
        if self.shared.sources.folders.is_empty() {
            return;
        }
        {
            let mut checked = self.shared.checked.lock();
            if checked.elapsed() < self.shared.check_every {
                return;
            }
            *checked = Instant::now();
        }
        let changed = {
            let seen = self.shared.sources.seen.lock();
            seen.iter().any(|(path, known)| changed_at(path) != *known)
        };
        if changed {
            self.shared.environment.write().clear_templates();
            self.shared.sources.seen.lock().clear();
        }
    }

    fn sources(&self) -> Sources {
        Sources {
            folders: self.shared.sources.folders.clone(),
            own: self.shared.sources.own.clone(),
            assets: self.shared.sources.assets.clone(),
            seen: Mutex::default(),
            good: Mutex::default(),
        }
    }

    fn over(sources: Sources, check_every: Duration) -> Self {
        let sources = Arc::new(sources);
        Self {
            shared: Arc::new(Shared {
                environment: RwLock::new(environment(sources.clone())),
                sources,
                checked: Mutex::new(Instant::now()),
                check_every,
            }),
        }
    }
}

impl fmt::Debug for Templates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Templates")
            .field("folders", &self.shared.sources.folders)
            .finish_non_exhaustive()
    }
}

impl Sources {
    fn load(&self, name: &str) -> Result<Option<String>, minijinja::Error> {
        let inside = Path::new(name)
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        if !inside || name.contains('\0') {
            return Ok(None);
        }
        for folder in &self.folders {
            let path = folder.join(name);
            self.seen.lock().insert(path.clone(), changed_at(&path));
            match std::fs::read_to_string(&path) {
                Ok(text) => return Ok(Some(self.newest_good(path, name, text))),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => {
                    let text = format!("cannot read {}", path.display());
                    return Err(
                        minijinja::Error::new(ErrorKind::InvalidOperation, text).with_source(error)
                    );
                }
            }
        }
        if let Some(own) = self.own.get(name) {
            return Ok(Some(own.clone()));
        }
        let embedded = EMBEDDED.iter().find(|(known, _)| *known == name);
        Ok(embedded.map(|(_, source)| (*source).to_owned()))
    }
}

fn changed_at(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path)
        .and_then(|meta| meta.modified())
        .ok()
}

fn environment(sources: Arc<Sources>) -> Environment<'static> {
    let mut environment = Environment::new();
    let assets = sources.assets.clone();
    environment.set_loader(move |name| sources.load(name));
    environment.set_auto_escape_callback(|name| {
        if name.ends_with(".txt") || name.ends_with(".yaml") {
            AutoEscape::None
        } else {
            AutoEscape::Html
        }
    });
    set_syntax(&mut environment);
    environment.set_fuel(Some(FUEL_MAX));
    environment.add_function("asset", move |name: &str| {
        // Marked as safe: the address holds nothing that HTML would take amiss.
        assets
            .url(name)
            .map(minijinja::Value::from_safe_string)
            .ok_or_else(|| {
                minijinja::Error::new(ErrorKind::InvalidOperation, format!("no asset: {name}"))
            })
    });
    environment
}

fn set_syntax(environment: &mut Environment<'_>) {
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build();
    if let Ok(syntax) = syntax {
        environment.set_syntax(syntax);
    }
}
