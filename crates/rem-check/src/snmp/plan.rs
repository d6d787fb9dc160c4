//! What a check asks for, and what is made of the answers.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use regex::Regex;

use super::names::{self, Measure};
use super::oid::{Oid, dotted};
use super::options::{SnmpError, SnmpObject, SnmpOptions, SnmpTable};
use super::value::Value;
use super::walk::Walk;
use crate::net::Peer;
use crate::{Kind, Reading, Unit, Verdict};

const DURATION: &str = "duration";

/// How many missing objects a message names.
const NAMED_MAX: usize = 3;

#[derive(Debug)]
pub(super) struct Plan {
    pub(super) get: Vec<Field>,
    tables: Vec<Table>,
    text_numbers: bool,
    /// What each field was when it last had a value, so that an unknown one is
    /// of the same sort. By [`Field::slot`].
    sorts: Mutex<Vec<Option<Sort>>>,
}

/// An object and the reading that it becomes.
#[derive(Debug)]
pub(super) struct Field {
    name: String,
    pub(super) object: Oid,
    unit: Option<Unit>,
    factor: f64,
    /// The column of the same table whose number this one is a multiple of.
    times: Option<usize>,
    slot: usize,
}

#[derive(Clone, Copy, Debug)]
struct Sort {
    kind: Kind,
    is_time: bool,
}

#[derive(Debug)]
struct Table {
    name: String,
    fields: Vec<Field>,
    /// What is walked: the fields' columns, then those that serve them.
    columns: Vec<Oid>,
    /// Which of the columns names the rows.
    label: Option<usize>,
    only: Vec<Regex>,
    without: Vec<Regex>,
    rows_max: usize,
}

/// What the agent has said so far.
#[derive(Debug)]
pub(super) struct Seen {
    /// By index in [`Plan::get`]: a value, or why there is none.
    pub(super) get: Vec<Option<Result<Value, &'static str>>>,
    /// By index of the table.
    pub(super) walks: Vec<Walk>,
}

impl Plan {
    pub(super) fn new(options: &SnmpOptions) -> Result<Self, SnmpError> {
        if options.get.is_empty() && options.tables.is_empty() {
            return Err(SnmpError::Nothing);
        }
        let mut slots = 0;
        let mut field = |object: &SnmpObject| {
            slots += 1;
            Field::new(object, slots - 1)
        };
        let get: Vec<Field> = options
            .get
            .iter()
            .map(&mut field)
            .collect::<Result<_, _>>()?;
        let mut tables = Vec::new();
        for table in &options.tables {
            let fields = table.columns.iter().map(&mut field);
            tables.push(Table::new(table, fields.collect::<Result<_, _>>()?)?);
        }
        let fields = get
            .iter()
            .chain(tables.iter().flat_map(|table| &table.fields));
        let mut names = BTreeSet::from([DURATION]);
        for field in fields {
            if !names.insert(&field.name) {
                return Err(SnmpError::FieldTwice(field.name.clone()));
            }
        }
        Ok(Self {
            sorts: Mutex::new(vec![None; slots]),
            get,
            tables,
            text_numbers: options.text_numbers,
        })
    }

    pub(super) fn nothing_seen(&self) -> Seen {
        let walk = |table: &Table| Walk::new(table.columns.iter().cloned(), table.rows_max);
        Seen {
            get: vec![None; self.get.len()],
            walks: self.tables.iter().map(walk).collect(),
        }
    }

