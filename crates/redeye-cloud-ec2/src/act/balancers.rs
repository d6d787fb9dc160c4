//! Load balancers. Each listener has a target group of its own; what is missing is
//! made one after the other, whoever looks.

use aws_sdk_elasticloadbalancingv2::types as elb;
use redeye_cloud::{
    Action, Begun, Class, CloudError, Handle, Health, Id, Kind, Listener, Outcome, Progress,
    Protocol, Recovered, Request, Tags,
};

use super::{Under, invalid, made, marked, missing, sent};
use crate::look::{none_if_missing, read};
use crate::megavisor::Ec2Megavisor;
use crate::refusal::{Access, refusal};

/// The tag of a target group with the load balancer it was made for.
const TAG_OF: &str = "rem:lb";
/// Letters of a load balancer's and a target group's name.
const NAME_MAX: usize = 32;

fn tags_of(tags: &Tags) -> Option<Vec<elb::Tag>> {
    let tags = tags.iter();
    let tags = tags.map(|(key, value)| elb::Tag::builder().key(key).value(value).build());
    Some(tags.collect())
}

fn protocol_of(protocol: Protocol) -> Option<elb::ProtocolEnum> {
    match protocol {
        Protocol::Http => Some(elb::ProtocolEnum::Http),
        Protocol::Tcp => Some(elb::ProtocolEnum::Tcp),
        Protocol::Udp => Some(elb::ProtocolEnum::Udp),
        Protocol::Https | Protocol::Tls | Protocol::Icmp | Protocol::Any => None,
    }
}

/// Which sort of load balancer these listeners need.
fn sort_of(listeners: &[Listener], doing: &str) -> Result<elb::LoadBalancerTypeEnum, CloudError> {
    if listeners.is_empty() {
        return Err(invalid(doing, "a load balancer needs a port"));
    }
    let all = |wanted: &[Protocol]| listeners.iter().all(|one| wanted.contains(&one.protocol));
    if all(&[Protocol::Http]) {
        return Ok(elb::LoadBalancerTypeEnum::Application);
    }
    if all(&[Protocol::Tcp, Protocol::Udp]) {
        return Ok(elb::LoadBalancerTypeEnum::Network);
    }
    let message = "a load balancer of EC2 listens for http, or for tcp and udp; \
                   https and tls need a certificate, which a request cannot name yet";
    Err(invalid(doing, message))
}

fn check_name(name: &str, doing: &str) -> Result<(), CloudError> {
    let usable = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    let good = !name.is_empty()
        && name.len() <= NAME_MAX
        && name.chars().all(usable)
        && !name.starts_with('-')
        && !name.ends_with('-');
    match good {
        true => Ok(()),
        false => Err(invalid(
            doing,
            format!("the name of a load balancer of EC2 is up to 32 letters, digits and -: {name}"),
        )),
    }
}

fn group_name(name: &str, port: u16) -> String {
    let end = format!("-{port}");
    let begin: String = name.chars().take(NAME_MAX - end.len()).collect();
    begin + &end
}

