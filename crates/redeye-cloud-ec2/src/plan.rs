//! What would be sent, and what EC2 says about it beforehand.

use std::time::Duration;

use redeye_cloud::{Action, Begun, Class, CloudError, Kind, Plan, PlannedStep, Request};

use crate::megavisor::Ec2Megavisor;

/// How long a plan waits for EC2.
const ASK: Duration = Duration::from_secs(10);

/// What EC2 answers to a dry run that would have been done.
const WOULD: &str = "DryRunOperation";

impl Ec2Megavisor {
    /// The requests, and what EC2 says to their dry run. That EC2 cannot be asked, or
    /// that a state is in the way now, is a note: by the time the request is sent it
    /// may be otherwise.
    pub(crate) async fn planned(&self, request: &Request) -> Result<Plan, CloudError> {
        let mut plan = Plan::of(steps(request));
        for note in notes(&request.action) {
            plan = plan.note(note);
        }
        if request.action.verb().kind() == Kind::LoadBalancer {
            return Ok(plan);
        }
        if !self.settings.dry_run {
            return Ok(plan);
        }
        let asked = tokio::time::timeout(ASK, self.send(request, true)).await;
        let error = match asked {
            Err(_) => return Ok(plan.note("EC2 was not asked: no answer within 10 s")),
            Ok(Ok(Begun::Done(outcome))) if !outcome.changed => {
                return Ok(plan.note("it is so already"));
            }
            Ok(Ok(_)) => return Ok(plan.note("it is under way already")),
            Ok(Err(error)) => error,
        };
        if error.code.as_deref() == Some(WOULD) {
            return Ok(plan.note("EC2 says that it would do it"));
        }
        Err(match error.class {
            Class::Throttled | Class::Unavailable | Class::Unclear | Class::Protocol => {
                return Ok(plan.note(format!("EC2 was not asked: {}", error.message)));
            }
            Class::Conflict | Class::NoCapacity | Class::Failed => {
                return Ok(plan.note(format!("EC2 would refuse it now: {}", error.message)));
            }
            _ => error,
        })
    }
}

fn notes(action: &Action) -> Vec<&'static str> {
    match action {
        Action::CreateImage { .. } => {
            vec!["the instance goes on: its file systems are as after a power cut"]
        }
        Action::DeleteImage { .. } => vec!["the snapshots of the image stay"],
        Action::RebootInstance { .. } => vec!["EC2 does not show when a reboot is over"],
        Action::CreateVolume(wanted) if wanted.zone.is_none() => {
            vec!["no zone is named: it comes into the first one of the region"]
        }
        _ => Vec::new(),
    }
}

