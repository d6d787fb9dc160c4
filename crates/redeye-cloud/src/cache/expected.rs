use rem_time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

use crate::action::Action;
use crate::kind::Kind;
use crate::name::Id;
use crate::request::OperationId;
use crate::resource::{Lifecycle, Power, Resource, VolumeState};

/// What becomes of a thing by a write that no listing shows yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Expected {
    pub(crate) kind: Kind,
    pub(crate) id: Id,
    pub(crate) becomes: Becomes,
    /// When it was asked for.
    pub(crate) since: Timestamp,
    /// Who asked for it.
    pub(crate) operation: OperationId,
    /// When that was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ended: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Becomes {
    Instance(Lifecycle, Option<Power>),
    Volume(VolumeState),
    Ip(Option<Id>),
    Gone,
}

impl Expected {
    /// What an action makes of things that are there, while it goes on.
    pub(crate) fn of(action: &Action, operation: OperationId, now: Timestamp) -> Vec<Self> {
        let becomes = match action {
            Action::StartInstance { .. } => Becomes::Instance(Lifecycle::Provisioning, None),
            Action::StopInstance { .. } => Becomes::Instance(Lifecycle::Stopping, None),
            Action::TerminateInstance { .. } => Becomes::Instance(Lifecycle::Releasing, None),
            Action::AttachVolume { .. } => Becomes::Volume(VolumeState::Attaching),
            Action::DetachVolume { .. } => Becomes::Volume(VolumeState::Detaching),
            Action::DeleteVolume { .. } => Becomes::Volume(VolumeState::Deleting),
            Action::MoveIp { instance, .. } => Becomes::Ip(instance.clone()),
            Action::DeleteSnapshot { .. }
            | Action::ReleaseIp { .. }
            | Action::DeleteLoadBalancer { .. }
            | Action::DeleteKey { .. }
            | Action::DeleteFirewall { .. }
            | Action::DeleteImage { .. } => Becomes::Gone,
            _ => return Vec::new(),
        };
        let expect = |(kind, id): (Kind, &Id)| Self {
            kind,
            id: id.clone(),
            becomes: becomes.clone(),
            since: now,
            operation,
            ended: None,
        };
        action.targets().into_iter().map(expect).collect()
    }

    /// What asked for it is over, and went well.
    pub(crate) fn end(&mut self, now: Timestamp) {
        self.ended = Some(now);
        self.becomes = match &self.becomes {
            Becomes::Instance(Lifecycle::Provisioning, _) => {
                Becomes::Instance(Lifecycle::Active, Some(Power::On))
            }
            Becomes::Instance(Lifecycle::Stopping, _) => {
                Becomes::Instance(Lifecycle::Stopped, Some(Power::Off))
            }
            Becomes::Instance(..) => Becomes::Gone,
            Becomes::Volume(VolumeState::Attaching) => Becomes::Volume(VolumeState::InUse),
            Becomes::Volume(VolumeState::Detaching) => Becomes::Volume(VolumeState::Available),
            Becomes::Volume(_) => Becomes::Gone,
            other => other.clone(),
        };
    }

    /// Whether a listing that began at `observed` makes it unnecessary.
    pub(crate) fn is_over(
        &self,
        items: &[Resource],
        observed: Timestamp,
        now: Timestamp,
        patience: Span,
    ) -> bool {
        if patience <= now.since(self.since) || now < self.since {
            return true;
        }
        match self.ended {
            Some(ended) if ended < observed => true,
            _ => self.since < observed && self.is_shown(items),
        }
    }

    fn is_shown(&self, items: &[Resource]) -> bool {
        let Some(item) = items.iter().find(|item| *item.id() == self.id) else {
            return true;
        };
        match (&self.becomes, item) {
            (Becomes::Instance(lifecycle, _), Resource::Instance(instance)) => {
                use Lifecycle as L;
                let now = &instance.lifecycle;
                match lifecycle {
                    L::Provisioning | L::Active => !matches!(now, L::Stopped | L::Stopping),
                    L::Stopping | L::Stopped => !matches!(now, L::Active | L::Provisioning),
                    _ => matches!(now, L::Releasing | L::Terminated),
                }
            }
            (Becomes::Volume(state), Resource::Volume(volume)) => match state {
                VolumeState::Attaching | VolumeState::InUse => {
                    volume.state != VolumeState::Available
                }
                VolumeState::Detaching | VolumeState::Available => {
                    volume.state != VolumeState::InUse
                }
                _ => matches!(volume.state, VolumeState::Deleting | VolumeState::Deleted),
            },
            (Becomes::Ip(instance), Resource::FloatingIp(ip)) => ip.instance == *instance,
            (Becomes::Gone, _) => false,
            _ => true,
        }
    }

    /// Shows it in a listing; says whether that changed anything.
    pub(crate) fn apply(&self, items: &mut Vec<Resource>) -> bool {
        let Some(at) = items.iter().position(|item| *item.id() == self.id) else {
            return false;
        };
        match (&self.becomes, &mut items[at]) {
            (Becomes::Instance(lifecycle, power), Resource::Instance(instance)) => {
                instance.lifecycle = lifecycle.clone();
                instance.power = power.unwrap_or(instance.power);
            }
            (Becomes::Volume(state), Resource::Volume(volume)) => volume.state = *state,
            (Becomes::Ip(instance), Resource::FloatingIp(ip)) => ip.instance.clone_from(instance),
            (Becomes::Gone, _) => {
                items.remove(at);
            }
            _ => return false,
        }
        true
    }
}
