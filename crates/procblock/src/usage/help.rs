use std::fmt::Write;

use serde_json::Value;

use super::{OptionKind, Usage};
use crate::template::plain;

impl Usage {
    /// The help text of the block, `program` being how it was started.
    pub fn help(&self, program: &str) -> String {
        let mut text = String::new();
        if let Some(name) = &self.name {
            let _ = write!(text, "{name}");
            if let Some(info) = &self.info {
                let _ = write!(text, ": {info}");
            }
            text.push_str("\n\n");
        } else if let Some(info) = &self.info {
            let _ = write!(text, "{info}\n\n");
        }
        let _ = write!(text, "Usage: {program}");
        if !self.options.is_empty() || !self.is_declared {
            text.push_str(" [options]");
        }
        for arg in &self.args {
            let dots = if arg.remaining { "..." } else { "" };
            let _ = match arg.required {
                true => write!(text, " <{}>{dots}", arg.name),
                false => write!(text, " [{}]{dots}", arg.name),
            };
        }
        text.push('\n');
        if !self.args.is_empty() {
            text.push_str("\nArguments:\n");
        }
        for arg in &self.args {
            let info = arg.info.as_deref().unwrap_or_default();
            let line = format!("  {:<24} {info}{}", arg.name, shown_default(&arg.default));
            let _ = writeln!(text, "{}", line.trim_end());
        }
        if !self.options.is_empty() {
            text.push_str("\nOptions:\n");
        }
        for option in &self.options {
            let letter = option.letter.map(|letter| format!("-{letter}, "));
            let value = match option.kind {
                OptionKind::Flag => "",
                OptionKind::Value => " <value>",
                OptionKind::Number => " <number>",
            };
            let left = format!("{}--{}{value}", letter.unwrap_or_default(), option.name);
            let info = option.info.as_deref().unwrap_or_default();
            let line = format!("  {left:<24} {info}{}", shown_default(&option.default));
            let _ = writeln!(text, "{}", line.trim_end());
        }
        for (label, value) in [("Author", &self.author), ("Website", &self.website)] {
            if let Some(value) = value {
                let _ = write!(text, "\n{label}: {value}");
            }
        }
        let mut text = text.trim_end().to_owned();
        text.push('\n');
        text
    }
}

fn shown_default(default: &Option<Value>) -> String {
    match default {
        Some(value) => format!(" [default: {}]", plain(value)),
        None => String::new(),
    }
}
