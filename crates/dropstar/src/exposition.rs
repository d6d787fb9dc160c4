use std::fmt::Write;

#[cfg(test)]
mod tests;

/// The two texts that scrapers such as Prometheus read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposition {
    /// Prometheus' text, version 0.0.4.
    Text,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

/// What a family of samples is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Only grows; its samples end in `_total`.
    Counter,
    /// Goes up and down.
    Gauge,
}

/// Writes families of samples, each with its HELP and TYPE once. All samples of a
/// family follow each other; names are the caller's to choose well.
#[derive(Debug)]
pub struct Samples {
    exposition: Exposition,
    text: String,
    /// Samples have this name.
    sample: &'static str,
}

impl Exposition {
    /// What an Accept header asks for; of two that it likes alike, OpenMetrics.
    pub fn accepted(accept: &str) -> Self {
        let mut best = (0.0, Self::Text);
        for one in accept.split(',') {
            let mut parts = one.split(';').map(str::trim);
            let kind = match parts.next() {
                Some("application/openmetrics-text") => Self::OpenMetrics,
                Some("text/plain" | "text/*" | "*/*") => Self::Text,
                _ => continue,
            };
            let quality = parts.find_map(|part| part.strip_prefix("q=")?.parse::<f64>().ok());
            let quality = quality.unwrap_or(1.0);
            let better = best.0 < quality
                || (best.0 - quality).abs() < f64::EPSILON && kind == Self::OpenMetrics;
            if better {
                best = (quality, kind);
            }
        }
        best.1
    }

    /// The value of the header Content-Type.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

impl Samples {
    /// Nothing yet.
    pub fn new(exposition: Exposition) -> Self {
        Self {
            exposition,
            text: String::new(),
            sample: "",
        }
    }

    /// Begins a family; `name` is that of its samples.
    pub fn family(&mut self, name: &'static str, family: Family, help: &str) {
        let (word, bare) = match (family, self.exposition) {
            (Family::Counter, Exposition::OpenMetrics) => {
                ("counter", name.strip_suffix("_total").unwrap_or(name))
            }
            (Family::Counter, Exposition::Text) => ("counter", name),
            (Family::Gauge, _) => ("gauge", name),
        };
        self.sample = name;
        let _ = write!(self.text, "# HELP {bare} ");
        escape(
            &mut self.text,
            help,
            self.exposition == Exposition::OpenMetrics,
        );
        let _ = writeln!(self.text, "\n# TYPE {bare} {word}");
    }

    /// One sample of the family; what is unknown is not a number.
    pub fn sample(&mut self, labels: &[(&str, &str)], value: Option<f64>) {
        self.text.push_str(self.sample);
        for (place, (name, value)) in labels.iter().enumerate() {
            self.text.push(if place == 0 { '{' } else { ',' });
            self.text.push_str(name);
            self.text.push_str("=\"");
            escape(&mut self.text, value, true);
            self.text.push('"');
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
        self.text.push(' ');
        number(&mut self.text, value.unwrap_or(f64::NAN));
        self.text.push('\n');
    }

    /// A family of one sample.
    pub fn one(&mut self, name: &'static str, family: Family, help: &str, value: f64) {
        self.family(name, family, help);
        self.sample(&[], Some(value));
    }

    /// Bytes written since the last [`Samples::take`].
    pub fn written(&self) -> usize {
        self.text.len()
    }

    /// What was written since it was last taken.
    pub fn take(&mut self) -> String {
        std::mem::take(&mut self.text)
    }

    /// The end: nothing may follow.
    pub fn end(mut self) -> String {
        if self.exposition == Exposition::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.text
    }
}

/// `\`, line feed and, within quotes, `"`. A carriage return would end a line for
/// OpenMetrics.
fn escape(text: &mut String, plain: &str, quotes: bool) {
    for c in plain.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push(' '),
            '"' if quotes => text.push_str("\\\""),
            c => text.push(c),
        }
    }
}

fn number(text: &mut String, value: f64) {
    let _ = if value.is_nan() {
        write!(text, "NaN")
    } else if value.is_infinite() {
        write!(text, "{}Inf", if value > 0.0 { '+' } else { '-' })
    } else if value != 0.0 && !(1e-6..1e17).contains(&value.abs()) {
        write!(text, "{value:e}")
    } else {
        write!(text, "{value}")
    };
}
