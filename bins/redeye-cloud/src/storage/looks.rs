//! How storages, their snapshots and what is done with them are shown.

use std::path::PathBuf;

use redeye_storage::{
    Completeness, Storage, StorageOperation, StorageSnapshot, StorageState, Storages,
};
use rem_command::{Cell, Table, Tone, colour, say, visible};
use rem_time::Span;
use serde_json::{Value, json};

use crate::arguments::Output;
use crate::exit::End;
use crate::session::Session;
use crate::show;

pub(super) fn mounts(storage: &Storage) -> Vec<String> {
    let shown = |mount: &PathBuf| mount.display().to_string();
    storage.mounts.iter().map(shown).collect()
}

async fn described(storages: &Storages, storage: &Storage) -> anyhow::Result<Value> {
    let name = storage.name.as_str();
    let snapshots = storages.snapshots(name).await?;
    let good = snapshots.iter().find(|one| one.is_good());
    let under_way = storages.operations(false).await?;
    let under_way = under_way.iter().find(|one| one.storage == storage.name);
    Ok(json!({
        "name": name,
        "mounts": mounts(storage),
        "layers": storage.layer_names(),
        "snapshots": snapshots.len(),
        "newest": snapshots.first().map(|one| one.taken),
        "newest_good": good.map(|one| one.taken),
        "state": under_way.map_or("idle", |one| one.state.name()),
        "operation": under_way.map(|one| one.id),
        "hold_max": storage.hold_max,
        "keep": {"last": storage.keep.last, "younger": storage.keep.younger},
    }))
}

/// A value in one cell.
fn cell(value: &Value) -> String {
    crate::reads::plain(value)
}

pub(super) async fn list(session: &Session<'_>, storages: &Storages) -> anyhow::Result<End> {
    let mut all = Vec::new();
    for storage in storages.all() {
        all.push(described(storages, storage).await?);
    }
    const COLUMNS: [&str; 7] = [
        "name",
        "mounts",
        "layers",
        "state",
        "snapshots",
        "newest",
        "newest_good",
    ];
    rows(session, "storages", "name", &all, &COLUMNS)?;
    Ok(End::Done)
}

/// A list in whatever form was asked for.
fn rows(
    session: &Session<'_>,
    name: &str,
    id: &str,
    all: &[Value],
    columns: &[&str],
) -> anyhow::Result<()> {
    let line =
        |one: &Value| -> Vec<String> { columns.iter().map(|column| cell(&one[*column])).collect() };
    match session.common.output {
        Output::Json | Output::Yaml => show::print(session.common, &json!({ name: all })),
        Output::Id => {
            let ids = all.iter().map(|one| format!("{}\n", cell(&one[id])));
            Ok(say(&ids.collect::<String>())?)
        }
        Output::Text => {
            let lines = all.iter().map(|one| format!("{}\n", line(one).join("\t")));
            Ok(say(&lines.collect::<String>())?)
        }
        Output::Table => {
            let titles = columns
                .iter()
                .map(|name| name.replace('_', " ").to_uppercase());
            let mut table = Table::new(titles);
            for one in all {
                table.row(line(one).into_iter().map(toned));
            }
            Ok(say(&table.text(colour()))?)
        }
    }
}

fn toned(text: String) -> Cell {
    match text.as_str() {
        "complete" | "good" | "idle" => Cell::toned(text, Tone::Good),
        "broken" | "bad" | "stuck" => Cell::toned(text, Tone::Bad),
        _ => Cell::from(text),
    }
}

pub(super) async fn one(
    session: &Session<'_>,
    storages: &Storages,
    name: &str,
) -> anyhow::Result<End> {
    let described = described(storages, storages.storage(name)?).await?;
    match session.common.output {
        Output::Json | Output::Yaml => {
            show::print(session.common, &json!({"storage": described}))?;
        }
        Output::Id => say(&format!("{name}\n"))?,
        Output::Text | Output::Table => {
            for (name, value) in described.as_object().into_iter().flatten() {
                say(&format!("{name:11}  {}\n", visible(&cell(value))))?;
            }
        }
    }
    Ok(End::Done)
}

pub(super) async fn snapshots(
    session: &Session<'_>,
    storages: &Storages,
    name: &str,
) -> anyhow::Result<End> {
    let all = storages.snapshots(name).await?;
    let shown = |one: &StorageSnapshot| {
        let (state, why) = match &one.state {
            Completeness::Pending => ("pending", None),
            Completeness::Complete => ("complete", None),
            Completeness::Broken(why) => ("broken", Some(why)),
        };
        let (verified, bad) = match &one.verified {
            None => (None, None),
            Some(found) => match &found.bad {
                None => (Some("good"), None),
                Some(why) => (Some("bad"), Some(why)),
            },
        };
        json!({
            "id": one.id,
            "taken": one.taken,
            "state": state,
            "verified": verified,
            "verified_at": one.verified.as_ref().map(|found| found.at),
            "held": one.held.map(|held| Span::from_millis(held.as_millis())),
            "why": why.or(bad),
            "made": one.made,
        })
    };
    let all: Vec<Value> = all.iter().map(shown).collect();
    const COLUMNS: [&str; 6] = ["id", "taken", "state", "verified", "held", "why"];
    rows(session, "snapshots", "id", &all, &COLUMNS)?;
    Ok(End::Done)
}

/// The cells of one in `op list`.
pub(crate) fn row(one: &StorageOperation) -> [Cell; 7] {
    let last = one.lines.last().map_or("", |line| line.text.as_str());
    let tone = match one.state {
        StorageState::Done { .. } => Tone::Good,
        StorageState::Failed { .. } | StorageState::Stuck { .. } => Tone::Bad,
        _ => Tone::Plain,
    };
    [
        Cell::from(one.id.to_string()),
        Cell::toned(one.state.name(), tone),
        Cell::from(format!("storage {}", one.job.name())),
        Cell::from(one.storage.to_string()),
        Cell::from(one.by.clone()),
        Cell::from(one.created.to_string()),
        Cell::from(last.to_owned()),
    ]
}

pub(super) fn show_one(session: &Session<'_>, operation: &StorageOperation) -> anyhow::Result<()> {
    if matches!(session.common.output, Output::Json | Output::Yaml) {
        return show::print(session.common, &json!({"operation": operation}));
    }
    let mut text = format!(
        "{}  storage {} {}  {}  by {}\n",
        operation.id,
        operation.job.name(),
        operation.storage,
        operation.state.name(),
        operation.by
    );
    for line in &operation.lines {
        text += &format!("{}  {}\n", line.at, visible(&line.text));
    }
    for (at, word) in operation.trace().iter().enumerate() {
        let step = &operation.steps[at];
        let how = match (&step.ended, &step.failed) {
            (None, _) => "cut off".to_owned(),
            (_, Some(why)) => format!("failed: {}", visible(why)),
            (Some(_), None) => "ok".to_owned(),
        };
        text += &format!("{}  {} {word}: {how}\n", step.began, step.function);
    }
    Ok(say(&text)?)
}
