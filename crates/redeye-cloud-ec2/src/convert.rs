//! What EC2 says, in the words of `redeye-cloud`. What has no id is nothing.

use std::net::IpAddr;

use aws_sdk_ec2::types as ec2;
use aws_smithy_types::DateTime;
use redeye_cloud::{
    Attachment, Capacity, Direction, Firewall, FirewallRule, FloatingIp, Id, Image, ImageState,
    Instance, KeyPair, Lifecycle, Peer, Power, Protocol, Region, Resource, Size, Snapshot,
    SnapshotState, Tags, Volume, VolumeState, Zone,
};
use rem_time::Timestamp;

/// The tag with the operation that made a thing.
pub(crate) const TAG_OP: &str = "rem:op";
/// The tag of what we protected; EC2 itself tells that only one by one.
pub(crate) const TAG_PROTECTED: &str = "rem:protected";
const GIB: u64 = 1 << 30;
const MIB: u64 = 1 << 20;

pub(crate) fn id(text: Option<&str>) -> Option<Id> {
    text.and_then(|text| Id::new(text).ok())
}

fn time(at: Option<&DateTime>) -> Option<Timestamp> {
    at.map(|at| Timestamp::from_seconds(at.secs()))
}

fn address(text: Option<&str>) -> Option<IpAddr> {
    text.and_then(|text| text.parse().ok())
}

pub(crate) fn tags(tags: &[ec2::Tag]) -> Tags {
    let pair = |tag: &ec2::Tag| Some((tag.key()?.to_owned(), tag.value().unwrap_or("").to_owned()));
    tags.iter().filter_map(pair).collect()
}

fn name(tags: &Tags) -> Option<String> {
    tags.get("Name").cloned().filter(|name| !name.is_empty())
}

/// How a state of EC2 is on both axes.
pub(crate) fn state(state: Option<&ec2::InstanceState>) -> (Power, Lifecycle) {
    use ec2::InstanceStateName as State;
    match state.and_then(ec2::InstanceState::name) {
        Some(State::Pending) => (Power::Off, Lifecycle::Provisioning),
        Some(State::Running) => (Power::On, Lifecycle::Active),
        Some(State::Stopping) => (Power::On, Lifecycle::Stopping),
        Some(State::Stopped) => (Power::Off, Lifecycle::Stopped),
        Some(State::ShuttingDown) => (Power::On, Lifecycle::Releasing),
        Some(State::Terminated) => (Power::Off, Lifecycle::Terminated),
        // A state that is newer than we are is no reason to do anything.
        _ => (Power::Unknown, Lifecycle::Lost),
    }
}

pub(crate) fn instance(from: &ec2::Instance) -> Option<Resource> {
    let (power, lifecycle) = state(from.state());
    let mut instance = Instance::new(id(from.instance_id())?, power, lifecycle);
    let word = from
        .state()
        .and_then(|state| state.name())
        .map(ec2::InstanceStateName::as_str);
    let reason = from.state_reason().and_then(|reason| reason.message());
    let disks = from.block_device_mappings().iter();
    instance.tags = tags(from.tags());
    instance.name = name(&instance.tags);
    instance.size = id(from.instance_type().map(ec2::InstanceType::as_str));
    instance.image = id(from.image_id());
    instance.zone = id(from.placement().and_then(|place| place.availability_zone()));
    instance
        .private_addresses
        .extend(address(from.private_ip_address()));
    instance
        .public_addresses
        .extend(address(from.public_ip_address()));
    instance
        .public_addresses
        .extend(address(from.ipv6_address()));
    instance.key = id(from.key_name());
    instance.firewalls = from
        .security_groups()
        .iter()
        .filter_map(|group| id(group.group_id()))
        .collect();
    instance.volumes = disks
        .filter_map(|disk| id(disk.ebs()?.volume_id()))
        .collect();
    instance.created = time(from.launch_time());
    instance.protected = instance.tags.contains_key(TAG_PROTECTED);
    instance.detail = match (word, reason) {
        (Some(word), Some(reason)) => Some(format!("{word}: {reason}")),
        (word, reason) => word.or(reason).map(str::to_owned),
    };
    Some(Resource::Instance(instance))
}

