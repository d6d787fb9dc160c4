use super::{Answer, LAUNCHED, OWNER, Refusal, SIZES, World, ZONES, look, needed, one, refuse};
use crate::params::Params;
use crate::state::State;
use crate::xml::{element, maybe, set, tags, text};

pub(super) const UNKNOWN: &str = "InvalidInstanceID.NotFound";

#[derive(Clone, Debug)]
pub(super) struct Machine {
    pub(super) zone: String,
    size: String,
    image: String,
    key: Option<String>,
    pub(super) groups: Vec<String>,
    protected: bool,
    address: String,
}

fn code(state: &str) -> u16 {
    match state {
        "pending" => 0,
        "running" => 16,
        "shutting-down" => 32,
        "terminated" => 48,
        "stopping" => 64,
        _ => 80,
    }
}

fn state(name: &str, is: &str) -> String {
    element(name, &(text("code", code(is)) + &text("name", is)))
}

impl World {
    /// Instances that run already.
    pub(crate) fn run(&mut self, count: usize) -> Vec<String> {
        let params = Params::default();
        let ids = (0..count).map(|_| {
            let id = self.number("i");
            let machine = self.machine(&params);
            let thing = self.thing(State::still("running"), &params, machine);
            self.instances.insert(id.clone(), thing);
            id
        });
        ids.collect()
    }

    /// Those that are not gone.
    pub(crate) fn alive(&self) -> Vec<(String, String)> {
        let all = self.instances.iter();
        let all = all.map(|(id, one)| (id.clone(), one.state.is().to_owned()));
        all.filter(|(_, state)| state != "terminated").collect()
    }

    fn machine(&self, params: &Params) -> Machine {
        let or = |name: &str, other: &str| params.get(name).unwrap_or(other).to_owned();
        let groups = params.all("SecurityGroupId");
        let last = self.numbers % 250;
        Machine {
            zone: or("Placement.AvailabilityZone", ZONES[0]),
            size: or("InstanceType", SIZES[1]),
            image: or("ImageId", super::IMAGE),
            key: params.get("KeyName").map(str::to_owned),
            groups: match groups.is_empty() {
                true => vec!["sg-default".into()],
                false => groups.into_iter().map(str::to_owned).collect(),
            },
            protected: params.is("DisableApiTermination"),
            address: format!("10.0.0.{last}"),
        }
    }

    pub(super) fn run_instances(&mut self, params: &Params) -> Answer {
        let image = needed(params, "ImageId")?;
        let (least, most) = (needed(params, "MinCount")?, needed(params, "MaxCount")?);
        if least != "1" || most != "1" {
            return refuse("InvalidParameterValue", "the fake starts one at a time");
        }
        one(&mut self.images, image, "InvalidAMIID.NotFound")?;
        let size = params.get("InstanceType").unwrap_or(SIZES[1]);
        if !SIZES.contains(&size) {
            let message = format!("Invalid value '{size}' for InstanceType.");
            return refuse("InvalidParameterValue", message);
        }
        let machine = self.machine(params);
        if !ZONES.contains(&machine.zone.as_str()) {
            let message = format!("Invalid availability zone: [{}]", machine.zone);
            return refuse("InvalidParameterValue", message);
        }
        if let Some(name) = &machine.key
            && !self.keys.values().any(|key| key.of.name == *name)
        {
            let message = format!("The key pair '{name}' does not exist");
            return refuse("InvalidKeyPair.NotFound", message);
        }
        for group in &machine.groups {
            one(&mut self.groups, group, "InvalidGroup.NotFound")?;
        }
        let id = self.number("i");
        let thing = self.thing(self.turning("pending", "running"), params, machine);
        self.instances.insert(id.clone(), thing);
        let shown = self.shown(&id);
        Ok(text("reservationId", format!("r-{id}"))
            + &text("ownerId", OWNER)
            + &set("instancesSet", "item", [shown]))
    }

    fn shown(&self, id: &str) -> String {
        let Some(thing) = self.instances.get(id) else {
            return String::new();
        };
        let machine = &thing.of;
        let public = self.addresses.values();
        let mut public = public.filter(|address| address.of.instance.as_deref() == Some(id));
        let public = public.next().map(|address| address.of.public.clone());
        let disks = self.volumes.iter().filter_map(|(volume, disk)| {
            let hung = disk.of.hung.as_ref().filter(|hung| hung.instance == id)?;
            let ebs = text("volumeId", volume) + &text("status", hung.state.is());
            Some(text("deviceName", &hung.device) + &element("ebs", &ebs))
        });
        text("instanceId", id)
            + &text("imageId", &machine.image)
            + &state("instanceState", thing.state.is())
            + &maybe("keyName", machine.key.as_ref())
            + &text("instanceType", &machine.size)
            + &text("launchTime", LAUNCHED)
            + &element("placement", &text("availabilityZone", &machine.zone))
            + &text("privateIpAddress", &machine.address)
            + &maybe("ipAddress", public)
            + &set(
                "groupSet",
                "item",
                machine.groups.iter().map(|group| text("groupId", group)),
            )
            + &text("architecture", "x86_64")
            + &set("blockDeviceMapping", "item", disks)
            + &maybe("clientToken", thing.token.as_ref())
            + &tags(&thing.tags)
    }

