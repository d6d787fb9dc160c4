//! A site: two utilities, four UPSs, 400 racks of 40 servers with two feeds and two
//! switches each, 1,000 services that need 8 of 16 servers.

const RACKS: u32 = 400;
const SERVERS_OF_A_RACK: u32 = 40;
const OUTLETS: u32 = 42;
const SWITCH_PORTS: u32 = 50;
/// USB, console, video, disks' bays: what the device types list and nobody connects.
const OTHER_PORTS: u32 = 54;

/// A node, the kind, how many it needs, of what.
type Group = (u32, &'static str, u32, Vec<u32>);

#[derive(Default)]
pub(crate) struct Site {
    pub(crate) names: Vec<String>,
    pub(crate) groups: Vec<Group>,
    pub(crate) components: Vec<u32>,
    pub(crate) ports: usize,
    pub(crate) utilities: Vec<u32>,
    pub(crate) upses: Vec<u32>,
    pub(crate) pdus: Vec<u32>,
    pub(crate) tors: Vec<u32>,
    pub(crate) cores: Vec<u32>,
    pub(crate) servers: Vec<u32>,
    pub(crate) services: Vec<u32>,
}

impl Site {
    pub(crate) fn generate() -> Self {
        let mut site = Self::default();
        for side in ["a", "b"] {
            let utility = site.component(format!("utility-{side}"), &[]);
            site.utilities.push(utility);
            for number in 0..2 {
                let name = format!("ups-{side}{number}");
                let ups = site.component(name, &[("feed", 1, &[utility])]);
                site.upses.push(ups);
            }
        }
        for number in 0..4 {
            let upses = [site.upses[number % 2], site.upses[2 + number % 2]];
            let core = site.component(format!("core-{number}"), &[("power", 1, &upses)]);
            site.ports(core, "core", 64);
            site.cores.push(core);
        }
        for rack in 0..RACKS {
            site.rack(rack);
        }
        // Machines of a service are spread over the racks.
        let count = site.servers.len();
        for number in 0..1000 {
            let of = (0..16).map(|i| site.servers[(number * 7919 + i * 1009) % count]);
            let of: Vec<u32> = of.collect();
            let service = site.node(format!("service:s{number}"), &[("machines", 8, &of)]);
            site.services.push(service);
        }
        site
    }

    fn rack(&mut self, number: u32) {
        let rack = self.node(format!("rack-{number}"), &[]);
        let half = (number % 2) as usize;
        let mut outlets = Vec::new();
        for (side, ups) in [("a", self.upses[half]), ("b", self.upses[2 + half])] {
            let pdu = self.component(format!("pdu-{number}{side}"), &[("feed", 1, &[ups])]);
            self.pdus.push(pdu);
            outlets.push(self.ports(pdu, "outlet", OUTLETS));
        }
        let mut switch_ports = Vec::new();
        for which in [0, 1] {
            let name = format!("tor-{number}-{which}");
            let psus = self.psus(&name, outlets[0][which], outlets[1][which]);
            let cores = [self.cores[which], self.cores[2 + which]];
            let groups: &[(_, _, &[u32])] = &[
                ("power", 1, &psus),
                ("location", 1, &[rack]),
                ("uplink", 1, &cores),
            ];
            let tor = self.component(name, groups);
            self.tors.push(tor);
            switch_ports.push(self.ports(tor, "port", SWITCH_PORTS));
        }
        for unit in 0..SERVERS_OF_A_RACK {
            let name = format!("server-{number}-{unit}");
            let at = unit as usize;
            let psus = self.psus(&name, outlets[0][at + 2], outlets[1][at + 2]);
            let groups: &[(_, _, &[u32])] = &[("power", 1, &psus), ("location", 1, &[rack])];
            let chassis = self.component(name.clone(), groups);
            self.ports(chassis, "port", OTHER_PORTS);
            self.component(format!("{name}/board"), &[("parent", 1, &[chassis])]);
            let mut links = Vec::new();
            for (which, ports) in switch_ports.iter().enumerate() {
                let nic = format!("{name}/nic-{which}");
                let card = self.component(nic.clone(), &[("parent", 1, &[chassis])]);
                let groups: &[(_, _, &[u32])] =
                    &[("component", 1, &[card]), ("connection", 1, &[ports[at]])];
                links.push(self.node(format!("{nic}/p0"), groups));
                self.ports += 1;
            }
            let groups: &[(_, _, &[u32])] = &[("hardware", 1, &[chassis]), ("network", 1, &links)];
            let machine = self.node(format!("machine:m-{number}-{unit}"), groups);
            self.servers.push(machine);
        }
    }

    /// Two power supplies, each on an outlet.
    fn psus(&mut self, name: &str, a: u32, b: u32) -> [u32; 2] {
        [(1, a), (2, b)].map(|(number, outlet)| {
            let name = format!("{name}/psu-{number}");
            self.component(name, &[("feed", 1, &[outlet])])
        })
    }

    fn ports(&mut self, of: u32, kind: &str, count: u32) -> Vec<u32> {
        self.ports += count as usize;
        let name = self.names[of as usize].clone();
        (0..count)
            .map(|i| self.node(format!("{name}/{kind}{i}"), &[("component", 1, &[of])]))
            .collect()
    }

    fn component(&mut self, name: String, groups: &[(&'static str, u32, &[u32])]) -> u32 {
        let node = self.node(name, groups);
        self.components.push(node);
        node
    }

    fn node(&mut self, name: String, groups: &[(&'static str, u32, &[u32])]) -> u32 {
        let node = self.names.len() as u32;
        self.names.push(name);
        for (kind, need, of) in groups {
            self.groups.push((node, kind, *need, of.to_vec()));
        }
        node
    }
}
