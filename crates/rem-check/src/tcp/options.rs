use rem_time::Span;

use crate::{PatternError, StartTls, TrustError, Verify};

/// What [`Tcp`](crate::Tcp) does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpOptions {
    /// Name or address, and port: `db.example.com:3306`, `[2001:db8::1]:22`.
    pub target: String,
    /// How long all of it may take; 10 s unless told.
    pub deadline: Span,
    /// What to send once connected.
    pub send: Option<Vec<u8>>,
    /// What the peer must say, anywhere in what it sends.
    pub expect: Option<Vec<u8>>,
    /// What to send and to expect after that, one step after the other. Each
    /// step looks only at what came behind the match of the one before.
    pub steps: Vec<TcpStep>,
    /// How many bytes to read in search of what one step expects; 64 KiB
    /// unless told. A peer that sent as much without it is critical.
    pub read_max: usize,
    /// Whether and when the connection is encrypted; not at all unless told.
    pub tls: TcpTls,
    /// Whose certificates are trusted.
    pub verify: Verify,
    /// The name that is asked for, and that the certificate must be for; the
    /// target's host unless told.
    pub server_name: Option<String>,
    /// A certificate that ends in fewer days than this is a warning; 0, which
    /// is never, unless told.
    pub certificate_warn_days: u32,
}

impl TcpOptions {
    /// Only connect.
    pub fn new(target: impl Into<String>) -> Self {
        Self {
            target: target.into(),
            deadline: Span::from_seconds(10),
            send: None,
            expect: None,
            steps: Vec::new(),
            read_max: 64 * 1024,
            tls: TcpTls::Never,
            verify: Verify::Public,
            server_name: None,
            certificate_warn_days: 0,
        }
    }
}

/// Whether and when a connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TcpTls {
    /// It is not.
    Never,
    /// From the first byte.
    AtOnce,
    /// After asking for it as this protocol does. The steps begin once it is
    /// encrypted, without the greeting that came before.
    After(StartTls),
}

/// One exchange of words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TcpStep {
    /// What to send.
    pub send: Option<Vec<u8>>,
    /// What must come then.
    pub expect: Option<TcpExpect>,
}

/// What a peer must say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TcpExpect {
    /// These bytes.
    Text(Vec<u8>),
    /// What this regular expression matches. It is tried on what came so far
    /// each time that the peer pauses; `$` is the end of that.
    Pattern(String),
}

/// Options that cannot work.
#[derive(Debug, thiserror::Error)]
pub enum TcpError {
    /// Not a host and a port.
    #[error("not a host and a port such as db.example.com:3306: {0}")]
    Target(String),
    /// There is nothing to expect in nothing.
    #[error("expect is empty")]
    EmptyExpect,
    /// A pattern that does not compile.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// Nobody can be trusted as was asked.
    #[error(transparent)]
    Trust(#[from] TrustError),
}
