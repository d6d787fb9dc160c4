use rem_monitor::{MonitorView, Unit, series_name};
use serde::Serialize;

use crate::format::percent_encoded;
use crate::look::{self, Graph};
use crate::ranges::Range;

/// One graph of a card.
#[derive(Debug, Serialize)]
pub(crate) struct GraphView {
    pub(crate) title: String,
    pub(crate) alt: String,
    pub(crate) spec: String,
    /// The same graph as a picture, for a browser without scripts.
    pub(crate) image: String,
}

/// What a graph needs to be drawn, handed to the page's script.
#[derive(Serialize)]
struct Spec<'a> {
    unit: &'a str,
    stacked: bool,
    top: Option<f64>,
    lines: Vec<SpecLine<'a>>,
}

#[derive(Serialize)]
struct SpecLine<'a> {
    series: String,
    field: &'a str,
    label: &'a str,
}

impl GraphView {
    pub(crate) fn new(monitor: &MonitorView, graph: &Graph, range: Range) -> Self {
        let line = |line: &'_ look::Line| series_name(&monitor.id, line.group.as_deref());
        let lines: Vec<SpecLine<'_>> = graph
            .lines
            .iter()
            .map(|l| SpecLine {
                series: line(l),
                field: &l.field,
                label: &l.label,
            })
            .collect();
        let title = graph.group.clone().unwrap_or_default();
        let subject = if title.is_empty() {
            &monitor.title
        } else {
            &title
        };
        let labels: Vec<&str> = graph.lines.iter().map(|line| line.label.as_str()).collect();
        let mut image = format!("/system_monitor/graph.svg?range={}", range.key());
        for line in &lines {
            image.push_str("&line=");
            image.push_str(&percent_encoded(&format!(
                "{}\n{}\n{}",
                line.series, line.field, line.label
            )));
        }
        if graph.stacked {
            image.push_str("&stacked=1");
        }
        let spec = Spec {
            unit: graph.unit.symbol(),
            stacked: graph.stacked,
            top: graph.top,
            lines,
        };
        Self {
            alt: format!(
                "{subject}: {} over time{}",
                labels.join(", "),
                unit_said(&graph.unit)
            ),
            title,
            // A struct of text and numbers can always be written.
            spec: serde_json::to_string(&spec).unwrap_or_default(),
            image,
        }
    }
}

fn unit_said(unit: &Unit) -> String {
    match unit.symbol() {
        "" => String::new(),
        symbol => format!(", in {symbol}"),
    }
}
