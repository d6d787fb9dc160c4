//! From YAML to what cannot be wrong.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redeye_cloud::{Id, LAYERS_MAX, Name, Phase};
use rem_time::Span;
use rem_yaml::{At, Located, MapReader, Problems, Value};

use crate::definition::{Hold, Keep, Storage, Used, VOLUMES, Volumes};
use crate::handler::Handler;
use crate::shipped::{from_shipped, shipped as ours};

mod handler;

pub use handler::read_handler;

/// How long writing may be stopped unless the file says otherwise.
const HOLD: Span = Span::from_seconds(30);
/// The longest that a file may say.
const HOLD_MOST: Span = Span::from_seconds(600);
/// How often an exit is tried unless the file says otherwise.
const EXITS_TRIED: u32 = 3;
/// Snapshots kept unless the file says otherwise.
const KEEP_LAST: u32 = 7;

/// Where things named in a file are found.
#[derive(Clone, Debug)]
pub struct Places {
    /// Where paths of the file begin.
    pub folder: PathBuf,
    /// Where the scripts of the handlers that come with us are written.
    pub handlers: PathBuf,
}

/// Reads `storages:`, a map of names. All that is wrong goes to `problems`.
///
/// ```yaml
/// storages:
///   shop:
///     mount: /srv/shop
///     layers: [ext4, {lvm: {group: vg0, volume: shop}}]   # from the top down
///     volumes: {megavisor: ec2, ids: [vol-1, vol-2]}
///     verify: {script: verify.sh, timeout: 1m}
///     keep: {last: 7, younger: 30d}
/// ```
pub fn read_storages(at: &At<'_>, places: &Places, problems: &mut Problems) -> Vec<Storage> {
    let entries = at.entries(problems).unwrap_or_default();
    let read = |(name, at): &(Located<&str>, At<'_>)| storage(name, at, places, problems);
    entries.iter().filter_map(read).collect()
}

fn storage(
    name: &Located<&str>,
    at: &At<'_>,
    places: &Places,
    problems: &mut Problems,
) -> Option<Storage> {
    let mut map = at.map(problems)?;
    let own = match Name::new(name.value) {
        Ok(own) => Some(own),
        Err(why) => {
            problems.add(name.problem(why.to_string()));
            None
        }
    };
    let mounts = mounts(&mut map, places, problems);
    let layers = match map.get("layers") {
        Some(at) => layers(&at, places, problems),
        None => {
            let help = "write the layers from the top down, such as [ext4, {loop: {files: a.img}}]";
            problems.add(map.missing("layers").help(help));
            Vec::new()
        }
    };
    let volumes = map.get("volumes").and_then(|at| volumes(&at, problems));
    if map.has("layers") && LAYERS_MAX <= layers.len() {
        problems.add(at.problem(format!("a storage has at most {LAYERS_MAX} layers")));
    }
    let hold = match map.get("hold") {
        Some(at) => {
            let words = [("accepted", Hold::Accepted), ("completed", Hold::Completed)];
            at.one_of(&words, problems).unwrap_or(Hold::Accepted)
        }
        None => Hold::Accepted,
    };
    let hold_max = hold_max(&mut map, &layers, problems);
    let exits_tried = match map.get("exits_tried") {
        Some(at) => at.whole_number(1..=100, problems),
        None => None,
    };
    let exits_tried = exits_tried.and_then(|tried| u32::try_from(tried).ok());
    let verify = map
        .get("verify")
        .and_then(|at| handler::lone_script(&at, &places.folder, problems));
    let keep = map.get("keep").and_then(|at| keep(&at, problems));
    map.finish(problems);
    Some(Storage {
        name: own?,
        folder: std::path::absolute(&places.folder).unwrap_or_else(|_| places.folder.clone()),
        mounts,
        layers,
        volumes,
        hold,
        hold_max,
        exits_tried: exits_tried.unwrap_or(EXITS_TRIED),
        verify,
        keep: keep.unwrap_or(Keep {
            last: KEEP_LAST,
            younger: Span::ZERO,
        }),
    })
}

/// One path or a list of them, absolute.
fn mounts(map: &mut MapReader<'_>, places: &Places, problems: &mut Problems) -> Vec<PathBuf> {
    let Some(at) = map.get("mount") else {
        return Vec::new();
    };
    let items = match &at.node().value {
        Value::Seq(_) => at.items(problems).unwrap_or_default(),
        _ => vec![at],
    };
    let mut mounts: Vec<PathBuf> = Vec::new();
    for at in items {
        let Some(path) = at.read::<PathBuf>(problems) else {
            continue;
        };
        let path = places.folder.join(path);
        match std::path::absolute(&path) {
            Ok(path) if mounts.contains(&path) => {
                problems.add(at.problem(format!("given twice: {}", path.display())));
            }
            Ok(path) if path.parent().is_none() => {
                problems.add(at.problem("the root of all files is no storage of its own"));
            }
            Ok(path) if path.to_string_lossy().contains('\n') => {
                problems.add(at.problem("a line break in a path"));
            }
            Ok(path) => mounts.push(path),
            Err(why) => problems.add(at.problem(format!("no path: {why}"))),
        }
    }
    mounts
}

fn hold_max(map: &mut MapReader<'_>, layers: &[Used], problems: &mut Problems) -> Span {
    let at = map.get("hold_max");
    let read = at.as_ref().and_then(|at| at.read::<Span>(problems));
    let hold_max = read.unwrap_or(HOLD);
    if let Some(at) = &at
        && (hold_max.is_zero() || HOLD_MOST < hold_max)
    {
        problems.add(at.problem(format!(
            "expected more than nothing and at most {HOLD_MOST}"
        )));
    }
    // A freeze that is cut off is waited for before it is let go.
    for layer in layers {
        let script = layer
            .handler
            .script("snapshot", Phase::Entry, &layer.parameters);
        if let Some(script) = script.filter(|script| script.holds && hold_max < script.timeout) {
            let message = format!(
                "{} may take {} to stop writing, which is longer than hold_max: {hold_max}",
                layer.name, script.timeout
            );
            let at = at.as_ref().unwrap_or(map.at());
            problems.add(at.problem(message).help("write a longer hold_max"));
        }
    }
    hold_max
}

fn layers(at: &At<'_>, places: &Places, problems: &mut Problems) -> Vec<Used> {
    let mut layers: Vec<Used> = Vec::new();
    let items = at.items(problems).unwrap_or_default();
    if items.is_empty() {
        problems.add(at.problem("a storage needs at least one layer"));
    }
    for at in items {
        let Some((handler, given)) = layer(&at, places, problems) else {
            continue;
        };
        let parameters = parameters(&at, given.as_ref(), &handler, problems);
        let earlier = layers.iter();
        let many = earlier
            .filter(|layer| layer.handler.name == handler.name)
            .count();
        let name = match many {
            0 => handler.name.clone(),
            _ => format!("{}-{}", handler.name, many + 1),
        };
        layers.push(Used {
            name,
            handler,
            parameters,
        });
    }
    layers
}

/// `ext4`, `{lvm: {group: vg0}}`, or `{file: mine.yaml, with: {a: b}}`.
fn layer<'n>(
    at: &At<'n>,
    places: &Places,
    problems: &mut Problems,
) -> Option<(Arc<Handler>, Option<At<'n>>)> {
    if let Some(name) = at.node().as_str() {
        return Some((of_ours(at, name, places, problems)?, None));
    }
    let mut map = at.map(problems)?;
    if map.has("file") {
        let path = map.get("file")?.read::<PathBuf>(problems)?;
        let with = map.get("with");
        map.finish(problems);
        return Some((of_file(at, &places.folder.join(path), problems)?, with));
    }
    let entries = at.entries(problems)?;
    let [(name, given)] = &entries[..] else {
        let help = "write ext4, {ext4: {freeze: true}} or {file: mine.yaml, with: {…}}";
        problems.add(at.problem("expected one handler").help(help));
        return None;
    };
    let handler = of_ours(at, name.value, places, problems)?;
    Some((handler, Some(given.clone())))
}

