//! Storages: what is mounted here as a stack of layers, with its snapshots.

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use clap::Subcommand;
use redeye_cloud::{OperationId, Plan};
use redeye_storage::{Job, StorageOperation, StorageState, Storages, watch};
use rem_command::{Signals, confirm, say, tell};
use serde_json::json;

use crate::arguments::Output;
use crate::exit::{End, Mistake};
use crate::session::Session;
use crate::{show, writes};

mod looks;

pub(crate) use looks::row;
use looks::{list, mounts, one, show_one, snapshots};

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// All of them
    List,
    /// One of them, whole
    Show {
        /// Which
        name: String,
    },
    /// A snapshot of all its volumes at one instant
    Snapshot {
        /// Which
        name: String,
    },
    /// Its snapshots, the newest first
    Snapshots {
        /// Which
        name: String,
    },
    /// The newest snapshot that is good takes the place of what is there
    Restore {
        /// Which
        name: String,
        /// This snapshot, and no other one
        #[arg(long, value_name = "ID")]
        snapshot: Option<String>,
    },
    /// Say whether what is mounted is good, or a snapshot
    Verify {
        /// Which
        name: String,
        /// This snapshot, beside what is mounted
        #[arg(long, value_name = "ID")]
        snapshot: Option<String>,
    },
    /// Any other function of its layers, such as mount, unmount, configure, resize
    Run {
        /// Which
        name: String,
        /// Which function
        function: String,
    },
    /// Let everything go that may stop writing
    Thaw {
        /// Which
        name: String,
    },
}

/// This program as the watchdog of a storage: it lets go when the one that started it
/// cannot.
pub(crate) async fn watchdog() -> anyhow::Result<End> {
    // It ends by itself; told to end, it would leave something frozen.
    let _signals = Signals::new()?;
    let socket = std::io::stdin().as_fd().try_clone_to_owned()?;
    watch(UnixStream::from(socket)).await?;
    Ok(End::Done)
}

pub(crate) async fn run(session: &Session<'_>, verb: &Verb) -> anyhow::Result<End> {
    let storages = session.storages().await?;
    match verb {
        Verb::List => list(session, storages).await,
        Verb::Show { name } => one(session, storages, name).await,
        Verb::Snapshots { name } => snapshots(session, storages, name).await,
        Verb::Snapshot { name } => job(session, storages, name, Job::Snapshot).await,
        Verb::Restore { name, snapshot } => {
            let snapshot = optional(snapshot.as_ref())?;
            job(session, storages, name, Job::Restore { snapshot }).await
        }
        Verb::Verify { name, snapshot } => {
            let snapshot = optional(snapshot.as_ref())?;
            job(session, storages, name, Job::Verify { snapshot }).await
        }
        Verb::Run { name, function } => {
            let function = Job::Function {
                name: function.clone(),
            };
            job(session, storages, name, function).await
        }
        Verb::Thaw { name } => thaw(session, storages, name).await,
    }
}

fn optional(text: Option<&String>) -> Result<Option<OperationId>, Mistake> {
    let read = |text: &String| {
        text.parse()
            .map_err(|why: redeye_cloud::NotAnOperation| Mistake(why.to_string()))
    };
    text.map(read).transpose()
}

/// Plans a job, and does it if that is wanted.
async fn job(
    session: &Session<'_>,
    storages: &Storages,
    name: &str,
    job: Job,
) -> anyhow::Result<End> {
    let verb = format!("storage {}", job.name());
    if session.common.dry_run {
        let plan: Plan = storages.plan(name, &job).await?;
        writes::show_plan(session, &verb, &plan)?;
        return Ok(End::Done);
    }
    if session.common.no_wait {
        let message = "--no-wait: this command does the work itself, and nobody else would";
        return Err(Mistake(message.into()).into());
    }
    if let Job::Restore { .. } = job {
        let mounts = mounts(storages.storage(name)?).join(" and ");
        let question =
            format!("what is at {mounts} is put aside, and a snapshot takes its place. Go on?");
        if !confirm(&question, session.common.yes)? {
            tell("redeye-cloud: nothing was done");
            return Ok(End::Failed);
        }
    }
    let within = session.common.deadline;
    let id = storages.begin(name, job, &writes::whoami(), within).await?;
    follow(session, storages, id).await
}

