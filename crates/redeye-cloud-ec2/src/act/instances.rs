use aws_sdk_ec2::types as ec2;
use base64::Engine;
use redeye_cloud::{
    Action, Begun, Class, CloudError, Handle, Id, Kind, NewInstance, Outcome, Progress, Recovered,
    Request, Tags,
};

use super::{Under, invalid, made, marked, missing, sent, tag_specification};
use crate::convert::TAG_PROTECTED;
use crate::megavisor::Ec2Megavisor;
use crate::refusal::of_code;

/// What an instance is to become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Running,
    Stopped,
    Gone,
}

/// How far it is on the way.
#[derive(Clone, Debug, PartialEq)]
enum Way {
    Is,
    /// On the way, or not seen yet.
    Not(String),
    Never(CloudError),
}

impl Wanted {
    fn of(action: &Action) -> Self {
        match action {
            Action::StopInstance { .. } => Self::Stopped,
            Action::TerminateInstance { .. } => Self::Gone,
            _ => Self::Running,
        }
    }

    /// Whether a state is the wanted one, or leads to it by itself.
    fn is_coming(self, state: &ec2::InstanceStateName) -> bool {
        use ec2::InstanceStateName as State;
        match self {
            Self::Running => matches!(state, State::Pending | State::Running),
            Self::Stopped => matches!(state, State::Stopping | State::Stopped),
            Self::Gone => matches!(state, State::ShuttingDown | State::Terminated),
        }
    }

    fn is_there(self, state: &ec2::InstanceStateName) -> bool {
        use ec2::InstanceStateName as State;
        match self {
            Self::Running => *state == State::Running,
            Self::Stopped => *state == State::Stopped,
            Self::Gone => *state == State::Terminated,
        }
    }
}

/// How far an instance is. `fresh`: what was sent may not be seen yet.
fn way(wanted: Wanted, found: Option<&ec2::Instance>, fresh: bool, doing: &str) -> Way {
    use ec2::InstanceStateName as State;
    let Some(instance) = found else {
        return match (wanted, fresh) {
            (Wanted::Gone, _) => Way::Is,
            (_, true) => Way::Not("not seen yet".into()),
            (_, false) => Way::Never(CloudError::new(
                Class::NotFound,
                doing,
                "it is not there any more",
            )),
        };
    };
    let Some(state) = instance.state().and_then(ec2::InstanceState::name) else {
        return Way::Not("its state is not said".into());
    };
    if wanted.is_there(state) {
        return Way::Is;
    }
    let reason = instance.state_reason();
    let code = reason.and_then(ec2::StateReason::code).unwrap_or("");
    let never = || {
        let why = reason.and_then(ec2::StateReason::message);
        let message = format!(
            "it is {}: {}",
            state.as_str(),
            why.unwrap_or("no reason given")
        );
        let error = CloudError::new(of_code(code).unwrap_or(Class::Failed), doing, message);
        Way::Never(match code {
            "" => error,
            code => error.code(code),
        })
    };
    match (wanted, state) {
        (Wanted::Running | Wanted::Stopped, State::ShuttingDown | State::Terminated) => never(),
        // It went down again, or never came up.
        (Wanted::Running, State::Stopped) if !fresh || code.starts_with("Server.") => never(),
        _ => Way::Not(state.as_str().to_owned()),
    }
}

impl Ec2Megavisor {
    pub(super) async fn request_instance(
        &self,
        request: &Request,
        wanted: &NewInstance,
        doing: &str,
        dry: bool,
    ) -> Result<Begun, CloudError> {
        let image = wanted.image.as_ref();
        let image = image.ok_or_else(|| invalid(doing, "an instance needs an image"))?;
        let mut tags = marked(request, wanted.name.as_deref(), &wanted.tags);
        if wanted.protected {
            tags.insert(TAG_PROTECTED.into(), "yes".into());
        }
        let text = |id: &Id| id.as_str().to_owned();
        let place = wanted.zone.as_ref().map(|zone| {
            ec2::Placement::builder()
                .availability_zone(zone.as_str())
                .build()
        });
        let told = wanted
            .user_data
            .as_ref()
            .map(|told| base64::engine::general_purpose::STANDARD.encode(told.reveal()));
        let groups: Vec<String> = wanted.firewalls.iter().map(text).collect();
        let call = self
            .clients()
            .await
            .ec2
            .run_instances()
            .client_token(request.id.to_string())
            .image_id(image.as_str())
            .min_count(1)
            .max_count(1)
            .set_instance_type(wanted.size.as_ref().map(|size| size.as_str().into()))
            .set_placement(place)
            .set_key_name(wanted.key.as_ref().map(text))
            .set_security_group_ids((!groups.is_empty()).then_some(groups))
            .set_user_data(told)
            .set_disable_api_termination(wanted.protected.then_some(true))
            .tag_specifications(tag_specification(ec2::ResourceType::Instance, &tags))
            .set_dry_run(dry.then_some(true));
        let answer = sent!(call, doing)?;
        let first = answer.instances().first().and_then(|one| one.instance_id());
        Ok(self.begun([made(first, doing)?]))
    }