fn of_ours(
    at: &At<'_>,
    name: &str,
    places: &Places,
    problems: &mut Problems,
) -> Option<Arc<Handler>> {
    match from_shipped(name, &places.handlers) {
        Ok(handler) => Some(Arc::new(handler)),
        Err(why) => {
            let near = rem_yaml::suggest(name, ours());
            let help = match near {
                Some(near) => format!("did you mean {near}?"),
                None => "a handler of your own is {file: mine.yaml}".to_owned(),
            };
            problems.add(at.problem(crate::chain(&why)).help(help));
            None
        }
    }
}

fn of_file(at: &At<'_>, path: &Path, problems: &mut Problems) -> Option<Arc<Handler>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(why) => {
            let message = format!("cannot read the handler {}: {why}", path.display());
            problems.add(at.problem(message));
            return None;
        }
    };
    let folder = path.parent().unwrap_or(Path::new("."));
    match read_handler(&path.display().to_string(), &text, folder) {
        Ok(handler) => Some(Arc::new(handler)),
        Err(more) => {
            problems.append(more);
            None
        }
    }
}

fn parameters(
    layer: &At<'_>,
    given: Option<&At<'_>>,
    handler: &Handler,
    problems: &mut Problems,
) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    for (name, parameter) in &handler.parameters {
        values.extend(
            parameter
                .default
                .clone()
                .map(|default| (name.clone(), default)),
        );
    }
    let entries = given
        .and_then(|at| at.entries(problems))
        .unwrap_or_default();
    for (name, at) in entries {
        if !handler.parameters.contains_key(name.value) {
            let known = handler.parameters.keys().map(String::as_str);
            let help = rem_yaml::suggest(name.value, known).map_or_else(
                || {
                    let all: Vec<&str> = handler.parameters.keys().map(String::as_str).collect();
                    format!("it has {}", all.join(", "))
                },
                |near| format!("did you mean {near}?"),
            );
            let message = format!("no parameter of {}: {}", handler.name, name.value);
            problems.add(name.problem(message).help(help));
            continue;
        }
        if let Some(value) = plain(&at, problems) {
            values.insert(name.value.to_owned(), value);
        }
    }
    for (name, parameter) in &handler.parameters {
        if parameter.required && !values.contains_key(name) {
            let message = format!("{} has to be told {name}", handler.name);
            let help = format!("write {{{}: {{{name}: …}}}}", handler.name);
            problems.add(layer.problem(message).help(help));
        }
    }
    values
}

