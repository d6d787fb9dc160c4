use super::{Answer, LAUNCHED, OWNER, SIZES, Thing, World, ZONES, look, needed, one, page, refuse};
use crate::params::Params;
use crate::state::State;
use crate::xml::{element, set, tags, text};

const NO_KEY: &str = "InvalidKeyPair.NotFound";
const NO_IMAGE: &str = "InvalidAMIID.NotFound";

#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) name: String,
}

#[derive(Clone, Debug)]
pub(super) struct Template {
    name: String,
}

impl Template {
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.into() }
    }
}

impl World {
    fn new_key(&mut self, params: &Params) -> Result<String, super::Refusal> {
        let name = needed(params, "KeyName")?.to_owned();
        if self.keys.values().any(|key| key.of.name == name) {
            let message = format!("The keypair '{name}' already exists.");
            return refuse("InvalidKeyPair.Duplicate", message);
        }
        let id = self.number("key");
        let shown =
            text("keyName", &name) + &text("keyFingerprint", "1f:51:ae") + &text("keyPairId", &id);
        let thing = self.thing(State::still("there"), params, Key { name });
        self.keys.insert(id, thing);
        Ok(shown)
    }

    pub(super) fn create_key(&mut self, params: &Params) -> Answer {
        let shown = self.new_key(params)?;
        let material = format!("-----BEGIN KEY-----\n{}\n-----END KEY-----", self.numbers);
        Ok(shown + &text("keyMaterial", material))
    }

    pub(super) fn import_key(&mut self, params: &Params) -> Answer {
        needed(params, "PublicKeyMaterial")?;
        self.new_key(params)
    }

    pub(super) fn describe_keys(&mut self, params: &Params) -> Answer {
        let show = |id: &str, thing: &mut Thing<Key>| {
            text("keyPairId", id)
                + &text("keyName", &thing.of.name)
                + &text("keyFingerprint", "1f:51:ae")
                + &tags(&thing.tags)
        };
        let none = |_: &str, _: &Thing<Key>| Vec::new();
        // This action has no pages.
        let found = look(&mut self.keys, params, ("KeyPairId", NO_KEY), none, show)?;
        Ok(set("keySet", "item", found.items))
    }

    /// As the real one: what is not there is deleted well.
    pub(super) fn delete_key(&mut self, params: &Params) -> Answer {
        let (name, id) = (params.get("KeyName"), params.get("KeyPairId"));
        self.keys
            .retain(|key, one| Some(key.as_str()) != id && Some(one.of.name.as_str()) != name);
        Ok(text("return", true))
    }

    pub(super) fn describe_images(&mut self, params: &Params) -> Answer {
        let show = |id: &str, thing: &mut Thing<Template>| {
            text("imageId", id)
                + &text("imageState", thing.state.is())
                + &text("imageOwnerId", OWNER)
                + &text("architecture", "x86_64")
                + &text("name", &thing.of.name)
                + &text("creationDate", LAUNCHED)
                + &tags(&thing.tags)
        };
        let facts = |_: &str, thing: &Thing<Template>| vec![("name", thing.of.name.clone())];
        let keys = ("ImageId", NO_IMAGE);
        Ok(look(&mut self.images, params, keys, facts, show)?.set("imagesSet"))
    }

    fn new_image(&mut self, params: &Params) -> Answer {
        let template = Template::new(needed(params, "Name")?);
        if self
            .images
            .values()
            .any(|image| image.of.name == template.name)
        {
            let message = format!("AMI name {} is already in use", template.name);
            return refuse("InvalidAMIName.Duplicate", message);
        }
        let id = self.number("ami");
        let thing = self.thing(self.turning("pending", "available"), params, template);
        self.images.insert(id.clone(), thing);
        Ok(text("imageId", id))
    }

    pub(super) fn create_image(&mut self, params: &Params) -> Answer {
        let instance = needed(params, "InstanceId")?;
        self.taking(instance)?;
        self.new_image(params)
    }

    pub(super) fn copy_image(&mut self, params: &Params) -> Answer {
        needed(params, "SourceRegion")?;
        one(&mut self.images, needed(params, "SourceImageId")?, NO_IMAGE)?;
        self.new_image(params)
    }

    pub(super) fn deregister_image(&mut self, params: &Params) -> Answer {
        let id = needed(params, "ImageId")?;
        one(&mut self.images, id, NO_IMAGE)?;
        self.images.remove(id);
        Ok(text("return", true))
    }
}

pub(super) fn regions() -> String {
    let one = |name: &str| {
        text("regionName", name) + &text("regionEndpoint", format!("ec2.{name}.amazonaws.com"))
    };
    set("regionInfo", "item", [one("eu-test-1"), one("eu-test-2")])
}

pub(super) fn zones() -> String {
    let one = |name: &&str| {
        text("zoneName", name) + &text("zoneState", "available") + &text("regionName", "eu-test-1")
    };
    set("availabilityZoneInfo", "item", ZONES.iter().map(one))
}

pub(super) fn sizes(params: &Params) -> String {
    let one = |(at, name): (usize, &&str)| {
        let memory = text("sizeInMiB", 512 << at);
        text("instanceType", name)
            + &element("vCpuInfo", &text("defaultVCpus", 1 << (at / 2)))
            + &element("memoryInfo", &memory)
            + &element(
                "processorInfo",
                &element("supportedArchitectures", &text("item", "x86_64")),
            )
    };
    let all = SIZES.iter().enumerate().map(one).collect();
    page(all, params).set("instanceTypeSet")
}

pub(super) fn attributes() -> String {
    let one = |(name, value): (&str, u32)| {
        let values = set("attributeValueSet", "item", [text("attributeValue", value)]);
        text("attributeName", name) + &values
    };
    let all = [("max-instances", 20), ("vpc-max-elastic-ips", 5)];
    set("accountAttributeSet", "item", all.map(one))
}

pub(super) fn subnets(params: &Params) -> String {
    let one = |zone: &&str| {
        text("subnetId", format!("subnet-{zone}"))
            + &text("vpcId", "vpc-1")
            + &text("availabilityZone", zone)
            + &text("defaultForAz", true)
    };
    let wanted = params.all("SubnetId");
    let fits =
        |zone: &&&str| wanted.is_empty() || wanted.iter().any(|id| *id == format!("subnet-{zone}"));
    let all: Vec<String> = ZONES.iter().filter(fits).map(one).collect();
    page(all, params).set("subnetSet")
}
