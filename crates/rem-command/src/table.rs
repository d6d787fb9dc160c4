#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use crate::visible::visible;

/// Two columns are so far apart.
const GAP: usize = 2;
/// A wider cell is cut, unless it is the last of its row.
pub(crate) const CELL_MAX: usize = 60;

/// How a cell is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// As usual.
    #[default]
    Plain,
    /// All is well: green.
    Good,
    /// Somebody should look: yellow.
    Warn,
    /// Something is broken: red.
    Bad,
    /// Of little interest: grey.
    Dim,
    /// A title: bold.
    Strong,
}

/// One cell of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    text: String,
    tone: Tone,
}

/// Rows under titles, for people.
#[derive(Clone, Debug)]
pub struct Table {
    titles: Vec<String>,
    rows: Vec<Vec<Cell>>,
}

impl Tone {
    /// The text in this tone, if colours are wanted.
    pub fn paint(self, text: &str, colour: bool) -> String {
        let code = match self {
            Self::Plain => return text.to_owned(),
            Self::Good => "32",
            Self::Warn => "33",
            Self::Bad => "31",
            Self::Dim => "2",
            Self::Strong => "1",
        };
        match colour && !text.is_empty() {
            true => format!("\x1b[{code}m{text}\x1b[0m"),
            false => text.to_owned(),
        }
    }
}

impl Cell {
    /// A text that means something.
    pub fn toned(text: impl Into<String>, tone: Tone) -> Self {
        Self {
            text: text.into(),
            tone,
        }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::toned(text, Tone::Plain)
    }
}

impl Table {
    /// A table without rows.
    pub fn new<T: Into<String>>(titles: impl IntoIterator<Item = T>) -> Self {
        Self {
            titles: titles.into_iter().map(Into::into).collect(),
            rows: Vec::new(),
        }
    }

    /// One more row. Cells that are missing are empty.
    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Whether it has no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The lines, each column as wide as its widest cell and at most 60 characters,
    /// the last one as wide as it is. Nothing stands at the end of a line.
    pub fn text(&self, colour: bool) -> String {
        let titles = self.titles.iter();
        let head: Vec<Cell> = titles
            .map(|title| Cell::toned(title.as_str(), Tone::Strong))
            .collect();
        let lines: Vec<Vec<Cell>> = std::iter::once(&head)
            .chain(&self.rows)
            .map(|row| fitted(row))
            .collect();
        let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns)
            .map(|column| {
                let cells = lines.iter().filter_map(|line| line.get(column));
                cells.map(|cell| width(&cell.text)).max().unwrap_or(0)
            })
            .collect();
        let mut text = String::new();
        for line in &lines {
            let last = line.iter().rposition(|cell| !cell.text.is_empty());
            for (column, cell) in line.iter().enumerate().take(last.map_or(0, |at| at + 1)) {
                text.push_str(&cell.tone.paint(&cell.text, colour));
                if Some(column) != last {
                    let gap = widths[column] - width(&cell.text) + GAP;
                    let _ = write!(text, "{:gap$}", "");
                }
            }
            text.push('\n');
        }
        text
    }
}

fn fitted(row: &[Cell]) -> Vec<Cell> {
    let last = row.len().saturating_sub(1);
    let fit = |(column, cell): (usize, &Cell)| {
        let text = visible(&cell.text);
        let text = match column == last || width(&text) <= CELL_MAX {
            true => text.into_owned(),
            false => text.chars().take(CELL_MAX - 1).chain(['…']).collect(),
        };
        Cell::toned(text, cell.tone)
    };
    row.iter().enumerate().map(fit).collect()
}

fn width(text: &str) -> usize {
    text.chars().count()
}
