use std::fmt;

#[cfg(test)]
mod tests;

/// The HTTP status codes that are good: codes from 100 to 599 and ranges of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusCodes(Vec<(u16, u16)>);

impl StatusCodes {
    /// 200 to 299.
    pub fn success() -> Self {
        Self(vec![(200, 299)])
    }

    /// Whether a code is among them.
    pub fn contains(&self, code: u16) -> bool {
        self.ranges()
            .any(|(first, last)| (first..=last).contains(&code))
    }

    /// First and last code of each range.
    pub fn ranges(&self) -> impl Iterator<Item = (u16, u16)> {
        self.0.iter().copied()
    }

    pub(crate) const fn new(ranges: Vec<(u16, u16)>) -> Self {
        Self(ranges)
    }

    /// `200` or `200-299`.
    pub(crate) fn range(text: &str) -> Result<(u16, u16), String> {
        let code = |text: &str| {
            let code: u16 = text.trim().parse().ok()?;
            (100..=599).contains(&code).then_some(code)
        };
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        match (code(first), code(last)) {
            (Some(first), Some(last)) if first <= last => Ok((first, last)),
            (Some(first), Some(last)) => Err(format!(
                "the range {first}-{last} is empty: its end is below its start"
            )),
            _ => Err(format!(
                "expected a status code from 100 to 599 or a range such as 200-299, found {text}"
            )),
        }
    }
}

impl fmt::Display for StatusCodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (first, last)) in self.ranges().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            match first == last {
                true => write!(f, "{comma}{first}")?,
                false => write!(f, "{comma}{first}-{last}")?,
            }
        }
        Ok(())
    }
}
