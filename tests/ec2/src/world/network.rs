use super::{Answer, OWNER, Thing, World, look, needed, one, refuse};
use crate::params::Params;
use crate::state::State;
use crate::xml::{maybe, set, tags, text};

const NO_ADDRESS: &str = "InvalidAllocationID.NotFound";
const NO_GROUP: &str = "InvalidGroup.NotFound";

#[derive(Clone, Debug)]
pub(super) struct Address {
    pub(super) public: String,
    pub(super) instance: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Group {
    name: String,
    description: String,
    rules: Vec<Rule>,
}

/// One rule: whether it is about what comes in, and the packets and the peer.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    into: bool,
    protocol: String,
    ports: Option<(String, String)>,
    peer: (&'static str, String),
}

impl World {
    pub(super) fn allocate_address(&mut self, params: &Params) -> Answer {
        let id = self.number("eipalloc");
        let public = format!("203.0.113.{}", self.numbers % 250);
        let of = Address {
            public: public.clone(),
            instance: None,
        };
        let thing = self.thing(State::still("there"), params, of);
        self.addresses.insert(id.clone(), thing);
        Ok(text("publicIp", public) + &text("domain", "vpc") + &text("allocationId", id))
    }

    pub(super) fn associate_address(&mut self, params: &Params) -> Answer {
        let (id, instance) = (
            needed(params, "AllocationId")?,
            needed(params, "InstanceId")?,
        );
        self.taking(instance)?;
        let address = one(&mut self.addresses, id, NO_ADDRESS)?;
        let elsewhere = address
            .of
            .instance
            .as_deref()
            .is_some_and(|one| one != instance);
        if elsewhere && !params.is("AllowReassociation") {
            return refuse(
                "Resource.AlreadyAssociated",
                format!("{id} is already associated"),
            );
        }
        address.of.instance = Some(instance.to_owned());
        Ok(text("return", true) + &text("associationId", format!("eipassoc-{id}")))
    }

    pub(super) fn disassociate_address(&mut self, params: &Params) -> Answer {
        let association = needed(params, "AssociationId")?;
        let id = association.trim_start_matches("eipassoc-");
        let address = one(&mut self.addresses, id, "InvalidAssociationID.NotFound")?;
        if address.of.instance.take().is_none() {
            let message = format!("The association ID '{association}' does not exist");
            return refuse("InvalidAssociationID.NotFound", message);
        }
        Ok(text("return", true))
    }

    pub(super) fn describe_addresses(&mut self, params: &Params) -> Answer {
        let show = |id: &str, thing: &mut Thing<Address>| {
            let association = thing.of.instance.as_ref();
            text("publicIp", &thing.of.public)
                + &text("allocationId", id)
                + &text("domain", "vpc")
                + &maybe("instanceId", association)
                + &maybe(
                    "associationId",
                    association.map(|_| format!("eipassoc-{id}")),
                )
                + &tags(&thing.tags)
        };
        let none = |_: &str, _: &Thing<Address>| Vec::new();
        let keys = ("AllocationId", NO_ADDRESS);
        // This action has no pages.
        let found = look(&mut self.addresses, params, keys, none, show)?;
        Ok(set("addressesSet", "item", found.items))
    }

    pub(super) fn release_address(&mut self, params: &Params) -> Answer {
        let id = needed(params, "AllocationId")?;
        let address = one(&mut self.addresses, id, NO_ADDRESS)?;
        if address.of.instance.is_some() {
            return refuse("InvalidIPAddress.InUse", format!("{id} is in use"));
        }
        self.addresses.remove(id);
        Ok(text("return", true))
    }

    pub(super) fn create_group(&mut self, params: &Params) -> Answer {
        let (name, description) = (
            needed(params, "GroupName")?.to_owned(),
            needed(params, "GroupDescription")?.to_owned(),
        );
        if self.groups.values().any(|group| group.of.name == name) {
            let message = format!("The security group '{name}' already exists");
            return refuse("InvalidGroup.Duplicate", message);
        }
        let id = self.number("sg");
        let all = Rule {
            into: false,
            protocol: "-1".into(),
            ports: None,
            peer: ("ipRanges", "0.0.0.0/0".into()),
        };
        let of = Group {
            name,
            description,
            rules: vec![all],
        };
        let thing = self.thing(State::still("there"), params, of);
        self.groups.insert(id.clone(), thing);
        Ok(text("return", true) + &text("groupId", id))
    }

