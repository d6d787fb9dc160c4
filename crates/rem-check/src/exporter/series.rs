//! Samples to readings, and the series that are known.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, RandomState};

use super::names::Names;
use super::{ExporterOptions, Histograms};
use crate::exposition::{Part, Sample, Type};
use crate::{Kind, Reading, Unit};

/// The series of one scrape while it comes in.
#[derive(Debug)]
pub(super) struct Series<'a> {
    options: &'a ExporterOptions,
    names: &'a Names,
    /// Whether the last name is taken; the next sample mostly has the same.
    last: (String, bool),
    scrape: Scrape,
    /// The first of each hash; the others of it are further on.
    index: HashMap<u64, usize>,
    hasher: RandomState,
    group: String,
    over_limit: Option<String>,
}

/// A scrape that came in whole.
#[derive(Debug, Default)]
pub(super) struct Scrape {
    pub(super) readings: Vec<Reading>,
    pub(super) samples: usize,
    /// Samples of a series that was there already.
    pub(super) twice: usize,
}

impl<'a> Series<'a> {
    pub(super) fn new(options: &'a ExporterOptions, names: &'a Names) -> Self {
        Self {
            options,
            names,
            last: (String::new(), false),
            scrape: Scrape::default(),
            index: HashMap::new(),
            hasher: RandomState::new(),
            group: String::new(),
            over_limit: None,
        }
    }

    pub(super) fn add(&mut self, sample: &Sample<'_>) {
        if self.over_limit.is_some() {
            return;
        }
        self.scrape.samples += 1;
        if self.scrape.samples > self.options.samples_max {
            let limit = self.options.samples_max;
            self.over_limit = Some(format!("there are more than {limit} samples"));
            return;
        }
        let is_left_out = match sample.part() {
            Part::Created => true,
            Part::Bucket => self.options.histograms == Histograms::Sums,
            Part::Value | Part::Count | Part::Sum => false,
        };
        if is_left_out || !self.takes(sample.name()) {
            return;
        }
        write_group(sample, &mut self.group);
        let (group, field) = (self.group.as_str(), sample.name());
        let is_same = |reading: &Reading| {
            reading.field == field && reading.group.as_deref().unwrap_or_default() == group
        };
        let hash = self.hasher.hash_one((field, group));
        match self.index.entry(hash) {
            Entry::Occupied(first) => {
                // Two series of one hash are a rarity that may cost a search.
                let mut from_first = self.scrape.readings[*first.get()..].iter();
                if from_first.any(is_same) {
                    self.scrape.twice += 1;
                    return;
                }
            }
            Entry::Vacant(place) => {
                place.insert(self.scrape.readings.len());
            }
        }
        if self.scrape.readings.len() == self.options.series_max {
            let limit = self.options.series_max;
            self.over_limit = Some(format!(
                "there are more than {limit} series; take less with only or without"
            ));
            return;
        }
        let reading = match sample.is_counter() {
            true => Reading::counter(field, sample.value(), unit(sample)),
            false => Reading::gauge(field, sample.value(), unit(sample)),
        };
        self.scrape.readings.push(match group {
            "" => reading,
            group => reading.of(group),
        });
    }

    pub(super) fn over_limit(&mut self) -> Option<String> {
        self.over_limit.take()
    }

    pub(super) fn finish(self) -> Scrape {
        self.scrape
    }

    fn takes(&mut self, name: &str) -> bool {
        if self.last.0 != name {
            self.last.0.clear();
            self.last.0.push_str(name);
            self.last.1 = self.names.take(name);
        }
        self.last.1
    }
}

/// `device=sda,mode=read`: in the order of the names, so that it names the
/// series whatever order the exporter has them in. A value that would make it
/// ambiguous is quoted.
fn write_group(sample: &Sample<'_>, group: &mut String) {
    group.clear();
    let mut last = "";
    let is_sorted = sample.labels().all(|(name, _)| {
        let is_later = last < name;
        last = name;
        is_later
    });
    let mut add = |(name, value): (&str, &str)| {
        if !group.is_empty() {
            group.push(',');
        }
        push_plain(name, group);
        group.push('=');
        push_plain(value, group);
    };
    if is_sorted {
        sample.labels().for_each(add);
        return;
    }
    let mut labels: Vec<_> = sample.labels().collect();
    labels.sort_unstable();
    labels.into_iter().for_each(&mut add);
}

