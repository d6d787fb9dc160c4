use http::Method;

use super::{Page, Site, Stream};
use crate::Role;
use crate::assets;
use crate::route::Access;
use crate::static_files::Folder;

#[cfg(test)]
mod tests;

pub(crate) const SIGN_IN: &str = "/sign_in";
pub(crate) const SIGN_OUT: &str = "/sign_out";

/// What answers a path.
pub(crate) enum Found<'a> {
    Page {
        page: &'a Page,
        /// Where the part of the path after the mount begins.
        rest: usize,
        /// The path ended in `.json`, which is not part of the page's name.
        twin: bool,
    },
    /// Something hangs here, for other methods.
    OtherMethods(Vec<Method>),
    Rpc,
    Stream(&'a Stream),
    Asset(&'a str),
    Favicon,
    /// The folders whose mount fits, in order, with the path below.
    Files(Vec<(&'a Folder, &'a str)>),
    Home(&'a str),
    SignIn,
    SignOut,
    Nothing,
}

impl Site {
    pub(crate) fn find<'a>(&'a self, method: &Method, path: &'a str) -> Found<'a> {
        let bare = path.strip_suffix(".json").filter(|bare| !bare.is_empty());
        let exact = self.pages.get(path).map(|pages| (pages, false));
        let twin = || Some((self.pages.get(bare?)?, true));
        if let Some((pages, twin)) = exact.or_else(twin) {
            let rest = path.len();
            return choose(pages, method, rest, twin);
        }
        let mount = self
            .mounts
            .iter()
            .find(|(mount, _)| path.starts_with(mount));
        if let Some((mount, pages)) = mount {
            let twin = bare.is_some_and(|bare| bare.len() > mount.len());
            return choose(pages, method, mount.len(), twin);
        }
        if !self.rpc.is_empty() && self.rpc_paths.iter().any(|known| known == path) {
            return only(method, &[Method::POST], Found::Rpc);
        }
        if let Some(stream) = self.streams.iter().find(|stream| stream.path == path) {
            return only(method, &[Method::GET], Found::Stream(stream));
        }
        self.find_file(method, path)
    }

    fn find_file<'a>(&'a self, method: &Method, path: &'a str) -> Found<'a> {
        let read = [Method::GET, Method::HEAD];
        let found = match (path, path.strip_prefix(assets::MOUNT)) {
            ("/favicon.ico", _) => Found::Favicon,
            (SIGN_IN, _) => {
                return only(
                    method,
                    &[Method::GET, Method::HEAD, Method::POST],
                    Found::SignIn,
                );
            }
            (SIGN_OUT, _) => return only(method, &[Method::POST], Found::SignOut),
            (_, Some(name)) if self.templates.assets().has(name) => Found::Asset(name),
            _ => {
                let folders: Vec<_> = self
                    .folders
                    .iter()
                    .filter_map(|folder| Some((folder, path.strip_prefix(&*folder.mount)?)))
                    .collect();
                match (&self.home, folders.is_empty()) {
                    (_, false) => Found::Files(folders),
                    (Some(home), true) if path == "/" => Found::Home(home),
                    _ => return Found::Nothing,
                }
            }
        };
        only(method, &read, found)
    }

    /// A path that looks like this one, without or with a slash at its end.
    pub(crate) fn with_other_slash(&self, path: &str) -> Option<String> {
        let other = match path.strip_suffix('/') {
            Some(bare) => bare.to_owned(),
            None => format!("{path}/"),
        };
        let is_page =
            self.pages.contains_key(&other) || self.mounts.iter().any(|(mount, _)| *mount == other);
        is_page.then_some(other)
    }
}

impl Found<'_> {
    pub(crate) fn access(&self, site: &Site) -> Access {
        match self {
            Self::Page { page, .. } => page.route.access,
            Self::Rpc => site.rpc_access,
            Self::Stream(stream) => stream.access,
            Self::Files(folders) => folders
                .iter()
                .map(|(folder, _)| folder.access)
                .find(|access| *access != Access::Public)
                .unwrap_or(Access::Public),
            Self::Asset(_) | Self::Favicon | Self::SignIn | Self::SignOut => Access::Public,
            // Somebody who is not signed in does not learn what exists.
            Self::OtherMethods(_) | Self::Home(_) | Self::Nothing => Access::AtLeast(Role::Viewer),
        }
    }
}

fn choose<'a>(pages: &'a [Page], method: &Method, rest: usize, twin: bool) -> Found<'a> {
    let of = |method: &Method| pages.iter().find(|page| page.route.method == *method);
    let page = of(method).or_else(|| {
        let head = *method == Method::HEAD;
        head.then(|| of(&Method::GET)).flatten()
    });
    if let Some(page) = page {
        return Found::Page { page, rest, twin };
    }
    let mut methods: Vec<Method> = pages.iter().map(|page| page.route.method.clone()).collect();
    if methods.contains(&Method::GET) && !methods.contains(&Method::HEAD) {
        methods.push(Method::HEAD);
    }
    Found::OtherMethods(methods)
}

fn only<'a>(method: &Method, allowed: &[Method], found: Found<'a>) -> Found<'a> {
    if allowed.contains(method) {
        found
    } else {
        Found::OtherMethods(allowed.to_vec())
    }
}
