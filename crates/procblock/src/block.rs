use std::fmt;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use rem_yaml::{KeyPath, Node, Place, Problem, Problems};
use serde_json::Value;

use crate::check;
use crate::compile::Compiler;
use crate::import::{Imported, Importer};
use crate::read::{At, Reader};
use crate::tags::Tags;
use crate::tree::{Function, Tree};
use crate::usage::Usage;

mod part;

/// A block that is read and found in order: tags with their tag functions,
/// conditions parsed, imports followed. Cheap to clone, never changed.
///
/// ```
/// use procblock::Block;
///
/// let block = Block::parse("greeting.yaml", "greeting: hello\nif 1 < 2:\n  more: yes\n")?;
/// assert_eq!(block.name(), "greeting.yaml");
///
/// let problems = Block::parse("broken.yaml", "run:\n  - scrip: a.py\n").unwrap_err();
/// assert_eq!(
///     problems.to_string(),
///     "broken.yaml:2:5: run[0].scrip: unknown run verb: scrip\n  help: did you mean script?"
/// );
/// # Ok::<(), procblock::Problems>(())
/// ```
#[derive(Clone)]
pub struct Block(Arc<Loaded>);

pub(crate) struct Loaded {
    pub name: String,
    pub tree: Arc<Tree>,
    pub usage: Usage,
    pub functions: Vec<(String, Function)>,
    files: Vec<PathBuf>,
}

impl Block {
    /// Reads a file with the built-in tags.
    ///
    /// # Errors
    /// Everything that is wrong in it and in the files it imports.
    pub fn load(path: impl AsRef<FilePath>) -> Result<Self, Problems> {
        Self::load_with(path, &Tags::new())
    }

    /// Reads a file with tags of the embedding program.
    ///
    /// # Errors
    /// Everything that is wrong in it and in the files it imports.
    pub fn load_with(path: impl AsRef<FilePath>, tags: &Tags) -> Result<Self, Problems> {
        Self::load_listing(path.as_ref(), tags).0
    }

    /// Reads a text as if it were a file of that name; what it names is looked
    /// for beside it.
    ///
    /// # Errors
    /// Everything that is wrong in it and in the files it imports.
    pub fn parse(name: &str, text: &str) -> Result<Self, Problems> {
        Self::parse_with(name, text, &Tags::new())
    }

    /// Reads a text with tags of the embedding program.
    ///
    /// # Errors
    /// Everything that is wrong in it and in the files it imports.
    pub fn parse_with(name: &str, text: &str, tags: &Tags) -> Result<Self, Problems> {
        Self::compile(name, Importer::new().text(name, text), tags).0
    }

    /// A block from data of the embedding program; mistakes are placed at `name`.
    ///
    /// # Errors
    /// Everything that is wrong in it.
    pub fn from_value(name: &str, value: &Value, tags: &Tags) -> Result<Self, Problems> {
        Self::parse_with(name, &value.to_string(), tags)
    }

    /// Like [`load_with`](Self::load_with), with the files it was read from
    /// also where it failed.
    pub(crate) fn load_listing(
        path: &FilePath,
        tags: &Tags,
    ) -> (Result<Self, Problems>, Vec<PathBuf>) {
        let name = path.display().to_string();
        Self::compile(&name, Importer::new().file(path), tags)
    }

    /// A part of a file as a block of its own.
    pub(crate) fn of_tree(name: &str, tree: Tree) -> Self {
        Self(Arc::new(Loaded {
            name: name.into(),
            tree: Arc::new(tree),
            usage: Usage::default(),
            functions: Vec::new(),
            files: Vec::new(),
        }))
    }

    fn compile(
        name: &str,
        imported: Imported,
        tags: &Tags,
    ) -> (Result<Self, Problems>, Vec<PathBuf>) {
        let Imported {
            node,
            mut problems,
            files,
        } = imported;
        let Some(node) = node else {
            return (problems.into_result(None), files);
        };
        let loaded = Self::of_node(name, &node, tags, &mut problems, &files);
        let result = problems.into_result(loaded);
        (result.map(|loaded| Self(Arc::new(loaded))), files)
    }

    fn of_node(
        name: &str,
        node: &Node,
        tags: &Tags,
        problems: &mut Problems,
        files: &[PathBuf],
    ) -> Option<Loaded> {
        let at = At::root(node);
        let mut compiler = Compiler::new(tags.clone());
        compiler.tag_functions(&at);
        let functions = compiler.functions(&at);
        let tree = compiler.tree(&at);
        let mut reader: Reader = compiler.reader;
        let usage = Usage::read(&at, &mut reader);
        let loaded = tree.map(|tree| Loaded {
            name: name.into(),
            tree: Arc::new(tree),
            usage,
            functions,
            files: files.to_vec(),
        });
        if let Some(loaded) = &loaded {
            check::calls(loaded, &mut reader.problems);
        }
        problems.append(reader.problems);
        loaded
    }

    /// The file, or the name it was given.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The file's `__usage`: its options and arguments.
    pub fn usage(&self) -> &Usage {
        &self.0.usage
    }

    /// The block as it is written, imports included.
    pub fn source(&self) -> &Value {
        &self.0.tree.source
    }

    /// Every file it was read from.
    pub fn files(&self) -> &[PathBuf] {
        &self.0.files
    }

    /// Whether both are one version of one file.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(crate) fn loaded(&self) -> &Arc<Loaded> {
        &self.0
    }
}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Block")
            .field("name", &self.0.name)
            .finish_non_exhaustive()
    }
}

/// A problem that belongs to a place without keys.
pub(crate) fn problem_at(place: &Place, message: impl Into<String>) -> Problem {
    Problem::new(place, &KeyPath::root(), message)
}
