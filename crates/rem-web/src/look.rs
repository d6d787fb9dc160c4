use std::collections::BTreeSet;

use rem_monitor::{Reading, Unit};

#[cfg(test)]
mod tests;

/// At most so many lines share a graph; more would not be told apart.
const LINES_MAX: usize = 8;
/// At most so many values head a monitor that nobody designed.
const VALUES_MAX: usize = 4;

/// How the readings of one kind of check are shown: which values stand in large
/// letters, and which lines share a graph.
///
/// A kind without an entry in [`KINDS`] (any script) is shown by rule: its first
/// values, and one graph for each group and unit.
#[derive(Debug)]
struct Kind {
    name: &'static str,
    values: &'static [(&'static str, &'static str)],
    graphs: &'static [GraphOf],
}

#[derive(Debug)]
struct GraphOf {
    lines: &'static [(&'static str, &'static str)],
    shape: Shape,
    /// The end of the scale, where it is fixed.
    top: Option<f64>,
    per: Per,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Lines,
    Stacked,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Per {
    /// The subject itself, without its groups.
    Subject,
    /// One graph for all groups.
    AllGroups,
}

const KINDS: &[Kind] = &[
    Kind {
        name: "local.cpu",
        values: &[("used", "in use"), ("iowait", "waiting for I/O")],
        graphs: &[GraphOf {
            lines: &[
                ("system", "system"),
                ("user", "user"),
                ("nice", "nice"),
                ("iowait", "I/O wait"),
                ("softirq", "soft interrupts"),
                ("steal", "stolen"),
            ],
            shape: Shape::Stacked,
            top: Some(100.0),
            per: Per::Subject,
        }],
    },
    Kind {
        name: "local.load",
        values: &[("load1", "1 min"), ("load5", "5 min"), ("load15", "15 min")],
        graphs: &[GraphOf {
            lines: &[("load1", "1 min"), ("load5", "5 min"), ("load15", "15 min")],
            shape: Shape::Lines,
            top: None,
            per: Per::Subject,
        }],
    },
    Kind {
        name: "local.memory",
        values: &[
            ("used_percent", "in use"),
            ("used", "used"),
            ("total", "in total"),
        ],
        graphs: &[GraphOf {
            lines: &[
                ("used", "used"),
                ("cached", "cached"),
                ("swap_used", "swap"),
            ],
            shape: Shape::Lines,
            top: None,
            per: Per::Subject,
        }],
    },
    Kind {
        name: "local.disk",
        values: &[
            ("used_percent", "in use"),
            ("used", "used"),
            ("total", "in total"),
        ],
        graphs: &[GraphOf {
            lines: &[("used_percent", "in use")],
            shape: Shape::Lines,
            top: Some(100.0),
            per: Per::AllGroups,
        }],
    },
    Kind {
        name: "local.diskio",
        values: &[("read_bytes", "read"), ("written_bytes", "written")],
        graphs: &[GraphOf {
            lines: &[("read_bytes", "read"), ("written_bytes", "written")],
            shape: Shape::Lines,
            top: None,
            per: Per::AllGroups,
        }],
    },
    Kind {
        name: "local.network",
        values: &[("rx_bytes", "received"), ("tx_bytes", "sent")],
        graphs: &[GraphOf {
            lines: &[("rx_bytes", "received"), ("tx_bytes", "sent")],
            shape: Shape::Lines,
            top: None,
            per: Per::AllGroups,
        }],
    },
    Kind {
        name: "ping",
        values: &[("rtt_avg", "round trip"), ("loss", "lost")],
        graphs: &[GraphOf {
            lines: &[
                ("rtt_max", "slowest"),
                ("rtt_avg", "average"),
                ("rtt_min", "fastest"),
            ],
            shape: Shape::Lines,
            top: None,
            per: Per::Subject,
        }],
    },
    Kind {
        name: "http",
        values: &[("duration", "answered in"), ("status", "status")],
        graphs: &[GraphOf {
            lines: &[
                ("dns", "name"),
                ("connect", "connect"),
                ("tls", "TLS"),
                ("first_byte", "first byte"),
                ("duration", "whole"),
            ],
            shape: Shape::Lines,
            top: None,
            per: Per::Subject,
        }],
    },
    Kind {
        name: "tcp",
        values: &[("connect", "connected in")],
        graphs: &[GraphOf {
            lines: &[("connect", "connect")],
            shape: Shape::Lines,
            top: None,
            per: Per::Subject,
        }],
    },
];

/// One graph: which lines, in which unit, how they are drawn.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Graph {
    /// The group it shows, if it shows one; heads the graph.
    pub(crate) group: Option<String>,
    pub(crate) unit: Unit,
    pub(crate) stacked: bool,
    pub(crate) top: Option<f64>,
    pub(crate) lines: Vec<Line>,
}

