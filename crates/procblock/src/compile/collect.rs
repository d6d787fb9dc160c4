use std::path::PathBuf;

use rem_time::Span;
use rem_yaml::Value as Yaml;

use super::{Compiler, help_for};
use crate::collect::{Collect, CollectField, CollectGraph, FieldKind, GraphMethod, Target};
use crate::path::Path;
use crate::read::At;

const KINDS: [&str; 4] = ["GAUGE", "COUNTER", "DERIVE", "ABSOLUTE"];
const METHODS: [&str; 3] = ["STACK", "LINE", "AREA"];
const INTERVAL: Span = Span::from_seconds(5);

impl Compiler {
    /// `timeseries collect`: one map with `path`, a list of them, or groups
    /// (`group NAME: {field: path}`).
    pub(super) fn collects(&mut self, at: &At<'_>) -> Option<Vec<Collect>> {
        if at.node.as_seq().is_some() {
            let items = at.items_or_one();
            let all = items.iter().map(|item| self.collects(item));
            let all: Option<Vec<_>> = all.collect::<Vec<_>>().into_iter().collect();
            return all.map(|all| all.into_iter().flatten().collect());
        }
        if !self.reader.is_map(at) {
            return None;
        }
        let entries = at.entries();
        let groups = entries.iter().filter(|(key, _)| key.starts_with("group "));
        if groups.count() == 0 {
            return self.collect(at).map(|collect| vec![collect]);
        }
        let mut collects = Vec::new();
        for (key, at) in &entries {
            let Some(group) = key.strip_prefix("group ") else {
                self.reader
                    .wrong_key(at, format!("a group is expected, found {key}"), None);
                return None;
            };
            if !self.reader.is_map(at) {
                return None;
            }
            collects.push(Collect {
                target: Target::Group(group.trim().into()),
                interval: INTERVAL,
                fields: self.fields(at)?,
                graphs: Vec::new(),
                per: None,
            });
        }
        Some(collects)
    }

    fn collect(&mut self, at: &At<'_>) -> Option<Collect> {
        self.reader
            .only(at, &["path", "group", "interval", "fields", "graph", "per"]);
        let target = match (at.get("path"), at.get("group")) {
            (Some(path), None) => self.reader.text(&path).map(PathBuf::from).map(Target::File),
            (None, Some(group)) => self.reader.text(&group).map(Target::Group),
            _ => {
                self.reader
                    .wrong_help(at, "one of path and group is expected", "path: name.rrd");
                None
            }
        };
        let interval = match at.get("interval") {
            Some(at) => self.reader.span(&at),
            None => Some(INTERVAL),
        };
        let fields = match at.get("fields") {
            Some(fields) => match self.reader.is_map(&fields) {
                true => self.fields(&fields),
                false => None,
            },
            None => {
                self.reader
                    .wrong_help(at, "fields is missing", "fields: {random: {type: GAUGE}}");
                None
            }
        };
        let mut graphs = Some(Vec::new());
        if let Some(graph) = at.get("graph") {
            for item in graph.items_or_one() {
                let known = fields.as_deref().unwrap_or_default();
                let read = self.graph(&item, known);
                graphs = graphs.and_then(|mut graphs: Vec<CollectGraph>| {
                    graphs.push(read?);
                    Some(graphs)
                });
            }
        }
        let per = match at.get("per") {
            Some(at) => Some(self.path(&at)?),
            None => None,
        };
        Some(Collect {
            target: target?,
            interval: interval?,
            fields: fields?,
            graphs: graphs?,
            per,
        })
    }

    fn fields(&mut self, at: &At<'_>) -> Option<Vec<CollectField>> {
        let mut fields = Vec::new();
        for (name, at) in at.entries() {
            fields.push(self.field(name, &at));
        }
        if fields.is_empty() {
            self.reader.wrong(at, "at least one field is expected");
            return None;
        }
        fields.into_iter().collect()
    }