    /// The verdict on an agent that answered every question.
    pub(super) fn judge(&self, seen: &Seen, peer: &Peer) -> (Verdict, String) {
        let lacks: Vec<String> = self
            .get
            .iter()
            .zip(&seen.get)
            .filter_map(|(field, value)| {
                let lack = self.lack(value.as_ref())?;
                Some(format!("{} {lack} ({})", field.name, field.object))
            })
            .collect();
        let rows: usize = seen.walks.iter().map(|walk| walk.rows.len()).sum();
        let mut parts = Vec::new();
        let objects = self.get.len();
        match lacks.len() {
            _ if objects == 0 => {}
            0 => parts.push(count(objects, "object")),
            missing => parts.push(format!(
                "{} of {}",
                objects - missing,
                count(objects, "object")
            )),
        }
        if !self.tables.is_empty() {
            parts.push(count(rows, "row"));
        }
        let mut message = format!("{} from {peer}", parts.join(" and "));
        for (table, walk) in self.tables.iter().zip(&seen.walks) {
            if walk.is_cut {
                let most = table.rows_max;
                message.push_str(&format!(", table {} has more than {most} rows", table.name));
            }
        }
        let is_cut = seen.walks.iter().any(|walk| walk.is_cut);
        if !lacks.is_empty() {
            let named = &lacks[..lacks.len().min(NAMED_MAX)];
            message.push_str(&format!(": {}", named.join(", ")));
            if lacks.len() > NAMED_MAX {
                message.push_str(&format!(" and {} more", lacks.len() - NAMED_MAX));
            }
        }
        let is_empty = !lacks.is_empty() && lacks.len() == objects && rows == 0;
        let verdict = match (is_empty, lacks.is_empty() && !is_cut) {
            (true, _) => Verdict::Unknown,
            (_, true) => Verdict::Ok,
            (_, false) => Verdict::Warning,
        };
        (verdict, message)
    }

    /// Everything that was seen, as readings; an object that was not is unknown.
    pub(super) fn readings(&self, seen: Seen, took: Option<Duration>) -> Vec<Reading> {
        let mut sorts = self.sorts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut readings = Vec::new();
        for (field, value) in self.get.iter().zip(seen.get) {
            let value = value.and_then(Result::ok);
            readings.push(self.reading(field, value.as_ref(), 1.0, &mut sorts));
        }
        for (table, walk) in self.tables.iter().zip(seen.walks) {
            // A row can lack what another one has: learn the sorts first.
            for (at, field) in table.fields.iter().enumerate() {
                let cell = walk.rows.values().find_map(|cells| cells[at].as_ref());
                self.reading(field, cell, 1.0, &mut sorts);
            }
            let mut labels = BTreeSet::new();
            for (index, cells) in &walk.rows {
                let Some(group) = table.group(index, cells, &mut labels) else {
                    continue;
                };
                for (field, cell) in table.fields.iter().zip(cells) {
                    let times = match field.times {
                        None => Some(1.0),
                        Some(at) => cells[at].as_ref().and_then(|cell| cell.number(false)),
                    };
                    // Without the size of a unit its count says nothing.
                    let cell = cell.as_ref().filter(|_| times.is_some());
                    let times = times.unwrap_or(1.0);
                    readings.push(self.reading(field, cell, times, &mut sorts).of(&group));
                }
            }
        }
        let took = took.map(|took| took.as_secs_f64());
        readings.push(Reading::gauge(DURATION, took, Unit::Seconds));
        readings
    }

    fn reading(
        &self,
        field: &Field,
        value: Option<&Value>,
        times: f64,
        sorts: &mut [Option<Sort>],
    ) -> Reading {
        let number = value.and_then(|value| value.number(self.text_numbers));
        let known = &mut sorts[field.slot];
        if let (Some(value), Some(_)) = (value, number) {
            *known = Some(Sort {
                kind: value.kind(),
                is_time: matches!(value, Value::Ticks(_)),
            });
        }
        let unit = field.unit.clone().unwrap_or(match known {
            Some(Sort { is_time: true, .. }) => Unit::Seconds,
            _ => Unit::One,
        });
        let number = number.map(|number| number * field.factor * times);
        match known.map(|sort| sort.kind) {
            Some(Kind::Counter) => Reading::counter(&field.name, number, unit),
            Some(Kind::Gauge) | None => Reading::gauge(&field.name, number, unit),
        }
    }

