//! The reads of load balancers.

use std::collections::BTreeMap;

use aws_sdk_ec2::types as ec2;
use aws_sdk_elasticloadbalancingv2::types as elb;
use redeye_cloud::{
    CloudError, Health, Id, Kind, Listener, LoadBalancer, Member, Protocol, Resource, Tags,
};

use super::{none_if_missing, read};
use crate::act::{filter, invalid, missing};
use crate::convert::id as named;
use crate::megavisor::Ec2Megavisor;
use crate::page::{Pages, pages};
use crate::refusal::{Access, refusal};

/// EC2 tells the tags of so many at once.
const TAGS_AT_ONCE: usize = 20;

impl Ec2Megavisor {
    /// The subnets of zones or subnets; of all zones if none is named.
    pub(crate) async fn subnets(
        &self,
        places: &[Id],
        doing: &str,
    ) -> Result<Vec<String>, CloudError> {
        let named = places
            .iter()
            .filter(|place| place.as_str().starts_with("subnet-"));
        let mut subnets: Vec<String> = named.map(ToString::to_string).collect();
        if !places.is_empty() && subnets.len() == places.len() {
            return Ok(subnets);
        }
        let ec2 = &self.clients().await.ec2;
        let request = ec2
            .describe_subnets()
            .filters(filter("default-for-az", "true"));
        let found = pages(doing, |token| {
            let request = request.clone().set_next_token(token);
            async move {
                let answer = read!(request, doing)?;
                let next = answer.next_token().map(str::to_owned);
                Ok((answer.subnets.unwrap_or_default(), next))
            }
        });
        let all: Vec<ec2::Subnet> = found.await?.all()?;
        let wanted = |subnet: &&ec2::Subnet| {
            let zone = subnet.availability_zone();
            places.is_empty() || places.iter().any(|place| Some(place.as_str()) == zone)
        };
        let of_zones = all.iter().filter(wanted);
        subnets.extend(of_zones.filter_map(|one| one.subnet_id().map(str::to_owned)));
        match subnets.len() < places.len().max(1) {
            true => Err(invalid(
                doing,
                "not every zone has a default subnet: name subnets",
            )),
            false => Ok(subnets),
        }
    }

    pub(crate) async fn balancer(
        &self,
        id: &Id,
        doing: &str,
    ) -> Result<Option<elb::LoadBalancer>, CloudError> {
        let elb = &self.clients().await.elb;
        let asked = elb
            .describe_load_balancers()
            .load_balancer_arns(id.as_str());
        let answer = none_if_missing(read!(asked, doing))?;
        Ok(answer.and_then(|answer| answer.load_balancers?.into_iter().next()))
    }

    pub(crate) async fn listeners(
        &self,
        id: &Id,
        doing: &str,
    ) -> Result<Vec<elb::Listener>, CloudError> {
        let request = &self.clients().await.elb.describe_listeners();
        let found = pages(doing, |marker| {
            let request = request.clone().load_balancer_arn(id.as_str());
            async move {
                let answer = read!(request.set_marker(marker), doing)?;
                let next = answer.next_marker().map(str::to_owned);
                Ok((answer.listeners.unwrap_or_default(), next))
            }
        });
        found.await?.all()
    }

    pub(crate) async fn all_groups(
        &self,
        doing: &str,
    ) -> Result<Vec<elb::TargetGroup>, CloudError> {
        let request = &self.clients().await.elb.describe_target_groups();
        let found = pages(doing, |marker| {
            let request = request.clone();
            async move {
                let answer = read!(request.set_marker(marker), doing)?;
                let next = answer.next_marker().map(str::to_owned);
                Ok((answer.target_groups.unwrap_or_default(), next))
            }
        });
        found.await?.all()
    }

    pub(crate) async fn groups_of(
        &self,
        id: &Id,
        doing: &str,
    ) -> Result<Vec<elb::TargetGroup>, CloudError> {
        let elb = &self.clients().await.elb;
        let asked = elb.describe_target_groups().load_balancer_arn(id.as_str());
        let answer = none_if_missing(read!(asked, doing))?;
        let answer = answer.ok_or_else(|| missing(doing, Kind::LoadBalancer, id))?;
        Ok(answer.target_groups.unwrap_or_default())
    }

    pub(crate) async fn members(
        &self,
        group: &elb::TargetGroup,
        doing: &str,
    ) -> Result<Vec<Member>, CloudError> {
        let elb = &self.clients().await.elb;
        let asked = elb
            .describe_target_health()
            .set_target_group_arn(group.target_group_arn.clone());
        let answer = read!(asked, doing)?;
        let member = |one: &elb::TargetHealthDescription| {
            let health = one.target_health();
            Some(Member {
                instance: named(one.target()?.id())?,
                port: port(one.target()?.port()),
                health: health_of(health.and_then(elb::TargetHealth::state)),
                why: health.and_then(|health| health.description().map(str::to_owned)),
            })
        };
        let all = answer.target_health_descriptions().iter();
        Ok(all.filter_map(member).collect())
    }

