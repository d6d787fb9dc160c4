use std::fmt;
use std::sync::Arc;

use rem_config::Scope;

use crate::plan::Planned;

/// Who found out what a result says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SeenBy {
    /// The host the monitor runs on, where the file names no observer.
    Here(Option<Scope>),
    /// An observer of the file.
    Observer(Arc<str>, Option<Scope>),
    /// Whoever pushed the result, if anybody said who that was.
    Pushed(Option<Arc<str>>),
    /// Nobody: a result that should have come did not.
    Nobody,
    /// An earlier run of the process, which did not keep it.
    #[default]
    Forgotten,
}

impl SeenBy {
    /// Whoever looks for a monitor that is not passive.
    pub(crate) fn of(plan: &Planned) -> Self {
        match &plan.observer {
            Some(observer) => Self::Observer(Arc::clone(observer.name()), plan.monitor.scope),
            None => Self::Here(plan.monitor.scope),
        }
    }

    /// The name of the observer, or the one that whoever pushed it gave.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Observer(name, _) => Some(name),
            Self::Pushed(name) => name.as_deref(),
            Self::Here(_) | Self::Nobody | Self::Forgotten => None,
        }
    }

    /// From how far away it was seen, where somebody looked.
    pub fn scope(&self) -> Option<Scope> {
        match self {
            Self::Here(scope) | Self::Observer(_, scope) => *scope,
            Self::Pushed(_) | Self::Nobody | Self::Forgotten => None,
        }
    }
}

/// In words: `this host`, `lab-b (far)`, `pushed by nightly.sh`; nothing where nobody
/// knows.
impl fmt::Display for SeenBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Here(None | Some(Scope::Local)) => f.write_str("this host"),
            Self::Here(Some(scope)) => write!(f, "this host ({scope})"),
            Self::Observer(name, None) => f.write_str(name),
            Self::Observer(name, Some(scope)) => write!(f, "{name} ({scope})"),
            Self::Pushed(Some(name)) => write!(f, "pushed by {name}"),
            Self::Pushed(None) => f.write_str("pushed"),
            Self::Nobody => f.write_str("nobody"),
            Self::Forgotten => Ok(()),
        }
    }
}
