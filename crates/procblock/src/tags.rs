use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use regex::Regex;
use serde_json::{Map, Value};

use crate::block::Block;
use crate::path::Scope;

/// The tag functions a block is read with: the built-in ones, and those an
/// embedding program or a file adds.
///
/// A tag is first looked up by its exact name, then by patterns (regular
/// expressions over the whole tag), the newest first; the built-in ones come last.
///
/// ```
/// use procblock::{TagFunction, TagOutcome, Tags};
/// use serde_json::json;
///
/// let shout = TagFunction::rust(|call| {
///     let text = call.value.as_str().ok_or("text is expected")?;
///     Ok(TagOutcome::Keep(json!(text.to_uppercase())))
/// });
/// let tags = Tags::new().with("shout .+", 300, shout)?;
/// # Ok::<(), procblock::TagPatternError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Tags {
    rules: Vec<Arc<Rule>>,
}

/// What a tag of the file does.
#[derive(Clone)]
pub enum TagFunction {
    /// Code of the embedding program.
    Rust(RustTag),
    /// Another block: it is processed with the tag's text as `tag` and its value
    /// as `value` in the data of the pipe; its result is stored under the tag.
    Block(Block),
    /// A Python script: its `ProcessBlock` is called with the tag's value as
    /// `block`; what it returns is stored under the tag.
    Script(PathBuf),
}

/// Code behind a tag. It must not block: it runs on a thread of the runtime.
pub type RustTag = Arc<dyn Fn(TagCall<'_>) -> Result<TagOutcome, String> + Send + Sync>;

/// What a [`RustTag`] is called with.
#[derive(Debug)]
pub struct TagCall<'a> {
    /// The tag as it is written.
    pub tag: &'a str,
    /// Its value.
    pub value: &'a Value,
    /// The enclosing block as it is written.
    pub block_parent: &'a Value,
    /// Where names are looked up.
    pub scope: Scope<'a>,
}

/// What becomes of a tag.
#[derive(Clone, Debug, PartialEq)]
pub enum TagOutcome {
    /// Stored under the tag.
    Keep(Value),
    /// Nothing is stored.
    Discard,
    /// Stored in the enclosing block, key by key.
    Merge(Map<String, Value>),
}

/// A pattern of a tag that cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
#[error("not a pattern for a tag: {pattern}")]
pub struct TagPatternError {
    pattern: String,
    #[source]
    source: Box<regex::Error>,
}

/// One line of the table.
pub(crate) struct Rule {
    pub name: String,
    pattern: Regex,
    pub priority: i64,
    pub function: TagFunction,
}

impl Tags {
    /// The built-in tags only.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a tag function. Functions with a lower priority run earlier; plain
    /// data has 500, `if` 600, `run` 800.
    ///
    /// # Errors
    /// The pattern is not a regular expression.
    pub fn with(
        mut self,
        pattern: &str,
        priority: i64,
        function: TagFunction,
    ) -> Result<Self, TagPatternError> {
        let regex = Regex::new(&format!("^(?:{pattern})$")).map_err(|source| TagPatternError {
            pattern: pattern.into(),
            source: Box::new(source),
        })?;
        let rule = Rule {
            name: pattern.into(),
            pattern: regex,
            priority,
            function,
        };
        self.rules.insert(0, Arc::new(rule));
        Ok(self)
    }

    pub(crate) fn find(&self, tag: &str) -> Option<&Arc<Rule>> {
        let exact = self.rules.iter().find(|rule| rule.name == tag);
        exact.or_else(|| self.rules.iter().find(|rule| rule.pattern.is_match(tag)))
    }
}

impl TagFunction {
    /// A tag function written in Rust.
    pub fn rust(
        function: impl Fn(TagCall<'_>) -> Result<TagOutcome, String> + Send + Sync + 'static,
    ) -> Self {
        Self::Rust(Arc::new(function))
    }
}

impl fmt::Debug for TagFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rust(_) => f.write_str("Rust"),
            Self::Block(block) => f.debug_tuple("Block").field(&block.name()).finish(),
            Self::Script(path) => f.debug_tuple("Script").field(path).finish(),
        }
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rule")
            .field("name", &self.name)
            .field("priority", &self.priority)
            .field("function", &self.function)
            .finish_non_exhaustive()
    }
}

/// The tags this crate knows by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Builtin {
    RequireLock,
    Set,
    ListAdd,
    ListDelete,
    Increment,
    Decrement,
    If,
    Conditions,
    Run,
    RunSimultaneous,
    Template,
    Collect,
    PutInQueue,
    ReleaseLock,
}

/// What plain data and blocks have.
pub(crate) const PRIORITY_OF_DATA: i64 = 500;

impl Builtin {
    /// The built-in tag function of a tag, with the rest of the tag's text after
    /// its words (`X` of `set X`).
    pub(crate) fn find(tag: &str) -> Option<(Self, &str)> {
        let exact = match tag {
            "require lock" => Some(Self::RequireLock),
            "release lock" => Some(Self::ReleaseLock),
            "conditions" => Some(Self::Conditions),
            "run" => Some(Self::Run),
            "run simultaneous" | "run_simultaneous" => Some(Self::RunSimultaneous),
            "template" => Some(Self::Template),
            "timeseries collect" => Some(Self::Collect),
            _ => None,
        };
        if let Some(builtin) = exact {
            return Some((builtin, ""));
        }
        if let Some(middle) = tag.strip_prefix("put tag ")
            && middle.contains(" in queue ")
        {
            return Some((Self::PutInQueue, middle));
        }
        let prefixed = [
            ("if ", Self::If),
            ("set ", Self::Set),
            ("list add ", Self::ListAdd),
            ("list_add ", Self::ListAdd),
            ("list del ", Self::ListDelete),
            ("list_del ", Self::ListDelete),
            ("increment ", Self::Increment),
            ("decrement ", Self::Decrement),
        ];
        prefixed.into_iter().find_map(|(prefix, builtin)| {
            let rest = tag.strip_prefix(prefix)?.trim();
            (!rest.is_empty()).then_some((builtin, rest))
        })
    }

    pub(crate) fn priority(self) -> i64 {
        match self {
            Self::RequireLock => 0,
            Self::Set => 20,
            Self::ListAdd | Self::ListDelete | Self::Increment | Self::Decrement => 50,
            Self::If | Self::Conditions => 600,
            Self::Run | Self::RunSimultaneous => 800,
            Self::Template => 900,
            Self::Collect => 950,
            Self::PutInQueue | Self::ReleaseLock => 9999,
        }
    }
}
