use std::fmt;
use std::str::FromStr;

use rem_time::Span;

use crate::PatternError;

/// What [`Dns`](crate::Dns) asks, and what it accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsOptions {
    /// The name that is asked for. For [`DnsKind::Ptr`] an address will do.
    pub name: String,
    /// Which records.
    pub kind: DnsKind,
    /// Whom to ask: a name or an address, perhaps a port (53 unless told). The
    /// servers of `/etc/resolv.conf` in turn unless told.
    pub server: Option<String>,
    /// Whether the server should find out what it does not know; yes unless told.
    pub recursion: bool,
    /// Whether to ask over TCP at once. Unless told UDP is tried first and TCP
    /// after a truncated answer.
    pub tcp: bool,
    /// What the server must say; `NOERROR` unless told.
    pub rcode: Rcode,
    /// What must be true of the records. All that is not is told. Without any
    /// assertion `NOERROR` needs at least one record.
    pub assertions: Vec<DnsAssertion>,
    /// Whether the answer must be the owner's own (or must not).
    pub authoritative: Option<bool>,
    /// How often to ask over UDP before giving up, 1 to 10; 3 unless told.
    /// Every try has its share of the deadline.
    pub tries: u8,
    /// How long all of it may take; 5 s unless told.
    pub deadline: Span,
}

impl DnsOptions {
    /// At least one such record, from the system's servers.
    pub fn new(name: impl Into<String>, kind: DnsKind) -> Self {
        Self {
            name: name.into(),
            kind,
            server: None,
            recursion: true,
            tcp: false,
            rcode: Rcode::NoError,
            assertions: Vec::new(),
            authoritative: None,
            tries: 3,
            deadline: Span::from_seconds(5),
        }
    }
}

/// What must be true of the records of an answer, of which those count that
/// are of the kind that was asked for.
///
/// Records are texts as in a zone file: `192.0.2.1`, `10 mail.example.com`,
/// `0 5 5060 sip.example.com`, `0 issue "ca.example"`; the parts of a TXT are
/// one text. A dot at the end of a name and capital letters in it make no
/// difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DnsAssertion {
    /// These records in any order, and no other.
    Exactly(Vec<String>),
    /// This record, perhaps beside others.
    Contains(String),
    /// Not this record.
    Lacks(String),
    /// A regular expression matches somewhere in one of the records.
    Matches(String),
    /// No fewer records than this.
    AtLeast(usize),
    /// No more records than this.
    AtMost(usize),
}

/// A sort of record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DnsKind {
    /// An IPv4 address.
    A,
    /// An IPv6 address.
    Aaaa,
    /// Another name for it.
    Cname,
    /// Who takes its mail.
    Mx,
    /// Who answers for it.
    Ns,
    /// Free text.
    Txt,
    /// The zone's own data, such as its serial number.
    Soa,
    /// The name of an address.
    Ptr,
    /// Host and port of a service.
    Srv,
    /// Who may make certificates for it.
    Caa,
}

impl DnsKind {
    const ALL: [Self; 10] = [
        Self::A,
        Self::Aaaa,
        Self::Cname,
        Self::Mx,
        Self::Ns,
        Self::Txt,
        Self::Soa,
        Self::Ptr,
        Self::Srv,
        Self::Caa,
    ];

    fn word(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::Aaaa => "AAAA",
            Self::Cname => "CNAME",
            Self::Mx => "MX",
            Self::Ns => "NS",
            Self::Txt => "TXT",
            Self::Soa => "SOA",
            Self::Ptr => "PTR",
            Self::Srv => "SRV",
            Self::Caa => "CAA",
        }
    }
}

/// Not a sort of record that can be asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not one of A, AAAA, CNAME, MX, NS, TXT, SOA, PTR, SRV, CAA: {0}")]
pub struct DnsKindError(String);

impl FromStr for DnsKind {
    type Err = DnsKindError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_it = |kind: &Self| kind.word().eq_ignore_ascii_case(text);
        let found = Self::ALL.into_iter().find(is_it);
        found.ok_or_else(|| DnsKindError(text.to_owned()))
    }
}

impl fmt::Display for DnsKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// How a server answered, apart from its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rcode {
    /// It did.
    NoError,
    /// It did not understand the question.
    FormErr,
    /// It could not find out.
    ServFail,
    /// There is no such name.
    NxDomain,
    /// It does not answer such questions.
    NotImp,
    /// It does not answer us.
    Refused,
    /// Another code.
    Other(u16),
}

impl Rcode {
    /// The number on the wire.
    pub fn code(self) -> u16 {
        match self {
            Self::NoError => 0,
            Self::FormErr => 1,
            Self::ServFail => 2,
            Self::NxDomain => 3,
            Self::NotImp => 4,
            Self::Refused => 5,
            Self::Other(code) => code,
        }
    }
}

impl From<u16> for Rcode {
    fn from(code: u16) -> Self {
        match code {
            0 => Self::NoError,
            1 => Self::FormErr,
            2 => Self::ServFail,
            3 => Self::NxDomain,
            4 => Self::NotImp,
            5 => Self::Refused,
            other => Self::Other(other),
        }
    }
}

/// Not the name or the number of a response code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a response code such as NOERROR, NXDOMAIN, SERVFAIL, REFUSED or a number: {0}")]
pub struct RcodeError(String);

impl FromStr for Rcode {
    type Err = RcodeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = (0..=5).map(Self::from);
        let is_it = |code: &Self| code.to_string().eq_ignore_ascii_case(text);
        let found = { named }.find(is_it);
        let found = found.or_else(|| text.parse::<u16>().ok().map(Self::from));
        found.ok_or_else(|| RcodeError(text.to_owned()))
    }
}

impl fmt::Display for Rcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoError => f.write_str("NOERROR"),
            Self::FormErr => f.write_str("FORMERR"),
            Self::ServFail => f.write_str("SERVFAIL"),
            Self::NxDomain => f.write_str("NXDOMAIN"),
            Self::NotImp => f.write_str("NOTIMP"),
            Self::Refused => f.write_str("REFUSED"),
            Self::Other(code) => write!(f, "code {code}"),
        }
    }
}

/// Options that cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DnsError {
    /// No name, or one with a label that is too long.
    #[error("not a name that DNS can carry: {0}")]
    Name(String),
    /// Not a server.
    #[error("not a name server such as 192.0.2.53 or ns1.example.com:53: {0}")]
    Server(String),
    /// A record that the kind cannot have.
    #[error("not a record of kind {kind}: {record}")]
    Record {
        /// What is asked for.
        kind: DnsKind,
        /// As it was given.
        record: String,
    },
    /// A pattern that does not compile.
    #[error(transparent)]
    Pattern(#[from] PatternError),
}
