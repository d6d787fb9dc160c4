use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use rem_time::Span;
use serde_json::{Value, json};

use crate::{Error, Result};

#[cfg(test)]
mod tests;

/// How pushed numbers become the values of a series.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// The number itself: a temperature, a load.
    #[default]
    Gauge,
    /// A counter that only grows, kept as its rate per second; a smaller number
    /// is taken for a 32 or 64 bit wrap.
    Counter,
    /// A number kept as its change per second, up or down.
    Derive,
    /// A counter that starts from zero at each reading, kept as its rate per second.
    Absolute,
}

/// How several values become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Consolidation {
    /// The mean of the known ones.
    #[default]
    Average,
    /// The smallest.
    Min,
    /// The largest.
    Max,
    /// The newest.
    Last,
}

/// One field of a series, such as `rx` of an interface.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Field {
    /// How pushed numbers become values.
    pub kind: Kind,
    /// What one is, such as `ms`; shown, never computed with.
    pub unit: Option<String>,
    /// Values below are unknown.
    pub min: Option<f64>,
    /// Values above are unknown.
    pub max: Option<f64>,
    /// The longest silence that is still bridged; two steps where it is `None`.
    pub heartbeat: Option<Span>,
}

/// One ring of rows in a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Archive {
    /// How the steps of a row become its value.
    pub consolidation: Consolidation,
    /// Steps in a row.
    pub steps: u32,
    /// Rows kept.
    pub rows: u32,
    /// The share of a row's steps that may be unknown, from 0 to below 1.
    pub unknown_share: f64,
}

/// What is known about a series beyond its samples. Everything is optional, and
/// may come later: a file that exists is altered without losing its history.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Declaration {
    /// Fields by name. A field that is not here is a gauge without limits.
    pub fields: BTreeMap<String, Field>,
    /// The rings of rows; [`default_archives`] where it is `None`.
    pub archives: Option<Vec<Archive>>,
}

/// 86,400 single steps, then about a week of ten-step averages, maxima and
/// minima and 8,544 rows of sixty steps: with a step of a minute 60 days, 7 days and
/// 356 days. A file takes 784 KB a field.
pub fn default_archives() -> Vec<Archive> {
    use Consolidation::{Average, Max, Min};
    [
        (Average, 1, 86_400),
        (Average, 10, 1_008),
        (Max, 10, 1_008),
        (Min, 10, 1_008),
        (Average, 60, 8_544),
    ]
    .map(|(consolidation, steps, rows)| Archive {
        consolidation,
        steps,
        rows,
        unknown_share: 0.5,
    })
    .to_vec()
}

impl Kind {
    /// RRD's word, such as `GAUGE`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gauge => "GAUGE",
            Self::Counter => "COUNTER",
            Self::Derive => "DERIVE",
            Self::Absolute => "ABSOLUTE",
        }
    }
}

impl Consolidation {
    /// RRD's word, such as `AVERAGE`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Average => "AVERAGE",
            Self::Min => "MIN",
            Self::Max => "MAX",
            Self::Last => "LAST",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for Consolidation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Kind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        [Self::Gauge, Self::Counter, Self::Derive, Self::Absolute]
            .into_iter()
            .find(|kind| kind.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| Error::Declaration {
                what: format!("unknown type, use GAUGE, COUNTER, DERIVE or ABSOLUTE: {text}"),
            })
    }
}

impl FromStr for Consolidation {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        [Self::Average, Self::Min, Self::Max, Self::Last]
            .into_iter()
            .find(|function| function.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| Error::Declaration {
                what: format!("unknown consolidation, use AVERAGE, MIN, MAX or LAST: {text}"),
            })
    }
}

impl Field {
    /// A gauge without limits.
    pub fn gauge() -> Self {
        Self::default()
    }

    /// A field of that kind, without limits.
    pub fn of(kind: Kind) -> Self {
        Self {
            kind,
            ..Self::default()
        }
    }
}

impl Archive {
    /// A ring of `rows` rows of `steps` steps each, of which half may be unknown.
    pub const fn new(consolidation: Consolidation, steps: u32, rows: u32) -> Self {
        Self {
            consolidation,
            steps,
            rows,
            unknown_share: 0.5,
        }
    }
}

