//! Blocks that are parts of a larger file, such as the pages of a web site.

use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use rem_yaml::{At, Node, Problems};

use super::{Block, Loaded};
use crate::check;
use crate::compile::Compiler;
use crate::import::{Imported, Importer};
use crate::read;
use crate::tags::Tags;
use crate::usage::Usage;

impl Block {
    /// Reads a file that holds blocks among other things. Gives what is written
    /// in it and in the files it imports, what is wrong with that, and which
    /// files were read or looked for.
    pub fn read_file(path: impl AsRef<FilePath>) -> (Option<Node>, Problems, Vec<PathBuf>) {
        let Imported {
            node,
            problems,
            files,
        } = Importer::new().file(path.as_ref());
        (node, problems, files)
    }

    /// A map somewhere in a file as a block of its own. It can call the
    /// `__functions` of the whole file and has its `__tag_functions`.
    ///
    /// # Errors
    /// Everything that is wrong in the part and in these functions.
    pub fn of_part(name: &str, file: &Node, part: &At<'_>, tags: &Tags) -> Result<Self, Problems> {
        let mut compiler = Compiler::new(tags.clone());
        let root = read::At::root(file);
        compiler.tag_functions(&root);
        let functions = compiler.functions(&root);
        let tree = compiler.tree(&read::At {
            node: part.node(),
            path: part.path().clone(),
            key_at: part.place(),
        });
        let loaded = tree.map(|tree| Loaded {
            name: name.into(),
            tree: Arc::new(tree),
            usage: Usage::default(),
            functions,
            files: Vec::new(),
        });
        let mut problems = compiler.reader.problems;
        if let Some(loaded) = &loaded {
            check::calls(loaded, &mut problems);
        }
        problems
            .into_result(loaded)
            .map(|loaded| Self(Arc::new(loaded)))
    }
}
