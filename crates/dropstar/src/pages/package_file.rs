//! Package files: pages, functions and static files of one package.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use procblock::{Block, Tags};
use rem_time::Span;
use rem_yaml::{At, FromYaml as _, Located, Map, Node, Problems, Value, suggest};

use super::account_file;
use super::place::{beside, does_not_exist};
use super::template_file::{self, PageTemplate};
use crate::Role;

/// Keys of a page or function that are not tags of its block.
const PAGE_KEYS: [&str; 6] = ["title", "menu", "template", "refresh", "roles", "start"];
/// Tags that a page or function may have, and beginnings of such.
const TAGS: [&str; 5] = [
    "run",
    "run simultaneous",
    "run_simultaneous",
    "conditions",
    "timeseries collect",
];
const TAG_WORDS: [&str; 13] = [
    "if ",
    "set ",
    "list add ",
    "list_add ",
    "list del ",
    "increment ",
    "decrement ",
    "require lock",
    "release lock",
    "require_lock",
    "release_lock",
    "put tag ",
    "__",
];

/// What a package file says.
#[derive(Debug)]
pub(super) struct PackageFile {
    /// By the path below the mount, without slashes at its ends.
    pub(super) pages: Vec<PageFile>,
    pub(super) by_path: HashMap<String, usize>,
    pub(super) functions: Vec<FunctionFile>,
    pub(super) folders: Vec<PathBuf>,
}

/// A page: a block, and what shows its result.
#[derive(Debug)]
pub(super) struct PageFile {
    /// Below the mount; empty for the mount itself.
    pub(super) path: String,
    pub(super) title: Option<String>,
    /// Its name in the menu, if it stands there.
    pub(super) menu: Option<String>,
    pub(super) templates: Vec<PageTemplate>,
    pub(super) refresh: Option<Span>,
    pub(super) role: Option<Role>,
    /// Processed once when the server starts and after each edit.
    pub(super) start: bool,
    pub(super) block: Block,
}

/// A function that programs and pages call.
#[derive(Debug)]
pub(super) struct FunctionFile {
    pub(super) name: String,
    pub(super) role: Option<Role>,
    pub(super) start: bool,
    pub(super) block: Block,
}

struct Reading<'n> {
    file: &'n Node,
    folder: &'n Path,
}

/// Reads what a file says; `folder` is where its templates are found.
pub(super) fn read(node: &Node, folder: &Path, problems: &mut Problems) -> Option<PackageFile> {
    let reading = Reading { file: node, folder };
    let mut map = At::root(node).map(problems)?;
    let folders = map.get("static").map(|at| static_folders(&at, problems));
    let mut pages = Vec::new();
    for (name, at) in entries(map.get("http"), problems) {
        pages.extend(reading.page(&name, &at, problems));
    }
    let mut functions = Vec::new();
    for (name, at) in entries(map.get("rpc"), problems) {
        functions.extend(reading.function(&name, &at, problems));
    }
    for key in ["__functions", "__tag_functions"] {
        map.know(key);
    }
    if !["http", "rpc", "static"].iter().any(|key| map.has(key)) {
        let problem = At::root(node).problem("a package without pages, functions or files");
        problems.add(problem.help("add `http:`, `rpc:` or `static:`"));
    }
    map.finish(problems);
    let mut by_path = HashMap::new();
    for (index, page) in pages.iter().enumerate() {
        by_path.insert(page.path.clone(), index);
    }
    Some(PackageFile {
        pages,
        by_path,
        functions,
        folders: match folders {
            Some(folders) => folders?,
            None => Vec::new(),
        },
    })
}

impl PackageFile {
    pub(super) fn page(&self, path: &str) -> Option<&PageFile> {
        self.pages.get(*self.by_path.get(path)?)
    }

    pub(super) fn function(&self, name: &str) -> Option<&FunctionFile> {
        self.functions.iter().find(|function| function.name == name)
    }

    /// What is processed at the start.
    pub(super) fn starts(&self) -> impl Iterator<Item = &Block> {
        let pages = self.pages.iter().filter(|page| page.start);
        let functions = self.functions.iter().filter(|function| function.start);
        let blocks = pages.map(|page| &page.block);
        blocks.chain(functions.map(|function| &function.block))
    }

    pub(super) fn blocks(&self) -> impl Iterator<Item = &Block> {
        let pages = self.pages.iter().map(|page| &page.block);
        pages.chain(self.functions.iter().map(|function| &function.block))
    }
}

fn entries<'n>(at: Option<At<'n>>, problems: &mut Problems) -> Vec<(Located<&'n str>, At<'n>)> {
    at.and_then(|at| at.entries(problems)).unwrap_or_default()
}

