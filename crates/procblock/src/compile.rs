//! From the nodes of a file to a [`Tree`]: every tag, condition, path and
//! script reference is read once, every mistake gets its place.

use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use rem_yaml::{Place, Value as Yaml, suggest};
use serde_json::Value;

use crate::read::{At, Reader};
use crate::tags::{Builtin, PRIORITY_OF_DATA, TagFunction, Tags};
use crate::tree::{Function, Tag, TagKind, Template, Tree};

mod branches;
mod cache;
mod collect;
mod run;
mod sharing;

pub(crate) use cache::RUN_LOCK;

/// Nesting of blocks, run lists and calls; deeper files are refused, deeper
/// calls fail.
pub(crate) const DEPTH_MAX: usize = 32;

/// Keys of the top of a file that are not tags.
pub(crate) const TOP_KEYS: [&str; 3] = ["__usage", "__functions", "__tag_functions"];

pub(crate) struct Compiler {
    pub reader: Reader,
    pub tags: Tags,
    depth: usize,
}

impl Compiler {
    pub(crate) fn new(tags: Tags) -> Self {
        Self {
            reader: Reader::default(),
            tags,
            depth: 0,
        }
    }

    /// Adds the file's own `__tag_functions` to the table.
    pub(crate) fn tag_functions(&mut self, root: &At<'_>) {
        let Some(at) = root.get("__tag_functions") else {
            return;
        };
        if !self.reader.is_map(&at) {
            return;
        }
        for (pattern, at) in at.entries() {
            if !self.reader.is_map(&at) {
                continue;
            }
            self.reader.only(&at, &["script", "block", "priority"]);
            let priority = self
                .priority_value(&at, "priority")
                .unwrap_or(PRIORITY_OF_DATA);
            let function = match (at.get("script"), at.get("block")) {
                (Some(script), None) => self
                    .reader
                    .text(&script)
                    .map(|path| TagFunction::Script(beside(&script, &path))),
                (None, Some(block)) => self
                    .tree(&block)
                    .map(|tree| TagFunction::Block(crate::block::Block::of_tree(pattern, tree))),
                _ => {
                    self.reader
                        .wrong(&at, "a tag function has one of script and block");
                    None
                }
            };
            let Some(function) = function else { continue };
            match self.tags.clone().with(pattern, priority, function) {
                Ok(tags) => self.tags = tags,
                Err(error) => self.reader.wrong_key(&at, error.to_string(), None),
            }
        }
    }

    /// The file's `__functions`, which `call` reaches by name.
    pub(crate) fn functions(&mut self, root: &At<'_>) -> Vec<(String, Function)> {
        let Some(at) = root.get("__functions") else {
            return Vec::new();
        };
        if !self.reader.is_map(&at) {
            return Vec::new();
        }
        let mut functions = Vec::new();
        for (name, at) in at.entries() {
            let function = match at.node.as_seq() {
                Some(_) => self
                    .chain(&at)
                    .map(|chain| Function::Chain(Arc::new(chain))),
                None => self.tree(&at).map(|tree| Function::Block(Arc::new(tree))),
            };
            functions.extend(function.map(|function| (name.to_owned(), function)));
        }
        functions
    }

    /// A map as a block.
    pub(crate) fn tree(&mut self, at: &At<'_>) -> Option<Tree> {
        self.tree_without(at, |_| false)
    }

    fn tree_without(&mut self, at: &At<'_>, skip: fn(&str) -> bool) -> Option<Tree> {
        if !self.reader.is_map(at) {
            return None;
        }
        self.deeper(at, |compiler| compiler.tree_body(at, skip))
    }

    fn tree_body(&mut self, at: &At<'_>, skip: fn(&str) -> bool) -> Option<Tree> {
        let mut tags: Vec<(i64, Tag)> = Vec::new();
        let mut whole = true;
        let mut return_tag = None;
        for (name, at) in at.entries() {
            let top = at.path.as_str() == name && TOP_KEYS.contains(&name);
            if skip(name) || top || name == "__priority" {
                continue;
            }
            if name == "__return_tag" {
                return_tag = self.reader.text(&at);
                continue;
            }
            let priority = self.priority(name, &at);
            match self.tag(name, &at) {
                Some(tag) => tags.push((priority, tag)),
                None => whole = false,
            }
        }
        tags.sort_by(|(a, x), (b, y)| a.cmp(b).then_with(|| x.name.cmp(&y.name)));
        whole.then(|| Tree {
            at: at.node.at.clone(),
            tags: tags.into_iter().map(|(_, tag)| tag).collect(),
            return_tag,
            source: Arc::new(at.node.to_json()),
        })
    }

    /// `__priority` of the value, else the tag function's, else that of data.
    fn priority(&mut self, name: &str, at: &At<'_>) -> i64 {
        if let Some(priority) = self.priority_value(at, "__priority") {
            return priority;
        }
        match self.tags.find(name) {
            Some(rule) => rule.priority,
            None => Builtin::find(name).map_or(PRIORITY_OF_DATA, |(builtin, _)| builtin.priority()),
        }
    }

    fn priority_value(&mut self, at: &At<'_>, key: &str) -> Option<i64> {
        let at = at.get(key)?;
        let number = match &at.node.value {
            Yaml::Int(number) => Some(*number),
            Yaml::Str(text) => text.trim().parse().ok(),
            _ => None,
        };
        if number.is_none() {
            self.reader.wrong(
                &at,
                format!("a priority is a whole number, found {}", at.node.describe()),
            );
        }
        number
    }

