mod account_file;
mod answer;
mod frame;
mod outcome;
mod package;
mod package_file;
mod percent;
mod place;
mod site_file;
mod template_file;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use procblock::Checked;
use procblock::Engine;
use rem_yaml::{Located, Problems, SecretError};
use thiserror::Error;

use crate::{AccountError, Accounts, Auth, Listener, Role, Site, Tls, TlsError};
use account_file::AuthPlan;
use answer::{Mounted, ScriptSite};
use package::Package;
use site_file::{SitePlan, TlsPlan};

/// Sites of script pages, read from YAML and found in order; nothing is started.
///
/// A site file names its sites by their hosts. Sites of one port share a
/// listener, and the first of them answers for hosts nobody has:
///
/// ```yaml
/// localhost:
///   port: 8686              # 8080 unless told
///   bind: 127.0.0.1         # beyond loopback, `auth:` has to be said
///   packages:
///     - {path: tools/package.yaml, mount: /, mount rpc: /rpc/}
/// ```
///
/// A package file says what hangs there. A page is a block of procblock, most of
/// the time a `run:` list, and a template that gets what the scripts return:
///
/// ```yaml
/// static: {path: static}
/// http:
///   disks:
///     title: Disks
///     menu: true                      # its title in the menu
///     run: [{script: disks.py}]
///     template: {path: disks.html}
/// rpc:
///   disks: {run: [{script: disks.py}], roles: [viewer]}
/// ```
///
/// Scripts get the request's arguments as data of the pipe (`pipe_data`), as they
/// came (`input_data`), and headers, cookies, path and the like (`request_state`).
/// They steer the answer with the keys `output` (the body, with `content-type`),
/// `status`, `headers`, `cookies` and `redirect`. Functions are called with JSON-RPC
/// and XML-RPC at `/rpc`, or as an address of their own below `mount rpc`.
#[derive(Debug)]
pub struct SiteFiles {
    sites: Vec<SitePlan>,
    packages: HashMap<PathBuf, Arc<Package>>,
}

/// Sites of script pages in service. Edits of packages, scripts and templates are
/// there at the next request.
#[derive(Debug)]
pub struct ScriptSites {
    files: SiteFiles,
    engine: Engine,
    sites: Vec<Arc<ScriptSite>>,
}

/// Why the listeners of site files cannot be set up.
#[derive(Debug, Error)]
pub enum ListenError {
    /// A certificate.
    #[error("{place}: cannot set up TLS")]
    Tls {
        /// Where it is asked for.
        place: String,
        /// Why not.
        source: TlsError,
    },
    /// An account.
    #[error("{place}: cannot set up accounts")]
    Account {
        /// Where they are written.
        place: String,
        /// Why not.
        source: AccountError,
    },
    /// The secret of a token.
    #[error("{place}: cannot read the secret of token {name}")]
    Secret {
        /// Where it is written.
        place: String,
        /// The token.
        name: String,
        /// Why not.
        source: SecretError,
    },
}

impl SiteFiles {
    /// Reads site files and the packages they name.
    ///
    /// # Errors
    /// Everything that is wrong in all of them.
    pub fn read<P: AsRef<Path>>(files: impl IntoIterator<Item = P>) -> Result<Self, Problems> {
        let mut problems = Problems::new();
        let mut sites = Vec::new();
        for file in files {
            sites.extend(site_file::read(file.as_ref(), &mut problems));
        }
        refuse_conflicts(&sites, &mut problems);
        let mut packages = HashMap::new();
        for plan in sites.iter().flat_map(|site| &site.packages) {
            if packages.contains_key(&plan.path) {
                continue;
            }
            if let Some(package) = Package::open(&plan.path, &mut problems) {
                packages.insert(plan.path.clone(), package);
            }
        }
        problems.into_result(Some(Self { sites, packages }))
    }

    /// Reads package files on their own, as if each hung at the top of a site.
    ///
    /// # Errors
    /// Everything that is wrong in all of them.
    pub fn read_packages<P: AsRef<Path>>(
        files: impl IntoIterator<Item = P>,
    ) -> Result<Self, Problems> {
        let mut problems = Problems::new();
        let mut packages = HashMap::new();
        for file in files {
            let path = file.as_ref().to_owned();
            if let Some(package) = Package::open(&path, &mut problems) {
                packages.insert(path, package);
            }
        }
        problems.into_result(Some(Self {
            sites: Vec::new(),
            packages,
        }))
    }

