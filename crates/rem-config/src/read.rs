use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use rem_yaml::{At, FromYaml, Loader, Located, MapReader, Node, Place, Problem, Problems};

use crate::alert::Alert;
use crate::config::{Config, Machine, Package, Service, Written};
use crate::dependency::PlainNode;
use crate::graph;
use crate::job::Job;
use crate::limits::Limits;
use crate::listener::Listener;
use crate::name::{
    AlertName, JobName, MachineName, Name, NodeName, ObserverName, PackageName, RoleName,
    ServiceName, SiteName, UserName,
};
use crate::people::Person;
use crate::plan;
use crate::scope::Observer;

mod account;
mod alert;
mod check;
mod contact;
mod depends;
mod hold;
mod job;
mod level;
mod limits;
mod listener;
mod machine;
mod monitor;
mod notify;
mod owner;
mod package;
mod references;
mod role;
mod rotation;
mod run;
mod scope;
mod self_test;
mod series;
mod service;
mod states;
mod url;
mod user;
mod when;

pub(crate) use check::Fill;
pub(crate) use level::LevelDraft;
pub use level::read_levels;
pub(crate) use monitor::Definition;
use notify::NotifyDraft;
use rem_alert::episode::HoldPlan;
use role::DutyDraft;
pub(crate) use url::check as check_url;

/// Reads a file and everything it imports.
///
/// # Errors
/// Every mistake of every file, with its place and what to write instead.
pub fn load(path: impl AsRef<Path>) -> Result<Config, Problems> {
    load_with(Loader::new(), path)
}