    pub(super) fn describe_instances(&mut self, params: &Params) -> Answer {
        let keys = ("InstanceId", UNKNOWN);
        let none = |_: &str, _: &super::Thing<Machine>| Vec::new();
        let found = look(&mut self.instances, params, keys, none, |id, _| id.into())?;
        let next = found.next;
        let items = found.items.iter().map(|id| {
            text("reservationId", format!("r-{id}"))
                + &text("ownerId", OWNER)
                + &set("instancesSet", "item", [self.shown(id)])
        });
        Ok(set("reservationSet", "item", items.collect::<Vec<_>>()) + &maybe("nextToken", next))
    }

    /// Each named instance goes from one of some states to another.
    fn turn(
        &mut self,
        params: &Params,
        from: &[&str],
        already: &[&str],
        (during, after): (&'static str, &'static str),
    ) -> Answer {
        let ids = params.all("InstanceId");
        if ids.is_empty() {
            return refuse("MissingParameter", "InstanceId is missing");
        }
        let mut items = Vec::new();
        for id in &ids {
            let turning = self.turning(during, after);
            let thing = one(&mut self.instances, id, UNKNOWN)?;
            let before = thing.state.is();
            if from.contains(&before) {
                thing.state = turning;
            } else if !already.contains(&before) {
                let message =
                    format!("The instance '{id}' is not in a state from which it can be: {before}");
                return refuse("IncorrectInstanceState", message);
            }
            let now = thing.state.is();
            items.push(
                text("instanceId", id)
                    + &state("currentState", now)
                    + &state("previousState", before),
            );
        }
        Ok(set("instancesSet", "item", items))
    }

    pub(super) fn start_instances(&mut self, params: &Params) -> Answer {
        self.turn(
            params,
            &["stopped"],
            &["pending", "running"],
            ("pending", "running"),
        )
    }

    pub(super) fn stop_instances(&mut self, params: &Params) -> Answer {
        let from: &[&str] = match params.is("Force") {
            true => &["running", "stopping"],
            false => &["running"],
        };
        self.turn(
            params,
            from,
            &["stopping", "stopped"],
            ("stopping", "stopped"),
        )
    }

    pub(super) fn reboot_instances(&mut self, params: &Params) -> Answer {
        self.turn(params, &["running"], &[], ("running", "running"))?;
        Ok(text("return", true))
    }

    pub(super) fn terminate_instances(&mut self, params: &Params) -> Answer {
        for id in params.all("InstanceId") {
            let thing = one(&mut self.instances, id, UNKNOWN)?;
            if thing.of.protected {
                let message = format!("The instance '{id}' may not be terminated.");
                return refuse("OperationNotPermitted", message);
            }
        }
        let from = ["pending", "running", "stopping", "stopped"];
        let already = ["shutting-down", "terminated"];
        let answer = self.turn(params, &from, &already, ("shutting-down", "terminated"))?;
        for id in params.all("InstanceId") {
            for volume in self.volumes.values_mut() {
                if volume
                    .of
                    .hung
                    .as_ref()
                    .is_some_and(|hung| hung.instance == id)
                {
                    volume.of.hung = None;
                }
            }
            for address in self.addresses.values_mut() {
                if address.of.instance.as_deref() == Some(id) {
                    address.of.instance = None;
                }
            }
        }
        Ok(answer)
    }

    pub(super) fn modify_instance(&mut self, params: &Params) -> Answer {
        let id = needed(params, "InstanceId")?;
        let on = params.is("DisableApiTermination.Value");
        one(&mut self.instances, id, UNKNOWN)?.of.protected = on;
        Ok(text("return", true))
    }

    pub(super) fn instance_attribute(&mut self, params: &Params) -> Answer {
        let id = needed(params, "InstanceId")?;
        let on = one(&mut self.instances, id, UNKNOWN)?.of.protected;
        let value = element("disableApiTermination", &text("value", on));
        Ok(text("instanceId", id) + &value)
    }

    /// An instance that takes something.
    pub(super) fn taking(&mut self, id: &str) -> Result<&Machine, Refusal> {
        let thing = one(&mut self.instances, id, UNKNOWN)?;
        match thing.state.is() {
            "running" | "stopped" | "stopping" => Ok(&thing.of),
            state => refuse(
                "IncorrectInstanceState",
                format!("The instance '{id}' is {state}"),
            ),
        }
    }
}