fn push_plain(text: &str, group: &mut String) {
    let is_plain = |byte: u8| !matches!(byte, b',' | b'=' | b'"' | b'\\') && byte >= b' ';
    if text.bytes().all(is_plain) {
        group.push_str(text);
        return;
    }
    group.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => group.extend(['\\', c]),
            '\n' => group.push_str("\\n"),
            c => group.push(c),
        }
    }
    group.push('"');
}

fn unit(sample: &Sample<'_>) -> Unit {
    if matches!(sample.part(), Part::Count | Part::Bucket) || sample.family() == Type::Info {
        return Unit::One;
    }
    let name = sample.name();
    let stem = ["_total", "_sum", "_gsum"];
    let stem = stem.iter().find_map(|suffix| name.strip_suffix(suffix));
    let stem = stem.unwrap_or(name);
    let word = match sample.unit() {
        Some(unit) if !unit.is_empty() => unit,
        _ => stem.rsplit('_').next().unwrap_or_default(),
    };
    match word {
        "seconds" => Unit::Seconds,
        "bytes" => Unit::Bytes,
        "percent" => Unit::Percent,
        "days" => Unit::Days,
        "celsius" => Unit::Other(Cow::Borrowed("°C")),
        "volts" => Unit::Other(Cow::Borrowed("V")),
        "amperes" => Unit::Other(Cow::Borrowed("A")),
        "watts" => Unit::Other(Cow::Borrowed("W")),
        "joules" => Unit::Other(Cow::Borrowed("J")),
        "hertz" => Unit::Other(Cow::Borrowed("Hz")),
        "meters" => Unit::Other(Cow::Borrowed("m")),
        "grams" => Unit::Other(Cow::Borrowed("g")),
        _ => Unit::One,
    }
}

/// The series of the last scrape.
#[derive(Debug, Default)]
pub(super) struct Known {
    series: HashMap<(Option<String>, String), Kinds>,
    generation: u64,
}

#[derive(Debug)]
struct Kinds {
    unit: Unit,
    kind: Kind,
    generation: u64,
}

impl Known {
    /// The readings of a new scrape, and those that are gone as unknown.
    pub(super) fn replace(&mut self, scrape: Scrape) -> Vec<Reading> {
        self.generation += 1;
        let generation = self.generation;
        let mut readings = scrape.readings;
        for reading in &mut readings {
            let key = (reading.group.take(), std::mem::take(&mut reading.field));
            match self.series.get_mut(&key) {
                Some(known) => known.generation = generation,
                None => {
                    let kinds = Kinds {
                        unit: reading.unit.clone(),
                        kind: reading.kind,
                        generation,
                    };
                    self.series.insert(key.clone(), kinds);
                }
            }
            (reading.group, reading.field) = key;
        }
        if self.series.len() > readings.len() {
            let gone = self
                .series
                .extract_if(|_, known| known.generation != generation);
            let mut gone: Vec<_> = gone.map(|(key, kinds)| unknown(&key, &kinds)).collect();
            gone.sort_by(|a, b| (&a.group, &a.field).cmp(&(&b.group, &b.field)));
            readings.append(&mut gone);
        }
        readings
    }

    /// All of them as unknown; they stay known.
    pub(super) fn lost(&self) -> Vec<Reading> {
        let mut lost: Vec<_> = self
            .series
            .iter()
            .map(|(key, kinds)| unknown(key, kinds))
            .collect();
        lost.sort_by(|a, b| (&a.group, &a.field).cmp(&(&b.group, &b.field)));
        lost
    }
}

fn unknown((group, field): &(Option<String>, String), kinds: &Kinds) -> Reading {
    Reading {
        group: group.clone(),
        field: field.clone(),
        value: None,
        unit: kinds.unit.clone(),
        kind: kinds.kind,
        bounds: None,
    }
}