    /// One key of a block.
    pub(crate) fn tag(&mut self, name: &str, at: &At<'_>) -> Option<Tag> {
        let kind = self.tag_kind(name, at)?;
        Some(Tag {
            name: name.into(),
            at: at.key_at.clone(),
            kind,
        })
    }

    fn tag_kind(&mut self, name: &str, at: &At<'_>) -> Option<TagKind> {
        if let Some(rule) = self.tags.find(name) {
            let rule = Arc::clone(rule);
            let value = at.node.to_json();
            return Some(TagKind::Custom { rule, value });
        }
        if let Some((builtin, rest)) = Builtin::find(name) {
            return self.builtin(builtin, name, rest, at);
        }
        if name == "else" || name == "elif" || name.starts_with("elif ") {
            let help = "put it inside the if block, as one of its keys";
            self.reader.wrong_key(
                at,
                format!("{name} stands outside of an if block"),
                Some(help.into()),
            );
            return None;
        }
        if name == "if" {
            let help = "write it as a key: if load > 5:";
            self.reader
                .wrong_key(at, "if has no condition", Some(help.into()));
            return None;
        }
        match at.node.as_map() {
            Some(_) => self.tree(at).map(|tree| TagKind::Block(Arc::new(tree))),
            None => Some(TagKind::Data(at.node.to_json())),
        }
    }

    fn builtin(
        &mut self,
        builtin: Builtin,
        name: &str,
        rest: &str,
        at: &At<'_>,
    ) -> Option<TagKind> {
        let value = || at.node.to_json();
        let target = || rest.to_owned();
        match builtin {
            Builtin::If => self.if_block("if ", name, at).map(TagKind::If),
            Builtin::Conditions => self.conditions(at).map(TagKind::If),
            Builtin::Run => self.chain(at).map(|chain| TagKind::Run(Arc::new(chain))),
            Builtin::RunSimultaneous => self.simultaneous(at).map(TagKind::RunSimultaneous),
            Builtin::Template => self.template(at).map(TagKind::Template),
            Builtin::Set => Some(TagKind::Set {
                name: target(),
                value: value(),
            }),
            Builtin::ListAdd => Some(TagKind::ListAdd {
                name: target(),
                value: value(),
            }),
            Builtin::ListDelete => Some(TagKind::ListDelete {
                name: target(),
                value: value(),
            }),
            Builtin::Increment => self.step(rest, 1, at),
            Builtin::Decrement => self.step(rest, -1, at),
            Builtin::RequireLock => self.require_locks(at).map(TagKind::RequireLock),
            Builtin::ReleaseLock => self.release_locks(at).map(TagKind::ReleaseLock),
            Builtin::PutInQueue => self.put_in_queue(rest, at).map(TagKind::PutInQueue),
            Builtin::Collect => {
                let collects = self.collects(at)?;
                Some(TagKind::Collect(Arc::new(collects)))
            }
        }
    }

    fn step(&mut self, name: &str, sign: i64, at: &At<'_>) -> Option<TagKind> {
        let by = match &at.node.value {
            Yaml::Null => Value::from(1),
            Yaml::Int(_) | Yaml::Float(_) => at.node.to_json(),
            _ => {
                self.reader.number(at)?;
                return None;
            }
        };
        Some(TagKind::Increment {
            name: name.into(),
            by,
            sign,
        })
    }

    fn template(&mut self, at: &At<'_>) -> Option<Template> {
        if at.node.as_map().is_none() {
            return self.reader.text(at).map(Template::Text);
        }
        self.reader.only(at, &["file", "text"]);
        match (at.get("file"), at.get("text")) {
            (Some(file), None) => {
                let path = self.reader.text(&file)?;
                let path = beside(&file, &path);
                if !path.is_file() {
                    self.reader.wrong(
                        &file,
                        format!("template file does not exist: {}", path.display()),
                    );
                    return None;
                }
                Some(Template::File(path))
            }
            (None, Some(text)) => self.reader.text(&text).map(Template::Text),
            _ => {
                self.reader.wrong(at, "a template has one of file and text");
                None
            }
        }
    }

    fn deeper<T>(&mut self, at: &At<'_>, work: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        if self.depth == DEPTH_MAX {
            self.reader
                .wrong(at, format!("nested deeper than {DEPTH_MAX} blocks"));
            return None;
        }
        self.depth += 1;
        let result = work(self);
        self.depth -= 1;
        result
    }
}

/// A file named in `at`, looked for beside the file it is named in.
pub(crate) fn beside(at: &At<'_>, path: &str) -> PathBuf {
    folder_of(&at.node.at).join(path)
}

/// The folder of the file that a place lies in.
pub(crate) fn folder_of(place: &Place) -> PathBuf {
    let file = FilePath::new(&*place.file);
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => FilePath::new("."),
    };
    std::path::absolute(folder).unwrap_or_else(|_| folder.to_path_buf())
}

/// "did you mean" for a word, else the list of what there is.
pub(crate) fn help_for(word: &str, known: &[&str]) -> String {
    match suggest(word, known.iter().copied()) {
        Some(found) => format!("did you mean {found}?"),
        None => format!("known: {}", known.join(", ")),
    }
}
