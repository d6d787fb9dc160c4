use rem_time::Span;

/// How the numbers of one field become a series; what is not said is decided by
/// whoever stores them.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// The field, as the check or script names it.
    pub field: String,
    /// How pushed numbers become values.
    pub kind: Option<SeriesKind>,
    /// What one is, such as `ms`; shown, never computed with.
    pub unit: Option<String>,
    /// Values below are unknown.
    pub min: Option<f64>,
    /// Values above are unknown.
    pub max: Option<f64>,
    /// The longest silence that is still bridged.
    pub heartbeat: Option<Span>,
}

/// How the numbers of a series become values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeriesKind {
    /// The number itself: a temperature, a load.
    Gauge,
    /// A counter that only grows, kept as its rate per second.
    Counter,
    /// A number kept as its change per second, up or down.
    Derive,
    /// A counter that starts from zero at each reading, kept as its rate per second.
    Absolute,
}

impl SeriesKind {
    /// As it is written: `GAUGE`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gauge => "GAUGE",
            Self::Counter => "COUNTER",
            Self::Derive => "DERIVE",
            Self::Absolute => "ABSOLUTE",
        }
    }
}
