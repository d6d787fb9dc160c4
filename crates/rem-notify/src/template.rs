//! A webhook body that an operator wrote.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use rem_time::Timestamp;

use crate::{ContactError, Kind, Link, Outgoing, body, wire};

/// What one rendering may do; a loop over everything a digest holds is far below.
const FUEL: u64 = 2_000_000;
/// A longer body is an error.
const BODY_MAX: usize = 1 << 20;
const NAME: &str = "body";

/// A template of minijinja (the language of Jinja) for a body.
///
/// It sees what [`Body::Rem`](crate::Body::Rem) has: `subject`, `text`,
/// `kind`, `urgency`, `id`, `at`, `tag`, `thread`, `links`, `data`. Where the
/// content type is JSON, `{{ subject }}` is a JSON string with its quotes, so
/// that no text of a monitored machine can break out of it.
#[derive(Clone)]
pub struct Template {
    environment: Arc<Environment<'static>>,
    text: String,
    content_type: String,
}

impl Template {
    /// Reads `text` and tries it on a sample: what cannot be rendered, and a
    /// JSON body that is not JSON, is an error here and not at night.
    pub fn new(text: &str, content_type: &str) -> Result<Self, ContactError> {
        let is_json = content_type.to_ascii_lowercase().contains("json");
        let mut environment = Environment::new();
        environment.set_auto_escape_callback(move |_| match is_json {
            true => AutoEscape::Json,
            false => AutoEscape::None,
        });
        // What a message does not have is empty: a gap must not stop a page.
        environment.set_undefined_behavior(UndefinedBehavior::Chainable);
        environment.set_fuel(Some(FUEL));
        environment
            .add_template_owned(NAME, text.to_owned())
            .map_err(|error| ContactError::Template(explained(&error)))?;
        let content_type = content_type.trim();
        if content_type.is_empty() || content_type.bytes().any(|byte| !(32..127).contains(&byte)) {
            return Err(ContactError::Header("Content-Type".into()));
        }
        let template = Self {
            environment: Arc::new(environment),
            text: text.to_owned(),
            content_type: content_type.to_owned(),
        };
        let made = template.render(&sample()).map_err(ContactError::Template)?;
        if is_json && let Err(error) = serde_json::from_str::<serde_json::Value>(&made) {
            return Err(ContactError::Template(format!(
                "what it makes is not JSON: {error}"
            )));
        }
        Ok(template)
    }

    /// The `Content-Type` of what it makes.
    pub fn content_type(&self) -> &str {
        &self.content_type
    }

    pub(crate) fn render(&self, message: &Outgoing) -> Result<String, String> {
        let template = self.environment.get_template(NAME);
        let template = template.map_err(|error| explained(&error))?;
        let made = template
            .render(Value::from(Serde(body::rem(message))))
            .map_err(|error| explained(&error))?;
        if made.len() > BODY_MAX {
            return Err(format!(
                "it makes {} bytes, more than {BODY_MAX}",
                made.len()
            ));
        }
        Ok(made)
    }
}

impl PartialEq for Template {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.content_type == other.content_type
    }
}

impl Eq for Template {}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Template({} bytes, {})",
            self.text.len(),
            self.content_type
        )
    }
}

/// Quotes, braces and more than ASCII: what breaks templates that splice.
fn sample() -> Outgoing {
    let mut message = Outgoing::new(
        "sample/\"1\"",
        Kind::Page,
        "a \"quoted\" {subject} \u{e4}\\",
        "first line\nsecond <line>\t\u{1f514}",
        Timestamp::EPOCH,
    );
    message.tag = Some("7F3K-19".into());
    message.thread = Some("sample".into());
    message.reply_token = Some("token".into());
    message.links = vec![Link::new(
        "acknowledge",
        "https://rem.example.com/a?b=c&d=e",
    )];
    message
}

fn explained(error: &minijinja::Error) -> String {
    wire::one_line(&error.to_string(), 300)
}
