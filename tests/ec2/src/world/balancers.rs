use std::collections::BTreeMap;

use super::{Answer, Thing, World, look, needed, one, page, refuse};
use crate::params::Params;
use crate::state::State;
use crate::xml::{element, maybe, set, text};

const NO_BALANCER: &str = "LoadBalancerNotFound";
const NO_TARGETS: &str = "TargetGroupNotFound";
const ARN: &str = "arn:aws:elasticloadbalancing:eu-test-1:123456789012";

#[derive(Clone, Debug)]
pub(super) struct Balancer {
    name: String,
    sort: String,
    listeners: Vec<Listener>,
}

#[derive(Clone, Debug)]
struct Listener {
    port: String,
    protocol: String,
    targets: String,
}

#[derive(Clone, Debug)]
pub(super) struct Targets {
    name: String,
    port: String,
    protocol: String,
    /// Instance and port, with how healthy it is.
    members: BTreeMap<(String, String), State>,
}

impl World {
    pub(super) fn create_balancer(&mut self, params: &Params) -> Answer {
        let name = needed(params, "Name")?.to_owned();
        if params.all("Subnets.member").is_empty() {
            return refuse("ValidationError", "Subnets are missing");
        }
        if let Some((arn, thing)) = self.balancers.iter().find(|(_, one)| one.of.name == name) {
            return Ok(set("LoadBalancers", "member", [shown(arn, thing)]));
        }
        let sort = params.get("Type").unwrap_or("application").to_owned();
        let number = self.number("lb");
        let arn = format!("{ARN}:loadbalancer/{name}/{number}");
        let of = Balancer {
            name,
            sort,
            listeners: Vec::new(),
        };
        let thing = self.thing(self.turning("provisioning", "active"), params, of);
        let answer = set("LoadBalancers", "member", [shown(&arn, &thing)]);
        self.balancers.insert(arn, thing);
        Ok(answer)
    }

    pub(super) fn describe_balancers(&mut self, params: &Params) -> Answer {
        let names = params.all("Names.member");
        if let Some(name) = names.first()
            && !self.balancers.values().any(|one| one.of.name == *name)
        {
            return refuse(NO_BALANCER, format!("Load balancer '{name}' not found"));
        }
        let keys = ("LoadBalancerArns.member", NO_BALANCER);
        let none = |_: &str, _: &Thing<Balancer>| Vec::new();
        let show = |arn: &str, thing: &mut Thing<Balancer>| match names.is_empty()
            || names.contains(&thing.of.name.as_str())
        {
            true => shown(arn, thing),
            false => String::new(),
        };
        let mut found = look(&mut self.balancers, params, keys, none, show)?;
        found.items.retain(|item| !item.is_empty());
        Ok(set("LoadBalancers", "member", found.items) + &maybe("NextMarker", found.next))
    }

    pub(super) fn delete_balancer(&mut self, params: &Params) -> Answer {
        // As the real one: what is not there is deleted well.
        self.balancers.remove(needed(params, "LoadBalancerArn")?);
        Ok(String::new())
    }

    pub(super) fn create_targets(&mut self, params: &Params) -> Answer {
        let name = needed(params, "Name")?.to_owned();
        needed(params, "VpcId")?;
        if self.targets.values().any(|one| one.of.name == name) {
            return refuse(
                "DuplicateTargetGroupName",
                format!("{name} is there already"),
            );
        }
        let of = Targets {
            name: name.clone(),
            port: needed(params, "Port")?.to_owned(),
            protocol: needed(params, "Protocol")?.to_owned(),
            members: BTreeMap::new(),
        };
        let number = self.number("tg");
        let arn = format!("{ARN}:targetgroup/{name}/{number}");
        let thing = self.thing(State::still("there"), params, of);
        self.targets.insert(arn.clone(), thing);
        let shown = self.group(&arn);
        Ok(set("TargetGroups", "member", [shown]))
    }

    fn group(&self, arn: &str) -> String {
        let Some(thing) = self.targets.get(arn) else {
            return String::new();
        };
        let users = self.balancers.iter().filter(|(_, balancer)| {
            let mut listeners = balancer.of.listeners.iter();
            listeners.any(|listener| listener.targets == arn)
        });
        let users: String = users.map(|(user, _)| text("member", user)).collect();
        text("TargetGroupArn", arn)
            + &text("TargetGroupName", &thing.of.name)
            + &text("Protocol", &thing.of.protocol)
            + &text("Port", &thing.of.port)
            + &text("VpcId", "vpc-1")
            + &element("LoadBalancerArns", &users)
    }

    pub(super) fn describe_targets(&mut self, params: &Params) -> Answer {
        let of = params.get("LoadBalancerArn");
        let (names, arns) = (
            params.all("Names.member"),
            params.all("TargetGroupArns.member"),
        );
        if let Some(of) = of {
            one(&mut self.balancers, of, NO_BALANCER)?;
        }
        let fits = |arn: &str, thing: &Thing<Targets>| {
            let used = of.is_none_or(|of| {
                self.balancers.get(of).is_some_and(|balancer| {
                    let mut listeners = balancer.of.listeners.iter();
                    listeners.any(|listener| listener.targets == arn)
                })
            });
            let named = names.is_empty() || names.contains(&thing.of.name.as_str());
            used && named && (arns.is_empty() || arns.contains(&arn))
        };
        let found = self.targets.iter().filter(|(arn, thing)| fits(arn, thing));
        let items: Vec<String> = found.map(|(arn, _)| self.group(arn)).collect();
        if items.is_empty() && !(names.is_empty() && arns.is_empty()) {
            return refuse(NO_TARGETS, "One or more target groups not found");
        }
        let found = page(items, params);
        Ok(set("TargetGroups", "member", found.items) + &maybe("NextMarker", found.next))
    }

