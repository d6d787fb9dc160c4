//! `__import__NAME: file.yaml`: the file's contents become the value of NAME.

use std::fs;
use std::io;
use std::path::{Path as FilePath, PathBuf};

use rem_yaml::{Entry, KeyPath, Map, Node, Place, Problem, Problems, Value, parse};

/// Files within files; more is refused.
const FILES_DEEP_MAX: usize = 32;
/// Files one block may be read from, each import counted.
const FILES_MAX: usize = 1_000;

const IMPORT: &str = "__import__";

/// A file with everything it imports.
pub(crate) struct Imported {
    pub node: Option<Node>,
    pub problems: Problems,
    /// Files read, and files that were looked for.
    pub files: Vec<PathBuf>,
}

/// Follows imports. A file is looked for beside the file that names it, then
/// beside the first file, then as it is written.
pub(crate) struct Importer {
    problems: Problems,
    files: Vec<PathBuf>,
    /// The files being read, outermost first.
    open: Vec<PathBuf>,
    first_folder: PathBuf,
}

impl Importer {
    pub(crate) fn new() -> Self {
        Self {
            problems: Problems::new(),
            files: Vec::new(),
            open: Vec::new(),
            first_folder: PathBuf::new(),
        }
    }

    pub(crate) fn file(mut self, path: &FilePath) -> Imported {
        self.first_folder = folder(path);
        let place = Place::whole_file(path.display().to_string());
        let read = fs::read(path);
        let node = self.read(path, read, &place, &KeyPath::root());
        self.done(node)
    }

    pub(crate) fn text(mut self, name: &str, text: &str) -> Imported {
        let path = FilePath::new(name);
        self.first_folder = folder(path);
        let node = self.parsed(path, text.as_bytes());
        self.done(node)
    }

    fn done(self, node: Option<Node>) -> Imported {
        Imported {
            node,
            problems: self.problems,
            files: self.files,
        }
    }

    fn read(
        &mut self,
        path: &FilePath,
        read: io::Result<Vec<u8>>,
        named_at: &Place,
        key_path: &KeyPath,
    ) -> Option<Node> {
        self.files.push(path.to_path_buf());
        match read {
            Ok(bytes) => self.parsed(path, &bytes),
            Err(error) => {
                let message = format!("cannot read {}: {error}", path.display());
                self.problems.add(Problem::new(named_at, key_path, message));
                None
            }
        }
    }

    fn parsed(&mut self, path: &FilePath, bytes: &[u8]) -> Option<Node> {
        match parse(&path.display().to_string(), bytes) {
            Ok(node) => {
                self.open.push(canonical(path));
                let node = self.node(node, &KeyPath::root(), path);
                self.open.pop();
                Some(node)
            }
            Err(problems) => {
                self.problems.append(problems);
                None
            }
        }
    }

    fn node(&mut self, node: Node, key_path: &KeyPath, file: &FilePath) -> Node {
        let value = match node.value {
            Value::Map(map) => Value::Map(self.map(map, key_path, file)),
            Value::Seq(items) => {
                let items = items.into_iter().enumerate();
                Value::Seq(
                    items
                        .map(|(index, item)| self.node(item, &key_path.item(index), file))
                        .collect(),
                )
            }
            plain => plain,
        };
        Node { value, ..node }
    }

    fn map(&mut self, map: Map, key_path: &KeyPath, file: &FilePath) -> Map {
        let mut done = Map::new();
        let mut imports = Vec::new();
        for (key, entry) in map {
            let key_path = key_path.key(&key);
            match key.strip_prefix(IMPORT) {
                Some(name) if !name.is_empty() => {
                    imports.push((name.to_owned(), entry, key_path));
                }
                _ => {
                    let node = self.node(entry.node, &key_path, file);
                    done.insert(key, entry.key_at, node);
                }
            }
        }
        for (name, entry, key_path) in imports {
            if let Some(node) = self.import(&entry, &key_path, file) {
                merge(&mut done, name, entry.key_at, node);
            }
        }
        done
    }

    fn import(&mut self, entry: &Entry, key_path: &KeyPath, file: &FilePath) -> Option<Node> {
        let at = &entry.node.at;
        let mut wrong = |message: String| {
            self.problems.add(Problem::new(at, key_path, message));
            None
        };
        let Some(written) = entry.node.as_str() else {
            return wrong(format!(
                "a file is expected, found {}",
                entry.node.describe()
            ));
        };
        if self.open.len() >= FILES_DEEP_MAX || self.files.len() >= FILES_MAX {
            return wrong(format!(
                "more than {FILES_DEEP_MAX} files within files, or {FILES_MAX} in all"
            ));
        }
        let places = [
            folder(file).join(written),
            self.first_folder.join(written),
            PathBuf::from(written),
        ];
        let Some(path) = places.iter().find(|path| path.is_file()) else {
            // It may appear later, so it counts as a file of the block.
            self.files.push(places[0].clone());
            return wrong(format!(
                "imported file does not exist: {}",
                places[0].display()
            ));
        };
        let resolved = canonical(path);
        if let Some(from) = self.open.iter().position(|open| *open == resolved) {
            let mut circle: Vec<String> = self.open[from..].iter().map(|p| short(p)).collect();
            circle.push(short(&resolved));
            return wrong(format!("files import each other: {}", circle.join(" -> ")));
        }
        self.read(path, fs::read(path), at, key_path)
    }
}

/// A map into a map key by key, one level deep; anything else replaces.
fn merge(into: &mut Map, name: String, key_at: Place, node: Node) {
    let merged = match into.remove(&name) {
        Some(entry) => match (entry.node, node) {
            (
                Node {
                    value: Value::Map(mut old),
                    at,
                    defined,
                    text_from,
                },
                Node {
                    value: Value::Map(new),
                    ..
                },
            ) => {
                for (key, entry) in new {
                    old.insert(key, entry.key_at, entry.node);
                }
                Node {
                    value: Value::Map(old),
                    at,
                    defined,
                    text_from,
                }
            }
            (_, node) => node,
        },
        None => node,
    };
    into.insert(name, key_at, merged);
}

fn folder(path: &FilePath) -> PathBuf {
    path.parent().map(FilePath::to_path_buf).unwrap_or_default()
}

fn canonical(path: &FilePath) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf())
}

fn short(path: &FilePath) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}
