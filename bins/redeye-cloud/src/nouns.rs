//! A noun and its verb, as actions.

use redeye_cloud::{Action, Kind, Tags};

use crate::arguments::{Firewall, Image, Instance, Ip, Key, Lb, Look, Snapshot, Volume};
use crate::exit::{End, Mistake};
use crate::parsed::{bytes, id, ids, listener, name, optional, rule};
use crate::session::Session;
use crate::writes::{new_instance, new_volume, tag};
use crate::{machine, reads, writes};

pub(crate) async fn look(session: &Session<'_>, kind: Kind, verb: &Look) -> anyhow::Result<End> {
    match verb {
        Look::List => reads::list(session, kind).await,
        Look::Show { id } => reads::one(session, kind, id).await,
    }
}

pub(crate) async fn instance(session: &Session<'_>, verb: &Instance) -> anyhow::Result<End> {
    let each = |texts: &[String], action: &dyn Fn(redeye_cloud::Id) -> Action| {
        anyhow::Ok(ids(texts)?.into_iter().map(action).collect::<Vec<_>>())
    };
    let actions = match verb {
        Instance::List => return reads::list(session, Kind::Instance).await,
        Instance::Show { id } => return reads::one(session, Kind::Instance, id).await,
        Instance::Console { id } => return machine::console(session, id),
        Instance::Wait { id, wanted } => return machine::wait(session, id, wanted).await,
        Instance::Request(asked) => new_instance(asked)?,
        Instance::Start { ids } => each(ids, &|id| Action::StartInstance { id })?,
        Instance::Stop { ids, force } => {
            each(ids, &|id| Action::StopInstance { id, force: *force })?
        }
        Instance::Reboot { ids, force } => {
            each(ids, &|id| Action::RebootInstance { id, force: *force })?
        }
        Instance::Terminate { ids } => each(ids, &|id| Action::TerminateInstance { id })?,
        Instance::Protect { id: which, off } => vec![Action::ProtectInstance {
            id: id(which)?,
            on: !off,
        }],
        Instance::Tag { id, tags } => vec![tag(Kind::Instance, id, tags)?],
    };
    writes::run(session, actions).await
}

pub(crate) async fn volume(session: &Session<'_>, verb: &Volume) -> anyhow::Result<End> {
    let actions = match verb {
        Volume::List => return reads::list(session, Kind::Volume).await,
        Volume::Show { id } => return reads::one(session, Kind::Volume, id).await,
        Volume::Create {
            size,
            snapshot,
            name,
            zone,
            sort,
        } => vec![new_volume(
            size.as_ref(),
            snapshot.as_ref(),
            name.as_ref(),
            zone.as_ref(),
            sort.as_ref(),
        )?],
        Volume::Attach {
            id: which,
            instance,
            device,
        } => vec![Action::AttachVolume {
            id: id(which)?,
            instance: id(instance)?,
            device: device.clone(),
        }],
        Volume::Detach { id: which, force } => vec![Action::DetachVolume {
            id: id(which)?,
            instance: None,
            force: *force,
        }],
        Volume::Resize { id: which, size } => vec![Action::ResizeVolume {
            id: id(which)?,
            bytes: bytes(size)?,
        }],
        Volume::Delete { ids: which } => {
            let which = ids(which)?.into_iter();
            which.map(|id| Action::DeleteVolume { id }).collect()
        }
    };
    writes::run(session, actions).await
}

pub(crate) async fn snapshot(session: &Session<'_>, verb: &Snapshot) -> anyhow::Result<End> {
    let actions = match verb {
        Snapshot::List => return reads::list(session, Kind::Snapshot).await,
        Snapshot::Show { id } => return reads::one(session, Kind::Snapshot, id).await,
        Snapshot::Create {
            volumes,
            description,
        } => vec![Action::CreateSnapshots {
            volumes: ids(volumes)?,
            description: description.clone(),
            tags: Tags::new(),
        }],
        Snapshot::Copy { id: which, from } => vec![Action::CopySnapshot {
            id: id(which)?,
            from: name(from)?,
            tags: Tags::new(),
        }],
        Snapshot::Restore { id, name } => {
            vec![new_volume(None, Some(id), name.as_ref(), None, None)?]
        }
        Snapshot::Delete { ids: which } => {
            let which = ids(which)?.into_iter();
            which.map(|id| Action::DeleteSnapshot { id }).collect()
        }
    };
    writes::run(session, actions).await
}

