use std::path::PathBuf;
use std::sync::Arc;

use rem_time::Span;
use rem_yaml::Node;

use crate::contact::Text;

/// A procblock run list.
#[derive(Clone, Debug, PartialEq)]
pub struct RunCheck {
    /// The list as it is written; its scripts exist.
    pub run: Arc<Node>,
    /// The folder of the file it is written in, which its paths are relative to.
    pub folder: PathBuf,
}

/// A Nagios plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginCheck {
    /// The program and its arguments; no shell in between.
    pub command: Vec<String>,
    /// Its environment beside `PATH`.
    pub environment: Vec<(String, Text)>,
    /// The folder of the file it is written in, where it runs.
    pub folder: PathBuf,
    /// What an end means that no plugin should have.
    pub compat: PluginCompat,
}

/// What it means that a plugin ended as no plugin should.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PluginCompat {
    /// Nobody knows: unknown.
    #[default]
    Unknown,
    /// Critical, as Nagios has it.
    Nagios,
}

/// Results that others push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassiveCheck {
    /// How long a result is good for that does not say so itself.
    pub fresh: Span,
}

/// Units of systemd on the machine itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitsCheck {
    /// Names, and patterns with `*`; every unit, none of which may have failed, where
    /// it is empty.
    pub units: Vec<String>,
}

/// Processes of the machine itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessesCheck {
    /// The name.
    pub name: Option<String>,
    /// A regular expression on the command line.
    pub pattern: Option<String>,
    /// The user, by name or number.
    pub user: Option<String>,
    /// How many there are at least; 1 unless told.
    pub min: u64,
    /// How many there are at most.
    pub max: Option<u64>,
}

/// New lines of a log file of the machine itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogCheck {
    /// The file that is written to now.
    pub path: PathBuf,
    /// What to look for; at least one thing, each of another name.
    pub patterns: Vec<LogPattern>,
    /// Whether the first look starts at the beginning of the file.
    pub from_start: bool,
    /// Bytes read in one look at most, where the file says.
    pub read_max: Option<u64>,
    /// Bytes of a line that are looked at, where the file says.
    pub line_max: Option<u64>,
}

/// One thing to look for in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPattern {
    /// Its name: the group of its readings.
    pub name: String,
    /// A regular expression that a line has to match.
    pub pattern: String,
    /// One that it must not match.
    pub except: Option<String>,
    /// How bad such a line is.
    pub verdict: LogVerdict,
}

/// How bad a line of a log is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LogVerdict {
    /// It only counts.
    Ok,
    /// A warning.
    Warning,
    /// Critical.
    #[default]
    Critical,
}