    pub(super) fn describe_groups(&mut self, params: &Params) -> Answer {
        let show = |id: &str, thing: &mut Thing<Group>| {
            let of = |into: bool| {
                let rules = thing.of.rules.iter();
                let rules = rules.filter(move |rule| rule.into == into);
                rules.map(permission).collect::<Vec<_>>()
            };
            text("ownerId", OWNER)
                + &text("groupId", id)
                + &text("groupName", &thing.of.name)
                + &text("groupDescription", &thing.of.description)
                + &set("ipPermissions", "item", of(true))
                + &set("ipPermissionsEgress", "item", of(false))
                + &tags(&thing.tags)
        };
        let facts = |_: &str, thing: &Thing<Group>| vec![("group-name", thing.of.name.clone())];
        let keys = ("GroupId", NO_GROUP);
        Ok(look(&mut self.groups, params, keys, facts, show)?.set("securityGroupInfo"))
    }

    pub(super) fn authorize(&mut self, params: &Params, into: bool) -> Answer {
        let id = needed(params, "GroupId")?;
        let group = one(&mut self.groups, id, NO_GROUP)?;
        for rule in rules(params, into) {
            if group.of.rules.contains(&rule) {
                return refuse(
                    "InvalidPermission.Duplicate",
                    "the specified rule already exists",
                );
            }
            group.of.rules.push(rule);
        }
        Ok(text("return", true))
    }

    pub(super) fn revoke(&mut self, params: &Params, into: bool) -> Answer {
        let id = needed(params, "GroupId")?;
        let group = one(&mut self.groups, id, NO_GROUP)?;
        for rule in rules(params, into) {
            let Some(at) = group.of.rules.iter().position(|one| *one == rule) else {
                return refuse(
                    "InvalidPermission.NotFound",
                    "the specified rule does not exist",
                );
            };
            group.of.rules.remove(at);
        }
        Ok(text("return", true))
    }

    pub(super) fn delete_group(&mut self, params: &Params) -> Answer {
        let id = needed(params, "GroupId")?;
        one(&mut self.groups, id, NO_GROUP)?;
        let used = self.instances.values().any(|one| {
            one.state.is() != "terminated" && one.of.groups.iter().any(|group| group == id)
        });
        let named = self.groups.iter().any(|(other, group)| {
            let mut rules = group.of.rules.iter();
            other != id && rules.any(|rule| rule.peer == ("groups", id.to_owned()))
        });
        if used || named {
            return refuse(
                "DependencyViolation",
                format!("resource {id} has a dependent object"),
            );
        }
        self.groups.remove(id);
        Ok(text("return", true))
    }
}

fn rules(params: &Params, into: bool) -> Vec<Rule> {
    let mut rules = Vec::new();
    for number in 1.. {
        let field = |name: &str| params.get(&format!("IpPermissions.{number}.{name}"));
        let Some(protocol) = field("IpProtocol") else {
            break;
        };
        let ports = field("FromPort").zip(field("ToPort"));
        let ports = ports.map(|(from, to)| (from.to_owned(), to.to_owned()));
        let peers = [
            ("ipRanges", field("IpRanges.1.CidrIp")),
            ("ipv6Ranges", field("Ipv6Ranges.1.CidrIpv6")),
            (
                "groups",
                field("Groups.1.GroupId").or(field("UserIdGroupPairs.1.GroupId")),
            ),
        ];
        for (sort, peer) in peers {
            if let Some(peer) = peer {
                rules.push(Rule {
                    into,
                    protocol: protocol.to_owned(),
                    ports: ports.clone(),
                    peer: (sort, peer.to_owned()),
                });
            }
        }
    }
    rules
}

fn permission(rule: &Rule) -> String {
    let (sort, field) = match rule.peer.0 {
        "ipRanges" => ("ipRanges", "cidrIp"),
        "ipv6Ranges" => ("ipv6Ranges", "cidrIpv6"),
        _ => ("groups", "groupId"),
    };
    text("ipProtocol", &rule.protocol)
        + &maybe("fromPort", rule.ports.as_ref().map(|(from, _)| from))
        + &maybe("toPort", rule.ports.as_ref().map(|(_, to)| to))
        + &set(sort, "item", [text(field, &rule.peer.1)])
}
