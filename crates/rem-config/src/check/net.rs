use std::num::NonZeroU16;
use std::path::PathBuf;

use rem_time::Span;
use rem_yaml::SecretSource;

use crate::host::Host;
use crate::status::StatusCodes;

/// Echo requests to a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PingCheck {
    /// Who is asked; the machine's address unless told.
    pub address: Host,
    /// How many requests; 3 unless told.
    pub count: NonZeroU16,
    /// How far apart they leave; 200 ms unless told.
    pub interval: Span,
    /// How long the reply to each is waited for; 2 s unless told.
    pub wait: Span,
    /// Bytes behind the ICMP header; 56 unless told.
    pub size: u16,
    /// Which sort of address, where a name has both.
    pub family: Option<Family>,
}

/// A sort of address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// 32 bits.
    V4,
    /// 128 bits.
    V6,
}

/// Whose certificates are trusted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// The public authorities'.
    #[default]
    Public,
    /// Those, and the ones of the authorities in this file.
    PublicAnd(PathBuf),
    /// Only those of the authorities in this file.
    Only(PathBuf),
    /// Anybody's, for any name.
    Anybody,
}

/// The TLS side of a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsSide {
    /// Whose certificates are trusted.
    pub trust: Trust,
    /// The name that is asked for; the host's unless told.
    pub server_name: Option<String>,
    /// A certificate that ends in fewer days is a warning; 0 is never.
    pub certificate_warn_days: u32,
}

/// One HTTP request and what is expected of the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpCheck {
    /// `http://` or `https://`.
    pub url: String,
    /// `GET` unless told.
    pub method: String,
    /// Sent with the request.
    pub headers: Vec<(String, String)>,
    /// Sent with the request, and not known here.
    pub secret_headers: Vec<(String, SecretSource)>,
    /// Sent with the request.
    pub body: String,
    /// Who is asking.
    pub auth: Option<HttpAuth>,
    /// How we call ourselves.
    pub user_agent: Option<String>,
    /// Whether the server may send the body packed.
    pub gzip: bool,
    /// Which answers are good; 200 to 299 unless told.
    pub status: StatusCodes,
    /// What the body must contain.
    pub contains: Option<String>,
    /// What else must be true of the answer.
    pub assertions: Vec<HttpAssertion>,
    /// Numbers in a JSON body that become readings.
    pub json: Vec<JsonReading>,
    /// Bytes of the body that are read at most, where the file says.
    pub read_max: Option<u64>,
    /// Whether a redirect is followed; otherwise it is the answer.
    pub follow_redirects: bool,
    /// How many redirects are followed; 5 unless told.
    pub redirects: u8,
    /// Whether every look opens a connection of its own; yes unless told.
    pub fresh: bool,
    /// Which versions of HTTP may be spoken.
    pub version: HttpVersion,
    /// How https is done.
    pub tls: TlsSide,
}

/// Who is asking over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpAuth {
    /// A user and a password.
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: SecretSource,
    },
    /// A token.
    Bearer(SecretSource),
}

/// What must be true of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpAssertion {
    /// The body has this text in it.
    BodyContains(String),
    /// It has not.
    BodyLacks(String),
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
    /// The body is JSON, of which this is true: `$.status == up`.
    Json(String),
    /// Redirects end at this URL.
    FinalUrl(String),
    /// A regular expression matches the URL where redirects end.
    FinalUrlMatches(String),
}

/// A number in a JSON body that becomes a reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonReading {
    /// The reading's field.
    pub field: String,
    /// Where it is: `$.queue.length`.
    pub path: String,
    /// What it counts.
    pub unit: Option<String>,
}

/// Which versions of HTTP may be spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum HttpVersion {
    /// Whichever the server prefers.
    #[default]
    Any,
    /// Only HTTP/1.1.
    Http1,
    /// Only HTTP/2.
    Http2,
}

/// A TCP connection, perhaps something said, perhaps an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpCheck {
    /// Who is asked; the machine's address unless told.
    pub address: Host,
    /// The port.
    pub port: NonZeroU16,
    /// What to send once connected.
    pub send: Option<String>,
    /// What the peer must say.
    pub expect: Option<String>,
    /// What is said after that, one step after the other.
    pub steps: Vec<TcpStep>,
    /// Bytes read in search of what one step expects, where the file says.
    pub read_max: Option<u64>,
    /// Whether and when the connection is encrypted.
    pub encryption: Encryption,
    /// How it is encrypted.
    pub tls: TlsSide,
}