    pub(super) fn delete_targets(&mut self, params: &Params) -> Answer {
        let arn = needed(params, "TargetGroupArn")?;
        let used = self.balancers.values().any(|balancer| {
            let mut listeners = balancer.of.listeners.iter();
            listeners.any(|listener| listener.targets == arn)
        });
        if used {
            return refuse("ResourceInUse", format!("{arn} is in use by a listener"));
        }
        self.targets.remove(arn);
        Ok(String::new())
    }

    pub(super) fn create_listener(&mut self, params: &Params) -> Answer {
        let arn = needed(params, "LoadBalancerArn")?;
        let listener = Listener {
            port: needed(params, "Port")?.to_owned(),
            protocol: needed(params, "Protocol")?.to_owned(),
            targets: needed(params, "DefaultActions.member.1.TargetGroupArn")?.to_owned(),
        };
        one(&mut self.targets, &listener.targets, NO_TARGETS)?;
        let balancer = one(&mut self.balancers, arn, NO_BALANCER)?;
        if balancer
            .of
            .listeners
            .iter()
            .any(|one| one.port == listener.port)
        {
            let message = format!("port {} is taken", listener.port);
            return refuse("DuplicateListener", message);
        }
        let answer = set("Listeners", "member", [heard(arn, &listener)]);
        balancer.of.listeners.push(listener);
        Ok(answer)
    }

    pub(super) fn describe_listeners(&mut self, params: &Params) -> Answer {
        let arn = needed(params, "LoadBalancerArn")?;
        let balancer = one(&mut self.balancers, arn, NO_BALANCER)?;
        let all = balancer.of.listeners.iter();
        let all = all.map(|listener| heard(arn, listener)).collect();
        let found = page(all, params);
        Ok(set("Listeners", "member", found.items) + &maybe("NextMarker", found.next))
    }

    pub(super) fn register(&mut self, params: &Params) -> Answer {
        let arn = needed(params, "TargetGroupArn")?;
        let state = self.turning("initial", "healthy");
        for (instance, port) in params.pairs("Targets.member", "Id", "Port") {
            self.taking(&instance)?;
            let targets = one(&mut self.targets, arn, NO_TARGETS)?;
            let port = match port.is_empty() {
                true => targets.of.port.clone(),
                false => port,
            };
            let members = &mut targets.of.members;
            members.insert((instance, port), state.clone());
        }
        Ok(String::new())
    }

    pub(super) fn deregister(&mut self, params: &Params) -> Answer {
        let arn = needed(params, "TargetGroupArn")?;
        let state = self.turning("draining", "unused");
        let targets = one(&mut self.targets, arn, NO_TARGETS)?;
        for (instance, _) in params.pairs("Targets.member", "Id", "Port") {
            for ((one, _), health) in &mut targets.of.members {
                if *one == instance {
                    *health = state.clone();
                }
            }
        }
        Ok(String::new())
    }

    pub(super) fn health(&mut self, params: &Params) -> Answer {
        let targets = one(
            &mut self.targets,
            needed(params, "TargetGroupArn")?,
            NO_TARGETS,
        )?;
        let members = &mut targets.of.members;
        for health in members.values_mut() {
            health.look();
        }
        members.retain(|_, health| health.is() != "unused");
        let each = members.iter().map(|((instance, port), health)| {
            element("Target", &(text("Id", instance) + &text("Port", port)))
                + &element("TargetHealth", &text("State", health.is()))
        });
        Ok(set("TargetHealthDescriptions", "member", each))
    }

    pub(super) fn describe_tags(&mut self, params: &Params) -> Answer {
        let mut items = Vec::new();
        for arn in params.all("ResourceArns.member") {
            let balancer = self.balancers.get(arn).map(|one| &one.tags);
            let found = balancer.or_else(|| self.targets.get(arn).map(|one| &one.tags));
            let Some(tags) = found else {
                return refuse(NO_BALANCER, format!("'{arn}' not found"));
            };
            let each = tags
                .iter()
                .map(|(key, value)| text("Key", key) + &text("Value", value));
            items.push(text("ResourceArn", arn) + &set("Tags", "member", each));
        }
        Ok(set("TagDescriptions", "member", items))
    }
}

fn shown(arn: &str, thing: &Thing<Balancer>) -> String {
    let name = &thing.of.name;
    text("LoadBalancerArn", arn)
        + &text("DNSName", format!("{name}.eu-test-1.elb.example"))
        + &text("LoadBalancerName", name)
        + &text("Type", &thing.of.sort)
        + &text("VpcId", "vpc-1")
        + &element("State", &text("Code", thing.state.is()))
}

fn heard(arn: &str, listener: &Listener) -> String {
    let action = text("Type", "forward") + &text("TargetGroupArn", &listener.targets);
    text("ListenerArn", format!("{arn}/{}", listener.port))
        + &text("LoadBalancerArn", arn)
        + &text("Port", &listener.port)
        + &text("Protocol", &listener.protocol)
        + &set("DefaultActions", "member", [action])
}
