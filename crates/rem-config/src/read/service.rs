use rem_yaml::{At, Located, MapReader, Problems};

use crate::config::{Connection, ConnectionNeed, Deployment, Service};
use crate::name::{self, DeploymentName, InterfaceName, ServiceName};

use super::{Declared, declare, depends, names, owner, settled};

/// A deployment whose `need` may be the service's.
struct Draft {
    deployment: Deployment,
    own_need: Option<usize>,
}

pub(super) fn read(
    name: &Located<ServiceName>,
    at: &At<'_>,
    problems: &mut Problems,
) -> Option<Service> {
    let mut map = at.map(problems)?;
    let packages = names(&mut map, "packages", problems);
    let mut drafts = Declared::new();
    match map.get("deployments") {
        Some(at) => declare(&mut drafts, "deployment", Some(at), problems, deployment),
        None => problems.add(map.missing("deployments")),
    }
    let mut deployments: Vec<Deployment> = Vec::new();
    let need = map.get("need");
    for draft in settled(drafts).into_values() {
        let machines = draft.deployment.machines.len();
        let need = match draft.own_need {
            Some(own) => own,
            None => need_of_service(need.as_ref(), &draft.deployment, machines, problems),
        };
        deployments.push(Deployment {
            need,
            ..draft.deployment
        });
    }
    let depends = depends::read(map.get("depends"), problems);
    let connections = connections(map.get("connections"), problems);
    let owners = owner::read(map.get("owners"), problems);
    map.finish(problems);
    Some(Service {
        name: name.value.clone(),
        packages,
        deployments,
        depends,
        connections,
        owners,
        place: name.place.clone(),
    })
}

/// The service's `need`, which has to be possible in each deployment that has none.
fn need_of_service(
    at: Option<&At<'_>>,
    deployment: &Deployment,
    machines: usize,
    problems: &mut Problems,
) -> usize {
    let what = format!("machines of {}", deployment.name);
    let need = depends::need_of(at.cloned(), machines, &what, problems);
    need.flatten().unwrap_or(1)
}

fn deployment(
    name: &Located<DeploymentName>,
    at: &At<'_>,
    problems: &mut Problems,
) -> Option<Draft> {
    if at.node().as_seq().is_some() {
        let problem = at.expected("a map").help("write {machines: [ … ]}");
        problems.add(problem);
        return None;
    }
    let mut map = at.map(problems)?;
    let machines = names(&mut map, "machines", problems);
    let need = map.get("need");
    let own_need = depends::need_of(need, machines.len(), "machines", problems);
    let notify = notify(&mut map, problems);
    map.finish(problems);
    Some(Draft {
        own_need: own_need.unwrap_or(Some(1)),
        deployment: Deployment {
            name: name.value.clone(),
            machines,
            need: 1,
            notify,
            place: name.place.clone(),
        },
    })
}

/// `notify: none` or `notify: owners`.
fn notify(map: &mut MapReader<'_>, problems: &mut Problems) -> bool {
    let at = map.get("notify");
    let notify = at.and_then(|at| at.one_of(&[("none", false), ("owners", true)], problems));
    notify.unwrap_or(true)
}

fn connections(at: Option<At<'_>>, problems: &mut Problems) -> Vec<Connection> {
    let entries = at.and_then(|at| at.entries(problems)).unwrap_or_default();
    entries
        .iter()
        .filter_map(|(name, at)| connection(name, at, problems))
        .collect()
}

fn connection(key: &Located<&str>, at: &At<'_>, problems: &mut Problems) -> Option<Connection> {
    const NEEDS: [(&str, ConnectionNeed); 2] = [
        ("hard", ConnectionNeed::Hard),
        ("soft", ConnectionNeed::Soft),
    ];
    if let Some(why) = name::refusal(key.value) {
        problems.add(key.problem(why).help("choose another name"));
    }
    let mut map = at.map(problems)?;
    let service = match map.get("service") {
        Some(at) => super::name::<ServiceName>(&at, problems).map(|name| at.located(name)),
        None => {
            problems.add(map.missing("service"));
            None
        }
    };
    let deployment = map.get("deployment").and_then(|at| {
        let name = super::name::<DeploymentName>(&at, problems)?;
        Some(at.located(name))
    });
    let interface = map.get("interface").and_then(|at| {
        let name = super::name::<InterfaceName>(&at, problems)?;
        Some(at.located(name))
    });
    let need = match map.get("need") {
        Some(at) => at.one_of(&NEEDS, problems),
        None => Some(ConnectionNeed::Hard),
    };
    map.finish(problems);
    Some(Connection {
        name: key.value.to_owned(),
        service: service?,
        deployment,
        interface,
        need: need?,
        place: key.place.clone(),
    })
}
