//! `cache`: an item that a thread runs at an interval.

use rem_time::Span;
use rem_yaml::Value as Yaml;

use super::Compiler;
use crate::read::At;
use crate::tree::Cache;

const INTERVAL: Span = Span::from_seconds(5);
const HISTORY: usize = 100;
/// The lock whose release ends every thread.
pub(crate) const RUN_LOCK: &str = "__running";

impl Compiler {
    /// `cache: 5` is the interval in seconds, `cache: name` the thread; the
    /// other of the two has a key of its own.
    pub(super) fn cache(&mut self, item: &At<'_>, name: &str) -> Option<Option<Cache>> {
        let mut thread_id = self.reader.optional_text(item, "thread_id");
        let mut interval = match item.get("interval") {
            Some(at) => Some(self.reader.span(&at)?),
            None => None,
        };
        let history = match item.get("history") {
            Some(at) => self.reader.count(&at)?,
            None => HISTORY,
        };
        let duration = match item.get("duration") {
            Some(at) => Some(self.reader.span(&at)?),
            None => None,
        };
        let run_lock = self.reader.optional_text(item, "run_lock");
        let Some(at) = item.get("cache") else {
            for key in ["thread_id", "interval", "duration", "history", "run_lock"] {
                if let Some(at) = item.get(key) {
                    let help = "add cache: 5 to run it every 5 seconds";
                    self.reader
                        .wrong_key(&at, format!("{key} needs cache"), Some(help.into()));
                }
            }
            return Some(None);
        };
        match &at.node.value {
            Yaml::Int(_) | Yaml::Float(_) => {
                let span = self.reader.span(&at)?;
                if interval.is_some() {
                    self.reader
                        .wrong(&at, "cache and interval both say how often");
                    return None;
                }
                interval = Some(span);
            }
            // A text that is a span says how often, any other one names the thread.
            Yaml::Str(text) => match text.parse::<Span>() {
                Ok(span) if !span.is_zero() && interval.is_none() => interval = Some(span),
                _ => thread_id = thread_id.or_else(|| Some(text.clone())),
            },
            _ => {
                self.reader.wrong_help(
                    &at,
                    format!(
                        "cache is an interval or the name of the thread, found {}",
                        at.node.describe()
                    ),
                    "cache: 5 runs it every 5 seconds",
                );
                return None;
            }
        }
        Some(Some(Cache {
            thread_id: thread_id.unwrap_or_else(|| name.to_owned()),
            interval: interval.unwrap_or(INTERVAL),
            duration,
            history,
            run_lock: run_lock.unwrap_or_else(|| RUN_LOCK.into()),
        }))
    }
}
