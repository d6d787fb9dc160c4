use std::fmt;

use rem_time::Span;

use super::{JsonPath, JsonTest, StatusRanges};
use crate::{PatternError, TrustError, Unit, Verify};

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
    /// Who is asking. Not sent to another host that a redirect leads to.
    pub auth: Option<HttpAuth>,
    /// `rem-check/` and the version unless told.
    pub user_agent: String,
    /// Whether the server may send the body packed; no unless told. Whatever
    /// the answer must be is asked of the unpacked body, `size` is what came.
    pub gzip: bool,
    /// Which answers are good; 200 to 299 unless told.
    pub status: StatusRanges,
    /// What the body must contain.
    pub contains: Option<Vec<u8>>,
    /// What else must be true of the answer. All that is not is told.
    pub assertions: Vec<HttpAssertion>,
    /// Numbers in the body that become readings.
    pub json_readings: Vec<JsonReading>,
    /// How many bytes of the body are read at most, packed or unpacked; 1 MiB
    /// unless told. The rest is not asked for, and the body's size is unknown
    /// unless the server announced it.
    pub read_max: usize,
    /// How many redirects to follow; 5 unless told. With 0 the redirect itself
    /// is the answer.
    pub redirects: u8,
    /// Whether every run opens a connection of its own, and so measures the
    /// whole path and notices that no new one is accepted; yes unless told.
    /// Else an open one is used again if there is one: cheaper for both sides.
    pub fresh: bool,
    /// Which versions of HTTP may be spoken.
    pub version: HttpVersion,
    /// Whose certificates are trusted.
    pub verify: Verify,
    /// The name that is asked for in the handshake with the first host, and
    /// that its certificate must be for; the URL's host unless told.
    pub server_name: Option<String>,
    /// A certificate that ends in fewer days than this is a warning; 0, which
    /// is never, unless told.
    pub certificate_warn_days: u32,
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
            auth: None,
            user_agent: concat!("rem-check/", env!("CARGO_PKG_VERSION")).into(),
            gzip: false,
            status: StatusRanges::success(),
            contains: None,
            assertions: Vec::new(),
            json_readings: Vec::new(),
            read_max: 1024 * 1024,
            redirects: 5,
            fresh: true,
            version: HttpVersion::Any,
            verify: Verify::Public,
            server_name: None,
            certificate_warn_days: 0,
            deadline: Span::from_seconds(10),
        }
    }
}

/// What must be true of an answer. Names of headers are the same in small and
/// capital letters; of a header that came more than once, one must be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpAssertion {
    /// The body has these bytes in it.
    BodyContains(Vec<u8>),
    /// It has not.
    BodyLacks(Vec<u8>),
    /// A regular expression matches somewhere in the body.
    BodyMatches(String),
    /// It does not.
    BodyMatchesNot(String),
    /// The header is there.
    HeaderPresent(String),
    /// It is not.
    HeaderAbsent(String),
    /// The header has exactly this value.
    HeaderEquals(String, String),
    /// A regular expression matches somewhere in the header's value.
    HeaderMatches(String, String),
    /// The body is JSON, of which this is true.
    Json(JsonTest),
    /// Redirects end at this URL.
    FinalUrl(String),
    /// A regular expression matches somewhere in the URL where redirects end.
    FinalUrlMatches(String),
}

/// A number in a JSON body that becomes a reading.
///
/// The length of a list or an object is its number, true is 1, a text that is
/// a number counts as one; anything else is unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonReading {
    /// Where it is.
    pub path: JsonPath,
    /// The reading's field.
    pub field: String,
    /// What it counts.
    pub unit: Unit,
}

/// Which versions of HTTP may be spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HttpVersion {
    /// Over TLS whichever the server prefers, else HTTP/1.1.
    Any,
    /// Only HTTP/1.1.
    Http1,
    /// Only HTTP/2; over TLS a server that does not speak it is critical,
    /// without TLS it is spoken unasked.
    Http2,
}

impl HttpVersion {
    /// As the handshake offers them.
    pub(super) fn protocols(self) -> &'static [&'static [u8]] {
        match self {
            Self::Any => &[b"h2", b"http/1.1"],
            Self::Http1 => &[b"http/1.1"],
            Self::Http2 => &[b"h2"],
        }
    }
}

/// Who is asking; its secret is not part of any message.
#[derive(Clone, PartialEq, Eq)]
pub enum HttpAuth {
    /// A user and a password.
    Basic {
        /// Must not have a colon.
        user: String,
        /// In the clear.
        password: String,
    },
    /// A token.
    Bearer(String),
}

impl fmt::Debug for HttpAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Basic { user, .. } => write!(f, "Basic({user:?}, …)"),
            Self::Bearer(_) => f.write_str("Bearer(…)"),
        }
    }
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
    /// A user with a colon, or a token that no header can carry.
    #[error("not credentials that HTTP can carry")]
    Auth,
    /// A pattern that does not compile.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// Nobody can be trusted as was asked.
    #[error(transparent)]
    Trust(#[from] TrustError),
}
