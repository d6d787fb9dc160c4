//! What there is, and what requests make of it.

use std::collections::{BTreeMap, HashMap};

use crate::handle::PAGE;
use crate::params::Params;
use crate::state::{Pace, State};
use crate::xml;

mod balancers;
mod catalogue;
mod instances;
mod network;
mod snapshots;
mod volumes;

/// The only image at first.
pub const IMAGE: &str = "ami-0001";
/// The zones of the region.
pub const ZONES: [&str; 2] = ["eu-test-1a", "eu-test-1b"];
/// The sizes that instances may have.
pub const SIZES: [&str; 6] = [
    "t3.nano",
    "t3.micro",
    "t3.small",
    "t3.medium",
    "m6.large",
    "m6.xlarge",
];
const OWNER: &str = "123456789012";
const LAUNCHED: &str = "2027-01-15T08:00:00.000Z";

/// Why a request is refused.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    code: String,
    message: String,
}

impl Refusal {
    pub(crate) fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.into(),
        }
    }

    pub(crate) fn page(&self, balancing: bool) -> String {
        let error = xml::text("Code", &self.code) + &xml::text("Message", &self.message);
        match balancing {
            true => format!("<ErrorResponse><Error>{error}</Error></ErrorResponse>"),
            false => format!(
                "<Response><Errors><Error>{error}</Error></Errors><RequestID>r-1</RequestID></Response>"
            ),
        }
    }
}

fn refuse<T>(code: &str, message: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::new(400, code, message))
}

fn needed<'p>(params: &'p Params, name: &str) -> Result<&'p str, Refusal> {
    let missing = || Refusal::new(400, "MissingParameter", format!("{name} is missing"));
    params.get(name).ok_or_else(missing)
}

/// Whether an action is one of load balancers, which speak another dialect.
pub(crate) fn is_balancing(action: &str) -> bool {
    ["LoadBalancer", "Target", "Listener"]
        .iter()
        .any(|word| action.contains(word))
        || action == "DescribeTags"
}

/// A thing with what all things have.
#[derive(Clone, Debug)]
struct Thing<T> {
    state: State,
    /// For how many looks it is not there yet.
    hidden: u32,
    tags: BTreeMap<String, String>,
    token: Option<String>,
    of: T,
}

type Things<T> = BTreeMap<String, Thing<T>>;
type Answer = Result<String, Refusal>;

#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) pace: Pace,
    pub(crate) hide_new_for: u32,
    numbers: u64,
    /// What was answered to requests with a token.
    tokens: HashMap<(String, String), (Params, String)>,
    instances: Things<instances::Machine>,
    volumes: Things<volumes::Disk>,
    snapshots: Things<snapshots::Shot>,
    addresses: Things<network::Address>,
    groups: Things<network::Group>,
    keys: Things<catalogue::Key>,
    images: Things<catalogue::Template>,
    balancers: Things<balancers::Balancer>,
    targets: Things<balancers::Targets>,
}

/// What a request for some of many things found.
struct Found {
    items: Vec<String>,
    next: Option<String>,
}

impl Found {
    fn set(self, name: &str) -> String {
        xml::set(name, "item", self.items) + &xml::maybe("nextToken", self.next)
    }
}

impl World {
    pub(crate) fn new() -> Self {
        let mut world = Self {
            pace: Pace::Looks(1),
            hide_new_for: 0,
            numbers: 0,
            tokens: HashMap::new(),
            instances: BTreeMap::new(),
            volumes: BTreeMap::new(),
            snapshots: BTreeMap::new(),
            addresses: BTreeMap::new(),
            groups: BTreeMap::new(),
            keys: BTreeMap::new(),
            images: BTreeMap::new(),
            balancers: BTreeMap::new(),
            targets: BTreeMap::new(),
        };
        let params = Params::default();
        let template = catalogue::Template::new("debian");
        let image = world.thing(State::still("available"), &params, template);
        world.images.insert(IMAGE.into(), image);
        let group = world.thing(State::still("there"), &params, network::Group::default());
        world.groups.insert("sg-default".into(), group);
        world
    }

    fn thing<T>(&self, state: State, params: &Params, of: T) -> Thing<T> {
        Thing {
            state,
            hidden: self.hide_new_for,
            tags: params.tags(),
            token: params.get("ClientToken").map(str::to_owned),
            of,
        }
    }

    fn number(&mut self, letters: &str) -> String {
        self.numbers += 1;
        format!("{letters}-{:08x}", self.numbers)
    }

    fn turning(&self, now: &'static str, next: &'static str) -> State {
        State::turning(now, next, self.pace)
    }

    /// Everything becomes what it becomes.
    pub(crate) fn settle(&mut self) {
        self.instances
            .values_mut()
            .for_each(|one| one.state.settle());
        for one in self.volumes.values_mut() {
            one.state.settle();
            one.of.settle();
        }
        self.snapshots
            .values_mut()
            .for_each(|one| one.state.settle());
        self.images.values_mut().for_each(|one| one.state.settle());
        self.balancers
            .values_mut()
            .for_each(|one| one.state.settle());
    }

