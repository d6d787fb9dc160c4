use redeye_cloud::{Kind, Operation, OperationId, OperationState, Verb};
use redeye_cloud_home::HomeMegavisor;
use redeye_storage::StorageOperation;
use rem_command::{Cell, Table, Tone, colour, say, visible};
use serde_json::json;

use crate::arguments::{Noun, Op, Output};
use crate::exit::{End, Mistake};
use crate::session::Session;
use crate::{cost, nouns, show, storage, writes};

pub(crate) async fn run(session: &Session<'_>, noun: &Noun) -> anyhow::Result<End> {
    match noun {
        Noun::Instance(verb) => nouns::instance(session, verb).await,
        Noun::Volume(verb) => nouns::volume(session, verb).await,
        Noun::Snapshot(verb) => nouns::snapshot(session, verb).await,
        Noun::Ip(verb) => nouns::ip(session, verb).await,
        Noun::Key(verb) => nouns::key(session, verb).await,
        Noun::Image(verb) => nouns::image(session, verb).await,
        Noun::Lb(verb) => nouns::lb(session, verb).await,
        Noun::Firewall(verb) => nouns::firewall(session, verb).await,
        Noun::Region(verb) => nouns::look(session, Kind::Region, verb).await,
        Noun::Zone(verb) => nouns::look(session, Kind::Zone, verb).await,
        Noun::Size(verb) => nouns::look(session, Kind::Size, verb).await,
        Noun::Capacity(verb) => nouns::look(session, Kind::Capacity, verb).await,
        Noun::Cost(verb) => cost::run(session, verb).await,
        Noun::Storage(verb) => storage::run(session, verb).await,
        Noun::Op(verb) => op(session, verb).await,
        Noun::Megavisors => megavisors(session),
        // None of them needs a session of ours.
        Noun::Init { .. }
        | Noun::StorageWatchdog
        | Noun::Completions { .. }
        | Noun::Daemon { .. } => Ok(End::Done),
    }
}

fn operation_id(text: &str) -> Result<OperationId, Mistake> {
    text.parse()
        .map_err(|why: redeye_cloud::NotAnOperation| Mistake(why.to_string()))
}

async fn op(session: &Session<'_>, verb: &Op) -> anyhow::Result<End> {
    if let Some(end) = storage::op(session, verb).await? {
        return Ok(end);
    }
    let cloud = session.cloud().await?;
    match verb {
        Op::List { all } => {
            let operations = cloud.operations(*all).await?;
            let storages = storage::operations(session, *all).await?;
            show_operations(session, &operations, &storages)?;
        }
        Op::Show { id } => {
            let operation = cloud.operation(operation_id(id)?).await?;
            show_operation(session, &operation)?;
        }
        Op::Wait { id } => {
            return writes::follow(session, vec![operation_id(id)?], End::Done).await;
        }
        Op::Resume => {
            let taken = cloud.resume().await?;
            let storages = storage::resume(session).await?;
            return writes::follow(session, taken, storages).await;
        }
        Op::Cancel { id } => {
            let id = operation_id(id)?;
            cloud.cancel(id, "the command line").await?;
            writes::follow(session, vec![id], End::Done).await?;
        }
        Op::Resolve { id, why } => {
            cloud
                .resolve(operation_id(id)?, "the command line", why)
                .await?;
        }
    }
    Ok(End::Done)
}

fn show_operations(
    session: &Session<'_>,
    operations: &[Operation],
    storages: &[StorageOperation],
) -> anyhow::Result<()> {
    match session.common.output {
        Output::Json | Output::Yaml => show::print(
            session.common,
            &json!({"operations": operations, "storages": storages}),
        ),
        Output::Id => {
            let ids = operations.iter().map(|one| one.request.id);
            let ids = ids.chain(storages.iter().map(|one| one.id));
            let ids = ids.map(|id| format!("{id}\n"));
            Ok(say(&ids.collect::<String>())?)
        }
        Output::Text | Output::Table => {
            let mut table = Table::new(["ID", "STATE", "WHAT", "ON", "BY", "SINCE", "LAST"]);
            for one in operations {
                let targets = one.request.action.targets();
                let on: Vec<&str> = targets.iter().map(|(_, id)| id.as_str()).collect();
                let last = one.lines.last().map_or("", |line| line.text.as_str());
                let tone = match one.state {
                    OperationState::Done { .. } => Tone::Good,
                    OperationState::Failed { .. } | OperationState::Stuck { .. } => Tone::Bad,
                    _ => Tone::Plain,
                };
                table.row([
                    Cell::from(one.request.id.to_string()),
                    Cell::toned(one.state.name(), tone),
                    Cell::from(one.request.action.verb().to_string()),
                    Cell::from(on.join(" ")),
                    Cell::from(one.by.clone()),
                    Cell::from(one.created.to_string()),
                    Cell::from(last.to_owned()),
                ]);
            }
            for one in storages {
                table.row(storage::row(one));
            }
            Ok(say(&table.text(colour()))?)
        }
    }
}

fn show_operation(session: &Session<'_>, operation: &Operation) -> anyhow::Result<()> {
    if matches!(session.common.output, Output::Json | Output::Yaml) {
        return show::print(session.common, &json!({"operation": operation}));
    }
    let mut text = format!(
        "{}  {}  {}  by {}\n",
        operation.request.id,
        operation.request.action.verb(),
        operation.state.name(),
        operation.by
    );
    for line in &operation.lines {
        text += &format!("{}  {}\n", line.at, visible(&line.text));
    }
    Ok(say(&text)?)
}

fn megavisors(session: &Session<'_>) -> anyhow::Result<End> {
    let all = session.megavisors();
    if matches!(session.common.output, Output::Json | Output::Yaml) {
        let all: Vec<_> = all
            .iter()
            .map(|one| {
                json!({
                    "name": one.info().name,
                    "version": one.info().version,
                    "sort": one.info().sort,
                    "hardware_set": session.home(one).and_then(HomeMegavisor::hardware_set),
                    "scopes": one.info().scopes,
                    "capabilities": one.capabilities(),
                })
            })
            .collect();
        show::print(session.common, &json!({"megavisors": all}))?;
        return Ok(End::Done);
    }
    let mut table = Table::new(["NAME", "VERSION", "HARDWARE", "LISTS", "DOES"]);
    for one in all {
        let lists: Vec<&str> = one
            .capabilities()
            .lists
            .iter()
            .map(|kind| kind.noun())
            .collect();
        let hardware = session.home(one).and_then(HomeMegavisor::hardware_set);
        let does: Vec<String> = one
            .capabilities()
            .does
            .iter()
            .map(Verb::to_string)
            .collect();
        table.row([
            Cell::from(one.info().name.to_string()),
            Cell::from(one.info().version.to_string()),
            Cell::from(hardware.unwrap_or("").to_owned()),
            Cell::from(lists.join(", ")),
            Cell::from(format!("{} verbs: {}", does.len(), does.join(", "))),
        ]);
    }
    say(&table.text(colour()))?;
    Ok(End::Done)
}
