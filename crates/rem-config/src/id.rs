use std::fmt;
use std::sync::Arc;

use crate::name::{MachineName, MonitorName, PackageName};

#[cfg(test)]
mod tests;

/// Which monitor: machine, package and the monitor's name in it, such as
/// `web-01/apache/http`. Cheap to clone.
///
/// A `/` or `%` within a name is written `%2F` or `%25`, so that no two monitors
/// have one id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MonitorId(Arc<str>);

impl MonitorId {
    /// The id of a package's monitor on a machine.
    pub fn new(machine: &MachineName, package: &PackageName, monitor: &MonitorName) -> Self {
        let [machine, package, monitor] =
            [machine.as_str(), package.as_str(), monitor.as_str()].map(escape);
        Self(format!("{machine}/{package}/{monitor}").into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MonitorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

fn escape(name: &str) -> String {
    name.replace('%', "%25").replace('/', "%2F")
}
