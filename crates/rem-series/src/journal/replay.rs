use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use rem_time::Span;
use serde_json::Value;

use crate::journal::record::{Part, Record, parts, records};
use crate::journal::segments;
use crate::series::Entry;
use crate::store::Inner;
use crate::{Declaration, Error, Opening, Result};

/// A series as a segment defines it.
struct Defined {
    /// `None` where its file cannot be used.
    entry: Option<Arc<Entry>>,
    /// The columns of its fields.
    columns: Vec<usize>,
}

/// Reads every segment and takes in what the files do not have. The segments stay
/// until that is written.
pub(crate) fn replay(store: &Inner, opening: &mut Opening) -> Result<()> {
    for (number, path) in segments(&store.paths.journal)? {
        let bytes = fs::read(&path).map_err(Error::io("read", &path))?;
        let before = opening.damage.len();
        let mut defined = HashMap::new();
        for part in parts(&bytes) {
            match part {
                Part::Block(payload) => {
                    let at = payload.as_ptr().addr() - bytes.as_ptr().addr();
                    block(store, number, payload, &mut defined, opening, (&path, at));
                }
                Part::Unfinished { at, bytes } => {
                    tracing::debug!(
                        "{}: unfinished block at {at}: {bytes} bytes",
                        path.display()
                    );
                }
                Part::Damage { at, bytes } => opening.damage.push(format!(
                    "{}: damaged from byte {at} on: {bytes} bytes",
                    path.display()
                )),
            }
        }
        if opening.damage.len() > before {
            keep_aside(&path, &bytes, opening)?;
        }
    }
    for damage in &opening.damage {
        tracing::warn!("journal: {damage}");
    }
    Ok(())
}

fn block(
    store: &Inner,
    segment: u64,
    payload: &[u8],
    defined: &mut HashMap<u32, Defined>,
    opening: &mut Opening,
    (path, at): (&Path, usize),
) {
    let mut undefined = 0;
    for record in records(payload) {
        match record {
            Some(Record::Definition { series, json }) => {
                match define(store, json) {
                    Ok(definition) => {
                        defined.insert(series, definition);
                    }
                    Err(error) => {
                        opening.damage.push(error.in_one_line());
                        let unusable = Defined {
                            entry: None,
                            columns: Vec::new(),
                        };
                        defined.insert(series, unusable);
                    }
                };
            }
            Some(Record::Sample {
                series,
                second,
                values,
            }) => match defined.get(&series) {
                Some(definition) => {
                    sample(store, segment, definition, second, &values, opening);
                }
                None => undefined += 1,
            },
            None => opening.damage.push(format!(
                "{}: the block at byte {at} ends in no record",
                path.display()
            )),
        }
    }
    if undefined > 0 {
        opening.damage.push(format!(
            "{}: samples whose series was defined in a damaged block before byte {at}: {undefined}",
            path.display()
        ));
    }
}

fn define(store: &Inner, json: &[u8]) -> Result<Defined> {
    let value: Value = serde_json::from_slice(json).unwrap_or_default();
    let name = value["series"].as_str().unwrap_or_default();
    let step = Span::from_seconds(value["step"].as_u64().unwrap_or_default());
    if let Some(beside) = &store.paths.beside
        && !beside.wants(name)
    {
        return Ok(Defined {
            entry: None,
            columns: Vec::new(),
        });
    }
    let entry = store.entry(name, step)?;
    let declaration = Declaration::from_json(&value["declared"]);
    if !declaration.is_empty() {
        // An existing file was altered when this was declared.
        entry.file.write().declare_if_new(&declaration)?;
    }
    let mut state = entry.state.lock();
    state.declare(&declaration);
    let names = value["fields"].as_array().into_iter().flatten();
    let columns = names
        .map(|field| state.field(name, field.as_str().unwrap_or_default()))
        .collect::<Result<Vec<_>>>()?;
    drop(state);
    Ok(Defined {
        entry: Some(entry),
        columns,
    })
}

fn sample(
    store: &Inner,
    segment: u64,
    definition: &Defined,
    second: i64,
    values: &[(u16, f64)],
    opening: &mut Opening,
) {
    let Some(entry) = &definition.entry else {
        return;
    };
    let mut state = entry.state.lock();
    if second <= state.written_to {
        opening.skipped += 1;
        return;
    }
    let cell = |(field, value): &(u16, f64)| {
        let column = definition.columns.get(usize::from(*field))?;
        Some((*column, *value))
    };
    let values = values.iter().filter_map(cell);
    state.replay(second, segment, values, store.options.recent);
    opening.replayed += 1;
}

/// A damaged segment is copied for whoever can read more of it than we can.
fn keep_aside(path: &Path, bytes: &[u8], opening: &mut Opening) -> Result<()> {
    let aside = path.with_extension("journal.damaged");
    fs::write(&aside, bytes).map_err(Error::io("write", &aside))?;
    let kept = format!("{}: kept as {}", path.display(), aside.display());
    opening.damage.push(kept);
    Ok(())
}
