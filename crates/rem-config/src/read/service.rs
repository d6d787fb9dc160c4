use rem_yaml::{At, Located, Problems};

use crate::config::{Deployment, Service};
use crate::name::{DeploymentName, ServiceName};

use super::{Declared, declare, names, settled};

pub(super) fn read(
    name: &Located<ServiceName>,
    at: &At<'_>,
    problems: &mut Problems,
) -> Option<Service> {
    let mut map = at.map(problems)?;
    let packages = names(&mut map, "packages", problems);
    let mut deployments = Declared::new();
    match map.get("deployments") {
        Some(at) => declare(
            &mut deployments,
            "deployment",
            Some(at),
            problems,
            deployment,
        ),
        None => problems.add(map.missing("deployments")),
    }
    map.finish(problems);
    Some(Service {
        name: name.value.clone(),
        packages,
        deployments: settled(deployments).into_values().collect(),
        place: name.place.clone(),
    })
}

fn deployment(
    name: &Located<DeploymentName>,
    at: &At<'_>,
    problems: &mut Problems,
) -> Option<Deployment> {
    if at.node().as_seq().is_some() {
        let problem = at.expected("a map").help("write {machines: [ … ]}");
        problems.add(problem);
        return None;
    }
    let mut map = at.map(problems)?;
    let machines = names(&mut map, "machines", problems);
    map.finish(problems);
    Some(Deployment {
        name: name.value.clone(),
        machines,
        place: name.place.clone(),
    })
}
