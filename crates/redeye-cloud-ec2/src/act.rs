//! The writes: what is so already is left alone, what is sent is sent once, and it
//! counts as done when EC2 shows it.

use aws_sdk_ec2::types as ec2;
use redeye_cloud::{
    Action, Begun, Class, CloudError, Handle, Id, Kind, Outcome, Progress, Recovered, Request,
    Resource, Tags,
};
use rem_time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

use crate::convert::{TAG_OP, id};
use crate::megavisor::Ec2Megavisor;

mod balancers;
mod catalogue;
mod instances;
mod network;
mod snapshots;
mod volumes;

/// The longest time between two looks for what may have been made.
const LOOK_MOST: Span = Span::from_seconds(5);

/// What is kept of something that is under way.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Under {
    /// When it was sent, or found.
    since: Timestamp,
    /// What of it could not be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    missing: Option<CloudError>,
}

/// One request that changes something.
macro_rules! sent {
    ($call:expr, $doing:expr) => {
        $call
            .send()
            .await
            .map_err(|error| crate::refusal::refusal($doing, crate::refusal::Access::Write, &error))
    };
}
use sent;

pub(crate) fn filter(name: &str, value: &str) -> ec2::Filter {
    ec2::Filter::builder().name(name).values(value).build()
}

/// The tags of what an operation makes.
fn marked(request: &Request, name: Option<&str>, tags: &Tags) -> Tags {
    let mut all = tags.clone();
    if let Some(name) = name {
        all.insert("Name".into(), name.into());
    }
    all.insert(TAG_OP.into(), request.id.to_string());
    all
}

fn tag_specification(sort: ec2::ResourceType, tags: &Tags) -> ec2::TagSpecification {
    let tags = tags.iter();
    let tags = tags.map(|(key, value)| ec2::Tag::builder().key(key).value(value).build());
    ec2::TagSpecification::builder()
        .resource_type(sort)
        .set_tags(Some(tags.collect()))
        .build()
}

/// An id that EC2 gave to something it made.
fn made(text: Option<&str>, doing: &str) -> Result<Id, CloudError> {
    // It is made, and the next who looks for it finds it.
    id(text).ok_or_else(|| CloudError::unclear(doing, "EC2 does not say what it made"))
}

pub(crate) fn missing(doing: &str, kind: Kind, id: &Id) -> CloudError {
    CloudError::new(Class::NotFound, doing, format!("there is no {kind} {id}"))
}

pub(crate) fn invalid(doing: &str, message: impl Into<String>) -> CloudError {
    CloudError::new(Class::Invalid, doing, message)
}

impl Ec2Megavisor {
    /// Sends a request, or asks with its dry run whether EC2 would take it.
    pub(crate) async fn send(&self, request: &Request, dry: bool) -> Result<Begun, CloudError> {
        let doing = request.action.verb().to_string();
        let doing = doing.as_str();
        match &request.action {
            Action::RequestInstance(wanted) => {
                self.request_instance(request, wanted, doing, dry).await
            }
            Action::StartInstance { .. }
            | Action::StopInstance { .. }
            | Action::RebootInstance { .. }
            | Action::TerminateInstance { .. } => self.switch(request, doing, dry).await,
            Action::ProtectInstance { id, on } => self.protect(id, *on, doing, dry).await,
            Action::Tag {
                id, set, remove, ..
            } => self.tag(id, set, remove, doing, dry).await,
            Action::CreateVolume(wanted) => self.create_volume(request, wanted, doing, dry).await,
            Action::AttachVolume {
                id,
                instance,
                device,
            } => {
                self.attach(id, instance, device.as_deref(), doing, dry)
                    .await
            }
            Action::DetachVolume {
                id,
                instance,
                force,
            } => self.detach(id, instance.as_ref(), *force, doing, dry).await,
            Action::ResizeVolume { id, bytes } => self.resize(id, *bytes, doing, dry).await,
            Action::DeleteVolume { id } => self.delete_volume(id, doing, dry).await,
            Action::CreateSnapshots { volumes, .. } => {
                self.create_snapshots(request, volumes, doing, dry).await
            }
            Action::CopySnapshot { id, from, tags } => {
                self.copy_snapshot(request, (id, from), tags, doing, dry)
                    .await
            }
            Action::DeleteSnapshot { id } => self.delete_snapshot(id, doing, dry).await,
            Action::AllocateIp { tags } => self.allocate(request, tags, doing, dry).await,
            Action::MoveIp { id, instance } => {
                self.move_ip(id, instance.as_ref(), doing, dry).await
            }
            Action::ReleaseIp { id } => self.release(id, doing, dry).await,
            Action::CreateLoadBalancer { .. }
            | Action::AttachMember { .. }
            | Action::DetachMember { .. }
            | Action::DeleteLoadBalancer { .. } => self.balance(request, doing).await,
            Action::CreateKey { name, tags } => {
                self.create_key(request, name, tags, doing, dry).await
            }
            Action::ImportKey {
                name,
                public_key,
                tags,
            } => {
                self.import_key(request, (name, public_key), tags, doing, dry)
                    .await
            }
            Action::DeleteKey { id } => self.delete_key(id, doing, dry).await,
            Action::CreateFirewall {
                name,
                description,
                tags,
            } => {
                let name = (name.as_str(), description.as_deref());
                self.create_firewall(request, name, tags, doing, dry).await
            }
            Action::Allow { id, rule } => self.allow(id, rule, doing, dry).await,
            Action::Deny { id, rule } => self.deny(id, rule, doing, dry).await,
            Action::DeleteFirewall { id } => self.delete_firewall(id, doing, dry).await,
            Action::CreateImage {
                instance,
                name,
                tags,
            } => {
                self.create_image(request, (instance, name), tags, doing, dry)
                    .await
            }
            Action::CopyImage { id, from, name } => {
                self.copy_image(request, (id, from), name, doing, dry).await
            }
            Action::DeleteImage { id } => self.delete_image(id, doing, dry).await,
        }
    }

