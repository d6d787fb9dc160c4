use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use parking_lot::RwLock;
use rem_alert::level::StateValue;
use rem_config::{MachineName, PackageName, ServiceName};

#[cfg(test)]
mod tests;

/// What a state belongs to.
///
/// Written `package:web-01/apache`, `machine:web-01`, `service:web`, `site`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StateOwner {
    /// A package on a machine.
    Package(MachineName, PackageName),
    /// A machine.
    Machine(MachineName),
    /// A service.
    Service(ServiceName),
    /// The whole site.
    Site,
}

impl fmt::Display for StateOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Package(machine, package) => write!(f, "package:{machine}/{package}"),
            Self::Machine(machine) => write!(f, "machine:{machine}"),
            Self::Service(service) => write!(f, "service:{service}"),
            Self::Site => f.write_str("site"),
        }
    }
}

/// The states that levels set, by owner and name. Whoever asks sees the newest value.
#[derive(Debug, Default)]
pub(crate) struct States {
    values: RwLock<HashMap<StateOwner, HashMap<Arc<str>, StateValue>>>,
}

impl States {
    /// Sets a state, or makes it unknown; says whether that is news.
    pub(crate) fn set(
        &self,
        owner: &StateOwner,
        name: &Arc<str>,
        value: Option<&StateValue>,
    ) -> bool {
        let mut values = self.values.write();
        match value {
            Some(value) => {
                let of_owner = values.entry(owner.clone()).or_default();
                of_owner.insert(Arc::clone(name), value.clone()).as_ref() != Some(value)
            }
            None => values
                .get_mut(owner)
                .is_some_and(|of_owner| of_owner.remove(name).is_some()),
        }
    }

    /// The state of that name of the first owner that has one. A name such as
    /// `machine:web-01/busy` says its owner itself.
    pub(crate) fn get(&self, owners: &[StateOwner], name: &str) -> Option<StateValue> {
        let values = self.values.read();
        let near = owners
            .iter()
            .find_map(|owner| values.get(owner)?.get(name).cloned());
        near.or_else(|| {
            let (owner, name) = owned(name)?;
            values.get(&owner)?.get(name).cloned()
        })
    }

    /// Every state, in order.
    pub(crate) fn all(&self) -> Vec<(StateOwner, Arc<str>, StateValue)> {
        let values = self.values.read();
        let mut all: Vec<_> = values
            .iter()
            .flat_map(|(owner, states)| {
                let of_owner = |(name, value): (&Arc<str>, &StateValue)| {
                    (owner.clone(), Arc::clone(name), value.clone())
                };
                states.iter().map(of_owner)
            })
            .collect();
        all.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
        all
    }
}

/// `machine:web-01/busy` in its two parts.
fn owned(text: &str) -> Option<(StateOwner, &str)> {
    let (kind, rest) = text.split_once(':')?;
    let (owner, name) = rest.rsplit_once('/').unwrap_or(("", rest));
    let owner = match kind {
        "package" => {
            let (machine, package) = owner.split_once('/')?;
            StateOwner::Package(
                MachineName::new(machine).ok()?,
                PackageName::new(package).ok()?,
            )
        }
        "machine" => StateOwner::Machine(MachineName::new(owner).ok()?),
        "service" => StateOwner::Service(ServiceName::new(owner).ok()?),
        "site" => StateOwner::Site,
        _ => return None,
    };
    Some((owner, name))
}

/// The name of the series that holds a state over time.
pub(crate) fn state_series(owner: &StateOwner, name: &str) -> String {
    format!(
        "state/{owner}/{}",
        name.replace('%', "%25").replace('/', "%2F")
    )
}