/// A text, a number, a yes or no, or a list of those with a line for each.
fn plain(at: &At<'_>, problems: &mut Problems) -> Option<String> {
    match &at.node().value {
        Value::Int(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Seq(_) => {
            let items = at.items(problems)?;
            let lines: Option<Vec<String>> = items.iter().map(|at| plain(at, problems)).collect();
            Some(lines?.join("\n"))
        }
        _ => at.text(problems).map(str::to_owned),
    }
}

fn volumes(at: &At<'_>, problems: &mut Problems) -> Option<Volumes> {
    let mut map = at.map(problems)?;
    let mut name = |key: &'static str, problems: &mut Problems| {
        let at = map.get(key)?;
        at.parse_with(problems, |text| {
            Name::new(text).map_err(|why| why.to_string())
        })
    };
    let megavisor = name("megavisor", problems);
    let region = name("region", problems);
    if !map.has("megavisor") {
        problems.add(map.missing("megavisor"));
    }
    let mut ids: Vec<Id> = Vec::new();
    match map.get("ids") {
        None => problems.add(map.missing("ids").help("write ids: [vol-1, vol-2]")),
        Some(at) => {
            for at in at.items(problems).unwrap_or_default() {
                let id = at.parse_with(problems, |text| {
                    Id::new(text).map_err(|why| why.to_string())
                });
                match id {
                    Some(id) if ids.contains(&id) => {
                        problems.add(at.problem(format!("given twice: {id}")));
                    }
                    id => ids.extend(id),
                }
            }
            if ids.is_empty() {
                problems.add(at.problem(format!("{VOLUMES} names no volume")));
            }
        }
    }
    map.finish(problems);
    Some(Volumes {
        megavisor: megavisor?,
        region,
        ids,
    })
}

fn keep(at: &At<'_>, problems: &mut Problems) -> Option<Keep> {
    let mut map = at.map(problems)?;
    let last = match map.get("last") {
        Some(at) => at.whole_number(1..=100_000, problems),
        None => None,
    };
    let younger = map.with_default("younger", Span::ZERO, problems);
    map.finish(problems);
    Some(Keep {
        last: last
            .and_then(|last| u32::try_from(last).ok())
            .unwrap_or(KEEP_LAST),
        younger,
    })
}

#[cfg(test)]
mod tests;