    /// `name: {type, from, …}`, `name: GAUGE`, or `name: path.in.output`.
    fn field(&mut self, name: &str, at: &At<'_>) -> Option<CollectField> {
        let mut field = CollectField {
            name: name.into(),
            from: key_path(name),
            kind: FieldKind::Gauge,
            heartbeat: None,
            min: None,
            max: None,
        };
        match &at.node.value {
            Yaml::Null => {}
            Yaml::Map(_) => {
                self.reader.only(
                    at,
                    &[
                        "type",
                        "from",
                        "heartbeat",
                        "min",
                        "max",
                        "range_bottom",
                        "range_top",
                    ],
                );
                if let Some(at) = at.get("type") {
                    let written = self.reader.text(&at)?;
                    let Some(kind) = field_kind(&written) else {
                        let message = format!("unknown type of a field: {written}");
                        self.reader
                            .wrong_help(&at, message, help_for(&written, &KINDS));
                        return None;
                    };
                    field.kind = kind;
                }
                if let Some(at) = at.get("from") {
                    field.from = self.path(&at)?;
                }
                field.heartbeat = self.reader.optional_span(at, "heartbeat");
                for key in ["min", "range_bottom"] {
                    field.min = self.bound(at, key).or(field.min);
                }
                for key in ["max", "range_top"] {
                    field.max = self.bound(at, key).or(field.max);
                }
            }
            _ => {
                let written = self.reader.text(at)?;
                match field_kind(&written) {
                    Some(kind) => field.kind = kind,
                    None => field.from = self.path(at)?,
                }
            }
        }
        Some(field)
    }

    /// A bound of the range; `U` is none.
    fn bound(&mut self, at: &At<'_>, key: &str) -> Option<f64> {
        let at = at.get(key)?;
        match at.node.as_str() {
            Some("U") => None,
            _ => self.reader.number(&at),
        }
    }

    fn graph(&mut self, at: &At<'_>, fields: &[CollectField]) -> Option<CollectGraph> {
        if !self.reader.is_map(at) {
            return None;
        }
        let known = [
            "path",
            "title",
            "fields",
            "method",
            "interval",
            "vertical label",
            "vertical_label",
            "period",
        ];
        self.reader.only(at, &known);
        let path = self.reader.required_text(at, "path");
        let drawn = self.reader.texts(at, "fields");
        if let Some(at) = at.get("fields") {
            for name in &drawn {
                if !fields.is_empty() && !fields.iter().any(|field| field.name == *name) {
                    let names: Vec<&str> = fields.iter().map(|f| f.name.as_str()).collect();
                    let message = format!("this field is not collected: {name}");
                    self.reader.wrong_help(&at, message, help_for(name, &names));
                }
            }
        }
        let method = match at.get("method") {
            None => GraphMethod::Stack,
            Some(at) => {
                let written = self.reader.text(&at)?;
                match written.to_uppercase().as_str() {
                    "STACK" => GraphMethod::Stack,
                    "LINE" => GraphMethod::Line,
                    "AREA" => GraphMethod::Area,
                    _ => {
                        let message = format!("unknown method of a graph: {written}");
                        self.reader
                            .wrong_help(&at, message, help_for(&written, &METHODS));
                        return None;
                    }
                }
            }
        };
        let interval = match at.get("interval") {
            Some(at) => self.reader.span(&at)?,
            None => Span::from_seconds(300),
        };
        let label = self.reader.optional_text(at, "vertical label");
        Some(CollectGraph {
            path: path?.into(),
            title: self.reader.optional_text(at, "title"),
            fields: drawn,
            method,
            interval,
            vertical_label: label.or_else(|| self.reader.optional_text(at, "vertical_label")),
            period: self.reader.optional_span(at, "period"),
        })
    }

    fn path(&mut self, at: &At<'_>) -> Option<Path> {
        let text = self.reader.text(at)?;
        match text.parse() {
            Ok(path) => Some(path),
            Err(error) => {
                self.reader.wrong(at, format!("not a path: {error}"));
                None
            }
        }
    }
}

fn field_kind(text: &str) -> Option<FieldKind> {
    match text {
        "GAUGE" => Some(FieldKind::Gauge),
        "COUNTER" => Some(FieldKind::Counter),
        "DERIVE" => Some(FieldKind::Derive),
        "ABSOLUTE" => Some(FieldKind::Absolute),
        _ => None,
    }
}

/// A name as a path of one key, whatever characters it has.
fn key_path(name: &str) -> Path {
    Path::of_key(name)
}
