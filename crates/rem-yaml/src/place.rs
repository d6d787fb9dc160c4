use std::fmt;
use std::sync::Arc;

/// Where something is written: file, line and column, both counted from 1.
///
/// Displayed as `file:line:column`, which editors and terminals make clickable.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The file as the operator named it.
    pub file: Arc<str>,
    /// The line, from 1; 0 where the whole file is meant.
    pub line: u32,
    /// The column in characters, from 1; 0 where the whole file is meant.
    pub column: u32,
}

impl Place {
    /// A place within a file.
    pub fn new(file: impl Into<Arc<str>>, line: u32, column: u32) -> Self {
        Self {
            file: file.into(),
            line,
            column,
        }
    }

    /// The file as a whole.
    pub fn whole_file(file: impl Into<Arc<str>>) -> Self {
        Self::new(file, 0, 0)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}", self.file),
            line => write!(f, "{}:{line}:{}", self.file, self.column),
        }
    }
}