/// Waits for an operation, says what happens on stderr, and what came of it.
async fn follow(
    session: &Session<'_>,
    storages: &Storages,
    id: OperationId,
) -> anyhow::Result<End> {
    let limit = session.common.timeout.as_duration();
    let (mut told, mut steps) = (0, 0);
    let ended = storages.wait(id, limit, |operation| {
        for line in operation.lines.iter().skip(told) {
            tell(&line.text);
        }
        told = operation.lines.len();
        if let Some(step) = operation
            .steps
            .last()
            .filter(|_| steps != operation.steps.len())
        {
            steps = operation.steps.len();
            tracing::info!(layer = %step.layer, function = %step.function, "a step");
        }
    });
    let ended = ended.await?;
    match session.common.output {
        Output::Json | Output::Yaml => show::print(session.common, &json!({"operation": ended}))?,
        Output::Table | Output::Text | Output::Id => {
            if let (Job::Snapshot, StorageState::Done { .. }) = (&ended.job, &ended.state) {
                say(&format!("{id}\n"))?;
            }
            if let (Job::Restore { .. }, StorageState::Done { .. }, Some(snapshot)) =
                (&ended.job, &ended.state, ended.stage.snapshot())
            {
                say(&format!("{snapshot}\n"))?;
            }
        }
    }
    Ok(match ended.state {
        StorageState::Done { .. } | StorageState::Resolved { .. } => End::Done,
        StorageState::Failed { .. }
        | StorageState::Cancelled { .. }
        | StorageState::Stuck { .. } => End::Failed,
        StorageState::Accepted | StorageState::Running => {
            tell(&format!("still under way: redeye-cloud op wait {id}"));
            End::StillRunning
        }
    })
}

async fn thaw(session: &Session<'_>, storages: &Storages, name: &str) -> anyhow::Result<End> {
    if session.common.dry_run {
        let plan = storages.plan(name, &Job::Snapshot).await?;
        let steps = plan.steps.into_iter();
        let plan = Plan::of(steps.filter(|step| step.what.ends_with("; writing goes on")));
        writes::show_plan(session, "storage thaw", &plan)?;
        return Ok(End::Done);
    }
    let let_go = storages.thaw(name).await?;
    let mut end = End::Done;
    for one in &let_go {
        if let Some(why) = &one.failed {
            tell(&format!("redeye-cloud: {} is not let go: {why}", one.layer));
            end = End::Failed;
        }
    }
    match session.common.output {
        Output::Json | Output::Yaml => show::print(session.common, &json!({"layers": let_go}))?,
        Output::Table | Output::Text | Output::Id => {
            for one in let_go.iter().filter(|one| one.failed.is_none()) {
                say(&format!("{}\n", one.layer))?;
            }
        }
    }
    if let Some(id) = storages.stuck(name).await? {
        tell(&format!(
            "it takes nothing new until you have looked: redeye-cloud op resolve {id} --why …"
        ));
    }
    Ok(end)
}

/// Operations on storages, for `op list`.
pub(crate) async fn operations(
    session: &Session<'_>,
    over_too: bool,
) -> anyhow::Result<Vec<StorageOperation>> {
    Ok(session.storages().await?.operations(over_too).await?)
}

/// What `op` does with an operation, if it is one on a storage.
pub(crate) async fn op(
    session: &Session<'_>,
    verb: &crate::arguments::Op,
) -> anyhow::Result<Option<End>> {
    use crate::arguments::Op;
    let storages = session.storages().await?;
    let (Op::Show { id } | Op::Wait { id } | Op::Cancel { id } | Op::Resolve { id, .. }) = verb
    else {
        return Ok(None);
    };
    // What is no id is told by whoever else is asked.
    let Ok(id) = id.parse::<OperationId>() else {
        return Ok(None);
    };
    let Ok(operation) = storages.operation(id).await else {
        return Ok(None);
    };
    match verb {
        Op::Show { .. } => show_one(session, &operation)?,
        Op::Wait { .. } => return follow(session, storages, id).await.map(Some),
        Op::Cancel { .. } => {
            storages.cancel(id, &writes::whoami()).await?;
            follow(session, storages, id).await?;
        }
        Op::Resolve { why, .. } => storages.resolve(id, &writes::whoami(), why).await?,
        Op::List { .. } | Op::Resume => {}
    }
    Ok(Some(End::Done))
}

/// Takes over what a process left behind that died.
pub(crate) async fn resume(session: &Session<'_>) -> anyhow::Result<End> {
    let storages = session.storages().await?;
    let mut end = End::Done;
    for id in storages.resume().await? {
        end = end.worse(follow(session, storages, id).await?);
    }
    Ok(end)
}
