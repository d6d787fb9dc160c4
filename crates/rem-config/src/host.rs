use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

#[cfg(test)]
mod tests;

/// The address of a machine: an IP address or a DNS name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// An IP address.
    Ip(IpAddr),
    /// A DNS name, not looked up.
    Name(Arc<str>),
}

impl Host {
    /// The host a text names.
    ///
    /// # Errors
    /// Why it names none.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if let Ok(ip) = text.trim_start_matches('[').trim_end_matches(']').parse() {
            return Ok(Self::Ip(ip));
        }
        let name = text.strip_suffix('.').unwrap_or(text);
        let numeric_end = name
            .rsplit('.')
            .next()
            .is_some_and(|label| label.bytes().all(|b| b.is_ascii_digit()));
        if name.is_empty() {
            Err("it is empty")
        } else if text.contains("://") || text.contains('/') {
            Err("it is a URL or a path, not a host")
        } else if text.contains(':') {
            Err("a host has no port; the port belongs to the interface or the monitor")
        } else if numeric_end {
            Err("it is neither an IP address nor a DNS name")
        } else if name.len() > 253 || name.split('.').any(|label| !is_label(label)) {
            Err("a DNS name is made of letters, digits, dots and hyphens")
        } else {
            Ok(Self::Name(text.into()))
        }
    }

    /// As it stands in a URL: an IPv6 address in brackets.
    pub fn in_url(&self) -> String {
        match self {
            Self::Ip(IpAddr::V6(ip)) => format!("[{ip}]"),
            Self::Ip(IpAddr::V4(_)) | Self::Name(_) => self.to_string(),
        }
    }

    /// An address that no real machine has, to try things with.
    pub(crate) const fn example() -> Self {
        Self::Ip(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)))
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(ip) => ip.fmt(f),
            Self::Name(name) => f.pad(name),
        }
    }
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
}
