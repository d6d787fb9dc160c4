use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use rem_time::{Span, Timestamp};
use tokio::time::Instant;

use crate::action::{Action, NewInstance, NewVolume};
use crate::error::{Class, CloudError};
use crate::kind::Kind;
use crate::name::Id;
use crate::progress::{Begun, Handle, Outcome};
use crate::request::{OperationId, Request};
use crate::resource::{
    Attachment, Firewall, FloatingIp, Health, Image, ImageState, Instance, KeyPair, Lifecycle,
    LoadBalancer, Member, Power, Resource, Snapshot, SnapshotState, Tags, Volume, VolumeState,
};

/// What is in the fake's cloud.
#[derive(Debug)]
pub(super) struct World {
    things: BTreeMap<(Kind, Id), Resource>,
    /// What becomes of things, and when.
    becoming: Vec<(Instant, OperationId, Becomes)>,
    known: HashMap<OperationId, Begun>,
    pub(super) changes_take: Duration,
    numbers: u64,
}

#[derive(Debug)]
enum Becomes {
    Is(Box<Resource>),
    Gone(Kind, Id),
}

impl Default for World {
    fn default() -> Self {
        Self {
            things: BTreeMap::new(),
            becoming: Vec::new(),
            known: HashMap::new(),
            changes_take: Duration::from_millis(500),
            numbers: 0,
        }
    }
}

impl World {
    pub(super) fn put(&mut self, resource: Resource) {
        let key = (resource.kind(), resource.id().clone());
        self.things.insert(key, resource);
    }

    pub(super) fn lose(&mut self, kind: Kind, id: &Id) {
        self.things.remove(&(kind, id.clone()));
    }

    pub(super) fn list(&mut self, kind: Kind) -> Vec<Resource> {
        self.settle();
        let of_kind = self.things.iter().filter(|((one, _), _)| *one == kind);
        of_kind.map(|(_, thing)| thing.clone()).collect()
    }

    pub(super) fn get(&mut self, kind: Kind, id: &Id) -> Option<Resource> {
        self.settle();
        self.things.get(&(kind, id.clone())).cloned()
    }

    pub(super) fn known(&self, id: OperationId) -> Option<Begun> {
        self.known.get(&id).cloned()
    }

    pub(super) fn is_settled(&mut self, request: &Request) -> bool {
        self.settle();
        !self.becoming.iter().any(|(_, id, _)| *id == request.id)
    }

    fn settle(&mut self) {
        let now = Instant::now();
        let (due, later): (Vec<_>, Vec<_>) = std::mem::take(&mut self.becoming)
            .into_iter()
            .partition(|(at, ..)| *at <= now);
        self.becoming = later;
        for (_, _, becomes) in due {
            match becomes {
                Becomes::Is(resource) => self.put(*resource),
                Becomes::Gone(kind, id) => self.lose(kind, &id),
            }
        }
    }

    fn number(&mut self, letter: &str) -> Id {
        self.numbers += 1;
        #[allow(clippy::expect_used, reason = "a letter and a number are an id")]
        Id::new(&format!("{letter}-{:04}", self.numbers)).expect("an id")
    }

    /// Carries a request out; a repeated one gets the same answer.
    pub(super) fn begin(&mut self, request: &Request, now: Timestamp) -> Result<Begun, CloudError> {
        self.settle();
        if let Some(begun) = self.known.get(&request.id) {
            return Ok(begun.clone());
        }
        let begun = self.act(request, now)?;
        self.known.insert(request.id, begun.clone());
        Ok(begun)
    }

    /// First `during`, then `after`.
    fn change(&mut self, request: &Request, during: Resource, after: Becomes) -> Begun {
        let id = during.id().clone();
        self.put(during);
        let at = Instant::now() + self.changes_take;
        self.becoming.push((at, request.id, after));
        Begun::Running(Handle {
            ids: vec![id],
            state: serde_json::Value::Null,
            poll_after: Span::from_millis(100),
        })
    }

    fn becomes(&mut self, request: &Request, during: Resource, after: Resource) -> Begun {
        self.change(request, during, Becomes::Is(Box::new(after)))
    }

    fn done(&mut self, resource: Resource) -> Begun {
        let id = resource.id().clone();
        self.put(resource);
        Begun::Done(Outcome::changed([id]))
    }

