//! Site files: which sites there are, where they listen, what packages they have.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use rem_yaml::{At, FromYaml as _, Located, MapReader, Problems};

use super::account_file::{self, AuthPlan};
use super::place::{beside, does_not_exist};

const PORT: u16 = 8080;
const MOUNT_RPC: &str = "/rpc/";

/// One site of a site file.
#[derive(Clone, Debug)]
pub(super) struct SitePlan {
    pub(super) host: Located<String>,
    pub(super) aliases: Vec<String>,
    pub(super) title: Option<String>,
    pub(super) address: SocketAddr,
    pub(super) tls: Option<Located<TlsPlan>>,
    pub(super) auth: Option<Located<AuthPlan>>,
    pub(super) packages: Vec<PackagePlan>,
}

/// The certificate of a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TlsPlan {
    Files { cert: PathBuf, key: PathBuf },
    SelfSigned,
}

/// A package and where it hangs.
#[derive(Clone, Debug)]
pub(super) struct PackagePlan {
    pub(super) path: PathBuf,
    /// Begins and ends in a slash.
    pub(super) mount: String,
    /// Begins and ends in a slash.
    pub(super) mount_rpc: String,
}

pub(super) fn read(file: &Path, problems: &mut Problems) -> Vec<SitePlan> {
    let (node, wrong, _) = procblock::Block::read_file(file);
    problems.append(wrong);
    let Some(node) = node else {
        return Vec::new();
    };
    let at = At::root(&node);
    let entries = at.entries(problems).unwrap_or_default();
    if entries.is_empty() {
        problems.add(
            at.problem("no site")
                .help("write `localhost: {packages: [{path: …}]}`"),
        );
    }
    let sites = entries.iter().map(|(host, at)| site(host, at, problems));
    let sites: Vec<Option<SitePlan>> = sites.collect();
    sites.into_iter().flatten().collect()
}

fn site(host: &Located<&str>, at: &At<'_>, problems: &mut Problems) -> Option<SitePlan> {
    check_host(host, problems);
    let mut map = at.map(problems)?;
    let port = map.with_default("port", PORT, problems);
    let bind = map.with_default("bind", IpAddr::V4(Ipv4Addr::LOCALHOST), problems);
    let title = map.optional("title", problems);
    let aliases: Vec<Located<String>> = map.with_default("aliases", Vec::new(), problems);
    for alias in &aliases {
        check_host(&alias.clone().map(|_| alias.value.as_str()), problems);
    }
    let tls = match map.get("tls") {
        Some(at) => Some(tls(&at, problems)?).map(|tls| at.located(tls)),
        None => None,
    };
    let auth = map
        .get("auth")
        .and_then(|at| Some(at.located(account_file::auth(&at, problems)?)));
    if !map.has("auth") && !bind.is_loopback() {
        let message =
            format!("{bind} is reachable from elsewhere, and nothing says who may use it");
        let help = "add `auth:` with users or tokens, or `auth: none` to let in everybody";
        problems.add(host.problem(message).help(help));
    }
    let packages = packages(&mut map, problems);
    map.finish(problems);
    Some(SitePlan {
        host: host.clone().map(str::to_lowercase),
        aliases: aliases
            .into_iter()
            .map(|alias| alias.value.to_lowercase())
            .collect(),
        title,
        address: SocketAddr::new(bind, port),
        tls,
        auth,
        packages,
    })
}

fn check_host(host: &Located<&str>, problems: &mut Problems) {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '[' | ']' | ':');
    let port = host.value.rsplit_once(':').filter(|(name, port)| {
        !name.contains(':') && !port.is_empty() && port.chars().all(|c| c.is_ascii_digit())
    });
    if let Some((name, port)) = port {
        let problem = host.problem("a site is named by its host alone");
        problems.add(problem.help(format!("write {name}: and, within it, port: {port}")));
    } else if host.value.is_empty() || !host.value.chars().all(fits) {
        let problem = host.problem("not the name of a host");
        problems.add(problem.help("write it as browsers ask for it, such as localhost"));
    }
}

fn tls(at: &At<'_>, problems: &mut Problems) -> Option<TlsPlan> {
    const HELP: &str = "write {cert: file, key: file} or {self_signed: true}";
    let mut map = at.map(problems)?;
    let self_signed = map.with_default("self_signed", false, problems);
    let mut file = |key: &'static str, what: &str, problems: &mut Problems| {
        let at = map.get(key)?;
        let path = beside(&at, problems)?;
        if !path.is_file() {
            problems.add(does_not_exist(&at, what, &path));
        }
        Some(path)
    };
    let cert = file("cert", "certificate", problems);
    let key = file("key", "key", problems);
    let given = (self_signed, map.has("cert"), map.has("key"));
    map.finish(problems);
    match given {
        (true, false, false) => Some(TlsPlan::SelfSigned),
        (false, true, true) => Some(TlsPlan::Files {
            cert: cert?,
            key: key?,
        }),
        _ => {
            problems.add(
                at.problem("expected a certificate with its key, or one of our own")
                    .help(HELP),
            );
            None
        }
    }
}

fn packages(map: &mut MapReader<'_>, problems: &mut Problems) -> Vec<PackagePlan> {
    let Some(at) = map.get("packages") else {
        problems.add(
            map.missing("packages")
                .help("add `packages: [{path: package.yaml}]`"),
        );
        return Vec::new();
    };
    let items = at.items(problems).unwrap_or_default();
    if at.node().as_seq().is_some_and(<[_]>::is_empty) {
        problems.add(
            at.problem("no package")
                .help("add one as `- {path: package.yaml}`"),
        );
    }
    let plans = items.iter().map(|at| package(at, problems));
    let plans: Vec<Option<PackagePlan>> = plans.collect();
    plans.into_iter().flatten().collect()
}

fn package(at: &At<'_>, problems: &mut Problems) -> Option<PackagePlan> {
    if at.node().as_str().is_some() {
        return Some(PackagePlan {
            path: existing(at, problems)?,
            mount: "/".into(),
            mount_rpc: MOUNT_RPC.into(),
        });
    }
    let mut map = at.map(problems)?;
    let path = match map.get("path") {
        Some(at) => existing(&at, problems),
        None => {
            problems.add(map.missing("path").help("add `path: package.yaml`"));
            None
        }
    };
    let mount = mount(map.get("mount"), "/", problems);
    let mount_rpc = self::mount(map.get("mount rpc"), MOUNT_RPC, problems);
    map.finish(problems);
    Some(PackagePlan {
        path: path?,
        mount: mount?,
        mount_rpc: mount_rpc?,
    })
}

fn existing(at: &At<'_>, problems: &mut Problems) -> Option<PathBuf> {
    let path = beside(at, problems)?;
    if !path.is_file() {
        problems.add(does_not_exist(at, "package", &path));
        return None;
    }
    Some(path)
}

fn mount(at: Option<At<'_>>, default: &str, problems: &mut Problems) -> Option<String> {
    let Some(at) = at else {
        return Some(default.into());
    };
    let text = String::from_yaml(&at, problems)?;
    let plain = |c: char| !matches!(c, '?' | '#' | '%' | '\\') && !c.is_whitespace();
    let bare = text.trim_end_matches('/');
    let parts_fit = bare
        .split('/')
        .skip(1)
        .all(|part| !part.is_empty() && !part.starts_with('.'));
    if !text.starts_with('/') || !text.chars().all(plain) || !parts_fit {
        let problem = at.expected("a path such as / or /tools/");
        problems.add(problem.help(format!("write /{}/", text.trim_matches('/'))));
        return None;
    }
    Some(format!("{bare}/"))
}
