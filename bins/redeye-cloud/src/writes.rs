use std::time::Duration;

use redeye_cloud::{
    Action, Class, Hidden, Kind, NewInstance, NewVolume, Operation, OperationId, OperationState,
    Plan, Tags,
};
use rem_command::{confirm, say, tell};
use serde_json::json;

use crate::arguments::{Output, RequestInstance};
use crate::exit::{End, Mistake, of_class};
use crate::parsed::{bytes, id, ids, optional};
use crate::session::Session;
use crate::show;

fn tags(texts: &[String]) -> Result<Tags, Mistake> {
    let read = |text: &String| {
        let pair = text.split_once('=');
        let (name, value) =
            pair.ok_or_else(|| Mistake(format!("--tag {text}: write name=value")))?;
        Ok((name.to_owned(), value.to_owned()))
    };
    texts.iter().map(read).collect()
}

pub(crate) fn new_instance(asked: &RequestInstance) -> anyhow::Result<Vec<Action>> {
    let user_data = match &asked.user_data {
        None => None,
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .map_err(|why| Mistake(format!("cannot read {}: {why}", path.display())))?;
            Some(Hidden::new(text))
        }
    };
    let wanted = NewInstance {
        name: asked.name.clone(),
        image: optional(asked.image.as_ref())?,
        size: optional(asked.size.as_ref())?,
        zone: optional(asked.zone.as_ref())?,
        key: optional(asked.key.as_ref())?,
        firewalls: ids(&asked.firewall)?,
        user_data,
        protected: asked.protect,
        tags: tags(&asked.tag)?,
    };
    let actions = (0..asked.count).map(|_| Action::RequestInstance(wanted.clone()));
    Ok(actions.collect())
}

pub(crate) fn new_volume(
    size: Option<&String>,
    snapshot: Option<&String>,
    name: Option<&String>,
    zone: Option<&String>,
    sort: Option<&String>,
) -> Result<Action, Mistake> {
    if size.is_none() && snapshot.is_none() {
        return Err(Mistake("a volume needs --size or --snapshot".into()));
    }
    Ok(Action::CreateVolume(NewVolume {
        name: name.cloned(),
        bytes: size.map(|size| bytes(size)).transpose()?,
        zone: optional(zone)?,
        snapshot: optional(snapshot)?,
        sort: sort.cloned(),
        tags: Tags::new(),
    }))
}

pub(crate) fn tag(kind: Kind, target: &str, texts: &[String]) -> Result<Action, Mistake> {
    let (mut set, mut remove) = (Tags::new(), Vec::new());
    for text in texts {
        match text.split_once('=') {
            Some((name, value)) => {
                set.insert(name.into(), value.into());
            }
            None => remove.push(text.clone()),
        }
    }
    Ok(Action::Tag {
        kind,
        id: id(target)?,
        set,
        remove,
    })
}

/// Plans actions, and does them if that is wanted.
pub(crate) async fn run(session: &Session<'_>, actions: Vec<Action>) -> anyhow::Result<End> {
    let cloud = session.cloud().await?;
    let requests: Vec<_> = actions
        .into_iter()
        .map(|action| session.request(action))
        .collect::<anyhow::Result<_>>()?;
    if session.common.dry_run {
        for request in &requests {
            let plan = cloud.plan(request).await?;
            show_plan(session, &request.action.verb().to_string(), &plan)?;
        }
        return Ok(End::Done);
    }
    let is_final = requests
        .iter()
        .any(|request| request.action.verb().is_final());
    if is_final {
        let what: Vec<String> = requests.iter().map(described).collect();
        let question = format!("{}: this cannot be taken back. Go on?", what.join(", "));
        if !confirm(&question, session.common.yes)? {
            tell("redeye-cloud: nothing was done");
            return Ok(End::Failed);
        }
    }
    let mut begun: Vec<OperationId> = Vec::new();
    let mut end = End::Done;
    for request in requests {
        match cloud.begin(request, &whoami()).await {
            Ok(id) => begun.push(id),
            Err(error) => {
                let error = anyhow::Error::from(error);
                tell(&format!("redeye-cloud: {error:#}"));
                let failed = crate::exit::of_error(&error);
                end = if begun.is_empty() {
                    failed
                } else {
                    End::Partial
                };
                break;
            }
        }
    }
    if session.common.no_wait {
        for id in &begun {
            sent(session, *id).await?;
        }
        let ids = begun.iter().map(|id| format!("{id}\n"));
        say(&ids.collect::<String>())?;
        return Ok(end);
    }
    follow(session, begun, end).await
}

