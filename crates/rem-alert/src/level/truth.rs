use std::fmt;

/// Yes, no, or not known: the logic of Kleene. `Unknown` is what a missing value
/// makes of a comparison; it goes away only where the other side decides alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Truth {
    /// It is not so.
    False,
    /// Nobody can tell.
    #[default]
    Unknown,
    /// It is so.
    True,
}

impl Truth {
    /// Whether it is certainly so.
    pub const fn is_true(self) -> bool {
        matches!(self, Self::True)
    }

    /// Whether it is certainly not so.
    pub const fn is_false(self) -> bool {
        matches!(self, Self::False)
    }

    /// Whether it is known at all.
    pub const fn is_known(self) -> bool {
        !matches!(self, Self::Unknown)
    }

    /// False if either is false, else unknown if either is unknown.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::False, _) | (_, Self::False) => Self::False,
            (Self::True, Self::True) => Self::True,
            _ => Self::Unknown,
        }
    }

    /// True if either is true, else unknown if either is unknown.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::True, _) | (_, Self::True) => Self::True,
            (Self::False, Self::False) => Self::False,
            _ => Self::Unknown,
        }
    }
}

impl std::ops::Not for Truth {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::False => Self::True,
            Self::Unknown => Self::Unknown,
            Self::True => Self::False,
        }
    }
}

impl From<bool> for Truth {
    fn from(known: bool) -> Self {
        match known {
            true => Self::True,
            false => Self::False,
        }
    }
}

impl From<Option<bool>> for Truth {
    fn from(known: Option<bool>) -> Self {
        known.map_or(Self::Unknown, Self::from)
    }
}

impl fmt::Display for Truth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::False => "false",
            Self::Unknown => "unknown",
            Self::True => "true",
        })
    }
}
