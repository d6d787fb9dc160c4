use rem_command::{Cell, Exit, Table, Tone};
use rem_time::{Clock, SystemClock, Timestamp};
use serde_json::Value;

/// What a verb found out.
#[derive(Debug)]
pub(super) struct Answer {
    /// For programs.
    pub(super) value: Value,
    /// For people.
    pub(super) text: String,
    pub(super) exit: Exit,
}

impl Answer {
    /// It went well.
    pub(super) fn done(value: Value, text: impl Into<String>) -> Self {
        Self {
            value,
            text: text.into(),
            exit: Exit::Done,
        }
    }

    /// With another end.
    pub(super) fn exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }
}

/// How things are shown here and now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Show {
    pub(super) colour: bool,
    pub(super) now: Timestamp,
}

impl Show {
    pub(super) fn new(colour: bool) -> Self {
        Self {
            colour,
            now: SystemClock.now(),
        }
    }

    /// How long ago: `45s`, `12m`, `3h`, `5d`. Times are RFC 3339 or seconds.
    pub(super) fn age(&self, at: &Value) -> String {
        let at = match at {
            Value::String(text) => text.parse().ok(),
            Value::Number(seconds) => seconds.as_f64().map(Timestamp::from_secs_f64),
            _ => None,
        };
        let Some(at) = at else {
            return String::new();
        };
        match self.now.since(at).as_seconds() {
            seconds @ 0..=119 => format!("{seconds}s"),
            seconds @ 120..=7_199 => format!("{}m", seconds / 60),
            seconds @ 7_200..=172_799 => format!("{}h", seconds / 3_600),
            seconds => format!("{}d", seconds / 86_400),
        }
    }

    /// A table, or in its place a line that says that there is nothing.
    pub(super) fn table(&self, table: &Table, nothing: &str) -> String {
        match table.is_empty() {
            true => format!("{nothing}\n"),
            false => table.text(self.colour),
        }
    }

    /// A title above a table.
    pub(super) fn title(&self, text: &str) -> String {
        format!("{}\n", Tone::Strong.paint(text, self.colour))
    }
}

/// A part of an object as text, empty if it is not there.
pub(super) fn text(of: &Value, key: &str) -> String {
    plain(&of[key])
}

/// A value in one line.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// The items of a list, or of none.
pub(super) fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A cell in the colour of what it says.
pub(super) fn state(word: &str) -> Cell {
    let tone = match word {
        "ok" | "up" | "true" => Tone::Good,
        "critical" | "down" | "communicating" | "Paging" => Tone::Bad,
        "pending" | "held" | "Explained" | "On hold" | "Maintenance" | "Over" => Tone::Dim,
        "warning" | "unknown" | "degraded" | "Settling" | "Clearing" => Tone::Warn,
        _ => Tone::Plain,
    };
    Cell::toned(word, tone)
}