/// Waits until an operation is sent: who does not wait for its end wants at least that.
async fn sent(session: &Session<'_>, id: OperationId) -> anyhow::Result<()> {
    let cloud = session.cloud().await?;
    let deadline = std::time::Instant::now() + session.common.timeout.as_duration();
    while std::time::Instant::now() < deadline {
        match cloud.operation(id).await?.state {
            OperationState::Accepted | OperationState::Sending => {}
            _ => return Ok(()),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

fn described(request: &redeye_cloud::Request) -> String {
    let targets = request.action.targets();
    let ids: Vec<&str> = targets.iter().map(|(_, id)| id.as_str()).collect();
    format!("{} {}", request.action.verb(), ids.join(" "))
}

/// Who asks, for the journal.
pub(crate) fn whoami() -> String {
    let name = |variable: &str| std::env::var(variable).ok().filter(|name| !name.is_empty());
    name("SUDO_USER")
        .or_else(|| name("USER"))
        .or_else(|| name("LOGNAME"))
        .unwrap_or_else(|| "somebody".into())
}

/// Waits for operations, says what happens on stderr, and what came of them.
pub(crate) async fn follow(
    session: &Session<'_>,
    ids: Vec<OperationId>,
    so_far: End,
) -> anyhow::Result<End> {
    let cloud = session.cloud().await?;
    let limit: Duration = session.common.timeout.as_duration();
    let many = 1 < ids.len();
    let mut over = Vec::new();
    let mut end = so_far;
    for id in ids {
        let mut told = 0;
        let operation = cloud.wait(id, limit, |operation| {
            for line in operation.lines.iter().skip(told) {
                let which = if many {
                    format!("{id}: ")
                } else {
                    String::new()
                };
                tell(&format!("{which}{}", line.text));
            }
            told = operation.lines.len();
        });
        let operation = operation.await?;
        let own = ended(&operation);
        if own == End::StillRunning {
            tell(&format!("still under way: redeye-cloud op wait {id}"));
        }
        end = match over.is_empty() {
            true if so_far == End::Done => own,
            _ => end.worse(own),
        };
        over.push(operation);
    }
    show_ended(session, &over)?;
    for operation in &over {
        if let Some(secret) = cloud.take_secret(operation.request.id) {
            tell("the private half follows on stdout; it is shown once and kept nowhere:");
            say(secret.reveal())?;
        }
    }
    Ok(end)
}

fn ended(operation: &Operation) -> End {
    match &operation.state {
        OperationState::Done { .. } | OperationState::Resolved { .. } => End::Done,
        OperationState::Failed { error } if error.class == Class::Denied => End::Denied,
        OperationState::Failed { error } if error.class == Class::NotFound => End::NotFound,
        OperationState::Failed { error } => match of_class(error.class) {
            // The arguments were good enough to be accepted.
            End::Usage => End::Failed,
            other => other,
        },
        OperationState::Cancelled { .. } | OperationState::Stuck { .. } => End::Failed,
        OperationState::Accepted | OperationState::Sending | OperationState::Running { .. } => {
            End::StillRunning
        }
    }
}

fn show_ended(session: &Session<'_>, over: &[Operation]) -> anyhow::Result<()> {
    let made = || {
        over.iter()
            .filter_map(Operation::outcome)
            .flat_map(|outcome| &outcome.ids)
    };
    match session.common.output {
        Output::Json | Output::Yaml => show::print(session.common, &json!({"operations": over})),
        _ => Ok(say(&made()
            .map(|id| format!("{id}\n"))
            .collect::<String>())?),
    }
}

pub(crate) fn show_plan(session: &Session<'_>, verb: &str, plan: &Plan) -> anyhow::Result<()> {
    if matches!(session.common.output, Output::Json | Output::Yaml) {
        return show::print(session.common, &json!({"verb": verb, "plan": plan}));
    }
    let mut text = format!("{verb} would:\n");
    for (at, step) in plan.steps.iter().enumerate() {
        text += &format!("  {}. {}\n", at + 1, step.what);
        if !step.call.is_empty() {
            text += &format!("     {}\n", step.call.join(" "));
        }
        if let Some(until) = &step.until {
            text += &format!("     until {until}\n");
        }
    }
    for note in &plan.notes {
        text += &format!("  {note}\n");
    }
    Ok(say(&text)?)
}