pub(crate) fn volume(from: &ec2::Volume) -> Option<Resource> {
    use ec2::VolumeAttachmentState as Hung;
    use ec2::VolumeState as State;
    let hung: Vec<Option<&Hung>> = from.attachments().iter().map(|one| one.state()).collect();
    let state = match from.state() {
        Some(State::InUse) if hung.contains(&Some(&Hung::Attaching)) => VolumeState::Attaching,
        Some(State::InUse) if hung.contains(&Some(&Hung::Detaching)) => VolumeState::Detaching,
        Some(State::InUse) => VolumeState::InUse,
        Some(State::Creating) => VolumeState::Creating,
        Some(State::Available) => VolumeState::Available,
        Some(State::Deleting) => VolumeState::Deleting,
        Some(State::Deleted) => VolumeState::Deleted,
        Some(State::Error) => VolumeState::Error,
        _ => VolumeState::Unknown,
    };
    let tags = tags(from.tags());
    Some(Resource::Volume(Volume {
        id: id(from.volume_id())?,
        name: name(&tags),
        bytes: u64::try_from(from.size().unwrap_or(0)).unwrap_or(0) * GIB,
        state,
        zone: id(from.availability_zone()),
        attached: from
            .attachments()
            .iter()
            .filter_map(|one| {
                Some(Attachment {
                    instance: id(one.instance_id())?,
                    device: one.device().map(str::to_owned),
                })
            })
            .collect(),
        snapshot: id(from.snapshot_id()),
        sort: from.volume_type().map(|sort| sort.as_str().to_owned()),
        created: time(from.create_time()),
        tags,
    }))
}

pub(crate) fn snapshot(from: &ec2::Snapshot) -> Option<Resource> {
    use ec2::SnapshotState as State;
    let tags = tags(from.tags());
    let gib = from.volume_size().and_then(|size| u64::try_from(size).ok());
    Some(Resource::Snapshot(Snapshot {
        id: id(from.snapshot_id())?,
        name: name(&tags),
        volume: id(from.volume_id()),
        state: match from.state() {
            Some(State::Pending | State::Recovering) => SnapshotState::Pending,
            Some(State::Completed | State::Recoverable) => SnapshotState::Completed,
            Some(State::Error) => SnapshotState::Error,
            _ => SnapshotState::Unknown,
        },
        progress: from
            .progress()
            .and_then(|text| text.trim_end_matches('%').parse().ok()),
        bytes: gib.map(|gib| gib * GIB),
        taken: time(from.start_time()),
        description: from
            .description()
            .filter(|text| !text.is_empty())
            .map(str::to_owned),
        set: id(tags.get(TAG_OP).map(String::as_str)),
        tags,
    }))
}

pub(crate) fn floating_ip(from: &ec2::Address) -> Option<Resource> {
    Some(Resource::FloatingIp(FloatingIp {
        id: id(from.allocation_id())?,
        address: address(from.public_ip())?,
        instance: id(from.instance_id()),
        tags: tags(from.tags()),
    }))
}

/// The name by which instances ask for it, where it can be an id.
pub(crate) fn key_pair(from: &ec2::KeyPairInfo) -> Option<Resource> {
    Some(Resource::KeyPair(KeyPair {
        id: id(from.key_name()).or_else(|| id(from.key_pair_id()))?,
        name: from.key_name().unwrap_or("").to_owned(),
        fingerprint: from.key_fingerprint().map(str::to_owned),
        public_key: from.public_key().map(|key| key.trim().to_owned()),
        tags: tags(from.tags()),
    }))
}