/// Whether and when a connection is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Encryption {
    /// It is not.
    #[default]
    Never,
    /// From the first byte.
    AtOnce,
    /// After asking for it as this protocol does.
    After(StartTls),
}

/// How a protocol asks for encryption.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StartTls {
    /// Mail between servers.
    Smtp,
    /// Mailboxes.
    Imap,
    /// Mailboxes, the older way.
    Pop3,
    /// Files.
    Ftp,
    /// Chat.
    Xmpp,
    /// Directories.
    Ldap,
    /// PostgreSQL.
    Postgres,
    /// MySQL and MariaDB.
    Mysql,
}

/// One exchange of words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TcpStep {
    /// What to send.
    pub send: Option<String>,
    /// What must come then.
    pub expect: Option<TcpExpect>,
}

/// What a peer must say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TcpExpect {
    /// This text.
    Text(String),
    /// What this regular expression matches.
    Matches(String),
}

/// A question to a name server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsCheck {
    /// The name that is asked for; the machine's address unless told.
    pub name: String,
    /// Which records: `A`, `MX`.
    pub kind: &'static str,
    /// Whom to ask, perhaps with a port; the system's servers unless told.
    pub server: Option<String>,
    /// Whether the server should find out what it does not know.
    pub recursion: bool,
    /// Whether to ask over TCP at once.
    pub tcp: bool,
    /// What the server must say: `NOERROR`.
    pub rcode: &'static str,
    /// What must be true of the records.
    pub assertions: Vec<DnsAssertion>,
    /// Whether the answer must be the owner's own, or must not.
    pub authoritative: Option<bool>,
    /// How often to ask over UDP, 1 to 10; 3 unless told.
    pub tries: u8,
}

/// What must be true of the records of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DnsAssertion {
    /// These records in any order, and no other.
    Exactly(Vec<String>),
    /// This record, perhaps beside others.
    Contains(String),
    /// Not this record.
    Lacks(String),
    /// A regular expression matches in one of the records.
    Matches(String),
    /// No fewer records than this.
    AtLeast(usize),
    /// No more records than this.
    AtMost(usize),
}

/// The certificates that a server shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsCheck {
    /// Who is asked; the machine's address unless told.
    pub address: Host,
    /// The port; 443 unless told.
    pub port: NonZeroU16,
    /// How to ask for encryption where it does not begin at once.
    pub starttls: Option<StartTls>,
    /// The name that is asked for; the host's unless told.
    pub server_name: Option<String>,
    /// The names that the certificate must be for; the one asked for unless told.
    pub names: Vec<String>,
    /// Whose certificates are trusted.
    pub trust: Trust,
    /// Fewer days to the end are a warning; 21 unless told.
    pub warn_days: u32,
    /// Fewer days to the end are critical; 7 unless told.
    pub crit_days: u32,
}

/// A Prometheus exporter that is scraped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExporterCheck {
    /// Such as `http://web-01:9100/metrics`.
    pub url: String,
    /// Sent with the request.
    pub headers: Vec<(String, String)>,
    /// Sent with the request, and not known here.
    pub secret_headers: Vec<(String, SecretSource)>,
    /// Whose certificates are trusted.
    pub trust: Trust,
    /// The names of samples to take, with `*` and `?`; empty is all of them.
    pub only: Vec<String>,
    /// The names of samples not to take.
    pub without: Vec<String>,
    /// Whether every bucket of a histogram is taken, or only its sum and count.
    pub buckets: bool,
    /// Bytes of the body, unpacked, where the file says.
    pub body_max: Option<u64>,
    /// How many samples there may be, where the file says.
    pub samples_max: Option<usize>,
    /// How many series may be taken, where the file says.
    pub series_max: Option<usize>,
}

impl StartTls {
    /// As it is written: `smtp`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Smtp => "smtp",
            Self::Imap => "imap",
            Self::Pop3 => "pop3",
            Self::Ftp => "ftp",
            Self::Xmpp => "xmpp",
            Self::Ldap => "ldap",
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
        }
    }
}