impl Ec2Megavisor {
    pub(super) async fn balance(
        &self,
        request: &Request,
        doing: &str,
    ) -> Result<Begun, CloudError> {
        match &request.action {
            Action::CreateLoadBalancer {
                name,
                listeners,
                places,
                tags,
            } => {
                check_name(name, doing)?;
                let sort = sort_of(listeners, doing)?;
                let subnets = self.subnets(places, doing).await?;
                let call = self
                    .clients()
                    .await
                    .elb
                    .create_load_balancer()
                    .name(name)
                    .r#type(sort)
                    .set_subnets(Some(subnets))
                    .set_tags(tags_of(&marked(request, None, tags)));
                let answer = sent!(call, doing)?;
                let first = answer.load_balancers().first();
                let arn = first.and_then(elb::LoadBalancer::load_balancer_arn);
                Ok(self.begun([made(arn, doing)?]))
            }
            Action::AttachMember { id, instance, port } => {
                let groups = self.groups_of(id, doing).await?;
                if groups.is_empty() {
                    let message = format!("{id} has no port to put anything behind");
                    return Err(CloudError::new(Class::Conflict, doing, message));
                }
                let mut changed = false;
                for group in &groups {
                    let members = self.members(group, doing).await?;
                    let there = members.iter().any(|one| {
                        one.instance == *instance && (port.is_none() || one.port == *port)
                    });
                    if there {
                        continue;
                    }
                    let target = elb::TargetDescription::builder()
                        .id(instance.as_str())
                        .set_port(port.map(i32::from))
                        .build();
                    let call = self
                        .clients()
                        .await
                        .elb
                        .register_targets()
                        .set_target_group_arn(group.target_group_arn.clone())
                        .targets(target);
                    sent!(call, doing)?;
                    changed = true;
                }
                Ok(match changed {
                    true => self.begun([id.clone()]),
                    false => Begun::Done(Outcome::unchanged([id.clone()])),
                })
            }
            Action::DetachMember { id, instance } => {
                let mut changed = false;
                for group in self.groups_of(id, doing).await? {
                    for member in self.members(&group, doing).await? {
                        if member.instance != *instance || member.health == Health::Draining {
                            continue;
                        }
                        let target = elb::TargetDescription::builder()
                            .id(instance.as_str())
                            .set_port(member.port.map(i32::from))
                            .build();
                        let call = self
                            .clients()
                            .await
                            .elb
                            .deregister_targets()
                            .set_target_group_arn(group.target_group_arn.clone())
                            .targets(target);
                        sent!(call, doing)?;
                        changed = true;
                    }
                }
                Ok(match changed {
                    true => self.begun([id.clone()]),
                    false => Begun::Done(Outcome::unchanged([id.clone()])),
                })
            }
            Action::DeleteLoadBalancer { id } => {
                if self.balancer(id, doing).await?.is_none() {
                    return Err(missing(doing, Kind::LoadBalancer, id));
                }
                let elb = &self.clients().await.elb;
                let call = elb.delete_load_balancer().load_balancer_arn(id.as_str());
                sent!(call, doing)?;
                Ok(self.begun([id.clone()]))
            }
            _ => Err(invalid(doing, "not about a load balancer")),
        }
    }

    pub(super) async fn follow_balancing(
        &self,
        request: &Request,
        handle: &Handle,
        under: &Under,
        doing: &str,
    ) -> Result<Progress, CloudError> {
        let Some(id) = handle.ids.first() else {
            return Err(invalid(doing, "nobody knows which load balancer it is"));
        };
        let done = || Progress::Done(Outcome::changed(handle.ids.clone()));
        match &request.action {
            Action::CreateLoadBalancer {
                name, listeners, ..
            } => {
                let Some(balancer) = self.balancer(id, doing).await? else {
                    return Ok(match self.is_fresh(under) {
                        true => self.running(handle, "not seen yet"),
                        false => Progress::Failed(missing(doing, Kind::LoadBalancer, id)),
                    });
                };
                let there = self.listeners(id, doing).await?;
                let heard = |port: u16| there.iter().any(|one| one.port() == Some(port.into()));
                if let Some(wanted) = listeners.iter().find(|one| !heard(one.port)) {
                    self.listen(request, (id, name), &balancer, wanted, doing)
                        .await?;
                    return Ok(self.running(handle, format!("port {}", wanted.port)));
                }
                let state = balancer.state();
                Ok(match state.and_then(elb::LoadBalancerState::code) {
                    Some(elb::LoadBalancerStateEnum::Active) => done(),
                    Some(elb::LoadBalancerStateEnum::Failed) => {
                        let why = state.and_then(|state| state.reason());
                        let why = why.unwrap_or("no reason given");
                        Progress::Failed(CloudError::new(Class::Failed, doing, why))
                    }
                    _ => self.running(handle, "provisioning"),
                })
            }
            Action::AttachMember { instance, .. } => {
                for group in self.groups_of(id, doing).await? {
                    let members = self.members(&group, doing).await?;
                    if !members.iter().any(|one| one.instance == *instance) {
                        return Ok(self.running(handle, "it is not seen there yet"));
                    }
                }
                Ok(done())
            }
            Action::DetachMember { instance, .. } => {
                for group in self.groups_of(id, doing).await? {
                    let members = self.members(&group, doing).await?;
                    if members.iter().any(|one| one.instance == *instance) {
                        return Ok(self.running(handle, "draining"));
                    }
                }
                Ok(done())
            }
            _ => {
                if self.balancer(id, doing).await?.is_some() {
                    return Ok(self.running(handle, "it is still there"));
                }
                match self.delete_groups_of(id, doing).await {
                    Ok(()) => Ok(done()),
                    Err(error) if error.class == Class::Conflict => {
                        Ok(self.running(handle, error.message))
                    }
                    Err(error) => Err(error),
                }
            }
        }
    }

