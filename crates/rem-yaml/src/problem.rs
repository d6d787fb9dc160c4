use std::fmt;

use crate::key_path::KeyPath;
use crate::place::Place;

/// Problems printed by [`Problems`]' `Display`; a line "and N more" stands for the rest.
pub const PROBLEMS_SHOWN_MAX: usize = 100;

/// Problems remembered with their text; beyond that they are only counted.
pub const PROBLEMS_KEPT_MAX: usize = 10_000;

/// One mistake in a file: where it is, what is wrong, and what to write instead.
///
/// Displayed as `file:line:column: key.path: message`, then `  help: …` on its own line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where the mistake is written.
    pub place: Place,
    /// The keys that lead to it; the root where there are none.
    pub key_path: KeyPath,
    /// What is wrong, a lower-case fragment.
    pub message: String,
    /// What to write instead, where we know.
    pub help: Option<String>,
}

impl Problem {
    /// A problem without help.
    pub fn new(place: &Place, key_path: &KeyPath, message: impl Into<String>) -> Self {
        Self {
            place: place.clone(),
            key_path: key_path.clone(),
            message: message.into(),
            help: None,
        }
    }

    /// Says what to write instead.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Says what to write instead, if anything is known.
    #[must_use]
    pub fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help;
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if !self.key_path.is_root() {
            write!(f, "{}: ", self.key_path)?;
        }
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}

/// Every mistake found so far, in every file.
///
/// Its `Display` lists them by file and line, one block each and no newline at
/// the end; the same mistake reached twice (through an alias) is listed once.
#[derive(Clone, Debug, Default)]
pub struct Problems {
    kept: Vec<Problem>,
    only_counted: usize,
}

impl Problems {
    /// No problem yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one; beyond [`PROBLEMS_KEPT_MAX`] it is only counted.
    pub fn add(&mut self, problem: Problem) {
        match self.kept.len() < PROBLEMS_KEPT_MAX {
            true => self.kept.push(problem),
            false => self.only_counted += 1,
        }
    }

    /// Adds all of another list.
    pub fn append(&mut self, other: Self) {
        self.only_counted += other.only_counted;
        for problem in other.kept {
            self.add(problem);
        }
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// How many there are, with those that are only counted.
    pub fn len(&self) -> usize {
        self.kept.len() + self.only_counted
    }

    /// By file, line and column, each once.
    pub fn sorted(&self) -> Vec<&Problem> {
        let mut sorted: Vec<&Problem> = self.kept.iter().collect();
        sorted.sort();
        sorted.dedup();
        sorted
    }

    /// `value` if nothing is wrong. Also refuses where there is no value, which
    /// must not happen without a problem: a caller that forgot to say why gets a
    /// problem that says so.
    ///
    /// # Errors
    /// All the problems.
    pub fn into_result<T>(mut self, value: Option<T>) -> Result<T, Self> {
        match value {
            Some(value) if self.is_empty() => Ok(value),
            Some(_) => Err(self),
            None => {
                if self.is_empty() {
                    self.add(Problem::new(
                        &Place::whole_file("configuration"),
                        &KeyPath::root(),
                        "refused without a reason, which is a mistake of this program",
                    ));
                }
                Err(self)
            }
        }
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self {
            kept: vec![problem],
            only_counted: 0,
        }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sorted = self.sorted();
        for (index, problem) in sorted.iter().take(PROBLEMS_SHOWN_MAX).enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        match sorted.len().saturating_sub(PROBLEMS_SHOWN_MAX) + self.only_counted {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

impl std::error::Error for Problems {}
