//! What a block is once it is read: tags in their order, conditions and paths
//! parsed, scripts resolved. Nothing here is decided again at run time.

use std::path::PathBuf;
use std::sync::Arc;

use regex::Regex;
use rem_time::Span;
use rem_yaml::{KeyPath, Place};
use serde_json::{Map, Value};

use crate::collect::Collect;
use crate::condition::Condition;
use crate::path::Path;
use crate::tags::Rule;

/// A map of the file: its tags in the order they are processed.
#[derive(Debug)]
pub(crate) struct Tree {
    pub at: Place,
    /// By priority, then by name.
    pub tags: Vec<Tag>,
    pub return_tag: Option<String>,
    /// The map as it was written, for scripts that look at `block_parent`.
    pub source: Arc<Value>,
}

/// One key of a block.
#[derive(Debug)]
pub(crate) struct Tag {
    pub name: String,
    pub at: Place,
    pub kind: TagKind,
}

#[derive(Debug)]
pub(crate) enum TagKind {
    /// Stored as it is.
    Data(Value),
    /// A map without a tag function.
    Block(Arc<Tree>),
    If(Branches),
    Run(Arc<Chain>),
    RunSimultaneous(Simultaneous),
    Template(Template),
    Set {
        name: String,
        value: Value,
    },
    ListAdd {
        name: String,
        value: Value,
    },
    ListDelete {
        name: String,
        value: Value,
    },
    /// `increment X: n`, or `decrement` with a negative number.
    Increment {
        name: String,
        by: Value,
        sign: i64,
    },
    RequireLock(Vec<RequireLock>),
    ReleaseLock(Vec<String>),
    PutInQueue(Vec<PutInQueue>),
    Collect(Arc<Vec<Collect>>),
    Custom {
        rule: Arc<Rule>,
        value: Value,
    },
}

/// `if`, its `elif`s in the order of the file, and `else`; or `conditions`.
#[derive(Debug)]
pub(crate) struct Branches {
    pub branches: Vec<Branch>,
    pub otherwise: Option<Arc<Tree>>,
}

#[derive(Debug)]
pub(crate) struct Branch {
    pub at: Place,
    pub condition: Condition,
    pub then: Arc<Tree>,
}

#[derive(Debug)]
pub(crate) struct Simultaneous {
    pub chains: Vec<(String, Arc<Chain>)>,
    /// Wait for all of them and give their results.
    pub join: bool,
}

/// Text, or a file that holds it.
#[derive(Debug)]
pub(crate) enum Template {
    Text(String),
    File(PathBuf),
}

#[derive(Debug)]
pub(crate) struct RequireLock {
    pub name: String,
    /// How long to wait; for ever where it is missing.
    pub timeout: Option<Span>,
    /// Processed instead of the rest of the block when the wait is over.
    pub timeout_block: Option<Arc<Tree>>,
    /// The message of the error when the wait is over.
    pub timeout_exception: Option<String>,
}

#[derive(Debug)]
pub(crate) struct PutInQueue {
    pub tag: String,
    pub queue: String,
}

/// The items of a `run` list.
#[derive(Debug)]
pub(crate) struct Chain {
    pub items: Vec<Arc<Item>>,
    /// The list as it was written: scripts get it as `block`.
    pub source: Arc<Value>,
}

#[derive(Debug)]
pub(crate) struct Item {
    pub at: Place,
    /// The item as it was written.
    pub source: Value,
    /// What it runs, in a few words.
    pub brief: String,
    /// For messages: `run item 1 (script: simplest.py)`.
    pub label: String,
    pub verb: Verb,
    pub cache: Option<Cache>,
    pub collect: Option<Arc<Vec<Collect>>>,
    pub timeout: Option<Span>,
}

#[derive(Debug)]
pub(crate) enum Verb {
    Python(PythonScript),
    Program(ProgramScript),
    Shell(Shell),
    Set(Map<String, Value>),
    Call {
        name: String,
        with: Map<String, Value>,
    },
    Except(Arc<Chain>),
    Cd(PathBuf),
    /// A tag with a tag function as an item of its own.
    Tag(Box<Tag>),
}

#[derive(Debug)]
pub(crate) struct PythonScript {
    pub file: ScriptFile,
    pub function: String,
}

#[derive(Debug)]
pub(crate) struct ProgramScript {
    pub file: ScriptFile,
    pub interpreter: Vec<String>,
    pub args: Vec<String>,
    pub env: Vec<(String, String)>,
    pub parse: Parse,
    pub output_bytes_max: Option<usize>,
}