impl Reading<'_> {
    fn page(&self, name: &Located<&str>, at: &At<'_>, problems: &mut Problems) -> Option<PageFile> {
        let path = page_path(name, problems);
        let mut map = at.map(problems)?;
        let title: Option<String> = map.optional("title", problems);
        let menu = map
            .get("menu")
            .and_then(|at| menu(&at, title.as_deref(), name, problems));
        let templates = match map.get("template") {
            Some(at) => template_file::read(&at, self.folder, problems),
            None => Some(Vec::new()),
        };
        let refresh = map.get("refresh").map(|at| refresh(&at, problems));
        let role = account_file::roles(&mut map, problems);
        let start = map.with_default("start", false, problems);
        let block = self.block(name, at, &PAGE_KEYS, problems);
        Some(PageFile {
            path: path?,
            title,
            menu,
            templates: templates?,
            refresh: match refresh {
                Some(refresh) => Some(refresh?),
                None => None,
            },
            role: role?,
            start,
            block: block?,
        })
    }

    fn function(
        &self,
        name: &Located<&str>,
        at: &At<'_>,
        problems: &mut Problems,
    ) -> Option<FunctionFile> {
        let fits = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-');
        if name.value.is_empty() || !name.value.chars().all(fits) {
            let problem = name.problem("not the name of a function");
            problems.add(problem.help("use letters, digits, _, - and ."));
        }
        let mut map = at.map(problems)?;
        let role = account_file::roles(&mut map, problems);
        let start = map.with_default("start", false, problems);
        if !map.has("run") {
            problems.add(map.missing("run").help("add `run: [{script: name.py}]`"));
        }
        let block = self.block(name, at, &["roles", "start"], problems);
        Some(FunctionFile {
            name: name.value.to_owned(),
            role: role?,
            start,
            block: block?,
        })
    }

    /// All tags of a page, without what is only for the server.
    fn block(
        &self,
        name: &Located<&str>,
        at: &At<'_>,
        own: &[&str],
        problems: &mut Problems,
    ) -> Option<Block> {
        let mut tags = Map::new();
        for (key, entry) in at.node().as_map()?.iter() {
            if own.contains(&key) {
                continue;
            }
            if !TAGS.contains(&key) && !TAG_WORDS.iter().any(|word| key.starts_with(word)) {
                let key = Located {
                    value: key,
                    place: entry.key_at.clone(),
                    key_path: at.path().key(key),
                };
                let near = suggest(key.value, own.iter().chain(&TAGS).copied());
                let help = near.map_or_else(
                    || format!("known keys: {}, run, if …, set …", own.join(", ")),
                    |near| format!("did you mean {near}?"),
                );
                problems.add(key.problem(format!("unknown key {}", key.value)).help(help));
                continue;
            }
            tags.insert(key, entry.key_at.clone(), entry.node.clone());
        }
        let node = Node::new(Value::Map(tags), at.place().clone());
        let part = At::new(&node, at.path().clone());
        match Block::of_part(name.value, self.file, &part, &Tags::new()) {
            Ok(block) => Some(block),
            Err(wrong) => {
                problems.append(wrong);
                None
            }
        }
    }
}

fn page_path(name: &Located<&str>, problems: &mut Problems) -> Option<String> {
    let path = name.value.trim_matches('/');
    let plain = |c: char| !matches!(c, '?' | '#' | '%' | '\\') && !c.is_whitespace();
    let parts_fit = path.is_empty()
        || path
            .split('/')
            .all(|p| !p.is_empty() && !p.starts_with('.'));
    if !path.chars().all(plain) || !parts_fit {
        let problem = name.problem("not a path for a page");
        problems.add(problem.help("write it as in the address, such as disks or reports/today"));
        return None;
    }
    if path.ends_with(".json") {
        let problem =
            name.problem("a page's path does not end in .json: that is its twin for programs");
        problems.add(problem.help(format!("write {}", path.trim_end_matches(".json"))));
        return None;
    }
    Some(if path == "index" {
        String::new()
    } else {
        path.to_owned()
    })
}

/// A text, or true for the page's title.
fn menu(
    at: &At<'_>,
    title: Option<&str>,
    name: &Located<&str>,
    problems: &mut Problems,
) -> Option<String> {
    match &at.node().value {
        Value::Bool(true) => Some(title.unwrap_or(name.value).to_owned()),
        Value::Bool(false) => None,
        Value::Str(text) => Some(text.clone()),
        _ => {
            problems.add(at.expected("the page's name in the menu, or true for its title"));
            None
        }
    }
}

/// `5s`, or a number of seconds.
fn refresh(at: &At<'_>, problems: &mut Problems) -> Option<Span> {
    let span = match at.node().value {
        Value::Int(seconds @ 1..) => Span::from_seconds(seconds.unsigned_abs()),
        _ => Span::from_yaml(at, problems)?,
    };
    if span < Span::from_seconds(1) {
        problems.add(at.problem("less than a second").help("write 1s or more"));
        return None;
    }
    Some(span)
}

fn static_folders(at: &At<'_>, problems: &mut Problems) -> Option<Vec<PathBuf>> {
    if at.node().as_seq().is_none() {
        return Some(vec![static_folder(at, problems)?]);
    }
    let items = at.items(problems)?;
    let folders: Vec<Option<PathBuf>> =
        items.iter().map(|at| static_folder(at, problems)).collect();
    folders.into_iter().collect()
}

fn static_folder(at: &At<'_>, problems: &mut Problems) -> Option<PathBuf> {
    let mut map = at.map(problems)?;
    let path = match map.get("path") {
        Some(at) => beside(&at, problems).filter(|path| {
            let is_folder = path.is_dir();
            if !is_folder {
                problems.add(does_not_exist(&at, "folder", path));
            }
            is_folder
        }),
        None => {
            problems.add(map.missing("path").help("add `path: static`"));
            None
        }
    };
    map.finish(problems);
    path
}
