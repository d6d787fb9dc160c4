//! The reads.

use aws_sdk_ec2::types as ec2;
use redeye_cloud::{Class, CloudError, Id, Kind, Listing, Resource};

use crate::act::filter;
use crate::convert;
use crate::megavisor::Ec2Megavisor;
use crate::page::{Pages, pages};
use crate::refusal::{Access, refusal};

mod balancers;

/// One request of a read; `$doing` is what is being done.
macro_rules! read {
    ($call:expr, $doing:expr) => {
        $call
            .send()
            .await
            .map_err(|error| refusal($doing, Access::Read, &error))
    };
}
pub(crate) use read;

/// All pages of a request whose answer has a `next_token`.
macro_rules! paged {
    ($doing:expr, $request:expr, $items:ident) => {{
        let request = $request;
        pages($doing, |token| {
            let request = request.clone().set_next_token(token);
            async move {
                let answer = read!(request, $doing)?;
                let next = answer.next_token().map(str::to_owned);
                Ok((answer.$items.unwrap_or_default(), next))
            }
        })
        .await
    }};
}

impl Ec2Megavisor {
    pub(crate) async fn list_all(&self, kind: Kind) -> Result<Listing<Resource>, CloudError> {
        let began = self.clock.now();
        let Pages {
            mut items,
            broke_off,
        } = self.resources(kind).await?;
        items.sort_by(|one, other| one.id().cmp(other.id()));
        Ok(match broke_off {
            None => Listing::live(items, began),
            Some(error) => Listing::partial(items, began, error),
        })
    }

    async fn resources(&self, kind: Kind) -> Result<Pages<Resource>, CloudError> {
        let doing = format!("{kind} list");
        let doing = doing.as_str();
        let ec2 = &self.clients().await.ec2;
        match kind {
            Kind::Instance => {
                let request = ec2.describe_instances().max_results(1_000);
                let found = paged!(doing, request, reservations)?;
                let flat = |one: ec2::Reservation| one.instances.unwrap_or_default();
                Ok(Pages {
                    items: convert(found.items.into_iter().flat_map(flat), convert::instance),
                    broke_off: found.broke_off,
                })
            }
            Kind::Volume => {
                let request = ec2.describe_volumes().max_results(500);
                Ok(paged!(doing, request, volumes)?.map(convert::volume))
            }
            Kind::Snapshot => {
                let request = ec2
                    .describe_snapshots()
                    .owner_ids("self")
                    .max_results(1_000);
                Ok(paged!(doing, request, snapshots)?.map(convert::snapshot))
            }
            Kind::FloatingIp => {
                let answer = read!(ec2.describe_addresses(), doing)?;
                Ok(whole(answer.addresses, convert::floating_ip))
            }
            Kind::LoadBalancer => self.balancers(doing).await,
            Kind::KeyPair => {
                let answer = read!(ec2.describe_key_pairs().include_public_key(true), doing)?;
                Ok(whole(answer.key_pairs, convert::key_pair))
            }
            Kind::Firewall => {
                let request = ec2.describe_security_groups().max_results(1_000);
                Ok(paged!(doing, request, security_groups)?.map(convert::firewall))
            }
            Kind::Image => {
                let mut request = ec2.describe_images().max_results(1_000);
                for owner in &self.settings.image_owners {
                    request = request.owners(owner);
                }
                Ok(paged!(doing, request, images)?.map(convert::image))
            }
            Kind::Region => {
                let answer = read!(ec2.describe_regions(), doing)?;
                Ok(whole(answer.regions, convert::region))
            }
            Kind::Zone => {
                let answer = read!(ec2.describe_availability_zones(), doing)?;
                Ok(whole(answer.availability_zones, convert::zone))
            }
            Kind::Size => {
                let request = ec2.describe_instance_types().max_results(100);
                Ok(paged!(doing, request, instance_types)?.map(convert::size))
            }
            Kind::Capacity => self.capacities(doing).await,
        }
    }