    pub(super) async fn recover_balancer(
        &self,
        request: &Request,
        doing: &str,
    ) -> Result<Recovered, CloudError> {
        let Action::DeleteLoadBalancer { id } = &request.action else {
            return Ok(Recovered::SendAgain);
        };
        Ok(match self.balancer(id, doing).await? {
            Some(_) => Recovered::SendAgain,
            None => Recovered::Adopt(self.begun([id.clone()])),
        })
    }

    /// A listener with a target group of its own.
    async fn listen(
        &self,
        request: &Request,
        (id, name): (&Id, &str),
        balancer: &elb::LoadBalancer,
        wanted: &Listener,
        doing: &str,
    ) -> Result<(), CloudError> {
        let elb = &self.clients().await.elb;
        let group_name = group_name(name, wanted.port);
        let asked = elb.describe_target_groups().names(&group_name);
        let there = none_if_missing(read!(asked, doing))?;
        let there = there.and_then(|answer| answer.target_groups?.into_iter().next());
        let arn = match there {
            Some(group) => {
                let others = group.load_balancer_arns();
                if !others.is_empty() && !others.iter().any(|one| one == id.as_str()) {
                    let message = format!("the target group {group_name} belongs to another");
                    return Err(CloudError::new(Class::Conflict, doing, message));
                }
                group.target_group_arn
            }
            None => {
                let mut tags = marked(request, None, &Tags::new());
                tags.insert(TAG_OF.into(), id.to_string());
                let call = elb
                    .create_target_group()
                    .name(&group_name)
                    .set_protocol(protocol_of(wanted.protocol))
                    .port(wanted.target_port.into())
                    .set_vpc_id(balancer.vpc_id().map(str::to_owned))
                    .set_tags(tags_of(&tags));
                let answer = sent!(call, doing)?;
                let first = answer.target_groups().first();
                first.and_then(|group| group.target_group_arn.clone())
            }
        };
        let forward = elb::Action::builder()
            .r#type(elb::ActionTypeEnum::Forward)
            .set_target_group_arn(arn)
            .build();
        let call = elb
            .create_listener()
            .load_balancer_arn(id.as_str())
            .set_protocol(protocol_of(wanted.protocol))
            .port(wanted.port.into())
            .default_actions(forward);
        match sent!(call, doing) {
            // An earlier attempt of which nobody heard the end.
            Err(error) if error.code.as_deref() == Some("DuplicateListener") => Ok(()),
            answer => answer.map(|_| ()),
        }
    }

    /// The target groups that were made for a load balancer that is gone.
    async fn delete_groups_of(&self, id: &Id, doing: &str) -> Result<(), CloudError> {
        let groups = self.all_groups(doing).await?;
        let unused = groups
            .iter()
            .filter(|one| one.load_balancer_arns().is_empty());
        let arns: Vec<&str> = unused.filter_map(|one| one.target_group_arn()).collect();
        let tags = self.tags_of_all(&arns, doing).await?;
        for (arn, tags) in tags {
            if tags.get(TAG_OF).map(String::as_str) == Some(id.as_str()) {
                let elb = &self.clients().await.elb;
                sent!(elb.delete_target_group().target_group_arn(arn), doing)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_target_group_fits_and_keeps_its_port() {
        assert_eq!(group_name("web", 80), "web-80");
        let long = group_name(&"x".repeat(32), 65_535);
        assert_eq!((long.len(), &long[26..]), (32, "-65535"));
    }

    #[test]
    fn what_a_load_balancer_of_ec2_cannot_be_is_said() {
        let listener = |protocol| Listener {
            port: 80,
            protocol,
            target_port: 8080,
        };
        let sort = |all: &[Protocol]| {
            let all: Vec<Listener> = all.iter().map(|one| listener(*one)).collect();
            sort_of(&all, "test").map(|sort| sort.as_str().to_owned())
        };
        assert_eq!(sort(&[Protocol::Http]).unwrap(), "application");
        assert_eq!(sort(&[Protocol::Tcp, Protocol::Udp]).unwrap(), "network");
        assert!(sort(&[]).is_err());
        assert!(sort(&[Protocol::Http, Protocol::Tcp]).is_err());
        assert!(sort(&[Protocol::Https]).is_err());
        assert!(check_name("web-1", "test").is_ok());
        for bad in ["", "-web", "web_1", &"x".repeat(33)] {
            assert!(check_name(bad, "test").is_err(), "{bad}");
        }
    }
}
