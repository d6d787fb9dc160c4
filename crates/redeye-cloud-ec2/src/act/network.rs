use aws_sdk_ec2::types as ec2;
use redeye_cloud::{
    Begun, Class, CloudError, Direction, FirewallRule, Handle, Id, Kind, Outcome, Progress,
    Request, Tags,
};

use super::{invalid, made, marked, missing, sent, tag_specification};
use crate::convert::permission;
use crate::megavisor::Ec2Megavisor;

/// What EC2 says of a rule that is there, or is not.
const THERE: &str = "InvalidPermission.Duplicate";
const NOT_THERE: &str = "InvalidPermission.NotFound";

impl Ec2Megavisor {
    pub(super) async fn allocate(
        &self,
        request: &Request,
        tags: &Tags,
        doing: &str,
        dry: bool,
    ) -> Result<Begun, CloudError> {
        let tags = marked(request, None, tags);
        let call = self
            .clients()
            .await
            .ec2
            .allocate_address()
            .domain(ec2::DomainType::Vpc)
            .tag_specifications(tag_specification(ec2::ResourceType::ElasticIp, &tags))
            .set_dry_run(dry.then_some(true));
        let answer = sent!(call, doing)?;
        let outcome = Outcome::changed([made(answer.allocation_id(), doing)?]);
        Ok(Begun::Done(match answer.public_ip() {
            Some(address) => outcome.note(address),
            None => outcome,
        }))
    }

    pub(super) async fn move_ip(
        &self,
        id: &Id,
        instance: Option<&Id>,
        doing: &str,
        dry: bool,
    ) -> Result<Begun, CloudError> {
        let address = self.address(id, doing).await?;
        let address = address.ok_or_else(|| missing(doing, Kind::FloatingIp, id))?;
        let on = address.instance_id().filter(|on| !on.is_empty());
        if on == instance.map(Id::as_str) {
            return Ok(Begun::Done(Outcome::unchanged([id.clone()])));
        }
        let ec2 = &self.clients().await.ec2;
        let dry = dry.then_some(true);
        match instance {
            Some(instance) => {
                let call = ec2
                    .associate_address()
                    .allocation_id(id.as_str())
                    .instance_id(instance.as_str())
                    .allow_reassociation(true)
                    .set_dry_run(dry);
                sent!(call, doing)?;
            }
            None => {
                let call = ec2
                    .disassociate_address()
                    .set_association_id(address.association_id().map(str::to_owned))
                    .set_dry_run(dry);
                sent!(call, doing)?;
            }
        }
        Ok(self.begun([id.clone()]))
    }

    pub(super) async fn follow_ip(
        &self,
        id: &Id,
        instance: Option<&Id>,
        handle: &Handle,
        doing: &str,
    ) -> Result<Progress, CloudError> {
        let address = self.address(id, doing).await?;
        let Some(address) = address else {
            return Ok(Progress::Failed(missing(doing, Kind::FloatingIp, id)));
        };
        let on = address.instance_id().filter(|on| !on.is_empty());
        Ok(match on == instance.map(Id::as_str) {
            true => Progress::Done(Outcome::changed([id.clone()])),
            false => self.running(handle, "it is not seen there yet"),
        })
    }

    /// An address that somebody uses is not given back, whatever EC2 would do.
    pub(super) async fn release(
        &self,
        id: &Id,
        doing: &str,
        dry: bool,
    ) -> Result<Begun, CloudError> {
        let address = self.address(id, doing).await?;
        let address = address.ok_or_else(|| missing(doing, Kind::FloatingIp, id))?;
        if let Some(on) = address.instance_id().filter(|on| !on.is_empty()) {
            let message = format!("{id} is on {on}: move it off first");
            return Err(CloudError::new(Class::Conflict, doing, message));
        }
        let call = self
            .clients()
            .await
            .ec2
            .release_address()
            .allocation_id(id.as_str())
            .set_dry_run(dry.then_some(true));
        sent!(call, doing)?;
        Ok(Begun::Done(Outcome::changed([id.clone()])))
    }

