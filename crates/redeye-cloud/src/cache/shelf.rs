use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;

use super::circuit::Circuit;
use super::entry::Entry;
use super::store::{Folder, Stamp};
use crate::kind::Kind;
use crate::scope::Scope;

/// The file of a scope's circuit.
const CIRCUIT: &str = "circuit";

pub(super) type Key = (Scope, Kind);
/// What was read of a file, and by what the file is known not to have changed.
type Read<T> = (Option<Stamp>, T);

/// What is kept, in memory and, if there is one, in a folder that processes share.
#[derive(Debug)]
pub(super) struct Shelf {
    pub(super) folder: Option<Arc<Folder>>,
    entries: Mutex<HashMap<Key, Read<Arc<Entry>>>>,
    circuits: Mutex<HashMap<Scope, Read<Circuit>>>,
}

impl Shelf {
    pub(super) fn new(folder: Option<Folder>) -> Self {
        Self {
            folder: folder.map(Arc::new),
            entries: Mutex::default(),
            circuits: Mutex::default(),
        }
    }

    /// What is kept, read again if another process wrote it.
    pub(super) fn entry(&self, scope: &Scope, kind: Kind) -> Arc<Entry> {
        let key = (scope.clone(), kind);
        let mut entries = self.entries.lock();
        let stamp = self
            .folder
            .as_ref()
            .and_then(|folder| folder.stamp(scope, kind.noun()));
        if let Some((known, entry)) = entries.get(&key)
            && (self.folder.is_none() || (*known == stamp && stamp.is_some()))
        {
            return entry.clone();
        }
        let read = self
            .folder
            .as_ref()
            .and_then(|folder| folder.read(scope, kind.noun()))
            .filter(|entry: &Entry| entry.kind == kind && entry.scope == *scope);
        // A folder that can no longer be read does not take away what we know.
        let entry = match (read, entries.get(&key)) {
            (Some(entry), _) => Arc::new(entry),
            (None, Some((_, entry))) => entry.clone(),
            (None, None) => Arc::new(Entry::new(scope.clone(), kind)),
        };
        entries.insert(key, (stamp, entry.clone()));
        entry
    }

    /// Changes what is kept, here and in the folder.
    pub(super) fn change(
        &self,
        scope: &Scope,
        kind: Kind,
        change: impl FnOnce(&mut Entry),
    ) -> io::Result<()> {
        let locked = match &self.folder {
            None => Ok(None),
            Some(folder) => folder.lock(scope, kind.noun()).map(Some),
        };
        let mut entry = Entry::clone(&self.entry(scope, kind));
        change(&mut entry);
        let written = match (&self.folder, &locked) {
            (Some(folder), Ok(_)) => folder.write(scope, kind.noun(), &entry),
            (Some(_), Err(error)) => Err(io::Error::new(error.kind(), error.to_string())),
            (None, _) => Ok(()),
        };
        let stamp = self
            .folder
            .as_ref()
            .and_then(|folder| folder.stamp(scope, kind.noun()));
        self.entries
            .lock()
            .insert((scope.clone(), kind), (stamp, Arc::new(entry)));
        if let Err(error) = &written {
            tracing::warn!(%scope, %kind, %error, "cannot keep an answer in its folder");
        }
        written
    }

    pub(super) fn circuit(&self, scope: &Scope) -> Circuit {
        let mut circuits = self.circuits.lock();
        let stamp = self
            .folder
            .as_ref()
            .and_then(|folder| folder.stamp(scope, CIRCUIT));
        if let Some((known, circuit)) = circuits.get(scope)
            && *known == stamp
        {
            return circuit.clone();
        }
        let read = self
            .folder
            .as_ref()
            .and_then(|folder| folder.read(scope, CIRCUIT));
        let circuit: Circuit = read.unwrap_or_default();
        circuits.insert(scope.clone(), (stamp, circuit.clone()));
        circuit
    }

    /// `change` says whether it changed anything.
    pub(super) fn change_circuit(&self, scope: &Scope, change: impl FnOnce(&mut Circuit) -> bool) {
        let mut circuit = self.circuit(scope);
        if !change(&mut circuit) {
            return;
        }
        if let Some(folder) = &self.folder
            && let Err(error) = folder.write(scope, CIRCUIT, &circuit)
        {
            tracing::warn!(%scope, %error, "cannot keep how a scope answers");
        }
        let stamp = self
            .folder
            .as_ref()
            .and_then(|folder| folder.stamp(scope, CIRCUIT));
        self.circuits.lock().insert(scope.clone(), (stamp, circuit));
    }
}