    /// What the account may have, as far as EC2 says so.
    async fn capacities(&self, doing: &str) -> Result<Pages<Resource>, CloudError> {
        let ec2 = &self.clients().await.ec2;
        let answer = read!(ec2.describe_account_attributes(), doing)?;
        let limit = |name: &str| {
            let attributes = answer.account_attributes().iter();
            let mut attributes = attributes.filter(|one| one.attribute_name() == Some(name));
            let values = attributes.next()?.attribute_values();
            values.first()?.attribute_value()?.parse::<u64>().ok()
        };
        let mut items = Vec::new();
        let mut broke_off = None;
        for (what, name, kind) in [
            ("instances", "max-instances", Kind::Instance),
            ("ips", "vpc-max-elastic-ips", Kind::FloatingIp),
        ] {
            let Some(limit) = limit(name) else { continue };
            let there = Box::pin(self.resources(kind)).await?;
            let alive = |one: &&Resource| {
                let instance = one.as_instance();
                instance.is_none_or(|one| one.lifecycle.name() != "terminated")
            };
            let used = there.items.iter().filter(alive).count() as u64;
            items.extend(convert::capacity(what, limit, used));
            broke_off = broke_off.or(there.broke_off);
        }
        Ok(Pages { items, broke_off })
    }

    /// One thing; nothing only if EC2 says that there is none.
    pub(crate) async fn look_at(
        &self,
        kind: Kind,
        id: &Id,
    ) -> Result<Option<Resource>, CloudError> {
        let doing = format!("{kind} show {id}");
        match kind {
            Kind::Instance => {
                let Some(mut found) = self.one_instance(id, &doing).await? else {
                    return Ok(None);
                };
                if let Resource::Instance(instance) = &mut found {
                    instance.protected = self.is_protected(id, &doing).await?;
                }
                Ok(Some(found))
            }
            Kind::Volume => {
                let volume = self.volume(id, &doing).await?;
                Ok(volume.as_ref().and_then(convert::volume))
            }
            Kind::Snapshot => {
                let ec2 = &self.clients().await.ec2;
                let asked = ec2.describe_snapshots().snapshot_ids(id.as_str());
                let answer = none_if_missing(read!(asked, &doing))?;
                let found = answer.and_then(|answer| answer.snapshots);
                Ok(found
                    .unwrap_or_default()
                    .first()
                    .and_then(convert::snapshot))
            }
            // Whoever owns it.
            Kind::Image => {
                let ec2 = &self.clients().await.ec2;
                let asked = ec2.describe_images().image_ids(id.as_str());
                let answer = none_if_missing(read!(asked, &doing))?;
                let found = answer.and_then(|answer| answer.images);
                Ok(found.unwrap_or_default().first().and_then(convert::image))
            }
            _ => {
                let all = self.resources(kind).await?;
                let found = all.items.iter().find(|one| one.id() == id).cloned();
                match (found, all.broke_off) {
                    (None, Some(error)) => Err(error),
                    (found, _) => Ok(found),
                }
            }
        }
    }

    async fn one_instance(&self, id: &Id, doing: &str) -> Result<Option<Resource>, CloudError> {
        let found = self.instance(id, doing).await?;
        Ok(found.as_ref().and_then(convert::instance))
    }

    /// An instance as EC2 has it.
    pub(crate) async fn instance(
        &self,
        id: &Id,
        doing: &str,
    ) -> Result<Option<ec2::Instance>, CloudError> {
        let ec2 = &self.clients().await.ec2;
        let asked = ec2.describe_instances().instance_ids(id.as_str());
        let answer = none_if_missing(read!(asked, doing))?;
        let reservations = answer.and_then(|answer| answer.reservations);
        let mut all = reservations.unwrap_or_default().into_iter();
        Ok(all.find_map(|one| one.instances.unwrap_or_default().into_iter().next()))
    }

