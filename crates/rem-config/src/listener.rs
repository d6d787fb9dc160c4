use std::net::SocketAddr;
use std::path::PathBuf;

use rem_yaml::{Located, Place, SecretSource};

/// One address the monitor serves its pages and calls on.
#[derive(Clone, Debug)]
pub struct Listener {
    /// The address; port 0 takes a free one.
    pub address: SocketAddr,
    /// The certificate; plain HTTP without.
    pub tls: Option<Tls>,
    /// Who may use it.
    pub auth: Auth,
    /// Where it is written.
    pub place: Place,
}

/// The certificate of a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tls {
    /// From PEM files.
    Files {
        /// The certificate and those that vouch for it.
        cert: PathBuf,
        /// Its private key.
        key: PathBuf,
    },
    /// Made and signed by the monitor itself.
    SelfSigned,
}

/// Who may use a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Auth {
    /// Everybody who can reach it, as an administrator. What a listener on
    /// loopback has unless told; elsewhere somebody wrote `auth: none`.
    None,
    /// People and programs with an account.
    Accounts(Accounts),
}

/// The people and programs that may use a listener; at least one. Beside those written
/// at the listener these are the users of the file who have a password or a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accounts {
    /// People.
    pub users: Vec<User>,
    /// Programs.
    pub tokens: Vec<Token>,
}

/// A person who may sign in. Two are equal wherever they are written.
#[derive(Clone)]
pub struct User {
    /// The name to sign in with.
    pub name: String,
    /// The argon2 hash of the password as a PHC string; not shown by `Debug`.
    pub password_hash: String,
    /// What the person may do; at least one.
    pub roles: Vec<Role>,
    /// Where the hash is written.
    pub place: Located<()>,
}

/// A program that may call. Two are equal wherever they are written.
#[derive(Clone, Debug)]
pub struct Token {
    /// What the log calls it.
    pub name: String,
    /// What the program has to know.
    pub source: TokenSource,
    /// What it may do; at least one.
    pub roles: Vec<Role>,
    /// Where the token is written.
    pub place: Located<()>,
}

/// What a program has to know to be let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenSource {
    /// A text that comes from elsewhere.
    Secret(SecretSource),
    /// A text with this SHA-256 sum.
    Sha256([u8; 32]),
}

/// What an account may do; each role may do what the ones before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Reads.
    Viewer,
    /// Acknowledges, snoozes, runs jobs.
    Operator,
    /// Changes how things are set up.
    Admin,
}

impl Listener {
    /// Whether both serve the same, wherever that is written.
    pub fn same_as(&self, other: &Self) -> bool {
        self.address == other.address && self.tls == other.tls && self.auth == other.auth
    }
}

impl User {
    /// The role that may do most.
    pub fn role(&self) -> Role {
        highest(&self.roles)
    }
}

impl Token {
    /// The role that may do most.
    pub fn role(&self) -> Role {
        highest(&self.roles)
    }
}

impl PartialEq for User {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
            && self.password_hash == other.password_hash
            && self.roles == other.roles
    }
}

impl Eq for User {}

impl PartialEq for Token {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.source == other.source && self.roles == other.roles
    }
}

impl Eq for Token {}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User")
            .field("name", &self.name)
            .field("roles", &self.roles)
            .finish_non_exhaustive()
    }
}

fn highest(roles: &[Role]) -> Role {
    roles.iter().copied().max().unwrap_or(Role::Viewer)
}