/// Like [`load`], with files that come from elsewhere than the file system.
///
/// # Errors
/// Every mistake of every file, with its place and what to write instead.
pub fn load_with(mut loader: Loader, path: impl AsRef<Path>) -> Result<Config, Problems> {
    let path = path.as_ref();
    let mut problems = Problems::new();
    let mut draft = Draft::default();
    let read = loader.load(path, &mut problems, |loader, node, problems| {
        draft.file(loader, &node, problems);
        Some(())
    });
    let complete = read.is_some() && !draft.incomplete;
    if complete {
        draft.references(&mut problems);
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut config = draft.config(folder, loader.files(), &mut problems);
    if let Some(config) = &mut config
        && complete
    {
        config.dependencies = graph::build(config, &mut problems);
    }
    problems.into_result(config)
}

/// What was read so far, right or wrong.
#[derive(Default)]
pub(crate) struct Draft {
    site: Option<Located<SiteName>>,
    data: Option<Located<PathBuf>>,
    listeners: Vec<listener::Draft>,
    machines: Declared<MachineName, Machine>,
    packages: Declared<PackageName, Package>,
    services: Declared<ServiceName, Service>,
    observers: Declared<ObserverName, Observer>,
    nodes: Declared<NodeName, PlainNode>,
    alerts: Declared<AlertName, Alert>,
    roles: Declared<RoleName, DutyDraft>,
    users: Declared<UserName, Person>,
    holds: Vec<Located<HoldPlan>>,
    jobs: Declared<JobName, Job>,
    notify: NotifyDraft,
    limits: Option<Located<Limits>>,
    /// A file could not be read: what it declares is not known.
    incomplete: bool,
}

/// What each name stands for; `None` where it is declared, but wrong.
pub(crate) type Declared<N, T> = IndexMap<N, (Place, Option<T>)>;

impl Draft {
    fn file(&mut self, loader: &mut Loader, node: &Node, problems: &mut Problems) {
        let Some(mut map) = At::root(node).map(problems) else {
            self.incomplete = true;
            return;
        };
        if let Some(at) = map.get("site")
            && let Some(site) = name::<SiteName>(&at, problems)
        {
            once(&mut self.site, at.located(site), "site", problems);
        }
        if let Some(data) = map.optional::<Located<PathBuf>>("data", problems) {
            let data = data.map(|path| loader.resolve(path));
            once(&mut self.data, data, "data", problems);
        }
        for item in items(map.get("listen"), problems) {
            self.listeners
                .extend(listener::read(&item, loader, problems));
        }
        declare(
            &mut self.machines,
            "machine",
            map.get("machines"),
            problems,
            machine::read,
        );
        declare(
            &mut self.packages,
            "package",
            map.get("packages"),
            problems,
            |name, at, problems| package::read(name, at, loader, problems),
        );
        declare(
            &mut self.services,
            "service",
            map.get("services"),
            problems,
            service::read,
        );
        declare(
            &mut self.observers,
            "observer",
            map.get("observers"),
            problems,
            scope::observer,
        );
        declare(
            &mut self.nodes,
            "node",
            map.get("nodes"),
            problems,
            depends::node,
        );
        declare(
            &mut self.alerts,
            "alert",
            map.get("alerts"),
            problems,
            alert::read,
        );
        declare(
            &mut self.roles,
            "role",
            map.get("roles"),
            problems,
            |name, at, problems| role::read(name, at, loader, problems),
        );
        declare(
            &mut self.users,
            "user",
            map.get("users"),
            problems,
            user::read,
        );
        for item in items(map.get("holds"), problems) {
            self.hold(&item, problems);
        }
        declare(
            &mut self.jobs,
            "job",
            map.get("jobs"),
            problems,
            |name, at, problems| job::read(name, at, loader, problems),
        );
        if let Some(at) = map.get("notify").filter(|at| !at.node().is_null()) {
            self.notify.read(&at, problems);
        }
        if let Some(at) = map.get("limits").filter(|at| !at.node().is_null())
            && let Some(limits) = limits::read(&at, problems)
        {
            once(&mut self.limits, at.located(limits), "limits", problems);
        }
        let imports = map.get("import");
        map.finish(problems);
        if let Some(at) = imports {
            self.imports(&at, loader, problems);
        }
    }

    fn hold(&mut self, at: &At<'_>, problems: &mut Problems) {
        let Some(hold) = hold::read(at, problems) else {
            return;
        };
        let same = |first: &&Located<HoldPlan>| first.value.id == hold.value.id;
        if let Some(first) = self.holds.iter().find(same) {
            let message = format!("the same hold as at {}", first.place);
            problems.add(
                hold.problem(message)
                    .help("remove it, or give it another name"),
            );
            return;
        }
        self.holds.push(hold);
    }

    fn imports(&mut self, at: &At<'_>, loader: &mut Loader, problems: &mut Problems) {
        let items = match at.node().as_str() {
            Some(_) => vec![at.clone()],
            None => items(Some(at.clone()), problems),
        };
        for item in items {
            let Some(pattern) = item.read::<Located<String>>(problems) else {
                self.incomplete = true;
                continue;
            };
            for target in loader.expand(&pattern, problems) {
                let path = loader.resolve(&target.value);
                if loader.has_read(&path) && !loader.is_open(&path) {
                    continue;
                }
                let read = loader.import(&target, problems, |loader, node, problems| {
                    self.file(loader, &node, problems);
                    Some(())
                });
                self.incomplete |= read.is_none();
            }
        }
    }

    fn config(self, folder: &Path, files: &[PathBuf], problems: &mut Problems) -> Option<Config> {
        let people = settled(self.users);
        let has_pages = !self.listeners.is_empty();
        let listeners = self.listeners.into_iter();
        let listeners: Vec<Listener> = listeners
            .map(|listener| listener.with(people.values(), problems))
            .collect();
        listener::refuse_twice(&listeners, problems);
        let site = match self.site {
            Some(site) => site.value,
            None => SiteName::new("main").ok()?,
        };
        let notify = self.notify.finish(has_pages, problems);
        let mut config = Config {
            site,
            data: self
                .data
                .map_or_else(|| folder.join("data"), |data| data.value),
            listeners,
            machines: settled(self.machines),
            packages: settled(self.packages),
            services: settled(self.services),
            observers: settled(self.observers),
            nodes: settled(self.nodes),
            alerts: settled(self.alerts),
            duties: settled(self.roles)
                .into_iter()
                .map(|(name, draft)| (name, draft.duty))
                .collect(),
            people,
            holds: self.holds,
            jobs: settled(self.jobs),
            notify,
            limits: self
                .limits
                .map_or_else(Limits::default, |limits| limits.value),
            monitors: Vec::new(),
            dependencies: Vec::new(),
            files: files.to_vec(),
        };
        config.name_alerts();
        config.monitors = plan::monitors(&config, problems);
        Some(config)
    }
}

fn settled<N: Name, T>(declared: Declared<N, T>) -> IndexMap<N, T> {
    declared
        .into_iter()
        .filter_map(|(name, (_, value))| Some((name, value?)))
        .collect()
}

/// Keeps the first of two values for one key, and says that there are two.
fn once<T>(slot: &mut Option<Located<T>>, new: Located<T>, key: &str, problems: &mut Problems) {
    match slot {
        None => *slot = Some(new),
        Some(first) => {
            let message = format!("{key} is given twice, first at {}", first.place);
            problems.add(new.problem(message).help("keep it in one file"));
        }
    }
}

/// Reads a map of names, and refuses a name that another file has declared.
pub(super) fn declare<'n, N: Name, T>(
    declared: &mut Declared<N, T>,
    what: &str,
    at: Option<At<'n>>,
    problems: &mut Problems,
    mut read: impl FnMut(&Located<N>, &At<'n>, &mut Problems) -> Option<T>,
) {
    let entries = at.and_then(|at| at.entries(problems));
    for (key, at) in entries.unwrap_or_default() {
        let name = match N::named(key.value) {
            Ok(name) => Located {
                value: name,
                place: key.place,
                key_path: key.key_path,
            },
            Err(why) => {
                problems.add(key.problem(why).help("choose another name"));
                continue;
            }
        };
        let value = read(&name, &at, problems);
        if let Some((first, _)) = declared.get(&name.value) {
            let message = format!(
                "the {what} {} is declared twice, first at {first}",
                name.value
            );
            problems.add(name.problem(message).help("rename one of the two"));
            continue;
        }
        declared.insert(name.value, (name.place, value));
    }
}

/// A value that is a name.
pub(super) fn name<N: Name>(at: &At<'_>, problems: &mut Problems) -> Option<N> {
    at.parse_with(problems, |text| N::named(text).map_err(Into::into))
}

/// The items of a list that may be absent or empty.
pub(super) fn items<'n>(at: Option<At<'n>>, problems: &mut Problems) -> Vec<At<'n>> {
    at.filter(|at| !at.node().is_null())
        .and_then(|at| at.items(problems))
        .unwrap_or_default()
}