impl Declaration {
    /// The same with one more field.
    #[must_use]
    pub fn field(mut self, name: &str, field: Field) -> Self {
        self.fields.insert(name.into(), field);
        self
    }

    /// The same with these archives.
    #[must_use]
    pub fn archives(mut self, archives: Vec<Archive>) -> Self {
        self.archives = Some(archives);
        self
    }

    /// Whether nothing is declared.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.archives.is_none()
    }

    /// Lays `newer` over this one: its fields and archives win.
    pub(crate) fn refine(&mut self, newer: &Self) {
        for (name, field) in &newer.fields {
            self.fields.insert(name.clone(), field.clone());
        }
        if let Some(archives) = &newer.archives {
            self.archives = Some(archives.clone());
        }
    }

    pub(crate) fn check(&self) -> Result<()> {
        let wrong = |what: String| Err(Error::Declaration { what });
        for (name, field) in &self.fields {
            if name.is_empty() {
                return Err(Error::EmptyName { what: "field" });
            }
            let limits = [field.min, field.max];
            if limits.iter().flatten().any(|limit| !limit.is_finite()) {
                return wrong(format!("a limit of field {name} is not a number"));
            }
            if let (Some(min), Some(max)) = (field.min, field.max)
                && min >= max
            {
                return wrong(format!("field {name}: min {min} is not below max {max}"));
            }
            if field.heartbeat.is_some_and(|span| span.as_seconds() == 0) {
                return wrong(format!("field {name}: a heartbeat is at least 1s"));
            }
        }
        let Some(archives) = &self.archives else {
            return Ok(());
        };
        if archives.is_empty() {
            return wrong("a series needs at least one archive".into());
        }
        for archive in archives {
            if archive.steps == 0 || archive.rows == 0 {
                return wrong("an archive has at least one step a row and one row".into());
            }
            if !(0.0..1.0).contains(&archive.unknown_share) {
                return wrong(format!(
                    "the unknown share of an archive is from 0 to below 1: {}",
                    archive.unknown_share
                ));
            }
        }
        Ok(())
    }

    pub(crate) fn to_json(&self) -> Value {
        let fields: serde_json::Map<String, Value> = self
            .fields
            .iter()
            .map(|(name, field)| (name.clone(), field.to_json()))
            .collect();
        let archives = self.archives.as_ref().map(|archives| {
            archives
                .iter()
                .map(|a| json!([a.consolidation.as_str(), a.steps, a.rows, a.unknown_share]))
                .collect::<Vec<_>>()
        });
        json!({ "fields": fields, "archives": archives })
    }

    /// Reads what [`to_json`](Self::to_json) wrote; what cannot be read is left out.
    pub(crate) fn from_json(value: &Value) -> Self {
        let fields = value["fields"].as_object().into_iter().flatten();
        let archives = value["archives"].as_array().map(|archives| {
            let archives = archives.iter().filter_map(archive_from_json);
            archives.collect::<Vec<_>>()
        });
        Self {
            fields: fields
                .map(|(name, field)| (name.clone(), Field::from_json(field)))
                .collect(),
            archives: archives.filter(|archives| !archives.is_empty()),
        }
    }
}

impl Field {
    fn to_json(&self) -> Value {
        json!({
            "kind": self.kind.as_str(),
            "unit": self.unit,
            "min": self.min,
            "max": self.max,
            "heartbeat": self.heartbeat.map(Span::as_seconds),
        })
    }

    fn from_json(value: &Value) -> Self {
        Self {
            kind: value["kind"]
                .as_str()
                .and_then(|kind| kind.parse().ok())
                .unwrap_or_default(),
            unit: value["unit"].as_str().map(Into::into),
            min: value["min"].as_f64(),
            max: value["max"].as_f64(),
            heartbeat: value["heartbeat"].as_u64().map(Span::from_seconds),
        }
    }
}

fn archive_from_json(value: &Value) -> Option<Archive> {
    let count = |at: usize| u32::try_from(value[at].as_u64()?).ok();
    Some(Archive {
        consolidation: value[0].as_str()?.parse().ok()?,
        steps: count(1)?,
        rows: count(2)?,
        unknown_share: value[3].as_f64()?,
    })
}
