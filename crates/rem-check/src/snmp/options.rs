use std::fmt;

use rem_time::Span;

use super::oid::OidError;
use crate::{Family, Unit};

/// What [`Snmp`](crate::Snmp) does.
#[derive(Clone, Debug, PartialEq)]
pub struct SnmpOptions {
    /// Name or address of the agent.
    pub address: String,
    /// Its UDP port; 161 unless told.
    pub port: u16,
    /// Which sort of address to use if a name has both; the resolver's first
    /// unless told.
    pub family: Option<Family>,
    /// The protocol, and who asks.
    pub version: SnmpVersion,
    /// How long a run may take, its walks included; 10 s unless told.
    pub deadline: Span,
    /// How long to wait for an answer before asking again; 1 s unless told.
    pub timeout: Span,
    /// How often to ask again; 2 unless told.
    pub retries: u32,
    /// Single objects, with their instance: `sysUpTime.0`.
    pub get: Vec<SnmpObject>,
    /// Tables: one group of readings per row.
    pub tables: Vec<SnmpTable>,
    /// How many rows to ask for at once (v2c and v3), 1 to 100; 20 unless told.
    /// Values outside are moved to the nearer end.
    pub max_repetitions: u16,
    /// Whether a text such as `0.25` is a number, as `laLoad` has them; yes
    /// unless told.
    pub text_numbers: bool,
}

impl SnmpOptions {
    /// Nothing to ask for yet.
    pub fn new(address: impl Into<String>, version: SnmpVersion) -> Self {
        Self {
            address: address.into(),
            port: 161,
            family: None,
            version,
            deadline: Span::from_seconds(10),
            timeout: Span::from_seconds(1),
            retries: 2,
            get: Vec::new(),
            tables: Vec::new(),
            max_repetitions: 20,
            text_numbers: true,
        }
    }
}

/// The protocol, and who asks. Passphrases and communities are left out of
/// debug texts.
#[derive(Clone, PartialEq, Eq)]
pub enum SnmpVersion {
    /// The oldest; no 64 bit counters.
    V1 {
        /// What the agent knows us by; sent in clear text.
        community: String,
    },
    /// With 64 bit counters and many rows per packet.
    V2c {
        /// What the agent knows us by; sent in clear text.
        community: String,
    },
    /// With users (USM).
    V3(SnmpUser),
}

/// A user of an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnmpUser {
    /// The user's name, at most 32 bytes.
    pub name: String,
    /// How packets are signed; `None` is noAuthNoPriv.
    pub auth: Option<SnmpAuth>,
    /// How they are encrypted; only together with `auth`.
    pub privacy: Option<SnmpPrivacy>,
    /// The context, empty for the default one.
    pub context: String,
}

impl SnmpVersion {
    /// Whether an agent could take it.
    pub(super) fn check(&self) -> Result<(), SnmpError> {
        const PASSPHRASE_BYTES_MIN: usize = 8;
        const USER_BYTES_MAX: usize = 32;
        let Self::V3(user) = self else {
            return Ok(());
        };
        let is_short = |passphrase: &String| passphrase.len() < PASSPHRASE_BYTES_MIN;
        if user.name.is_empty() || user.name.len() > USER_BYTES_MAX {
            return Err(SnmpError::UserName(user.name.clone()));
        }
        if user.privacy.is_some() && user.auth.is_none() {
            return Err(SnmpError::PrivacyWithoutAuth);
        }
        if user
            .auth
            .as_ref()
            .is_some_and(|auth| is_short(&auth.passphrase))
        {
            return Err(SnmpError::ShortPassphrase("authentication"));
        }
        if user
            .privacy
            .as_ref()
            .is_some_and(|privacy| is_short(&privacy.passphrase))
        {
            return Err(SnmpError::ShortPassphrase("privacy"));
        }
        Ok(())
    }
}

impl SnmpUser {
    /// A user without authentication and privacy, in the default context.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            auth: None,
            privacy: None,
            context: String::new(),
        }
    }
}

/// How packets are signed.
#[derive(Clone, PartialEq, Eq)]
pub struct SnmpAuth {
    /// The digest.
    pub hash: SnmpHash,
    /// At least 8 bytes.
    pub passphrase: String,
}

/// How packets are encrypted.
#[derive(Clone, PartialEq, Eq)]
pub struct SnmpPrivacy {
    /// The cipher.
    pub cipher: SnmpCipher,
    /// At least 8 bytes.
    pub passphrase: String,
}

