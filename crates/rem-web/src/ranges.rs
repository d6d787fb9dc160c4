use rem_time::Span;

/// How far back the graphs of a page look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Range {
    #[default]
    Hour,
    Day,
    Week,
}

impl Range {
    pub(crate) const ALL: [Self; 3] = [Self::Hour, Self::Day, Self::Week];

    /// As it stands in an address: `1h`, `1d`, `1w`.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Hour => "1h",
            Self::Day => "1d",
            Self::Week => "1w",
        }
    }

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Hour => "1 hour",
            Self::Day => "1 day",
            Self::Week => "1 week",
        }
    }

    pub(crate) fn span(self) -> Span {
        match self {
            Self::Hour => Span::from_seconds(3_600),
            Self::Day => Span::from_seconds(86_400),
            Self::Week => Span::from_seconds(7 * 86_400),
        }
    }

    pub(crate) fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|range| range.key() == key)
    }
}
