use std::os::unix::process::CommandExt;
use std::time::{Duration, Instant};

use redeye_cloud::{
    Action, Kind, Megavisor, Operation, OperationId, OperationState, Power, Tags, Verb,
};
use redeye_storage::StorageOperation;
use rem_command::{Cell, Table, Tone, colour, say, tell, visible};
use serde_json::json;

use crate::arguments::{Image, Instance, Ip, Key, Look, Noun, Op, Output, Snapshot, Volume};
use crate::exit::{End, Mistake};
use crate::session::Session;
use crate::writes::{bytes, id, ids, new_instance, new_volume, optional, tag};
use crate::{reads, show, storage, writes};

/// How often a machine that is waited for is looked at.
const LOOK: Duration = Duration::from_millis(500);

pub(crate) async fn run(session: &Session<'_>, noun: &Noun) -> anyhow::Result<End> {
    match noun {
        Noun::Instance(verb) => instance(session, verb).await,
        Noun::Volume(verb) => volume(session, verb).await,
        Noun::Snapshot(verb) => snapshot(session, verb).await,
        Noun::Ip(verb) => ip(session, verb).await,
        Noun::Key(verb) => key(session, verb).await,
        Noun::Image(verb) => image(session, verb).await,
        Noun::Lb(verb) => look(session, Kind::LoadBalancer, verb).await,
        Noun::Firewall(verb) => look(session, Kind::Firewall, verb).await,
        Noun::Region(verb) => look(session, Kind::Region, verb).await,
        Noun::Zone(verb) => look(session, Kind::Zone, verb).await,
        Noun::Size(verb) => look(session, Kind::Size, verb).await,
        Noun::Capacity(verb) => look(session, Kind::Capacity, verb).await,
        Noun::Storage(verb) => storage::run(session, verb).await,
        Noun::Op(verb) => op(session, verb).await,
        Noun::Megavisors => megavisors(session),
        // Neither needs a session.
        Noun::Init { .. } | Noun::StorageWatchdog | Noun::Completions { .. } => Ok(End::Done),
    }
}

async fn look(session: &Session<'_>, kind: Kind, verb: &Look) -> anyhow::Result<End> {
    match verb {
        Look::List => reads::list(session, kind).await,
        Look::Show { id } => reads::one(session, kind, id).await,
    }
}

async fn instance(session: &Session<'_>, verb: &Instance) -> anyhow::Result<End> {
    let each = |texts: &[String], action: &dyn Fn(redeye_cloud::Id) -> Action| {
        anyhow::Ok(ids(texts)?.into_iter().map(action).collect::<Vec<_>>())
    };
    let actions = match verb {
        Instance::List => return reads::list(session, Kind::Instance).await,
        Instance::Show { id } => return reads::one(session, Kind::Instance, id).await,
        Instance::Console { id } => return console(session, id),
        Instance::Wait { id, wanted } => return wait(session, id, wanted).await,
        Instance::Request(asked) => new_instance(asked)?,
        Instance::Start { ids } => each(ids, &|id| Action::StartInstance { id })?,
        Instance::Stop { ids, force } => {
            each(ids, &|id| Action::StopInstance { id, force: *force })?
        }
        Instance::Reboot { ids, force } => {
            each(ids, &|id| Action::RebootInstance { id, force: *force })?
        }
        Instance::Terminate { ids } => each(ids, &|id| Action::TerminateInstance { id })?,
        Instance::Protect { id: which, off } => vec![Action::ProtectInstance {
            id: id(which)?,
            on: !off,
        }],
        Instance::Tag { id, tags } => vec![tag(Kind::Instance, id, tags)?],
    };
    writes::run(session, actions).await
}

async fn volume(session: &Session<'_>, verb: &Volume) -> anyhow::Result<End> {
    let actions = match verb {
        Volume::List => return reads::list(session, Kind::Volume).await,
        Volume::Show { id } => return reads::one(session, Kind::Volume, id).await,
        Volume::Create {
            size,
            snapshot,
            name,
            zone,
            sort,
        } => vec![new_volume(
            size.as_ref(),
            snapshot.as_ref(),
            name.as_ref(),
            zone.as_ref(),
            sort.as_ref(),
        )?],
        Volume::Attach {
            id: which,
            instance,
            device,
        } => vec![Action::AttachVolume {
            id: id(which)?,
            instance: id(instance)?,
            device: device.clone(),
        }],
        Volume::Detach { id: which, force } => vec![Action::DetachVolume {
            id: id(which)?,
            instance: None,
            force: *force,
        }],
        Volume::Resize { id: which, size } => vec![Action::ResizeVolume {
            id: id(which)?,
            bytes: bytes(size)?,
        }],
        Volume::Delete { ids: which } => {
            let which = ids(which)?.into_iter();
            which.map(|id| Action::DeleteVolume { id }).collect()
        }
    };
    writes::run(session, actions).await
}