/// Where a script is looked for: beside the file that names it, then in the
/// directory of the chain.
#[derive(Debug)]
pub(crate) struct ScriptFile {
    /// Where it is written.
    pub at: Place,
    pub key_path: KeyPath,
    pub beside: PathBuf,
    pub relative: PathBuf,
}

#[derive(Debug)]
pub(crate) struct Shell {
    pub command: String,
    pub interpreter: String,
    pub pipefail: bool,
    /// An exit code other than 0 fails the chain instead of being logged.
    pub check: bool,
    pub env: Vec<(String, String)>,
}

/// How the output of a program becomes data.
#[derive(Clone, Debug)]
pub(crate) enum Parse {
    Auto,
    Json,
    JsonLines,
    KeyValue,
    Text,
    Regex(Regex),
}

/// An item that one thread runs at an interval and everybody else reads.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    pub thread_id: String,
    pub interval: Span,
    pub duration: Option<Span>,
    pub history: usize,
    pub run_lock: String,
}

/// `call` reaches these by name.
#[derive(Debug)]
pub(crate) enum Function {
    Chain(Arc<Chain>),
    Block(Arc<Tree>),
}

impl ScriptFile {
    /// The file, if it exists at either place.
    pub(crate) fn find(&self, cwd: &std::path::Path) -> Option<PathBuf> {
        if self.beside.is_file() {
            return Some(self.beside.clone());
        }
        let in_cwd = cwd.join(&self.relative);
        in_cwd.is_file().then_some(in_cwd)
    }
}

/// Everything below a tree, in the order of processing.
pub(crate) trait Visit {
    fn condition(&mut self, _at: &Place, _condition: &Condition) {}
    fn path(&mut self, _at: &Place, _path: &Path) {}
    fn tag(&mut self, _tag: &Tag) {}
    fn item(&mut self, _item: &Item) {}
}

impl Tree {
    /// A tree of no tags, for a tag that stands alone in a run list.
    pub(crate) fn of_source(at: &Place, source: &Arc<Value>) -> Self {
        Self {
            at: at.clone(),
            tags: Vec::new(),
            return_tag: None,
            source: Arc::clone(source),
        }
    }

    pub(crate) fn visit(&self, visit: &mut dyn Visit) {
        for tag in &self.tags {
            tag.visit(visit);
        }
    }
}

impl Tag {
    pub(crate) fn visit(&self, visit: &mut dyn Visit) {
        visit.tag(self);
        match &self.kind {
            TagKind::Block(tree) => tree.visit(visit),
            TagKind::If(branches) => {
                for branch in &branches.branches {
                    visit.condition(&branch.at, &branch.condition);
                    branch.then.visit(visit);
                }
                if let Some(otherwise) = &branches.otherwise {
                    otherwise.visit(visit);
                }
            }
            TagKind::Run(chain) => chain.visit(visit),
            TagKind::RunSimultaneous(many) => {
                for (_, chain) in &many.chains {
                    chain.visit(visit);
                }
            }
            TagKind::RequireLock(locks) => {
                for block in locks.iter().filter_map(|lock| lock.timeout_block.as_ref()) {
                    block.visit(visit);
                }
            }
            TagKind::Collect(collects) => {
                for collect in collects.iter() {
                    visit_collect(&self.at, collect, visit);
                }
            }
            TagKind::Data(_)
            | TagKind::Template(_)
            | TagKind::Set { .. }
            | TagKind::ListAdd { .. }
            | TagKind::ListDelete { .. }
            | TagKind::Increment { .. }
            | TagKind::ReleaseLock(_)
            | TagKind::PutInQueue(_)
            | TagKind::Custom { .. } => {}
        }
    }
}

impl Chain {
    pub(crate) fn visit(&self, visit: &mut dyn Visit) {
        for item in &self.items {
            visit.item(item);
            for collect in item.collect.iter().flat_map(|collects| collects.iter()) {
                visit_collect(&item.at, collect, visit);
            }
            match &item.verb {
                Verb::Except(chain) => chain.visit(visit),
                Verb::Tag(tag) => tag.visit(visit),
                Verb::Python(_)
                | Verb::Program(_)
                | Verb::Shell(_)
                | Verb::Set(_)
                | Verb::Call { .. }
                | Verb::Cd(_) => {}
            }
        }
    }
}

fn visit_collect(at: &Place, collect: &Collect, visit: &mut dyn Visit) {
    for field in &collect.fields {
        visit.path(at, &field.from);
    }
}