fn steps(request: &Request) -> Vec<PlannedStep> {
    let targets = request.action.targets();
    let targets: Vec<_> = targets.iter().map(|(_, id)| (*id).clone()).collect();
    let step = |call: &str, arguments: Vec<String>| {
        PlannedStep::new(format!("call {call}"))
            .call(std::iter::once(call.to_owned()).chain(arguments))
            .on(targets.clone())
    };
    let with = |name: &str, value: &str| format!("{name}={value}");
    let token = with("ClientToken", &request.id.to_string());
    match &request.action {
        Action::RequestInstance(wanted) => {
            let mut arguments = vec![with("MinCount", "1"), with("MaxCount", "1"), token];
            let fields = [
                ("ImageId", &wanted.image),
                ("InstanceType", &wanted.size),
                ("AvailabilityZone", &wanted.zone),
                ("KeyName", &wanted.key),
            ];
            for (name, value) in fields {
                arguments.extend(value.as_ref().map(|value| with(name, value.as_str())));
            }
            let groups = wanted.firewalls.iter();
            arguments.extend(groups.map(|group| with("SecurityGroupId", group.as_str())));
            if wanted.user_data.is_some() {
                arguments.push(with("UserData", "(hidden)"));
            }
            vec![step("RunInstances", arguments).until("it is running")]
        }
        Action::StartInstance { id } => {
            let arguments = vec![with("InstanceId", id.as_str())];
            vec![step("StartInstances", arguments).until("it is running")]
        }
        Action::StopInstance { id, force } => {
            let mut arguments = vec![with("InstanceId", id.as_str())];
            if *force {
                arguments.push(with("Force", "true"));
            }
            vec![step("StopInstances", arguments).until("it is stopped")]
        }
        Action::RebootInstance { id, .. } => {
            vec![step(
                "RebootInstances",
                vec![with("InstanceId", id.as_str())],
            )]
        }
        Action::TerminateInstance { id } => {
            let arguments = vec![with("InstanceId", id.as_str())];
            vec![step("TerminateInstances", arguments).until("it is terminated")]
        }
        Action::ProtectInstance { id, on } => {
            let value = with("DisableApiTermination", &on.to_string());
            let tags = if *on { "CreateTags" } else { "DeleteTags" };
            vec![
                step(
                    "ModifyInstanceAttribute",
                    vec![with("InstanceId", id.as_str()), value],
                ),
                step(tags, vec![with("Key", crate::convert::TAG_PROTECTED)]),
            ]
        }
        Action::Tag { set, remove, .. } => {
            let set: Vec<String> = set.iter().map(|(key, value)| with(key, value)).collect();
            let mut steps = Vec::new();
            if !set.is_empty() {
                steps.push(step("CreateTags", set));
            }
            if !remove.is_empty() {
                steps.push(step("DeleteTags", remove.clone()));
            }
            steps
        }
        Action::CreateVolume(wanted) => {
            let mut arguments = vec![token];
            arguments.extend(wanted.bytes.map(|bytes| with("bytes", &bytes.to_string())));
            let fields = [
                ("AvailabilityZone", &wanted.zone),
                ("SnapshotId", &wanted.snapshot),
            ];
            for (name, value) in fields {
                arguments.extend(value.as_ref().map(|value| with(name, value.as_str())));
            }
            vec![step("CreateVolume", arguments).until("it is available")]
        }
        Action::AttachVolume {
            instance, device, ..
        } => {
            let mut arguments = vec![with("InstanceId", instance.as_str())];
            arguments.extend(device.as_ref().map(|device| with("Device", device)));
            vec![step("AttachVolume", arguments).until("it is attached")]
        }
        Action::DetachVolume { .. } => {
            vec![step("DetachVolume", vec![]).until("it is available")]
        }
        Action::ResizeVolume { bytes, .. } => {
            let arguments = vec![with("bytes", &bytes.to_string())];
            vec![step("ModifyVolume", arguments).until("it has its new size")]
        }
        Action::DeleteVolume { .. } => vec![step("DeleteVolume", vec![]).until("it is gone")],
        Action::CreateSnapshots { volumes, .. } => {
            let call = match volumes.len() {
                1 => "CreateSnapshot",
                _ => "CreateSnapshots",
            };
            vec![step(call, vec![]).until("the copies are complete")]
        }
        Action::CopySnapshot { id, from, .. } => {
            let arguments = vec![
                with("SourceSnapshotId", id.as_str()),
                with("SourceRegion", from.as_str()),
            ];
            vec![step("CopySnapshot", arguments).until("the copy is complete")]
        }
        Action::MoveIp { instance, .. } => match instance {
            Some(instance) => {
                let arguments = vec![
                    with("InstanceId", instance.as_str()),
                    with("AllowReassociation", "true"),
                ];
                vec![step("AssociateAddress", arguments).until("it is seen there")]
            }
            None => vec![step("DisassociateAddress", vec![]).until("it is seen nowhere")],
        },
        Action::CreateLoadBalancer {
            name, listeners, ..
        } => {
            let mut steps = vec![step("CreateLoadBalancer", vec![with("Name", name)])];
            for listener in listeners {
                let port = with("Port", &listener.port.to_string());
                let target = with("Port", &listener.target_port.to_string());
                steps.push(step("CreateTargetGroup", vec![target]));
                steps.push(step("CreateListener", vec![port]));
            }
            if let Some(last) = steps.pop() {
                steps.push(last.until("it is active"));
            }
            steps
        }
        Action::AttachMember { instance, .. } => {
            vec![step("RegisterTargets", vec![with("Id", instance.as_str())])]
        }
        Action::DetachMember { instance, .. } => {
            let arguments = vec![with("Id", instance.as_str())];
            vec![step("DeregisterTargets", arguments).until("it is drained")]
        }
        Action::DeleteLoadBalancer { .. } => vec![
            step("DeleteLoadBalancer", vec![]).until("it is gone"),
            step(
                "DeleteTargetGroup",
                vec!["those that were made for it".into()],
            ),
        ],
        Action::CreateKey { name, .. } => vec![step("CreateKeyPair", vec![with("KeyName", name)])],
        Action::ImportKey { name, .. } => vec![step("ImportKeyPair", vec![with("KeyName", name)])],
        Action::CreateFirewall { name, .. } => {
            vec![step("CreateSecurityGroup", vec![with("GroupName", name)])]
        }
        Action::Allow { rule, .. } => {
            vec![step("AuthorizeSecurityGroup", vec![rule.to_string()])]
        }
        Action::Deny { rule, .. } => vec![step("RevokeSecurityGroup", vec![rule.to_string()])],
        Action::CreateImage { instance, name, .. } => {
            let arguments = vec![
                with("InstanceId", instance.as_str()),
                with("Name", name),
                with("NoReboot", "true"),
            ];
            vec![step("CreateImage", arguments).until("it is available")]
        }
        Action::CopyImage { id, from, name } => {
            let arguments = vec![
                with("SourceImageId", id.as_str()),
                with("SourceRegion", from.as_str()),
                with("Name", name),
                token,
            ];
            vec![step("CopyImage", arguments).until("it is available")]
        }
        Action::DeleteSnapshot { .. } => vec![step("DeleteSnapshot", vec![])],
        Action::AllocateIp { .. } => vec![step("AllocateAddress", vec![])],
        Action::ReleaseIp { .. } => vec![step("ReleaseAddress", vec![])],
        Action::DeleteKey { .. } => vec![step("DeleteKeyPair", vec![])],
        Action::DeleteFirewall { .. } => vec![step("DeleteSecurityGroup", vec![])],
        Action::DeleteImage { .. } => vec![step("DeregisterImage", vec![])],
    }
}