pub(crate) fn firewall(from: &ec2::SecurityGroup) -> Option<Resource> {
    let into = from.ip_permissions().iter();
    let out = from.ip_permissions_egress().iter();
    let into = into.flat_map(|one| rules(Direction::In, one));
    let out = out.flat_map(|one| rules(Direction::Out, one));
    Some(Resource::Firewall(Firewall {
        id: id(from.group_id())?,
        name: from.group_name().unwrap_or("").to_owned(),
        description: from.description().map(str::to_owned),
        rules: into.chain(out).collect(),
        tags: tags(from.tags()),
    }))
}

/// One permission of EC2 is one rule for each peer.
fn rules(direction: Direction, from: &ec2::IpPermission) -> Vec<FirewallRule> {
    let protocol = match from.ip_protocol() {
        Some("tcp" | "6") => Protocol::Tcp,
        Some("udp" | "17") => Protocol::Udp,
        Some("icmp" | "1" | "icmpv6" | "58") => Protocol::Icmp,
        _ => Protocol::Any,
    };
    let port = |port: Option<i32>| port.and_then(|port| u16::try_from(port).ok());
    let ports = match protocol {
        Protocol::Tcp | Protocol::Udp => port(from.from_port()).zip(port(from.to_port())),
        _ => None,
    };
    let four = from.ip_ranges().iter().filter_map(|range| range.cidr_ip());
    let six = from
        .ipv6_ranges()
        .iter()
        .filter_map(|range| range.cidr_ipv6());
    let networks = four
        .chain(six)
        .map(|network| Peer::Network(network.to_owned()));
    let groups = from.user_id_group_pairs().iter();
    let groups = groups
        .filter_map(|pair| id(pair.group_id()))
        .map(Peer::Firewall);
    let rule = |peer| FirewallRule {
        direction,
        protocol,
        ports,
        peer,
    };
    networks.chain(groups).map(rule).collect()
}

/// A rule as EC2 wants it; nothing where EC2 has no such protocol.
pub(crate) fn permission(rule: &FirewallRule) -> Option<ec2::IpPermission> {
    let protocol = match rule.protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
        Protocol::Icmp => "icmp",
        Protocol::Any => "-1",
        Protocol::Http | Protocol::Https | Protocol::Tls => return None,
    };
    let (from, to) = match (rule.protocol, rule.ports) {
        (Protocol::Icmp, _) => (Some(-1), Some(-1)),
        (Protocol::Any, _) => (None, None),
        (_, Some((from, to))) => (Some(from.into()), Some(to.into())),
        (_, None) => (Some(0), Some(65_535)),
    };
    let permission = ec2::IpPermission::builder()
        .ip_protocol(protocol)
        .set_from_port(from)
        .set_to_port(to);
    let permission = match &rule.peer {
        Peer::Network(network) if network.contains(':') => {
            permission.ipv6_ranges(ec2::Ipv6Range::builder().cidr_ipv6(network).build())
        }
        Peer::Network(network) => {
            permission.ip_ranges(ec2::IpRange::builder().cidr_ip(network).build())
        }
        Peer::Firewall(id) => permission.user_id_group_pairs(
            ec2::UserIdGroupPair::builder()
                .group_id(id.as_str())
                .build(),
        ),
    };
    Some(permission.build())
}

pub(crate) fn image(from: &ec2::Image) -> Option<Resource> {
    use ec2::ImageState as State;
    let tags = tags(from.tags());
    let platform = from.platform().map(|one| one.as_str().to_lowercase());
    Some(Resource::Image(Image {
        id: id(from.image_id())?,
        name: from.name().map(str::to_owned).or_else(|| name(&tags)),
        state: match from.state() {
            Some(State::Pending | State::Transient) => ImageState::Pending,
            Some(State::Available) => ImageState::Available,
            Some(State::Error | State::Failed | State::Invalid) => ImageState::Error,
            _ => ImageState::Unknown,
        },
        architecture: from.architecture().map(|one| one.as_str().to_owned()),
        // EC2 names only the other one.
        platform: Some(platform.unwrap_or_else(|| "linux".to_owned())),
        owner: from.owner_id().map(str::to_owned),
        created: from.creation_date().and_then(|text| text.parse().ok()),
        tags,
    }))
}

