#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

/// The status codes that are good, as a list of codes and ranges.
///
/// ```
/// use rem_check::StatusRanges;
///
/// let good: StatusRanges = "200-299, 404".parse()?;
/// assert!(good.contain(204) && good.contain(404) && !good.contain(301));
/// assert_eq!(good.to_string(), "200-299, 404");
/// # Ok::<(), rem_check::StatusRangesError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusRanges(Vec<(u16, u16)>);

/// Not a list of status codes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a list of status codes such as 200-299, 404: {0}")]
pub struct StatusRangesError(String);

impl StatusRanges {
    /// 200 to 299.
    pub fn success() -> Self {
        Self(vec![(200, 299)])
    }

    /// Whether `status` is among them.
    pub fn contain(&self, status: u16) -> bool {
        self.0
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&status))
    }
}

impl FromStr for StatusRanges {
    type Err = StatusRangesError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let code = |word: &str| {
            let code = word.trim().parse::<u16>().ok();
            code.filter(|code| (100..=999).contains(code))
        };
        let range = |part: &str| match part.split_once('-') {
            None => code(part).map(|code| (code, code)),
            Some((first, last)) => code(first)
                .zip(code(last))
                .filter(|(first, last)| first <= last),
        };
        let ranges: Option<Vec<(u16, u16)>> = text.split(',').map(range).collect();
        match ranges {
            Some(ranges) => Ok(Self(ranges)),
            None => Err(StatusRangesError(text.to_owned())),
        }
    }
}

impl fmt::Display for StatusRanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (first, last)) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            match first == last {
                true => write!(f, "{comma}{first}")?,
                false => write!(f, "{comma}{first}-{last}")?,
            }
        }
        Ok(())
    }
}
