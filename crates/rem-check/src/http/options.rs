use std::io;
use std::path::PathBuf;

use rem_time::Span;

use super::StatusRanges;

/// What [`Http`](crate::Http) asks for, and what it accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpOptions {
    /// `http://` or `https://`, a host, perhaps a port, a path and a query.
    pub url: String,
    /// `GET` unless told.
    pub method: String,
    /// Sent as they are; one that is also a default replaces it. `host` is
    /// allowed.
    pub headers: Vec<(String, String)>,
    /// Sent with the request; empty unless told.
    pub body: Vec<u8>,
    /// `rem-check/` and the version unless told.
    pub user_agent: String,
    /// Which answers are good; 200 to 299 unless told.
    pub status: StatusRanges,
    /// What the body must contain.
    pub contains: Option<Vec<u8>>,
    /// How many bytes of the body are read at most; 1 MiB unless told. The
    /// rest is not asked for, and the body's size is unknown unless the server
    /// announced it.
    pub read_max: usize,
    /// How many redirects to follow; 5 unless told. With 0 the redirect itself
    /// is the answer.
    pub redirects: u8,
    /// Whose certificates are trusted.
    pub verify: Verify,
    /// How long all of it may take, redirects included; 10 s unless told.
    pub deadline: Span,
}

impl HttpOptions {
    /// `GET` with the defaults.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            method: "GET".into(),
            headers: Vec::new(),
            body: Vec::new(),
            user_agent: concat!("rem-check/", env!("CARGO_PKG_VERSION")).into(),
            status: StatusRanges::success(),
            contains: None,
            read_max: 1024 * 1024,
            redirects: 5,
            verify: Verify::Public,
            deadline: Span::from_seconds(10),
        }
    }
}

/// Whose certificates are trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verify {
    /// Mozilla's list of authorities, as compiled in.
    Public,
    /// Those, and the authorities in this PEM file.
    PublicAnd(PathBuf),
    /// Any certificate for any name. Its end is still read.
    Off,
}

/// Options that cannot work.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// Not a URL to ask.
    #[error("not a URL to check: {url}: {why}")]
    Url {
        /// As it was given.
        url: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Not a method.
    #[error("not an HTTP method: {0}")]
    Method(String),
    /// A name or a value that HTTP does not allow.
    #[error("not a valid header: {0}")]
    Header(String),
    /// Everything contains nothing.
    #[error("the text that the body must contain is empty")]
    EmptyContains,
    /// The authorities could not be read.
    #[error("cannot read the certificates in {path}")]
    Authorities {
        /// The PEM file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file holds no certificate that could be trusted.
    #[error("no usable certificate in {0}")]
    NoAuthority(PathBuf),
    /// The TLS library refused its configuration.
    #[error("cannot set up TLS: {0}")]
    Tls(String),
}