    /// Nothing is hidden any more, nor will be.
    pub(crate) fn reveal(&mut self) {
        self.hide_new_for = 0;
        self.instances.values_mut().for_each(|one| one.hidden = 0);
        self.volumes.values_mut().for_each(|one| one.hidden = 0);
        self.snapshots.values_mut().for_each(|one| one.hidden = 0);
        self.addresses.values_mut().for_each(|one| one.hidden = 0);
        self.groups.values_mut().for_each(|one| one.hidden = 0);
        self.keys.values_mut().for_each(|one| one.hidden = 0);
        self.images.values_mut().for_each(|one| one.hidden = 0);
    }

    /// Answers a request: a repeated one as before, a dry run without doing it.
    pub(crate) fn answer(&mut self, action: &str, params: &Params) -> Answer {
        if params.is("DryRun") {
            self.clone().act(action, params)?;
            let message = "Request would have succeeded, but DryRun flag is set.";
            return Err(Refusal::new(412, "DryRunOperation", message));
        }
        let Some(token) = params.get("ClientToken") else {
            return self.act(action, params);
        };
        let key = (action.to_owned(), token.to_owned());
        if let Some((known, answer)) = self.tokens.get(&key) {
            return match *known == params.lasting() {
                true => Ok(answer.clone()),
                false => refuse(
                    "IdempotentParameterMismatch",
                    "the token was used with other parameters",
                ),
            };
        }
        let answer = self.act(action, params)?;
        self.tokens.insert(key, (params.lasting(), answer.clone()));
        Ok(answer)
    }

    fn act(&mut self, action: &str, params: &Params) -> Answer {
        match action {
            "RunInstances" => self.run_instances(params),
            "DescribeInstances" => self.describe_instances(params),
            "StartInstances" => self.start_instances(params),
            "StopInstances" => self.stop_instances(params),
            "RebootInstances" => self.reboot_instances(params),
            "TerminateInstances" => self.terminate_instances(params),
            "ModifyInstanceAttribute" => self.modify_instance(params),
            "DescribeInstanceAttribute" => self.instance_attribute(params),
            "CreateTags" => self.create_tags(params),
            "DeleteTags" => self.delete_tags(params),
            "CreateVolume" => self.create_volume(params),
            "DescribeVolumes" => self.describe_volumes(params),
            "AttachVolume" => self.attach_volume(params),
            "DetachVolume" => self.detach_volume(params),
            "ModifyVolume" => self.modify_volume(params),
            "DescribeVolumesModifications" => self.describe_modifications(params),
            "DeleteVolume" => self.delete_volume(params),
            "CreateSnapshot" => self.create_snapshot(params),
            "CreateSnapshots" => self.create_snapshots(params),
            "CopySnapshot" => self.copy_snapshot(params),
            "DescribeSnapshots" => self.describe_snapshots(params),
            "DeleteSnapshot" => self.delete_snapshot(params),
            "AllocateAddress" => self.allocate_address(params),
            "AssociateAddress" => self.associate_address(params),
            "DisassociateAddress" => self.disassociate_address(params),
            "DescribeAddresses" => self.describe_addresses(params),
            "ReleaseAddress" => self.release_address(params),
            "CreateSecurityGroup" => self.create_group(params),
            "DescribeSecurityGroups" => self.describe_groups(params),
            "AuthorizeSecurityGroupIngress" => self.authorize(params, true),
            "AuthorizeSecurityGroupEgress" => self.authorize(params, false),
            "RevokeSecurityGroupIngress" => self.revoke(params, true),
            "RevokeSecurityGroupEgress" => self.revoke(params, false),
            "DeleteSecurityGroup" => self.delete_group(params),
            "CreateKeyPair" => self.create_key(params),
            "ImportKeyPair" => self.import_key(params),
            "DescribeKeyPairs" => self.describe_keys(params),
            "DeleteKeyPair" => self.delete_key(params),
            "DescribeImages" => self.describe_images(params),
            "CreateImage" => self.create_image(params),
            "CopyImage" => self.copy_image(params),
            "DeregisterImage" => self.deregister_image(params),
            "DescribeRegions" => Ok(catalogue::regions()),
            "DescribeAvailabilityZones" => Ok(catalogue::zones()),
            "DescribeInstanceTypes" => Ok(catalogue::sizes(params)),
            "DescribeAccountAttributes" => Ok(catalogue::attributes()),
            "DescribeSubnets" => Ok(catalogue::subnets(params)),
            "CreateLoadBalancer" => self.create_balancer(params),
            "DescribeLoadBalancers" => self.describe_balancers(params),
            "DeleteLoadBalancer" => self.delete_balancer(params),
            "CreateTargetGroup" => self.create_targets(params),
            "DescribeTargetGroups" => self.describe_targets(params),
            "DeleteTargetGroup" => self.delete_targets(params),
            "RegisterTargets" => self.register(params),
            "DeregisterTargets" => self.deregister(params),
            "DescribeTargetHealth" => self.health(params),
            "CreateListener" => self.create_listener(params),
            "DescribeListeners" => self.describe_listeners(params),
            "DescribeTags" => self.describe_tags(params),
            _ => refuse("InvalidAction", format!("the fake does not know {action}")),
        }
    }