    fn act(&mut self, request: &Request, now: Timestamp) -> Result<Begun, CloudError> {
        let fail = |class, message: String| {
            Err(CloudError::new(
                class,
                request.action.verb().to_string(),
                message,
            ))
        };
        for (kind, id) in request.action.targets() {
            if !self.things.contains_key(&(kind, id.clone())) {
                return fail(Class::NotFound, format!("there is no {kind} {id}"));
            }
        }
        Ok(match &request.action {
            Action::RequestInstance(wanted) => self.request(request, wanted, now),
            Action::StartInstance { id } => {
                let instance = self.instance(id);
                match instance.power {
                    Power::On => Begun::Done(Outcome::unchanged([id.clone()])),
                    _ => self.power(request, instance, Lifecycle::Provisioning, Power::On),
                }
            }
            Action::StopInstance { id, .. } => {
                let instance = self.instance(id);
                match instance.power {
                    Power::Off => Begun::Done(Outcome::unchanged([id.clone()])),
                    _ => self.power(request, instance, Lifecycle::Stopping, Power::Off),
                }
            }
            Action::RebootInstance { id, .. } => {
                let instance = self.instance(id);
                if instance.power == Power::Off {
                    return fail(Class::Conflict, format!("{id} is off"));
                }
                self.power(request, instance, Lifecycle::Provisioning, Power::On)
            }
            Action::TerminateInstance { id } => {
                let instance = self.instance(id);
                if instance.protected {
                    return fail(Class::Conflict, format!("{id} is protected"));
                }
                let during = Instance {
                    lifecycle: Lifecycle::Releasing,
                    ..instance
                };
                let gone = Becomes::Gone(Kind::Instance, id.clone());
                self.change(request, Resource::Instance(during), gone)
            }
            Action::ProtectInstance { id, on } => {
                let mut instance = self.instance(id);
                instance.protected = *on;
                self.done(Resource::Instance(instance))
            }
            Action::Tag {
                kind,
                id,
                set,
                remove,
            } => {
                if let Some(tags) = self.tags(*kind, id) {
                    tags.extend(set.clone());
                    tags.retain(|name, _| !remove.contains(name));
                }
                Begun::Done(Outcome::changed([id.clone()]))
            }
            Action::CreateVolume(wanted) => {
                let Some(volume) = self.new_volume(request, wanted, now) else {
                    return fail(Class::Invalid, "a volume needs a size or a snapshot".into());
                };
                let after = Volume {
                    state: VolumeState::Available,
                    ..volume.clone()
                };
                self.becomes(request, Resource::Volume(volume), Resource::Volume(after))
            }
            Action::AttachVolume {
                id,
                instance,
                device,
            } => {
                let volume = self.volume(id);
                if volume.state != VolumeState::Available {
                    return fail(Class::Conflict, format!("{id} is not available"));
                }
                let attached = vec![Attachment {
                    instance: instance.clone(),
                    device: device.clone(),
                }];
                self.volume_becomes(
                    request,
                    volume,
                    VolumeState::Attaching,
                    VolumeState::InUse,
                    attached,
                )
            }
            Action::DetachVolume { id, .. } => {
                let volume = self.volume(id);
                if volume.attached.is_empty() {
                    return Ok(Begun::Done(Outcome::unchanged([id.clone()])));
                }
                self.volume_becomes(
                    request,
                    volume,
                    VolumeState::Detaching,
                    VolumeState::Available,
                    Vec::new(),
                )
            }
            Action::ResizeVolume { id, bytes } => {
                let mut volume = self.volume(id);
                if *bytes < volume.bytes {
                    return fail(Class::Invalid, format!("{id} cannot shrink"));
                }
                volume.bytes = *bytes;
                self.done(Resource::Volume(volume))
            }
            Action::DeleteVolume { id } => {
                let volume = self.volume(id);
                if !volume.attached.is_empty() {
                    return fail(Class::Conflict, format!("{id} is attached"));
                }
                let during = Volume {
                    state: VolumeState::Deleting,
                    ..volume
                };
                let gone = Becomes::Gone(Kind::Volume, id.clone());
                self.change(request, Resource::Volume(during), gone)
            }
            Action::CreateSnapshots {
                volumes,
                description,
                tags,
            } => self.snapshots(request, volumes, description.as_deref(), tags, now),
            Action::CopySnapshot { tags, .. } => {
                let during = self.snapshot(None, None, tags.clone(), now);
                let after = completed(&during);
                self.becomes(
                    request,
                    Resource::Snapshot(during),
                    Resource::Snapshot(after),
                )
            }
            Action::AllocateIp { tags } => {
                let id = self.number("ip");
                let last = (self.numbers % 250) as u8;
                let ip = FloatingIp {
                    id,
                    address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)),
                    instance: None,
                    tags: tags.clone(),
                };
                self.done(Resource::FloatingIp(ip))
            }
            Action::MoveIp { id, instance } => {
                let Some(Resource::FloatingIp(mut ip)) = self.get(Kind::FloatingIp, id) else {
                    return fail(Class::NotFound, format!("there is no ip {id}"));
                };
                if ip.instance == *instance {
                    return Ok(Begun::Done(Outcome::unchanged([id.clone()])));
                }
                ip.instance.clone_from(instance);
                self.done(Resource::FloatingIp(ip))
            }
            Action::CreateLoadBalancer {
                name,
                listeners,
                tags,
                ..
            } => {
                let id = self.number("lb");
                self.done(Resource::LoadBalancer(LoadBalancer {
                    id,
                    name: name.clone(),
                    address: None,
                    listeners: listeners.clone(),
                    members: Vec::new(),
                    tags: tags.clone(),
                }))
            }
            Action::AttachMember { id, instance, port } => self.members(id, |members| {
                members.retain(|member| member.instance != *instance);
                members.push(Member {
                    instance: instance.clone(),
                    port: *port,
                    health: Health::Healthy,
                    why: None,
                });
            }),
            Action::DetachMember { id, instance } => self.members(id, |members| {
                members.retain(|member| member.instance != *instance);
            }),
            Action::CreateKey { name, tags } | Action::ImportKey { name, tags, .. } => {
                let id = self.number("key");
                let public_key = match &request.action {
                    Action::ImportKey { public_key, .. } => Some(public_key.clone()),
                    _ => None,
                };
                self.done(Resource::KeyPair(KeyPair {
                    id,
                    name: name.clone(),
                    fingerprint: None,
                    public_key,
                    tags: tags.clone(),
                }))
            }
            Action::CreateFirewall {
                name,
                description,
                tags,
            } => {
                let id = self.number("fw");
                self.done(Resource::Firewall(Firewall {
                    id,
                    name: name.clone(),
                    description: description.clone(),
                    rules: Vec::new(),
                    tags: tags.clone(),
                }))
            }
            Action::Allow { id, rule } | Action::Deny { id, rule } => {
                let allow = matches!(request.action, Action::Allow { .. });
                let key = (Kind::Firewall, id.clone());
                let Some(Resource::Firewall(firewall)) = self.things.get_mut(&key) else {
                    return fail(Class::NotFound, format!("there is no firewall {id}"));
                };
                if firewall.rules.contains(rule) == allow {
                    return Ok(Begun::Done(Outcome::unchanged([id.clone()])));
                }
                match allow {
                    true => firewall.rules.push(rule.clone()),
                    false => firewall.rules.retain(|one| one != rule),
                }
                Begun::Done(Outcome::changed([id.clone()]))
            }
            Action::CreateImage { name, tags, .. } => self.image(request, name, tags, now),
            Action::CopyImage { name, .. } => self.image(request, name, &Tags::new(), now),
            Action::DeleteSnapshot { id } => self.gone(Kind::Snapshot, id),
            Action::ReleaseIp { id } => self.gone(Kind::FloatingIp, id),
            Action::DeleteLoadBalancer { id } => self.gone(Kind::LoadBalancer, id),
            Action::DeleteKey { id } => self.gone(Kind::KeyPair, id),
            Action::DeleteFirewall { id } => self.gone(Kind::Firewall, id),
            Action::DeleteImage { id } => self.gone(Kind::Image, id),
        })
    }

    fn gone(&mut self, kind: Kind, id: &Id) -> Begun {
        self.lose(kind, id);
        Begun::Done(Outcome::changed([id.clone()]))
    }

    fn instance(&self, id: &Id) -> Instance {
        match self.things.get(&(Kind::Instance, id.clone())) {
            Some(Resource::Instance(instance)) => instance.clone(),
            _ => Instance::new(id.clone(), Power::Unknown, Lifecycle::Lost),
        }
    }

    fn volume(&self, id: &Id) -> Volume {
        match self.things.get(&(Kind::Volume, id.clone())) {
            Some(Resource::Volume(volume)) => volume.clone(),
            _ => blank_volume(id.clone()),
        }
    }

    fn tags(&mut self, kind: Kind, id: &Id) -> Option<&mut Tags> {
        self.things.get_mut(&(kind, id.clone()))?.tags_mut()
    }

    fn power(
        &mut self,
        request: &Request,
        instance: Instance,
        during: Lifecycle,
        power: Power,
    ) -> Begun {
        let after = Instance {
            power,
            lifecycle: match power {
                Power::On => Lifecycle::Active,
                Power::Off | Power::Unknown => Lifecycle::Stopped,
            },
            ..instance.clone()
        };
        let during = Instance {
            lifecycle: during,
            ..instance
        };
        self.becomes(
            request,
            Resource::Instance(during),
            Resource::Instance(after),
        )
    }

    fn request(&mut self, request: &Request, wanted: &NewInstance, now: Timestamp) -> Begun {
        let id = self.number("i");
        let mut tags = wanted.tags.clone();
        tags.insert("rem:op".into(), request.id.to_string());
        let during = Instance {
            name: wanted.name.clone(),
            size: wanted.size.clone(),
            image: wanted.image.clone(),
            zone: wanted.zone.clone(),
            key: wanted.key.clone(),
            firewalls: wanted.firewalls.clone(),
            protected: wanted.protected,
            created: Some(now),
            tags,
            ..Instance::new(id, Power::Off, Lifecycle::Provisioning)
        };
        let after = Instance {
            power: Power::On,
            lifecycle: Lifecycle::Active,
            ..during.clone()
        };
        self.becomes(
            request,
            Resource::Instance(during),
            Resource::Instance(after),
        )
    }

    fn new_volume(
        &mut self,
        request: &Request,
        wanted: &NewVolume,
        now: Timestamp,
    ) -> Option<Volume> {
        let of_snapshot = wanted.snapshot.as_ref().and_then(|id| {
            let snapshot = self.things.get(&(Kind::Snapshot, id.clone()))?;
            snapshot.as_snapshot()?.bytes
        });
        let bytes = wanted.bytes.or(of_snapshot)?;
        let mut tags = wanted.tags.clone();
        tags.insert("rem:op".into(), request.id.to_string());
        Some(Volume {
            name: wanted.name.clone(),
            bytes,
            state: VolumeState::Creating,
            zone: wanted.zone.clone(),
            snapshot: wanted.snapshot.clone(),
            sort: wanted.sort.clone(),
            created: Some(now),
            tags,
            ..blank_volume(self.number("vol"))
        })
    }

    fn volume_becomes(
        &mut self,
        request: &Request,
        volume: Volume,
        during: VolumeState,
        after: VolumeState,
        attached: Vec<Attachment>,
    ) -> Begun {
        let after = Volume {
            state: after,
            attached: attached.clone(),
            ..volume.clone()
        };
        let during = Volume {
            state: during,
            attached: match attached.is_empty() {
                true => volume.attached.clone(),
                false => attached,
            },
            ..volume
        };
        self.becomes(request, Resource::Volume(during), Resource::Volume(after))
    }

    fn snapshot(
        &mut self,
        volume: Option<&Id>,
        description: Option<&str>,
        tags: Tags,
        now: Timestamp,
    ) -> Snapshot {
        Snapshot {
            id: self.number("snap"),
            name: None,
            volume: volume.cloned(),
            state: SnapshotState::Pending,
            progress: Some(0),
            bytes: volume.map(|id| self.volume(id).bytes),
            taken: Some(now),
            description: description.map(str::to_owned),
            set: None,
            tags,
        }
    }

    fn snapshots(
        &mut self,
        request: &Request,
        volumes: &[Id],
        description: Option<&str>,
        tags: &Tags,
        now: Timestamp,
    ) -> Begun {
        let set = self.number("set");
        let mut ids = Vec::new();
        for volume in volumes {
            let during = Snapshot {
                set: Some(set.clone()),
                ..self.snapshot(Some(volume), description, tags.clone(), now)
            };
            let after = completed(&during);
            ids.push(during.id.clone());
            self.becomes(
                request,
                Resource::Snapshot(during),
                Resource::Snapshot(after),
            );
        }
        Begun::Running(Handle {
            ids,
            state: serde_json::Value::Null,
            poll_after: Span::from_millis(100),
        })
    }

    fn members(&mut self, id: &Id, change: impl FnOnce(&mut Vec<Member>)) -> Begun {
        if let Some(Resource::LoadBalancer(lb)) =
            self.things.get_mut(&(Kind::LoadBalancer, id.clone()))
        {
            change(&mut lb.members);
        }
        Begun::Done(Outcome::changed([id.clone()]))
    }

    fn image(&mut self, request: &Request, name: &str, tags: &Tags, now: Timestamp) -> Begun {
        let during = Image {
            id: self.number("ami"),
            name: Some(name.to_owned()),
            state: ImageState::Pending,
            architecture: None,
            platform: None,
            owner: None,
            created: Some(now),
            tags: tags.clone(),
        };
        let after = Image {
            state: ImageState::Available,
            ..during.clone()
        };
        self.becomes(request, Resource::Image(during), Resource::Image(after))
    }
}

fn completed(snapshot: &Snapshot) -> Snapshot {
    Snapshot {
        state: SnapshotState::Completed,
        progress: Some(100),
        ..snapshot.clone()
    }
}

fn blank_volume(id: Id) -> Volume {
    Volume {
        id,
        name: None,
        bytes: 0,
        state: VolumeState::Unknown,
        zone: None,
        attached: Vec::new(),
        snapshot: None,
        sort: None,
        created: None,
        tags: Tags::new(),
    }
}