    pub(crate) async fn act(&self, request: &Request) -> Result<Begun, CloudError> {
        self.send(request, false).await
    }

    /// Whether it is so by now.
    pub(crate) async fn follow(
        &self,
        request: &Request,
        handle: &Handle,
    ) -> Result<Progress, CloudError> {
        let doing = request.action.verb().to_string();
        let under = self.under(handle);
        let followed = match &request.action {
            Action::RequestInstance(_)
            | Action::StartInstance { .. }
            | Action::StopInstance { .. }
            | Action::RebootInstance { .. }
            | Action::TerminateInstance { .. } => {
                self.follow_power(request, handle, &under, &doing).await
            }
            Action::CreateVolume(_)
            | Action::AttachVolume { .. }
            | Action::DetachVolume { .. }
            | Action::ResizeVolume { .. }
            | Action::DeleteVolume { .. } => {
                self.follow_volume(request, handle, &under, &doing).await
            }
            Action::CreateSnapshots { .. } | Action::CopySnapshot { .. } => {
                self.follow_snapshots(handle, &under, &doing).await
            }
            Action::MoveIp { id, instance } => {
                self.follow_ip(id, instance.as_ref(), handle, &doing).await
            }
            Action::CreateImage { .. } | Action::CopyImage { .. } => {
                self.follow_image(handle, &under, &doing).await
            }
            Action::CreateLoadBalancer { .. }
            | Action::AttachMember { .. }
            | Action::DetachMember { .. }
            | Action::DeleteLoadBalancer { .. } => {
                self.follow_balancing(request, handle, &under, &doing).await
            }
            // These are over when EC2 has taken them.
            _ => Ok(Progress::Done(Outcome::changed(handle.ids.clone()))),
        };
        match followed {
            // A page of some proxy says nothing about what is under way.
            Err(error) if error.class == Class::Protocol => Ok(self.running(handle, error.message)),
            // A write of a later step: the next look shows whether it arrived.
            Err(error) if error.class == Class::Unclear => Ok(self.running(handle, error.message)),
            followed => followed,
        }
    }

