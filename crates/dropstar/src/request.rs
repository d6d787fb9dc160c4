use std::net::SocketAddr;
use std::sync::OnceLock;

use bytes::Bytes;
use http::{HeaderMap, Method, header};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::csrf::Seal;
use crate::form::{self, Form};
use crate::{Caller, Failure, Upload};

/// How the caller wants its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For a person.
    Html,
    /// For a program: `Accept: application/json`, `?format=json` or `.json`.
    Json,
}

/// A whole request: its body has arrived and its caller is known.
#[derive(Debug)]
pub struct Request {
    pub(crate) id: String,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) rest: usize,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) caller: Caller,
    pub(crate) peer: SocketAddr,
    pub(crate) tls: bool,
    pub(crate) port: u16,
    pub(crate) format: Format,
    pub(crate) nonce: String,
    pub(crate) seal: Seal,
    pub(crate) form: OnceLock<Form>,
}

impl Request {
    /// The id that the log and the answer's `x-request-id` carry.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The path, percent-decoded, without a `.json` suffix that a twin was asked by.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What follows the mount that answers; empty for an exact path.
    pub fn rest(&self) -> &str {
        self.path.get(self.rest..).unwrap_or("")
    }

    /// The query as it was sent, without `?`.
    pub fn query(&self) -> &str {
        &self.query
    }

    /// All headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// A header's value if it is there and is visible ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// A cookie's value.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        cookie(&self.headers, name)
    }

    /// The host the client asked for, without the port.
    pub fn host(&self) -> Option<&str> {
        host(self.header("host")?)
    }

    /// The port of the listener.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The body as it was sent.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The body read as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_slice(&self.body).map_err(|error| {
            Failure::bad_request(format!("the body is not the JSON wanted: {error}"))
        })
    }

    /// Who asks.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The address of the other end of the connection.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Whether the connection is encrypted.
    pub fn is_tls(&self) -> bool {
        self.tls
    }

    /// How the answer is wanted.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Query and form merged, the form winning. A name that ends in `[]` is a
    /// list without the brackets; an uploaded file is its text under its name and
    /// its file name under `<name>_filename`; a JSON object as body is merged too.
    pub fn args(&self) -> &Map<String, Value> {
        &self.form().args
    }

    /// One argument as text.
    pub fn arg(&self, name: &str) -> Option<&str> {
        self.args().get(name)?.as_str()
    }

    /// Files that came with a multipart form, byte by byte.
    pub fn uploads(&self) -> &[Upload] {
        &self.form().uploads
    }

    /// The token that a form of this page has to send back in the field `_csrf`
    /// (or the header `x-csrf-token`). Templates have it as `csrf_token`.
    pub fn csrf_token(&self) -> String {
        self.seal.token()
    }

    /// The nonce that this answer's inline scripts and styles must carry.
    /// Templates have it as `csp_nonce`.
    pub fn csp_nonce(&self) -> &str {
        &self.nonce
    }

    fn form(&self) -> &Form {
        self.form.get_or_init(|| {
            let content_type = self.header(header::CONTENT_TYPE.as_str()).unwrap_or("");
            form::parse(&self.query, content_type, &self.body)
        })
    }
}

pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter();
    lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value))
}

/// The host part of `host` or `host:port`, IPv6 brackets kept.
pub(crate) fn host(authority: &str) -> Option<&str> {
    if authority.starts_with('[') {
        return authority.split_inclusive(']').next();
    }
    authority.split(':').next().filter(|host| !host.is_empty())
}
