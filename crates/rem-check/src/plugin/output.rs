//! What a plugin wrote: text, performance data, more of both.

#[cfg(test)]
mod tests;

use crate::perfdata::{Perfdata, Reader};

/// A plugin's output, taken apart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PluginOutput {
    /// The first line that says something, without performance data.
    pub text: String,
    /// The lines behind it, without performance data.
    pub long: Vec<String>,
    /// All of the performance data.
    pub perfdata: Perfdata,
}

impl PluginOutput {
    /// Takes output apart: `text|perfdata` on the first line, then more lines
    /// of text; from a later `|` on performance data runs to the end.
    ///
    /// A `|` with no `=` behind it on its line belongs to the text. Behind a
    /// later `|` a line that holds no reading is text again, so that plugins
    /// which write `text|perfdata` on every line are understood too.
    pub fn parse(output: &str) -> Self {
        let mut perfdata = Reader::default();
        let (mut text, mut long) = (None, Vec::new());
        let mut is_perfdata = false;
        for (index, line) in output.lines().enumerate() {
            let (words, data) = split(line);
            let words = words.trim();
            match data {
                Some(data) => {
                    perfdata.read(data);
                    is_perfdata = index > 0;
                }
                None if is_perfdata && words.contains('=') && perfdata.read_if_any(words) => {
                    continue;
                }
                None => {}
            }
            match (words.is_empty(), &text) {
                (true, _) => {}
                (false, None) => text = Some(words.to_owned()),
                (false, Some(_)) => long.push(words.to_owned()),
            }
        }
        Self {
            text: text.unwrap_or_default(),
            long,
            perfdata: perfdata.finish(),
        }
    }
}

fn split(line: &str) -> (&str, Option<&str>) {
    match line.split_once('|') {
        Some((text, data)) if data.contains('=') => (text, Some(data)),
        _ => (line, None),
    }
}