    /// Start, stop, reboot, terminate: what is so already is left alone.
    pub(super) async fn switch(
        &self,
        request: &Request,
        doing: &str,
        dry: bool,
    ) -> Result<Begun, CloudError> {
        let Some((_, id)) = request.action.targets().into_iter().next() else {
            return Err(invalid(doing, "nothing to do it to"));
        };
        let ec2 = &self.clients().await.ec2;
        let name = id.as_str();
        let dry = dry.then_some(true);
        if let Action::RebootInstance { .. } = &request.action {
            let call = ec2.reboot_instances().instance_ids(name).set_dry_run(dry);
            sent!(call, doing)?;
            let note = "EC2 has taken it, and does not show when it is over";
            return Ok(Begun::Done(Outcome::changed([id.clone()]).note(note)));
        }
        let wanted = Wanted::of(&request.action);
        let found = self.instance(id, doing).await?;
        let found = found.ok_or_else(|| missing(doing, Kind::Instance, id))?;
        let force = matches!(request.action, Action::StopInstance { force: true, .. });
        if let Some(state) = found.state().and_then(ec2::InstanceState::name) {
            if wanted.is_there(state) {
                return Ok(Begun::Done(Outcome::unchanged([id.clone()])));
            }
            if wanted.is_coming(state) && !force {
                return Ok(self.begun([id.clone()]));
            }
        }
        match wanted {
            Wanted::Running => {
                let call = ec2.start_instances().instance_ids(name).set_dry_run(dry);
                sent!(call, doing)?;
            }
            Wanted::Stopped => {
                let call = ec2
                    .stop_instances()
                    .instance_ids(name)
                    .set_force(force.then_some(true))
                    .set_dry_run(dry);
                sent!(call, doing)?;
            }
            Wanted::Gone => {
                let call = ec2
                    .terminate_instances()
                    .instance_ids(name)
                    .set_dry_run(dry);
                sent!(call, doing)?;
            }
        }
        Ok(self.begun([id.clone()]))
    }

    pub(super) async fn follow_power(
        &self,
        request: &Request,
        handle: &Handle,
        under: &Under,
        doing: &str,
    ) -> Result<Progress, CloudError> {
        let Some(id) = handle.ids.first() else {
            return Err(invalid(doing, "nobody knows which instance it is"));
        };
        let found = self.instance(id, doing).await?;
        let wanted = Wanted::of(&request.action);
        Ok(
            match way(wanted, found.as_ref(), self.is_fresh(under), doing) {
                Way::Is => Progress::Done(Outcome::changed(handle.ids.clone())),
                Way::Not(note) => self.running(handle, note),
                Way::Never(error) => Progress::Failed(error),
            },
        )
    }

    pub(super) async fn recover_power(
        &self,
        request: &Request,
        doing: &str,
    ) -> Result<Recovered, CloudError> {
        if let Action::RebootInstance { id, .. } = &request.action {
            let why = format!("a reboot leaves no trace in EC2: look at {id} whether it was one");
            return Ok(Recovered::Stuck(why));
        }
        let Some((_, id)) = request.action.targets().into_iter().next() else {
            return Err(invalid(doing, "nothing to do it to"));
        };
        let wanted = Wanted::of(&request.action);
        let found = self.instance(id, doing).await?;
        let state = found.as_ref().and_then(|one| one.state()?.name());
        Ok(match (state, wanted) {
            (None, Wanted::Gone) if found.is_none() => {
                Recovered::Adopt(Begun::Done(Outcome::changed([id.clone()])))
            }
            (Some(state), wanted) if wanted.is_coming(state) => {
                Recovered::Adopt(self.begun([id.clone()]))
            }
            _ => Recovered::SendAgain,
        })
    }