pub(crate) fn region(from: &ec2::Region) -> Option<Resource> {
    Some(Resource::Region(Region {
        id: id(from.region_name())?,
        endpoint: from.endpoint().map(str::to_owned),
    }))
}

pub(crate) fn zone(from: &ec2::AvailabilityZone) -> Option<Resource> {
    let state = from.state();
    Some(Resource::Zone(Zone {
        id: id(from.zone_name())?,
        region: id(from.region_name())?,
        available: state.map(|state| *state == ec2::AvailabilityZoneState::Available),
    }))
}

pub(crate) fn size(from: &ec2::InstanceTypeInfo) -> Option<Resource> {
    let processors = from.v_cpu_info().and_then(ec2::VCpuInfo::default_v_cpus);
    let memory = from.memory_info().and_then(ec2::MemoryInfo::size_in_mib);
    let disks = from.instance_storage_info();
    let disks = disks.and_then(ec2::InstanceStorageInfo::total_size_in_gb);
    let architectures = from
        .processor_info()
        .map(ec2::ProcessorInfo::supported_architectures);
    Some(Resource::Size(Size {
        id: id(from.instance_type().map(ec2::InstanceType::as_str))?,
        processors: processors.and_then(|count| u32::try_from(count).ok()),
        memory_bytes: memory
            .and_then(|mib| u64::try_from(mib).ok())
            .map(|mib| mib * MIB),
        disk_bytes: disks
            .and_then(|gb| u64::try_from(gb).ok())
            .map(|gb| gb * 1_000_000_000),
        architectures: architectures
            .unwrap_or_default()
            .iter()
            .map(|one| one.as_str().to_owned())
            .collect(),
    }))
}

/// How many of something there may be, as the account says, and how many there are.
pub(crate) fn capacity(what: &str, limit: u64, used: u64) -> Option<Resource> {
    Some(Resource::Capacity(Capacity {
        id: id(Some(what))?,
        limit: Some(limit),
        used: Some(used),
        free: Some(limit.saturating_sub(used)),
        source: Some("the account's attributes".into()),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_is_on_both_axes_and_an_unknown_one_is_never_off() {
        for (word, power, lifecycle) in [
            ("pending", Power::Off, Lifecycle::Provisioning),
            ("running", Power::On, Lifecycle::Active),
            ("stopping", Power::On, Lifecycle::Stopping),
            ("stopped", Power::Off, Lifecycle::Stopped),
            ("shutting-down", Power::On, Lifecycle::Releasing),
            ("terminated", Power::Off, Lifecycle::Terminated),
            ("dreaming", Power::Unknown, Lifecycle::Lost),
        ] {
            let of = ec2::InstanceState::builder().name(word.into()).build();
            assert_eq!(state(Some(&of)), (power, lifecycle), "{word}");
        }
        assert_eq!(state(None).0, Power::Unknown);
    }

    #[test]
    fn a_rule_goes_to_ec2_and_comes_back() {
        for (protocol, ports, peer) in [
            (
                Protocol::Tcp,
                Some((22, 22)),
                Peer::Network("10.0.0.0/8".into()),
            ),
            (
                Protocol::Udp,
                Some((1, 100)),
                Peer::Network("2001:db8::/32".into()),
            ),
            (Protocol::Icmp, None, Peer::Network("0.0.0.0/0".into())),
            (
                Protocol::Any,
                None,
                Peer::Firewall(Id::new("sg-1").unwrap()),
            ),
        ] {
            let rule = FirewallRule {
                direction: Direction::In,
                protocol,
                ports,
                peer,
            };
            let permission = permission(&rule).unwrap();
            assert_eq!(rules(Direction::In, &permission), [rule]);
        }
    }
}