/// A digest; the last four are those of RFC 7860.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SnmpHash {
    /// HMAC-MD5-96, for old devices.
    Md5,
    /// HMAC-SHA-96, which agents call `SHA`.
    Sha1,
    /// HMAC-128-SHA-224.
    Sha224,
    /// HMAC-192-SHA-256.
    Sha256,
    /// HMAC-256-SHA-384.
    Sha384,
    /// HMAC-384-SHA-512.
    Sha512,
}

/// A cipher. No standard says how a key of more than 128 bits is made; there
/// are two ways, and which one an agent has is in its manual.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SnmpCipher {
    /// CBC-DES, for old devices.
    Des,
    /// CFB128-AES-128.
    Aes128,
    /// AES-192 with keys as net-snmp makes them (Blumenthal's draft).
    Aes192,
    /// AES-256 with keys as net-snmp makes them (Blumenthal's draft).
    Aes256,
    /// AES-192 with keys as Cisco makes them (Reeder's draft).
    Aes192Cisco,
    /// AES-256 with keys as Cisco makes them (Reeder's draft).
    Aes256Cisco,
}

/// One object and the field that its number is recorded as.
#[derive(Clone, Debug, PartialEq)]
pub struct SnmpObject {
    /// The name of the reading; each once in a check.
    pub field: String,
    /// Numbers, or one of the known names with what follows it; see
    /// [`Oid`](crate::Oid). In a table the column, without an index.
    pub object: String,
    /// What the number counts; as the known name says unless told, a bare
    /// number for others.
    pub unit: Option<Unit>,
    /// What one unit of the agent is in `unit`: 0.1 for a temperature in tenths.
    /// As the known name says unless told, else 1.
    pub factor: Option<f64>,
}

impl SnmpObject {
    /// An object as the agent has it.
    pub fn new(field: impl Into<String>, object: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            object: object.into(),
            unit: None,
            factor: None,
        }
    }
}

/// A table, walked column by column; each row is a group of readings.
#[derive(Clone, Debug, PartialEq)]
pub struct SnmpTable {
    /// What it is called in messages.
    pub name: String,
    /// What is read of each row.
    pub columns: Vec<SnmpObject>,
    /// The column whose text names the group, such as `ifName`; the row's index
    /// unless told, and for rows that have no such text. If rows share a text,
    /// all but the first have their index behind it.
    pub label: Option<String>,
    /// Patterns with `*` and `?`: only rows with such a label. Empty is all.
    pub only: Vec<String>,
    /// Patterns: not these.
    pub without: Vec<String>,
    /// How many rows are read before the walk is given up with a warning;
    /// 10000 unless told.
    pub rows_max: usize,
}

impl SnmpTable {
    /// A table without columns yet.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            columns: Vec::new(),
            label: None,
            only: Vec::new(),
            without: Vec::new(),
            rows_max: 10_000,
        }
    }
}

/// Options that cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnmpError {
    /// No name or address, or port 0.
    #[error("not the address and port of an agent: {0}")]
    Address(String),
    /// Neither objects nor tables.
    #[error("nothing to ask for: neither get nor tables")]
    Nothing,
    /// A table without columns.
    #[error("no columns in table {0}")]
    NoColumns(String),
    /// Two readings of one name.
    #[error("field used twice: {0}")]
    FieldTwice(String),
    /// An object that is none.
    #[error("cannot ask for {field}")]
    Object {
        /// Where it is written: a field, or a table's label.
        field: String,
        /// Why it is none.
        source: OidError,
    },
    /// A factor that would make every number useless.
    #[error("factor of {0} is not a finite number other than 0")]
    Factor(String),
    /// A passphrase that no agent would take.
    #[error("{0} passphrase is shorter than 8 bytes")]
    ShortPassphrase(&'static str),
    /// Encryption needs authentication.
    #[error("privacy without authentication")]
    PrivacyWithoutAuth,
    /// A name that does not fit.
    #[error("user name is empty or longer than 32 bytes: {0}")]
    UserName(String),
    /// A pattern that matches nothing, or is far too long.
    #[error("empty or too long pattern in table {0}")]
    Pattern(String),
}

impl fmt::Debug for SnmpVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V1 { .. } => f.write_str("V1"),
            Self::V2c { .. } => f.write_str("V2c"),
            Self::V3(user) => f.debug_tuple("V3").field(user).finish(),
        }
    }
}

impl fmt::Debug for SnmpAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.hash)
    }
}

impl fmt::Debug for SnmpPrivacy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.cipher)
    }
}