/// One line of a graph.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Line {
    pub(crate) group: Option<String>,
    pub(crate) field: String,
    pub(crate) label: String,
}

/// Values that belong together: those of one group, or of the subject itself.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row<'a> {
    pub(crate) group: Option<&'a str>,
    pub(crate) values: Vec<(&'a Reading, String)>,
}

/// Which values of a monitor stand in large letters, group by group.
pub(crate) fn rows<'a>(kind: &str, readings: &'a [Reading]) -> Vec<Row<'a>> {
    let known = KINDS.iter().find(|known| known.name == kind);
    let row = |group: Option<&'a str>| {
        let of_group = readings
            .iter()
            .filter(|reading| reading.group.as_deref() == group);
        let values: Vec<_> = match known {
            Some(known) => known
                .values
                .iter()
                .filter_map(|(field, label)| {
                    let reading = of_group.clone().find(|reading| reading.field == *field)?;
                    Some((reading, (*label).to_owned()))
                })
                .collect(),
            None => of_group
                .take(VALUES_MAX)
                .map(|reading| (reading, reading.field.replace('_', " ")))
                .collect(),
        };
        (!values.is_empty()).then_some(Row { group, values })
    };
    let subject = row(None);
    // Processors one by one are of interest on a page of their own.
    let groups = if subject.is_some() && known.is_some() {
        Vec::new()
    } else {
        groups(readings)
    };
    subject
        .into_iter()
        .chain(groups.into_iter().filter_map(|group| row(Some(group))))
        .collect()
}

/// Which graphs a monitor gets.
pub(crate) fn graphs(kind: &str, readings: &[Reading]) -> Vec<Graph> {
    let Some(known) = KINDS.iter().find(|known| known.name == kind) else {
        return graphs_by_rule(readings);
    };
    known
        .graphs
        .iter()
        .flat_map(|graph| graphs_of(graph, readings))
        .collect()
}

fn graphs_of(graph: &GraphOf, readings: &[Reading]) -> Vec<Graph> {
    let lines = |group: Option<&str>, naming: Naming| -> Vec<(Line, Unit)> {
        let found = graph.lines.iter().filter_map(|(field, label)| {
            let reading = readings
                .iter()
                .find(|reading| reading.field == *field && reading.group.as_deref() == group)?;
            let label = match (group, naming) {
                (Some(group), Naming::Group) => group.to_owned(),
                (Some(group), Naming::GroupAndField) => format!("{group} {label}"),
                _ => (*label).to_owned(),
            };
            let line = Line {
                group: reading.group.clone(),
                field: (*field).to_owned(),
                label,
            };
            Some((line, reading.unit.clone()))
        });
        found.collect()
    };
    let drawn = |lines: Vec<(Line, Unit)>| {
        let unit = lines.first()?.1.clone();
        Some(Graph {
            group: None,
            unit,
            stacked: graph.shape == Shape::Stacked,
            top: graph.top,
            lines: lines
                .into_iter()
                .map(|(line, _)| line)
                .take(LINES_MAX)
                .collect(),
        })
    };
    match graph.per {
        Per::Subject => drawn(lines(None, Naming::Field)).into_iter().collect(),
        Per::AllGroups => {
            let groups = groups(readings);
            let naming = match (graph.lines.len(), groups.len()) {
                (1, _) => Naming::Group,
                (_, 1) => Naming::Field,
                _ => Naming::GroupAndField,
            };
            let all = groups
                .into_iter()
                .flat_map(|group| lines(Some(group), naming));
            drawn(all.collect()).into_iter().collect()
        }
    }
}

/// What tells the lines of a graph apart.
#[derive(Clone, Copy)]
enum Naming {
    Field,
    Group,
    GroupAndField,
}

/// One graph for each group and unit, in the order of the readings.
fn graphs_by_rule(readings: &[Reading]) -> Vec<Graph> {
    let mut graphs: Vec<Graph> = Vec::new();
    for reading in readings {
        let line = Line {
            group: reading.group.clone(),
            field: reading.field.clone(),
            label: reading.field.replace('_', " "),
        };
        let fits = |graph: &&mut Graph| {
            graph.group == reading.group
                && graph.unit == reading.unit
                && graph.lines.len() < LINES_MAX
        };
        match graphs.iter_mut().find(fits) {
            Some(graph) => graph.lines.push(line),
            None => graphs.push(Graph {
                group: reading.group.clone(),
                unit: reading.unit.clone(),
                stacked: false,
                top: None,
                lines: vec![line],
            }),
        }
    }
    graphs
}

fn groups(readings: &[Reading]) -> Vec<&str> {
    let mut seen = BTreeSet::new();
    let groups = readings
        .iter()
        .filter_map(|reading| reading.group.as_deref());
    groups.filter(|group| seen.insert(*group)).collect()
}