    /// Looks at the scripts of all packages without running them: those that do
    /// not exist, Python that does not compile with `interpreter`.
    pub async fn check(&self, interpreter: &Path) -> Checked {
        let mut all = Checked::default();
        for package in self.packages.values() {
            let (version, _) = package.current();
            for block in version.file.blocks() {
                let checked = procblock::check(block, interpreter).await;
                all.problems.append(checked.problems);
            }
        }
        all
    }

    /// Brings the sites into service on an engine, which runs their scripts.
    pub fn start(self, engine: &Engine) -> ScriptSites {
        let sites = self.sites.iter().map(|plan| {
            let name = plan
                .title
                .clone()
                .unwrap_or_else(|| plan.host.value.clone());
            ScriptSite::new(name, engine.clone(), self.mounted(plan))
        });
        let sites: Vec<Arc<ScriptSite>> = sites.collect();
        for site in &sites {
            site.start();
        }
        ScriptSites {
            sites,
            engine: engine.clone(),
            files: self,
        }
    }

    fn mounted(&self, plan: &SitePlan) -> Vec<Mounted> {
        let mounted = plan.packages.iter().filter_map(|plan| {
            Some(Mounted {
                package: self.packages.get(&plan.path)?.clone(),
                mount: plan.mount.clone(),
                mount_rpc: plan.mount_rpc.clone(),
            })
        });
        mounted.collect()
    }

    /// Addresses in the order of the files, with the sites of each.
    fn ports(&self) -> Vec<(SocketAddr, Vec<usize>)> {
        let mut ports: Vec<(SocketAddr, Vec<usize>)> = Vec::new();
        for (index, site) in self.sites.iter().enumerate() {
            match ports
                .iter_mut()
                .find(|(address, _)| *address == site.address)
            {
                Some((_, sites)) => sites.push(index),
                None => ports.push((site.address, vec![index])),
            }
        }
        ports
    }
}

impl ScriptSites {
    /// The listeners of the sites. A certificate of our own is kept in `tls`;
    /// `env` looks up environment variables.
    ///
    /// # Errors
    /// The first certificate, account or secret that cannot be used.
    pub fn listeners(
        &self,
        tls: &Path,
        env: impl Fn(&str) -> Option<String>,
    ) -> Result<Vec<Listener>, ListenError> {
        let mut listeners = Vec::new();
        for (address, indexes) in self.files.ports() {
            let mut listener = Listener::on(address);
            for index in indexes {
                let plan = &self.files.sites[index];
                if let Some(wanted) = &plan.tls {
                    listener = listener.tls(certificate(wanted, address, tls)?);
                }
                if let Some(wanted) = &plan.auth {
                    listener = listener.auth(auth(wanted, &env)?);
                }
                listener = listener.site(site(plan, self.sites[index].clone()));
            }
            listeners.push(listener);
        }
        Ok(listeners)
    }

    /// Takes what the files say now, if that needs no other listeners.
    ///
    /// # Errors
    /// The files, if it does: everything stays as it is, and the caller starts anew.
    pub fn replace(&mut self, files: SiteFiles) -> Result<(), SiteFiles> {
        let same = self.files.sites.len() == files.sites.len()
            && self
                .files
                .sites
                .iter()
                .zip(&files.sites)
                .all(|(a, b)| a.same_listener(b));
        if !same {
            return Err(files);
        }
        for (site, plan) in self.sites.iter().zip(&files.sites) {
            site.replace(files.mounted(plan));
            site.start();
        }
        self.files = files;
        Ok(())
    }

    /// Where browsers find the sites, whose listeners listen on `addresses`.
    pub fn urls(&self, addresses: &[SocketAddr]) -> Vec<String> {
        let ports = self.files.ports();
        let listening = ports.iter().zip(addresses);
        listening
            .flat_map(|((_, sites), address)| {
                let sites = sites.iter().map(|index| &self.files.sites[*index]);
                sites.map(|site| site.url(address.port()))
            })
            .collect()
    }

