mod find;

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde_json::Value;

use crate::route::{Access, Route};
use crate::rpc::{Call, Rpc, RpcError};
use crate::static_files::Folder;
use crate::{Hub, Request, Response, Role, Templates};

pub(crate) use find::{Found, SIGN_IN};

/// Answers one request. Script pages, which come from a configuration, are
/// handlers like any closure.
pub(crate) type Handler = Arc<dyn Fn(Request) -> BoxFuture<'static, Response> + Send + Sync>;

/// What is served under one or several host names.
///
/// A request is answered by the first of: the page of exactly this path, the
/// page that is mounted above it, RPC, event streams, assets, the folders in the
/// order they were given, the fallback.
pub struct Site {
    pub(crate) name: String,
    pub(crate) hosts: Vec<String>,
    pub(crate) pages: HashMap<String, Vec<Page>>,
    /// The longest first.
    pub(crate) mounts: Vec<(String, Vec<Page>)>,
    pub(crate) rpc: Rpc,
    pub(crate) rpc_paths: Vec<String>,
    pub(crate) rpc_access: Access,
    pub(crate) streams: Vec<Stream>,
    pub(crate) folders: Vec<Folder>,
    pub(crate) fallback: Option<Page>,
    pub(crate) templates: Templates,
    pub(crate) home: Option<String>,
    /// What is wrong with how the site was put together; told at the start.
    pub(crate) problems: Vec<String>,
}

pub(crate) struct Page {
    pub(crate) route: Route,
    pub(crate) handler: Handler,
}

pub(crate) struct Stream {
    pub(crate) path: String,
    pub(crate) hub: Hub,
    pub(crate) access: Access,
}

impl Site {
    /// An empty site; the name is for titles, the log and the sign-in question.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            hosts: Vec::new(),
            pages: HashMap::new(),
            mounts: Vec::new(),
            rpc: Rpc::new(),
            rpc_paths: vec!["/rpc".into(), "/RPC2".into()],
            rpc_access: Access::AtLeast(Role::Viewer),
            streams: Vec::new(),
            folders: Vec::new(),
            fallback: None,
            templates: Templates::new(),
            home: None,
            problems: Vec::new(),
        }
    }

    /// Host names it answers to, without port. They also allow a listener on
    /// loopback that asks nobody to be reached by that name, as through a proxy.
    pub fn hosts<S: Into<String>>(mut self, hosts: impl IntoIterator<Item = S>) -> Self {
        let hosts = hosts.into_iter().map(|host| host.into().to_lowercase());
        self.hosts.extend(hosts);
        self
    }

    /// Hangs a page. It gets the whole request and gives a [`Response`] or a
    /// `Result<Response, Failure>`.
    pub fn page<F, Fut, R>(mut self, route: Route, page: F) -> Self
    where
        F: Fn(Request) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = R> + Send + 'static,
        R: Into<Response>,
    {
        if !route.path.starts_with('/') || (route.mount && !route.path.ends_with('/')) {
            self.problems
                .push(format!("not a path for a page: {}", route.path));
        }
        let path = route.path.clone();
        let page = Page {
            handler: handler(page),
            route,
        };
        let pages = if page.route.mount {
            match self.mounts.iter().position(|(known, _)| *known == path) {
                Some(at) => &mut self.mounts[at].1,
                None => {
                    let at = self
                        .mounts
                        .partition_point(|(known, _)| known.len() > path.len());
                    self.mounts.insert(at, (path.clone(), Vec::new()));
                    &mut self.mounts[at].1
                }
            }
        } else {
            self.pages.entry(path.clone()).or_default()
        };
        let method = &page.route.method;
        if pages.iter().any(|other| other.route.method == *method) {
            self.problems
                .push(format!("two pages under one path: {method} {path}"));
        }
        pages.push(page);
        self
    }

    /// A page for all paths that nothing else answers.
    pub fn fallback<F, Fut, R>(mut self, page: F) -> Self
    where
        F: Fn(Request) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = R> + Send + 'static,
        R: Into<Response>,
    {
        self.fallback = Some(Page {
            route: Route::get("/"),
            handler: handler(page),
        });
        self
    }

    /// Where `/` leads if no page hangs there.
    pub fn home(mut self, path: impl Into<String>) -> Self {
        self.home = Some(path.into());
        self
    }

    /// A method that every caller may use, over JSON-RPC 2.0 and XML-RPC.
    pub fn rpc<F, Fut>(self, name: &str, method: F) -> Self
    where
        F: Fn(Call) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Value, RpcError>> + Send + 'static,
    {
        self.rpc_for(Role::Viewer, name, method)
    }

    /// A method that needs at least this role.
    pub fn rpc_for<F, Fut>(mut self, role: Role, name: &str, method: F) -> Self
    where
        F: Fn(Call) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Value, RpcError>> + Send + 'static,
    {
        if !self.rpc.add(role, name, method) {
            self.problems
                .push(format!("two methods of one name: {name}"));
        }
        self
    }

    /// Where RPC is answered, instead of `/rpc` and `/RPC2`. Each path speaks both
    /// protocols; the content type says which.
    pub fn rpc_at<S: Into<String>>(mut self, paths: impl IntoIterator<Item = S>) -> Self {
        self.rpc_paths = paths.into_iter().map(Into::into).collect();
        self
    }

    /// Serves the files of a folder below `mount`, for viewers and above.
    /// Nothing outside of the folder is ever served, also not through a symbolic
    /// link, and nothing whose name begins with a dot.
    pub fn static_files(self, mount: impl Into<String>, folder: impl Into<PathBuf>) -> Self {
        self.files(mount, folder, Access::AtLeast(Role::Viewer))
    }

    /// As [`Site::static_files`], for everybody.
    pub fn public_files(self, mount: impl Into<String>, folder: impl Into<PathBuf>) -> Self {
        self.files(mount, folder, Access::Public)
    }

    /// Streams the hub's events at `/events?topics=a,b` to viewers and above.
    pub fn events(self, hub: Hub) -> Self {
        self.events_at("/events", hub, Role::Viewer)
    }

    /// Streams a hub's events at a path of its own to callers with this role.
    pub fn events_at(mut self, path: impl Into<String>, hub: Hub, role: Role) -> Self {
        self.streams.push(Stream {
            path: path.into(),
            hub,
            access: Access::AtLeast(role),
        });
        self
    }

    /// The templates of [`Response::view`], of failures and of the sign-in page.
    pub fn templates(mut self, templates: Templates) -> Self {
        self.templates = templates;
        self
    }

    fn files(
        mut self,
        mount: impl Into<String>,
        folder: impl Into<PathBuf>,
        access: Access,
    ) -> Self {
        let mut mount = mount.into();
        if !mount.ends_with('/') {
            mount.push('/');
        }
        if !mount.starts_with('/') {
            self.problems.push(format!("not a path for files: {mount}"));
        }
        self.folders.push(Folder::new(mount, folder.into(), access));
        self
    }
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site")
            .field("name", &self.name)
            .field("hosts", &self.hosts)
            .finish_non_exhaustive()
    }
}

fn handler<F, Fut, R>(page: F) -> Handler
where
    F: Fn(Request) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = R> + Send + 'static,
    R: Into<Response>,
{
    Arc::new(move |request| {
        let answer = page(request);
        Box::pin(async move { answer.await.into() })
    })
}