/// A list of names, each once.
pub(super) fn names<N: Name>(
    map: &mut MapReader<'_>,
    key: &'static str,
    problems: &mut Problems,
) -> Vec<Located<N>> {
    let Some(at) = map.get(key) else {
        problems.add(map.missing(key));
        return Vec::new();
    };
    let mut names: IndexMap<N, Located<N>> = IndexMap::new();
    for item in at.items(problems).unwrap_or_default() {
        let Some(name) = name::<N>(&item, problems) else {
            continue;
        };
        match names.get(&name) {
            None => {
                names.insert(name.clone(), item.located(name));
            }
            Some(first) => {
                let message = format!("{name} is listed twice, first at {}", first.place);
                problems.add(item.problem(message).help("remove one of the two"));
            }
        }
    }
    names.into_values().collect()
}

/// The keys of a map with the places of their values, for people who ask where
/// something comes from.
pub(super) fn written(at: &At<'_>) -> Written {
    let map = at.node().as_map();
    map.into_iter()
        .flat_map(rem_yaml::Map::iter)
        .map(|(key, entry)| (key.to_owned(), entry.node.at.clone()))
        .collect()
}

/// The folder of the file a value is written in.
pub(super) fn folder_of(place: &Place) -> PathBuf {
    let parent = Path::new(&*place.file).parent();
    parent.map(Path::to_owned).unwrap_or_default()
}

/// A file that has to be there, relative to the file it is named in.
pub(super) fn existing_file(
    at: &At<'_>,
    what: &str,
    loader: &Loader,
    problems: &mut Problems,
) -> Option<PathBuf> {
    let path = folder_of(at.place()).join(PathBuf::from_yaml(at, problems)?);
    if let Err(why) = loader.check_readable(&path) {
        problems.add(missing_file(at, what, &path, &why));
        return None;
    }
    Some(path)
}

fn missing_file(at: &At<'_>, what: &str, path: &Path, why: &str) -> Problem {
    at.problem(format!("cannot read the {what} {}: {why}", path.display()))
        .help(format!(
            "paths are relative to the folder of {}",
            at.place().file
        ))
}