    /// What runs the scripts.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }
}

impl SitePlan {
    fn url(&self, port: u16) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let host = &self.host.value;
        match (scheme, port) {
            ("http", 80) | ("https", 443) => format!("{scheme}://{host}/"),
            (_, port) => format!("{scheme}://{host}:{port}/"),
        }
    }

    fn same_listener(&self, other: &Self) -> bool {
        self.host == other.host
            && self.aliases == other.aliases
            && self.title == other.title
            && self.address == other.address
            && self.tls == other.tls
            && self.auth == other.auth
    }
}

fn site(plan: &SitePlan, pages: Arc<ScriptSite>) -> Site {
    let name = plan
        .title
        .clone()
        .unwrap_or_else(|| plan.host.value.clone());
    let hosts = std::iter::once(&plan.host.value).chain(&plan.aliases);
    Site::new(name)
        .hosts(hosts.cloned())
        .fallback(move |request| pages.clone().answer(request))
}

fn certificate(
    wanted: &Located<TlsPlan>,
    address: SocketAddr,
    folder: &Path,
) -> Result<Tls, ListenError> {
    let made = match &wanted.value {
        TlsPlan::Files { cert, key } => Tls::files(cert, key),
        TlsPlan::SelfSigned => {
            let own = address.ip().to_string();
            Tls::generated(folder, &["localhost", "127.0.0.1", "::1", &own])
        }
    };
    made.map_err(|source| ListenError::Tls {
        place: wanted.place.to_string(),
        source,
    })
}

fn auth(
    wanted: &Located<AuthPlan>,
    env: &impl Fn(&str) -> Option<String>,
) -> Result<Auth, ListenError> {
    let AuthPlan::Accounts { users, tokens } = &wanted.value else {
        return Ok(Auth::None);
    };
    let place = || wanted.place.to_string();
    let refused = |source| ListenError::Account {
        place: place(),
        source,
    };
    let mut accounts = Accounts::new();
    for user in users {
        accounts = accounts
            .user(&user.name, &user.password_hash, user.role)
            .map_err(refused)?;
    }
    for token in tokens {
        let read = |path: &Path| -> io::Result<Vec<u8>> { std::fs::read(path) };
        let secret = token.secret.resolve(env, read);
        let secret = secret.map_err(|source| ListenError::Secret {
            place: place(),
            name: token.name.clone(),
            source,
        })?;
        let role: Role = token.role;
        accounts = accounts
            .token(&token.name, secret.expose(), role)
            .map_err(refused)?;
    }
    Ok(accounts.into())
}

/// Sites of one address share its certificate and its accounts; no two of them
/// have the same name.
fn refuse_conflicts(sites: &[SitePlan], problems: &mut Problems) {
    for (index, site) in sites.iter().enumerate() {
        let others = || {
            sites[..index]
                .iter()
                .filter(|other| other.address == site.address)
        };
        if let Some(other) = others().find(|other| shares_a_name(site, other)) {
            let message = format!("two sites of one name on {}", site.address);
            let problem = site.host.problem(message);
            problems.add(problem.help(format!("the other is at {}", other.host.place)));
        }
        for other in others() {
            if let (Some(own), Some(first)) = (&site.tls, &other.tls)
                && own != first
            {
                let message = format!("{} has two certificates", site.address);
                let help = format!("sites of one port share the one at {}", first.place);
                problems.add(own.problem(message).help(help));
            }
            if let (Some(own), Some(first)) = (&site.auth, &other.auth)
                && own != first
            {
                let message = format!("{} has two lists of accounts", site.address);
                let help = format!("sites of one port share the one at {}", first.place);
                problems.add(own.problem(message).help(help));
            }
        }
    }
}

fn shares_a_name(one: &SitePlan, other: &SitePlan) -> bool {
    let names = |site: &SitePlan| -> Vec<String> {
        let names = std::iter::once(&site.host.value).chain(&site.aliases);
        names.cloned().collect()
    };
    let others = names(other);
    names(one).iter().any(|name| others.contains(name))
}