    fn lack(&self, value: Option<&Result<Value, &'static str>>) -> Option<&'static str> {
        match value {
            None => Some("missing in the answer"),
            Some(Err(reason)) => Some(reason),
            Some(Ok(value)) => match value.number(self.text_numbers) {
                Some(_) => None,
                None => Some(value.lack()),
            },
        }
    }
}

impl Field {
    fn new(object: &SnmpObject, slot: usize) -> Result<Self, SnmpError> {
        let SnmpObject {
            field,
            object,
            unit,
            factor,
        } = object;
        let oid = parse(field, object)?;
        let name = object.trim_start_matches('.').split('.').next();
        let known = name.and_then(names::by_name);
        let measure = known
            .map(|known| known.measure)
            .filter(|m| *m != Measure::One);
        let (known_unit, known_factor) = match measure {
            Some(measure) => {
                let (unit, factor) = measure.unit();
                (Some(unit), factor)
            }
            None => (None, 1.0),
        };
        // A factor is written for the unit beside it.
        let factor = match (factor, unit) {
            (Some(factor), _) => *factor,
            (None, Some(_)) => 1.0,
            (None, None) => known_factor,
        };
        if !factor.is_finite() || factor == 0.0 {
            return Err(SnmpError::Factor(field.clone()));
        }
        Ok(Self {
            name: field.clone(),
            object: oid,
            unit: unit.clone().or(known_unit),
            factor,
            times: None,
            slot,
        })
    }
}

impl Table {
    fn new(table: &SnmpTable, mut fields: Vec<Field>) -> Result<Self, SnmpError> {
        let name = table.name.clone();
        if fields.is_empty() {
            return Err(SnmpError::NoColumns(name));
        }
        let mut columns: Vec<Oid> = fields.iter().map(|field| field.object.clone()).collect();
        for (field, written) in fields.iter_mut().zip(&table.columns) {
            let is_plain = written.unit.is_none() && written.factor.is_none();
            if let Some(units) = names::storage_units(&field.object).filter(|_| is_plain) {
                field.unit = Some(Unit::Bytes);
                field.times = Some(place(&mut columns, units));
            }
        }
        let label = match &table.label {
            None => None,
            Some(label) => Some(place(&mut columns, parse(&table.name, label)?)),
        };
        Ok(Self {
            only: globs(&name, &table.only)?,
            without: globs(&name, &table.without)?,
            name,
            fields,
            columns,
            label,
            rows_max: table.rows_max,
        })
    }

    /// What a row is called; `None` if it is not wanted.
    fn group(
        &self,
        index: &[u32],
        cells: &[Option<Value>],
        taken: &mut BTreeSet<String>,
    ) -> Option<String> {
        let mut number = String::new();
        // Writing into a text does not fail.
        let _ = dotted(index, &mut number);
        let text = self.label.and_then(|at| cells[at].as_ref()?.label());
        let label = text.unwrap_or_else(|| number.clone());
        let is_any = |globs: &[Regex]| globs.iter().any(|glob| glob.is_match(&label));
        let is_wanted = (self.only.is_empty() || is_any(&self.only)) && !is_any(&self.without);
        if !is_wanted {
            return None;
        }
        let mut group = label;
        while !taken.insert(group.clone()) {
            group = format!("{group} ({number})");
        }
        Some(group)
    }
}

/// Where `column` stands among the columns, at the end if it was not there.
fn place(columns: &mut Vec<Oid>, column: Oid) -> usize {
    let found = columns.iter().position(|known| *known == column);
    found.unwrap_or_else(|| {
        columns.push(column);
        columns.len() - 1
    })
}

fn parse(field: &str, object: &str) -> Result<Oid, SnmpError> {
    object.parse().map_err(|source| SnmpError::Object {
        field: field.to_owned(),
        source,
    })
}

/// `*` is any text, `?` any one character.
fn globs(table: &str, globs: &[String]) -> Result<Vec<Regex>, SnmpError> {
    let glob = |glob: &String| {
        let any = regex::escape(glob).replace(r"\*", ".*").replace(r"\?", ".");
        // Only a pattern of many thousand characters can be too long to compile.
        let compiled = Regex::new(&format!("(?s)^{any}$")).ok();
        compiled
            .filter(|_| !glob.is_empty())
            .ok_or_else(|| SnmpError::Pattern(table.to_owned()))
    };
    globs.iter().map(glob).collect()
}

fn count(number: usize, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}