    pub(super) async fn protect(
        &self,
        id: &Id,
        on: bool,
        doing: &str,
        dry: bool,
    ) -> Result<Begun, CloudError> {
        let value = ec2::AttributeBooleanValue::builder().value(on).build();
        let call = self
            .clients()
            .await
            .ec2
            .modify_instance_attribute()
            .instance_id(id.as_str())
            .disable_api_termination(value)
            .set_dry_run(dry.then_some(true));
        sent!(call, doing)?;
        // For the listings; EC2 tells the attribute only one by one.
        let (set, remove) = match on {
            true => (Tags::from([(TAG_PROTECTED.into(), "yes".into())]), vec![]),
            false => (Tags::new(), vec![TAG_PROTECTED.to_owned()]),
        };
        self.tag(id, &set, &remove, doing, false).await
    }

    pub(super) async fn tag(
        &self,
        id: &Id,
        set: &Tags,
        remove: &[String],
        doing: &str,
        dry: bool,
    ) -> Result<Begun, CloudError> {
        let ec2 = &self.clients().await.ec2;
        let dry = dry.then_some(true);
        if !set.is_empty() {
            let tags = set.iter();
            let tags = tags.map(|(key, value)| ec2::Tag::builder().key(key).value(value).build());
            let call = ec2
                .create_tags()
                .resources(id.as_str())
                .set_tags(Some(tags.collect()))
                .set_dry_run(dry);
            sent!(call, doing)?;
        }
        if !remove.is_empty() {
            let tags = remove.iter();
            let tags = tags.map(|key| ec2::Tag::builder().key(key).build());
            let call = ec2
                .delete_tags()
                .resources(id.as_str())
                .set_tags(Some(tags.collect()))
                .set_dry_run(dry);
            sent!(call, doing)?;
        }
        Ok(Begun::Done(Outcome::changed([id.clone()])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance(state: &str, code: &str) -> ec2::Instance {
        let reason = ec2::StateReason::builder().code(code).message("why");
        ec2::Instance::builder()
            .state(ec2::InstanceState::builder().name(state.into()).build())
            .set_state_reason((!code.is_empty()).then(|| reason.build()))
            .build()
    }

    fn name(way: &Way) -> String {
        match way {
            Way::Is => "is".into(),
            Way::Not(_) => "not".into(),
            Way::Never(error) => error.class.to_string(),
        }
    }

    #[test]
    fn an_instance_is_followed_until_it_is_so_or_never_will_be() {
        use Wanted::{Gone, Running, Stopped};
        for (wanted, state, code, fresh, expected) in [
            (Running, "pending", "", true, "not"),
            (Running, "running", "", true, "is"),
            (Running, "stopped", "", true, "not"),
            (Running, "stopped", "", false, "failed"),
            (
                Running,
                "stopped",
                "Server.InsufficientInstanceCapacity",
                true,
                "no_capacity",
            ),
            (
                Running,
                "terminated",
                "Client.VolumeLimitExceeded",
                true,
                "quota",
            ),
            (Running, "shutting-down", "", false, "failed"),
            (Stopped, "running", "", false, "not"),
            (Stopped, "stopping", "", false, "not"),
            (Stopped, "stopped", "", false, "is"),
            (
                Stopped,
                "terminated",
                "Client.UserInitiatedShutdown",
                false,
                "failed",
            ),
            (Gone, "running", "", false, "not"),
            (Gone, "shutting-down", "", false, "not"),
            (Gone, "terminated", "", false, "is"),
            (Gone, "dreaming", "", false, "not"),
        ] {
            let found = instance(state, code);
            let way = way(wanted, Some(&found), fresh, "test");
            assert_eq!(name(&way), expected, "{wanted:?} {state} {code} {fresh}");
        }
    }

    #[test]
    fn what_was_just_made_may_not_be_seen_for_a_while() {
        assert_eq!(name(&way(Wanted::Running, None, true, "test")), "not");
        assert_eq!(
            name(&way(Wanted::Running, None, false, "test")),
            "not_found"
        );
        assert_eq!(name(&way(Wanted::Gone, None, true, "test")), "is");
    }
}