    pub(super) async fn create_firewall(
        &self,
        request: &Request,
        (name, description): (&str, Option<&str>),
        tags: &Tags,
        doing: &str,
        dry: bool,
    ) -> Result<Begun, CloudError> {
        let tags = marked(request, None, tags);
        let call = self
            .clients()
            .await
            .ec2
            .create_security_group()
            .group_name(name)
            // EC2 wants one.
            .description(description.unwrap_or(name))
            .tag_specifications(tag_specification(ec2::ResourceType::SecurityGroup, &tags))
            .set_dry_run(dry.then_some(true));
        let answer = sent!(call, doing)?;
        Ok(Begun::Done(Outcome::changed([made(
            answer.group_id(),
            doing,
        )?])))
    }

    pub(super) async fn allow(
        &self,
        id: &Id,
        rule: &FirewallRule,
        doing: &str,
        dry: bool,
    ) -> Result<Begun, CloudError> {
        let permission = wanted(rule, doing)?;
        let ec2 = &self.clients().await.ec2;
        let dry = dry.then_some(true);
        let answer = match rule.direction {
            Direction::In => {
                let call = ec2
                    .authorize_security_group_ingress()
                    .group_id(id.as_str())
                    .ip_permissions(permission)
                    .set_dry_run(dry);
                sent!(call, doing).map(|_| ())
            }
            Direction::Out => {
                let call = ec2
                    .authorize_security_group_egress()
                    .group_id(id.as_str())
                    .ip_permissions(permission)
                    .set_dry_run(dry);
                sent!(call, doing).map(|_| ())
            }
        };
        settled(id, answer, THERE)
    }

    pub(super) async fn deny(
        &self,
        id: &Id,
        rule: &FirewallRule,
        doing: &str,
        dry: bool,
    ) -> Result<Begun, CloudError> {
        let permission = wanted(rule, doing)?;
        let ec2 = &self.clients().await.ec2;
        let dry = dry.then_some(true);
        let answer = match rule.direction {
            Direction::In => {
                let call = ec2
                    .revoke_security_group_ingress()
                    .group_id(id.as_str())
                    .ip_permissions(permission)
                    .set_dry_run(dry);
                sent!(call, doing).map(|_| ())
            }
            Direction::Out => {
                let call = ec2
                    .revoke_security_group_egress()
                    .group_id(id.as_str())
                    .ip_permissions(permission)
                    .set_dry_run(dry);
                sent!(call, doing).map(|_| ())
            }
        };
        settled(id, answer, NOT_THERE)
    }

    pub(super) async fn delete_firewall(
        &self,
        id: &Id,
        doing: &str,
        dry: bool,
    ) -> Result<Begun, CloudError> {
        let call = self
            .clients()
            .await
            .ec2
            .delete_security_group()
            .group_id(id.as_str())
            .set_dry_run(dry.then_some(true));
        sent!(call, doing)?;
        Ok(Begun::Done(Outcome::changed([id.clone()])))
    }
}

fn wanted(rule: &FirewallRule, doing: &str) -> Result<ec2::IpPermission, CloudError> {
    permission(rule).ok_or_else(|| {
        let message = format!("a firewall of EC2 knows tcp, udp, icmp and all: {rule}");
        invalid(doing, message)
    })
}

/// What is so already changes nothing.
fn settled(id: &Id, answer: Result<(), CloudError>, already: &str) -> Result<Begun, CloudError> {
    match answer {
        Ok(()) => Ok(Begun::Done(Outcome::changed([id.clone()]))),
        Err(error) if error.code.as_deref() == Some(already) => {
            Ok(Begun::Done(Outcome::unchanged([id.clone()])))
        }
        Err(error) => Err(error),
    }
}