    /// The tags of a thing of any kind.
    fn tags_of(&mut self, id: &str) -> Result<&mut BTreeMap<String, String>, Refusal> {
        let found = self.instances.get_mut(id).map(|one| &mut one.tags);
        let found = found.or_else(|| self.volumes.get_mut(id).map(|one| &mut one.tags));
        let found = found.or_else(|| self.snapshots.get_mut(id).map(|one| &mut one.tags));
        let found = found.or_else(|| self.addresses.get_mut(id).map(|one| &mut one.tags));
        let found = found.or_else(|| self.groups.get_mut(id).map(|one| &mut one.tags));
        let found = found.or_else(|| self.keys.get_mut(id).map(|one| &mut one.tags));
        let found = found.or_else(|| self.images.get_mut(id).map(|one| &mut one.tags));
        found.ok_or_else(|| Refusal::new(400, "InvalidID", format!("The ID '{id}' is not valid")))
    }

    fn create_tags(&mut self, params: &Params) -> Answer {
        for id in params.all("ResourceId") {
            let tags = self.tags_of(id)?;
            tags.extend(params.pairs("Tag", "Key", "Value"));
        }
        Ok(xml::text("return", true))
    }

    fn delete_tags(&mut self, params: &Params) -> Answer {
        for id in params.all("ResourceId") {
            let tags = self.tags_of(id)?;
            for (key, _) in params.pairs("Tag", "Key", "Value") {
                tags.remove(&key);
            }
        }
        Ok(xml::text("return", true))
    }
}

/// The thing of an id, if it is there for everybody.
fn one<'t, T>(
    things: &'t mut Things<T>,
    id: &str,
    unknown: &str,
) -> Result<&'t mut Thing<T>, Refusal> {
    let none = || Refusal::new(400, unknown, format!("The ID '{id}' does not exist"));
    let thing = things.get_mut(id).filter(|thing| thing.hidden == 0);
    thing.ok_or_else(none)
}

/// Looks at those that a request names or that its filters fit, one page of them.
/// What is `gone` after the look is not there any more. `facts` are what filters may
/// ask for beside tags and the token.
fn look<T>(
    things: &mut Things<T>,
    params: &Params,
    (ids, unknown): (&str, &str),
    facts: impl Fn(&str, &Thing<T>) -> Vec<(&'static str, String)>,
    show: impl Fn(&str, &mut Thing<T>) -> String,
) -> Result<Found, Refusal> {
    let wanted = params.all(ids);
    let mut hidden = Vec::new();
    for (id, thing) in things.iter_mut() {
        if 0 < thing.hidden {
            thing.hidden -= 1;
            hidden.push(id.clone());
        }
    }
    for id in &wanted {
        if hidden.iter().any(|one| one == id) || !things.contains_key(*id) {
            return refuse(unknown, format!("The ID '{id}' does not exist"));
        }
    }
    let fits = |id: &str, thing: &Thing<T>| {
        params.filters().iter().all(|(name, values)| {
            let is = match name.strip_prefix("tag:") {
                Some(tag) => thing.tags.get(tag).cloned(),
                None if *name == "client-token" => thing.token.clone(),
                None => {
                    let facts = facts(id, thing).into_iter();
                    let mut facts = facts.filter(|(fact, _)| fact == name);
                    facts.next().map(|(_, value)| value)
                }
            };
            is.is_some_and(|is| values.contains(&is.as_str()))
        })
    };
    for thing in things.values_mut() {
        thing.state.look();
    }
    things.retain(|_, thing| thing.state.is() != "gone");
    let mut items = Vec::new();
    for (id, thing) in things.iter_mut() {
        let named = wanted.is_empty() || wanted.contains(&id.as_str());
        if named && !hidden.contains(id) && fits(id, thing) {
            items.push(show(id, thing));
        }
    }
    if !wanted.is_empty() && items.is_empty() {
        return refuse(unknown, format!("The ID '{}' does not exist", wanted[0]));
    }
    Ok(page(items, params))
}

/// The page that a request wants: from its token on, at most [`PAGE`] things.
fn page(items: Vec<String>, params: &Params) -> Found {
    let number = |name: &str| params.get(name).and_then(|text| text.parse::<usize>().ok());
    let from = number("NextToken").or(number("Marker")).unwrap_or(0);
    let most = number("MaxResults").or(number("PageSize")).unwrap_or(PAGE);
    let most = most.clamp(1, PAGE);
    let next = (from + most < items.len()).then(|| (from + most).to_string());
    Found {
        items: items.into_iter().skip(from).take(most).collect(),
        next,
    }
}