pub(crate) async fn ip(session: &Session<'_>, verb: &Ip) -> anyhow::Result<End> {
    let actions = match verb {
        Ip::List => return reads::list(session, Kind::FloatingIp).await,
        Ip::Show { id } => return reads::one(session, Kind::FloatingIp, id).await,
        Ip::Allocate => vec![Action::AllocateIp { tags: Tags::new() }],
        Ip::Move {
            id: which,
            instance,
        } => vec![Action::MoveIp {
            id: id(which)?,
            instance: optional(Some(instance).filter(|instance| *instance != "none"))?,
        }],
        Ip::Release { ids: which } => {
            let which = ids(which)?.into_iter();
            which.map(|id| Action::ReleaseIp { id }).collect()
        }
    };
    writes::run(session, actions).await
}

pub(crate) async fn key(session: &Session<'_>, verb: &Key) -> anyhow::Result<End> {
    let actions = match verb {
        Key::List => return reads::list(session, Kind::KeyPair).await,
        Key::Show { id } => return reads::one(session, Kind::KeyPair, id).await,
        Key::Create { name } => vec![Action::CreateKey {
            name: name.clone(),
            tags: Tags::new(),
        }],
        Key::Import { name, file } => {
            let public_key = std::fs::read_to_string(file)
                .map_err(|why| Mistake(format!("cannot read {}: {why}", file.display())))?;
            vec![Action::ImportKey {
                name: name.clone(),
                public_key,
                tags: Tags::new(),
            }]
        }
        Key::Delete { ids: which } => {
            let which = ids(which)?.into_iter();
            which.map(|id| Action::DeleteKey { id }).collect()
        }
    };
    writes::run(session, actions).await
}

pub(crate) async fn image(session: &Session<'_>, verb: &Image) -> anyhow::Result<End> {
    let actions = match verb {
        Image::List => return reads::list(session, Kind::Image).await,
        Image::Show { id } => return reads::one(session, Kind::Image, id).await,
        Image::Create { instance, name } => vec![Action::CreateImage {
            instance: id(instance)?,
            name: name.clone(),
            tags: Tags::new(),
        }],
        Image::Copy {
            id: which,
            from,
            name: called,
        } => vec![Action::CopyImage {
            id: id(which)?,
            from: name(from)?,
            name: called.clone(),
        }],
        Image::Delete { ids: which } => {
            let which = ids(which)?.into_iter();
            which.map(|id| Action::DeleteImage { id }).collect()
        }
    };
    writes::run(session, actions).await
}

pub(crate) async fn lb(session: &Session<'_>, verb: &Lb) -> anyhow::Result<End> {
    let actions = match verb {
        Lb::List => return reads::list(session, Kind::LoadBalancer).await,
        Lb::Show { id } => return reads::one(session, Kind::LoadBalancer, id).await,
        Lb::Health { id } => return reads::health(session, id).await,
        Lb::Create {
            name,
            listener: listeners,
            place,
        } => vec![Action::CreateLoadBalancer {
            name: name.clone(),
            listeners: listeners
                .iter()
                .map(|text| listener(text))
                .collect::<Result<_, _>>()?,
            places: ids(place)?,
            tags: Tags::new(),
        }],
        Lb::Attach {
            id: which,
            instance,
            port,
        } => vec![Action::AttachMember {
            id: id(which)?,
            instance: id(instance)?,
            port: *port,
        }],
        Lb::Detach {
            id: which,
            instance,
        } => vec![Action::DetachMember {
            id: id(which)?,
            instance: id(instance)?,
        }],
        Lb::Delete { ids: which } => {
            let which = ids(which)?.into_iter();
            which.map(|id| Action::DeleteLoadBalancer { id }).collect()
        }
    };
    writes::run(session, actions).await
}

pub(crate) async fn firewall(session: &Session<'_>, verb: &Firewall) -> anyhow::Result<End> {
    let actions = match verb {
        Firewall::List => return reads::list(session, Kind::Firewall).await,
        Firewall::Show { id } => return reads::one(session, Kind::Firewall, id).await,
        Firewall::Create { name, description } => vec![Action::CreateFirewall {
            name: name.clone(),
            description: description.clone(),
            tags: Tags::new(),
        }],
        Firewall::Allow(asked) => vec![Action::Allow {
            id: id(&asked.id)?,
            rule: rule(asked)?,
        }],
        Firewall::Deny(asked) => vec![Action::Deny {
            id: id(&asked.id)?,
            rule: rule(asked)?,
        }],
        Firewall::Delete { ids: which } => {
            let which = ids(which)?.into_iter();
            which.map(|id| Action::DeleteFirewall { id }).collect()
        }
    };
    writes::run(session, actions).await
}