    /// What became of a request of which nobody heard the end.
    pub(crate) async fn find_out(&self, request: &Request) -> Result<Recovered, CloudError> {
        let doing = request.action.verb().to_string();
        let found = match &request.action {
            Action::RequestInstance(_) => {
                // What is not seen yet is known by the token.
                self.made_once(request, Kind::Instance, &doing).await
            }
            Action::CreateVolume(_) => self.made_once(request, Kind::Volume, &doing).await,
            Action::CopyImage { .. } => self.made_once(request, Kind::Image, &doing).await,
            Action::CreateImage { .. } => self.made_later(request, Kind::Image, &doing).await,
            Action::CopySnapshot { .. } => self.made_later(request, Kind::Snapshot, &doing).await,
            Action::CreateSnapshots { volumes, .. } => {
                self.recover_snapshots(request, volumes, &doing).await
            }
            Action::AllocateIp { .. } => self.made_later(request, Kind::FloatingIp, &doing).await,
            Action::ImportKey { .. } => self.made_later(request, Kind::KeyPair, &doing).await,
            Action::CreateKey { .. } => self.recover_key(request, &doing).await,
            Action::CreateFirewall { .. } => self.made_later(request, Kind::Firewall, &doing).await,
            Action::StartInstance { .. }
            | Action::StopInstance { .. }
            | Action::RebootInstance { .. }
            | Action::TerminateInstance { .. } => self.recover_power(request, &doing).await,
            Action::DeleteVolume { id } | Action::DeleteSnapshot { id } => {
                let kind = request.action.verb().kind();
                self.gone_or_again(kind, id).await
            }
            Action::ReleaseIp { id } => self.gone_or_again(Kind::FloatingIp, id).await,
            Action::DeleteKey { id } => self.gone_or_again(Kind::KeyPair, id).await,
            Action::DeleteFirewall { id } => self.gone_or_again(Kind::Firewall, id).await,
            Action::DeleteImage { id } => self.gone_or_again(Kind::Image, id).await,
            Action::DeleteLoadBalancer { .. } => self.recover_balancer(request, &doing).await,
            // Doing these twice is doing them once, and they look first.
            Action::ProtectInstance { .. }
            | Action::Tag { .. }
            | Action::AttachVolume { .. }
            | Action::DetachVolume { .. }
            | Action::ResizeVolume { .. }
            | Action::MoveIp { .. }
            | Action::CreateLoadBalancer { .. }
            | Action::AttachMember { .. }
            | Action::DetachMember { .. }
            | Action::Allow { .. }
            | Action::Deny { .. } => Ok(Recovered::SendAgain),
        };
        found.map_err(|error| match error.class {
            Class::Protocol => CloudError {
                class: Class::Unavailable,
                ..error
            },
            _ => error,
        })
    }

    fn under(&self, handle: &Handle) -> Under {
        serde_json::from_value(handle.state.clone()).unwrap_or_else(|_| self.since_now())
    }

    fn since_now(&self) -> Under {
        Under {
            since: self.clock.now(),
            missing: None,
        }
    }

    /// Whether what was made may not be seen yet.
    fn is_fresh(&self, under: &Under) -> bool {
        self.clock.now().since(under.since) < self.settings.visible_within
    }

    fn handle(&self, ids: Vec<Id>, under: &Under) -> Handle {
        Handle {
            ids,
            state: serde_json::to_value(under).unwrap_or_default(),
            poll_after: self.settings.look_after,
        }
    }

    fn begun(&self, ids: impl IntoIterator<Item = Id>) -> Begun {
        Begun::Running(self.handle(ids.into_iter().collect(), &self.since_now()))
    }

    fn running(&self, handle: &Handle, note: impl Into<String>) -> Progress {
        Progress::Running {
            handle: handle.clone(),
            note: Some(note.into()),
            percent: None,
        }
    }

    /// What an operation made, if EC2 shows it; what has a token is sent again safely.
    async fn made_once(
        &self,
        request: &Request,
        kind: Kind,
        doing: &str,
    ) -> Result<Recovered, CloudError> {
        let found = self.made_by(kind, &request.id.to_string(), doing).await?;
        let ids: Vec<Id> = found.iter().map(|one| one.id().clone()).collect();
        Ok(match ids.is_empty() {
            true => Recovered::SendAgain,
            false => Recovered::Adopt(self.begun(ids)),
        })
    }

    /// The same for what has no token: it is looked for as long as it may be unseen.
    async fn made_later(
        &self,
        request: &Request,
        kind: Kind,
        doing: &str,
    ) -> Result<Recovered, CloudError> {
        let found = self.wait_made(request, kind, 1, doing).await?;
        let ids: Vec<Id> = found.iter().map(|one| one.id().clone()).collect();
        Ok(match (ids.is_empty(), kind) {
            (true, _) => Recovered::SendAgain,
            (false, Kind::Image | Kind::Snapshot) => Recovered::Adopt(self.begun(ids)),
            (false, _) => Recovered::Adopt(Begun::Done(Outcome::changed(ids))),
        })
    }

    async fn wait_made(
        &self,
        request: &Request,
        kind: Kind,
        count: usize,
        doing: &str,
    ) -> Result<Vec<Resource>, CloudError> {
        let under = self.since_now();
        let mut pause = self.settings.look_after;
        loop {
            let found = self.made_by(kind, &request.id.to_string(), doing).await?;
            if count <= found.len() || !self.is_fresh(&under) {
                return Ok(found);
            }
            tokio::time::sleep(pause.as_duration()).await;
            pause = pause.saturating_add(pause).min(LOOK_MOST);
        }
    }

    /// What was to be deleted and is not there any more was deleted.
    async fn gone_or_again(&self, kind: Kind, id: &Id) -> Result<Recovered, CloudError> {
        Ok(match self.look_at(kind, id).await? {
            None => Recovered::Adopt(Begun::Done(Outcome::changed([id.clone()]))),
            Some(_) => Recovered::SendAgain,
        })
    }
}
