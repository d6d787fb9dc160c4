use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// Characters of one name.
pub const NAME_CHARS_MAX: usize = 128;

/// Why a text cannot be a name.
pub(crate) fn refusal(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        Some("a name is empty")
    } else if text.chars().count() > NAME_CHARS_MAX {
        Some("a name is longer than 128 characters")
    } else if text.chars().any(char::is_control) {
        Some("a name contains a line break or another control character")
    } else if text.trim() != text {
        Some("a name starts or ends with a space")
    } else if text.contains(['{', '}']) {
        Some("a name contains a brace, which would read as something to fill in")
    } else if text.starts_with('_') {
        Some("names that start with _ are reserved")
    } else if matches!(text, "." | "..") {
        Some("the names . and .. are reserved")
    } else {
        None
    }
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        ///
        /// Any text of up to [`NAME_CHARS_MAX`] characters without control
        /// characters, braces, outer spaces or a leading `_`; slashes, spaces and
        /// quotes are fine. Cheap to clone.
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name, if the text can be one.
            ///
            /// # Errors
            /// Why it cannot.
            pub fn new(text: &str) -> Result<Self, &'static str> {
                refusal(text).map_or_else(|| Ok(Self(text.into())), Err)
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl Name for $name {
            fn named(text: &str) -> Result<Self, &'static str> {
                Self::new(text)
            }
        }
    )*};
}

/// What all names have in common, for reading them.
pub(crate) trait Name:
    Sized + Clone + fmt::Display + Borrow<str> + std::hash::Hash + Eq
{
    /// The name, if the text can be one.
    fn named(text: &str) -> Result<Self, &'static str>;
}

names! {
    /// The name of this installation.
    SiteName;
    /// The name of a machine.
    MachineName;
    /// The name of a package.
    PackageName;
    /// The name of a monitor within its package.
    MonitorName;
    /// The name of an interface within its package.
    InterfaceName;
    /// The name of a service.
    ServiceName;
    /// The name of a deployment within its service.
    DeploymentName;
    /// The name of a vantage point.
    ObserverName;
    /// The name of a thing that is no machine and that others depend on.
    NodeName;
    /// The name of an alert.
    AlertName;
    /// The name of a role that people are on call in.
    RoleName;
    /// The name of a person.
    UserName;
    /// The name of a job.
    JobName;
}
