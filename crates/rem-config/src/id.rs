use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use crate::name::{MachineName, MonitorName, PackageName};
use crate::scope::Scope;

#[cfg(test)]
mod tests;

/// Which monitor: machine, package and the monitor's name in it, such as
/// `web-01/apache/http`. Cheap to clone.
///
/// A monitor that looks from several places has one for each, such as
/// `web-01/apache/http@near`. A `/` or `%` within a name is written `%2F` or `%25`,
/// and a name that itself ends like a place has its `@` written `%40`, so that no two
/// monitors have one id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MonitorId(Arc<str>);

impl MonitorId {
    /// The id of a package's monitor on a machine.
    pub fn new(machine: &MachineName, package: &PackageName, monitor: &MonitorName) -> Self {
        Self(text(machine, package, monitor).into())
    }

    /// The same from one of several places.
    pub fn from_place(
        machine: &MachineName,
        package: &PackageName,
        monitor: &MonitorName,
        scope: Scope,
    ) -> Self {
        Self(format!("{}@{scope}", text(machine, package, monitor)).into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Maps by id are asked with text.
impl Borrow<str> for MonitorId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MonitorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

fn text(machine: &MachineName, package: &PackageName, monitor: &MonitorName) -> String {
    let [machine, package, mut monitor] =
        [machine.as_str(), package.as_str(), monitor.as_str()].map(escape);
    let scopes = [Scope::Local, Scope::Near, Scope::Far];
    if let Some((name, place)) = monitor.rsplit_once('@')
        && scopes.iter().any(|scope| scope.as_str() == place)
    {
        monitor = format!("{name}%40{place}");
    }
    format!("{machine}/{package}/{monitor}")
}

pub(crate) fn escape(name: &str) -> String {
    name.replace('%', "%25").replace('/', "%2F")
}
