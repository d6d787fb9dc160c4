use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::at::Located;
use crate::key_path::KeyPath;
use crate::node::Node;
use crate::parse::{FILE_BYTES_MAX, parse_collecting};
use crate::place::Place;
use crate::problem::{Problem, Problems};

mod pattern;
mod sought;

pub use sought::{Seeker, Sought};

/// Files that import each other in a row; a longer row is refused.
pub const IMPORT_DEPTH_MAX: usize = 32;

/// Files of one load; an import beyond that is refused.
pub const FILES_MAX: usize = 10_000;

type Read = Box<dyn Fn(&Path) -> io::Result<Vec<u8>> + Send>;
type List = Box<dyn Fn(&Path) -> io::Result<Vec<PathBuf>> + Send>;

/// Reads files that import each other, and refuses a file that imports itself.
///
/// Each crate decides which keys import; the loader resolves the path relative
/// to the importing file, reads, parses, and says at the place of the import what
/// went wrong.
///
/// ```
/// use rem_yaml::{At, Loader, Located, Problems};
///
/// let mut loader = Loader::from_memory([
///     ("top.yaml", "import: part.yaml\nmine: 1\n"),
///     ("part.yaml", "theirs: 2\n"),
/// ]);
/// let mut problems = Problems::new();
/// let keys = loader.load("top.yaml", &mut problems, |loader, node, problems| {
///     let mut map = At::root(&node).map(problems)?;
///     let import: Located<String> = map.required("import", problems)?;
///     let part = loader.import(&import, problems, |_, part, _| Some(part))?;
///     Some((node.get("mine")?.clone(), part.get("theirs")?.clone()))
/// });
/// assert!(problems.is_empty() && keys.is_some());
/// assert_eq!(loader.files().len(), 2);
/// ```
pub struct Loader {
    read: Read,
    list: List,
    chain: Vec<PathBuf>,
    files: Vec<PathBuf>,
    read_files: BTreeSet<PathBuf>,
    seeker: Seeker,
}

impl Loader {
    /// Reads from the file system.
    pub fn new() -> Self {
        Self::with(read_file, list_folder)
    }

    /// Reads with the caller's functions: the bytes of a file, and the paths in a folder.
    pub fn with(
        read: impl Fn(&Path) -> io::Result<Vec<u8>> + Send + 'static,
        list: impl Fn(&Path) -> io::Result<Vec<PathBuf>> + Send + 'static,
    ) -> Self {
        Self {
            read: Box::new(read),
            list: Box::new(list),
            chain: Vec::new(),
            files: Vec::new(),
            read_files: BTreeSet::new(),
            seeker: Seeker::default(),
        }
    }

    /// Reads from memory: names and contents. For tests and for editors.
    pub fn from_memory<P, B>(files: impl IntoIterator<Item = (P, B)>) -> Self
    where
        P: Into<PathBuf>,
        B: Into<Vec<u8>>,
    {
        let files: std::collections::BTreeMap<PathBuf, Vec<u8>> = files
            .into_iter()
            .map(|(path, bytes)| (path.into(), bytes.into()))
            .collect();
        let names: Vec<PathBuf> = files.keys().cloned().collect();
        Self::with(
            move |path| {
                files
                    .get(path)
                    .cloned()
                    .ok_or(io::ErrorKind::NotFound.into())
            },
            move |folder| {
                let inside: BTreeSet<PathBuf> = names
                    .iter()
                    .filter_map(|name| {
                        let first = name.strip_prefix(folder).ok()?.components().next()?;
                        Some(folder.join(first))
                    })
                    .collect();
                match inside.is_empty() {
                    true => Err(io::ErrorKind::NotFound.into()),
                    false => Ok(inside.into_iter().collect()),
                }
            },
        )
    }

    /// Loads the file everything starts from and hands it to `visit`, which may import more.
    pub fn load<T>(
        &mut self,
        path: impl AsRef<Path>,
        problems: &mut Problems,
        visit: impl FnOnce(&mut Self, Node, &mut Problems) -> Option<T>,
    ) -> Option<T> {
        let path = clean(path.as_ref());
        let place = Place::whole_file(path.display().to_string());
        let at = Located {
            value: (),
            place,
            key_path: KeyPath::root(),
        };
        self.open(path, &at, problems, visit)
    }

    /// Loads a file named within the file that is being visited and hands it to
    /// `visit`; relative paths are relative to the importing file's folder.
    pub fn import<T>(
        &mut self,
        target: &Located<String>,
        problems: &mut Problems,
        visit: impl FnOnce(&mut Self, Node, &mut Problems) -> Option<T>,
    ) -> Option<T> {
        let path = self.resolve(&target.value);
        self.open(path, target, problems, visit)
    }

