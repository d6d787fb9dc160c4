use std::num::NonZeroU16;

use rem_time::Span;
use rem_yaml::SecretSource;

use crate::contact::Text;
use crate::host::Host;

use super::Family;

/// Values of a device, asked for over SNMP.
#[derive(Clone, Debug, PartialEq)]
pub struct SnmpCheck {
    /// Who is asked; the machine's address unless told.
    pub address: Host,
    /// The port; 161 unless told.
    pub port: NonZeroU16,
    /// Which version, and who is asking.
    pub version: SnmpVersion,
    /// Which sort of address, where a name has both.
    pub family: Option<Family>,
    /// Single values.
    pub get: Vec<SnmpObject>,
    /// Tables, each row of which is a group of readings.
    pub tables: Vec<SnmpTable>,
    /// How long an answer is waited for before asking again; 1 s unless told.
    pub wait: Span,
    /// How often to ask again; 2 unless told.
    pub tries: u32,
    /// Rows asked for at once; 20 unless told.
    pub repetitions: NonZeroU16,
}

/// A version of SNMP, and who is asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnmpVersion {
    /// Version 1 with its community.
    V1(Text),
    /// Version 2c with its community.
    V2c(Text),
    /// Version 3.
    V3(SnmpUser),
}

/// A user of SNMP version 3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnmpUser {
    /// The name.
    pub name: String,
    /// How messages are signed; not at all without.
    pub auth: Option<(SnmpAuth, SecretSource)>,
    /// How messages are encrypted; not at all without. Never without `auth`.
    pub privacy: Option<(SnmpPrivacy, SecretSource)>,
    /// The context, where the device has several.
    pub context: Option<String>,
}

/// How SNMP version 3 signs messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SnmpAuth {
    /// HMAC-MD5.
    Md5,
    /// HMAC-SHA-1.
    Sha1,
    /// HMAC-SHA-224.
    Sha224,
    /// HMAC-SHA-256.
    Sha256,
    /// HMAC-SHA-384.
    Sha384,
    /// HMAC-SHA-512.
    Sha512,
}

/// How SNMP version 3 encrypts messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SnmpPrivacy {
    /// DES.
    Des,
    /// AES with 128 bits.
    Aes128,
    /// AES with 192 bits.
    Aes192,
    /// AES with 256 bits.
    Aes256,
    /// AES with 192 bits and keys as Cisco makes them.
    Aes192Cisco,
    /// AES with 256 bits and keys as Cisco makes them.
    Aes256Cisco,
}

/// One object of a device, and the field its number is recorded as.
#[derive(Clone, Debug, PartialEq)]
pub struct SnmpObject {
    /// The reading's field.
    pub field: String,
    /// `1.3.6.1.2.1.1.3.0`, or a name such as `sysUpTime.0`; in a table the column,
    /// without an index. Which names there are is known where it is asked for.
    pub object: String,
    /// What it counts, where the file says.
    pub unit: Option<String>,
    /// What one of the device's is in that unit, where the file says.
    pub factor: Option<f64>,
}

/// A table: every row is a group of readings.
#[derive(Clone, Debug, PartialEq)]
pub struct SnmpTable {
    /// Its name in messages.
    pub name: String,
    /// What is read of each row.
    pub columns: Vec<SnmpObject>,
    /// The column that says what a row is called; its index unless told.
    pub label: Option<String>,
    /// Patterns with `*` and `?`: only rows with such a label. Empty is all.
    pub only: Vec<String>,
    /// Patterns: not these.
    pub without: Vec<String>,
    /// How many rows are read at most; 10,000 unless told.
    pub rows_max: u32,
}
