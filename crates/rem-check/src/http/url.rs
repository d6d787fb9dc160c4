#[cfg(test)]
mod tests;

use std::fmt;

use hyper::Uri;
use hyper::http::uri::PathAndQuery;

use crate::net::Peer;

/// A URL that can be asked: scheme, peer, path and query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Url {
    https: bool,
    peer: Peer,
    path: PathAndQuery,
}

impl Url {
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        // Fragments are the browser's business.
        let text = text.split('#').next().unwrap_or(text);
        let uri: Uri = text.parse().map_err(|_| "it is malformed")?;
        let https = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            Some(_) => return Err("its scheme is neither http nor https"),
            None => return Err("it does not start with http:// or https://"),
        };
        let authority = uri.authority().ok_or("it has no host")?.as_str();
        if authority.contains('@') {
            return Err("it has a user; send an authorization header instead");
        }
        let port = if https { 443 } else { 80 };
        // A bracketed IPv6 address has colons of its own.
        let has_port = authority.rfind(':') > authority.rfind(']');
        let peer = match has_port {
            true => Peer::parse(authority),
            false => Peer::parse(&format!("{authority}:{port}")),
        };
        Ok(Self {
            https,
            peer: peer.ok_or("its host or port is malformed")?,
            path: uri
                .path_and_query()
                .cloned()
                .unwrap_or_else(|| PathAndQuery::from_static("/")),
        })
    }

    /// Where a redirect leads (RFC 3986 §5.2).
    pub(crate) fn join(&self, location: &str) -> Result<Self, &'static str> {
        let location = location.split('#').next().unwrap_or(location);
        let scheme = if self.https { "https" } else { "http" };
        let is_absolute = location.split_once(':').is_some_and(|(scheme, _)| {
            scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
        });
        if is_absolute {
            return Self::parse(location);
        }
        if location.starts_with("//") {
            return Self::parse(&format!("{scheme}:{location}"));
        }
        let path = match location.chars().next() {
            None => self.path.as_str().to_owned(),
            Some('?') => format!("{}{location}", self.path.path()),
            Some('/') => without_dots(location),
            Some(_) => {
                let folder = self.path.path().rsplit_once('/').map_or("", |(f, _)| f);
                without_dots(&format!("{folder}/{location}"))
            }
        };
        Ok(Self {
            path: path.parse().map_err(|_| "its path is malformed")?,
            ..self.clone()
        })
    }

    pub(crate) fn is_https(&self) -> bool {
        self.https
    }

    pub(crate) fn peer(&self) -> &Peer {
        &self.peer
    }

    pub(crate) fn path(&self) -> &PathAndQuery {
        &self.path
    }

    /// What decides whether two URLs belong together.
    pub(crate) fn origin(&self) -> (bool, &Peer) {
        (self.https, &self.peer)
    }

    /// Host, and port unless it is the scheme's own: the `host` header.
    pub(crate) fn authority(&self) -> String {
        let usual = if self.https { 443 } else { 80 };
        let full = self.peer.to_string();
        match self.peer.port == usual {
            true => full
                .rsplit_once(':')
                .map_or(full.clone(), |(host, _)| host.to_owned()),
            false => full,
        }
    }

    /// The whole of it with this host, as HTTP/2 wants it.
    pub(crate) fn absolute(&self, host: &str) -> Option<Uri> {
        let scheme = if self.https { "https" } else { "http" };
        format!("{scheme}://{host}{}", self.path).parse().ok()
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.https { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority(), self.path)
    }
}

/// `/a/b/../c` is `/a/c`; the query stays as it is.
fn without_dots(path: &str) -> String {
    let (path, query) = match path.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (path, None),
    };
    let mut kept: Vec<&str> = Vec::new();
    let mut parts = path.split('/').skip(1).peekable();
    while let Some(part) = parts.next() {
        let is_last = parts.peek().is_none();
        match part {
            "." | ".." => {
                if part == ".." {
                    kept.pop();
                }
                if is_last {
                    kept.push("");
                }
            }
            part => kept.push(part),
        }
    }
    let path = kept.join("/");
    match query {
        Some(query) => format!("/{path}?{query}"),
        None => format!("/{path}"),
    }
}