    /// The files that a pattern names, sorted: `*` and `?` stand for anything but
    /// a `/`. A pattern may match nothing, and never means the importing files
    /// themselves; a name without wildcards is returned as it is, so that a
    /// missing file is noticed when it is imported.
    pub fn expand(
        &self,
        pattern: &Located<String>,
        problems: &mut Problems,
    ) -> Vec<Located<String>> {
        let located = |path: PathBuf| Located {
            value: path.display().to_string(),
            place: pattern.place.clone(),
            key_path: pattern.key_path.clone(),
        };
        if !pattern::is_pattern(&pattern.value) {
            return vec![pattern.clone()];
        }
        self.seeker.pattern(self.folder(), &pattern.value);
        match pattern::expand(&self.folder(), &pattern.value, &self.list) {
            Ok(paths) => paths
                .into_iter()
                .filter(|path| !self.is_open(&self.resolve(path)))
                .map(located)
                .collect(),
            Err((folder, error)) => {
                let message = format!("cannot list {}: {}", folder.display(), words(&error));
                problems.add(pattern.problem(message));
                Vec::new()
            }
        }
    }

    /// A path as the file that is being visited means it.
    pub fn resolve(&self, target: impl AsRef<Path>) -> PathBuf {
        clean(&self.folder().join(target))
    }

    /// The folder of the file that is being visited.
    pub fn folder(&self) -> PathBuf {
        let current = self.chain.last().and_then(|path| path.parent());
        current.map(Path::to_owned).unwrap_or_default()
    }

    /// Every file that was read, in that order, each once.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// What sees everything that this loader looks for, found or not.
    pub fn seeker(&self) -> Seeker {
        self.seeker.clone()
    }

    /// Whether a path (as [`Loader::resolve`] returns it) was read.
    pub fn has_read(&self, path: &Path) -> bool {
        self.read_files.contains(path)
    }

    /// Whether a path (as [`Loader::resolve`] returns it) is being visited: it is
    /// the importing file, or one that led to it.
    pub fn is_open(&self, path: &Path) -> bool {
        self.chain.iter().any(|open| open == path)
    }

    /// Whether a file that is named but not YAML, such as a script, can be read.
    ///
    /// # Errors
    /// Why not, in the operator's words.
    pub fn check_readable(&self, path: &Path) -> Result<(), String> {
        match (self.read)(path) {
            Ok(_) => Ok(()),
            Err(error) => {
                self.seeker.file(path);
                Err(words(&error))
            }
        }
    }

    fn open<T, V>(
        &mut self,
        path: PathBuf,
        from: &Located<V>,
        problems: &mut Problems,
        visit: impl FnOnce(&mut Self, Node, &mut Problems) -> Option<T>,
    ) -> Option<T> {
        match self.bytes(&path, from) {
            Ok(bytes) => {
                if self.read_files.insert(path.clone()) {
                    self.files.push(path.clone());
                }
                let node = parse_collecting(&path.display().to_string(), bytes, problems)?;
                self.chain.push(path);
                let visited = visit(self, node, problems);
                self.chain.pop();
                visited
            }
            Err(problem) => {
                problems.add(problem);
                None
            }
        }
    }

    fn bytes<V>(&self, path: &Path, from: &Located<V>) -> Result<Vec<u8>, Problem> {
        if let Some(start) = self.chain.iter().position(|open| open == path) {
            let circle: Vec<String> = self.chain[start..]
                .iter()
                .map(PathBuf::as_path)
                .chain([path])
                .map(|path| path.display().to_string())
                .collect();
            return Err(from
                .problem(format!("imports in a circle: {}", circle.join(" → ")))
                .help("remove one of these imports"));
        }
        if self.chain.len() >= IMPORT_DEPTH_MAX {
            return Err(from.problem(format!("more than {IMPORT_DEPTH_MAX} imports in a row")));
        }
        if self.files.len() >= FILES_MAX {
            return Err(from.problem(format!("more than {FILES_MAX} files")));
        }
        self.seeker.file(path);
        (self.read)(path).map_err(|error| {
            let what = match self.chain.is_empty() {
                true => "cannot read the file".to_owned(),
                false => format!("cannot read {}", path.display()),
            };
            let problem = from.problem(format!("{what}: {}", words(&error)));
            match self.chain.last() {
                Some(importer) if error.kind() == io::ErrorKind::NotFound => problem.help(format!(
                    "paths are relative to the folder of {}",
                    importer.display()
                )),
                _ => problem,
            }
        })
    }
}

impl Default for Loader {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Loader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loader")
            .field("chain", &self.chain)
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let length = fs::metadata(path)?.len();
    if length > FILE_BYTES_MAX as u64 {
        let message = format!("longer than {} MiB", FILE_BYTES_MAX >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    fs::read(path)
}

fn list_folder(path: &Path) -> io::Result<Vec<PathBuf>> {
    let path = match path.as_os_str().is_empty() {
        true => Path::new("."),
        false => path,
    };
    fs::read_dir(path)?
        .map(|entry| Ok(path.join(entry?.file_name())))
        .collect()
}

/// Without the system's error number, which tells an operator nothing.
fn words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "it does not exist".into(),
        io::ErrorKind::PermissionDenied => "no permission".into(),
        io::ErrorKind::IsADirectory => "it is a folder".into(),
        _ => error.to_string(),
    }
}

/// The path without `.` and without `x/..`, so that one file has one name.
fn clean(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(clean.components().next_back(), Some(Component::Normal(_))) =>
            {
                clean.pop();
            }
            Component::ParentDir
            | Component::Normal(_)
            | Component::RootDir
            | Component::Prefix(_) => clean.push(component),
        }
    }
    clean
}