    pub(crate) async fn tags_of_all(
        &self,
        arns: &[&str],
        doing: &str,
    ) -> Result<BTreeMap<String, Tags>, CloudError> {
        let elb = &self.clients().await.elb;
        let mut all = BTreeMap::new();
        for some in arns.chunks(TAGS_AT_ONCE) {
            let some = some.iter().map(|arn| (*arn).to_owned()).collect();
            let answer = read!(elb.describe_tags().set_resource_arns(Some(some)), doing)?;
            for one in answer.tag_descriptions() {
                let tags = one.tags().iter();
                let tags = tags.filter_map(|tag| {
                    Some((tag.key()?.to_owned(), tag.value().unwrap_or("").to_owned()))
                });
                let Some(arn) = one.resource_arn() else {
                    continue;
                };
                all.insert(arn.to_owned(), tags.collect());
            }
        }
        Ok(all)
    }

    /// All load balancers, whole.
    pub(crate) async fn balancers(&self, doing: &str) -> Result<Pages<Resource>, CloudError> {
        let request = &self.clients().await.elb.describe_load_balancers();
        let found = pages(doing, |marker| {
            let request = request.clone().page_size(400);
            async move {
                let answer = read!(request.set_marker(marker), doing)?;
                let next = answer.next_marker().map(str::to_owned);
                Ok((answer.load_balancers.unwrap_or_default(), next))
            }
        });
        let found: Pages<elb::LoadBalancer> = found.await?;
        if found.items.is_empty() {
            return Ok(Pages {
                items: Vec::new(),
                broke_off: found.broke_off,
            });
        }
        let arns = found.items.iter().filter_map(|one| one.load_balancer_arn());
        let mut tags = self.tags_of_all(&arns.collect::<Vec<_>>(), doing).await?;
        let groups = self.all_groups(doing).await?;
        let mut items = Vec::new();
        for one in &found.items {
            let Some(id) = named(one.load_balancer_arn()) else {
                continue;
            };
            let own: Vec<&elb::TargetGroup> = groups
                .iter()
                .filter(|group| {
                    group
                        .load_balancer_arns()
                        .iter()
                        .any(|arn| arn == id.as_str())
                })
                .collect();
            let mut members = Vec::new();
            for group in &own {
                for member in self.members(group, doing).await? {
                    let usual = member.port == port(group.port());
                    let port = member.port.filter(|_| !usual);
                    members.push(Member { port, ..member });
                }
            }
            let listeners = self.listeners(&id, doing).await?;
            items.push(Resource::LoadBalancer(LoadBalancer {
                name: one.load_balancer_name().unwrap_or("").to_owned(),
                address: one.dns_name().map(str::to_owned),
                listeners: listeners
                    .iter()
                    .filter_map(|one| listener(one, &own))
                    .collect(),
                members,
                tags: tags.remove(id.as_str()).unwrap_or_default(),
                id,
            }));
        }
        Ok(Pages {
            items,
            broke_off: found.broke_off,
        })
    }
}

fn health_of(state: Option<&elb::TargetHealthStateEnum>) -> Health {
    use elb::TargetHealthStateEnum as State;
    match state {
        Some(State::Healthy) => Health::Healthy,
        Some(State::Unhealthy | State::UnhealthyDraining) => Health::Unhealthy,
        Some(State::Initial) => Health::Starting,
        Some(State::Draining) => Health::Draining,
        _ => Health::Unknown,
    }
}

fn port(number: Option<i32>) -> Option<u16> {
    number.and_then(|number| u16::try_from(number).ok())
}

fn listener(from: &elb::Listener, groups: &[&elb::TargetGroup]) -> Option<Listener> {
    use elb::ProtocolEnum as Speaks;
    let forward = from.default_actions().first()?.target_group_arn();
    let group = groups.iter().find(|one| one.target_group_arn() == forward);
    let own = port(from.port())?;
    Some(Listener {
        port: own,
        protocol: match from.protocol() {
            Some(Speaks::Http) => Protocol::Http,
            Some(Speaks::Https) => Protocol::Https,
            Some(Speaks::Tls) => Protocol::Tls,
            Some(Speaks::Udp) => Protocol::Udp,
            _ => Protocol::Tcp,
        },
        target_port: group.and_then(|group| port(group.port())).unwrap_or(own),
    })
}
