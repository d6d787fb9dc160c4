use std::collections::{HashMap, HashSet};

use super::Key;
use crate::key_path::KeyPath;
use crate::node::{Entry, Map, Node, Value};
use crate::place::Place;
use crate::problem::{Problem, Problems};

/// Puts a map together: merge keys fill in what is not written, duplicates are
/// refused. `path` leads to the map.
pub(super) fn map(
    pairs: Vec<(Key, Node)>,
    path: impl Fn() -> KeyPath,
    problems: &mut Problems,
) -> Map {
    let has_merge = pairs.iter().any(|(key, _)| key.merge);
    let mut map = Map::new();
    let mut merges: HashMap<String, Place> = HashMap::new();
    let mut sources = Vec::new();
    for (key, node) in pairs {
        let Some(text) = key.text else { continue };
        let first = match key.merge {
            true => merges.get(&text),
            false => map.entry(&text).map(|entry| &entry.key_at),
        };
        if let Some(first) = first {
            let help = match key.merge {
                true => "merge several at once: `<<: [*one, *other]`",
                false => "remove one of the two",
            };
            let message = format!("duplicate key {text}, first at {first}");
            problems.add(Problem::new(&key.at, &path().key(&text), message).help(help));
        } else if key.merge {
            merges.insert(text, key.at);
            sources.push((map.len(), node));
        } else {
            map.insert(text, key.at, node);
        }
    }
    match has_merge {
        true => filled_in(map, sources, path, problems),
        false => map,
    }
}

/// The written keys, and at the places of the merge keys what those bring in.
fn filled_in(
    mut written: Map,
    sources: Vec<(usize, Node)>,
    path: impl Fn() -> KeyPath,
    problems: &mut Problems,
) -> Map {
    let mut known: HashSet<String> = HashSet::new();
    let mut brought: Vec<(usize, String, Entry)> = Vec::new();
    for (before, node) in sources {
        for (key, entry) in merged(node, &path, problems) {
            if !written.contains_key(&key) && known.insert(key.clone()) {
                brought.push((before, key, entry));
            }
        }
    }
    let mut map = Map::new();
    let mut brought = brought.into_iter().peekable();
    let last = written.len();
    for (index, (key, entry)) in std::mem::take(&mut written).into_iter().enumerate() {
        while let Some((_, key, entry)) = brought.next_if(|(before, ..)| *before <= index) {
            map.insert(key, entry.key_at, entry.node);
        }
        map.insert(key, entry.key_at, entry.node);
    }
    debug_assert!(brought.peek().is_none_or(|(before, ..)| *before == last));
    for (_, key, entry) in brought {
        map.insert(key, entry.key_at, entry.node);
    }
    map
}

/// The entries that `<<` brings in; the first of several maps wins.
fn merged(node: Node, path: impl Fn() -> KeyPath, problems: &mut Problems) -> Vec<(String, Entry)> {
    let sources = match node.value {
        Value::Seq(items) => items,
        _ => vec![node],
    };
    let mut entries = Vec::new();
    for source in sources {
        match source.value {
            Value::Map(map) => entries.extend(map),
            _ => {
                let message = format!("expected a map to merge, found {}", source.describe());
                problems.add(
                    Problem::new(&source.at, &path().key("<<"), message)
                        .help("write `<<: *name` with the anchor of a map"),
                );
            }
        }
    }
    entries
}
