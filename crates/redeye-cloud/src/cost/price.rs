use std::collections::BTreeMap;

use serde::Deserialize;

use super::money::Money;
use crate::name::Name;
use crate::resource::{Lifecycle, Power, Resource};

/// Hours of the month by which clouds tell what storage costs.
pub const HOURS_A_MONTH: u64 = 730;
/// The key for everything that is not named.
const OTHER: &str = "*";
const GIB: u64 = 1 << 30;

/// What things cost, by megavisor. Own hardware has prices too: what a machine costs
/// an hour with its power, its place and its years.
///
/// What has no price is unknown, and never free.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceBook {
    /// In what all prices are: `EUR`.
    pub currency: String,
    /// By the megavisor's name.
    pub megavisors: BTreeMap<Name, Prices>,
}

/// The prices of one megavisor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Prices {
    /// A machine and hour, by its size; `*` is any other, and one of no size.
    pub instance: BTreeMap<String, Money>,
    /// The same for one whose power is off, where that is another price.
    pub stopped: BTreeMap<String, Money>,
    /// A GiB of volume and month of 730 hours, by its sort; `*` as above.
    pub volume: BTreeMap<String, Money>,
    /// A GiB of snapshot and month.
    pub snapshot: Option<Money>,
    /// A floating address and hour.
    pub ip: Option<Money>,
    /// A load balancer and hour.
    pub lb: Option<Money>,
}

impl PriceBook {
    /// What a thing costs an hour as it is. `None`: nobody knows, because the book has
    /// no price or the cloud does not say how large it is. What no cloud takes money
    /// for, such as a key, is nothing.
    pub fn hourly(&self, megavisor: &Name, item: &Resource) -> Option<Money> {
        let prices = self.megavisors.get(megavisor)?;
        match item {
            Resource::Instance(one) if one.lifecycle == Lifecycle::Terminated => Some(Money::ZERO),
            Resource::Instance(one) => {
                let size = one.size.as_ref().map(crate::Id::as_str);
                let stopped = (one.power == Power::Off)
                    .then(|| of(&prices.stopped, size))
                    .flatten();
                stopped.or_else(|| of(&prices.instance, size))
            }
            Resource::Volume(one) => {
                of(&prices.volume, one.sort.as_deref()).map(|price| stored(price, one.bytes))
            }
            Resource::Snapshot(one) => Some(stored(prices.snapshot?, one.bytes?)),
            Resource::FloatingIp(_) => prices.ip,
            Resource::LoadBalancer(_) => prices.lb,
            _ => Some(Money::ZERO),
        }
    }
}

fn of(prices: &BTreeMap<String, Money>, which: Option<&str>) -> Option<Money> {
    let named = which.and_then(|which| prices.get(which));
    named.or_else(|| prices.get(OTHER)).copied()
}

/// An hour of so many bytes at the price of a GiB and month.
fn stored(price: Money, bytes: u64) -> Money {
    price.part(bytes, GIB).part(1, HOURS_A_MONTH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::{Instance, Volume, VolumeState};

    fn book() -> PriceBook {
        serde_json::from_str(
            r#"{"currency": "EUR", "megavisors": {
                "ec2": {"instance": {"t3.micro": 0.0104}, "stopped": {"*": 0},
                        "volume": {"gp3": 0.08, "*": 0.1}, "ip": 0.005},
                "rack": {"instance": {"*": "0.12"}}}}"#,
        )
        .unwrap()
    }

    fn machine(size: Option<&str>, power: Power) -> Resource {
        let mut one = Instance::new("m-1".parse().unwrap(), power, Lifecycle::Active);
        one.size = size.map(|size| size.parse().unwrap());
        Resource::Instance(one)
    }

    fn hourly(megavisor: &str, item: &Resource) -> Option<String> {
        let price = book().hourly(&megavisor.parse().unwrap(), item);
        price.map(|price| price.to_string())
    }

    #[test]
    fn machines_cost_by_size_and_power() {
        let of = |megavisor, size, power| hourly(megavisor, &machine(size, power));
        assert_eq!(
            of("ec2", Some("t3.micro"), Power::On).as_deref(),
            Some("0.0104")
        );
        assert_eq!(
            of("ec2", Some("t3.micro"), Power::Off).as_deref(),
            Some("0.00")
        );
        assert_eq!(
            of("ec2", Some("m7.large"), Power::On),
            None,
            "unknown is not free"
        );
        // A machine of one's own costs the same while it is off, or nobody knows.
        assert_eq!(of("rack", None, Power::Off).as_deref(), Some("0.12"));
        assert_eq!(of("moon", None, Power::On), None);
    }

    #[test]
    fn volumes_cost_by_size_and_month() {
        let volume = |sort: Option<&str>, bytes| {
            Resource::Volume(Volume {
                id: "v-1".parse().unwrap(),
                name: None,
                bytes,
                state: VolumeState::Available,
                zone: None,
                attached: Vec::new(),
                snapshot: None,
                sort: sort.map(Into::into),
                created: None,
                tags: Default::default(),
            })
        };
        let a_month = volume(Some("gp3"), 730 * GIB);
        assert_eq!(hourly("ec2", &a_month).as_deref(), Some("0.08"));
        assert_eq!(
            hourly("ec2", &volume(None, 73 * GIB)).as_deref(),
            Some("0.01")
        );
        assert_eq!(hourly("rack", &volume(None, GIB)), None);
    }

    #[test]
    fn a_misspelt_price_is_refused() {
        let read = serde_json::from_str::<PriceBook>(
            r#"{"currency": "EUR", "megavisors": {"ec2": {"instances": {}}}}"#,
        );
        assert!(read.unwrap_err().to_string().contains("instances"));
    }
}
