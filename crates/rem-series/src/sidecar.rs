use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::name::data_source_name;
use crate::{Error, Result};

#[cfg(test)]
mod tests;

/// What an RRD file cannot hold: the name of its series where the file name was
/// cut, names of fields that are not names of data sources, and units. It stands
/// in `<file>.json` beside the file, and only where there is something to say.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Sidecar {
    pub(crate) series: Option<String>,
    /// Field name to data source name, where they differ.
    sources: BTreeMap<String, String>,
    pub(crate) units: BTreeMap<String, String>,
}

impl Sidecar {
    pub(crate) fn path_of(rrd: &Path) -> PathBuf {
        let mut path = rrd.as_os_str().to_owned();
        path.push(".json");
        path.into()
    }

    /// Reads the one of a file; a missing one says nothing.
    pub(crate) fn read(rrd: &Path) -> Result<Self> {
        let path = Self::path_of(rrd);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => return Err(Error::io("read", &path)(error)),
        };
        let value: Value = serde_json::from_slice(&text).map_err(|error| Error::Damaged {
            path,
            reason: error.to_string(),
        })?;
        let texts = |key: &str| {
            let map = value[key].as_object().into_iter().flatten();
            map.filter_map(|(name, text)| Some((name.clone(), text.as_str()?.to_owned())))
                .collect()
        };
        Ok(Self {
            series: value["series"].as_str().map(Into::into),
            sources: texts("fields"),
            units: texts("units"),
        })
    }

    /// Writes it beside the file, before the file comes to rely on it.
    pub(crate) fn write(&self, rrd: &Path) -> Result<()> {
        if *self == Self::default() {
            return Ok(());
        }
        let value = json!({
            "series": self.series,
            "fields": self.sources,
            "units": self.units,
        });
        let path = Self::path_of(rrd);
        replace_file(&path, format!("{value:#}\n").as_bytes())
    }

    /// The data source of a field, if it has one: its own name unless that
    /// belongs to another field.
    pub(crate) fn source<'a>(&'a self, field: &'a str) -> Option<&'a str> {
        match self.sources.get(field) {
            Some(source) => Some(source),
            None if self.sources.values().any(|source| source == field) => None,
            None => Some(field),
        }
    }

    /// The field of a data source.
    pub(crate) fn field<'a>(&'a self, source: &'a str) -> &'a str {
        let named = self.sources.iter().find(|(_, ds)| *ds == source);
        named.map_or(source, |(field, _)| field)
    }

    /// Finds a data source name for a new field that none of `existing` has.
    pub(crate) fn add(&mut self, field: &str, existing: &[String]) -> String {
        if let Some(source) = self.sources.get(field) {
            return source.clone();
        }
        let taken = |name: &str| {
            existing.iter().any(|ds| ds == name) || self.sources.values().any(|ds| ds == name)
        };
        let source = data_source_name(field, taken);
        if source != field {
            self.sources.insert(field.into(), source.clone());
        }
        source
    }
}

/// Puts a whole new content under a name: readers see the old or the new one.
fn replace_file(path: &Path, content: &[u8]) -> Result<()> {
    let temporary = beside(path, "new");
    let write = || {
        let mut file = File::create(&temporary)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    write().map_err(Error::io("write", path))?;
    sync_folder_of(path)
}

/// A hidden neighbour of a file. Series names never make a leading dot.
pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{ending}"))
}

/// Makes a new name in a folder survive a power failure.
pub(crate) fn sync_folder_of(path: &Path) -> Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(Error::io("sync", folder))
}
