#[cfg(test)]
mod tests;

use std::fmt;

use super::names;

/// How many numbers an identifier may have, as the protocol says.
pub(super) const ARCS_MAX: usize = 128;

/// The name of an object of an agent: `1.3.6.1.2.1.1.3.0`. In the order of a walk.
///
/// ```
/// use rem_check::Oid;
///
/// let uptime: Oid = "sysUpTime.0".parse()?;
/// assert_eq!(uptime.to_string(), "1.3.6.1.2.1.1.3.0");
/// # Ok::<(), rem_check::OidError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Oid(Box<[u32]>);

/// A text that is no object identifier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OidError {
    /// A name that is not among the known ones.
    #[error("not a known name of an object, write its number such as 1.3.6.1.2.1.1.3.0: {0}")]
    Name(String),
    /// Not numbers with points between them.
    #[error("not an object identifier such as 1.3.6.1.2.1.1.3.0: {0}")]
    Malformed(String),
}

impl Oid {
    /// The numbers.
    pub fn arcs(&self) -> &[u32] {
        &self.0
    }

    /// What comes behind `prefix`; `None` if this is not below it.
    pub(super) fn below(&self, prefix: &Self) -> Option<&[u32]> {
        self.0
            .strip_prefix(&*prefix.0)
            .filter(|rest| !rest.is_empty())
    }
}

impl From<Vec<u32>> for Oid {
    fn from(arcs: Vec<u32>) -> Self {
        Self(arcs.into())
    }
}

/// Numbers, a known name, or a name and numbers: `ifInOctets.3`.
impl std::str::FromStr for Oid {
    type Err = OidError;

    fn from_str(text: &str) -> Result<Self, OidError> {
        let malformed = || OidError::Malformed(text.chars().take(80).collect());
        let written = text.trim_start_matches('.');
        let is_name = written.starts_with(|first: char| first.is_ascii_alphabetic());
        let (mut arcs, numbers) = match is_name {
            false => (Vec::new(), Some(written)),
            true => {
                let (name, numbers) = match written.split_once('.') {
                    Some((name, numbers)) => (name, Some(numbers)),
                    None => (written, None),
                };
                let known = names::by_name(name);
                let known = known.ok_or_else(|| OidError::Name(name.chars().take(80).collect()))?;
                (known.arcs.to_vec(), numbers)
            }
        };
        for number in numbers.into_iter().flat_map(|numbers| numbers.split('.')) {
            let is_digits = number.bytes().all(|byte| byte.is_ascii_digit());
            let arc = number.parse().ok().filter(|_| is_digits);
            arcs.push(arc.ok_or_else(malformed)?);
        }
        let is_legal = match arcs[..] {
            [0 | 1, second, ..] => second < 40,
            [2, ..] => true,
            _ => false,
        };
        match is_legal && (2..=ARCS_MAX).contains(&arcs.len()) {
            true => Ok(Self(arcs.into())),
            false => Err(malformed()),
        }
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        dotted(&self.0, f)
    }
}

/// Numbers with points between them.
pub(super) fn dotted(arcs: &[u32], f: &mut impl fmt::Write) -> fmt::Result {
    for (index, arc) in arcs.iter().enumerate() {
        if index > 0 {
            f.write_char('.')?;
        }
        write!(f, "{arc}")?;
    }
    Ok(())
}
