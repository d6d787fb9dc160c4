use std::ops::Range;

/// What a family of samples is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// It only grows until its process starts anew.
    Counter,
    /// A state.
    Gauge,
    /// Counts of values by size, with their sum and number.
    Histogram,
    /// A histogram of states, which may shrink.
    GaugeHistogram,
    /// Quantiles, with sum and number.
    Summary,
    /// Texts in labels; its value is 1.
    Info,
    /// One of several states is 1, the others 0.
    StateSet,
    /// It was not declared, or as `untyped`.
    Unknown,
}

impl Type {
    pub(super) fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "counter" => Self::Counter,
            "gauge" => Self::Gauge,
            "histogram" => Self::Histogram,
            "gaugehistogram" => Self::GaugeHistogram,
            "summary" => Self::Summary,
            "info" => Self::Info,
            "stateset" => Self::StateSet,
            "unknown" | "untyped" => Self::Unknown,
            _ => return None,
        })
    }
}

/// What a sample is within its family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The value itself; of a summary a quantile.
    Value,
    /// How many were counted up to a bound.
    Bucket,
    /// How many there were.
    Count,
    /// Their sum.
    Sum,
    /// When counting began.
    Created,
}

impl Part {
    /// `None` if a family of this type has no sample with this suffix.
    pub(super) fn of(family: Type, suffix: &str) -> Option<Self> {
        let has_buckets = matches!(family, Type::Histogram | Type::GaugeHistogram);
        let has_sum = has_buckets || family == Type::Summary;
        match suffix {
            "" => Some(Self::Value),
            "_total" if family == Type::Counter => Some(Self::Value),
            "_info" if family == Type::Info => Some(Self::Value),
            "_bucket" if has_buckets => Some(Self::Bucket),
            "_count" | "_gcount" if has_sum => Some(Self::Count),
            "_sum" | "_gsum" if has_sum => Some(Self::Sum),
            "_created" if has_sum || family == Type::Counter => Some(Self::Created),
            _ => None,
        }
    }
}

/// Where things are in a line; used again for the next one.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    pub(super) name: Place,
    pub(super) labels: Vec<(Place, Place)>,
    pub(super) value: f64,
    pub(super) at: Option<f64>,
    /// Texts that are not in the line as they are, because of escapes.
    pub(super) unescaped: String,
}

/// A text: in the line, or among the unescaped ones.
#[derive(Clone, Debug)]
pub(super) enum Place {
    Line(Range<usize>),
    Unescaped(Range<usize>),
}

impl Default for Place {
    fn default() -> Self {
        Self::Line(0..0)
    }
}

impl Parsed {
    pub(super) fn name<'a>(&'a self, line: &'a str) -> &'a str {
        self.text(line, &self.name)
    }

    pub(super) fn text<'a>(&'a self, line: &'a str, place: &Place) -> &'a str {
        let (text, range) = match place {
            Place::Line(range) => (line, range),
            Place::Unescaped(range) => (self.unescaped.as_str(), range),
        };
        text.get(range.clone()).unwrap_or_default()
    }
}

/// One number, as an exporter said it.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    line: &'a str,
    parsed: &'a Parsed,
    family: Type,
    part: Part,
    unit: Option<&'a str>,
}

impl<'a> Sample<'a> {
    pub(super) fn new(
        line: &'a str,
        parsed: &'a Parsed,
        family: Type,
        part: Part,
        unit: Option<&'a str>,
    ) -> Self {
        Self {
            line,
            parsed,
            family,
            part,
            unit,
        }
    }

    /// The sample's name, suffix included: `node_cpu_seconds_total`.
    pub fn name(&self) -> &'a str {
        self.parsed.name(self.line)
    }

    /// Names and values, in the order they were written, without escapes.
    pub fn labels(&self) -> impl ExactSizeIterator<Item = (&'a str, &'a str)> + use<'a> {
        let (line, parsed) = (self.line, self.parsed);
        let labels = parsed.labels.iter();
        labels.map(move |(name, value)| (parsed.text(line, name), parsed.text(line, value)))
    }

    /// May be infinite or not a number.
    pub fn value(&self) -> f64 {
        self.parsed.value
    }

    /// When it was measured, in seconds since 1970, if the exporter says so.
    pub fn at(&self) -> Option<f64> {
        self.parsed.at
    }

    /// What its family was declared as.
    pub fn family(&self) -> Type {
        self.family
    }

    /// What it is in its family.
    pub fn part(&self) -> Part {
        self.part
    }

    /// The unit that its family was declared to have.
    pub fn unit(&self) -> Option<&'a str> {
        self.unit
    }

    /// Whether it only grows until its process starts anew.
    pub fn is_counter(&self) -> bool {
        match (self.family, self.part) {
            (_, Part::Created) => false,
            (Type::Counter, _) => true,
            (Type::Histogram, _) => true,
            (Type::Summary, part) => part != Part::Value,
            (
                Type::Gauge | Type::GaugeHistogram | Type::Info | Type::StateSet | Type::Unknown,
                _,
            ) => false,
        }
    }
}