    /// A volume as EC2 has it.
    pub(crate) async fn volume(
        &self,
        id: &Id,
        doing: &str,
    ) -> Result<Option<ec2::Volume>, CloudError> {
        let ec2 = &self.clients().await.ec2;
        let asked = ec2.describe_volumes().volume_ids(id.as_str());
        let answer = none_if_missing(read!(asked, doing))?;
        let volumes = answer.and_then(|answer| answer.volumes);
        Ok(volumes.unwrap_or_default().into_iter().next())
    }

    /// An address as EC2 has it.
    pub(crate) async fn address(
        &self,
        id: &Id,
        doing: &str,
    ) -> Result<Option<ec2::Address>, CloudError> {
        let ec2 = &self.clients().await.ec2;
        let asked = ec2.describe_addresses().allocation_ids(id.as_str());
        let answer = none_if_missing(read!(asked, doing))?;
        let addresses = answer.and_then(|answer| answer.addresses);
        Ok(addresses.unwrap_or_default().into_iter().next())
    }

    async fn is_protected(&self, id: &Id, doing: &str) -> Result<bool, CloudError> {
        let ec2 = &self.clients().await.ec2;
        let asked = ec2
            .describe_instance_attribute()
            .instance_id(id.as_str())
            .attribute(ec2::InstanceAttributeName::DisableApiTermination);
        let answer = read!(asked, doing)?;
        let value = answer
            .disable_api_termination()
            .and_then(ec2::AttributeBooleanValue::value);
        Ok(value.unwrap_or(false))
    }

    /// The ids of what an operation made, of one kind.
    pub(crate) async fn made_by(
        &self,
        kind: Kind,
        op: &str,
        doing: &str,
    ) -> Result<Vec<Resource>, CloudError> {
        let ec2 = &self.clients().await.ec2;
        let ours = filter(&format!("tag:{}", convert::TAG_OP), op);
        let found = match kind {
            Kind::Instance => {
                let found = paged!(doing, ec2.describe_instances().filters(ours), reservations)?;
                let all = found.all()?.into_iter();
                convert(
                    all.flat_map(|one| one.instances.unwrap_or_default()),
                    convert::instance,
                )
            }
            Kind::Volume => paged!(doing, ec2.describe_volumes().filters(ours), volumes)?
                .map(convert::volume)
                .all()?,
            Kind::Snapshot => paged!(doing, ec2.describe_snapshots().filters(ours), snapshots)?
                .map(convert::snapshot)
                .all()?,
            Kind::FloatingIp => {
                let answer = read!(ec2.describe_addresses().filters(ours), doing)?;
                whole(answer.addresses, convert::floating_ip).all()?
            }
            Kind::KeyPair => {
                let answer = read!(ec2.describe_key_pairs().filters(ours), doing)?;
                whole(answer.key_pairs, convert::key_pair).all()?
            }
            Kind::Firewall => {
                let request = ec2.describe_security_groups().filters(ours);
                paged!(doing, request, security_groups)?
                    .map(convert::firewall)
                    .all()?
            }
            Kind::Image => paged!(doing, ec2.describe_images().filters(ours), images)?
                .map(convert::image)
                .all()?,
            _ => {
                let message = format!("no {kind} is made here");
                return Err(CloudError::new(Class::Unsupported, doing, message));
            }
        };
        Ok(found)
    }
}

impl<T> Pages<T> {
    fn map(self, change: impl Fn(&T) -> Option<Resource>) -> Pages<Resource> {
        Pages {
            items: convert(self.items, change),
            broke_off: self.broke_off,
        }
    }
}

fn convert<T>(
    items: impl IntoIterator<Item = T>,
    change: impl Fn(&T) -> Option<Resource>,
) -> Vec<Resource> {
    items.into_iter().filter_map(|one| change(&one)).collect()
}

/// An answer without pages.
fn whole<T>(items: Option<Vec<T>>, change: impl Fn(&T) -> Option<Resource>) -> Pages<Resource> {
    Pages {
        items: convert(items.unwrap_or_default(), change),
        broke_off: None,
    }
}

/// EC2's own word that there is no such thing.
pub(crate) fn none_if_missing<T>(answer: Result<T, CloudError>) -> Result<Option<T>, CloudError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.class == Class::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