async fn snapshot(session: &Session<'_>, verb: &Snapshot) -> anyhow::Result<End> {
    let actions = match verb {
        Snapshot::List => return reads::list(session, Kind::Snapshot).await,
        Snapshot::Show { id } => return reads::one(session, Kind::Snapshot, id).await,
        Snapshot::Create {
            volumes,
            description,
        } => vec![Action::CreateSnapshots {
            volumes: ids(volumes)?,
            description: description.clone(),
            tags: Tags::new(),
        }],
        Snapshot::Restore { id, name } => {
            vec![new_volume(None, Some(id), name.as_ref(), None, None)?]
        }
        Snapshot::Delete { ids: which } => {
            let which = ids(which)?.into_iter();
            which.map(|id| Action::DeleteSnapshot { id }).collect()
        }
    };
    writes::run(session, actions).await
}

async fn ip(session: &Session<'_>, verb: &Ip) -> anyhow::Result<End> {
    let actions = match verb {
        Ip::List => return reads::list(session, Kind::FloatingIp).await,
        Ip::Show { id } => return reads::one(session, Kind::FloatingIp, id).await,
        Ip::Allocate => vec![Action::AllocateIp { tags: Tags::new() }],
        Ip::Move {
            id: which,
            instance,
        } => vec![Action::MoveIp {
            id: id(which)?,
            instance: optional(Some(instance).filter(|instance| *instance != "none"))?,
        }],
        Ip::Release { ids: which } => {
            let which = ids(which)?.into_iter();
            which.map(|id| Action::ReleaseIp { id }).collect()
        }
    };
    writes::run(session, actions).await
}

async fn key(session: &Session<'_>, verb: &Key) -> anyhow::Result<End> {
    let actions = match verb {
        Key::List => return reads::list(session, Kind::KeyPair).await,
        Key::Show { id } => return reads::one(session, Kind::KeyPair, id).await,
        Key::Create { name } => vec![Action::CreateKey {
            name: name.clone(),
            tags: Tags::new(),
        }],
        Key::Import { name, file } => {
            let public_key = std::fs::read_to_string(file)
                .map_err(|why| Mistake(format!("cannot read {}: {why}", file.display())))?;
            vec![Action::ImportKey {
                name: name.clone(),
                public_key,
                tags: Tags::new(),
            }]
        }
        Key::Delete { ids: which } => {
            let which = ids(which)?.into_iter();
            which.map(|id| Action::DeleteKey { id }).collect()
        }
    };
    writes::run(session, actions).await
}

async fn image(session: &Session<'_>, verb: &Image) -> anyhow::Result<End> {
    let actions = match verb {
        Image::List => return reads::list(session, Kind::Image).await,
        Image::Show { id } => return reads::one(session, Kind::Image, id).await,
        Image::Create { instance, name } => vec![Action::CreateImage {
            instance: id(instance)?,
            name: name.clone(),
            tags: Tags::new(),
        }],
        Image::Delete { ids: which } => {
            let which = ids(which)?.into_iter();
            which.map(|id| Action::DeleteImage { id }).collect()
        }
    };
    writes::run(session, actions).await
}

/// Becomes the program that talks to the console.
fn console(session: &Session<'_>, which: &str) -> anyhow::Result<End> {
    let terminal = session.megavisor()?.console(&id(which)?)?;
    let (program, arguments) = terminal
        .argv
        .split_first()
        .ok_or_else(|| Mistake("the console's function names no program".into()))?;
    let mut command = std::process::Command::new(program);
    command.args(arguments).envs(terminal.env);
    let error = command.exec();
    Err(anyhow::Error::new(error).context(format!("cannot run {program}")))
}

async fn wait(session: &Session<'_>, which: &str, wanted: &str) -> anyhow::Result<End> {
    if !["on", "off", "gone"].contains(&wanted) {
        return Err(Mistake(format!("--for {wanted}: write on, off or gone")).into());
    }
    let deadline = Instant::now() + session.common.timeout.as_duration();
    let megavisor = session.megavisor()?.clone();
    let (scope, which) = (session.scope()?, id(which)?);
    loop {
        let found = megavisor.get(&scope, Kind::Instance, &which).await;
        let is_so = match (&found, wanted) {
            (Ok(None), "gone") => true,
            (Ok(Some(item)), "on" | "off") => {
                let power = item.as_instance().map(|one| one.power);
                power
                    == Some(if wanted == "on" {
                        Power::On
                    } else {
                        Power::Off
                    })
            }
            _ => false,
        };
        if is_so {
            return Ok(End::Done);
        }
        if let (Ok(None), "on" | "off") = (&found, wanted) {
            tell(&format!("redeye-cloud: there is no instance {which}"));
            return Ok(End::NotFound);
        }
        if deadline <= Instant::now() {
            if let Err(error) = &found {
                tell(&format!("redeye-cloud: {error}"));
            }
            tell(&format!(
                "redeye-cloud: {which} is not {wanted} within {}",
                session.common.timeout
            ));
            return Ok(End::StillRunning);
        }
        tokio::time::sleep(LOOK).await;
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
                    "hardware_set": one.hardware_set(),
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
        let does: Vec<String> = one
            .capabilities()
            .does
            .iter()
            .map(Verb::to_string)
            .collect();
        table.row([
            Cell::from(one.info().name.to_string()),
            Cell::from(one.info().version.to_string()),
            Cell::from(one.hardware_set().unwrap_or("").to_owned()),
            Cell::from(lists.join(", ")),
            Cell::from(format!("{} verbs: {}", does.len(), does.join(", "))),
        ]);
    }
    say(&table.text(colour()))?;
    Ok(End::Done)
}
